"""What `session.update` may carry; tools, tool choice, prompt and reasoning are shared by `response.create`.

Audio settings are in `audio_config`. What a server says is in force is in
`session`, from where all names here can be had as well.
"""

from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, Tag, model_validator
from pydantic_core import PydanticCustomError

from ..types import UNSET
from .audio_config import SessionAudioConfig, TranscriptionAudioConfig
from .base import Outbound
from .declare import WORD_OR_NUMBER, WORD_OR_OBJECT, Opt, by, field_of, tagged
from .session import ConnectorId, IncludeField, names_or_filter

__all__ = [
    "FunctionTool",
    "MaxTokens",
    "McpApprovalFilter",
    "McpTool",
    "McpToolFilter",
    "OutputModalities",
    "PromptCacheBreakpoint",
    "PromptFile",
    "PromptImage",
    "PromptRef",
    "PromptText",
    "RealtimeSessionConfig",
    "Reasoning",
    "RetentionRatio",
    "SessionConfig",
    "TokenLimits",
    "ToolChoiceConfig",
    "ToolChoiceFunction",
    "ToolChoiceMcp",
    "ToolConfig",
    "Tracing",
    "TranscriptionSessionConfig",
]


# One of `["audio"]` and `["text"]`: audio always comes with its transcript.
OutputModalities: TypeAlias = Annotated[list[Literal["audio", "text"]], Field(min_length=1, max_length=1)]

# Per response, tool calls included.
MaxTokens: TypeAlias = Annotated[
    Annotated[int, Field(ge=1, le=4096), Tag("<number>")] | Annotated[Literal["inf"], Tag("<word>")],
    WORD_OR_NUMBER,
]


# ---- tools ----------------------------------------------------------------


class FunctionTool(Outbound):
    """A function the model may call. `parameters` is a JSON Schema object; there is no `strict`."""

    type: Literal["function"] = "function"
    name: str
    description: Opt[str] = UNSET
    parameters: Opt[dict[str, Any]] = UNSET


class McpToolFilter(Outbound):
    """Which tools of an MCP server: by name, or those that only read."""

    tool_names: Opt[list[str]] = UNSET
    read_only: Opt[bool] = UNSET


class McpApprovalFilter(Outbound):
    """Which tools of an MCP server always, and which never, need your approval."""

    always: Opt[McpToolFilter] = UNSET
    never: Opt[McpToolFilter] = UNSET


class McpTool(Outbound):
    """Tools of an MCP server, which the API calls itself.

    Exactly one of `server_url`, `connector_id` and `tunnel_id`; none of them,
    and nothing else, to refer to a server that this session already knows.
    `authorization` and `headers` are secrets and not in the repr.
    """

    type: Literal["mcp"] = "mcp"
    server_label: str
    server_url: Opt[str] = UNSET
    connector_id: Opt[ConnectorId] = UNSET
    tunnel_id: Opt[Annotated[str, StringConstraints(pattern=r"^tunnel_[a-z0-9]{32}$")]] = UNSET
    authorization: Opt[str] = Field(default=UNSET, repr=False)
    headers: Opt[dict[str, str] | None] = Field(default=UNSET, repr=False)
    server_description: Opt[str] = UNSET
    allowed_tools: Opt[
        Annotated[
            Annotated[list[str], Tag("<names>")] | Annotated[McpToolFilter, Tag("<filter>")],
            tagged(names_or_filter),
        ]
        | None
    ] = UNSET
    allowed_callers: Opt[Annotated[list[Literal["direct", "programmatic"]], Field(min_length=1)] | None] = (
        UNSET
    )
    require_approval: Opt[
        Annotated[
            Annotated[Literal["always", "never"], Tag("<word>")]
            | Annotated[McpApprovalFilter, Tag("<object>")],
            WORD_OR_OBJECT,
        ]
        | None
    ] = UNSET
    defer_loading: Opt[bool] = UNSET

    @model_validator(mode="after")
    def _one_way_to_reach_it(self) -> Self:
        ways = self.model_fields_set & {"server_url", "connector_id", "tunnel_id"}
        reference = self.model_fields_set <= {"type", "server_label"}
        if len(ways) != 1 and not reference:
            raise PydanticCustomError(
                "mcp_target", "exactly one of server_url, connector_id and tunnel_id is needed"
            )
        headers = self.headers if isinstance(self.headers, dict) else {}
        if "authorization" in self.model_fields_set and any(h.lower() == "authorization" for h in headers):
            raise PydanticCustomError(
                "mcp_authorization", "authorization and an Authorization header exclude each other"
            )
        return self


ToolConfig: TypeAlias = Annotated[
    Annotated[FunctionTool, Tag("<function>")] | Annotated[McpTool, Tag("<mcp>")],
    by("type", "function", "mcp"),
]


class ToolChoiceFunction(Outbound):
    """The model must call this function."""

    type: Literal["function"] = "function"
    name: str


class ToolChoiceMcp(Outbound):
    """The model must call a tool of this MCP server, or exactly the tool `name` of it."""

    type: Literal["mcp"] = "mcp"
    server_label: str
    name: Opt[str | None] = UNSET


def _tool_choice(value: object) -> str | None:
    if isinstance(value, str):
        return "<word>"
    kind = field_of(value, "type")
    return f"<{kind}>" if kind in ("function", "mcp") else None


ToolChoiceConfig: TypeAlias = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("<word>")]
    | Annotated[ToolChoiceFunction, Tag("<function>")]
    | Annotated[ToolChoiceMcp, Tag("<mcp>")],
    tagged(_tool_choice, "'function' or 'mcp'"),
]


# ---- prompt, reasoning, tracing, truncation -------------------------------


class PromptCacheBreakpoint(Outbound):
    """Marks the end of a cached prefix, and how long it must last at least."""

    mode: Literal["explicit"] = "explicit"
    ttl: Opt[Literal["30m", "12h"]] = UNSET


class PromptText(Outbound):
    """A text for a variable of a prompt template."""

    type: Literal["input_text"] = "input_text"
    text: str
    prompt_cache_breakpoint: Opt[PromptCacheBreakpoint] = UNSET


class PromptImage(Outbound):
    """An image for a variable of a prompt template."""

    type: Literal["input_image"] = "input_image"
    detail: Literal["low", "high", "auto", "original"]
    image_url: Opt[str | None] = UNSET
    file_id: Opt[str | None] = UNSET
    prompt_cache_breakpoint: Opt[PromptCacheBreakpoint] = UNSET


class PromptFile(Outbound):
    """A file for a variable of a prompt template."""

    type: Literal["input_file"] = "input_file"
    file_id: Opt[str | None] = UNSET
    filename: Opt[str] = UNSET
    file_data: Opt[str] = UNSET
    file_url: Opt[str] = UNSET
    detail: Opt[Literal["auto", "low", "high"]] = UNSET
    prompt_cache_breakpoint: Opt[PromptCacheBreakpoint] = UNSET


def _prompt_variable(value: object) -> str | None:
    if isinstance(value, str):
        return "<word>"
    kind = field_of(value, "type")
    return f"<{kind}>" if kind in ("input_text", "input_image", "input_file") else None


PromptVariable: TypeAlias = Annotated[
    Annotated[str, Tag("<word>")]
    | Annotated[PromptText, Tag("<input_text>")]
    | Annotated[PromptImage, Tag("<input_image>")]
    | Annotated[PromptFile, Tag("<input_file>")],
    tagged(_prompt_variable, "'input_text', 'input_image' or 'input_file'"),
]


class PromptRef(Outbound):
    """A stored prompt template and the values for its variables."""

    id: str
    version: Opt[str | None] = UNSET
    variables: Opt[dict[str, PromptVariable] | None] = UNSET


class Reasoning(Outbound):
    """How much the model thinks before it answers. A model without reasoning refuses the whole update."""

    effort: Opt[Literal["minimal", "low", "medium", "high", "xhigh"]] = UNSET


class Tracing(Outbound):
    """Names for the trace of this session. Cannot change once tracing is on."""

    workflow_name: Opt[str] = UNSET
    group_id: Opt[str] = UNSET
    metadata: Opt[dict[str, Any]] = UNSET


class TokenLimits(Outbound):
    """Token limits of a truncation. `post_instructions` counts all but the instructions."""

    post_instructions: Opt[Annotated[int, Field(ge=0)]] = UNSET


class RetentionRatio(Outbound):
    """Truncate to this share (0 to 1) of the context when it is full, so that the cache lasts longer."""

    type: Literal["retention_ratio"] = "retention_ratio"
    retention_ratio: Annotated[float, Field(ge=0, le=1)]
    token_limits: Opt[TokenLimits] = UNSET


TracingConfig: TypeAlias = Annotated[
    Annotated[Literal["auto"], Tag("<word>")] | Annotated[Tracing, Tag("<object>")], WORD_OR_OBJECT
]
TruncationConfig: TypeAlias = Annotated[
    Annotated[Literal["auto", "disabled"], Tag("<word>")] | Annotated[RetentionRatio, Tag("<object>")],
    WORD_OR_OBJECT,
]


# ---- the two sessions we can ask for --------------------------------------


class RealtimeSessionConfig(Outbound):
    """Payload of `session.update` for a conversation: only what is named changes.

    `instructions=""` brings the server's default text back; `tools=[]` removes
    all tools; null switches off `tracing` and `prompt` (and, in `audio.input`,
    turn detection, transcription and noise reduction).
    """

    type: Literal["realtime"] = "realtime"
    model: Opt[str] = UNSET
    output_modalities: Opt[OutputModalities] = UNSET
    instructions: Opt[str] = UNSET
    audio: Opt[SessionAudioConfig] = UNSET
    include: Opt[list[IncludeField]] = UNSET
    tools: Opt[list[ToolConfig]] = UNSET
    tool_choice: Opt[ToolChoiceConfig] = UNSET
    parallel_tool_calls: Opt[bool] = UNSET
    reasoning: Opt[Reasoning] = UNSET
    max_output_tokens: Opt[MaxTokens] = UNSET
    truncation: Opt[TruncationConfig] = UNSET
    tracing: Opt[TracingConfig | None] = UNSET
    prompt: Opt[PromptRef | None] = UNSET


class TranscriptionSessionConfig(Outbound):
    """Payload of `session.update` for a transcription session. It has no model, tools or output."""

    type: Literal["transcription"] = "transcription"
    audio: Opt[TranscriptionAudioConfig] = UNSET
    include: Opt[list[IncludeField]] = UNSET


SessionConfig: TypeAlias = Annotated[
    Annotated[RealtimeSessionConfig, Tag("<realtime>")]
    | Annotated[TranscriptionSessionConfig, Tag("<transcription>")],
    by("type", "realtime", "transcription"),
]

"""Session objects as a server says they are in force: tolerant, other names than in what we send.

What `session.update` may carry lies in `session_config`, and is loaded from
there when it is asked for here. Audio settings are in `audio_settings`.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field, Tag

from .audio_settings import SessionAudio
from .base import Inbound
from .declare import WORD_OR_NUMBER, WORD_OR_OBJECT, Many, Number, Open, at_most, field_of, tagged
from .later import names_in

__all__ = [
    "ConnectorId",
    "FunctionTool",
    "IncludeField",
    "MaxTokens",
    "McpApprovalFilter",
    "McpTool",
    "McpToolFilter",
    "OutputModalities",
    "Prompt",
    "PromptCacheBreakpoint",
    "PromptFile",
    "PromptImage",
    "PromptRef",
    "PromptText",
    "RealtimeSession",
    "RealtimeSessionConfig",
    "Reasoning",
    "ReasoningSettings",
    "RetentionRatio",
    "Session",
    "SessionConfig",
    "SessionTool",
    "TokenLimits",
    "ToolChoice",
    "ToolChoiceConfig",
    "ToolChoiceFunction",
    "ToolChoiceMcp",
    "ToolConfig",
    "Tracing",
    "TracingSettings",
    "TranscriptionSession",
    "TranscriptionSessionConfig",
    "TruncationSettings",
]

IncludeField: TypeAlias = Literal["item.input_audio_transcription.logprobs"]

MaxTokensEcho: TypeAlias = Annotated[
    Annotated[int, Tag("<number>")] | Annotated[Open[Literal["inf"]], Tag("<word>")], WORD_OR_NUMBER
]

ConnectorId: TypeAlias = Literal[
    "connector_dropbox",
    "connector_gmail",
    "connector_googlecalendar",
    "connector_googledrive",
    "connector_microsoftteams",
    "connector_outlookcalendar",
    "connector_outlookemail",
    "connector_sharepoint",
]


class ToolFilter(Inbound):
    """Which tools of an MCP server, as echoed."""

    tool_names: Many[str] | None = None
    read_only: bool | None = None


class ApprovalFilter(Inbound):
    """Which tools of an MCP server need approval, as echoed."""

    always: ToolFilter | None = None
    never: ToolFilter | None = None


def names_or_filter(value: object) -> str:
    """The tag of a choice of tools, be it a list or an object."""
    return "<names>" if isinstance(value, list) else "<filter>"


class SessionTool(Inbound):
    """A tool as echoed, function or MCP. Secrets are not echoed by the API, and never in our repr."""

    type: Open[Literal["function", "mcp"]] | None = None
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    server_label: str | None = None
    server_url: str | None = None
    connector_id: Open[ConnectorId] | None = None
    tunnel_id: str | None = None
    authorization: str | None = Field(default=None, repr=False)
    headers: dict[str, Any] | None = Field(default=None, repr=False)
    server_description: str | None = None
    allowed_tools: (
        Annotated[
            Annotated[Many[str], Tag("<names>")] | Annotated[ToolFilter, Tag("<filter>")],
            tagged(names_or_filter),
        ]
        | None
    ) = None
    allowed_callers: Many[Open[Literal["direct", "programmatic"]]] | None = None
    require_approval: (
        Annotated[
            Annotated[Open[Literal["always", "never"]], Tag("<word>")]
            | Annotated[ApprovalFilter, Tag("<object>")],
            WORD_OR_OBJECT,
        ]
        | None
    ) = None
    defer_loading: bool | None = None


class ToolChoice(Inbound):
    """A tool choice echoed as an object."""

    type: Open[Literal["function", "mcp"]] | None = None
    name: str | None = None
    server_label: str | None = None


class CacheBreakpoint(Inbound):
    """The end of a cached prefix, as echoed."""

    mode: Open[Literal["explicit"]] | None = None
    ttl: Open[Literal["30m", "12h"]] | None = None


class PromptInput(Inbound):
    """A text, image or file standing for a variable of a prompt template, as echoed."""

    type: Open[Literal["input_text", "input_image", "input_file"]] | None = None
    text: str | None = None
    image_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    detail: Open[Literal["low", "high", "auto", "original"]] | None = None
    prompt_cache_breakpoint: CacheBreakpoint | None = None


PromptValue: TypeAlias = Annotated[
    Annotated[str, Tag("<word>")] | Annotated[PromptInput, Tag("<object>")], WORD_OR_OBJECT
]


class Prompt(Inbound):
    """A prompt reference as echoed."""

    id: str | None = None
    version: str | None = None
    variables: Annotated[dict[str, PromptValue | None], at_most(1000)] | None = None


class ReasoningSettings(Inbound):
    """Reasoning as in force."""

    effort: Open[Literal["minimal", "low", "medium", "high", "xhigh"]] | None = None


class TracingSettings(Inbound):
    """Tracing as in force."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Any] | None = None


class TokenLimitsSettings(Inbound):
    """Token limits of a truncation, as in force."""

    post_instructions: int | None = None


class TruncationSettings(Inbound):
    """Truncation as in force, when it is more than a word."""

    type: Open[Literal["retention_ratio"]] | None = None
    retention_ratio: Number | None = None
    token_limits: TokenLimitsSettings | None = None


class RealtimeSession(Inbound):
    """A conversation session as the server says it is. `expires_at` is in Unix seconds."""

    type: Open[Literal["realtime"]] | None = None
    id: str | None = None
    object: Open[Literal["realtime.session"]] | None = None
    expires_at: Number | None = None
    model: str | None = None
    output_modalities: Many[Open[Literal["audio", "text"]]] | None = None
    instructions: str | None = None
    audio: SessionAudio | None = None
    include: Many[Open[IncludeField]] | None = None
    tools: Many[SessionTool] | None = None
    tool_choice: (
        Annotated[
            Annotated[Open[Literal["none", "auto", "required"]], Tag("<word>")]
            | Annotated[ToolChoice, Tag("<object>")],
            WORD_OR_OBJECT,
        ]
        | None
    ) = None
    parallel_tool_calls: bool | None = None
    reasoning: ReasoningSettings | None = None
    max_output_tokens: MaxTokensEcho | None = None
    truncation: (
        Annotated[
            Annotated[Open[Literal["auto", "disabled"]], Tag("<word>")]
            | Annotated[TruncationSettings, Tag("<object>")],
            WORD_OR_OBJECT,
        ]
        | None
    ) = None
    tracing: (
        Annotated[
            Annotated[Open[Literal["auto"]], Tag("<word>")] | Annotated[TracingSettings, Tag("<object>")],
            WORD_OR_OBJECT,
        ]
        | None
    ) = None
    prompt: Prompt | None = None


class TranscriptionSession(Inbound):
    """A transcription session as the server says it is. `expires_at` is in Unix seconds."""

    type: Open[Literal["transcription"]] | None = None
    id: str | None = None
    object: Open[Literal["realtime.transcription_session"]] | None = None
    expires_at: Number | None = None
    audio: SessionAudio | None = None
    include: Many[Open[IncludeField]] | None = None


def _session_kind(value: object) -> str:
    # Compatible servers leave `type` out, or send a kind of their own: a conversation then.
    return "<transcription>" if field_of(value, "type") == "transcription" else "<realtime>"


Session: TypeAlias = Annotated[
    Annotated[RealtimeSession, Tag("<realtime>")] | Annotated[TranscriptionSession, Tag("<transcription>")],
    tagged(_session_kind),
]


if TYPE_CHECKING:
    from .session_config import (
        FunctionTool,
        MaxTokens,
        McpApprovalFilter,
        McpTool,
        McpToolFilter,
        OutputModalities,
        PromptCacheBreakpoint,
        PromptFile,
        PromptImage,
        PromptRef,
        PromptText,
        RealtimeSessionConfig,
        Reasoning,
        RetentionRatio,
        SessionConfig,
        TokenLimits,
        ToolChoiceConfig,
        ToolChoiceFunction,
        ToolChoiceMcp,
        ToolConfig,
        Tracing,
        TranscriptionSessionConfig,
    )
else:
    __getattr__ = names_in(__name__, {"session_config": [name for name in __all__ if name not in globals()]})

"""Session objects as a server says they are in force: tolerant, other names than in what we send.

What `session.update` may carry lies in `session_config`, and is loaded from
there when it is asked for here. Audio settings are in `audio_settings`.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field, Tag

from .audio_settings import SessionAudio
from .base import Inbound
from .declare import WORD_OR_NUMBER, WORD_OR_OBJECT, Many, Number, Open, field_of, tagged
from .later import later, names_in

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


def names_or_filter(value: object) -> str:
    """The tag of a choice of tools, be it a list or an object."""
    return "<names>" if isinstance(value, list) else "<filter>"


if TYPE_CHECKING:
    from .session_seldom import ApprovalFilter as _ApprovalFilter
    from .session_seldom import Prompt as _Prompt
    from .session_seldom import ToolChoice as _ToolChoice
    from .session_seldom import ToolFilter as _ToolFilter
    from .session_seldom import TracingSettings as _TracingSettings
    from .session_seldom import TruncationSettings as _TruncationSettings
else:
    _ApprovalFilter = later("session_seldom", "ApprovalFilter")
    _Prompt = later("session_seldom", "Prompt")
    _ToolChoice = later("session_seldom", "ToolChoice")
    _ToolFilter = later("session_seldom", "ToolFilter")
    _TracingSettings = later("session_seldom", "TracingSettings")
    _TruncationSettings = later("session_seldom", "TruncationSettings")


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
            Annotated[Many[str], Tag("<names>")] | Annotated[_ToolFilter, Tag("<filter>")],
            tagged(names_or_filter),
        ]
        | None
    ) = None
    allowed_callers: Many[Open[Literal["direct", "programmatic"]]] | None = None
    require_approval: (
        Annotated[
            Annotated[Open[Literal["always", "never"]], Tag("<word>")]
            | Annotated[_ApprovalFilter, Tag("<object>")],
            WORD_OR_OBJECT,
        ]
        | None
    ) = None
    defer_loading: bool | None = None


class ReasoningSettings(Inbound):
    """Reasoning as in force."""

    effort: Open[Literal["minimal", "low", "medium", "high", "xhigh"]] | None = None


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
            | Annotated[_ToolChoice, Tag("<object>")],
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
            | Annotated[_TruncationSettings, Tag("<object>")],
            WORD_OR_OBJECT,
        ]
        | None
    ) = None
    tracing: (
        Annotated[
            Annotated[Open[Literal["auto"]], Tag("<word>")] | Annotated[_TracingSettings, Tag("<object>")],
            WORD_OR_OBJECT,
        ]
        | None
    ) = None
    prompt: _Prompt | None = None


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
    from .session_seldom import Prompt, ToolChoice, TracingSettings, TruncationSettings
else:
    _SELDOM = ("Prompt", "ToolChoice", "TracingSettings", "TruncationSettings")
    _CONFIG = [name for name in __all__ if name not in globals() and name not in _SELDOM]
    __getattr__ = names_in(__name__, {"session_seldom": _SELDOM, "session_config": _CONFIG})

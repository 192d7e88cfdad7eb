"""The response object, its usage and status, and what `response.create` may carry.

The events around a response are in `server` and `client`.
"""

from typing import Any, Literal

from ..types import UNSET, ErrorInfo
from .audio_config import AudioFormat, FormatConfig, VoiceConfig, VoiceEcho
from .base import BareOrObject, Inbound, Outbound
from .checks import Metadata
from .declare import Later, Many, Open, Opt
from .items import BasePart, InputItem, Item
from .session import (
    MaxTokens,
    MaxTokensEcho,
    OutputModalities,
    PromptRef,
    Reasoning,
    ToolChoiceConfig,
    ToolConfig,
)

__all__ = [
    "CachedTokenDetails",
    "InputTokenDetails",
    "OutputTokenDetails",
    "Response",
    "ResponseAudio",
    "ResponseAudioConfig",
    "ResponseAudioOutput",
    "ResponseConfig",
    "ResponseError",
    "ResponsePart",
    "StatusDetails",
    "Usage",
]

# ---- what we ask for ------------------------------------------------------


class ResponseAudioOutput(Outbound):
    """`audio.output` for one response. There is no `speed` here: it belongs to the session."""

    format: Opt[FormatConfig] = UNSET
    voice: Opt[VoiceConfig] = UNSET


class ResponseAudioConfig(Outbound):
    """`audio` for one response."""

    output: Opt[ResponseAudioOutput] = UNSET


class ResponseConfig(Outbound):
    """Payload of `response.create`: overrides the session for this response only.

    `conversation="none"` keeps the result out of the conversation. `input`
    replaces the context: `[]` is none at all, left out is the conversation.
    `metadata` (16 pairs, keys to 64, values to 512 characters) is echoed.
    """

    output_modalities: Opt[OutputModalities] = UNSET
    instructions: Opt[str] = UNSET
    audio: Opt[ResponseAudioConfig] = UNSET
    tools: Opt[list[ToolConfig]] = UNSET
    tool_choice: Opt[ToolChoiceConfig] = UNSET
    parallel_tool_calls: Opt[bool] = UNSET
    reasoning: Opt[Reasoning] = UNSET
    max_output_tokens: Opt[MaxTokens] = UNSET
    conversation: Opt[Literal["auto", "none"]] = UNSET
    metadata: Opt[Metadata | None] = UNSET
    prompt: Opt[PromptRef | None] = UNSET
    input: Opt[list[InputItem]] = UNSET


# ---- what a server says ---------------------------------------------------


class ResponsePart(BasePart):
    """A content part of a response event, whose type is `text` or `audio` where
    items say `output_text` or `output_audio` (API reference and observed)."""

    type: Open[Literal["text", "audio"]] | None = None
    text: str | None = None
    audio: str | None = None
    transcript: str | None = None


class ResponseError(Inbound):
    """Why a response failed. `message` is in the recordings though not in the reference."""

    type: str | None = None
    code: str | None = None
    message: str | None = None

    def info(self) -> ErrorInfo:
        """The same as words; a missing message becomes ""."""
        return ErrorInfo(self.message or "", code=self.code, type=self.type)


class StatusDetails(BareOrObject):
    """Why a response ended as it did; null while it runs and after a normal end.

    Some compatible servers put a bare word here; it then stands in `type`.
    """

    bare_field = "type"

    type: Open[Literal["completed", "cancelled", "incomplete", "failed"]] | None = None
    reason: (
        Open[Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"]] | None
    ) = None
    error: ResponseError | None = None


class CachedTokenDetails(Inbound):
    """The cached part of the input, by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class InputTokenDetails(Inbound):
    """Input tokens by kind. `cached_tokens` are among the others, not beside them."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    cached_tokens: int | None = None
    cached_tokens_details: CachedTokenDetails | None = None


class OutputTokenDetails(Inbound):
    """Output tokens by kind. `reasoning_tokens` was observed with a reasoning model."""

    text_tokens: int | None = None
    audio_tokens: int | None = None
    reasoning_tokens: int | None = None


class Usage(Inbound):
    """Tokens of one response; the whole conversation is charged as input each time."""

    total_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_token_details: InputTokenDetails | None = None
    output_token_details: OutputTokenDetails | None = None


class ResponseAudioOutputEcho(Inbound):
    """`audio.output` of a response, as used."""

    format: AudioFormat | None = None
    voice: VoiceEcho | None = None


class ResponseAudio(Inbound):
    """`audio` of a response, as used."""

    output: ResponseAudioOutputEcho | None = None


class Response(Inbound):
    """A response as the server says it is.

    `output` is empty in `response.created`; in `response.done` it holds the
    items without their audio. `conversation_id` is null for an out-of-band
    response. `usage` is null until it is done.
    """

    object: Open[Literal["realtime.response"]] | None = None
    id: str | None = None
    status: Open[Literal["in_progress", "completed", "cancelled", "incomplete", "failed"]] | None = None
    status_details: Later[StatusDetails] | None = None
    output: Many[Item] | None = None
    conversation_id: str | None = None
    output_modalities: Many[Open[Literal["audio", "text"]]] | None = None
    max_output_tokens: MaxTokensEcho | None = None
    audio: ResponseAudio | None = None
    usage: Usage | None = None
    metadata: dict[str, Any] | None = None

    def error_info(self) -> ErrorInfo | None:
        """The server's reason for status `failed`, if it gave one."""
        error = self.status_details.error if self.status_details else None
        return error.info() if error is not None else None

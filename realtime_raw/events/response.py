"""The response object, its usage and status, as a server says they are.

What `response.create` may carry lies in `response_config`, and is loaded from
there when it is asked for here. The events around a response are in `server` and `client`.
"""

from typing import TYPE_CHECKING, Any, Literal

from ..types import ErrorInfo
from .audio_settings import AudioFormat, VoiceEcho
from .base import BareOrObject, Inbound
from .declare import Many, Open
from .items import BasePart, Item
from .later import names_in
from .session import MaxTokensEcho

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
    status_details: StatusDetails | None = None
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


if TYPE_CHECKING:
    from .response_config import (
        ResponseAudioConfig,
        ResponseAudioOutput,
        ResponseConfig,
    )
else:
    __getattr__ = names_in(__name__, {"response_config": [name for name in __all__ if name not in globals()]})

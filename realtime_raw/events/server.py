"""The 46 server events of the realtime dialect, by family.

Every field but `type` may be missing or null: the reference's "required" is
not what all servers send. Nested objects are in `session`, `items` and
`response`; the translation dialect has its own module. Those that few sessions
see lie in `seldom` and `transcription`, and are loaded from there when they are asked for here.
"""

from typing import TYPE_CHECKING, Literal

from ..types import ErrorInfo
from .base import BareOrObject, Inbound, ServerEvent
from .declare import Many, Number, Open
from .items import Item
from .later import names_in
from .response import Response, ResponsePart
from .session import Session

__all__ = [
    "Conversation",
    "ConversationCreated",
    "ConversationItemAdded",
    "ConversationItemCreated",
    "ConversationItemDeleted",
    "ConversationItemDone",
    "ConversationItemInputAudioTranscriptionCompleted",
    "ConversationItemInputAudioTranscriptionDelta",
    "ConversationItemInputAudioTranscriptionFailed",
    "ConversationItemInputAudioTranscriptionSegment",
    "ConversationItemRetrieved",
    "ConversationItemTruncated",
    "DurationUsage",
    "ErrorDetail",
    "ErrorEvent",
    "InputAudioBufferCleared",
    "InputAudioBufferCommitted",
    "InputAudioBufferDtmfEventReceived",
    "InputAudioBufferSpeechStarted",
    "InputAudioBufferSpeechStopped",
    "InputAudioBufferTimeoutTriggered",
    "LogProb",
    "McpListToolsCompleted",
    "McpListToolsFailed",
    "McpListToolsInProgress",
    "OutputAudioBufferCleared",
    "OutputAudioBufferStarted",
    "OutputAudioBufferStopped",
    "RateLimit",
    "RateLimitsUpdated",
    "ResponseContentPartAdded",
    "ResponseContentPartDone",
    "ResponseCreated",
    "ResponseDone",
    "ResponseFunctionCallArgumentsDelta",
    "ResponseFunctionCallArgumentsDone",
    "ResponseMcpCallArgumentsDelta",
    "ResponseMcpCallArgumentsDone",
    "ResponseMcpCallCompleted",
    "ResponseMcpCallFailed",
    "ResponseMcpCallInProgress",
    "ResponseOutputAudioDelta",
    "ResponseOutputAudioDone",
    "ResponseOutputAudioTranscriptDelta",
    "ResponseOutputAudioTranscriptDone",
    "ResponseOutputItemAdded",
    "ResponseOutputItemDone",
    "ResponseOutputTextDelta",
    "ResponseOutputTextDone",
    "SessionCreated",
    "SessionUpdated",
    "TokenUsage",
    "TranscriptionError",
    "TranscriptionLanguage",
    "TranscriptionTokenDetails",
    "TranscriptionUsage",
    "UnknownUsage",
]


# ---- session and error ------------------------------------------------------


class SessionCreated(ServerEvent):
    """The session as it begins: the first event on a socket, except on a sideband (observed)."""

    type: Literal["session.created"] = "session.created"
    session: Session | None = None


class SessionUpdated(ServerEvent):
    """The whole session after an accepted `session.update`."""

    type: Literal["session.updated"] = "session.updated"
    session: Session | None = None


class ErrorDetail(BareOrObject):
    """What went wrong. `event_id` is that of our event, where the server knows it.

    Some compatible servers put a bare sentence here; it then stands in `message`.
    """

    bare_field = "message"

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None
    event_id: str | None = None

    def info(self) -> ErrorInfo:
        """The same as words; a missing message becomes ""."""
        return ErrorInfo(
            self.message or "", code=self.code, type=self.type, param=self.param, event_id=self.event_id
        )


class ErrorEvent(ServerEvent):
    """Something was refused or went wrong. The session usually stays open."""

    type: Literal["error"] = "error"
    error: ErrorDetail | None = None


class RateLimit(Inbound):
    """One limit of the account."""

    name: Open[Literal["requests", "tokens"]] | None = None
    limit: Number | None = None
    remaining: Number | None = None
    reset_seconds: Number | None = None


class RateLimitsUpdated(ServerEvent):
    """Limits after a response. Comes after `response.done`, or never (observed): do not wait for it."""

    type: Literal["rate_limits.updated"] = "rate_limits.updated"
    rate_limits: Many[RateLimit] | None = None


# ---- conversation -----------------------------------------------------------


class ConversationItemAdded(ServerEvent):
    """An item entered the conversation, after `previous_item_id` (null: at the head)."""

    type: Literal["conversation.item.added"] = "conversation.item.added"
    previous_item_id: str | None = None
    item: Item | None = None


class ConversationItemDone(ServerEvent):
    """An item is final. Order comes from `.added`: `previous_item_id` may be null here (observed)."""

    type: Literal["conversation.item.done"] = "conversation.item.done"
    previous_item_id: str | None = None
    item: Item | None = None


class ConversationItemTruncated(ServerEvent):
    """Audio after `audio_end_ms`, and the transcript, are gone."""

    type: Literal["conversation.item.truncated"] = "conversation.item.truncated"
    item_id: str | None = None
    content_index: int | None = None
    audio_end_ms: Number | None = None


class ConversationItemDeleted(ServerEvent):
    """An item is gone."""

    type: Literal["conversation.item.deleted"] = "conversation.item.deleted"
    item_id: str | None = None


# ---- input audio ------------------------------------------------------------


class InputAudioBufferCommitted(ServerEvent):
    """The buffer became a user item; its `conversation.item.added` follows."""

    type: Literal["input_audio_buffer.committed"] = "input_audio_buffer.committed"
    item_id: str | None = None
    previous_item_id: str | None = None


class InputAudioBufferCleared(ServerEvent):
    """The buffer is empty."""

    type: Literal["input_audio_buffer.cleared"] = "input_audio_buffer.cleared"


class InputAudioBufferSpeechStarted(ServerEvent):
    """Speech begins. `audio_start_ms` counts all audio ever appended, padding already taken off."""

    type: Literal["input_audio_buffer.speech_started"] = "input_audio_buffer.speech_started"
    audio_start_ms: Number | None = None
    item_id: str | None = None


class InputAudioBufferSpeechStopped(ServerEvent):
    """Speech ended. `audio_end_ms` counts all audio ever appended."""

    type: Literal["input_audio_buffer.speech_stopped"] = "input_audio_buffer.speech_stopped"
    audio_end_ms: Number | None = None
    item_id: str | None = None


# ---- response ---------------------------------------------------------------


class ResponseCreated(ServerEvent):
    """A response begins."""

    type: Literal["response.created"] = "response.created"
    response: Response | None = None


class ResponseDone(ServerEvent):
    """A response ended, one way or another. Always sent; no audio in it."""

    type: Literal["response.done"] = "response.done"
    response: Response | None = None


class _OfResponse(ServerEvent):
    """What belongs to one output of one response."""

    response_id: str | None = None
    output_index: int | None = None


class OfItem(_OfResponse):
    """What belongs to one item of one response."""

    item_id: str | None = None


class _OfPart(OfItem):
    """What belongs to one content part of one item of one response."""

    content_index: int | None = None


class ResponseOutputItemAdded(_OfResponse):
    """The model starts an item."""

    type: Literal["response.output_item.added"] = "response.output_item.added"
    item: Item | None = None


class ResponseOutputItemDone(_OfResponse):
    """An item of a response is final."""

    type: Literal["response.output_item.done"] = "response.output_item.done"
    item: Item | None = None


class ResponseContentPartAdded(_OfPart):
    """The model starts a content part. Azure repeats the part as `content` (observed)."""

    type: Literal["response.content_part.added"] = "response.content_part.added"
    part: ResponsePart | None = None
    content: ResponsePart | None = None


class ResponseContentPartDone(_OfPart):
    """A content part is final; no audio in it."""

    type: Literal["response.content_part.done"] = "response.content_part.done"
    part: ResponsePart | None = None
    content: ResponsePart | None = None


class ResponseOutputTextDelta(_OfPart):
    """A piece of text."""

    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    delta: str | None = None
    obfuscation: str | None = None


class ResponseOutputTextDone(_OfPart):
    """The whole text."""

    type: Literal["response.output_text.done"] = "response.output_text.done"
    text: str | None = None


class ResponseOutputAudioDelta(_OfPart):
    """A piece of audio, base64, in the output format. Comes faster than it plays."""

    type: Literal["response.output_audio.delta"] = "response.output_audio.delta"
    delta: str | None = None


class ResponseOutputAudioDone(_OfPart):
    """No more audio for this part."""

    type: Literal["response.output_audio.done"] = "response.output_audio.done"


class ResponseOutputAudioTranscriptDelta(_OfPart):
    """A piece of the transcript of what is said, usually ahead of the audio."""

    type: Literal["response.output_audio_transcript.delta"] = "response.output_audio_transcript.delta"
    delta: str | None = None
    obfuscation: str | None = None


class ResponseOutputAudioTranscriptDone(_OfPart):
    """The whole transcript."""

    type: Literal["response.output_audio_transcript.done"] = "response.output_audio_transcript.done"
    transcript: str | None = None


class ResponseFunctionCallArgumentsDelta(OfItem):
    """A piece of the arguments (JSON text)."""

    type: Literal["response.function_call_arguments.delta"] = "response.function_call_arguments.delta"
    call_id: str | None = None
    delta: str | None = None
    obfuscation: str | None = None


class ResponseFunctionCallArgumentsDone(OfItem):
    """The whole arguments. More calls may follow: wait for `response.done` before asking again."""

    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None


if TYPE_CHECKING:
    from .seldom import (
        Conversation,
        ConversationCreated,
        ConversationItemCreated,
        ConversationItemRetrieved,
        InputAudioBufferDtmfEventReceived,
        InputAudioBufferTimeoutTriggered,
        McpListToolsCompleted,
        McpListToolsFailed,
        McpListToolsInProgress,
        OutputAudioBufferCleared,
        OutputAudioBufferStarted,
        OutputAudioBufferStopped,
        ResponseMcpCallArgumentsDelta,
        ResponseMcpCallArgumentsDone,
        ResponseMcpCallCompleted,
        ResponseMcpCallFailed,
        ResponseMcpCallInProgress,
    )
    from .transcription import (
        ConversationItemInputAudioTranscriptionCompleted,
        ConversationItemInputAudioTranscriptionDelta,
        ConversationItemInputAudioTranscriptionFailed,
        ConversationItemInputAudioTranscriptionSegment,
        DurationUsage,
        LogProb,
        TokenUsage,
        TranscriptionError,
        TranscriptionLanguage,
        TranscriptionTokenDetails,
        TranscriptionUsage,
        UnknownUsage,
    )
else:
    _absent = [name for name in __all__ if name not in globals()]
    _costs = ("DurationUsage", "LogProb", "TokenUsage", "UnknownUsage")
    _said = [name for name in _absent if "Transcription" in name or name in _costs]
    __getattr__ = names_in(
        __name__, {"transcription": _said, "seldom": [name for name in _absent if name not in _said]}
    )

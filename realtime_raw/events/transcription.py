"""What the user said, as a transcription model writes it down: four events, and what it costs.

Loaded when the first one comes, as most sessions ask for none; and can be had from `server` as well.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Tag

from ..types import ErrorInfo
from .base import Inbound, ServerEvent
from .declare import Many, Number, Open, field_of, tagged

__all__ = [
    "ConversationItemInputAudioTranscriptionCompleted",
    "ConversationItemInputAudioTranscriptionDelta",
    "ConversationItemInputAudioTranscriptionFailed",
    "ConversationItemInputAudioTranscriptionSegment",
    "DurationUsage",
    "LogProb",
    "TokenUsage",
    "TranscriptionError",
    "TranscriptionLanguage",
    "TranscriptionTokenDetails",
    "TranscriptionUsage",
    "UnknownUsage",
]


class LogProb(Inbound):
    """One token of a transcript with its log probability."""

    token: str | None = None
    logprob: Number | None = None
    bytes: Many[int] | None = None


class TranscriptionLanguage(Inbound):
    """A language that was heard, by its code."""

    code: str | None = None


class TranscriptionTokenDetails(Inbound):
    """Input tokens of a transcription by kind."""

    text_tokens: int | None = None
    audio_tokens: int | None = None


class TokenUsage(Inbound):
    """A transcription billed by tokens."""

    type: Open[Literal["tokens"]] | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_token_details: TranscriptionTokenDetails | None = None


class DurationUsage(Inbound):
    """A transcription billed by time, in seconds rounded up (observed)."""

    type: Open[Literal["duration"]] | None = None
    seconds: Number | None = None


class UnknownUsage(Inbound):
    """A transcription billed in a way this version does not know. Its fields are kept."""

    type: str | None = None


def _usage_kind(value: object) -> str:
    kind = field_of(value, "type")
    return f"<{kind}>" if kind in ("tokens", "duration") else "<unknown>"


TranscriptionUsage: TypeAlias = Annotated[
    Annotated[TokenUsage, Tag("<tokens>")]
    | Annotated[DurationUsage, Tag("<duration>")]
    | Annotated[UnknownUsage, Tag("<unknown>")],
    tagged(_usage_kind, looks_at=("type", "type")),
]


class ConversationItemInputAudioTranscriptionDelta(ServerEvent):
    """A piece of a transcript: after the commit, or (live models) while the user speaks."""

    type: Literal["conversation.item.input_audio_transcription.delta"] = (
        "conversation.item.input_audio_transcription.delta"
    )
    item_id: str | None = None
    content_index: int | None = None
    delta: str | None = None
    logprobs: Many[LogProb] | None = None
    obfuscation: str | None = None


class ConversationItemInputAudioTranscriptionCompleted(ServerEvent):
    """The transcript of a user item. Comes before, within or after the response; may be empty."""

    type: Literal["conversation.item.input_audio_transcription.completed"] = (
        "conversation.item.input_audio_transcription.completed"
    )
    item_id: str | None = None
    content_index: int | None = None
    transcript: str | None = None
    usage: TranscriptionUsage | None = None
    logprobs: Many[LogProb] | None = None
    languages: Many[TranscriptionLanguage] | None = None


class ConversationItemInputAudioTranscriptionSegment(ServerEvent):
    """A piece of a transcript with its speaker (diarizing models). `start` and `end` in seconds."""

    type: Literal["conversation.item.input_audio_transcription.segment"] = (
        "conversation.item.input_audio_transcription.segment"
    )
    item_id: str | None = None
    content_index: int | None = None
    text: str | None = None
    id: str | None = None
    speaker: str | None = None
    start: Number | None = None
    end: Number | None = None


class TranscriptionError(Inbound):
    """Why a transcription failed."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None

    def info(self) -> ErrorInfo:
        """The same as words; a missing message becomes ""."""
        return ErrorInfo(self.message or "", code=self.code, type=self.type, param=self.param)


class ConversationItemInputAudioTranscriptionFailed(ServerEvent):
    """No transcript: instead of `.completed`."""

    type: Literal["conversation.item.input_audio_transcription.failed"] = (
        "conversation.item.input_audio_transcription.failed"
    )
    item_id: str | None = None
    content_index: int | None = None
    error: TranscriptionError | None = None

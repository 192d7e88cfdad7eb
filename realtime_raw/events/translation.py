"""The translation dialect (`/realtime/translations`): 3 client events, 6 server events of its own.

Some names repeat those of the realtime dialect with another payload, so this
module is reached by its name: `events.translation.SessionUpdate`. The `error`
event is shared. There are no items, responses or turns here.
"""

from typing import Annotated, Literal

from pydantic import Field

from ..types import UNSET
from .base import ClientEvent, Inbound, Outbound, ServerEvent
from .checks import Base64Audio
from .declare import Many, Number, Open, Opt

__all__ = [
    "SessionClose",
    "SessionClosed",
    "SessionCreated",
    "SessionInputAudioBufferAppend",
    "SessionInputTranscriptDelta",
    "SessionOutputAudioDelta",
    "SessionOutputTranscriptDelta",
    "SessionUpdate",
    "SessionUpdated",
    "TranslationAudio",
    "TranslationAudioConfig",
    "TranslationInput",
    "TranslationInputConfig",
    "TranslationNoiseReduction",
    "TranslationNoiseReductionConfig",
    "TranslationOutput",
    "TranslationOutputConfig",
    "TranslationSession",
    "TranslationSessionConfig",
    "TranslationTranscription",
    "TranslationTranscriptionConfig",
]


# ---- what we send ---------------------------------------------------------


class TranslationTranscriptionConfig(Outbound):
    """Ask for a transcript of the source as well."""

    model: str


class TranslationNoiseReductionConfig(Outbound):
    """Noise reduction on the input. `strength` 0 to 1; left out, it stays what it was (1 at first)."""

    type: Literal["near_field", "far_field"]
    strength: Opt[Annotated[float, Field(ge=0, le=1)]] = UNSET


class TranslationInputConfig(Outbound):
    """Settings of `audio.input`; null switches either off."""

    transcription: Opt[TranslationTranscriptionConfig | None] = UNSET
    noise_reduction: Opt[TranslationNoiseReductionConfig | None] = UNSET


class TranslationOutputConfig(Outbound):
    """Settings of `audio.output`: the language to translate into, such as `es`."""

    language: Opt[str] = UNSET


class TranslationAudioConfig(Outbound):
    """Settings of `audio`. The formats are fixed: PCM16, 24,000 Hz, mono, both ways."""

    input: Opt[TranslationInputConfig] = UNSET
    output: Opt[TranslationOutputConfig] = UNSET


class TranslationSessionConfig(Outbound):
    """Payload of `session.update` here: neither `type` nor `model`."""

    had_beta = False

    audio: Opt[TranslationAudioConfig] = UNSET


class SessionUpdate(ClientEvent):
    """Change the session: only what is named. Answered by `session.updated`."""

    had_beta = False

    type: Literal["session.update"] = "session.update"
    session: TranslationSessionConfig


class SessionInputAudioBufferAppend(ClientEvent):
    """Append audio: base64 of PCM16, 24,000 Hz, mono. Not answered.

    The engine works in frames of 200 ms (9,600 bytes); keep sending, silence included.
    """

    type: Literal["session.input_audio_buffer.append"] = "session.input_audio_buffer.append"
    audio: Base64Audio


class SessionClose(ClientEvent):
    """End the session: what remains is sent, then `session.closed`; close the socket after that."""

    type: Literal["session.close"] = "session.close"


# ---- what a server sends --------------------------------------------------


class TranslationTranscription(Inbound):
    """Transcription of the source as in force."""

    model: str | None = None
    language: str | None = None


class TranslationNoiseReduction(Inbound):
    """Noise reduction as in force."""

    type: Open[Literal["near_field", "far_field"]] | None = None
    strength: Number | None = None


class TranslationInput(Inbound):
    """`audio.input` as in force."""

    transcription: TranslationTranscription | None = None
    noise_reduction: TranslationNoiseReduction | None = None


class TranslationOutput(Inbound):
    """`audio.output` as in force."""

    language: str | None = None


class TranslationAudio(Inbound):
    """`audio` as in force."""

    input: TranslationInput | None = None
    output: TranslationOutput | None = None


class TranslationSession(Inbound):
    """A translation session as the server says it is. `expires_at` is in Unix seconds."""

    type: Open[Literal["translation"]] | None = None
    id: str | None = None
    expires_at: Number | None = None
    model: str | None = None
    audio: TranslationAudio | None = None
    include: Many[str] | None = None


class SessionCreated(ServerEvent):
    """The session as it begins: the first event."""

    type: Literal["session.created"] = "session.created"
    session: TranslationSession | None = None


class SessionUpdated(ServerEvent):
    """The whole session after an accepted `session.update`."""

    type: Literal["session.updated"] = "session.updated"
    session: TranslationSession | None = None


class SessionClosed(ServerEvent):
    """Everything was sent; close the socket now."""

    type: Literal["session.closed"] = "session.closed"


class SessionInputTranscriptDelta(ServerEvent):
    """A piece of the source's transcript. `elapsed_ms` aligns, in steps of 200 ms; it is no duration."""

    type: Literal["session.input_transcript.delta"] = "session.input_transcript.delta"
    delta: str | None = None
    elapsed_ms: Number | None = None


class SessionOutputTranscriptDelta(ServerEvent):
    """A piece of the translation's text; append it as it is, no space between."""

    type: Literal["session.output_transcript.delta"] = "session.output_transcript.delta"
    delta: str | None = None
    elapsed_ms: Number | None = None


class SessionOutputAudioDelta(ServerEvent):
    """A piece of the translation's sound, base64; silent stretches are sent as zeros (observed)."""

    type: Literal["session.output_audio.delta"] = "session.output_audio.delta"
    delta: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    format: Open[Literal["pcm16"]] | None = None
    elapsed_ms: Number | None = None

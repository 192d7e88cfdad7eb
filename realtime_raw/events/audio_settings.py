"""Audio settings as a server echoes them: tolerant, other names than in what we send (`audio_config`)."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Tag

from .base import BareOrObject, Inbound
from .declare import WORD_OR_OBJECT, Many, Number, Open

__all__ = [
    "AudioFormat",
    "AudioInput",
    "AudioOutput",
    "NoiseReductionSettings",
    "SessionAudio",
    "TranscriptionSettings",
    "TurnDetection",
    "VoiceEcho",
    "VoiceName",
    "VoiceRef",
]

# The built-in voices of the API reference; the list is open, as names come and go.
VoiceName: TypeAlias = Open[
    Literal["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]
]


class AudioFormat(BareOrObject):
    """A format as echoed. `rate` (Hz) is there for `audio/pcm` only.

    Some compatible servers put a bare name here (`pcm16`); it then stands in `type`.
    """

    bare_field = "type"

    type: Open[Literal["audio/pcm", "audio/pcmu", "audio/pcma"]] | None = None
    rate: int | None = None


class TurnDetection(Inbound):
    """Turn detection as in force, either kind. Null instead of this object means manual turns."""

    type: Open[Literal["server_vad", "semantic_vad"]] | None = None
    threshold: Number | None = None
    prefix_padding_ms: Number | None = None
    silence_duration_ms: Number | None = None
    idle_timeout_ms: Number | None = None
    eagerness: Open[Literal["low", "medium", "high", "auto"]] | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


class TranscriptionSettings(Inbound):
    """Transcription as in force."""

    model: str | None = None
    language: str | None = None
    languages: Many[str] | None = None
    keywords: Many[str] | None = None
    prompt: str | None = None
    delay: Open[Literal["minimal", "low", "medium", "high", "xhigh"]] | None = None


class NoiseReductionSettings(Inbound):
    """Noise reduction as in force."""

    type: Open[Literal["near_field", "far_field"]] | None = None
    strength: Number | None = None


class VoiceRef(Inbound):
    """A voice echoed as an object: a custom one (`id`), or another service's (`name`)."""

    id: str | None = None


VoiceEcho: TypeAlias = Annotated[
    Annotated[VoiceName, Tag("<word>")] | Annotated[VoiceRef, Tag("<object>")], WORD_OR_OBJECT
]


class AudioInput(Inbound):
    """`audio.input` as in force."""

    format: AudioFormat | None = None
    transcription: TranscriptionSettings | None = None
    noise_reduction: NoiseReductionSettings | None = None
    turn_detection: TurnDetection | None = None


class AudioOutput(Inbound):
    """`audio.output` as in force."""

    format: AudioFormat | None = None
    voice: VoiceEcho | None = None
    speed: Number | None = None


class SessionAudio(Inbound):
    """`audio` of a session as in force."""

    input: AudioInput | None = None
    output: AudioOutput | None = None

"""Audio settings that we send, strictly: formats, turn detection, transcription, noise reduction, voices.

What a server echoes of them (tolerant, other names) lies in `audio_settings`
and can be had from here as well. Audio itself is not here.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, Tag

from ..types import UNSET
from .audio_settings import (
    AudioFormat,
    AudioInput,
    AudioOutput,
    NoiseReductionSettings,
    SessionAudio,
    TranscriptionSettings,
    TurnDetection,
    VoiceName,
    VoiceRef,
)
from .base import Outbound
from .declare import WORD_OR_OBJECT, Opt, by

__all__ = [
    "AudioFormat",
    "AudioInput",
    "AudioInputConfig",
    "AudioOutput",
    "AudioOutputConfig",
    "CustomVoice",
    "FormatConfig",
    "NoiseReduction",
    "NoiseReductionSettings",
    "PcmFormat",
    "PcmaFormat",
    "PcmuFormat",
    "SemanticVad",
    "ServerVad",
    "SessionAudio",
    "SessionAudioConfig",
    "Transcription",
    "TranscriptionAudioConfig",
    "TranscriptionSettings",
    "TurnDetection",
    "TurnDetectionConfig",
    "VoiceConfig",
    "VoiceName",
    "VoiceRef",
]


class PcmFormat(Outbound):
    """Signed 16-bit little-endian mono; 24,000 Hz is the only rate the API takes."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24000] = 24000


class PcmuFormat(Outbound):
    """G.711 µ-law, 8,000 Hz mono."""

    type: Literal["audio/pcmu"] = "audio/pcmu"


class PcmaFormat(Outbound):
    """G.711 A-law, 8,000 Hz mono."""

    type: Literal["audio/pcma"] = "audio/pcma"


FormatConfig: TypeAlias = Annotated[
    Annotated[PcmFormat, Tag("<audio/pcm>")]
    | Annotated[PcmuFormat, Tag("<audio/pcmu>")]
    | Annotated[PcmaFormat, Tag("<audio/pcma>")],
    by("type", "audio/pcm", "audio/pcmu", "audio/pcma"),
]


class ServerVad(Outbound):
    """Turn detection by loudness. `threshold` 0 to 1 (higher needs louder speech), times in ms.

    `idle_timeout_ms` (5,000 to 30,000, or null) asks for a response after that
    long without speech. With `create_response` and `interrupt_response` false
    the server still segments and commits, and you drive the responses.
    """

    type: Literal["server_vad"] = "server_vad"
    threshold: Opt[Annotated[float, Field(ge=0, le=1)]] = UNSET
    prefix_padding_ms: Opt[Annotated[int, Field(ge=0)]] = UNSET
    silence_duration_ms: Opt[Annotated[int, Field(ge=0)]] = UNSET
    idle_timeout_ms: Opt[Annotated[int, Field(ge=5000, le=30000)] | None] = UNSET
    create_response: Opt[bool] = UNSET
    interrupt_response: Opt[bool] = UNSET


class SemanticVad(Outbound):
    """Turn detection by what is said. `eagerness` low waits up to 8 s, medium (auto) 4 s, high 2 s."""

    type: Literal["semantic_vad"] = "semantic_vad"
    eagerness: Opt[Literal["low", "medium", "high", "auto"]] = UNSET
    create_response: Opt[bool] = UNSET
    interrupt_response: Opt[bool] = UNSET


TurnDetectionConfig: TypeAlias = Annotated[
    Annotated[ServerVad, Tag("<server_vad>")] | Annotated[SemanticVad, Tag("<semantic_vad>")],
    by("type", "server_vad", "semantic_vad"),
]


class Transcription(Outbound):
    """Transcription of the user's audio. `model` is an open name (on Azure: a deployment's name).

    `language` is one ISO 639-1 code; `languages` and `keywords` are taken by
    gpt-transcribe and gpt-live-transcribe only, `delay` by the streaming models.
    """

    model: Opt[str] = UNSET
    language: Opt[str] = UNSET
    languages: Opt[Annotated[list[str], Field(min_length=1)]] = UNSET
    keywords: Opt[list[str]] = UNSET
    prompt: Opt[str] = UNSET
    delay: Opt[Literal["minimal", "low", "medium", "high", "xhigh"]] = UNSET


class NoiseReduction(Outbound):
    """Noise reduction on the input. `strength` 0 to 1; left out, it stays what it was (1 at first)."""

    type: Opt[Literal["near_field", "far_field"]] = UNSET
    strength: Opt[Annotated[float, Field(ge=0, le=1)]] = UNSET


class CustomVoice(Outbound):
    """A voice of your own, by its id (`voice_...`)."""

    id: str


VoiceConfig: TypeAlias = Annotated[
    Annotated[VoiceName, Tag("<word>")] | Annotated[CustomVoice, Tag("<object>")], WORD_OR_OBJECT
]


class AudioInputConfig(Outbound):
    """Settings of `audio.input`. Null switches the last three off; left out, they stay as they are."""

    format: Opt[FormatConfig] = UNSET
    transcription: Opt[Transcription | None] = UNSET
    noise_reduction: Opt[NoiseReduction | None] = UNSET
    turn_detection: Opt[TurnDetectionConfig | None] = UNSET


class AudioOutputConfig(Outbound):
    """Settings of `audio.output`. The voice cannot change after the first assistant audio.

    `speed` is 0.25 to 1.5 and can change only between turns.
    """

    format: Opt[FormatConfig] = UNSET
    voice: Opt[VoiceConfig] = UNSET
    speed: Opt[Annotated[float, Field(ge=0.25, le=1.5)]] = UNSET


class SessionAudioConfig(Outbound):
    """Settings of a realtime session's `audio`."""

    input: Opt[AudioInputConfig] = UNSET
    output: Opt[AudioOutputConfig] = UNSET


class TranscriptionAudioConfig(Outbound):
    """Settings of a transcription session's `audio`: there is no output."""

    input: Opt[AudioInputConfig] = UNSET

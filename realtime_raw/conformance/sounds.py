"""What a probe says into the input buffer: tones, silence and speech, in the session's format."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pybase64

from ..audio import g711
from ..audio.pcm import Samples
from ..loopback.speech import best_speaker, murmur_speaker, pieces_of

__all__ = ["CHUNK_SECONDS", "RATES", "chunks", "silence", "speech", "tone"]

RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
CHUNK_SECONDS = 0.2

_SPOKEN = "Hello there. Please tell me the time, and how the weather is going to be tomorrow morning. "


@lru_cache(maxsize=32)
def tone(seconds: float, rate: int = 24_000, dbfs: float = -20.0) -> Samples:
    """A sine of 440 Hz whose RMS is `dbfs`, as int16."""
    peak = 32767 * math.sqrt(2) * 10 ** (dbfs / 20)
    at = np.arange(round(seconds * rate)) / rate
    made: Samples = (np.sin(2 * np.pi * 440 * at) * min(peak, 32767)).astype(np.int16)
    return made


def silence(seconds: float, rate: int = 24_000) -> Samples:
    """Digital silence."""
    return np.zeros(round(seconds * rate), dtype=np.int16)


@lru_cache(maxsize=16)
def speech(seconds: float, rate: int = 24_000, *, words: bool = True) -> Samples:
    """Speech of that length: words if they are wanted and the extra `speech` is there, else a murmur."""
    speaker = best_speaker() if words else murmur_speaker()
    text = _SPOKEN
    said = speaker.say(pieces_of(text), "marin", 1.0).samples
    if rate != 24_000:
        said = said[:: 24_000 // rate]
    wanted = round(seconds * rate)
    made: Samples = np.tile(said, -(-wanted // len(said)))[:wanted]
    return made


def chunks(samples: Samples, encoding: str = "audio/pcm", *, seconds: float = CHUNK_SECONDS) -> list[str]:
    """Samples as base64 pieces of `seconds` each, in the wire's encoding."""
    step = round(seconds * RATES[encoding])
    pieces = (samples[at : at + step] for at in range(0, len(samples), step))
    return [pybase64.b64encode(_encoded(piece, encoding)).decode("ascii") for piece in pieces]


def _encoded(samples: Samples, encoding: str) -> bytes:
    if encoding == "audio/pcmu":
        return g711.ulaw_encode(samples)
    if encoding == "audio/pcma":
        return g711.alaw_encode(samples)
    return samples.astype("<i2").tobytes()

"""What a user wants to say: sound from a file or a pipe, looked at before anything is opened."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ..audio.levels import Levels, measure
from ..audio.pcm import WIRE_RATE, Samples, frames_of, ms_of
from ..devices.files import LoadedAudio, load_audio, load_stream
from ..errors import AudioError
from .output import Output

__all__ = ["Question", "chunks", "decibels", "read_question"]

CHUNK_MS = 100

# The server takes no shorter turn (API reference).
MINIMUM_MS = 100

# Speech into the worst of microphones peaks far above this; a muted one stays below.
SILENCE_DBFS = -60.0


@dataclass(frozen=True, slots=True)
class Question:
    """What will be said: mono samples at the wire's rate, and how loud they are."""

    samples: Samples
    levels: Levels

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / WIRE_RATE


def read_question(path: str, out: Output, *, allow_silence: bool = False) -> Question:
    """The sound of a file; for `-` that of standard input, WAV or raw 24 kHz 16-bit mono.

    Says what was converted. Raises `AudioError` for what is no audio, is too
    short for a turn, or is silent (unless that is allowed), and `MissingExtra`
    if reading it needs one.
    """
    name = "standard input" if path == "-" else path
    loaded = _piped(name) if path == "-" else load_audio(path)
    if loaded.note:
        out.say(loaded.note)
    held = ms_of(len(loaded.samples))
    if held < MINIMUM_MS:
        raise AudioError(f"{name} holds {held:.0f} ms", hint=f"a turn takes at least {MINIMUM_MS} ms")
    levels = measure(loaded.samples)
    if levels.peak_dbfs < SILENCE_DBFS:
        _judge_silence(name, levels, allow_silence, out)
    return Question(loaded.samples, levels)


def _piped(name: str) -> LoadedAudio:
    if sys.stdin.isatty():
        raise AudioError(f"{name} is a terminal", hint="pipe sound into it, or name a file")
    return load_stream(sys.stdin.buffer, name=name)


def _judge_silence(name: str, levels: Levels, allowed: bool, out: Output) -> None:
    what = "is silent" if levels.silent else f"is all but silent (peak {levels.peak_dbfs:.0f} dBFS)"
    if not allowed:
        raise AudioError(
            f"{name} {what}", hint="was the microphone on? `turn --allow-silence` sends it all the same"
        )
    out.say(f"warning: {name} {what}")


def chunks(samples: Samples) -> Iterator[Samples]:
    """`samples` in pieces of 100 ms, the last one shorter."""
    size = frames_of(CHUNK_MS)
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def decibels(value: float) -> float | None:
    """A level for JSON, which has no infinity."""
    return None if math.isinf(value) else round(value, 1)

"""Sound in and out of a command: the question read and judged, the answer kept whole or not at all."""

from __future__ import annotations

import io
import math
import os
import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from ..audio.levels import Levels, measure
from ..audio.pcm import WIRE_RATE, Samples, ms_of
from ..devices.files import load_audio, load_pcm
from ..errors import AudioError
from .output import Output

if TYPE_CHECKING:
    from typing import Self

__all__ = ["CHUNK_MS", "AnswerFile", "Question", "chunks", "decibels", "read_question", "seconds_of"]

CHUNK_MS = 100
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
        return seconds_of(self.samples)


def read_question(path: str, out: Output, *, allow_silence: bool = False) -> Question:
    """The audio of a file, or raw 24 kHz 16-bit mono PCM from standard input for `-`.

    Other rates and channel counts are converted, with a note. Raises
    `AudioError` for what is no audio, is too short for a turn, or is silent
    (unless that is allowed).
    """
    if path == "-":
        samples = _piped()
    else:
        loaded = load_audio(path)
        samples = loaded.samples
        if loaded.note:
            out.say(loaded.note)
    name = "standard input" if path == "-" else path
    if ms_of(len(samples), WIRE_RATE) < MINIMUM_MS:
        held = f"{ms_of(len(samples), WIRE_RATE):.0f} ms" if len(samples) else "no audio"
        raise AudioError(f"{name} holds {held}", hint=f"a turn takes at least {MINIMUM_MS} ms")
    levels = measure(samples)
    if levels.peak_dbfs < SILENCE_DBFS:
        loud = "is silent" if levels.silent else f"is all but silent (peak {levels.peak_dbfs:.0f} dBFS)"
        if not allow_silence:
            raise AudioError(
                f"{name} {loud}", hint="look at the microphone; --allow-silence sends it all the same"
            )
        out.say(f"warning: {name} {loud}")
    return Question(samples, levels)


def _piped() -> Samples:
    if sys.stdin.isatty():
        raise AudioError("standard input is a terminal", hint="pipe 24 kHz 16-bit mono PCM into it")
    return load_pcm(sys.stdin.buffer.read())


def chunks(samples: Samples) -> Iterator[Samples]:
    """`samples` in pieces of 100 ms, the last one shorter."""
    size = WIRE_RATE * CHUNK_MS // 1000
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def seconds_of(samples: Samples) -> float:
    """How long samples at the wire's rate last."""
    return len(samples) / WIRE_RATE


def decibels(value: float) -> float | None:
    """A level for JSON, which has no infinity."""
    return None if math.isinf(value) else round(value, 1)


class AnswerFile:
    """A WAV file that appears whole or not at all.

    Used as a context manager: entering proves that it can be written (raises
    `OSError` if not), `keep` puts the sound in its place, and leaving without
    `keep` leaves whatever was there before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A device or a pipe has no place to be replaced in; it is written straight.
        self._direct = path.exists() and not path.is_file()
        self._part = path if self._direct else path.with_name(f".{path.name}.{os.getpid()}.part")

    def __enter__(self) -> Self:
        if self.path.is_dir():
            raise IsADirectoryError(None, "is a directory; name a file in it", str(self.path))
        if self.path.is_file() and not os.access(self.path, os.W_OK):
            raise PermissionError(None, "may not be written", str(self.path))
        try:
            self._file = self._part.open("wb")
        except OSError as exc:
            raise OSError(exc.errno, exc.strerror, str(self.path)) from None
        return self

    def keep(self, samples: Samples) -> None:
        """Write mono samples at the wire's rate, in place of what was there.

        Raises `AudioError` if there are none: an answer in text only.
        """
        if not len(samples):
            raise AudioError("the answer holds no audio, so nothing was written", hint="leave out -o")
        self._file.write(_wav(samples))
        self._file.close()
        if not self._direct:
            self._part.replace(self.path)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if not self._direct:
            self._part.unlink(missing_ok=True)


def _wav(samples: Samples) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(WIRE_RATE)
        file.writeframes(np.asarray(samples, dtype="<i2").tobytes())
    return held.getvalue()

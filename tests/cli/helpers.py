"""Sound files, and what a run of a command left behind."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Told:
    """What one run of the command line left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    def line(self, kind: str) -> dict[str, Any]:
        """The only line of this kind."""
        (found,) = [line for line in self.lines if line["kind"] == kind]
        return found


Run = Callable[..., Told]


def tone(seconds: float, rate: int = 24000, amplitude: float = 0.3) -> npt.NDArray[np.int16]:
    """A sine of 220 Hz."""
    return (np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 220 / rate) * amplitude * 32767).astype(
        np.int16
    )


def write_wav(path: Path, samples: npt.NDArray[np.int16], rate: int = 24000, channels: int = 1) -> Path:
    """A WAV file of 16-bit samples, interleaved if there are several channels."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> npt.NDArray[np.int16]:
    """The samples of a WAV file, which must have the wire's format."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")

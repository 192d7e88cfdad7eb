"""How loud: RMS and peak in dBFS, clipping, and whether there is anything at all.

0 dBFS is the largest sample there is (32768), for RMS too: a sine at full
scale peaks at 0 and has an RMS of -3.01. Pure silence is minus infinity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .pcm import to_int16

__all__ = ["LevelMeter", "Levels", "measure", "peak_dbfs", "rms_dbfs"]

_FULL = 32768


@dataclass(frozen=True, slots=True)
class Levels:
    """The loudness of a stretch of audio. `clipped` counts samples at either end of the scale."""

    frames: int
    rms_dbfs: float
    peak_dbfs: float
    clipped: int

    @property
    def silent(self) -> bool:
        """Whether every sample is zero: a muted microphone, or one without permission."""
        return self.peak_dbfs == -math.inf


class LevelMeter:
    """Adds up what passes; `levels()` at any time. Not for two threads."""

    __slots__ = ("_clipped", "_frames", "_peak", "_squares")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self._frames = 0
        self._squares = 0.0
        self._peak = 0
        self._clipped = 0

    def add(self, samples: npt.NDArray[np.generic]) -> None:
        """Count `samples` (int16, or float32 in [-1, 1]). Raises `AudioError` as `to_int16`."""
        pcm = to_int16(samples)
        if not len(pcm):
            return
        wide = pcm.astype(np.float64)
        self._frames += len(pcm)
        self._squares += float(np.dot(wide, wide))
        self._peak = max(self._peak, int(pcm.max()), -int(pcm.min()))
        self._clipped += int(np.count_nonzero((pcm == 32767) | (pcm == -32768)))

    def levels(self) -> Levels:
        """Everything added since the start or the last `reset`."""
        rms = math.sqrt(self._squares / self._frames) if self._frames else 0.0
        return Levels(self._frames, _dbfs(rms), _dbfs(self._peak), self._clipped)


def measure(samples: npt.NDArray[np.generic]) -> Levels:
    """The levels of one array (int16, or float32 in [-1, 1]). Raises `AudioError` as `to_int16`."""
    meter = LevelMeter()
    meter.add(samples)
    return meter.levels()


def rms_dbfs(samples: npt.NDArray[np.generic]) -> float:
    """The RMS of `samples` in dBFS; minus infinity for silence and for nothing."""
    return measure(samples).rms_dbfs


def peak_dbfs(samples: npt.NDArray[np.generic]) -> float:
    """The largest magnitude of `samples` in dBFS; minus infinity for silence and for nothing."""
    return measure(samples).peak_dbfs


def _dbfs(level: float) -> float:
    return 20 * math.log10(level / _FULL) if level > 0 else -math.inf

"""Changing the rate of a stream, piece by piece, on soxr (extra `audio`).

One `Resampler` a stream: it remembers the samples around each seam, so pieces
give what the whole would have. Always on the event loop's thread, before the
ring; never in a device's callback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import MissingExtra
from .pcm import Samples, to_int16

if TYPE_CHECKING:
    _Floats = npt.NDArray[np.float32]

__all__ = ["Resampler"]

_NOTHING = np.zeros(0, np.float32)


class _Stream(Protocol):
    """What we use of `soxr.ResampleStream`."""

    def resample_chunk(self, x: _Floats, last: bool = False) -> _Floats:
        """The output that the input so far decides; with `last`, all of it."""


class Resampler:
    """A mono stream at `from_rate` made into one at `to_rate`.

    Samples in and out are one-dimensional. A filter looks ahead, so the output
    lags a few milliseconds behind the input until `flush` brings the rest; by
    then it is as long as the input, to the nearest frame. Raises `MissingExtra`
    on creation if soxr is not installed.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self.from_rate = from_rate
        self.to_rate = to_rate
        self._stream = self._open()

    def _open(self) -> _Stream:
        try:
            import soxr
        except ImportError as exc:
            raise MissingExtra("audio", f"resampling {self.from_rate} Hz to {self.to_rate} Hz") from exc
        # Floats inside: its int16 output is dithered, and silence should stay silence.
        stream: _Stream = soxr.ResampleStream(self.from_rate, self.to_rate, 1, dtype="float32", quality="HQ")
        return stream

    def process(self, samples: npt.NDArray[np.generic]) -> Samples:
        """The samples (int16, or float32 in [-1, 1]) that follow; returns what is ready, maybe none."""
        return to_int16(self._stream.resample_chunk(_floats(samples)))

    def flush(self) -> Samples:
        """The rest of the stream. What is given to `process` afterwards begins another one."""
        rest = self._stream.resample_chunk(_NOTHING, last=True)
        self._stream = self._open()
        return to_int16(rest)


def _floats(samples: npt.NDArray[np.generic]) -> _Floats:
    if samples.dtype == np.float32:
        return np.ascontiguousarray(samples, dtype=np.float32)
    return to_int16(samples).astype(np.float32) / np.float32(32768)

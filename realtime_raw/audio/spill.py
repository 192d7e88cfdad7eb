"""`Spill`: what does not fit the ring waits here, bounded, on the event loop's thread.

A server may send a whole answer at once. Pieces are joined as they come, so
that a stream cut very small costs its samples and not an object each.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from ..types import AudioKey
from .pcm import Samples

__all__ = ["Spill"]

_PIECE = 1 << 16  # bytes: some 1.4 s at 24 kHz


class Spill:
    """A queue of samples with their keys. It tells how much it should be given (`free`)."""

    __slots__ = ("_at", "_limit", "_pieces", "frames")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Frames that wait.
        self.frames = 0
        self._at = 0  # frames of the first piece that are gone
        self._pieces: deque[tuple[AudioKey, bytearray]] = deque()

    def __len__(self) -> int:
        """Frames that wait."""
        return self.frames

    @property
    def free(self) -> int:
        """Frames to the limit."""
        return max(0, self._limit - self.frames)

    def push(self, key: AudioKey, samples: Samples) -> None:
        """Queue all of `samples` (a copy); to keep to `free` is the caller's affair."""
        data = samples.tobytes()
        if self._pieces and self._pieces[-1][0] == key and len(self._pieces[-1][1]) < _PIECE:
            self._pieces[-1][1].extend(data)
        else:
            self._pieces.append((key, bytearray(data)))
        self.frames += len(samples)

    def first(self, most: int) -> tuple[AudioKey, Samples]:
        """Up to `most` of the next samples, all of one key. A copy; `drop` what was used."""
        key, data = self._pieces[0]
        # Copied, as a view would forbid the piece to grow while anyone holds it.
        return key, np.frombuffer(data[2 * self._at : 2 * (self._at + most)], np.int16)

    def drop(self, frames: int) -> None:
        """Forget the first `frames`, no more than `first` has shown."""
        self._at += frames
        self.frames -= frames
        if 2 * self._at >= len(self._pieces[0][1]):
            self._pieces.popleft()
            self._at = 0

    def clear(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self.frames = self._at = 0

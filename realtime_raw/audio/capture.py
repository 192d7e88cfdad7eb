"""`CaptureRing`: the latest of what a device hears, from its thread to the event loop's.

The opposite of `SampleRing` where it is full: the writer never waits and never
stops, and what the reader was too slow for is the oldest. Each block carries
the time at which it was in the air, so that nothing stale is taken for new.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import AudioError
from .pcm import Samples
from .ring import new_counter

__all__ = ["CaptureRing", "Stretch"]

_MARKS = 4096  # blocks whose times are remembered: 2 s of blocks as short as 12 frames


class Stretch(NamedTuple):
    """Consecutive frames, the time of the first, and how many frames before them were overwritten."""

    samples: Samples
    at: float
    dropped: int


class CaptureRing:
    """Keeps the last `capacity` frames of mono int16 at `rate`.

    One thread calls `write`, another one `read`; nothing waits, and `write`
    makes no array of its own. Raises `AudioError` for a capacity below one frame.
    """

    def __init__(self, capacity: int, rate: int) -> None:
        if capacity < 1:
            raise AudioError(f"a ring of {capacity} frames holds nothing", hint="give it at least one frame")
        self._capacity = capacity
        self._rate = rate
        # Behind `_begun`, frames may be in the middle of being overwritten: the spare room lets
        # a whole ring be read all the same while the next block comes.
        self._samples = np.zeros(2 * capacity, np.int16)
        self._begun = new_counter()  # the writer's: it is about to have written so many
        self._written = new_counter()
        self._marks = new_counter()
        self._starts = np.zeros(_MARKS, np.int64)
        self._times = np.zeros(_MARKS, np.float64)
        self._read = 0  # the reader's
        self._dropped = 0

    @property
    def written(self) -> int:
        """Frames ever captured."""
        return self._written.value

    @property
    def dropped(self) -> int:
        """Frames that were overwritten before they were read."""
        return self._dropped

    # -- the device's thread --------------------------------------------------

    def write(self, samples: Samples, at: float) -> None:
        """Add a block whose first frame was in the air at `at`. Of an oversized one, the end is kept."""
        written = self._written.value
        count = len(samples)
        if count > self._capacity:
            at += (count - self._capacity) / self._rate
            written += count - self._capacity
            samples, count = samples[-self._capacity :], self._capacity
        if not count:
            return
        self._begun.value = written + count
        mark = self._marks.value
        self._starts[mark % _MARKS] = written
        self._times[mark % _MARKS] = at
        self._marks.value = mark + 1
        size = len(self._samples)
        start = written % size
        first = min(count, size - start)
        self._samples[start : start + first] = samples[:first]
        self._samples[: count - first] = samples[first:]
        self._written.value = written + count

    # -- the event loop's thread ----------------------------------------------

    def read(self) -> Stretch:
        """All that came since the last call, or the latest `capacity` frames of it.

        With nothing new, `samples` is empty and `at` the end of what was read (0.0 before anything came).
        """
        until = self._written.value
        start = max(self._read, until - self._capacity)
        samples = self._copy(start, until)
        # What the writer reached meanwhile is not to be trusted.
        safe = min(until, max(start, self._begun.value - len(self._samples)))
        samples = samples[safe - start :]
        dropped = safe - self._read
        self._read = until
        self._dropped += dropped
        return Stretch(samples, self._time_of(safe), dropped)

    def _copy(self, start: int, until: int) -> Samples:
        size = len(self._samples)
        at = start % size
        first = min(until - start, size - at)
        return np.concatenate((self._samples[at : at + first], self._samples[: until - start - first]))

    def _time_of(self, number: int) -> float:
        """When frame `number` was in the air, from its own block or else the oldest that is remembered."""
        newest = self._marks.value
        time = 0.0
        # One slot is left out: the writer may be in it.
        for mark in range(newest - 1, max(-1, newest - _MARKS), -1):
            start = int(self._starts[mark % _MARKS])
            time = float(self._times[mark % _MARKS]) + (number - start) / self._rate
            if start <= number:
                break
        return time

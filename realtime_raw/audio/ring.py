"""`SampleRing`: samples from one writing thread to one reading thread.

Only counters cross: each has one thread that writes it. With the GIL that is
enough, as an index is published after the copy it speaks of. Which sample
belongs to whom is the span map's affair, silence the reader's.
"""

from __future__ import annotations

import sys
from threading import Lock

import numpy as np

from ..errors import AudioError
from .pcm import Samples

__all__ = ["SampleRing", "new_counter"]


class _Counter:
    """An integer that one thread writes and another reads."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class _GuardedCounter:
    """The same where there is no GIL.

    There, the order in which another thread sees two stores is practice, not
    promise. The lock makes it one; it covers the counter, never a copy.
    """

    __slots__ = ("_lock", "_value")

    def __init__(self) -> None:
        self._lock = Lock()
        self._value = 0

    @property
    def value(self) -> int:
        with self._lock:
            return self._value

    @value.setter
    def value(self, value: int) -> None:
        with self._lock:
            self._value = value


def _gil_enabled() -> bool:
    check = getattr(sys, "_is_gil_enabled", None)  # Python 3.13 and later
    return check is None or bool(check())


def new_counter() -> _Counter | _GuardedCounter:
    """An integer, 0 at first, for one writing and one reading thread of this interpreter."""
    return _Counter() if _gil_enabled() else _GuardedCounter()


class SampleRing:
    """A buffer of `capacity` int16 samples between two threads.

    The writing thread may call `write` and `discard`, the reading thread
    `read_into`, `read_block`, `peek_into`, `advance` and `skip_discarded`; everything else is
    for both. Nothing waits. Frames are numbered by the order in which they
    were written, from 0; a number is never used twice.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise AudioError(f"a ring of {capacity} frames holds nothing", hint="give it at least one frame")
        # Zeroed memory comes from the system untouched: pages cost nothing until written.
        self._samples = np.zeros(capacity, np.int16)
        self._view = self._samples.data
        self._memory = self._samples.view(np.uint8).data
        self._capacity = capacity
        self._size = 2 * capacity
        self._written = new_counter()
        self._consumed = new_counter()
        self._discard_until = new_counter()
        self.end = 0  # of what `write_bytes` wrote last

    @property
    def capacity(self) -> int:
        """The most frames it can hold."""
        return self._capacity

    @property
    def written(self) -> int:
        """Frames ever written: the number the next one will have."""
        return self._written.value

    @property
    def consumed(self) -> int:
        """Frames ever read or skipped: the number of the next one to be read."""
        return self._consumed.value

    @property
    def available(self) -> int:
        """Frames that wait to be read, those marked for discarding included."""
        return self._written.value - self._consumed.value

    @property
    def free(self) -> int:
        """Frames that can be written now. What was discarded is free once the reader has skipped it."""
        return self._capacity - self.available

    @property
    def discarding(self) -> int:
        """Frames that the reader has yet to skip."""
        return max(0, self._discard_until.value - self._consumed.value)

    # -- the writing thread -------------------------------------------------

    def write(self, samples: Samples) -> int:
        """Copy in as many of `samples` (one-dimensional int16) as fit; returns how many."""
        if samples.dtype != np.int16 or samples.ndim != 1:
            raise AudioError(
                f"the ring was given {samples.dtype} of shape {samples.shape}", hint="use pcm.to_int16 first"
            )
        written = self._written.value
        waiting = written - self._consumed.value
        room = self._capacity - waiting
        if len(samples) > room:
            samples = samples[:room]
        count = len(samples)
        at = written % self._capacity
        first = self._capacity - at
        if count <= first:
            self._samples[at : at + count] = samples
        else:
            self._samples[at:] = samples[:first]
            self._samples[: count - first] = samples[first:]
        self._written.value = written + count
        return count

    def write_bytes(self, data: bytes) -> int:
        """Copy in samples as bytes in the machine's order, if they are whole and there is room for them all.

        Returns how many frames now wait, those marked for discarding included;
        0 if nothing was written. `end` is then the number the next frame will have.
        """
        size = len(data)
        written = self._written.value
        end = written + (size >> 1)
        waiting = end - self._consumed.value
        capacity = self._capacity
        if waiting > capacity or size & 1 or not size:
            return 0
        start = 2 * (written % capacity)
        stop = start + size
        if stop <= self._size:
            self._memory[start:stop] = data
        else:
            first = self._size - start
            self._memory[start:] = data[:first]
            self._memory[: size - first] = data[first:]
        self._written.value = self.end = end
        return waiting

    def discard(self) -> int:
        """Mark all that was written for skipping; returns the number the next frame will have."""
        until = self._written.value
        self._discard_until.value = until
        return until

    # -- the reading thread -------------------------------------------------

    def read_into(self, out: Samples) -> int:
        """Skip what was discarded, then fill `out` from its start; returns how many frames there were.

        The rest of `out` is left as it is.
        """
        if self._consumed.value < self._discard_until.value:
            self.skip_discarded()
        count = self.peek_into(out)
        self._consumed.value += count
        return count

    def read_block(self, out: Samples) -> int:
        """Fill all of `out` from frames that lie in one piece; 0, and nothing done, if there are none such.

        For the callback, which is here for nearly every block: memory to
        memory, without an array made in between. What is no one-dimensional
        int16 array is for `peek_into` to refuse.
        """
        size = len(out)
        consumed = self._consumed.value
        until = consumed + size
        at = consumed % self._capacity
        end = at + size
        if until > self._written.value or end > self._capacity or self._discard_until.value > consumed:
            return 0
        try:
            out.data[:] = self._view[at:end]
        except (TypeError, ValueError, NotImplementedError):  # other samples, another shape, read-only
            return 0
        self._consumed.value = until
        return size

    def peek_into(self, out: Samples) -> int:
        """Copy the next frames without consuming them and without regard to `discard`."""
        consumed = self._consumed.value
        count = self._written.value - consumed
        if count >= len(out):
            count = len(out)
        else:
            out = out[:count]
        at = consumed % self._capacity
        first = self._capacity - at
        if count <= first:
            out[:] = self._samples[at : at + count]
        else:
            out[:first] = self._samples[at:]
            out[first:] = self._samples[: count - first]
        return count

    def advance(self, count: int) -> None:
        """Consume `count` frames, no more than `peek_into` has shown."""
        self._consumed.value += count

    def skip_discarded(self) -> int:
        """Consume what `discard` marked; returns how many frames that was."""
        skipped = self.discarding
        if skipped:
            self._consumed.value += skipped
        return skipped

"""Where the sound goes, the same for every client: a ring, and what is known of it.

A client calls `write` for each piece of sound and `done` at the end of each
answer. What proving costs is taken out of what the client is charged.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

__all__ = ["Latencies", "Nowhere", "Ring", "Sink"]


class Ring:
    """Forty seconds of sound, overwritten by what is newer."""

    def __init__(self, seconds: float = 40.0) -> None:
        self.samples = np.zeros(round(seconds * 24_000), np.int16)
        self._view = memoryview(self.samples).cast("B")  # type: ignore[arg-type]  # arrays are buffers
        self._size = len(self._view)
        self._at = 0
        self.written = 0

    def write(self, data: bytes) -> None:
        """Append PCM."""
        at, size = self._at, len(data)
        end = at + size
        if end <= self._size:
            self._view[at:end] = data
        else:
            first = self._size - at
            self._view[at:] = data[:first]
            end = size - first
            self._view[:end] = data[first:]
        self._at = end
        self.written += size

    def last(self, size: int) -> bytes:
        """The newest `size` bytes."""
        start = self._at - size
        if start >= 0:
            return bytes(self._view[start : self._at])
        return bytes(self._view[start:]) + bytes(self._view[: self._at])


class Nowhere:
    """Where no sound is expected; `done` is called for what else ends."""

    def __init__(self, done: Callable[[], None] = lambda: None) -> None:
        self.done = done

    def write(self, data: bytes) -> None:
        """Nothing."""


class Sink:
    """Counts answers and proves their sound: to the byte, and no byte more or less.

    `expected` is each answer's sound; `told` is called with the number of answers
    so far. `read` is how the newest bytes are had, and how many have come in
    all: a client with a ring of its own puts another function there.
    """

    def __init__(self, expected: bytes, told: Callable[[int], None]) -> None:
        self.ring = Ring()
        self.write = self.ring.write
        self.read: Callable[[int], tuple[bytes | bytearray, int]] = self._read
        self.excluded_ns = 0
        self.faults: list[str] = []
        self.count = 0
        self.marks: dict[int, float] = {}  # answers so far -> CPU seconds so far, every hundred
        self._expected = expected
        self._told = told

    def done(self) -> None:
        """An answer is over, and all of its sound is in the ring."""
        began = time.process_time_ns()
        self.count += 1
        if self._expected:
            got, total = self.read(len(self._expected))
            if got != self._expected or total != self.count * len(self._expected):
                self.faults.append(f"answer {self.count}: {len(got)} bytes, {total} in all")
        if self.count % 100 == 0:
            self.marks[self.count] = (began - self.excluded_ns) / 1e9
        self._told(self.count)
        self.excluded_ns += time.process_time_ns() - began

    def check(self) -> None:
        """Raise `RuntimeError` if any answer was not what was sent."""
        if self.faults:
            raise RuntimeError(f"sound was lost: {self.faults[0]}")

    def _read(self, size: int) -> tuple[bytes, int]:
        return self.ring.last(size), self.ring.written


class Latencies:
    """A sink that notes how long each stamped piece took: into the ring, and to the handler."""

    def __init__(self, finished: Callable[[], None]) -> None:
        self.ring = Ring(2.0)
        self.in_ring: list[int] = []
        self.at_handler: list[int] = []
        self.done = finished
        self._put = self.ring.write

    def write(self, data: bytes) -> None:
        """Append PCM, and look at the clock."""
        self._put(data)
        self.note(data)

    def note(self, data: bytes) -> None:
        """The piece that begins with `data` can be read from now on."""
        now = time.monotonic_ns()
        self.in_ring.append(now - int.from_bytes(data[:8], "little"))

    def handled(self, data: bytes) -> None:
        """The event with the piece that begins with `data` is with the user."""
        self.at_handler.append(time.monotonic_ns() - int.from_bytes(data[:8], "little"))

"""What does the playback ring cost, against the ways one would otherwise keep samples?

    python tools/bench_ring.py

One delta of 240 ms is written, then read in 20 ms blocks, with 30 s queued;
each line is the cost of one 20 ms block, writing included, and its ratio to the
ring's. The candidates take turns, and the best round of each counts: absolute
times move with the machine, the ratios little.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from realtime_raw.audio.player import Player
from realtime_raw.audio.ring import SampleRing
from realtime_raw.types import AudioKey

RATE = 24_000
BLOCK = 480
DELTA = 5760
BLOCKS = DELTA // BLOCK
QUEUED = 30 * RATE
ROUNDS = 15
TURNS = 200

Samples = npt.NDArray[np.int16]


class DequeQueue:
    """Chunks as they came, and how far the first one is used up."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._at = 0

    def write(self, data: bytes) -> None:
        """Append a chunk."""
        self._chunks.append(data)

    def read(self, out: Samples) -> None:
        """Fill `out` from as many chunks as it takes."""
        view, done = memoryview(out).cast("B"), 0  # type: ignore[arg-type]  # arrays are buffers
        while done < len(view) and self._chunks:
            chunk = self._chunks[0]
            count = min(len(view) - done, len(chunk) - self._at)
            view[done : done + count] = chunk[self._at : self._at + count]
            done += count
            self._at += count
            if self._at == len(chunk):
                self._chunks.popleft()
                self._at = 0


class BytearrayQueue:
    """One growing buffer, shortened from the front, under a lock."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Extend the buffer."""
        with self._lock:
            self._data += data

    def read(self, out: Samples) -> None:
        """Copy the front out and delete it."""
        with self._lock:
            size = 2 * len(out)
            out[:] = np.frombuffer(bytes(self._data[:size]), np.int16)
            del self._data[:size]


def ring() -> tuple[Callable[[bytes], object], Callable[[Samples], object]]:
    """The bare ring."""
    target = SampleRing(240 * RATE)
    return lambda data: target.write(np.frombuffer(data, np.int16)), target.read_into


def player() -> tuple[Callable[[bytes], object], Callable[[Samples], object]]:
    """The ring with everything that is known of its frames."""
    target, key = Player(), AudioKey("item")
    return lambda data: target.feed(key, data, "audio/pcm", 0.0), target.pull


def deque_queue() -> tuple[Callable[[bytes], object], Callable[[Samples], object]]:
    """A deque of chunks."""
    target = DequeQueue()
    return target.write, target.read


def bytearray_queue() -> tuple[Callable[[bytes], object], Callable[[Samples], object]]:
    """One bytearray."""
    target = BytearrayQueue()
    return target.write, target.read


CANDIDATES = {
    "SampleRing": ring,
    "deque of bytes + bookkeeping": deque_queue,
    "bytearray + lock": bytearray_queue,
    "Player (ring, spans, fade, clock)": player,
}


def main() -> None:
    """Measure and print."""
    data = (np.arange(DELTA) % 1000 + 1).astype("<i2").tobytes()
    out = np.zeros(BLOCK, np.int16)
    pairs = {name: make() for name, make in CANDIDATES.items()}
    for write, _ in pairs.values():
        for _ in range(QUEUED // DELTA):
            write(bytes(memoryview(data)))
    best = dict.fromkeys(pairs, (float("inf"), float("inf")))
    for _ in range(ROUNDS):
        for name, (write, read) in pairs.items():
            took = measure(write, read, data, out)
            best[name] = (min(best[name][0], took[0]), min(best[name][1], took[1]))
    base = sum(best["SampleRing"])
    print(f"{'per 20 ms block, 30 s queued':36}{'write µs':>10}{'read µs':>10}{'both':>8}{'÷ ring':>8}")
    for name, (write_us, read_us) in best.items():
        both = write_us + read_us
        print(f"{name:36}{write_us:10.2f}{read_us:10.2f}{both:8.2f}{both / base:8.2f}")


def measure(
    write: Callable[[bytes], object], read: Callable[[Samples], object], data: bytes, out: Samples
) -> tuple[float, float]:
    """Microseconds a block for writing and for reading, in one round."""
    writing = reading = 0
    for _ in range(TURNS):
        fresh = bytes(memoryview(data))  # as a decoder would have made it: in the cache now, not 30 s later
        start = time.perf_counter_ns()
        write(fresh)
        middle = time.perf_counter_ns()
        for _ in range(BLOCKS):
            read(out)
        reading += time.perf_counter_ns() - middle
        writing += middle - start
    return writing / 1000 / TURNS / BLOCKS, reading / 1000 / TURNS / BLOCKS


if __name__ == "__main__":
    main()

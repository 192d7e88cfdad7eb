"""The playback ring against the ways one would otherwise keep samples.

One delta of 240 ms is written, then read in 20 ms blocks, with 30 s queued; a
figure is of one 20 ms block. `blocks kept` are blocks of memory that reading a
thousand blocks left behind: the callback is to allocate nothing that stays.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from realtime_raw.audio.player import Player
from realtime_raw.audio.ring import SampleRing
from realtime_raw.types import AudioKey
from tools.bench.clients import Client
from tools.bench.columns import Cell, Value

RATE = 24_000
BLOCK = 480
DELTA = 5760
BLOCKS = DELTA // BLOCK
QUEUED = 30 * RATE
ROUNDS = 15
TURNS = 100
BLOCKS_READ = 1000

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
    target, key = Player(clock=time.perf_counter_ns), AudioKey("item")
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
    "ring": ring,
    "player": player,
    "deque + bookkeeping": deque_queue,
    "bytearray + lock": bytearray_queue,
}
TITLE = "The ring, µs a 20 ms block"
LEAST = True
CELLS = (Cell("30 s queued", tuple(CANDIDATES), {}, 3, 1),)


def measure(client: Client, port: int) -> dict[str, Value]:
    """The best of some rounds: whatever disturbs only adds."""
    data = (np.arange(DELTA) % 1000 + 1).astype("<i2").tobytes()
    out = np.zeros(BLOCK, np.int16)
    write, read = CANDIDATES[client.name]()
    for _ in range(QUEUED // DELTA):
        write(data)
    best = (float("inf"), float("inf"))
    for _ in range(ROUNDS):
        took = _round(write, read, data, out)
        best = min(best[0], took[0]), min(best[1], took[1])
    return {
        "block_us": best[0] + best[1],
        "write_us": best[0],
        "read_us": best[1],
        "blocks": _kept(write, read, data, out),
    }


def _round(
    write: Callable[[bytes], object], read: Callable[[Samples], object], data: bytes, out: Samples
) -> tuple[float, float]:
    """Microseconds a block for writing and for reading."""
    writing = reading = 0
    for _ in range(TURNS):
        start = time.perf_counter_ns()
        write(data)
        middle = time.perf_counter_ns()
        for _ in range(BLOCKS):
            read(out)
        reading += time.perf_counter_ns() - middle
        writing += middle - start
    return writing / 1000 / TURNS / BLOCKS, reading / 1000 / TURNS / BLOCKS


def _kept(
    write: Callable[[bytes], object], read: Callable[[Samples], object], data: bytes, out: Samples
) -> int:
    """Blocks of memory left by reading a thousand, of 20 ms each."""
    for _ in range(BLOCKS_READ // BLOCKS + 1):
        write(data)
    for _ in range(10):
        read(out)
    before = sys.getallocatedblocks()
    for _ in range(BLOCKS_READ):
        read(out)
    return sys.getallocatedblocks() - before

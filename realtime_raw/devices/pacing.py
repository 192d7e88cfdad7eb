"""A thread that asks for block after block, in real time or as fast as there is sound.

What files and fakes use in place of a sound card's own thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from ..audio.pcm import Samples
from ..errors import AudioError
from .base import Pull

__all__ = ["BlockThread", "Pace"]

_GIVE_UP = 1.0  # seconds behind; a machine that slept should not catch up with a burst
_IDLE = 0.005  # seconds between looks for sound, where nothing else sets the pace
_JOIN = 5.0


class Pace:
    """When each block is due: `period` seconds after the one before, without drift."""

    __slots__ = ("_due", "_period")

    def __init__(self, period: float, now: float) -> None:
        self._period = period
        self._due = now

    def delay(self, now: float) -> float:
        """How many seconds to wait, at time `now`, until the next block is due."""
        self._due += self._period
        if now - self._due > _GIVE_UP:
            self._due = now
        return max(0.0, self._due - now)


class BlockThread:
    """Calls `pull` for blocks of `block` frames and gives each to `take` with what `pull` returned.

    Paced, a block comes every `block / rate` seconds, silence too. Unpaced,
    they come as fast as `take` accepts them, and blocks without any audio are
    left out. `take` runs on the thread; what it raises ends it and is raised by
    `stop`. `take`'s array is used again for the next block.
    """

    def __init__(
        self,
        pull: Pull,
        take: Callable[[Samples, int], None],
        *,
        block: int,
        rate: int,
        paced: bool,
        latency: float | None = None,
    ) -> None:
        self._pull = pull
        self._take = take
        self._block = np.zeros(block, np.int16)
        self._period = block / rate
        self._paced = paced
        self._latency = latency
        self._stopping = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="realtime_raw-blocks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it. Raises what `take` raised, or `AudioError` if it will not end."""
        self._stopping.set()
        self._thread.join(_JOIN)
        if self._thread.is_alive():
            raise AudioError(f"the sink's thread did not end within {_JOIN:g} s", hint="its writing is stuck")
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self) -> None:
        try:
            if self._paced:
                self._in_real_time()
            else:
                self._as_fast_as_taken()
        except Exception as exc:  # kept for `stop`: a thread has nobody to raise it to
            self._error = exc

    def _in_real_time(self) -> None:
        pace = Pace(self._period, time.monotonic())
        while not self._stopping.wait(pace.delay(time.monotonic())):
            self._take(self._block, self._pull(self._block, self._latency))

    def _as_fast_as_taken(self) -> None:
        while not self._stopping.is_set():
            if count := self._pull(self._block, self._latency):
                self._take(self._block, count)
            else:
                self._stopping.wait(_IDLE)

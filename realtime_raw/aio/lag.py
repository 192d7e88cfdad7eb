"""How long the event loop was kept from turning, as each session sees it."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from typing import Final

__all__ = ["LagGauge"]

_STALL_S: Final = 1.0
_STALLS_KEPT: Final = 16


class LagGauge:
    """How long the event loop was kept from turning, and which handler was slowest.

    It looks four times a second: a stall that is shorter, and was not caused
    by a handler, may go unseen.
    """

    INTERVAL: Final = 0.25

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._began = 0.0
        self.longest = 0.0
        # When, and for how long, of the last that deserve the name.
        self._stalls: deque[tuple[float, float]] = deque(maxlen=_STALLS_KEPT)
        self.slowest_handler: str | None = None
        self.slowest_handler_s = 0.0

    def start(self) -> None:
        """Begin to look."""
        self._began = self._loop.time()
        watch = _WATCHES.get(self._loop)
        if watch is None:
            watch = _WATCHES[self._loop] = _Watch(self._loop)
        watch.add(self)

    def stop(self) -> None:
        """Look no more; what was seen stays. Idempotent."""
        watch = _WATCHES.get(self._loop)
        if watch is not None:
            watch.discard(self)

    def late(self, seconds: float, now: float) -> None:
        """The loop was so late when it looked."""
        seconds = min(seconds, now - self._began)
        self.longest = max(self.longest, seconds)
        if seconds >= _STALL_S:
            self._stalls.append((now, seconds))

    def handled(self, label: str, seconds: float) -> None:
        """A sync handler ran for so long."""
        if seconds > self.slowest_handler_s:
            self.slowest_handler, self.slowest_handler_s = label, seconds

    def stalled(self, since: float) -> str | None:
        """In words, the longest stall of a second or more seen since then; None if there was none."""
        longest = max((seconds for at, seconds in self._stalls if at >= since), default=None)
        if longest is None:
            return None
        words = f"the event loop stood still for {longest:.1f} s"
        if self.slowest_handler_s >= _STALL_S:
            words += f", {self.slowest_handler_s:.1f} s of it in the handler {self.slowest_handler}"
        return words


class _Watch:
    """One timer for all gauges of a loop: a gateway has hundreds of sessions, and one loop to be late."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Weakly, as the loop is the key under which this is kept.
        self._loop = weakref.ref(loop)
        self._gauges: set[LagGauge] = set()
        # No gauge has seen less than this, and less is news to none, if it is no stall.
        self._least = 0.0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, gauge: LagGauge) -> None:
        self._gauges.add(gauge)
        self._least = min(self._least, gauge.longest)
        if self._timer is None:
            self._wait()

    def discard(self, gauge: LagGauge) -> None:
        self._gauges.discard(gauge)
        if not self._gauges and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        loop = self._loop()
        assert loop is not None  # it is what calls us
        self._due = loop.time() + LagGauge.INTERVAL
        self._timer = loop.call_at(self._due, self._look)

    def _look(self) -> None:
        loop = self._loop()
        assert loop is not None
        now = loop.time()
        late = now - self._due
        if late > self._least or late >= _STALL_S:
            for gauge in self._gauges:
                gauge.late(late, now)
            self._least = min(gauge.longest for gauge in self._gauges)
        self._wait()


_WATCHES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = weakref.WeakKeyDictionary()

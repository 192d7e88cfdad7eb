"""How long the event loop was kept from turning, as each session sees it."""

from __future__ import annotations

import asyncio
import weakref
from typing import Final

__all__ = ["LagGauge"]


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
        self.longest_at = 0.0
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
        if seconds > self.longest:
            self.longest, self.longest_at = seconds, now

    def handled(self, label: str, seconds: float) -> None:
        """A sync handler ran for so long."""
        if seconds > self.slowest_handler_s:
            self.slowest_handler, self.slowest_handler_s = label, seconds

    def stalled(self, since: float) -> str | None:
        """In words, a stall of a second or more seen after `since`; None if there was none."""
        if self.longest < 1 or self.longest_at < since:
            return None
        words = f"the event loop stood still for {self.longest:.1f} s"
        if self.slowest_handler_s >= 1:
            words += f", {self.slowest_handler_s:.1f} s of it in the handler {self.slowest_handler}"
        return words


class _Watch:
    """One timer for all gauges of a loop: a gateway has hundreds of sessions, and one loop to be late."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Weakly, as the loop is the key under which this is kept.
        self._loop = weakref.ref(loop)
        self._gauges: set[LagGauge] = set()
        # No gauge has seen less than this, and less is news to none.
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
        if (late := now - self._due) > self._least:
            for gauge in self._gauges:
                gauge.late(late, now)
            self._least = min(gauge.longest for gauge in self._gauges)
        self._wait()


_WATCHES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = weakref.WeakKeyDictionary()

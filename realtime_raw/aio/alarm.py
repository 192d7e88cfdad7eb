"""One timer of an event loop that may be put off, or be taken back, for next to nothing.

A deadline changes with each reply and seldom comes. So what was asked of the
loop stays as it is as long as it comes no later than it is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Alarm"]


class Alarm:
    """Calls `ring` once it is `due`, in seconds of the loop's clock; None: not at all."""

    __slots__ = ("_at", "_loop", "_ring", "_timer", "due")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], object]) -> None:
        self._loop = loop
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0  # when the timer comes
        self.due: float | None = None

    def set(self, due: float | None) -> None:
        """Ring then, and not when it was due before."""
        self.due = due
        if due is None or (self._timer is not None and self._at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._start(due)

    def stop(self) -> None:
        """Not at all, and leave nothing with the loop."""
        self.due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, at: float) -> None:
        self._at = at
        self._timer = self._loop.call_at(at, self._come)

    def _come(self) -> None:
        due, self._timer = self.due, None
        if due is None:
            return
        if self._at < due:
            self._start(due)
            return
        self.due = None
        self._ring()

"""Waking whoever waits. Nothing is remembered: look first, then wait, then look again."""

from __future__ import annotations

import asyncio

__all__ = ["Bell"]


class Bell:
    """Wakes everyone who waits, each time it rings.

    Unlike an `asyncio.Event` it has no state to be cleared, so any number of
    readers can wait for "something changed" without stealing it from one another.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake all who wait now."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    async def wait(self) -> None:
        """Until the next ring. Cancelling it leaves nothing behind."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

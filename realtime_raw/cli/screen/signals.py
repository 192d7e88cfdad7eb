"""Signals while a session has the terminal: who wants to end it, stop it, or has resized it.

Handlers run on the event loop. Only Ctrl-C is also heard where the loop
stands still: after three unanswered presses it raises `KeyboardInterrupt`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

__all__ = ["ENDING", "Signals"]

# What ends a session, besides Ctrl-C; the exit code is 128 and the number, as for any program.
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_IMPATIENCE = 3


class Signals:
    """Installs handlers on entering and puts the old ones back on leaving.

    `stopped` gives the terminal back before the process stops (Ctrl-Z), `resumed`
    takes it again when it goes on.
    """

    def __init__(
        self,
        *,
        interrupt: Callable[[], None],
        end: Callable[[signal.Signals], None],
        resized: Callable[[], None],
        stopped: Callable[[], None],
        resumed: Callable[[], None],
    ) -> None:
        self._interrupt = interrupt
        self._end = end
        self._resized = resized
        self._stopped = stopped
        self._resumed = resumed
        self._unanswered = 0
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        for number in ENDING:
            self._loop.add_signal_handler(number, self._end, number)
        self._loop.add_signal_handler(signal.SIGWINCH, self._resized)
        self._loop.add_signal_handler(signal.SIGTSTP, self._stop)
        # asyncio's handler would wait for the loop, which may be what hangs.
        self._loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in (*ENDING, signal.SIGWINCH, signal.SIGTSTP):
            self._loop.remove_signal_handler(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        task = asyncio.current_task()
        if task is not None:  # a Ctrl-C from here on ends whatever is still being closed
            self._loop.add_signal_handler(signal.SIGINT, task.cancel)

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        self._unanswered += 1
        if self._unanswered >= _IMPATIENCE:
            raise KeyboardInterrupt
        self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._unanswered = 0
        self._interrupt()

    def _stop(self) -> None:
        self._stopped()
        self._loop.remove_signal_handler(signal.SIGTSTP)
        os.kill(os.getpid(), signal.SIGTSTP)  # stops here, and goes on here
        self._loop.add_signal_handler(signal.SIGTSTP, self._stop)
        self._resumed()

"""Lines of standard input for an event loop, from a terminal, a pipe or a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading

__all__ = ["Lines"]

# Lines read ahead; then the reading thread waits, and with it whoever writes the pipe.
AHEAD = 64


class Lines:
    """Lines read from a file descriptor, awaited one by one.

    A thread reads, because a regular file cannot be polled. It is a daemon and
    reads the descriptor itself: one blocked inside `sys.stdin` would hold its
    lock, and the interpreter could not end.
    """

    def __init__(self, descriptor: int) -> None:
        self.is_terminal = os.isatty(descriptor)
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        self._room = threading.Semaphore(AHEAD)
        threading.Thread(target=self._read, name="realtime_raw-lines", daemon=True).start()

    async def next(self) -> str | None:
        """The next line without its end; None at the end of input. Raises what `fail` was given."""
        line = await self._queue.get()
        if isinstance(line, Exception):
            raise line
        self._room.release()
        return line

    def fail(self, exc: Exception) -> None:
        """Wake whoever waits for a line with `exc`. To be called on the loop's thread."""
        self._queue.put_nowait(exc)

    def _read(self) -> None:
        rest = b""
        while chunk := self._chunk():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._hand_over(line.decode("utf-8", "replace").rstrip("\r"))
        if rest:
            self._hand_over(rest.decode("utf-8", "replace"))
        self._hand_over(None)

    def _chunk(self) -> bytes:
        try:
            return os.read(self._descriptor, 65536)
        except OSError:  # the terminal went away: the end of input, like any other
            return b""

    def _hand_over(self, line: str | None) -> None:
        self._room.acquire()
        with contextlib.suppress(RuntimeError):  # the loop is closed and nobody will ask
            self._loop.call_soon_threadsafe(self._queue.put_nowait, line)

"""Writing to a terminal on a thread of its own: a line that stalls must not stop the session behind it."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

__all__ = ["Writer"]


class Writer:
    """Writes to `target`, a descriptor, what it is given, in order; from the first `put` until `close`.

    It holds whatever it is given. Who asks `keeps_up` before the next picture,
    and makes it only then, has one waiting at most, and always the latest.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._changed = threading.Condition()
        self._waiting = bytearray()
        self._writing = False
        self._closed = False
        self._error: OSError | None = None
        self._told: Callable[[], object] | None = None
        self._thread: threading.Thread | None = None

    def put(self, data: bytes) -> None:
        """Write this, soon. Raises `OSError` if an earlier write has failed: the terminal is gone."""
        with self._changed:
            if self._error is not None:
                raise self._error
            self._waiting += data
            self._changed.notify_all()
        if self._thread is None:
            # A daemon: where the terminal stalls for good, the program can end all the same.
            self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)
            self._thread.start()

    def keeps_up(self, later: Callable[[], object]) -> bool:
        """Whether all is written. If not, `later` is called once it is, on the writer's thread."""
        with self._changed:
            self._told = None if self._is_done() else later
            return self._told is None

    def drain(self, limit: float) -> bool:
        """Wait until all is written, or cannot be, for at most `limit` seconds; whether it came to that."""
        with self._changed:
            return self._changed.wait_for(self._is_done, limit)

    def close(self) -> None:
        """End the thread, once it has written what it has. Does not wait for it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _is_done(self) -> bool:
        return self._error is not None or not (self._waiting or self._writing)

    def _run(self) -> None:
        while (data := self._next()) is not None:
            error = self._write(data)
            with self._changed:
                self._writing = False
                self._error = error
                told = self._told if self._is_done() else None
                if told is not None:
                    self._told = None
                self._changed.notify_all()
            if told is not None:
                told()
            if error is not None:
                return

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            data = bytes(self._waiting)
            self._waiting.clear()
            self._writing = bool(data)
            return data or None

    def _write(self, data: bytes) -> OSError | None:
        while data:
            try:
                data = data[os.write(self._target, data) :]
            except BlockingIOError:  # what shares the terminal may have made it so
                select.select((), (self._target,), ())
            except OSError as exc:
                return exc
        return None

"""Waiting for the sound system, which may hang: with an end, and without keeping the program from its own.

PortAudio's calls cannot be interrupted, so each is made on a thread that is
left behind where it takes too long. Such a thread must stand in nobody's way:
neither when the event loop ends, nor when the interpreter does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from ..errors import AudioError

__all__ = ["LIMIT_S", "aside", "leave", "within"]

T = TypeVar("T")

LIMIT_S = 5.0
"""How long the sound system may take for one thing. It needs some 100 ms, and a few seconds to wake up."""

_REMEDY = "does the sound server hang, or another program hold the device? restart that, or do without sound"
_left_behind: list[threading.Thread] = []


def within(work: Callable[[], T], doing: str, late: Callable[[T], object] | None = None) -> T:
    """What `work` returns or raises, if it does so within `LIMIT_S`; waits for it.

    Raises `AudioError` if not, and at once while an earlier work hangs. What
    comes too late is given to `late`, by default to be closed.
    """
    if _hangs():
        raise AudioError("the sound system still does not answer", hint=_REMEDY)
    with _stderr_kept():
        future, thread = _begin(work)
        try:
            with contextlib.suppress(TimeoutError):
                future.exception(LIMIT_S)
        finally:  # whoever is interrupted leaves it behind as well
            if not future.done():
                _leave_behind(future, thread, late or _close)
    if future.done():
        return future.result()
    raise AudioError(f"the sound system does not answer: {doing} takes more than {LIMIT_S:g} s", hint=_REMEDY)


async def aside(work: Callable[[], T]) -> T:
    """What `work` returns or raises, in an event loop that goes on meanwhile.

    It must have its own limit. Cancelled, it is left behind, and what it returns is closed.
    """
    future, thread = _begin(work)
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        _leave_behind(future, thread, _close)
        raise


def leave(code: int) -> int:
    """The exit code, for `sys.exit`; but if something still hangs, the program ends here and now.

    PortAudio is told to end when the interpreter does, and would wait for what hangs.
    """
    if _hangs():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    return code


def _begin(work: Callable[[], T]) -> tuple[Future[T], threading.Thread]:
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as exc:
            future.set_exception(exc)

    # A daemon: the interpreter does not wait for it, nor does the loop, as it would for its executor.
    thread = threading.Thread(target=run, name="sound system", daemon=True)
    thread.start()
    return future, thread


def _hangs() -> bool:
    _left_behind[:] = [thread for thread in _left_behind if thread.is_alive()]
    return bool(_left_behind)


def _leave_behind(future: Future[T], thread: threading.Thread, late: Callable[[T], object]) -> None:
    def done(future: Future[T]) -> None:
        if future.exception() is None:
            late(future.result())

    _left_behind.append(thread)
    future.add_done_callback(done)


def _close(late: object) -> None:
    if (close := getattr(late, "close", None)) is not None:
        close()


@contextlib.contextmanager
def _stderr_kept() -> Iterator[None]:
    """Give stderr back afterwards: sounddevice points it nowhere while PortAudio starts, or hangs in it."""
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)

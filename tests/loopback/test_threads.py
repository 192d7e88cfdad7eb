"""An event loop in a thread: results and errors come back, and nothing is left running."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from realtime_raw.loopback.server import LoopbackServer
from realtime_raw.loopback.threads import LoopThread, in_loop


def test_what_is_run_comes_back() -> None:
    """Value or exception; the thread ends with `stop`, and whatever still ran in it is cancelled."""
    before = threading.active_count()
    loop = LoopThread("test")
    cancelled = threading.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def start() -> int:
        background.append(asyncio.create_task(forever()))
        await asyncio.sleep(0)
        return 7

    async def fail() -> None:
        raise KeyError("mine")

    background: list[asyncio.Task[None]] = []
    assert loop.run(start()) == 7
    with pytest.raises(KeyError, match="mine"):
        loop.run(fail())
    loop.stop()
    assert cancelled.is_set()
    assert threading.active_count() == before


async def test_functions_are_called_where_the_loop_runs() -> None:
    """From its own thread at once, from another by way of it, and here when there is none."""
    mine, here = asyncio.get_running_loop(), threading.get_ident()
    assert in_loop(mine, threading.get_ident) == here
    assert await asyncio.to_thread(in_loop, mine, threading.get_ident) == here
    assert in_loop(None, threading.get_ident) == here
    with suppress(ZeroDivisionError):
        await asyncio.to_thread(in_loop, mine, lambda: 1 // 0)
        pytest.fail("the error should have come back")


def test_errors_of_a_server_elsewhere_come_here() -> None:
    """With their words."""
    with LoopbackServer() as server, pytest.raises(ValueError, match="expires_in must be"):
        server.mint_secret(expires_in=-1)

"""Ctrl-C is heard by the loop, and where the loop stands still all the same."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("there are no such signals", allow_module_level=True)

from realtime_raw.cli.screen.signals import Signals


def installed(said: list[str]) -> Signals:
    """Handlers that write down what they were called for."""
    return Signals(
        interrupt=lambda: said.append("interrupt"),
        end=lambda number: said.append(number.name),
        resized=lambda: said.append("resized"),
        stopped=lambda: said.append("stopped"),
        resumed=lambda: said.append("resumed"),
    )


async def test_signals_reach_the_loop() -> None:
    """Each as what it means; afterwards Ctrl-C cancels whoever had installed them."""
    said: list[str] = []

    async def work() -> None:
        with installed(said):
            for number in (signal.SIGINT, signal.SIGWINCH, signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)
                await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(5)

    task = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert said == ["interrupt", "resized", "SIGTERM", "interrupt"]
    asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)


async def test_a_loop_that_hangs_is_interrupted() -> None:
    """By the third press that nobody has answered."""
    said: list[str] = []
    with installed(said):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)

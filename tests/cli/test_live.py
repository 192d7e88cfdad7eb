"""What a session on the screen says of what happens to it, without a program around it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

import os
import pty

import realtime_raw as rt
from realtime_raw.cli.live import LiveSession
from realtime_raw.cli.running import ExitCode
from realtime_raw.cli.screen.notes import Notes
from realtime_raw.cli.screen.terminal import Terminal
from realtime_raw.cli.sound import Sound
from realtime_raw.loopback import Failure, LoopbackServer, Reply, Say, Turn
from realtime_raw.protocol import signals as sg


@asynccontextmanager
async def session() -> AsyncIterator[tuple[LiveSession, asyncio.Task[int], int]]:
    """One that runs, and the end of its terminal at which keys are pressed and words are read."""
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    try:
        async with LoopbackServer(scenario=_fails) as server, rt.connect(server.url) as conn:
            live = LiveSession(
                conn,
                Terminal(slave, slave, encoding="utf-8"),
                Notes(),
                Sound(),
                asks_itself=True,
                transcribes=False,
                colour=False,
            )
            running = asyncio.create_task(live.run())
            await until(master, "ready")
            yield live, running, master
    finally:
        os.close(master)
        os.close(slave)


async def until(master: int, words: str) -> str:
    """What was written, up to these words."""
    written = b""
    async with asyncio.timeout(10):
        while words.encode() not in written:
            await asyncio.sleep(0.01)
            with contextlib.suppress(BlockingIOError):
                written += os.read(master, 65536)
    return written.decode("utf-8", "replace")


def _fails(turn: Turn) -> Reply:
    if "long" in turn.text:
        return Reply((Say("And then, and then, and then."),), limited=True)
    return Reply(failure=Failure("server_error", "The model is unwell."))


async def test_what_happens_is_said() -> None:
    """Lost devices, broken promises, the end that comes near, handlers that fail."""
    happened: tuple[sg.Signal, ...] = (
        sg.DeviceLost(device="Studio Mic", direction="input", reason="unplugged"),
        sg.DeviceRestored(device="Studio Mic", direction="input", away_s=3.0),
        sg.InvariantBroken(rule="manual_turns", detail="turn detection is on"),
        sg.SessionExpiring(expires_in_s=300.0),
        sg.ProtocolWarning(rule="microphone_gap", detail="20 ms of captured sound were lost"),
        sg.ProtocolWarning(rule="journal", detail="the journal cannot be written"),
        sg.ProtocolWarning(rule="something_else", detail="of no interest here"),
        sg.HandlerFailed(handler="tool", error=ValueError("no such city")),
    )
    async with session() as (live, running, master):
        for one in happened:
            live._seen(one)
        said = await until(master, "no such city")
        os.write(master, b"\x04")
        assert await running == ExitCode.OK
    for words in (
        "the microphone is gone (Studio Mic: unplugged); the session goes on",
        "the microphone is back (Studio Mic)",
        "the server broke a promise: turn detection is on",
        "the server ends this session in 5 min",
        "20 ms of captured sound were lost",
        "the journal cannot be written",
        "tool: no such city",
    ):
        assert words in said
    assert "of no interest" not in said


async def test_answers_that_are_not_whole() -> None:
    """A failure in the server's words, an early end with its reason."""
    async with session() as (_, running, master):
        os.write(master, b"hello\r")
        assert "the answer failed: " in await until(master, "The model is unwell.")
        os.write(master, b"long\r")
        assert "the answer is incomplete: " in await until(master, "max_output_tokens")
        os.write(master, b"/quit\r")
        assert await running == ExitCode.OK


async def test_a_callback_that_raises_ends_the_session() -> None:
    """What asyncio would only log, and nobody would see on a screen."""
    async with session() as (_, running, _master):
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            await running


async def test_signals_are_given_back() -> None:
    """After the session they mean what they did; Ctrl-C ends what still runs."""
    async with session() as (_, running, master):
        os.write(master, b"\x04")
        await running
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

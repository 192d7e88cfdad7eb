"""A sound system that hangs is said to hang, and keeps no program from going on, or from ending."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime_raw.cli import patience
from realtime_raw.cli.loudspeaker import Loudspeaker
from realtime_raw.cli.patience import aside, leave, within
from realtime_raw.errors import AudioError

HANGING = Path(__file__).parent / "hanging"
# What the limit is in the programs started here, and how long one may take as a whole.
LIMIT_S = 0.3
WHOLE_S = 20


class Stuck:
    """A call that does not return until it is let go, and what it then returns."""

    def __init__(self) -> None:
        self._go = threading.Event()
        self.closed = threading.Event()

    def __call__(self) -> Stuck:
        self._go.wait()
        return self

    def let_go(self) -> None:
        """The device wakes up."""
        self._go.set()

    def close(self) -> None:
        """As devices have it."""
        self.closed.set()


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    """With a limit that tests can wait for."""
    monkeypatch.setattr(patience, "LIMIT_S", 0.05)
    one = Stuck()
    yield one
    one.let_go()
    for thread in list(patience._left_behind):
        thread.join()


def test_what_is_in_time_is_as_if_nothing_were_between() -> None:
    """Results, and errors too."""

    def broken() -> None:
        raise TimeoutError("its own")

    assert within(lambda: 5, "counting") == 5
    with pytest.raises(TimeoutError, match="its own"):
        within(broken, "breaking")
    assert leave(7) == 7


def test_what_hangs_is_given_up_and_closed_if_it_comes_late(stuck: Stuck) -> None:
    """And while it hangs, nothing else is tried."""
    with pytest.raises(AudioError, match=r"opening the card takes more than 0\.05 s; .*restart"):
        within(stuck, "opening the card")
    with pytest.raises(AudioError, match="still does not answer"):
        within(lambda: 5, "opening the other one")
    assert not stuck.closed.is_set()
    stuck.let_go()
    assert stuck.closed.wait(10)
    for thread in list(patience._left_behind):
        thread.join()
    assert within(lambda: 5, "opening the other one") == 5


async def test_a_loop_goes_on_meanwhile(stuck: Stuck) -> None:
    """Cancelled, it leaves the work behind; what that brings is closed."""
    task = asyncio.create_task(aside(stuck))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stuck.let_go()
    assert await asyncio.to_thread(stuck.closed.wait, 10)


def test_a_program_ends_though_something_hangs(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, with its code, and with all it said."""
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with pytest.raises(AudioError):
        within(stuck, "opening the card")
    leave(6)
    assert ended == [6]


def test_a_loudspeaker_that_starts_too_late_is_stopped(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would else."""
    stopped = threading.Event()
    monkeypatch.setattr(Loudspeaker, "__init__", lambda self: None)
    monkeypatch.setattr("realtime_raw.devices.portaudio.Speaker.start", lambda self, pull: stuck())
    monkeypatch.setattr(Loudspeaker, "stop", lambda self: stopped.set())
    with pytest.raises(AudioError, match="starting the loudspeaker"):
        Loudspeaker().start(lambda out, latency=None: 0)
    assert not stopped.is_set()
    stuck.let_go()
    assert stopped.wait(10)


def program(*argv: str, hang: str) -> list[str]:
    """A command line on a machine whose sound hangs."""
    code = (
        "import os, sys; from realtime_raw.cli import patience; from realtime_raw.__main__ import main;"
        f"patience.LIMIT_S = {LIMIT_S}; sys.path.insert(0, {str(HANGING)!r}); os.environ['HANG'] = {hang!r};"
        f"sys.argv = ['realtime_raw', *{argv!r}]; sys.exit(main())"
    )
    return [sys.executable, "-c", code]


def end_of(*argv: str, hang: str) -> subprocess.CompletedProcess[str]:
    """What became of it."""
    return subprocess.run(
        program(*argv, hang=hang), capture_output=True, check=False, text=True, timeout=WHOLE_S
    )


@pytest.mark.parametrize("argv", [("devices",), ("--list-devices",), ("talk", "--list-devices", "--json")])
@pytest.mark.parametrize("hang", ["import", "query"])
def test_devices_are_not_listed_for_ever(argv: tuple[str, ...], hang: str) -> None:
    """6, and why."""
    done = end_of(*argv, hang=hang)
    assert done.returncode == 6
    assert "listing the devices takes more than 0.3 s" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("hang", "says"),
    [
        ("import", "warn  devices     the sound system does not answer: listing"),
        ("open", "warn  microphone  0: Card: the sound system does not answer: opening the microphone"),
    ],
)
def test_doctor_has_a_verdict(hang: str, says: str) -> None:
    """With a remedy; and goes on to the next check."""
    done = end_of("doctor", "--loopback", hang=hang)
    assert done.returncode == 0
    assert says in done.stdout
    assert "restart that" in done.stdout
    assert "ok    turn " in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("hang", ["import", "open", "start"])
def test_a_session_begins_without_sound(hang: str) -> None:
    """In writing, and says why; it ends as it should."""
    from tests.cli.terminals import Window

    with Window(program("--loopback", hang=hang), columns=200) as window:
        what = "loudspeaker" if hang == "start" else "microphone"
        window.until(f"no {what}: the sound system does not answer")
        window.until(lambda: "ready" in window.status)
        window.press("\x04")
        assert window.ended() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_an_interrupt_does_not_wait_for_it() -> None:
    """However long the limit is."""
    from tests.cli.terminals import Window

    argv = [part.replace(f"LIMIT_S = {LIMIT_S}", "LIMIT_S = 600") for part in program(hang="import")]
    with Window(argv, columns=200, env={"OPENAI_API_KEY": "", "REALTIME_RAW_URL": ""}) as window:
        window.until("using the built-in loopback server")
        time.sleep(0.3)
        window.press("\x03")
        assert window.ended() == 130

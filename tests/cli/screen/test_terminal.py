"""The terminal's mode and what is kept away from it, on a pseudo-terminal without a program."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from realtime_raw.cli.screen.model import Look

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

import pty
import termios

from realtime_raw.cli.screen.terminal import Terminal, encoding_of, is_screen


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    """Both ends of a pseudo-terminal."""
    master, slave = pty.openpty()
    yield master, slave
    for descriptor in (master, slave):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def read(master: int, last: bytes, times: int = 1) -> bytes:
    """What was written to a pseudo-terminal, which hands it over when it likes, up to `last`."""
    found = b""
    while found.count(last) < times:
        found += os.read(master, 1000)
    return found


@pytest.mark.parametrize(
    ("environ", "encoding"),
    [
        ({"LC_ALL": "C"}, "ascii"),
        ({"LC_CTYPE": "POSIX", "LANG": "de_DE.UTF-8"}, "ascii"),
        ({"LANG": "C"}, "ascii"),
        ({"LC_ALL": "", "LANG": "en_US.UTF-8"}, None),
        ({}, None),
    ],
)
def test_what_can_be_drawn(environ: dict[str, str], encoding: str | None) -> None:
    """An explicit C locale is believed; else what Python found out."""
    assert encoding_of(environ) == (encoding or sys.stdout.encoding)
    assert Look(encoding="ANSI_X3.4-1968").ascii
    assert not Look(encoding="UTF8").ascii


def test_no_screen_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor on one that can do nothing."""
    assert not is_screen()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    for name, able in (("dumb", False), ("", False), ("vt100", True)):
        monkeypatch.setenv("TERM", name)
        assert is_screen() is able


def test_the_mode_and_back(pair: tuple[int, int]) -> None:
    """Echo and line mode are off inside, signals stay; twice given back is once."""
    master, slave = pair
    before = termios.tcgetattr(slave)
    with Terminal(slave, slave, encoding="utf-8") as terminal:
        inside = termios.tcgetattr(slave)[3]
        assert not inside & (termios.ECHO | termios.ICANON)
        assert inside & termios.ISIG
        terminal.resume()
        terminal.suspend()
        assert termios.tcgetattr(slave) == before
        terminal.resume()
        os.write(master, b"x")
        assert terminal.read() == b"x"
    assert termios.tcgetattr(slave) == before
    written = read(master, b"\x1b[?2004l\x1b[?25h", times=2)
    assert written.startswith(b"\x1b[?2004h")
    assert written.endswith(b"\x1b[?25h")


def test_output_cannot_be_stopped(pair: tuple[int, int]) -> None:
    """Ctrl-S would halt the program in the middle of a call."""
    master, slave = pair
    with Terminal(slave, slave, encoding="utf-8") as terminal:
        os.write(master, b"\x13x")
        assert terminal.read() == b"\x13x"


def test_a_terminal_that_was_made_not_to_block(pair: tuple[int, int]) -> None:
    """All is written all the same: whoever shared it before may have left it so."""
    master, slave = pair
    read: list[bytes] = []

    def read_all() -> None:
        while sum(map(len, read)) < 500_000:
            read.append(os.read(master, 65536))

    with Terminal(slave, slave, encoding="utf-8") as terminal:
        os.set_blocking(slave, False)
        reader = threading.Thread(target=read_all, daemon=True)
        reader.start()
        terminal.write("x" * 500_000)
        reader.join(20)
        assert b"".join(read).count(b"x") > 490_000


def test_a_terminal_that_is_gone(pair: tuple[int, int]) -> None:
    """Reads as the end, has a size for whoever asks, and cannot be restored, which is no error."""
    master, slave = pair
    with Terminal(slave, slave, encoding="utf-8") as terminal:
        os.close(master)
        assert terminal.read() == b""
        os.close(slave)
        assert terminal.look() == Look(79, 24, "utf-8")


def test_no_terminal_at_all() -> None:
    """Entering fails, and what was changed until then is put back."""
    with open(os.devnull) as nothing, pytest.raises(termios.error):
        Terminal(nothing.fileno(), nothing.fileno(), encoding="utf-8").__enter__()


def test_what_others_write_to_stderr(pair: tuple[int, int]) -> None:
    """Tears no picture; it can be read afterwards."""
    master, slave = pair
    saved = os.dup(2)
    os.dup2(slave, 2)
    try:
        with Terminal(slave, slave, encoding="utf-8") as terminal:
            os.write(2, b"ALSA lib: noise\n")
        os.write(2, b"after\n")
    finally:
        os.dup2(saved, 2)
        os.close(saved)
    assert terminal.noise == ("ALSA lib: noise\n" if hasattr(os, "memfd_create") else "")
    written = read(master, b"after\r\n")
    assert b"noise" not in written

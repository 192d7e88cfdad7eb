"""The terminal itself: its mode, its size, and the promise that it is given back as it was.

Unix only: imported where a terminal session begins. Keys are read unbuffered
and without echo; signals of the keyboard stay on, so that Ctrl-C works even
where this program does not. Ctrl-S is a key like any other: what it would stop
is what tells how the session stands.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import termios
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from .model import Look
from .writer import Writer

__all__ = ["Terminal", "encoding_of", "is_screen"]

_PASTE_ON, _PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"
_CURSOR_ON = "\x1b[?25h"
_PLAIN = "\x1b[0m"
# How long a terminal that stalls is waited for where it is given back.
_DRAIN_S = 1.0
_IFLAG, _LFLAG = 0, 3
_CC = 6


def is_screen() -> bool:
    """Whether input and output are one terminal that can be painted on."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "")


def encoding_of(environ: dict[str, str] | os._Environ[str] = os.environ) -> str:
    """What the terminal can show. An explicit C locale means ASCII, whatever Python makes of it."""
    said = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    if said in ("C", "POSIX"):
        return "ascii"
    return sys.stdout.encoding or "ascii"


class Terminal:
    """The terminal in a session's mode, between entering and leaving; `suspend` and `resume` in between.

    What is written goes out on a thread of its own, so that a line that stalls
    stops nobody else. What others write to the standard error stream (sound libraries do) would
    tear the picture, and is kept away from it meanwhile; `noise` has it after.
    """

    def __init__(self, source: int, target: int, *, encoding: str) -> None:
        self.source = source
        self._target = target
        self._writer = Writer(target)
        self.encoding = encoding
        self._saved: list[Any] | None = None
        self._stderr: int | None = None
        self._kept: int | None = None
        self.noise = ""

    def __enter__(self) -> Self:
        # Also on a path that unwinds nothing, such as sys.exit() in a thread that is joined.
        atexit.register(self.suspend)
        self._hush()
        try:
            self.resume()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.suspend()
        self._writer.close()
        self._unhush()
        atexit.unregister(self.suspend)

    def resume(self) -> None:
        """Take the terminal: keys one by one, pasted text marked as such."""
        if self._saved is not None:
            return
        saved = termios.tcgetattr(self.source)
        mode = termios.tcgetattr(self.source)
        mode[_IFLAG] &= ~termios.IXON
        mode[_LFLAG] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
        mode[_CC][termios.VMIN], mode[_CC][termios.VTIME] = 1, 0
        self._saved = saved
        termios.tcsetattr(self.source, termios.TCSADRAIN, mode)
        self.write(_PASTE_ON)

    def suspend(self) -> None:
        """Give the terminal back as it was. Idempotent; does not raise where the terminal is gone."""
        saved, self._saved = self._saved, None
        if saved is None:
            return
        with contextlib.suppress(OSError, termios.error):
            self.write(f"{_PLAIN}{_PASTE_OFF}{_CURSOR_ON}")
        # Where it stalls, to wait for the output would be to wait for ever.
        when = termios.TCSADRAIN if self._writer.drain(_DRAIN_S) else termios.TCSANOW
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(self.source, when, saved)

    def look(self) -> Look:
        """Its size and encoding now. One column stays free: some terminals wrap as soon as a row is full."""
        try:
            size = os.get_terminal_size(self._target)
        except OSError:
            size = os.terminal_size((0, 0))
        if not (size.columns and size.lines):  # gone, or one that was never told, as on a serial line
            size = os.terminal_size((80, 24))
        return Look(max(1, size.columns - 1), max(2, size.lines), self.encoding)

    def write(self, text: str) -> None:
        """Write all of `text`, behind what still is. Raises `OSError` if the terminal is gone."""
        self._writer.put(text.encode(self.encoding, "backslashreplace"))

    def keeps_up(self, later: Callable[[], object]) -> bool:
        """Whether all was written. If not, `later` is called, on another thread, once it is."""
        return self._writer.keeps_up(later)

    def read(self) -> bytes:
        """The bytes that are there; empty at the end of input. Call it when there are some."""
        try:
            return os.read(self.source, 4096)
        except OSError:  # the terminal went away
            return b""

    def _hush(self) -> None:
        if not os.isatty(2):
            return
        sys.stderr.flush()
        self._stderr = os.dup(2)
        in_memory = hasattr(os, "memfd_create")
        self._kept = os.memfd_create("stderr") if in_memory else os.open(os.devnull, os.O_RDWR)
        os.dup2(self._kept, 2)

    def _unhush(self) -> None:
        stderr, kept, self._stderr, self._kept = self._stderr, self._kept, None, None
        if stderr is None or kept is None:
            return
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        with contextlib.suppress(OSError):
            size = os.lseek(kept, 0, os.SEEK_END)
            start = max(0, size - 4096)
            os.lseek(kept, start, os.SEEK_SET)
            self.noise = os.read(kept, 4096).decode("utf-8", "replace")
        os.close(kept)

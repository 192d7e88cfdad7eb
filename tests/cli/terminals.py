"""A real pseudo-terminal with a person before it: keys go in, and what the eye would see comes out."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyte

SCREENS = Path(__file__).parent / "screens"
PATIENCE_S = 20.0

# The program must be in a session of its own with this terminal, as a shell would start it.
_LAUNCH = (
    "import fcntl, os, sys, termios;"
    " fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class _Screen(pyte.HistoryScreen):
    """One that shows what is faint in grey, as pyte knows no faintness."""

    def select_graphic_rendition(self, *attrs: int) -> None:
        super().select_graphic_rendition(*(90 if attr == 2 else attr for attr in attrs))


class Window:
    """A terminal window of `columns` by `rows` in which one program runs, from entering to leaving.

    `text` is what is on it; `until` waits for something to be so. What scrolled out is in `scrolled`.
    """

    def __init__(
        self,
        argv: list[str],
        *,
        columns: int = 90,
        rows: int = 20,
        env: Mapping[str, str] | None = None,
        stderr: int | None = None,
    ) -> None:
        self._screen = _Screen(columns, rows, history=1000)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._master, self.slave = pty.openpty()
        self.raw = b""
        self._resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *argv],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave if stderr is None else stderr,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **(env or {})},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self.close()

    def close(self) -> None:
        """Close the window, as a click does."""
        for descriptor in (self._master, self.slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    # What is to be seen

    @property
    def rows(self) -> list[str]:
        """The rows, without the blanks at their ends."""
        return [row.rstrip() for row in self._screen.display]

    @property
    def text(self) -> str:
        """All rows down to the last that is not empty."""
        return "\n".join(self.rows).rstrip()

    @property
    def scrolled(self) -> str:
        """What has left at the top, and then the screen."""
        gone = ["".join(row[x].data for x in range(self._screen.columns)) for row in self._screen.history.top]
        return "\n".join([*(row.rstrip() for row in gone), self.text])

    @property
    def status(self) -> str:
        """The lowest row that is not empty."""
        return self.text.rpartition("\n")[2]

    def cells(self) -> Iterator[Any]:
        """Every cell that is drawn, with its colours and attributes."""
        for row in self._screen.buffer.values():
            yield from (cell for cell in row.values() if cell.data.strip())

    def grid(self) -> list[list[Any]]:
        """Every cell, row by row."""
        screen = self._screen
        return [[screen.buffer[y][x] for x in range(screen.columns)] for y in range(screen.lines)]

    def struck(self) -> str:
        """The characters that are struck through."""
        return "".join(cell.data for row in self.grid() for cell in row if cell.strikethrough)

    def cursor(self) -> tuple[int, int] | None:
        """Row and column, if it is shown."""
        return None if self._screen.cursor.hidden else (self._screen.cursor.y, self._screen.cursor.x)

    # What a person does

    def press(self, keys: str) -> None:
        """Type these."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Drag the window's corner; a plain terminal then cuts rows, and wraps nothing anew."""
        self._screen.resize(rows, columns)
        self._resize(columns, rows)

    def _resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        self.process.send_signal(number)

    # Waiting

    def until(self, seen: str | Callable[[], object], *, patience: float = PATIENCE_S) -> None:
        """Wait until a text is on the screen, or something is true. Fails with the screen as it is."""
        check = (lambda: seen in self.text) if isinstance(seen, str) else seen
        deadline = time.monotonic() + patience
        while not check():
            self._read(0.05)
            if time.monotonic() > deadline or (self.process.poll() is not None and not self._read(0.2)):
                if check():
                    return
                raise AssertionError(f"never seen: {seen}\n--- {self.process.poll()}\n{self.text}\n---")

    def read_until(self, check: Callable[[], bool], *, patience: float = 5.0) -> None:
        """Read on until something is true, or patience ends."""
        deadline = time.monotonic() + patience
        while not check() and time.monotonic() < deadline:
            if not self._read(0.05) and self.process.poll() is not None:
                return

    def ended(self) -> int:
        """Wait for the program's end; its exit code."""
        self.until(lambda: self.process.poll() is not None)
        while self._read(0.1):
            pass
        return int(self.process.returncode)

    @property
    def attributes(self) -> list[Any]:
        """The terminal's mode now."""
        return termios.tcgetattr(self.slave)

    def _read(self, patience: float) -> bool:
        try:
            ready, _, _ = select.select([self._master], [], [], patience)
            data = os.read(self._master, 65536) if ready else b""
        except OSError:
            return False
        self.raw += data
        self._stream.feed(self._decoder.decode(data))
        return bool(data)


def steady(text: str) -> str:
    """A screen without what differs from run to run: numbers, the level, and the room they take."""
    text = re.sub(r"\b(resp|event|item)_\w+", r"\1_#", re.sub(r"\d\.\d{3} (in|out|note)\b", r"# \1", text))
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:#", text)
    lines = text.splitlines()
    if lines:
        status = re.sub(r"▕.*▏|\[[#-]*\]", "<level>", lines[-1])
        status = re.sub(r"(-inf|-?\d[\d,.]*)", "#", status)
        status = re.sub(r"▕.*▏", "<level>", status).replace(" CLIP", "")
        lines[-1] = re.sub(r" {2,}", "  ", status).rstrip()
    return "\n".join(lines) + "\n"


def compare(name: str, window: Window, look: Callable[[Window], str]) -> None:
    """Hold a screen to the one that was looked at and kept; REALTIME_RAW_SCREENS=write keeps it anew.

    A picture comes in pieces: what is not yet that screen may still become it.
    """
    path = SCREENS / f"{name}.txt"
    if os.environ.get("REALTIME_RAW_SCREENS") == "write":
        path.write_text(steady(look(window)), encoding="utf-8")
    kept = path.read_text(encoding="utf-8")
    window.read_until(lambda: steady(look(window)) == kept)
    assert steady(look(window)) == kept, f"{path.name} shows another screen"

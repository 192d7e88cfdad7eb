"""Where a command's words go: data to stdout, chatter to stderr, JSON lines if asked.

Nothing else prints. What a server said is made printable here, so that no
transcript can move a cursor, and a reader that went away (`| head -1`) ends
the printing, not the work.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from typing import TextIO

from ..text import printable, safe

__all__ = ["Output", "prepare_streams"]

# Said by whom -> how it looks on a terminal that wants colour (SGR codes).
_COLOURS = {"you": "36", "model": "32", "error": "31"}


class Output:
    """One command's voice.

    `as_json` turns every `data` into one JSON object a line and silences
    streamed pieces.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._speaking = False

    def data(self, kind: str, line: str, **facts: object) -> None:
        """One result: `line` for people, `{"kind": kind, **facts}` for programs."""
        self.end_line()
        text = json.dumps({"kind": kind, **facts}) if self.as_json else printable(line, newlines=True)
        self._write(sys.stdout, text + "\n")

    def document(self, value: object) -> None:
        """A result that is JSON in either case: indented for people, one line for programs."""
        self.end_line()
        self._write(sys.stdout, json.dumps(value, indent=None if self.as_json else 2) + "\n")

    def spoken(self, speaker: str, text: str, **facts: object) -> None:
        """A whole utterance, as a result of its own."""
        if self.as_json:
            self.data(speaker, "", text=text, **facts)
        else:
            self.piece(speaker, text)
            self.end_line()

    def piece(self, speaker: str, text: str) -> None:
        """Words of `speaker` as they come; the first piece of a line names the speaker."""
        if self.as_json:
            return
        if not self._speaking:
            self._write(sys.stdout, self._label(sys.stdout, speaker))
        self._speaking = True
        self._write(sys.stdout, printable(text, newlines=True))

    def text(self, text: str) -> None:
        """A result of several lines, already fit to print, its colours included."""
        self.end_line()
        self._write(sys.stdout, text)

    def end_line(self) -> None:
        """End the line of streamed pieces, if one is open."""
        if self._speaking:
            self._speaking = False
            self._write(sys.stdout, "\n")

    def say(self, text: str) -> None:
        """Chatter: what is going on, and what to do about it."""
        self.end_line()
        self._write(sys.stderr, safe(text) + "\n")

    def prompt(self, text: str) -> None:
        """Chatter without a newline."""
        self._write(sys.stderr, text)

    def error(self, message: str, exit_code: int, facts: Mapping[str, object]) -> None:
        """Why the command ends, for people and, if asked, for programs."""
        self.end_line()
        self._write(sys.stderr, self._label(sys.stderr, "error", ": ") + safe(message) + "\n")
        if self.as_json:
            self.data("error", "", exit=int(exit_code), message=safe(message), **facts)

    def _label(self, stream: TextIO, name: str, end: str = "> ") -> str:
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty()
        return f"{name}{end}" if plain else f"\x1b[{_COLOURS[name]}m{name}{end}\x1b[0m"

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:
            _hush(stream)


def _hush(stream: TextIO) -> None:
    """Send what `stream` still holds, and all that follows, nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def prepare_streams() -> None:
    """Make the standard streams such that using them cannot fail.

    One that was closed (`>&-`) becomes the null device. What an encoding lacks
    is printed as escapes.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115  # open for as long as the program runs
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # as above
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

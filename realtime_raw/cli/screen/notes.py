"""A command's voice while the screen has the terminal: every word becomes a line of the transcript."""

from __future__ import annotations

from collections.abc import Mapping

from ...text import safe
from ..output import Output
from .model import Line

__all__ = ["Notes"]


class Notes(Output):
    """An `Output` that keeps what it is told until it is drained."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Line] = []

    def drain(self) -> list[Line]:
        """What was said since the last call."""
        found, self._lines = self._lines, []
        return found

    def data(self, kind: str, line: str, **facts: object) -> None:
        """A result, as a fact."""
        self._lines.append(Line("fact", line))

    def say(self, text: str) -> None:
        """Chatter, as a note."""
        self._lines.append(Line("note", safe(text)))

    def error(self, message: str, exit_code: int, facts: Mapping[str, object]) -> None:
        """What went wrong; the session goes on."""
        self._lines.append(Line("error", safe(message)))

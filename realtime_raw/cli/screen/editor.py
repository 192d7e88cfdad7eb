"""The line being typed: a value, and what each key makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

__all__ = ["History", "Typed", "edit"]


@dataclass(frozen=True, slots=True)
class Typed:
    """Text and where the cursor stands in it (0 is before the first character)."""

    text: str = ""
    cursor: int = 0

    def insert(self, text: str) -> Typed:
        """With `text` at the cursor, which moves behind it."""
        return Typed(self.text[: self.cursor] + text + self.text[self.cursor :], self.cursor + len(text))

    def cut(self, start: int, end: int) -> Typed:
        """Without the characters from `start` to `end`; the cursor is then at `start`."""
        start = max(0, start)
        return Typed(self.text[:start] + self.text[end:], start)


def _word_start(typed: Typed) -> int:
    before = typed.text[: typed.cursor].rstrip()
    return before.rfind(" ") + 1


_EDITS: Mapping[str, Callable[[Typed], Typed]] = {
    "left": lambda t: replace(t, cursor=max(0, t.cursor - 1)),
    "right": lambda t: replace(t, cursor=min(len(t.text), t.cursor + 1)),
    "home": lambda t: replace(t, cursor=0),
    "ctrl-a": lambda t: replace(t, cursor=0),
    "end": lambda t: replace(t, cursor=len(t.text)),
    "ctrl-e": lambda t: replace(t, cursor=len(t.text)),
    "backspace": lambda t: t.cut(t.cursor - 1, t.cursor),
    "delete": lambda t: t.cut(t.cursor, t.cursor + 1),
    "ctrl-u": lambda t: t.cut(0, t.cursor),
    "ctrl-k": lambda t: t.cut(t.cursor, len(t.text)),
    "ctrl-w": lambda t: t.cut(_word_start(t), t.cursor),
}


def edit(typed: Typed, key: str, text: str = "") -> Typed:
    """`typed` after a key, by its name in `keys`; "text" and "paste" bring `text`. Others change nothing."""
    if key in ("text", "paste"):
        return typed.insert(text)
    change = _EDITS.get(key)
    return typed if change is None else change(typed)


class History:
    """Lines sent before, for the up and down keys; the newest 200."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._at = 0
        self._draft = ""

    def add(self, line: str) -> None:
        """A line was sent."""
        if not self._lines or self._lines[-1] != line:
            self._lines = [*self._lines[-199:], line]
        self._at = len(self._lines)

    def move(self, typed: Typed, step: int) -> Typed:
        """The line before (-1) or behind (1) the one shown; behind the newest is what was being typed."""
        if self._at == len(self._lines):
            self._draft = typed.text
        at = self._at + step
        if not 0 <= at <= len(self._lines):
            return typed
        self._at = at
        text = self._draft if at == len(self._lines) else self._lines[at]
        return Typed(text, len(text))

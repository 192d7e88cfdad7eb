"""Bytes of a terminal as keys: escape sequences, pasted text, characters of several bytes.

Pure: bytes go in, in pieces of any size, and keys come out. Only a lone Esc
needs a clock: `waiting` says that it may be one, and `flush` that it was.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...text import printable

__all__ = ["Key", "KeyReader"]

_ESC = "\x1b"
_PASTE_END = "\x1b[201~"
# CSI: parameters, intermediates, final byte (ECMA-48); SS3: one final byte. A
# linux console says `ESC [ [ A` for F1.
_SEQUENCE = re.compile(r"\x1b(?:\[\[.|\[[0-?]*[ -/]*[@-Z\\-~]|O[ -~])")
_BEGUN = re.compile(r"\x1b(?:\[\[?|\[[0-?]*[ -/]*|O)?\Z")

_FINALS = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end"}
_TILDES = {"1": "home", "3": "delete", "4": "end", "7": "home", "8": "end", "200": "paste"}
_CONTROLS = {"\r": "enter", "\n": "enter", "\t": "tab", "\x7f": "backspace", "\x08": "backspace"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `name` is "text" for what is typed and "paste" for what is pasted, both then in `text`.

    Else it is enter, esc, tab, backspace, delete, left, right, up, down, home,
    end, or ctrl-a to ctrl-z.
    """

    name: str
    text: str = ""


class KeyReader:
    """Turns bytes into keys, as they come.

    Sequences it does not know are swallowed whole: no function key types its
    tail into a message. Bytes that are no text in `encoding` become U+FFFD.
    """

    def __init__(self, encoding: str = "utf-8") -> None:
        # A C locale says what may be shown. What is typed beyond ASCII is UTF-8 on any terminal of today.
        known = "utf-8" if codecs.lookup(encoding).name == "ascii" else encoding
        self._decoder = codecs.getincrementaldecoder(known)("replace")
        self._rest = ""
        self._pasted: str | None = None

    @property
    def waiting(self) -> bool:
        """Whether an Esc, or what begins with one, waits to be told apart: call `flush` in 50 ms."""
        return bool(self._rest) and self._pasted is None

    def feed(self, data: bytes) -> list[Key]:
        """The keys that are complete with these bytes."""
        self._rest += self._decoder.decode(data)
        return list(self._keys())

    def flush(self) -> list[Key]:
        """Nothing more has come: what waits was an Esc, and plain keys behind it."""
        if not self.waiting:
            return []
        rest, self._rest = self._rest, ""
        return [Key("esc"), *(self._plain(char) for char in rest[1:])]

    def _keys(self) -> Iterator[Key]:
        while self._rest:
            if self._pasted is not None:
                if (pasted := self._paste()) is None:
                    return
                yield pasted
            elif self._rest[0] != _ESC:
                char, self._rest = self._rest[0], self._rest[1:]
                yield self._plain(char)
            elif (match := _SEQUENCE.match(self._rest)) is not None:
                self._rest = self._rest[match.end() :]
                name = _name(match[0])
                if name == "paste":
                    self._pasted = ""
                elif name is not None:
                    yield Key(name)
            elif _BEGUN.match(self._rest):
                return
            else:  # Esc, and at once another key
                self._rest = self._rest[1:]
                yield Key("esc")

    def _paste(self) -> Key | None:
        """What was pasted, once its end is there. Line ends in it are text and send nothing."""
        found, end, rest = self._rest.partition(_PASTE_END)
        if not end:
            return None
        self._rest, self._pasted = rest, None
        lines = found.replace("\r\n", "\n").replace("\r", "\n")
        return Key("paste", printable(lines, newlines=True))

    def _plain(self, char: str) -> Key:
        if char in _CONTROLS:
            return Key(_CONTROLS[char])
        if char < " ":
            return Key("ctrl-space" if char == "\0" else f"ctrl-{chr(ord(char) + 96)}")
        return Key("text", printable(char))


def _name(sequence: str) -> str | None:
    if sequence.endswith("~"):
        return _TILDES.get(sequence[2:-1].partition(";")[0])
    if sequence.startswith("\x1b[["):
        return None
    return "enter" if sequence == "\x1bOM" else _FINALS.get(sequence[-1])

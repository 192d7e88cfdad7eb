"""What must hold in every journal, whatever a case was about. Pure: lines in, breaches out.

`Invariants` is shown one connection's lines as they come (a proxy does that
live); `check_journal` takes a whole journal, which may hold several connections.
The rules themselves are in `rules`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ..journal import JournalLine
from .report import InvariantBreach
from .rules import content, order, session, shape
from .rules.base import Breach, JournalRule
from .schemas import Bundle

__all__ = ["INVARIANTS", "Invariant", "Invariants", "check_journal"]

Side = Literal["server", "client"]
_SERVER: tuple[Side, ...] = ("server",)

_PLAIN: tuple[type[JournalRule], ...] = tuple(
    getattr(module, name)
    for module in (order, content, session)
    for name in module.__all__
    if name[0].isupper()
)
_SHAPES: tuple[type[JournalRule], ...] = (
    shape.TextMessages,
    shape.KeepsModels,
    shape.KeepsBundle,
    shape.ClientKeepsSchema,
    shape.ClientTextMessages,
)


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule that every journal must keep, and which side must keep it."""

    id: str
    rule: str
    source: str
    side: Side


INVARIANTS: tuple[Invariant, ...] = tuple(
    sorted(
        (Invariant(each.id, each.about, each.source, each.side) for each in (*_PLAIN, *_SHAPES)),
        key=lambda each: each.id,
    )
)


class Invariants:
    """All rules over one connection. Show it every line, then call `end`."""

    def __init__(
        self,
        *,
        bundle: Bundle | None = None,
        translation: bool = False,
        sides: Collection[Side] = _SERVER,
    ) -> None:
        rules: list[JournalRule] = [
            *(each() for each in _PLAIN),
            shape.TextMessages(),
            shape.KeepsModels(translation=translation),
            shape.KeepsBundle(bundle, translation=translation),
            shape.ClientKeepsSchema(translation=translation),
            shape.ClientTextMessages(),
        ]
        self._rules = [rule for rule in rules if rule.side in sides]

    def see(self, line: JournalLine) -> list[InvariantBreach]:
        """What this line breaks."""
        method, shown = _shown(line)
        if method is None:
            return []
        return [_named(rule, breach) for rule in self._rules for breach in getattr(rule, method)(*shown)]

    def end(self, *, complete: bool = True) -> list[InvariantBreach]:
        """What is missing at the end. `complete` says that everything open had time to end."""
        return [_named(rule, breach) for rule in self._rules for breach in rule.ended(complete)]


def check_journal(
    lines: Iterable[JournalLine],
    *,
    bundle: Bundle | None = None,
    complete: bool = True,
    sides: Collection[Side] = _SERVER,
) -> tuple[InvariantBreach, ...]:
    """Every breach in a journal, in the order of its lines.

    `complete` says that it was read on until nothing was open: else what never
    ended is no breach. `bundle` holds events to the official schemas, too.
    """
    found: list[InvariantBreach] = []
    for connection in _connections(lines):
        rules = Invariants(bundle=bundle, translation=_translates(connection), sides=sides)
        for line in connection:
            found += rules.see(line)
        found += rules.end(complete=complete)
    return tuple(sorted(found, key=lambda each: (each.line, each.id)))


def _shown(line: JournalLine) -> tuple[str | None, tuple[Any, ...]]:
    """Which method of every rule a line is for, and with what."""
    message = line.m
    if line.d == "note":
        return ("noted", (message, line)) if isinstance(message, dict) else (None, ())
    readable = isinstance(message, dict) and isinstance(message.get("type"), str)
    if line.d == "out":
        return ("sent", (message, line)) if readable else ("garbled", (line,))
    return ("received", (message, line)) if readable else ("unreadable", (line,))


def _named(rule: JournalRule, each: Breach) -> InvariantBreach:
    return InvariantBreach(id=rule.id, message=each.message, line=each.line, path=each.path, side=rule.side)


def _connections(lines: Iterable[JournalLine]) -> Iterator[list[JournalLine]]:
    """The lines of each connection; one begins with a note `{"knock": ...}`, or with the journal."""
    current: list[JournalLine] = []
    for line in lines:
        if line.d == "note" and isinstance(line.m, dict) and "knock" in line.m and current:
            yield current
            current = []
        current.append(line)
    if current:
        yield current


def _translates(connection: list[JournalLine]) -> bool:
    """Whether a connection speaks the translation dialect, by how it was opened."""
    first = connection[0].m
    return isinstance(first, dict) and first.get("knock", {}).get("kind") == "translation"

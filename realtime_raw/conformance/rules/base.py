"""What every invariant is: shown the lines of one connection and its end, it says what is broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from ...journal import JournalLine

__all__ = ["Breach", "Event", "JournalRule", "part_of", "place"]

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken place: the line's number, and the path within its event."""

    message: str
    line: int
    path: str = ""


class JournalRule:
    """Base. `id` is stable, `about` says the rule in one sentence, `source` where it is written."""

    id: ClassVar[str]
    about: ClassVar[str]
    source: ClassVar[str]
    side: ClassVar[Literal["server", "client"]] = "server"

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        """An event of the server."""
        return iter(())

    def sent(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        """An event of the client."""
        return iter(())

    def noted(self, note: Event, line: JournalLine) -> Iterator[Breach]:
        """Something that was no message."""
        return iter(())

    def unreadable(self, line: JournalLine) -> Iterator[Breach]:
        """A message of the server that is no event."""
        return iter(())

    def garbled(self, line: JournalLine) -> Iterator[Breach]:
        """A message of the client that is no event."""
        return iter(())

    def ended(self, complete: bool) -> Iterator[Breach]:
        """The journal ends. `complete` says that everything open had time to end."""
        return iter(())


def part_of(event: Event) -> tuple[str, int]:
    """Which content part an event is about."""
    index = event.get("content_index")
    return str(event.get("item_id")), index if isinstance(index, int) else 0


def place(event: Event, *path: str) -> Any:
    """What lies at a path of names, or None."""
    node: Any = event
    for name in path:
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    return node

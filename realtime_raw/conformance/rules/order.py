"""Invariants of order: what begins before what it holds, and ends once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...journal import JournalLine
from ..seen import item_of, response_of
from .base import Breach, Event, JournalRule, part_of, place

__all__ = [
    "CreatedThenDone",
    "ItemBeforeParts",
    "NothingAfterClose",
    "NothingOutsideResponse",
    "OneResponseAtATime",
    "OutputIndexes",
    "PartBeforeDeltas",
    "PartsAndItemsEnd",
    "StopsAfterDone",
]

_GUIDE = "API reference, response events; recorded lifecycles"
# A server's tool may go on after the response that called it (API guide).
_MAY_OUTLIVE = ("response.mcp_call.", "response.mcp_call_arguments.")


class CreatedThenDone(JournalRule):
    """Created and done, once each."""

    id = "RT-INV-001"
    about = "Each response that is created is done once, and none is done that was not created."
    source = "API reference, response.done: always emitted, no matter the final state"

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._done: set[str] = set()

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        response_id = response_of(event)
        if response_id is None:
            return
        if event["type"] == "response.created":
            if response_id in self._open or response_id in self._done:
                yield Breach(f"response {response_id} is created twice", line.number, "response.id")
            self._open[response_id] = line.number
        elif event["type"] == "response.done":
            if response_id in self._done:
                yield Breach(f"response {response_id} is done twice", line.number, "response.id")
            elif response_id not in self._open:
                yield Breach(
                    f"response {response_id} is done, and was never created", line.number, "response.id"
                )
            self._open.pop(response_id, None)
            self._done.add(response_id)

    def ended(self, complete: bool) -> Iterator[Breach]:
        if complete:
            for response_id, number in self._open.items():
                yield Breach(f"response {response_id} is never done", number)


class NothingOutsideResponse(JournalRule):
    """Nothing of a response before it, nothing after it."""

    id = "RT-INV-002"
    about = "Events of a response come between its `response.created` and its `response.done`."
    source = _GUIDE

    def __init__(self) -> None:
        self._open: set[str] = set()
        self._done: set[str] = set()

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        kind, response_id = event["type"], response_of(event)
        if response_id is None or not kind.startswith("response."):
            return
        if kind == "response.created":
            self._open.add(response_id)
        elif kind == "response.done":
            self._open.discard(response_id)
            self._done.add(response_id)
        elif kind.startswith(_MAY_OUTLIVE) or place(event, "item", "type") == "mcp_call":
            return
        elif response_id in self._done:
            yield Breach(f"{kind} comes behind the response.done of {response_id}", line.number)
        elif response_id not in self._open:
            yield Breach(f"{kind} comes before the response.created of {response_id}", line.number)


class ItemBeforeParts(JournalRule):
    """An item is announced before what is in it."""

    id = "RT-INV-003"
    about = "`response.output_item.added` comes before anything inside the item, and once."
    source = _GUIDE

    def __init__(self) -> None:
        self._added: set[str] = set()

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        kind, item_id = event["type"], item_of(event)
        if item_id is None or not kind.startswith("response."):
            return
        if kind == "response.output_item.added":
            if item_id in self._added:
                yield Breach(f"item {item_id} is added to a response twice", line.number, "item.id")
            self._added.add(item_id)
        elif item_id not in self._added:
            yield Breach(f"{kind} comes before the response.output_item.added of {item_id}", line.number)
            self._added.add(item_id)


_IN_PARTS = ("response.output_text.", "response.output_audio.", "response.output_audio_transcript.")


class PartBeforeDeltas(JournalRule):
    """A part is announced before its deltas. Servers that announce no parts at all are left alone."""

    id = "RT-INV-004"
    about = "`response.content_part.added` comes before the deltas of the part, and once."
    source = _GUIDE

    def __init__(self) -> None:
        self._added: set[tuple[str, int]] = set()
        self._early: list[tuple[str, tuple[str, int], int]] = []

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        kind, part = event["type"], part_of(event)
        if kind == "response.content_part.added":
            if part in self._added:
                yield Breach(f"part {part[1]} of {part[0]} is added twice", line.number)
            self._added.add(part)
        elif kind.startswith(_IN_PARTS) and part not in self._added:
            self._early.append((kind, part, line.number))

    def ended(self, complete: bool) -> Iterator[Breach]:
        if self._added:
            for kind, (item_id, index), number in self._early:
                yield Breach(
                    f"{kind} comes before the content_part.added of part {index} of {item_id}", number
                )


class StopsAfterDone(JournalRule):
    """What is done is done."""

    id = "RT-INV-005"
    about = "No delta comes behind the `.done` of what it is a piece of, and each `.done` comes once."
    source = _GUIDE

    def __init__(self) -> None:
        self._done: set[tuple[str, str, int]] = set()

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        stem, _, last = event["type"].rpartition(".")
        if not stem.startswith("response.") or "item_id" not in event or last not in ("delta", "done"):
            return
        key = (stem, *part_of(event))
        if key in self._done:
            yield Breach(f"{event['type']} comes behind the {stem}.done of {key[1]}", line.number)
        if last == "done":
            self._done.add(key)


class PartsAndItemsEnd(JournalRule):
    """What was opened in a completed response was closed before it."""

    id = "RT-INV-006"
    about = "When a response is completed, every item and part that was added to it is done."
    source = _GUIDE

    def __init__(self) -> None:
        self._open: dict[tuple[str, str, int], tuple[str, int]] = {}
        self._parts_end = self._items_end = False

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        kind, owner = event["type"], response_of(event) or ""
        item_id = item_of(event)
        if kind in ("response.output_item.added", "response.content_part.added"):
            if place(event, "item", "type") != "mcp_call":
                self._open[_key(kind, event, item_id)] = (owner, line.number)
        elif kind in ("response.output_item.done", "response.content_part.done"):
            self._open.pop(_key(kind, event, item_id), None)
        elif kind == "response.done" and place(event, "response", "status") == "completed":
            for (what, name, index), (response_id, number) in list(self._open.items()):
                if response_id == owner:
                    yield Breach(
                        f"{what} of {name}{f' ({index})' if what.endswith('part') else ''} has no .done, "
                        "and its response is completed",
                        number,
                    )
                    del self._open[(what, name, index)]


def _key(kind: str, event: Event, item_id: str | None) -> tuple[str, str, int]:
    what = kind.rpartition(".")[0]
    return what, item_id or "", part_of(event)[1] if what.endswith("content_part") else 0


class OutputIndexes(JournalRule):
    """Items of a response are counted from zero."""

    id = "RT-INV-007"
    about = "The items of a response have the output indexes 0, 1, 2 and so on, in the order they are added."
    source = "API reference, output_index"

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        self._of: dict[str, Any] = {}

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        index, item_id = event.get("output_index"), item_of(event)
        if not isinstance(index, int) or item_id is None:
            return
        if event["type"] == "response.output_item.added":
            owner = response_of(event) or ""
            wanted = self._next.get(owner, 0)
            if index != wanted:
                yield Breach(
                    f"item {item_id} has output_index {index}, not {wanted}", line.number, "output_index"
                )
            self._next[owner] = max(index, wanted) + 1
            self._of[item_id] = index
        elif self._of.get(item_id, index) != index:
            yield Breach(
                f"item {item_id} had output_index {self._of[item_id]}, and now {index}",
                line.number,
                "output_index",
            )


class OneResponseAtATime(JournalRule):
    """Only one response writes to the default conversation."""

    id = "RT-INV-008"
    about = "Only one response at a time writes to the default conversation."
    source = "API reference, response.create"

    def __init__(self) -> None:
        self._active: str | None = None

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        if event["type"] == "response.created" and place(event, "response", "conversation_id") is not None:
            if self._active is not None:
                yield Breach(
                    f"response {response_of(event)} is created while {self._active} is active", line.number
                )
            self._active = response_of(event)
        elif event["type"] == "response.done" and response_of(event) == self._active:
            self._active = None


class NothingAfterClose(JournalRule):
    """The end is the end."""

    id = "RT-INV-009"
    about = "No event comes after the connection was closed."
    source = "RFC 6455, section 5.5.1"

    def __init__(self) -> None:
        self._closed = False

    def noted(self, note: Event, line: JournalLine) -> Iterator[Breach]:
        self._closed = self._closed or "closed" in note
        return iter(())

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        if self._closed:
            yield Breach(f"{event['type']} comes after the connection was closed", line.number)

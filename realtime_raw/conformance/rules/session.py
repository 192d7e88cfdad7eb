"""Invariants of the session: ids, the list of items, and the fate of every command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ...journal import JournalLine
from ..seen import item_of
from .base import Breach, Event, JournalRule, place

__all__ = [
    "CommandsHaveAFate",
    "ErrorsSayWhat",
    "EventIdsAreUnique",
    "GreetedOnce",
    "ItemsAreAddedOnce",
    "ItemsFormOneList",
    "SessionKeepsItsId",
    "unanswered",
]


class EventIdsAreUnique(JournalRule):
    """No two events have one id. Servers that give none are left alone."""

    id = "RT-INV-020"
    about = "No two events of the server have the same `event_id`."
    source = "API reference: the unique ID of the server event"

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        event_id = event.get("event_id")
        if not isinstance(event_id, str) or not event_id:
            return
        if event_id in self._seen:
            yield Breach(f"the event id {event_id} is used twice", line.number, "event_id")
        self._seen.add(event_id)


class SessionKeepsItsId(JournalRule):
    """One session, one id."""

    id = "RT-INV-021"
    about = "The session's id, object and type are the same in every event that shows it."
    source = "API reference, session.updated; recorded sessions"

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        session = event.get("session")
        if event["type"] not in ("session.created", "session.updated") or not isinstance(session, dict):
            return
        for name in ("id", "object", "type"):
            value = session.get(name)
            if value is not None and self._known.setdefault(name, value) != value:
                yield Breach(f"the session's {name} has changed", line.number, f"session.{name}")


class GreetedOnce(JournalRule):
    """`session.created` comes once, before everything."""

    id = "RT-INV-022"
    about = "`session.created` comes at most once, and then before every other event."
    source = "API reference, session.created"

    def __init__(self) -> None:
        self._count = 0
        self._others = 0

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        if event["type"] != "session.created":
            self._others += 1
            return
        self._count += 1
        if self._count > 1:
            yield Breach("session.created comes a second time", line.number)
        elif self._others:
            yield Breach("session.created is not the first event", line.number)


class ItemsAreAddedOnce(JournalRule):
    """An item enters the conversation once."""

    id = "RT-INV-023"
    about = "An item is added to the conversation once, before it is done, and not after it was deleted."
    source = "API reference, conversation.item.added; recorded lifecycles"

    def __init__(self) -> None:
        self._added: set[str] = set()
        self._old_names = False

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        kind, item_id = event["type"], item_of(event)
        if kind == "conversation.item.created":
            self._old_names = True
        if item_id is None:
            return
        if kind == "conversation.item.added":
            if item_id in self._added:
                yield Breach(f"item {item_id} is added twice", line.number, "item.id")
            self._added.add(item_id)
        elif kind == "conversation.item.done" and item_id not in self._added and not self._old_names:
            yield Breach(f"item {item_id} is done, and was not added", line.number, "item.id")
        elif kind == "conversation.item.deleted":
            self._added.discard(item_id)


class ItemsFormOneList(JournalRule):
    """`previous_item_id` of what is added makes one list, without gaps or forks.

    That of `.done` is not looked at: it is null where the predecessor is the
    first item (recorded).
    """

    id = "RT-INV-024"
    about = "Following `previous_item_id`, the items of a conversation form one list."
    source = "API reference, previous_item_id; recorded lifecycles"

    def __init__(self) -> None:
        self._order: list[str] = []
        self._asked: dict[str, Any] = {}

    def sent(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        item_id = place(event, "item", "id")
        if event.get("type") == "conversation.item.create" and "previous_item_id" in event:
            self._asked[str(item_id)] = event["previous_item_id"]
        return iter(())

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        kind, item_id = event["type"], item_of(event)
        if kind == "conversation.item.deleted" and item_id in self._order:
            self._order.remove(item_id)
        if kind != "conversation.item.added" or item_id is None or item_id in self._order:
            return
        previous, path = event.get("previous_item_id"), "previous_item_id"
        asked = item_id in self._asked or "None" in self._asked
        if previous == "root":
            previous = None
        if previous is None:
            if self._order and not asked:
                yield Breach(
                    f"item {item_id} is added to the front, and nobody asked for it", line.number, path
                )
                self._order.append(item_id)
            else:
                self._order.insert(0, item_id)
        elif previous not in self._order:
            yield Breach(f"item {item_id} follows {previous}, which is not there", line.number, path)
            self._order.append(item_id)
        else:
            at = self._order.index(previous) + 1
            if at < len(self._order) and not asked:
                yield Breach(
                    f"item {item_id} follows {previous}, as {self._order[at]} does already", line.number, path
                )
            self._order.insert(at, item_id)


class ErrorsSayWhat(JournalRule):
    """An error says what is wrong."""

    id = "RT-INV-025"
    about = "An `error` has an object with a type and a message, and code and param are strings or null."
    source = "API reference, error"

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        if event["type"] != "error":
            return
        error = event.get("error")
        if not isinstance(error, dict):
            yield Breach("an error has no error object", line.number, "error")
            return
        for name in ("type", "message"):
            if not isinstance(error.get(name), str) or not error[name]:
                yield Breach(f"an error has no {name}", line.number, f"error.{name}")
        for name in ("code", "param", "event_id"):
            if error.get(name) is not None and not isinstance(error[name], str):
                yield Breach(f"the {name} of an error is no string", line.number, f"error.{name}")


# --- every command has a fate ---------------------------------------------------------------

_ANSWERS: dict[str, tuple[str, ...]] = {
    "session.update": ("session.updated",),
    "session.close": ("session.closed",),
    "input_audio_buffer.commit": ("input_audio_buffer.committed",),
    "input_audio_buffer.clear": ("input_audio_buffer.cleared",),
    "conversation.item.create": ("conversation.item.added", "conversation.item.created"),
    "conversation.item.retrieve": ("conversation.item.retrieved",),
    "conversation.item.truncate": ("conversation.item.truncated",),
    "conversation.item.delete": ("conversation.item.deleted",),
    "response.create": ("response.created",),
    "response.cancel": ("response.done",),
}
_ASKS: dict[str, str] = {answer: kind for kind, answers in _ANSWERS.items() for answer in answers}


class _Fates:
    """Commands that wait for their answer, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, str, str, int]] = []  # kind, event id, item id, line

    def sent(self, event: Event, number: int) -> None:
        kind = event.get("type")
        if kind in _ANSWERS:
            item_id = place(event, "item", "id") or event.get("item_id")
            self.waiting.append((kind, str(event.get("event_id")), str(item_id), number))

    def received(self, event: Event) -> None:
        kind = event["type"]
        if kind == "error":
            named = place(event, "error", "event_id")
            self._answer(lambda each: each[1] == named) or self._answer(lambda each: named is None)
        elif kind in _ASKS:
            asked, item_id = _ASKS[kind], item_of(event)
            if item_id is not None and kind.startswith("conversation.item"):
                # Items come unasked, too; one that names no id of its own may be any.
                self._answer(lambda each: each[0] == asked and each[2] == item_id) or self._answer(
                    lambda each: each[0] == asked and each[2] == "None"
                )
            else:
                self._answer(lambda each: each[0] == asked)

    def _answer(self, fits: Any) -> bool:
        for each in self.waiting:
            if fits(each):
                self.waiting.remove(each)
                return True
        return False


class CommandsHaveAFate(JournalRule):
    """Every command is confirmed or refused."""

    id = "RT-INV-026"
    about = "Every command of the client is confirmed by its event, or refused by an `error`."
    source = "API reference, client events"

    def __init__(self) -> None:
        self._fates = _Fates()
        self._closed = False

    def sent(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        self._fates.sent(event, line.number)
        return iter(())

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        self._fates.received(event)
        return iter(())

    def noted(self, note: Event, line: JournalLine) -> Iterator[Breach]:
        closed = note.get("closed")
        self._closed = self._closed or (isinstance(closed, dict) and not closed.get("by_us"))
        return iter(())

    def ended(self, complete: bool) -> Iterator[Breach]:
        if complete and not self._closed:
            for kind, _, _, number in self._fates.waiting:
                yield Breach(f"{kind} was neither confirmed nor refused", number)


def unanswered(lines: list[JournalLine]) -> Counter[str]:
    """Which commands in these lines still wait for an answer."""
    fates = _Fates()
    for line in lines:
        if not isinstance(line.m, dict) or not isinstance(line.m.get("type"), str):
            continue
        if line.d == "out":
            fates.sent(line.m, line.number)
        elif line.d == "in":
            fates.received(line.m)
    return Counter(kind for kind, *_ in fates.waiting)

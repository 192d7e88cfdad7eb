"""Where the lines of a transcript stand: as their items do, and deleted ones where they stood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .protocol.conversation import ConversationMirror
from .protocol.history_item import HistoryItem
from .protocol.item_order import ItemOrder

__all__ = ["LineOrder"]

_MAX_DELETED = 4096


class LineOrder:
    """The order of lines: that of the conversation, with deleted lines where they stood.

    Follows it by the items that events name, each at the same cost however
    many lines there are; only what moves items that no event names (those that
    waited for their predecessor) makes it read the whole conversation again.
    """

    def __init__(self, conversation: ConversationMirror) -> None:
        self._conversation = conversation
        self._upheavals = -1  # the conversation may have begun without us
        self._lines = ItemOrder()
        self._deleted: dict[str, None] = {}

    def __contains__(self, item_id: str) -> bool:
        """Whether there is such a line, deleted or not."""
        return item_id in self._lines

    @property
    def is_behind(self) -> bool:
        """Whether items were moved that no event names: the next `refresh` reads everything."""
        return self._upheavals != self._conversation.upheavals

    def take_end(self, item_id: str, before: str | None) -> bool:
        """Put a new line, of an item behind `before`, at the end; False if that is not its place."""
        last = self._lines.last
        if last != before or last in self._deleted or item_id in self._lines:
            return False
        if self.is_behind:
            return False
        self._lines.place(item_id, before)
        return True

    def is_live(self, item_id: str) -> bool:
        """Whether there is such a line, of an item that is in the conversation."""
        return item_id in self._lines and item_id not in self._deleted

    def ids(self) -> tuple[str, ...]:
        """All lines in order."""
        return self._lines.ids()

    @property
    def last(self) -> str | None:
        """The last line; None if there is none."""
        return self._lines.last

    def before(self, item_id: str) -> str | None:
        """The line right before this one; None for the first."""
        return self._lines.before(item_id)

    def sorted(self, item_ids: set[str]) -> list[str]:
        """These ids in the order of lines; behind them those that are no lines (yet)."""
        placed = {item_id for item_id in item_ids if item_id in self._lines}
        if len(placed) < 2:
            return [*placed, *(item_ids - placed)]
        # What changes together is mostly young.
        found: list[str] = []
        current = self._lines.last
        while len(found) < len(placed) and current is not None:
            if current in placed:
                found.append(current)
            current = self._lines.before(current)
        return [*reversed(found), *(item_ids - placed)]

    def refresh(self, touched: Iterable[str], stays: Callable[[str], bool]) -> tuple[list[str], list[str]]:
        """Follow what an event about these items changed; returns the new lines, and those gone."""
        if self.is_behind:
            return self._read_all(stays)
        fresh: list[str] = []
        gone: list[str] = []
        for item_id in touched:
            live = _is_line(self._conversation.item(item_id))
            if live and (item_id not in self._lines or item_id in self._deleted):
                if item_id in self._deleted:
                    self._take_out(item_id)  # created anew under its old id
                self._lines.place(item_id, self._predecessor(item_id))
                fresh.append(item_id)
            elif not live and item_id in self._lines and item_id not in self._deleted:
                gone += self._delete(item_id, stays)
        return fresh, gone

    def _predecessor(self, item_id: str) -> str | None:
        """The line that a line of this item comes right behind."""
        before = self._place_of(item_id)
        passed = {item_id}
        while before is not None and (before not in self._lines or before in self._deleted):
            if before in passed:  # items that wait for each other have no place: such come last
                return self._lines.last
            passed.add(before)
            before = self._place_of(before)
        # Lines that were deleted there stay with what they followed.
        while (behind := self._lines.following(before)) is not None and behind in self._deleted:
            before = behind
        return before

    def _place_of(self, item_id: str) -> str | None:
        item = self._conversation.item(item_id)
        return item.previous_item_id if item is not None else None

    def _delete(self, item_id: str, stays: Callable[[str], bool]) -> list[str]:
        """A line is no longer live: a deleted one now, or gone; returns those that are gone."""
        if not stays(item_id):
            self._take_out(item_id)
            return [item_id]
        self._deleted[item_id] = None
        if len(self._deleted) <= _MAX_DELETED:
            return []
        oldest = next(iter(self._deleted))
        self._take_out(oldest)
        return [oldest]

    def _take_out(self, item_id: str) -> None:
        self._deleted.pop(item_id, None)
        self._lines.remove(item_id)

    def _read_all(self, stays: Callable[[str], bool]) -> tuple[list[str], list[str]]:
        """Take over the whole order of the conversation, with the deleted lines where they stood."""
        self._upheavals = self._conversation.upheavals
        # An item that has no place yet is shown last, rather than not at all.
        everything = (*self._conversation.items(), *self._conversation.waiting)
        live = {item.id: None for item in everything if _is_line(item)}
        gone: list[str] = []
        known = self._lines
        for item_id in known.ids():
            if item_id not in live and item_id not in self._deleted:
                gone += self._delete(item_id, stays)
        for item_id in self._deleted.keys() & live.keys():
            self._take_out(item_id)
        behind: dict[str | None, list[str]] = {}
        for item_id in self._lines.ids():
            if item_id in self._deleted:
                behind.setdefault(self._lines.before(item_id), []).append(item_id)
        self._lines = ItemOrder()
        for anchor in (None, *live):
            self._append_with(anchor, behind)
        return [item_id for item_id in self._lines.ids() if item_id not in known], gone

    def _append_with(self, anchor: str | None, behind: Mapping[str | None, list[str]]) -> None:
        """Put a line at the end, and behind it the deleted ones that followed it."""
        todo = [anchor]
        while todo:
            current = todo.pop()
            if current is not None:
                self._lines.append(current)
            todo += reversed(behind.get(current, ()))


def _is_line(item: HistoryItem | None) -> bool:
    return item is not None and item.in_dialogue

"""Whether the server's order of items is ours, by its own statements; the marker that makes it state more.

What an audit makes of this is `audit`'s affair. This part listens from the
beginning of every connection, so it stands by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import events as ev
from .events.later import ByKind
from .protocol.item_order import ItemOrder
from .protocol.state import Observed
from .slim import slim
from .types import UNSET

__all__ = ["Misplaced", "OrderWitness", "is_marker", "marker", "says_place"]

_MAX_MISPLACED = 64
_MAX_APPENDS = 1024
_AT_ONCE = 32
_MARKER = "(order check)"


@slim
class Misplaced:
    """The server said that `last` (None: nothing) was its last item when it added `by`.

    Our record had the items `behind` it. They stand elsewhere on the server,
    or are gone.
    """

    last: str | None
    behind: tuple[str, ...]
    by: str


class OrderWitness:
    """Holds the server to what it says of the end of its conversation.

    Whatever is appended (a commit, a create without `previous_item_id`) is
    answered with the id of the item before it, which is the server's last one
    (API reference). If that is not ours, the two orders differ. Feed it the
    core's stream from the beginning; it repeats the server's own statements in
    order, and never looks at anything else.
    """

    def __init__(self) -> None:
        self._order = ItemOrder()
        # Items we asked to be appended; where each item was stated to stand.
        self._appends: dict[str, None] = {}
        self._stated: dict[str, str | None] = {}
        self._found: list[Misplaced] = []
        # Places that were stated and not looked at yet: some at once cost less than each by itself.
        self._pending: list[tuple[str, str | None]] = []

    @property
    def found(self) -> tuple[Misplaced, ...]:
        """Statements of the server that our order contradicts, the last 64."""
        self._catch_up()
        return tuple(self._found)

    def apply(self, observed: Observed, now: float) -> None:
        """Take in what the core observed."""
        handler = _HANDLERS[type(observed)]
        if handler is not None:
            handler(self, observed)

    @staticmethod
    def concerned_with(kind: type[Observed]) -> bool:
        """Whether an event of this class says anything of the order."""
        return kind in _HANDLERS

    def _asked(self, event: ev.ConversationItemCreate) -> None:
        if event.previous_item_id is UNSET and event.item.id is not UNSET:
            self._catch_up()
            self._append(event.item.id)

    def _committed(self, event: ev.InputAudioBufferCommitted) -> None:
        if event.item_id and says_place(event):
            self._catch_up()
            self._append(event.item_id)
            self._place(event.item_id, event.previous_item_id)

    def _added(self, event: ev.ConversationItemAdded | ev.ConversationItemCreated) -> None:
        if event.item is not None and event.item.id and says_place(event):
            self._pending.append((event.item.id, event.previous_item_id))
            if len(self._pending) >= _AT_ONCE:
                self._catch_up()

    def _deleted(self, event: ev.ConversationItemDeleted) -> None:
        if event.item_id:
            self._catch_up()
            self._order.remove(event.item_id)
            self._stated.pop(event.item_id, None)

    def _catch_up(self) -> None:
        pending, self._pending = self._pending, []
        for item_id, after in pending:
            self._place(item_id, after)

    def _append(self, item_id: str) -> None:
        self._appends[item_id] = None
        if len(self._appends) > _MAX_APPENDS:
            del self._appends[next(iter(self._appends))]

    def _place(self, item_id: str, after: str | None) -> None:
        if item_id in self._stated and self._stated[item_id] == after:
            return
        order, is_new = self._order, item_id not in self._stated
        known = after in order or (after is None and not order.waiting)
        if is_new and item_id in self._appends and known and after != order.last:
            ids = order.ids()
            start = ids.index(after) + 1 if after is not None else 0
            self._found.append(Misplaced(after, ids[start:], item_id))
            del self._found[:-_MAX_MISPLACED]
        self._appends.pop(item_id, None)
        self._stated[item_id] = after
        order.place(item_id, after)


_HANDLERS: ByKind[Callable[[OrderWitness, Any], None]] = ByKind(
    {
        "conversation.item.create": OrderWitness._asked,
        ev.InputAudioBufferCommitted: OrderWitness._committed,
        ev.ConversationItemAdded: OrderWitness._added,
        "conversation.item.created": OrderWitness._added,
        ev.ConversationItemDeleted: OrderWitness._deleted,
    }
)


def says_place(
    event: ev.ConversationItemAdded | ev.ConversationItemCreated | ev.InputAudioBufferCommitted,
) -> bool:
    """Whether the event states behind which item its own stands; null says that it is the first."""
    return "previous_item_id" in event.__pydantic_fields_set__


def marker(item_id: str) -> ev.ConversationItemCreate:
    """An item to append and delete again: the link the server states for it names the server's last item.

    It takes effect on nothing that is deleted before the next reply: send it
    only while no reply is being made or asked for, and turn detection is off.
    """
    item = ev.NewSystemMessage(id=item_id, content=[ev.NewInputText(text=_MARKER)])
    return ev.ConversationItemCreate(item=item)


def is_marker(event: ev.ConversationItemCreate) -> bool:
    """Whether this is what `marker` makes: nobody's turn, and no part of any record."""
    item = event.item
    return isinstance(item, ev.NewSystemMessage) and [part.text for part in item.content] == [_MARKER]

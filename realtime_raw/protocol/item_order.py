"""The order of a conversation, as a linked list of ids told by predecessors.

Each id is placed behind the id the server names. One whose predecessor is not
known yet waits for it. Contents, events and judgements about them are not
known here.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["MAX_GONE", "ItemOrder"]

# How many removed ids are remembered, to tell a predecessor that is gone from
# one that is yet to come.
MAX_GONE = 4096


class ItemOrder:
    """Ids in order. Every change costs the same however many there are; reading the order is cached."""

    def __init__(self, *, upheavals: int = 0) -> None:
        # A ring closed by None: after[None] is the head, before[None] the tail.
        self._after: dict[str | None, str | None] = {None: None}
        self._before: dict[str | None, str | None] = {None: None}
        self._waiting: dict[str, dict[str, None]] = {}
        self._awaited: dict[str, str] = {}
        self._gone: dict[str, None] = {}
        # Where the ids begin whose distance from the head nobody told us.
        self._adrift: str | None = None
        self._ids: tuple[str, ...] | None = ()
        self._upheavals = upheavals

    def __contains__(self, item_id: object) -> bool:
        return item_id is not None and item_id in self._after

    def __len__(self) -> int:
        return len(self._after) - 1

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids())

    @property
    def last(self) -> str | None:
        """The id at the tail."""
        return self._before[None]

    @property
    def upheavals(self) -> int:
        """How often ids waited, or stopped waiting, or moved.

        While it stands still, ids came and went one at a time, each by a call of
        its own: whoever is told of those calls can keep a copy of the order.
        """
        return self._upheavals

    @property
    def waiting(self) -> tuple[str, ...]:
        """Ids without a place yet, in order of arrival."""
        return tuple(self._awaited)

    def ids(self) -> tuple[str, ...]:
        """All ids in order. The same tuple until the order changes."""
        if self._ids is None:
            found, current = [], self._after[None]
            while current is not None:
                found.append(current)
                current = self._after[current]
            self._ids = tuple(found)
        return self._ids

    def before(self, item_id: str) -> str | None:
        """The id before this one, or the one it waits for; None at the head and for strangers."""
        return self._awaited.get(item_id) or self._before.get(item_id)

    def following(self, item_id: str | None) -> str | None:
        """The id behind this one (None: the head); None at the tail and for strangers."""
        return self._after.get(item_id)

    def is_gone(self, item_id: str) -> bool:
        """Whether this id was removed (as far back as is remembered)."""
        return item_id in self._gone

    def place(self, item_id: str, after: str | None) -> tuple[str, ...]:
        """Put an id behind another, or at the head (None).

        Returns the ids that now stand in the order and did not before: this
        one and all that waited for it, or none if it must wait itself. An id
        that has a place already is moved; behind itself means the tail.
        """
        if after == self._before[None] and not self._awaited and item_id not in self._after:
            # As nearly always: a new one, at the tail.
            self._link(item_id, after)
            return (item_id,)
        if after == item_id:
            return self.append(item_id)
        if after not in self._after and after is not None:
            self._unlink(item_id)
            self._stop_waiting(item_id)
            self._gone.pop(item_id, None)
            self._upheavals += 1
            self._awaited[item_id] = after
            self._waiting.setdefault(after, {})[item_id] = None
            return ()
        return self._settle(item_id, after)

    def append(self, item_id: str) -> tuple[str, ...]:
        """Put an id at the tail; returns as `place`."""
        if self.last == item_id:
            return ()
        return self._settle(item_id, self.last)

    def place_adrift(self, item_id: str) -> tuple[str, ...]:
        """Put in an id that exists although nobody told where; returns as `place`.

        What was not seen to be added is older than what was, unless that was
        put at the head: so it goes behind all that is anchored to the head,
        and before what is not.
        """
        after = self.last if self._adrift is None else self._before[self._adrift]
        placed = self._settle(item_id, after)
        self._adrift = item_id
        return placed

    def remove(self, item_id: str) -> tuple[str, ...]:
        """Take an id out; what comes behind it closes up.

        What waited for it takes over its own wait or, if the id never was
        here, goes to the tail. Returns the ids that thereby got a place.
        """
        self._gone[item_id] = None
        if len(self._gone) > MAX_GONE:
            del self._gone[next(iter(self._gone))]
        heirs = self._waiting.pop(item_id, {})
        self._upheavals += bool(heirs)
        awaited = self._awaited.get(item_id)
        if awaited is not None and awaited not in heirs:
            self._inherit(item_id, awaited, heirs)
            return ()
        self._stop_waiting(item_id)
        self._unlink(item_id)
        placed: list[str] = []
        for heir in reversed(heirs):
            del self._awaited[heir]
            placed += self.append(heir)
        return tuple(placed)

    def _inherit(self, item_id: str, awaited: str, heirs: dict[str, None]) -> None:
        """Those that waited for `item_id` step into its place in the queue: the order of arrival counts."""
        self._upheavals += 1
        del self._awaited[item_id]
        queue: dict[str, None] = {}
        for waiting in self._waiting[awaited]:
            queue.update(heirs if waiting == item_id else {waiting: None})
        self._awaited.update(dict.fromkeys(heirs, awaited))
        self._waiting[awaited] = queue
        if not queue:
            del self._waiting[awaited]

    def _settle(self, item_id: str, after: str | None) -> tuple[str, ...]:
        self._stop_waiting(item_id)
        moved = item_id in self._after
        self._upheavals += moved
        self._unlink(item_id)
        placed: list[str] = []
        todo = [(item_id, after)]
        while todo:
            current, predecessor = todo.pop()
            self._link(current, predecessor)
            placed.append(current)
            # In order of arrival, each right behind the predecessor: as the
            # server inserted them.
            heirs = self._waiting.pop(current, {})
            self._upheavals += bool(heirs)
            for heir in reversed(heirs):
                del self._awaited[heir]
                todo.append((heir, current))
        return tuple(placed[1:] if moved else placed)

    def _link(self, item_id: str, after: str | None) -> None:
        following = self._after[after]
        self._after[after] = self._before[following] = item_id
        self._after[item_id], self._before[item_id] = following, after
        self._gone.pop(item_id, None)
        self._ids = None

    def _unlink(self, item_id: str) -> None:
        if item_id not in self._after:
            return
        before, after = self._before.pop(item_id), self._after.pop(item_id)
        self._after[before], self._before[after] = after, before
        if self._adrift == item_id:
            self._adrift = after
        self._ids = None

    def _stop_waiting(self, item_id: str) -> None:
        awaited = self._awaited.pop(item_id, None)
        if awaited is None:
            return
        self._upheavals += 1
        self._waiting[awaited].pop(item_id, None)
        if not self._waiting[awaited]:
            del self._waiting[awaited]

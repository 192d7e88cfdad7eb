"""The conversation as the server tells it: a mirror, nothing optimistic.

Server events go in, a changed history comes out, with a `Change` for each
thing that changed and for each contradiction found. Order comes from
`conversation.item.added` (with its elder `created`, and `committed`) alone;
contents may come earlier, later, and in any interleaving of the server's
streams (see `contents`). What belongs to out-of-band responses never enters.
The one thing here that no server says is what the ear heard: `mark_heard`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .. import events as ev
from ..deltas import AudioDelta
from ..events.base import ServerEvent
from ..events.later import ByKind
from ..events.session import Session
from ..text import safe
from ..types import UNSET, AudioKey, Unset
from .contents import HANDLERS, Change, Contents, TextDelta, contradiction
from .heard import HeardText, Track
from .history_item import HistoryItem, Part, Segment, describe
from .item_order import ItemOrder
from .item_record import ItemRecord, PartRecord, Stage

__all__ = ["Change", "ConversationMirror", "HistoryItem", "Part", "Segment"]

if TYPE_CHECKING:
    _Added = ev.ConversationItemAdded | ev.ConversationItemCreated
    _Stated = _Added | ev.InputAudioBufferCommitted


class ConversationMirror:
    """The items of the default conversation, in the server's order. Holds no audio.

    `joined_late` says that the conversation was under way when we came (a
    sideband): events about items never seen are then no contradiction.
    """

    def __init__(self, *, joined_late: bool = False) -> None:
        self.joined_late = joined_late
        self._order = ItemOrder()
        self._contents = Contents(self._order.is_gone)
        self._views: dict[str, HistoryItem] = {}
        self._shown: tuple[tuple[str, ...], tuple[HistoryItem, ...]] = ((), ())

    # Views

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[HistoryItem]:
        return iter(self.items())

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._order

    def items(self) -> tuple[HistoryItem, ...]:
        """All items in the server's order; the items are live, the tuple is of now."""
        ids = self._order.ids()
        if ids is not self._shown[0]:
            self._shown = ids, tuple(self._views[item_id] for item_id in ids)
        return self._shown[1]

    def item(self, item_id: str) -> HistoryItem | None:
        """The item with this id, in the order or waiting; None if there is none."""
        return self._views.get(item_id)

    @property
    def waiting(self) -> tuple[HistoryItem, ...]:
        """Items whose predecessor is not known yet, as they came.

        Their `previous_item_id` names it: retrieve it to give them a place.
        """
        return tuple(self._views[item_id] for item_id in self._order.waiting)

    @property
    def upheavals(self) -> int:
        """How often items waited for their predecessor, or stopped waiting, or were moved.

        While it stands still, the order changed by single items that came or
        went, each named by the event that told of it.
        """
        return self._order.upheavals

    @property
    def last_id(self) -> str | None:
        """Id of the last item; None while the conversation is empty."""
        return self._order.last

    @property
    def heard_text(self) -> HeardText:
        """How much text lies before any position of a reply's audio, until that is heard to its end."""
        return self._contents.heard_text

    def as_text(self) -> str:
        """The conversation as a readable dialogue, a line an item, safe for a terminal.

        Interrupted replies show what was heard, then what was not.
        """
        return "\n".join(describe(item) for item in self.items())

    def statistics(self) -> dict[str, int]:
        """How much is held, and how many drafts had to be dropped for room."""
        return {
            "items": len(self._order),
            "waiting_items": len(self._order.waiting),
            "draft_items": len(self._contents.drafts),
            "dropped_drafts": self._contents.drafts.dropped,
            "unheard_parts": len(self._contents.heard_text),
        }

    # Inputs

    def configured(self, session: Session) -> None:
        """Take over the audio formats the server now holds; they turn bytes into milliseconds."""
        audio, contents = session.audio, self._contents
        if audio is None:
            return
        if audio.input is not None and audio.input.format is not None:
            contents.input_encoding = audio.input.format.type or contents.input_encoding
        if audio.output is not None and audio.output.format is not None:
            contents.output_encoding = audio.output.format.type or contents.output_encoding

    def apply(self, event: ServerEvent, now: float) -> tuple[Change, ...]:
        """Take an event in; returns what it changed. Never raises, whatever fields are missing.

        Costs the same however long the conversation is. Events that do not
        concern the conversation change nothing.
        """
        contents = self._contents
        contents.telling = True
        try:
            return tuple(self.take(event, now))
        finally:
            contents.telling = False

    def take(self, event: ServerEvent, now: float) -> Sequence[Change]:
        """As `apply`, for who cares for contradictions alone: the other changes are not told."""
        contents = self._contents
        if (about_contents := HANDLERS[type(event)]) is not None:
            about_contents(contents, event)
        elif (handler := _HANDLERS[type(event)]) is not None:
            handler(self, event, now)
        if not contents.news:
            return ()
        news, contents.news = contents.news, []
        return news

    def sound(self, delta: AudioDelta) -> None:
        """Take an audio delta in that was read without its event; as `apply`."""
        self._contents.sound(delta.item_id, delta.response_id, delta.content_index, len(delta.pcm))

    def words(self, event: TextDelta) -> Change | None:
        """Take words of a reply in, as `apply`; of the changes only a contradiction is returned."""
        return self._contents.words(event)[1]

    def place(self, item_id: str, content_index: int) -> tuple[PartRecord, Track | None] | None:
        """The inside of a part that deltas go to, for `runs`; None for what is not in the conversation."""
        return self._contents.place(item_id, content_index)

    def mark_heard(self, key: AudioKey, heard_ms: int | None = None) -> None:
        """The listener's ear is `heard_ms` into this part (None: at the end of all received so far).

        Call it when playback of a part finished or was cut; calling it often
        is harmless, and nothing is ever un-heard. Parts that are not in the
        history are ignored.
        """
        self._contents.mark_heard(key, heard_ms)

    def clear(self) -> None:
        """Forget everything: a new session begins. Items already handed out stay as they were."""
        self._order = ItemOrder(upheavals=self._order.upheavals + 1)
        self._contents = Contents(self._order.is_gone)
        self._views = {}
        self._shown = ((), ())

    # Events

    def _added(self, event: _Added, now: float) -> None:
        item = event.item
        if item is None or not item.id:
            self._object(_nameless(event))
            return
        known = item.id in self._views
        record = self._enter(item.id, now)
        self._contents.absorb(record, item, Stage.OPENING)
        if known:
            self._contents.tell("changed", record.id, "item")
            self._restate(record, _stated(event))
        else:
            self._place(record, _stated(event))

    def _done(self, event: ev.ConversationItemDone, now: float) -> None:
        item = event.item
        if item is None or not item.id:
            self._object(_nameless(event))
            return
        known = item.id in self._views
        record = self._enter(item.id, now)
        self._contents.absorb(record, item, Stage.FINAL)
        if known:
            self._contents.tell("changed", record.id, "item")
        else:
            # Null means nothing here: it stands where the first item's id should (observed).
            self._place(record, event.previous_item_id or UNSET)

    def _retrieved(self, event: ev.ConversationItemRetrieved, now: float) -> None:
        item = event.item
        if item is None or not item.id:
            self._object(_nameless(event))
            return
        known = item.id in self._views
        record = self._enter(item.id, now)
        self._contents.absorb(record, item, Stage.FINAL)
        if known:
            self._contents.tell("changed", record.id, "item")
        else:
            record.place_assumed = True
            self._took_place(self._order.place_adrift(record.id))

    def _committed(self, event: ev.InputAudioBufferCommitted, now: float) -> None:
        if not event.item_id:
            self._object(_nameless(event))
        elif event.item_id not in self._views:
            record = self._enter(event.item_id, now)
            record.role = "user"
            record.part(0, "input_audio")
            self._place(record, _stated(event))

    def _deleted(self, event: ev.ConversationItemDeleted, now: float) -> None:
        if not event.item_id:
            self._object(_nameless(event))
            return
        known = self._contents.leave(event.item_id) is not None
        freed = self._order.remove(event.item_id)
        if known:
            del self._views[event.item_id]
            self._contents.tell("removed", event.item_id)
        elif not self.joined_late:
            self._object(contradiction(event.item_id, "was deleted, but was not in this history"))
        for heir in freed:
            self._contents.records[heir].place_assumed = True
        self._took_place(freed)

    def _truncated(self, event: ev.ConversationItemTruncated, now: float) -> None:
        if not event.item_id:
            self._object(_nameless(event))
            return
        record = self._contents.records.get(event.item_id)
        if record is None:
            if not self.joined_late:
                self._object(contradiction(event.item_id, "was truncated, but was not in this history"))
        elif event.audio_end_ms is None or not math.isfinite(event.audio_end_ms):
            self._object(contradiction(record.id, "was truncated, but it is not said where"))
        else:
            self._contents.truncate(record, event.content_index or 0, max(0, int(event.audio_end_ms)))
            self._contents.tell("changed", record.id, "truncated")

    def _object(self, objection: Change) -> None:
        self._contents.news.append(objection)

    # Order

    def _enter(self, item_id: str, now: float) -> ItemRecord:
        record = self._contents.enter(item_id, now)
        if item_id not in self._views:
            self._views[item_id] = HistoryItem(record, self._order)
        return record

    def _place(self, record: ItemRecord, after: str | Unset | None) -> None:
        """Give an item that is new here the place that was stated, or the tail if none was."""
        record.stated = after
        if isinstance(after, Unset):
            record.place_assumed = True
            placed = self._order.append(record.id)
        elif after == record.id or (after is not None and self._order.is_gone(after)):
            what = "itself" if after == record.id else f"item {safe(after)}, which was deleted"
            self._object(contradiction(record.id, f"was put behind {what}; it stands at the end here"))
            record.place_assumed = True
            placed = self._order.append(record.id)
        else:
            placed = self._order.place(record.id, after)
        if not placed and len(self._order) == 0:
            # The first thing we hear of is not the conversation's beginning.
            self.joined_late = True
        self._took_place(placed)

    def _restate(self, record: ItemRecord, after: str | Unset | None) -> None:
        """The place of a known item is stated again, as after a commit: the last word counts."""
        if isinstance(after, Unset) or after == record.stated:
            return
        if record.stated is not UNSET:
            self._object(contradiction(record.id, "was given two different places"))
        usable = after is None or (after in self._order and after != record.id)
        if usable or record.id not in self._order:
            record.place_assumed = False
            self._contents.tell("changed", record.id, "place")
            self._place(record, after)

    def _took_place(self, placed: tuple[str, ...]) -> None:
        for item_id in placed:
            record = self._contents.records[item_id]
            self._contents.tell("added", item_id, record.role or record.type)


def _stated(event: _Stated) -> str | Unset | None:
    """The predecessor an event names; null is the head, and a server that leaves it out says nothing."""
    return event.previous_item_id if "previous_item_id" in event.__pydantic_fields_set__ else UNSET


def _nameless(event: ServerEvent) -> Change:
    return Change("contradiction", None, f"{event.type} names no item")


_HANDLERS: ByKind[Callable[[ConversationMirror, Any, float], None]] = ByKind(
    {
        ev.ConversationItemAdded: ConversationMirror._added,
        "conversation.item.created": ConversationMirror._added,
        ev.ConversationItemDone: ConversationMirror._done,
        "conversation.item.retrieved": ConversationMirror._retrieved,
        ev.ConversationItemDeleted: ConversationMirror._deleted,
        ev.ConversationItemTruncated: ConversationMirror._truncated,
        ev.InputAudioBufferCommitted: ConversationMirror._committed,
    }
)

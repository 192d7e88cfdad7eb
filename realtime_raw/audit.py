"""Our record against the server's, item by item: what differs, what is proven, what cannot be known.

The API lists no conversation: items can be retrieved one by one, and nothing
tells where an item stands but the links the server states when it adds one
(API reference). How order is proven from that, and how far, is in
docs/history.md. Sending and waiting is the shell's affair.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from . import events as ev
from .audit_facts import ItemFacts, PartFacts
from .concerns import items_of
from .events.base import ServerEvent
from .order_witness import Misplaced, OrderWitness, is_marker, marker, says_place
from .protocol.conversation import ConversationMirror
from .protocol.history_item import HistoryItem
from .protocol.state import Observed
from .text import safe
from .types import ErrorInfo

__all__ = [
    "Audit",
    "AuditReport",
    "Difference",
    "Kind",
    "Misplaced",
    "OrderWitness",
    "compare",
    "is_marker",
    "marker",
    "plan",
]

Kind = Literal[
    "missing", "extra", "order", "role", "type", "content", "transcript", "audio_ms", "status", "tool"
]
_KINDS: tuple[Kind, ...] = get_args(Kind)

_UNKNOWN_ITEM = "item_retrieve_invalid_item_id"
# Rounding down to whole milliseconds, once on either side.
_ROUNDING_MS = 1
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing our record and the server's do not agree on.

    `where` names it within the item (`content[0].text`, `arguments`, …), `ours`
    and `theirs` are the two values; None on the side that has none.
    """

    kind: Kind
    item_id: str
    where: str
    ours: str | int | None
    theirs: str | int | None

    def __str__(self) -> str:
        """A readable line, safe for a terminal, with long values shortened around where they part."""
        name, where = f"item {safe(self.item_id)}", safe(self.where)
        if self.kind == "missing":
            return f"{name} ({_shown(self.ours)}) is in our record and not on the server"
        if self.kind == "extra":
            return f"{name} ({_shown(self.theirs)}) is on the server and not in our record"
        ours, theirs = _parted(self.ours, self.theirs)
        return f"{name}: {where} is {ours} in our record and {theirs} on the server"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return {**dataclasses.asdict(self), "line": str(self)}


def _shown(value: str | int | None) -> str:
    if not isinstance(value, str):
        return "nothing" if value is None else str(value)
    text = safe(value)
    return repr(text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…")


def _parted(ours: str | int | None, theirs: str | int | None) -> tuple[str, str]:
    """Both values, from shortly before the first character that differs."""
    if isinstance(ours, str) and isinstance(theirs, str):
        same = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
        same = min(len(ours), len(theirs)) if same is None else same
        start = max(0, same - _SHOWN_CHARS // 3)
        if start and max(len(ours), len(theirs)) > _SHOWN_CHARS:
            return _shown(f"…{ours[start:]}"), _shown(f"…{theirs[start:]}")
    return _shown(ours), _shown(theirs)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit found. `ok`: nothing differs, and every item was answered for.

    `checked` are the items compared, in our order; `open` those that were
    still being written and were not. `unanswered` are items whose retrieval
    failed, with the reason: nothing is known of them. `expected` says what
    looks like a difference and is none by the API's design. `unplaced` are
    items whose place the server never stated to us; `end_proven` says that
    the server named our last item as its last while this audit ran.
    """

    checked: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    unanswered: Mapping[str, str] = dataclasses.field(default_factory=dict)
    open: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    end_proven: bool = False

    @property
    def ok(self) -> bool:
        """Whether our record is the server's, as far as anybody can tell."""
        return not self.differences and not self.unanswered

    def of(self, kind: Kind) -> tuple[Difference, ...]:
        """The differences of one kind."""
        return tuple(one for one in self.differences if one.kind == kind)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return {
            "ok": self.ok,
            "checked": list(self.checked),
            "differences": [one.to_dict() for one in self.differences],
            "unanswered": dict(self.unanswered),
            "open": list(self.open),
            "expected": list(self.expected),
            "unplaced": list(self.unplaced),
            "end_proven": self.end_proven,
        }

    def __str__(self) -> str:
        """The report in lines, safe for a terminal."""
        count = len(self.differences)
        found = f"{count} difference{'s' if count != 1 else ''}" if count else "no difference"
        lines = [f"{len(self.checked)} item{'s' if len(self.checked) != 1 else ''} checked: {found}"]
        lines += [f"- {one}" for one in self.differences]
        lines += [
            f"- item {safe(item_id)} is not verified: {why}" for item_id, why in self.unanswered.items()
        ]
        lines += [f"- item {safe(item_id)} is still being written" for item_id in self.open]
        lines += [f"  ({one})" for one in self.expected]
        if self.unplaced:
            listed = ", ".join(map(safe, self.unplaced))
            lines.append(f"  (the server never stated where these stand: {listed})")
        return "\n".join(lines)


# Comparing


def plan(conversation: ConversationMirror) -> list[str]:
    """Ids of the items to retrieve: ours, and those the server named that we have never seen.

    Items still being written are left out: they are not yet what they will be.
    """
    waiting = conversation.waiting
    found = [item.id for item in (*conversation.items(), *waiting) if item.status != "in_progress"]
    named = dict.fromkeys(item.previous_item_id for item in waiting)
    return found + [one for one in named if one is not None and conversation.item(one) is None]


def compare(
    ours: Iterable[HistoryItem | ItemFacts],
    answers: Mapping[str, ev.BaseItem | ItemFacts | ErrorInfo],
    *,
    encoding: str = "audio/pcm",
    misplaced: Sequence[Misplaced] = (),
    end_proven: bool = False,
) -> AuditReport:
    """Compare our items, in our order, with what the server answered to their retrieval, by id.

    `encoding` is that of retrieved audio. `misplaced` is what an
    `OrderWitness` found. An answer may be the server's error: that an item
    does not exist, or why it could not be retrieved. Never raises.
    """
    mine = [one if isinstance(one, ItemFacts) else ItemFacts.of_mirror(one) for one in ours]
    theirs = {
        item_id: ItemFacts.of_wire(answer, encoding) if isinstance(answer, ev.BaseItem) else answer
        for item_id, answer in answers.items()
    }
    verdicts = [(one, theirs.get(one.id)) for one in mine if not one.is_open]
    pairs = [(one, answer) for one, answer in verdicts if isinstance(answer, ItemFacts)]
    lost = [one for one, answer in verdicts if isinstance(answer, ErrorInfo) and _is_unknown(answer)]
    gone = {one.id for one in lost}
    found = [Difference("missing", one.id, "item", one.describe(), None) for one in lost]
    found += _extra({one.id for one in mine}, theirs)
    found += _order(mine, gone, theirs, misplaced)
    found += [difference for pair in pairs for difference in _item(*pair)]
    places = {one.id: place for place, one in enumerate(mine)}
    found.sort(key=lambda one: (places.get(one.item_id, len(mine)), _KINDS.index(one.kind)))
    return AuditReport(
        checked=tuple(one.id for one, answer in verdicts if isinstance(answer, ItemFacts) or one.id in gone),
        differences=tuple(found),
        unanswered={
            one.id: "no answer" if answer is None else safe(answer.message or answer.code or "an error")
            for one, answer in verdicts
            if not isinstance(answer, ItemFacts) and one.id not in gone
        },
        open=tuple(one.id for one in mine if one.is_open),
        expected=tuple(note for pair in pairs for note in _by_design(*pair)),
        unplaced=tuple(one.id for one in mine if one.place != "stated"),
        end_proven=end_proven,
    )


def _is_unknown(error: ErrorInfo) -> bool:
    return error.code == _UNKNOWN_ITEM


def _extra(mine: set[str], theirs: Mapping[str, ItemFacts | ErrorInfo]) -> Iterator[Difference]:
    for item_id, answer in theirs.items():
        if item_id not in mine and isinstance(answer, ItemFacts):
            yield Difference("extra", item_id, "item", None, answer.describe())


def _order(
    mine: Sequence[ItemFacts],
    gone: set[str],
    theirs: Mapping[str, ItemFacts | ErrorInfo],
    misplaced: Sequence[Misplaced],
) -> Iterator[Difference]:
    for one in mine:
        # What stands behind an item that is extra has its reason there.
        if one.place == "waiting" and not isinstance(theirs.get(one.behind or ""), ItemFacts):
            yield Difference("order", one.id, "the item before it", None, one.behind)
    order = [one.id for one in mine if one.place != "waiting" and one.id not in gone]
    places = {item_id: place for place, item_id in enumerate(order)}
    # One item out of its place shows in every later statement; it is told once.
    told: set[str] = set()
    for statement in misplaced:
        start = places.get(statement.last) if statement.last is not None else -1
        if start is None:
            continue
        behind = [one for one in statement.behind if places.get(one, -1) > start and one not in told]
        if behind:
            told.update(behind)
            where = f"the last item (when {statement.by} was added)"
            yield Difference("order", statement.last or behind[-1], where, behind[-1], statement.last)


def _item(ours: ItemFacts, theirs: ItemFacts) -> Iterator[Difference]:
    if ours.type != theirs.type:
        yield Difference("type", ours.id, "type", ours.type, theirs.type)
        return
    if ours.role != theirs.role:
        yield Difference("role", ours.id, "role", ours.role, theirs.role)
        return
    # The server leaves the status out of a function call's output (observed).
    if ours.status != theirs.status and ours.status is not None and theirs.status is not None:
        yield Difference("status", ours.id, "status", ours.status, theirs.status)
    if len(ours.parts) != len(theirs.parts):
        yield Difference("content", ours.id, "number of parts", len(ours.parts), len(theirs.parts))
    for index, (mine, shown) in enumerate(zip(ours.parts, theirs.parts, strict=False)):
        for kind, where, a, b in _part(mine, shown, ours.role):
            yield Difference(kind, ours.id, f"content[{index}].{where}", a, b)
    for name in dict.fromkeys((*ours.tool, *theirs.tool)):
        if ours.tool.get(name, "") != theirs.tool.get(name, ""):
            yield Difference("tool", ours.id, name, ours.tool.get(name), theirs.tool.get(name))


_Found = tuple[Kind, str, str | int | None, str | int | None]


def _part(ours: PartFacts, theirs: PartFacts, role: str | None) -> Iterator[_Found]:
    if ours.type != theirs.type:
        yield "content", "type", ours.type, theirs.type
        return
    if ours.is_sound:
        if not _may_differ(ours, theirs, role) and (ours.words or "") != (theirs.words or ""):
            yield "transcript", "transcript", ours.words, theirs.words
        # A user's audio comes back filtered, and cut by turn detection (API reference).
        measured = role != "user" and ours.audio_ms is not None and theirs.audio_ms is not None
        if measured and abs((ours.audio_ms or 0) - (theirs.audio_ms or 0)) > _ROUNDING_MS:
            yield "audio_ms", "audio_ms", ours.audio_ms, theirs.audio_ms
    elif (ours.words or "") != (theirs.words or ""):
        yield "content", "text", ours.words, theirs.words
    if ours.image_url is not None and theirs.image_url is not None and ours.image_url != theirs.image_url:
        yield "content", "image_url", ours.image_url, theirs.image_url
    if (ours.detail or "auto") != (theirs.detail or "auto"):
        yield "content", "detail", ours.detail, theirs.detail


def _may_differ(ours: PartFacts, theirs: PartFacts, role: str | None) -> bool:
    """Whether transcripts may differ by design."""
    if role == "user":
        return not theirs.words or ours.transcribing
    # With the audio after the cut, truncation deletes the transcript (API reference).
    return ours.truncated and (ours.words or "").startswith(theirs.words or "")


def _by_design(ours: ItemFacts, theirs: ItemFacts) -> Iterator[str]:
    for mine, shown in zip(ours.parts, theirs.parts, strict=False):
        differs = mine.is_sound and mine.type == shown.type and (mine.words or "") != (shown.words or "")
        if differs and _may_differ(mine, shown, ours.role):
            why = (
                "a user's transcript has its own events"
                if ours.role == "user"
                else "a truncated item has lost its transcript"
            )
            yield f"item {safe(ours.id)}: {why}"


# One audit under way


class Audit:
    """One audit, from its plan to its report, whatever else goes on meanwhile.

    The mirror takes over what a retrieval shows, so our side is remembered
    here beforehand; and as the call goes on during an audit, what the server
    announces about an item before it answers for it counts as ours. So: make
    it, feed it the core's stream, retrieve every one of `ids` (they may grow:
    look again when done), tell refusals to `refused`, then ask for `report`.
    """

    def __init__(
        self,
        conversation: ConversationMirror,
        *,
        witness: OrderWitness | None = None,
        encoding: str = "audio/pcm",
        marker_id: str | None = None,
    ) -> None:
        self._conversation = conversation
        self._witness = witness
        self._encoding = encoding
        self._marker = marker_id
        self._ids = dict.fromkeys(plan(conversation))
        self._ours = {item.id: self._look(item) for item in conversation.items()}
        self._ours.update({item.id: self._look(item) for item in conversation.waiting})
        self._answers: dict[str, ItemFacts | ErrorInfo] = {}
        self._misplaced: list[Misplaced] = []
        self._end_proven = False

    @property
    def ids(self) -> tuple[str, ...]:
        """What is to be retrieved and has no answer yet."""
        return tuple(item_id for item_id in self._ids if item_id not in self._answers)

    def apply(self, observed: Observed, now: float) -> None:
        """Take in what the core observed, retrieved items among it."""
        match observed:
            case ev.ConversationItemRetrieved():
                item = observed.item
                if item is not None and item.id in self._ids and item.id not in self._answers:
                    self._answers[item.id] = ItemFacts.of_wire(item, self._encoding)
            case ev.ConversationItemDeleted() if observed.item_id:
                for known in (self._ids, self._ours, self._answers):
                    known.pop(observed.item_id, None)
            case ev.ConversationItemAdded() | ev.ConversationItemCreated() if self._is_marker(observed):
                self._end(observed.previous_item_id)
            case ServerEvent():
                for item_id in items_of(observed):
                    self._again(item_id)
            case _:
                pass

    def refused(self, item_id: str, error: ErrorInfo) -> None:
        """An item could not be retrieved: the server's error, or why there is no answer."""
        self._answers.setdefault(item_id, error)

    def report(self) -> AuditReport:
        """What was found, in our order. Call it when `ids` is empty, or when you will not wait longer."""
        order = [item.id for item in (*self._conversation.items(), *self._conversation.waiting)]
        seen = self._witness.found if self._witness is not None else ()
        return compare(
            [self._ours[item_id] for item_id in order if item_id in self._ours],
            self._answers,
            encoding=self._encoding,
            misplaced=(*seen, *self._misplaced),
            end_proven=self._end_proven,
        )

    def _look(self, item: HistoryItem) -> ItemFacts:
        return ItemFacts.of_mirror(item, waiting=item in self._conversation.waiting)

    def _again(self, item_id: str) -> None:
        """The server said something of an item it has not answered for yet: that is ours now."""
        item = self._conversation.item(item_id)
        if item is not None and item_id in self._ours and item_id not in self._answers:
            self._ours[item_id] = self._look(item)

    def _is_marker(self, event: ev.ConversationItemAdded | ev.ConversationItemCreated) -> bool:
        named = event.item.id if event.item is not None else None
        return named is not None and named == self._marker and says_place(event)

    def _end(self, last: str | None) -> None:
        """The server named its last item."""
        ids = [item.id for item in self._conversation.items() if item.id != self._marker]
        if last is not None and self._conversation.item(last) is None:
            self._ids[last] = None
        elif last in ids or (last is None and not self._conversation.waiting):
            behind = ids[ids.index(last) + 1 :] if last is not None else ids
            self._end_proven = not behind
            if behind:
                self._misplaced.append(Misplaced(last, tuple(behind), self._marker or ""))

"""Plans that turn a conversation into another: the fewest creates and deletes, and compaction.

The API has no move and no replace: an item is created, or deleted (API
reference). So whatever changes its place is made anew, which not every item
can be. Plans are made here, from the mirror; sending them is the shell's
affair.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from . import events as ev
from .errors import InvalidCommand, LocalProtocolError
from .protocol.history_item import HistoryItem, Part, describe
from .text import safe
from .types import UNSET, Unset

__all__ = [
    "CannotRecreate",
    "Compaction",
    "Create",
    "Delete",
    "Step",
    "Wanted",
    "plan_compaction",
    "plan_edit",
]

Wanted: TypeAlias = str | HistoryItem | ev.ItemReference | ev.NewItem
"""An item that is there, by its id, itself or a reference; or a new one."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Take an item out of the conversation."""

    item_id: str

    def event(self) -> ev.ConversationItemDelete:
        """The client event that does it."""
        return ev.ConversationItemDelete(item_id=self.item_id)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return {"delete": self.item_id}


@dataclass(frozen=True, slots=True)
class Create:
    """Put an item (whose id is set) right behind another, or at the front ("root").

    `replaces` is the id of the item it is a copy of, if it is one.
    """

    item: ev.NewItem
    previous_item_id: str
    replaces: str | None = None

    @property
    def item_id(self) -> str:
        """The id of the new item."""
        return str(self.item.id)

    def event(self) -> ev.ConversationItemCreate:
        """The client event that does it."""
        return ev.ConversationItemCreate(item=self.item, previous_item_id=self.previous_item_id)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return {
            "create": self.item.to_wire(),
            "previous_item_id": self.previous_item_id,
            "replaces": self.replaces,
        }


Step: TypeAlias = Create | Delete

_SOUND = ("input_audio", "output_audio")


class CannotRecreate(LocalProtocolError):
    """Items would have to change places, and cannot be made anew; nothing was sent.

    `items` gives the id and the reason of each. `retrievable` are those whose
    audio the server would hand out: retrieve them and plan again.
    """

    def __init__(self, items: Mapping[str, str], retrievable: tuple[str, ...]) -> None:
        self.items = dict(items)
        self.retrievable = retrievable
        listed = ", ".join(f"{safe(item_id)} ({safe(what)})" for item_id, what in items.items())
        super().__init__(
            f"cannot move {listed}: the API moves nothing, and a client cannot create these",
            hint="leave them in their order and move others, or let their text do (as_text=True)",
        )


def plan_edit(
    current: Sequence[HistoryItem],
    wanted: Sequence[Wanted],
    *,
    ids: Callable[[], str],
    retrieved: Mapping[str, ev.BaseItem] | None = None,
    as_text: bool = False,
) -> tuple[Step, ...]:
    """The fewest steps that turn the conversation `current` into `wanted`, in the order to send them.

    As many items as possible stay where they are, and first of all those that
    cannot be made anew as they are. The others are created first, each right behind
    its new predecessor, and deleted after: should a create be refused, nothing
    is lost yet. Copies get new ids from `ids` (a server may remember old ones);
    new items keep an id they have.

    `retrieved` holds items as `conversation.item.retrieved` gave them, by id:
    with its audio, a user's item can be created anew. `as_text` allows what
    has sound to move as its text, up to where it was truncated.

    Raises `CannotRecreate`, or `LocalProtocolError` for an id that is unknown,
    wanted twice or in use, and for items still being written that would have
    to go.
    """
    known = {item.id: item for item in current}
    targets = [_target(one) for one in wanted]
    _check(known, targets)
    places = {item.id: place for place, item in enumerate(current)}
    copies = {item.id: _copy(item, (retrieved or {}).get(item.id), as_text) for item in current}
    moving = [one for one in targets if isinstance(one, str)]
    stay = _longest_rising(
        [places[item_id] for item_id in moving],
        [_weight(known[item_id], copies[item_id], len(current)) for item_id in moving],
    )
    staying = {moving[index] for index in stay}
    _check_going(known.values(), staying)
    return tuple(_steps(known, targets, staying, copies, ids))


def _target(one: Wanted) -> str | ev.NewItem:
    if isinstance(one, str):
        return one
    return one.id if isinstance(one, HistoryItem | ev.ItemReference) else one


def _check(known: Mapping[str, HistoryItem], targets: Sequence[str | ev.NewItem]) -> None:
    seen: set[str] = set()
    for one in targets:
        item_id = one if isinstance(one, str) else _named(one.id)
        if isinstance(one, str) and one not in known:
            raise LocalProtocolError(
                f"item {safe(one)} is wanted, but is not in the conversation",
                hint="give ids from the history, or new items",
            )
        if item_id is None:
            continue
        if item_id in seen:
            raise LocalProtocolError(f"item {safe(item_id)} is wanted twice")
        if not isinstance(one, str) and item_id in known:
            raise LocalProtocolError(
                f"a new item has the id {safe(item_id)}, which is in use", hint="leave its id out"
            )
        seen.add(item_id)


def _check_going(items: Iterable[HistoryItem], staying: Collection[str]) -> None:
    for item in items:
        if item.status == "in_progress" and item.id not in staying:
            raise LocalProtocolError(
                f"item {safe(item.id)} is still being written and can neither move nor go",
                hint="wait for its response to be done, or cancel it",
            )


def _steps(
    known: Mapping[str, HistoryItem],
    targets: Sequence[str | ev.NewItem],
    staying: Collection[str],
    copies: Mapping[str, ev.NewItem | None],
    ids: Callable[[], str],
) -> Iterator[Step]:
    stuck = [known[one] for one in targets if isinstance(one, str) and one not in staying and not copies[one]]
    if stuck:
        retrievable = tuple(i.id for i in stuck if any(part.type == "input_audio" for part in i.parts))
        raise CannotRecreate({item.id: _kind(item) for item in stuck}, retrievable)
    previous = "root"
    for one in targets:
        if isinstance(one, str) and one in staying:
            previous = one
            continue
        item = copies[one] if isinstance(one, str) else one
        # What has no copy was refused above.
        assert item is not None
        if _named(item.id) is None:
            item = item.model_copy(update={"id": ids()})
        made = Create(item, previous, one if isinstance(one, str) else None)
        previous = made.item_id
        yield made
    for item_id in known:
        if item_id not in staying:
            yield Delete(item_id)


def _named(item_id: str | Unset) -> str | None:
    return item_id if item_id is not UNSET and item_id else None


def _weight(item: HistoryItem, copy: ev.NewItem | None, count: int) -> int:
    """How much it matters that an item stays: more than all lesser ones together."""
    copied = copy.content if isinstance(copy, ev.NewUserMessage) else ()
    sounding = sum(part.type in _SOUND for part in item.parts)
    lost = sounding > sum(part.type == "input_audio" for part in copied)
    if item.status == "in_progress":
        rank = 3
    elif item.role == "user" and lost:
        rank = 1  # its audio could still be retrieved
    else:
        rank = 2 if lost or copy is None else 0
    return int((count + 1) ** rank)


def _longest_rising(places: Sequence[int], weights: Sequence[int]) -> list[int]:
    """Indices of the heaviest subsequence of `places` that rises, in order."""
    size = max(places, default=0) + 1
    # A Fenwick tree of the best chain that ends at or before a place: weight and last index.
    best: list[tuple[int, int]] = [(0, -1)] * (size + 1)
    before: list[int] = []
    heaviest = (0, -1)
    for index, (place, weight) in enumerate(zip(places, weights, strict=True)):
        chain, node = (0, -1), place
        while node > 0:
            chain = max(chain, best[node])
            node -= node & -node
        before.append(chain[1])
        grown, node = (chain[0] + weight, index), place + 1
        while node <= size:
            best[node] = max(best[node], grown)
            node += node & -node
        heaviest = max(heaviest, grown)
    found, index = [], heaviest[1]
    while index >= 0:
        found.append(index)
        index = before[index]
    return found[::-1]


# Copies


def _copy(item: HistoryItem, retrieved: ev.BaseItem | None, as_text: bool) -> ev.NewItem | None:
    """The item as a client may create it anew, without an id; None if it cannot."""
    make = _COPIES.get(item.role or "" if item.type == "message" else item.type)
    try:
        return make(item, retrieved, as_text) if make is not None else None
    except InvalidCommand:
        # A server's own item need not obey the rules for ours: a longer call id, say.
        return None


def _copy_system(item: HistoryItem, _: ev.BaseItem | None, as_text: bool) -> ev.NewItem | None:
    if any(part.type != "input_text" for part in item.parts):
        return None
    return ev.NewSystemMessage(content=[ev.NewInputText(text=part.text or "") for part in item.parts])


def _copy_user(item: HistoryItem, retrieved: ev.BaseItem | None, as_text: bool) -> ev.NewItem | None:
    shown = retrieved.content if isinstance(retrieved, ev.UserMessage) else None
    parts = [_copy_part(part, shown or (), as_text) for part in item.parts]
    whole = [part for part in parts if part is not None]
    return ev.NewUserMessage(content=whole) if len(whole) == len(parts) else None


def _copy_part(
    part: Part, shown: Sequence[ev.BasePart], as_text: bool
) -> ev.NewInputText | ev.NewInputAudio | ev.NewInputImage | None:
    match part.type:
        case "input_text":
            return ev.NewInputText(text=part.text or "")
        case "input_image" if part.image_url is not None:
            return ev.NewInputImage(image_url=part.image_url, detail=_detail(part))
        case "input_audio":
            audio = shown[part.index] if part.index < len(shown) else None
            if isinstance(audio, ev.InputAudio) and audio.audio:
                return ev.NewInputAudio(audio=audio.audio, transcript=part.transcript or UNSET)
            return ev.NewInputText(text=part.transcript) if as_text and part.transcript else None
        case _:
            return None


def _detail(part: Part) -> Any:
    return part.detail if part.detail is not None else UNSET


def _copy_assistant(item: HistoryItem, _: ev.BaseItem | None, as_text: bool) -> ev.NewItem | None:
    if any(part.type != "output_text" for part in item.parts) and not (as_text and item.text):
        return None
    return ev.NewAssistantMessage(content=[ev.NewOutputText(text=item.text)])


def _copy_call(item: HistoryItem, _: ev.BaseItem | None, as_text: bool) -> ev.NewItem | None:
    call_id = item.call_id if item.call_id is not None else UNSET
    return ev.NewFunctionCall(name=item.name or "", arguments=item.arguments or "", call_id=call_id)


def _copy_output(item: HistoryItem, _: ev.BaseItem | None, as_text: bool) -> ev.NewItem | None:
    return ev.NewFunctionCallOutput(call_id=item.call_id or "", output=item.output or "")


_COPIES: Mapping[str, Callable[[HistoryItem, ev.BaseItem | None, bool], ev.NewItem | None]] = {
    "system": _copy_system,
    "user": _copy_user,
    "assistant": _copy_assistant,
    "function_call": _copy_call,
    "function_call_output": _copy_output,
}


def _kind(item: HistoryItem) -> str:
    """What it is that cannot be made anew, in words."""
    if item.type != "message":
        return item.type
    kinds = {**dict.fromkeys(_SOUND, "audio"), "input_image": "image"}
    return f"{item.role or 'a'} {next((kinds[p.type] for p in item.parts if p.type in kinds), 'message')}"


# Compaction


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a summary is to replace, and what stays. Nothing is sent by making it."""

    replaced: tuple[HistoryItem, ...]
    kept: tuple[HistoryItem, ...]

    @property
    def text(self) -> str:
        """What is to be summarized, a line an item, without control characters."""
        return "\n".join(map(describe, self.replaced))

    def steps(self, summary: ev.NewItem) -> tuple[Step, ...]:
        """The summary (with its id set) at the front, then the deletions: send these once it is confirmed."""
        return Create(summary, "root"), *(Delete(item.id) for item in self.replaced)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return {"replaced": [item.id for item in self.replaced], "kept": [item.id for item in self.kept]}


def plan_compaction(
    items: Sequence[HistoryItem], *, keep_last: int, keep: Collection[str] = ()
) -> Compaction:
    """Which items a summary replaces: all but the last `keep_last`, those in `keep`, and the unfinished.

    Unfinished is what is still being written or transcribed, a call without
    its output, and an approval nobody gave. A call and its output, or an
    approval and its request, stay or go together; so do lists of MCP tools
    stay, which the model needs. An earlier summary is replaced like the rest.
    Raises `LocalProtocolError` if `keep_last` is negative.
    """
    if keep_last < 0:
        raise LocalProtocolError(f"keep_last is {keep_last}, and no fewer than 0 items can be kept")
    tail = {item.id for item in items[max(0, len(items) - keep_last) :]}
    answers = ("function_call_output", "mcp_approval_response")
    answered = {_pair(item) for item in items if item.type in answers} - {None}
    stays = [item.id in tail or item.id in keep or _is_open(item, _pair(item) in answered) for item in items]
    together = {_pair(item) for item, stay in zip(items, stays, strict=True) if stay} - {None}
    stays = [stay or _pair(item) in together for item, stay in zip(items, stays, strict=True)]
    return Compaction(
        replaced=tuple(item for item, stay in zip(items, stays, strict=True) if not stay),
        kept=tuple(item for item, stay in zip(items, stays, strict=True) if stay),
    )


def _pair(item: HistoryItem) -> tuple[str, str] | None:
    """What an item shares with those it belongs with."""
    if item.type in ("function_call", "function_call_output"):
        return ("call", item.call_id) if item.call_id is not None else None
    if item.type == "mcp_approval_request":
        return "approval", item.id
    return ("approval", item.approval_request_id) if item.approval_request_id is not None else None


def _is_open(item: HistoryItem, answered: bool) -> bool:
    match item.type:
        case "function_call" | "mcp_approval_request" if not answered:
            return True
        case "mcp_call":
            open_ = item.output is None and item.error is None
        case "mcp_list_tools":
            open_ = True
        case _:
            open_ = item.transcription_status == "in_progress"
    return open_ or item.status == "in_progress"

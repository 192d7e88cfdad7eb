"""The server's own conversation: items in order, with the audio that events never carry.

Written against the wire, not against the client's mirror, so that a mistake
in one shows against the other. Rules about who may do what when are in
`brain`; this file only keeps the list linked and the ids unique.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from . import refusals
from .ids import Ids
from .sound import Heard, Sound, decode_audio

__all__ = ["Conversation", "Item", "from_client", "new_item_id", "reference"]


class Item:
    """One item: its wire object, the audio of its parts, and whether a truncation took its transcript."""

    __slots__ = ("_heard", "audio", "spoken", "truncated", "wire")

    def __init__(self, wire: dict[str, Any], audio: Mapping[int, Sound] | None = None) -> None:
        self.wire = wire
        self.audio = dict(audio or {})
        self.truncated = False
        self.spoken = ""  # what was said in it, transcribed or not: a model hears without a transcript
        self._heard: Heard | None = None

    @property
    def id(self) -> str:
        return str(self.wire["id"])

    @property
    def role(self) -> str | None:
        role: str | None = self.wire.get("role")
        return role

    @property
    def heard(self) -> Heard | None:
        """Facts about what a user said in this item, if it was said aloud. It never changes."""
        if self._heard is None and self.role == "user" and self.audio:
            self._heard = next(iter(self.audio.values())).heard
        return self._heard

    def to_wire(self) -> dict[str, Any]:
        """The item as events carry it: without audio (a copy)."""
        return copy.deepcopy(self.wire)

    def retrieved(self) -> dict[str, Any]:
        """The item as `conversation.item.retrieved` carries it: whole, audio included."""
        wire = self.to_wire()
        for index, sound in self.audio.items():
            wire["content"][index]["audio"] = sound.base64()
        return wire

    def truncate(self, content_index: int, audio_end_ms: int) -> None:
        """Drop the audio after `audio_end_ms`, and the transcript with it (API reference).

        Raises `Refused` if there is no such audio, or less of it.
        """
        if self.role != "assistant" or content_index not in self.audio:
            raise refusals.not_truncatable()
        sound = self.audio[content_index]
        if audio_end_ms > int(sound.ms):
            raise refusals.already_shorter(int(sound.ms), audio_end_ms)
        self.audio[content_index] = sound.cut(audio_end_ms)
        self.wire["content"][content_index].pop("transcript", None)
        self.truncated = True


class Conversation:
    """The default conversation's items in order."""

    def __init__(self, conversation_id: str) -> None:
        self.id = conversation_id
        self._items: dict[str, Item] = {}
        self._order: list[str] = []

    def __iter__(self) -> Iterator[Item]:
        return (self._items[item_id] for item_id in self._order)

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._items

    def item(self, item_id: str, verb: str) -> Item:
        """The item called `item_id`. Raises `Refused`, worded for `verb` (retrieve, truncate, delete)."""
        found = self._items.get(item_id)
        if found is None:
            raise refusals.unknown_item(verb, item_id)
        return found

    def find(self, item_id: str) -> Item | None:
        """The item called `item_id`, or None."""
        return self._items.get(item_id)

    def has_call(self, call_id: str) -> bool:
        """Whether a function call of that id is among the items."""
        calls = (item.wire for item in self._items.values() if item.wire["type"] == "function_call")
        return any(wire["call_id"] == call_id for wire in calls)

    @property
    def last_id(self) -> str | None:
        return self._order[-1] if self._order else None

    @property
    def first_id(self) -> str | None:
        return self._order[0] if self._order else None

    def append(self, item: Item) -> str | None:
        """Put `item` at the end; returns the id before it, or None."""
        previous = self.last_id
        self._place(item, len(self._order))
        return previous

    def insert(self, item: Item, after: str | None) -> str | None:
        """Put `item` at the end (None), at the front (`"root"`), or right behind the item `after`.

        Returns the id before it. Raises `Refused` for an id in use, or an unknown `after`.
        """
        if item.id in self._items:
            raise refusals.duplicate_item(item.id)
        if after is None:
            return self.append(item)
        if after == "root":
            self._place(item, 0)
            return None
        if after not in self._items:
            raise refusals.unknown_previous_item(after)
        self._place(item, self._order.index(after) + 1)
        return after

    def delete(self, item_id: str) -> None:
        """Take an item out. Raises `Refused` if there is none of that id."""
        self.item(item_id, "delete")
        del self._items[item_id]
        self._order.remove(item_id)

    def _place(self, item: Item, position: int) -> None:
        self._items[item.id] = item
        self._order.insert(position, item.id)


def new_item_id(ids: Ids, taken: Conversation | None, *, prefix: str = "item") -> str:
    """An item id nobody has: a client may have chosen one of ours, by chance or by memory."""
    while (made := ids.new(prefix)) in (taken or ()):
        continue
    return made


def from_client(given: Mapping[str, Any], *, path: str, encoding: str, ids: Ids, taken: Conversation) -> Item:
    """A client's item as the server keeps and shows it.

    Keys in the order of recordings: `id, type, status, role, content` or
    `id, type, status, name, call_id, arguments`; no `object`, and no `status`
    on a function call's output (observed). Raises `Refused` for bad audio.
    """
    item_id = given.get("id") or new_item_id(ids, taken)
    kind = given["type"]
    wire: dict[str, Any] = {"id": item_id, "type": kind}
    if kind == "message":
        parts, audio = _parts(given["content"], f"{path}.content", encoding)
        wire |= {"status": "completed", "role": given["role"], "content": parts}
        if given.get("phase") is not None:
            wire["phase"] = given["phase"]
        return Item(wire, audio)
    if kind == "function_call":
        call_id = given.get("call_id") or ids.new("call")
        wire |= {
            "status": "completed",
            "name": given["name"],
            "call_id": call_id,
            "arguments": given["arguments"],
        }
        return Item(wire)
    rest = {key: value for key, value in given.items() if key not in ("id", "type", "object", "status")}
    return Item(wire | copy.deepcopy(rest))


def _parts(
    content: list[dict[str, Any]], path: str, encoding: str
) -> tuple[list[dict[str, Any]], dict[int, Sound]]:
    parts, audio = [], {}
    for index, given in enumerate(content):
        part = dict(given)
        if part["type"] == "input_audio":
            where = f"{path}[{index}].audio"
            audio[index] = Sound(encoding, decode_audio(part["audio"], encoding, where))
            part = {"type": "input_audio", "transcript": given.get("transcript")}
        elif part["type"] == "input_image":
            part.setdefault("detail", "auto")
        parts.append(part)
    return parts, audio


def reference(given: Mapping[str, Any], *, path: str, conversation: Conversation) -> Item:
    """The item an `item_reference` names. Raises `Refused` if there is none."""
    found = conversation.find(given["id"])
    if found is None:
        raise refusals.unknown_reference(f"{path}.id", given["id"])
    return found

"""Servers that lose, change, misplace or invent items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime_raw.loopback import refusals
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Drop, Edit, Late, Swap
from realtime_raw.loopback.items import Conversation, Item
from tests.conformance.breaking import adding, confirming, instead, misread, refusing
from tests.conformance.harness import change, drop, every, mutant, set_

ADDED, DONE = "conversation.item.added", "conversation.item.done"
CREATE, DELETE = "conversation.item.create", "conversation.item.delete"
Event = dict[str, Any]


class _ShowsPlaces(Conversation):
    """Puts every item last, and says it is where it was wanted."""

    def insert(self, item: Item, after: str | None) -> str | None:
        previous = self.append(item)
        return previous if after is None else after if after != "root" else None


class Appending(SimulatedSession):
    """Appends whatever comes, and lies about it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._state.conversation = _ShowsPlaces("conv_lies")


class AddsWhatItRefuses(SimulatedSession):
    """Says no, and adds the item all the same."""

    def _create_item(self, event: Mapping[str, Any], now: float) -> None:
        try:
            super()._create_item(event, now)
        except refusals.Refused:
            self._state.conversation.append(Item({"id": "item_ghost", "type": "message", "role": "user"}))
            raise


class Hoarder(SimulatedSession):
    """Confirms deletions, and keeps everything."""

    def _delete_item(self, event: Mapping[str, Any], now: float) -> None:
        self._out.emit("conversation.item.deleted", item_id=event["item_id"])


class Proud(SimulatedSession):
    """Deletes nothing that it has said itself."""

    def _delete_item(self, event: Mapping[str, Any], now: float) -> None:
        if self._state.conversation.item(event["item_id"], "delete").role == "assistant":
            raise refusals.unknown_item("delete", event["item_id"])
        super()._delete_item(event, now)


class Busy(SimulatedSession):
    """Takes no item while it is answering."""

    def _create_item(self, event: Mapping[str, Any], now: float) -> None:
        if self.active_response_id is not None:
            raise refusals.response_active(self.active_response_id)
        super()._create_item(event, now)


def _is_lost(message: Event) -> bool:
    return message.get("previous_item_id") == "item_nowhere"


def _part(message: Event) -> Event:
    found: Event = message["item"]["content"][0]
    return found


def _in_doubt(message: Event) -> bool:
    return "status" in message["item"]


def _retrieved(message: Event) -> list[Event]:
    return [{"type": "conversation.item.retrieved", "item": {"id": message["item_id"], "type": "message"}}]


MUTANTS = [
    mutant("RT-ITEM-001", "items are never done", Drop(every(DONE))),
    mutant("RT-ITEM-001", "items are done before they are added", Swap(every(ADDED), 0.1)),
    mutant(
        "RT-ITEM-001",
        "only the retired name is sent",
        Edit(every(ADDED), set_("type", "conversation.item.created")),
    ),
    mutant("RT-ITEM-002", "the client's id is replaced", Edit(every(ADDED), set_("item.id", "item_other"))),
    mutant("RT-ITEM-003", "all items have the same id", Edit(every(ADDED), set_("item.id", "item_same"))),
    mutant("RT-ITEM-003", "items have no id", Edit(every(ADDED), drop("item.id"))),
    mutant(
        "RT-LIM-027",
        "texts become ASCII",
        Edit(
            every(ADDED),
            change("item.content[0].text", lambda text: text.encode("ascii", "replace").decode()),
        ),
    ),
    mutant(
        "RT-ITEM-004",
        "parts have their retired type",
        Edit(every(ADDED), set_("item.content[0].type", "text")),
    ),
    mutant("RT-ITEM-005", "users are assistants", Edit(every(ADDED), set_("item.role", "assistant"))),
    mutant("RT-ITEM-005", "items have no type", Edit(every(ADDED), drop("item.type"))),
    mutant(
        "RT-ITEM-006", "items are done and in progress", Edit(every(DONE), set_("item.status", "in_progress"))
    ),
    mutant(
        "RT-ITEM-006", "items are done without their content", Edit(every(DONE), set_("item.content", []))
    ),
    mutant(
        "RT-ITEM-007",
        "parts are shown backwards",
        Edit(every(ADDED), change("item.content", lambda c: c[::-1])),
    ),
    mutant("RT-ITEM-007", "one part is kept", Edit(every(ADDED), change("item.content", lambda c: c[:1]))),
    mutant(
        "RT-ITEM-008",
        "assistants' parts have their retired type",
        Edit(every(ADDED), set_("item.content[0].type", "text")),
    ),
    mutant("RT-ITEM-008", "assistants' items are refused", intercept=refusing(CREATE)),
    mutant("RT-ITEM-009", "system messages become the user's", Edit(every(ADDED), set_("item.role", "user"))),
    mutant("RT-TOOL-032", "call ids are lost", Edit(every(ADDED), drop("item.call_id"))),
    mutant("RT-TOOL-011", "outputs are lost", Edit(every(ADDED, nth=2), set_("item.output", ""))),
    mutant(
        "RT-ITEM-011", "a status is refused", intercept=refusing(CREATE, _in_doubt, code="unknown_parameter")
    ),
    mutant(
        "RT-LIM-026",
        "texts are cut",
        Edit(every(ADDED), change("item.content[0].text", lambda text: text[:4096])),
    ),
    mutant(
        "RT-ITEM-020", "something is before the first", Edit(every(ADDED), set_("previous_item_id", "root"))
    ),
    mutant("RT-ITEM-021", "nothing is before the second", Edit(every(ADDED), set_("previous_item_id", None))),
    mutant("RT-ITEM-021", "no item names its place", Edit(every(ADDED), drop("previous_item_id"))),
    mutant(
        "RT-ITEM-022",
        "places are ignored",
        intercept=misread(CREATE, lambda m: m.pop("previous_item_id", None)),
    ),
    mutant(
        "RT-ITEM-023",
        "places are ignored",
        intercept=misread(CREATE, lambda m: m.pop("previous_item_id", None)),
    ),
    mutant("RT-ITEM-024", "everything is appended, whatever is said", session=Appending),
    mutant(
        "RT-ITEM-025",
        "an unknown place is the end",
        intercept=misread(CREATE, lambda m: m.pop("previous_item_id"), _is_lost),
    ),
    mutant("RT-ITEM-025", "nothing is refused", Drop(every("error"))),
    mutant("RT-ITEM-026", "a refused item is added", session=AddsWhatItRefuses),
    mutant("RT-ITEM-027", "the code is another", Edit(every("error"), set_("error.code", "invalid_item_id"))),
    mutant("RT-LIM-028", "one item is added late", Late(every(ADDED, nth=2, count=1), 0.1)),
    mutant("RT-RESI-080", "items are not linked", Edit(every(ADDED), set_("previous_item_id", None))),
]

MUTANTS += [
    mutant(
        "RT-ITEM-030",
        "audio cannot be put in",
        intercept=refusing(CREATE, lambda m: _part(m)["type"] == "input_audio"),
    ),
    mutant(
        "RT-ITEM-030", "audio becomes text", Edit(every(ADDED), set_("item.content[0].type", "input_text"))
    ),
    mutant(
        "RT-ITEM-031", "`.added` carries the audio", Edit(every(ADDED), set_("item.content[0].audio", "AAAA"))
    ),
    mutant(
        "RT-ITEM-031", "`.done` carries the audio", Edit(every(DONE), set_("item.content[0].audio", "AAAA"))
    ),
    mutant("RT-ITEM-032", "images are dropped", Edit(every(ADDED), drop("item.content[1]"))),
    mutant("RT-ITEM-040", "nothing is fetched", Drop(every("conversation.item.retrieved"))),
    mutant(
        "RT-ITEM-040",
        "a fetched text is empty",
        Edit(every("conversation.item.retrieved"), set_("item.content[0].text", "")),
    ),
    mutant(
        "RT-ITEM-041",
        "an unknown item is made up",
        intercept=instead("conversation.item.retrieve", _retrieved),
    ),
    mutant("RT-ITEM-042", "the code is another", Edit(every("error"), set_("error.code", "invalid_item_id"))),
    mutant(
        "RT-ITEM-043",
        "half of the audio is kept",
        Edit(
            every("conversation.item.retrieved"),
            change("item.content[0].audio", lambda text: text[: len(text) // 8 * 4]),
        ),
    ),
    mutant(
        "RT-ITEM-043",
        "audio is not kept",
        Edit(every("conversation.item.retrieved"), drop("item.content[0].audio")),
    ),
    mutant("RT-ITEM-050", "deletions are not confirmed", Drop(every("conversation.item.deleted"))),
    mutant(
        "RT-ITEM-050", "deletions name nothing", Edit(every("conversation.item.deleted"), set_("item_id", ""))
    ),
    mutant(
        "RT-ITEM-051",
        "an unknown item is deleted",
        intercept=confirming(DELETE, "conversation.item.deleted"),
    ),
    mutant("RT-ERR-053", "the code is another", Edit(every("error"), set_("error.code", "invalid_item_id"))),
    mutant("RT-ITEM-053", "nothing is really deleted", session=Hoarder),
    mutant("RT-ITEM-054", "nothing is really deleted", session=Hoarder),
    mutant("RT-ITEM-055", "nothing is really deleted", session=Hoarder),
    mutant("RT-ITEM-056", "answers cannot be deleted", session=Proud),
    mutant("RT-ITEM-060", "ids may repeat", intercept=adding(lambda m: _part(m)["text"] == "Two.")),
    mutant("RT-ITEM-060", "the code is another", Edit(every("error"), set_("error.code", None))),
    mutant(
        "RT-LIM-003", "ids of any length are taken", intercept=adding(lambda m: len(m["item"]["id"]) > 32)
    ),
    mutant(
        "RT-LIM-020", "long ids are refused", intercept=refusing(CREATE, lambda m: len(m["item"]["id"]) > 24)
    ),
    mutant("RT-ERR-037", "items of any kind are taken", intercept=adding()),
    mutant("RT-ITEM-064", "nobody may say it", intercept=adding()),
    mutant("RT-ERR-031", "empty parts are taken", intercept=adding()),
    mutant("RT-ERR-031", "the error names no parameter", Edit(every("error"), set_("error.param", None))),
    mutant("RT-ERR-033", "an assistant may say input", intercept=adding()),
    mutant("RT-ITEM-067", "a user may say output", intercept=adding()),
    mutant("RT-ITEM-068", "items are refused while it answers", session=Busy),
]

"""Items a client puts into the conversation, and where they go."""

from __future__ import annotations

from functools import partial

from ..asking import add, in_order, item_in, message, of_item, refuses, shows
from ..case import case
from ..probe import Probe

_CREATE = "API reference: conversation.item.create"
_ADDED = "API reference: conversation.item.added"

must = partial(case, family="items", level="must", certainty="documented", tokens=0, seconds=0.5)
should = partial(case, family="items", level="should", tokens=0, seconds=0.5)


# --- one item -----------------------------------------------------------------------------


@must(
    "RT-ITEM-001",
    "An item is added, then done",
    rule="`conversation.item.create` is answered by `conversation.item.added`, then `.done`.",
    source=_CREATE,
    sends="a user's text",
    expects="added and done with the same item id, in that order",
)
async def _added_then_done(probe: Probe) -> None:
    added = await add(probe, message("user", "Hello."))
    done = await probe.expect("conversation.item.done", where=of_item(item_in(added)["id"]))
    in_order(probe, added, done, rule="an item is added before it is done")


@must(
    "RT-ITEM-002",
    "The client's item id is kept",
    rule="An item is known by the `id` the client gave it.",
    source=_CREATE,
    sends="a user's text with an id",
    expects="added with that id",
)
async def _own_id(probe: Probe) -> None:
    item_id = probe.new_id("item")
    added = await add(probe, message("user", "Hello.", id=item_id))
    shows(probe, added, "item.id", item_id)


@must(
    "RT-ITEM-003",
    "An item without an id gets one",
    rule="The server makes a unique id for an item that has none.",
    source=_CREATE,
    sends="two texts without ids",
    expects="two ids, both new",
)
async def _made_id(probe: Probe) -> None:
    first = await add(probe, message("user", "One."))
    second = await add(probe, message("user", "Two."))
    for added in (first, second):
        made = item_in(added).get("id")
        probe.check(isinstance(made, str) and made != "", "the item has no id", added, "item.id")
    different = first["item"]["id"] != second["item"]["id"]
    probe.check(different, "two items have the same id", second, "item.id")


@must(
    "RT-ITEM-004",
    "A user's text is `input_text`",
    rule="A user's text is shown as the client sent it: a part of the type `input_text`, with its text.",
    source=_ADDED,
    sends="a user's text",
    expects="added with one part of that type, and that text",
)
async def _text_kept(probe: Probe) -> None:
    added = await add(probe, message("user", "Keep this."))
    shows(probe, added, "item.content[0].type", "input_text")
    shows(probe, added, "item.content[0].text", "Keep this.")


@must(
    "RT-ITEM-005",
    "An item is shown as what it is",
    rule="An item keeps its `type` and its `role`.",
    source=_ADDED,
    sends="a user's text",
    expects="added with a message of the user",
)
async def _type_and_role(probe: Probe) -> None:
    added = await add(probe, message("user", "Hello."))
    shows(probe, added, "item.type", "message")
    shows(probe, added, "item.role", "user")


@should(
    "RT-ITEM-006",
    "A client's item is complete at once",
    rule="A client's item is `completed` when it is done, and the same in `.added` and `.done`.",
    certainty="recorded",
    source="recorded",
    sends="a user's text",
    expects="the same item twice, its status completed",
)
async def _complete_at_once(probe: Probe) -> None:
    added = await add(probe, message("user", "Hello."))
    done = await probe.expect("conversation.item.done", where=of_item(item_in(added)["id"]))
    shows(probe, done, "item.status", "completed")
    probe.check(
        item_in(done) == item_in(added),
        "`.done` shows another item than `.added`",
        done,
        "item",
    )


@must(
    "RT-ITEM-007",
    "Parts keep their order",
    rule="A message's content parts are kept, all of them and in order.",
    source=_CREATE,
    sends="a user's message of three texts",
    expects="added with the three, in order",
)
async def _parts_in_order(probe: Probe) -> None:
    texts = ["one", "two", "three"]
    added = await add(probe, message("user", *texts))
    for index, text in enumerate([*texts, None]):
        shows(probe, added, f"item.content[{index}].text", text)


@must(
    "RT-ITEM-008",
    "An assistant's text may be put in",
    rule="A client may add what an assistant said, as `output_text`.",
    source=_CREATE,
    sends="an assistant's text",
    expects="added with a message of the assistant, its part an `output_text`",
)
async def _assistant(probe: Probe) -> None:
    added = await add(probe, message("assistant", "I said that."))
    shows(probe, added, "item.role", "assistant")
    shows(probe, added, "item.content[0].type", "output_text")


@must(
    "RT-ITEM-009",
    "A system message may be put in",
    rule="A client may add a system message in the middle of a conversation.",
    source=_CREATE,
    sends="a system message",
    expects="added with role system",
)
async def _system(probe: Probe) -> None:
    added = await add(probe, message("system", "Be brief from here on."))
    shows(probe, added, "item.role", "system")


@must(
    "RT-ITEM-011",
    "`status` and `object` have no effect",
    rule="`status` and `object` of a client's item are accepted, and have no effect.",
    source=_CREATE,
    sends="a user's text with `object` and the status `incomplete`",
    expects="added",
)
async def _status_accepted(probe: Probe) -> None:
    await add(probe, message("user", "Hello.", object="realtime.item", status="incomplete"))


# --- its place ----------------------------------------------------------------------------


@must(
    "RT-ITEM-020",
    "The first item has nothing before it",
    rule="`previous_item_id` is null for the conversation's first item.",
    source=_ADDED,
    sends="a text into an empty conversation",
    expects="added with `previous_item_id` null",
)
async def _first_item(probe: Probe) -> None:
    added = await add(probe, message("user", "First."))
    shows(probe, added, "previous_item_id", None)


@must(
    "RT-ITEM-021",
    "An item goes to the end",
    rule="Without `previous_item_id` an item is appended, and `.added` names the item before it.",
    source=_CREATE,
    sends="two texts",
    expects="the second added behind the first",
)
async def _appended(probe: Probe) -> None:
    first = await add(probe, message("user", "First."))
    second = await add(probe, message("user", "Second."))
    shows(probe, second, "previous_item_id", first["item"]["id"])


@must(
    "RT-ITEM-022",
    "`root` is the front",
    rule='`previous_item_id: "root"` puts an item at the beginning of the conversation.',
    source=_CREATE,
    sends="a text, and one more with `previous_item_id` root",
    expects="the second added with nothing (null, or root) before it",
)
async def _root(probe: Probe) -> None:
    await add(probe, message("user", "Second."))
    front = await add(probe, message("user", "First."), previous_item_id="root")
    previous = front.get("previous_item_id")
    probe.check(previous in (None, "root"), f"{previous!r} is before the front", front, "previous_item_id")


@must(
    "RT-ITEM-023",
    "An item goes where it is told",
    rule="With the id of an item as `previous_item_id`, an item is put right behind that one.",
    source=_CREATE,
    sends="two texts, and one more behind the first",
    expects="the third added with the first one's id",
)
async def _behind(probe: Probe) -> None:
    first = await add(probe, message("user", "One."))
    await add(probe, message("user", "Three."))
    wanted = first["item"]["id"]
    between = await add(probe, message("user", "Two."), previous_item_id=wanted)
    shows(probe, between, "previous_item_id", wanted)


@must(
    "RT-ITEM-024",
    "What is put in earlier is not last",
    rule="An item that was put behind an earlier one, or at the front, leaves the last item last.",
    source=_CREATE,
    sends="two texts, one more behind the first, one more at the front, and one more without a place",
    expects="the last one added behind the second",
)
async def _last_stays_last(probe: Probe) -> None:
    first = await add(probe, message("user", "One."))
    last = await add(probe, message("user", "Three."))
    await add(probe, message("user", "Two."), previous_item_id=first["item"]["id"])
    await add(probe, message("user", "Zero."), previous_item_id="root")
    added = await add(probe, message("user", "Four."))
    shows(probe, added, "previous_item_id", last["item"]["id"])


@must(
    "RT-ITEM-025",
    "Behind nothing is refused",
    rule="A `previous_item_id` that is in no conversation is an error.",
    source=_CREATE,
    sends="a text behind an unknown item",
    expects="an error",
)
async def _unknown_previous(probe: Probe) -> None:
    event_id = await probe.send(
        "conversation.item.create", item=message("user", "Lost."), previous_item_id="item_nowhere"
    )
    await refuses(probe, event_id, "conversation.item.added")


@must(
    "RT-ITEM-026",
    "What is refused is not added",
    rule="An item whose `previous_item_id` is unknown is not added.",
    source=_CREATE,
    sends="a text, one behind an unknown item, and one more",
    expects="the last one added behind the first",
)
async def _refused_is_not_added(probe: Probe) -> None:
    first = await add(probe, message("user", "One."))
    event_id = await probe.send(
        "conversation.item.create", item=message("user", "Lost."), previous_item_id="item_nowhere"
    )
    await refuses(probe, event_id)
    added = await add(probe, message("user", "Two."))
    shows(probe, added, "previous_item_id", first["item"]["id"])


@should(
    "RT-ITEM-027",
    "The error of an unknown predecessor",
    rule="The code of an unknown `previous_item_id` is `item_create_invalid_previous_item_id`.",
    certainty="observed",
    source="observed",
    sends="a text behind an unknown item",
    expects="an error of that code",
)
async def _unknown_previous_code(probe: Probe) -> None:
    event_id = await probe.send(
        "conversation.item.create", item=message("user", "Lost."), previous_item_id="item_nowhere"
    )
    await refuses(probe, event_id, code="item_create_invalid_previous_item_id")

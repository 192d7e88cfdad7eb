"""Items once they are there: fetched, deleted; and items that are refused."""

from __future__ import annotations

from functools import partial

from ..asking import (
    add,
    audio_of,
    begin_answer,
    image,
    item_in,
    message,
    of_item,
    part_of,
    refuses,
    retrieve,
    shows,
    spoken_answer,
    user_audio,
)
from ..case import case
from ..probe import Probe

_CREATE = "API reference: conversation.item.create"
_DELETE = "API reference: conversation.item.delete"
_RETRIEVE = "API reference: conversation.item.retrieve"

must = partial(case, family="items", level="must", certainty="documented", seconds=0.5)
should = partial(case, family="items", level="should", seconds=0.5)


# --- sounds and pictures ------------------------------------------------------------------


@must(
    "RT-ITEM-030",
    "A user's audio may be put in",
    rule="A client may add a user's message of `input_audio`, in the session's input format.",
    source=_CREATE,
    sends="a user's message of half a second of tone",
    expects="added with an `input_audio` part",
    needs={"audio_in"},
    tokens=10,
)
async def _audio_put_in(probe: Probe) -> None:
    await probe.manual()
    added = await add(probe, user_audio(0.5))
    shows(probe, added, "item.content[0].type", "input_audio")


@should(
    "RT-ITEM-031",
    "Events about an item hold no audio",
    rule="`conversation.item.added` and `.done` show an audio part without its audio.",
    certainty="recorded",
    source="recorded",
    sends="a user's message of half a second of tone",
    expects="added and done without the audio",
    needs={"audio_in"},
    tokens=10,
)
async def _no_audio_in_events(probe: Probe) -> None:
    await probe.manual()
    added = await add(probe, user_audio(0.5))
    done = await probe.expect("conversation.item.done", where=of_item(item_in(added)["id"]))
    for event in (added, done):
        part = part_of(event)
        probe.check(not part.get("audio"), "the event carries the audio", event, "item.content[0].audio")


@should(
    "RT-ITEM-032",
    "An image may be put in",
    rule="A user's message may hold an `input_image`, a PNG or JPEG as a data URI.",
    certainty="documented",
    source=_CREATE,
    sends="a text, and a PNG of 64 by 64 pixels",
    expects="added with both parts",
    needs={"image_in"},
    tokens=150,
)
async def _image_put_in(probe: Probe) -> None:
    item = message("user", "What is this?")
    item["content"].append({"type": "input_image", "image_url": image()})
    added = await add(probe, item)
    shows(probe, added, "item.content[0].type", "input_text")
    shows(probe, added, "item.content[1].type", "input_image")


# --- fetched ------------------------------------------------------------------------------


@must(
    "RT-ITEM-040",
    "An item can be fetched",
    rule="`conversation.item.retrieve` is answered by `conversation.item.retrieved` with the item.",
    source=_RETRIEVE,
    sends="a user's text, and a request for it",
    expects="retrieved with that item",
    needs={"retrieve"},
)
async def _fetched(probe: Probe) -> None:
    added = await add(probe, message("user", "Keep this."))
    got = await retrieve(probe, item_in(added)["id"])
    shows(probe, got, "item.role", "user")
    part = part_of(got)
    probe.check(part.get("text") == "Keep this.", "the text is another", got, "item.content[0].text")


@must(
    "RT-ITEM-041",
    "What is not there cannot be fetched",
    rule="`conversation.item.retrieve` of an unknown item is an error.",
    source=_RETRIEVE,
    sends="a request for an unknown item",
    expects="an error",
    needs={"retrieve"},
)
async def _unknown_fetched(probe: Probe) -> None:
    event_id = await probe.send("conversation.item.retrieve", item_id="item_nowhere")
    await refuses(probe, event_id, "conversation.item.retrieved")


@should(
    "RT-ITEM-042",
    "The error of fetching an unknown item",
    rule="Its code is `item_retrieve_invalid_item_id`.",
    certainty="observed",
    source="observed",
    sends="a request for an unknown item",
    expects="an error of that code",
    needs={"retrieve"},
)
async def _unknown_fetched_code(probe: Probe) -> None:
    event_id = await probe.send("conversation.item.retrieve", item_id="item_nowhere")
    await refuses(probe, event_id, code="item_retrieve_invalid_item_id")


@should(
    "RT-ITEM-043",
    "An assistant's audio can be fetched",
    rule="A retrieved item has the audio the assistant said, as base64 in its part.",
    certainty="documented",
    source=_RETRIEVE,
    sends="a request for a spoken answer",
    expects="about as much audio as was streamed",
    needs={"retrieve", "audio_out"},
    tokens=250,
    seconds=4.0,
)
async def _assistants_audio_fetched(probe: Probe) -> None:
    spoken = await spoken_answer(probe)
    got = await retrieve(probe, spoken.item_id)
    size = len(audio_of(got))
    near = abs(size - spoken.size) <= spoken.size // 5
    probe.check(near, f"{size} bytes of audio, and {spoken.size} were streamed", got, "item.content[0].audio")


# --- deleted ------------------------------------------------------------------------------


@must(
    "RT-ITEM-050",
    "An item can be deleted",
    rule="`conversation.item.delete` is answered by `conversation.item.deleted` with the item's id.",
    source=_DELETE,
    sends="a text, and its deletion",
    expects="deleted with its id",
)
async def _deleted(probe: Probe) -> None:
    item_id = (await add(probe, message("user", "Forget this.")))["item"]["id"]
    await probe.send("conversation.item.delete", item_id=item_id)
    deleted = await probe.expect("conversation.item.deleted")
    shows(probe, deleted, "item_id", item_id)


@must(
    "RT-ITEM-051",
    "What is not there cannot be deleted",
    rule="`conversation.item.delete` of an unknown item is an error.",
    source=_DELETE,
    sends="the deletion of an unknown item",
    expects="an error",
)
async def _unknown_deleted(probe: Probe) -> None:
    event_id = await probe.send("conversation.item.delete", item_id="item_nowhere")
    await refuses(probe, event_id, "conversation.item.deleted")


@must(
    "RT-ITEM-053",
    "A deleted item is gone",
    rule="A deleted item is not in the conversation any more: it cannot be deleted again.",
    source=_DELETE,
    sends="a text, and its deletion twice",
    expects="deleted, then an error",
    needs={"delete"},
)
async def _gone(probe: Probe) -> None:
    item_id = (await add(probe, message("user", "Forget this.")))["item"]["id"]
    await probe.send("conversation.item.delete", item_id=item_id)
    await probe.expect("conversation.item.deleted")
    event_id = await probe.send("conversation.item.delete", item_id=item_id)
    await refuses(probe, event_id, "conversation.item.deleted")


@should(
    "RT-ITEM-054",
    "The list stays linked",
    rule="When the last item was deleted, the next one is behind the item that is last now.",
    certainty="inferred",
    source="API reference: `previous_item_id` names the preceding item",
    sends="two texts, the deletion of the second, and one more",
    expects="the third added behind the first",
    needs={"delete"},
)
async def _linked_after_deletion(probe: Probe) -> None:
    first = (await add(probe, message("user", "One.")))["item"]["id"]
    second = (await add(probe, message("user", "Two.")))["item"]["id"]
    await probe.send("conversation.item.delete", item_id=second)
    await probe.expect("conversation.item.deleted")
    added = await add(probe, message("user", "Three."))
    shows(probe, added, "previous_item_id", first)


@should(
    "RT-ITEM-055",
    "Behind a deleted item is refused",
    rule="A deleted item is no `previous_item_id` any more.",
    certainty="inferred",
    source="API reference: conversation.item.create (an unknown `previous_item_id` is an error)",
    sends="a text, its deletion, and one more behind it",
    expects="an error",
    needs={"delete"},
)
async def _behind_deleted(probe: Probe) -> None:
    item_id = (await add(probe, message("user", "Forget this.")))["item"]["id"]
    await probe.send("conversation.item.delete", item_id=item_id)
    await probe.expect("conversation.item.deleted")
    event_id = await probe.send(
        "conversation.item.create", item=message("user", "Lost."), previous_item_id=item_id
    )
    await refuses(probe, event_id, "conversation.item.added")


@must(
    "RT-ITEM-056",
    "An answer can be deleted",
    rule="Any item can be deleted, the assistant's too.",
    source=_DELETE,
    sends="the deletion of an answer",
    expects="deleted with its id",
    needs={"delete", "text_out"},
    tokens=120,
    seconds=2.0,
)
async def _answer_deleted(probe: Probe) -> None:
    await probe.manual()
    answer = await begin_answer(probe, task="Say exactly: green")
    await probe.expect("response.done")
    await probe.send("conversation.item.delete", item_id=answer.item_id)
    deleted = await probe.expect("conversation.item.deleted")
    shows(probe, deleted, "item_id", answer.item_id)


# --- refused ------------------------------------------------------------------------------


@should(
    "RT-ITEM-060",
    "An id is used once",
    rule="An item with an id that is in use is an error, `item_create_duplicate_item_id`.",
    certainty="observed",
    source="observed",
    sends="two texts with the same id",
    expects="an error of that code for the second",
)
async def _duplicate(probe: Probe) -> None:
    item_id = probe.new_id("item")
    await add(probe, message("user", "One.", id=item_id))
    event_id = await probe.send("conversation.item.create", item=message("user", "Two.", id=item_id))
    await refuses(probe, event_id, "conversation.item.added", code="item_create_duplicate_item_id")


@must(
    "RT-ITEM-064",
    "A message without a role is refused",
    rule="A message needs a `role`.",
    source=_CREATE,
    sends="a message that has none",
    expects="an error",
)
async def _no_role(probe: Probe) -> None:
    item = message("user", "Hello.")
    del item["role"]
    event_id = await probe.send("conversation.item.create", item=item)
    await refuses(probe, event_id, "conversation.item.added")


@should(
    "RT-ITEM-067",
    "A user has no output",
    rule="A user's message holds input parts; `output_text` in it is an error.",
    certainty="documented",
    source=_CREATE,
    sends="a user's message with `output_text`",
    expects="an error",
)
async def _users_output(probe: Probe) -> None:
    item = message("user", "I said that.")
    item["content"][0]["type"] = "output_text"
    event_id = await probe.send("conversation.item.create", item=item)
    await refuses(probe, event_id, "conversation.item.added")


@should(
    "RT-ITEM-068",
    "Items may come while an answer is given",
    rule="An item can be added while a response is in progress.",
    certainty="recorded",
    source="recorded (outputs of tools sent before `response.done`)",
    sends="a long answer, and a text in the middle of it",
    expects="added",
    needs={"text_out"},
    tokens=300,
    seconds=3.0,
)
async def _while_answering(probe: Probe) -> None:
    await probe.manual()
    await begin_answer(probe)
    await probe.create_item(message("user", "And another thing."))
    await probe.send("response.cancel")

"""Responses: items, parts and words, and their place in the conversation."""

from __future__ import annotations

from functools import partial

from ..case import Unsupported, case
from ..collecting import first, inside, say, words_of
from ..probe import Probe
from ..seen import item_of

_text = partial(
    case,
    family="responses",
    sends="response.create for one written word",
    needs=("text_out",),
    tokens=60,
    seconds=1.5,
)
_DONE = "API reference, response.done"


# --- items and parts ----------------------------------------------------------------------


@_text(
    "RT-RESP-011",
    "An item is added before anything is said in it",
    level="must",
    certainty="documented",
    rule="`response.output_item.added` comes before the content events of its item, `.done` behind them.",
    source="API reference, response.output_item.added and .done",
    expects="output_item.added, the content, output_item.done",
)
async def item_frames_content(probe: Probe) -> None:
    """The item's frame is around its content."""
    seen = await say(probe)
    delta = first(seen, "response.output_text.delta")
    mine = [e["type"] for e in seen.events if item_of(e) == item_of(delta) and "response_id" in e]
    probe.check(
        mine[0] == "response.output_item.added", f"{mine[0]} came before response.output_item.added", delta
    )
    probe.check(
        mine[-1] == "response.output_item.done",
        f"the item's last event is {mine[-1]}, not response.output_item.done",
        delta,
    )


@_text(
    "RT-RESP-012",
    "Output items are counted from zero",
    level="must",
    certainty="documented",
    rule="`output_index` is the item's place in the response's `output`, from 0.",
    source="API reference, response.output_item.added; the Response object",
    expects="each output_item.done's item at its output_index in response.done",
)
async def output_index(probe: Probe) -> None:
    """The index is the place in the list."""
    seen = await say(probe)
    for event in seen.of("response.output_item.added", "response.output_item.done"):
        index = event.get("output_index")
        places = range(len(seen.output))
        probe.check(
            index in places,
            f"output_index is {index!r}, and response.done has {len(seen.output)} items",
            event,
            "output_index",
        )
        listed = seen.output[int(index or 0)].get("id")
        probe.check(
            listed == item_of(event),
            f"output_index {index} is {listed!r} in response.done, and {item_of(event)!r} here",
            event,
            "output_index",
        )


@_text(
    "RT-RESP-013",
    "response.done has the items that were done",
    level="must",
    certainty="documented",
    rule="`response.done` includes all output items, as `response.output_item.done` had them.",
    source=_DONE,
    expects="output equal to the items of output_item.done, in id, type, status and words",
)
async def output_is_whole(probe: Probe) -> None:
    """The list at the end is what was announced."""
    seen = await say(probe)
    for event in seen.of("response.output_item.done"):
        item = inside(event, "item")
        listed = next((each for each in seen.output if each.get("id") == item.get("id")), None)
        probe.check(
            listed is not None,
            f"the item {item.get('id')!r} is not in the output",
            seen.done,
            "response.output",
        )
        for name, was, now in (
            ("status", item.get("status"), (listed or {}).get("status")),
            ("words", words_of(item), words_of(listed or {})),
        ):
            probe.check(
                was == now,
                f"{name} of the item: {was!r} in response.output_item.done, {now!r} in response.done",
                seen.done,
                "response.output",
            )


@_text(
    "RT-RESP-014",
    "The answer is a completed message of the assistant",
    level="must",
    certainty="documented",
    rule="What the model says is an item of type `message`, role `assistant`, `completed` in the end.",
    source="API reference, the Item object",
    expects="output_item.done with type message, role assistant, status completed",
)
async def assistant_message(probe: Probe) -> None:
    """Who said it, and that it is whole."""
    seen = await say(probe)
    ends = seen.of("response.output_item.done")
    messages = [event for event in ends if inside(event, "item").get("type") == "message"]
    kinds = [inside(event, "item").get("type") for event in ends]
    probe.check(messages, f"no message was said; the items are {kinds!r}", seen.done, "response.output")
    for event in messages:
        for name, wanted in (("role", "assistant"), ("status", "completed")):
            found = inside(event, "item").get(name)
            message = f"the answer's {name} is {found!r}, not {wanted!r}"
            probe.check(found == wanted, message, event, f"item.{name}")


@_text(
    "RT-RESP-015",
    "A content part is added before its words and done behind them",
    level="must",
    certainty="documented",
    rule="`response.content_part.added` precedes a part's deltas; `.done` follows, with the final content.",
    source="API reference, response.content_part.added and .done",
    expects="content_part.added, deltas, content_part.done with their text",
)
async def part_frames_words(probe: Probe) -> None:
    """The part's frame is around its words."""
    seen = await say(probe)
    begun, delta = (first(seen, k) for k in ("response.content_part.added", "response.output_text.delta"))
    probe.check(
        probe.index(begun) < probe.index(delta), "words came before response.content_part.added", delta
    )
    last = first(seen, "response.content_part.done")
    probe.check(
        probe.index(last) > probe.index(seen.of("response.output_text.delta")[-1]),
        "words came behind response.content_part.done",
        last,
    )
    part = last.get("part")
    found = part.get("text") if isinstance(part, dict) else None
    said = seen.joined("response.output_text.delta", item_of(last), last.get("content_index"))
    probe.check(
        found == said, f"the part's text is {found!r}, and its deltas say {said!r}", last, "part.text"
    )


@_text(
    "RT-RESP-016",
    "Part events say text where items say output_text",
    level="should",
    certainty="recorded",
    rule="`part.type` is `text` in `response.content_part.*`, and `output_text` in the item's `content`.",
    source="API reference, response.content_part.added; recorded sessions of the live API",
    expects="part.type text, content[0].type output_text",
)
async def part_types(probe: Probe) -> None:
    """An irregularity clients rely on."""
    seen = await say(probe)
    for event in seen.of("response.content_part.added", "response.content_part.done"):
        part = event.get("part")
        found = part.get("type") if isinstance(part, dict) else part
        probe.check(found == "text", f"part.type is {found!r}, not 'text'", event, "part.type")


@_text(
    "RT-RESP-017",
    "Text deltas add up",
    level="must",
    certainty="documented",
    rule="The deltas of a text part, joined, are the `text` of its `response.output_text.done`.",
    source="API reference, response.output_text.delta and .done",
    expects="the joined deltas equal the final text",
)
async def text_adds_up(probe: Probe) -> None:
    """Nothing lost, nothing twice."""
    seen = await say(probe, "one two three four five six seven eight")
    finals = seen.of("response.output_text.done")
    probe.check(bool(finals), "response.output_text.done did not come", seen.done)
    for event in finals:
        said = seen.joined("response.output_text.delta", item_of(event), event.get("content_index"))
        probe.check(
            said == event.get("text"),
            f"the deltas join to {said!r}, and the final text is {event.get('text')!r}",
            event,
            "text",
        )


@_text(
    "RT-RESP-018",
    "The item holds the words that were said",
    level="must",
    certainty="documented",
    rule="The item in `response.output_item.done` has an `output_text` part with the text of its deltas.",
    source="API reference, response.output_item.done; the Item object",
    expects="content[0].text equal to the joined deltas",
)
async def item_holds_words(probe: Probe) -> None:
    """The item is what was streamed."""
    seen = await say(probe)
    for event in seen.of("response.output_item.done"):
        said = seen.joined("response.output_text.delta", item_of(event))
        found = words_of(inside(event, "item"))
        probe.check(
            found == said,
            f"the item's words are {found!r}, and its deltas say {said!r}",
            event,
            "item.content",
        )


# --- in the conversation ------------------------------------------------------------------


@_text(
    "RT-RESP-019",
    "The answer enters the conversation",
    level="must",
    certainty="documented",
    rule="A response's items are added to the default conversation: `conversation.item.added`, then `.done`.",
    source="API reference, conversation.item.added and conversation.item.done",
    expects="conversation.item.added and .done with the output item's id",
)
async def enters_conversation(probe: Probe) -> None:
    """Announced in both places."""
    seen = await say(probe)
    item_id = item_of(first(seen, "response.output_item.added"))
    added, finished = (
        next((e for e in seen.of(kind) if item_of(e) == item_id), None)
        for kind in ("conversation.item.added", "conversation.item.done")
    )
    probe.check(added is not None, f"conversation.item.added did not come for {item_id!r}", seen.done)
    probe.check(finished is not None, f"conversation.item.done did not come for {item_id!r}", seen.done)


@_text(
    "RT-RESP-020",
    "The answer follows the question",
    level="must",
    certainty="documented",
    rule="`previous_item_id` of the model's `conversation.item.added` is the item before it.",
    source="API reference, conversation.item.added",
    sends="a user message, then response.create",
    expects="previous_item_id equal to the user message's id",
)
async def follows_question(probe: Probe) -> None:
    """The order of the conversation."""
    asked = await probe.user_text("Hello")
    seen = await say(probe)
    added = next((e for e in seen.of("conversation.item.added")), None)
    if added is None:
        raise Unsupported("the server announces no items of responses")
    found = added.get("previous_item_id")
    probe.check(
        found == asked["id"],
        f"the answer's previous_item_id is {found!r}, not the question's, {asked['id']!r}",
        added,
        "previous_item_id",
    )


@_text(
    "RT-RESP-021",
    "The conversation's done comes before the response's",
    level="should",
    certainty="recorded",
    rule="`conversation.item.done` of a model's item precedes its `response.output_item.done`.",
    source="recorded sessions of the live API",
    expects="conversation.item.done, then response.output_item.done",
)
async def order_of_dones(probe: Probe) -> None:
    """The recorded order."""
    seen = await say(probe)
    finished = {item_of(e): e for e in seen.of("conversation.item.done")}
    if not finished:
        raise Unsupported("the server sends no conversation.item.done")
    for event in seen.of("response.output_item.done"):
        other = finished.get(item_of(event))
        probe.check(
            other is not None and probe.index(other) < probe.index(event),
            "response.output_item.done came before the item's conversation.item.done",
            event,
        )


@_text(
    "RT-RESP-029",
    "An answer enters the conversation empty and in progress",
    level="must",
    certainty="documented",
    rule="`conversation.item.added` of a model's item has no content yet, and the status `in_progress`.",
    source="API reference, conversation.item.added",
    expects="conversation.item.added with content [] and status in_progress",
)
async def begins_empty(probe: Probe) -> None:
    """It is added when the model starts it."""
    seen = await say(probe)
    added = next(iter(seen.of("conversation.item.added")), None)
    if added is None:
        raise Unsupported("the server announces no items of responses")
    item = inside(added, "item")
    status, content = item.get("status"), item.get("content")
    probe.check(
        status == "in_progress",
        f"a new answer's status is {status!r}, not 'in_progress'",
        added,
        "item.status",
    )
    probe.check(not content, f"a new answer has content already: {content!r}", added, "item.content")

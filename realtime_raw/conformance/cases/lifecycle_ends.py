"""How answers end, and what comes in which order around them."""

from __future__ import annotations

from functools import partial

from ..asking import (
    event_of,
    first_delta,
    in_order,
    item_in,
    message,
    never,
    of_item,
    repeats,
    spoken_answer,
    written_answer,
)
from ..case import case
from ..probe import Event, Probe
from ..seen import item_of, response_of

_TASK = "Say exactly: one two three"
_ITEM, _PART = "response.output_item", "response.content_part"
_TEXT, _AUDIO, _WORDS = "response.output_text", "response.output_audio", "response.output_audio_transcript"
_ITEMS = "API reference: response.output_item.done"
_DONE = "API reference: response.done"

must = partial(case, family="lifecycle", level="must", certainty="documented", tokens=120, seconds=2.0)
should = partial(
    case, family="lifecycle", level="should", certainty="recorded", source="recorded", tokens=120, seconds=2.0
)
written = partial(must, sends="a request for a short text")
written_should = partial(should, sends="a request for a short text")
_SPOKEN = "a request for a short spoken answer"
spoken = partial(must, sends=_SPOKEN, needs={"audio_out"}, tokens=250, seconds=4.0)
spoken_should = partial(should, sends=_SPOKEN, needs={"audio_out"}, tokens=250, seconds=4.0)


def _part_in(probe: Probe, owner: object, event: Event, path: str) -> Event:
    """The first content part of an item that lies at `path` in `event`."""
    content = owner.get("content") if isinstance(owner, dict) else None
    there = isinstance(content, list) and content and isinstance(content[0], dict)
    probe.check(there, "the item has no content", event, f"{path}.content")
    found: Event = content[0] if isinstance(content, list) else {}
    return found


# --- ending -------------------------------------------------------------------------------


@written(
    "RT-LIFE-030",
    "A part ends with its text",
    rule="`response.content_part.done` has the part, with all its text.",
    source="API reference: response.content_part.done",
    expects="response.content_part.done with what the deltas said",
)
async def _part_done(probe: Probe) -> None:
    seen = await written_answer(probe)
    first_delta(seen, f"{_TEXT}.delta")
    done = event_of(seen, f"{_PART}.done")
    part = done.get("part")
    shown = part.get("text") if isinstance(part, dict) else None
    probe.check(
        shown == seen.text, f"the deltas said {seen.text!r}, and the part {shown!r}", done, "part.text"
    )


@spoken(
    "RT-LIFE-031",
    "A spoken part ends with its transcript",
    rule="`response.content_part.done` of speech has the part, with all its transcript.",
    source="API reference: response.content_part.done",
    expects="response.content_part.done with what the deltas said",
)
async def _spoken_part_done(probe: Probe) -> None:
    spoken_ = await spoken_answer(probe)
    done = event_of(spoken_.seen, f"{_PART}.done", item_id=spoken_.item_id)
    said, part = spoken_.seen.joined(f"{_WORDS}.delta", spoken_.item_id), done.get("part")
    shown = part.get("transcript") if isinstance(part, dict) else None
    repeats(probe, shown, said, done, "part.transcript")


@written(
    "RT-LIFE-032",
    "An item ends completed, with its text",
    rule="`response.output_item.done` has the item, `completed`, with all its text as `output_text`.",
    source=_ITEMS,
    expects="response.output_item.done with what the deltas said",
)
async def _item_done(probe: Probe) -> None:
    seen = await written_answer(probe)
    done = event_of(seen, f"{_ITEM}.done")
    status, part = item_in(probe, done).get("status"), _part_in(probe, item_in(probe, done), done, "item")
    probe.check(status == "completed", f"its status is {status!r}", done, "item.status")
    kind, shown = part.get("type"), part.get("text")
    probe.check(kind == "output_text", f"its part is {kind!r}", done, "item.content[0].type")
    probe.check(
        shown == seen.text,
        f"the deltas said {seen.text!r}, and the item {shown!r}",
        done,
        "item.content[0].text",
    )


@spoken(
    "RT-LIFE-033",
    "A spoken item ends with its transcript",
    rule="`response.output_item.done` of speech has an `output_audio` part, with all its transcript.",
    source=_ITEMS,
    expects="response.output_item.done with what the deltas said",
)
async def _spoken_item_done(probe: Probe) -> None:
    spoken_ = await spoken_answer(probe)
    done = next((e for e in spoken_.seen.of(f"{_ITEM}.done") if item_of(e) == spoken_.item_id), None)
    probe.check(done is not None, "the item has no response.output_item.done", spoken_.seen.done)
    part = _part_in(probe, (done or {}).get("item"), done or {}, "item")
    said, shown = spoken_.seen.joined(f"{_WORDS}.delta", spoken_.item_id), part.get("transcript")
    kind = part.get("type")
    probe.check(kind == "output_audio", f"its part is {kind!r}", done, "item.content[0].type")
    probe.check(
        shown == said, f"the deltas said {said!r}, and the item {shown!r}", done, "item.content[0].transcript"
    )


@spoken_should(
    "RT-LIFE-034",
    "Ends carry no audio",
    rule="The ends of parts, items and responses show an audio part without its audio.",
    expects="no audio in response.output_item.done, nor in response.done",
)
async def _no_audio(probe: Probe) -> None:
    seen = (await spoken_answer(probe)).seen
    ended = event_of(seen, f"{_ITEM}.done")
    for event, owner, path in (
        (ended, item_in(probe, ended), "item"),
        (seen.done, (seen.output or [{}])[0], "response.output[0]"),
    ):
        part = _part_in(probe, owner, event, path)
        probe.check(not part.get("audio"), "it carries the audio", event, f"{path}.content[0].audio")


@written(
    "RT-LIFE-035",
    "A response ends with its items",
    rule="`response.done` has the items of the response, as `response.output_item.done` showed them.",
    source=_DONE,
    expects="the same items in response.done",
)
async def _output(probe: Probe) -> None:
    seen = await written_answer(probe)
    ended = [item_in(probe, event) for event in seen.of(f"{_ITEM}.done")]
    for name in ("id", "content"):
        shown, wanted = [item.get(name) for item in seen.output], [item.get(name) for item in ended]
        probe.check(
            shown == wanted, f"`{name}` is {shown!r}, and was {wanted!r}", seen.done, "response.output"
        )


@written(
    "RT-LIFE-036",
    "A response is done when its items are",
    rule="`response.done` comes behind the `response.output_item.done` of all its items.",
    source=_DONE,
    expects="response.output_item.done, then response.done",
)
async def _items_first(probe: Probe) -> None:
    seen = await written_answer(probe)
    begun = {item_of(event) for event in seen.of(f"{_ITEM}.added")}
    missing = begun - {item_of(event) for event in seen.of(f"{_ITEM}.done")}
    probe.check(not missing, f"response.done came before the end of {missing}", seen.done)


@written(
    "RT-LIFE-037",
    "A response is done once and for all",
    rule="Nothing of a response comes behind its `response.done`.",
    source=_DONE,
    expects="nothing of it behind response.done",
)
async def _last(probe: Probe) -> None:
    seen = await written_answer(probe)
    end = probe.index(seen.done)
    kinds = (
        f"{_ITEM}.added",
        f"{_ITEM}.done",
        f"{_TEXT}.delta",
        f"{_TEXT}.done",
        f"{_PART}.done",
        "response.done",
    )
    await never(
        probe,
        *kinds,
        where=lambda event: response_of(event) == seen.id and probe.index(event) > end,
        message="it came behind the `response.done` of its response",
        within=1.0,
    )


@written(
    "RT-LIFE-038",
    "An answer's item is done in the conversation",
    rule="`conversation.item.done` comes for the item of an answer, with its text.",
    source="API reference: conversation.item.done",
    expects="conversation.item.done with what the deltas said",
)
async def _done_in_conversation(probe: Probe) -> None:
    seen = await written_answer(probe)
    item_id = item_of(event_of(seen, f"{_ITEM}.added"))
    done = next((e for e in seen.of("conversation.item.done") if item_of(e) == item_id), None)
    if done is None:
        done = await probe.expect("conversation.item.done", where=of_item(item_id), within=2.0)
    shown = _part_in(probe, done.get("item"), done, "item").get("text")
    probe.check(
        shown == seen.text,
        f"the deltas said {seen.text!r}, and the item {shown!r}",
        done,
        "item.content[0].text",
    )


# --- order --------------------------------------------------------------------------------


@written_should(
    "RT-LIFE-040",
    "Ends come from the inside out",
    rule="The end of the text comes first, then those of its part, its item, and the response.",
    expects="output_text.done, content_part.done, output_item.done, response.done",
)
async def _inside_out(probe: Probe) -> None:
    seen = await written_answer(probe)
    ends = [event_of(seen, kind) for kind in (f"{_TEXT}.done", f"{_PART}.done", f"{_ITEM}.done")]
    in_order(probe, *ends, seen.done, rule="what is inside ends first")


@spoken_should(
    "RT-LIFE-041",
    "Audio ends before its transcript",
    rule="`response.output_audio.done` comes first, then the ends of the transcript and of the part.",
    expects="output_audio.done, output_audio_transcript.done, content_part.done",
)
async def _audio_first(probe: Probe) -> None:
    seen = (await spoken_answer(probe)).seen
    ends = [event_of(seen, kind) for kind in (f"{_AUDIO}.done", f"{_WORDS}.done", f"{_PART}.done")]
    in_order(probe, *ends, rule="that is the recorded order")


@written_should(
    "RT-LIFE-042",
    "The conversation's end of an item comes first",
    rule="`conversation.item.done` of an answer comes before its `response.output_item.done`.",
    level="may",
    expects="conversation.item.done, then response.output_item.done",
)
async def _conversation_first(probe: Probe) -> None:
    seen = await written_answer(probe)
    ended = event_of(seen, f"{_ITEM}.done")
    done = next(
        (e for e in probe.events if e["type"] == "conversation.item.done" and item_of(e) == item_of(ended)),
        None,
    )
    probe.check(done is not None, "there is no conversation.item.done of the answer", ended)
    in_order(probe, *([done] if done else []), ended, rule="that is the recorded order")


@should(
    "RT-LIFE-043",
    "What is sent at once is done in order",
    rule="An update, an item and `response.create` may be sent at once: they are answered in order.",
    sends="session.update, conversation.item.create and response.create, without waiting",
    expects="session.updated, conversation.item.added, response.created",
)
async def _pipelined(probe: Probe) -> None:
    await probe.send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
    await probe.send("conversation.item.create", item=message("user", "Count."))
    await probe.send("response.create", response={"instructions": _TASK})
    kinds = ("session.updated", "conversation.item.added", "response.created")
    in_order(probe, *[await probe.expect(kind) for kind in kinds], rule="events are handled as they come")


@should(
    "RT-LIFE-044",
    "A commit is told before its item",
    rule="`committed` comes first, then its item is added, then it is done.",
    sends="a second of tone, and a commit",
    expects="committed, conversation.item.added, conversation.item.done",
    needs={"audio_in"},
    tokens=10,
    seconds=1.0,
)
async def _committed_first(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(1.0)
    await probe.send("input_audio_buffer.commit")
    committed = await probe.expect("input_audio_buffer.committed")
    about = of_item(item_of(committed))
    added = await probe.expect("conversation.item.added", where=about)
    in_order(
        probe,
        committed,
        added,
        await probe.expect("conversation.item.done", where=about),
        rule="it is made then",
    )


@should(
    "RT-LIFE-045",
    "Rate limits come behind the response",
    rule="`rate_limits.updated`, where it comes, comes behind `response.done`.",
    level="may",
    sends="a request for a short text",
    expects="no rate_limits.updated before response.done",
)
async def _limits_last(probe: Probe) -> None:
    seen = await written_answer(probe)
    limits = await probe.maybe("rate_limits.updated")
    if limits is not None:
        in_order(probe, seen.done, limits, rule="that is the recorded order")


# --- one and the next ---------------------------------------------------------------------


@must(
    "RT-LIFE-050",
    "Every response has an id of its own",
    rule="Two responses have different ids, and their items too.",
    source="API reference: response.created",
    sends="two requests for a short text, one behind the other",
    expects="four different ids",
    tokens=250,
    seconds=4.0,
)
async def _own_ids(probe: Probe) -> None:
    first, second = await written_answer(probe), await written_answer(probe)
    probe.check(first.id != second.id, "two responses have the same id", second.created, "response.id")
    one, two = (event_of(seen, f"{_ITEM}.added") for seen in (first, second))
    probe.check(item_of(one) != item_of(two), "two answers have the same item", two, "item.id")


@should(
    "RT-LIFE-051",
    "A session has one conversation",
    rule="`conversation_id` is the same in all responses of the default conversation.",
    certainty="documented",
    source="API reference: response.created, conversation_id",
    sends="two requests for a short text, one behind the other",
    expects="the same id of the conversation in both",
    tokens=250,
    seconds=4.0,
)
async def _one_conversation(probe: Probe) -> None:
    first, second = await written_answer(probe), await written_answer(probe)
    one, two = (seen.response.get("conversation_id") for seen in (first, second))
    probe.check(isinstance(one, str) and one, f"it is {one!r}", first.done, "response.conversation_id")
    probe.check(one == two, f"it was {one!r}, and is {two!r}", second.done, "response.conversation_id")


@must(
    "RT-LIFE-052",
    "The next question is behind the answer",
    rule="An answer's item is in the conversation: the next item names it as the one before.",
    source="API reference: conversation.item.added, previous_item_id",
    sends="a request for a short text, and a user's text",
    expects="the text added with the answer's item as `previous_item_id`",
)
async def _next_behind(probe: Probe) -> None:
    seen = await written_answer(probe)
    answer = item_of(event_of(seen, f"{_ITEM}.added"))
    item_id = probe.new_id("item")
    await probe.send("conversation.item.create", item=message("user", "And?", id=item_id))
    added = await probe.expect("conversation.item.added", where=of_item(item_id))
    before = added.get("previous_item_id")
    probe.check(before == answer, f"it is behind {before!r}, not {answer!r}", added, "previous_item_id")

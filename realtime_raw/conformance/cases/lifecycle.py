"""The order of an answer's events, and what each must say of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ..asking import event_of, first_delta, in_order, item_in, of_item, repeats, spoken_answer, written_answer
from ..case import case
from ..probe import Event, Probe
from ..seen import ResponseSeen, item_of, response_of

_TASK = "Say exactly: one two three"
_ITEM, _PART = "response.output_item", "response.content_part"
_TEXT, _AUDIO, _WORDS = "response.output_text", "response.output_audio", "response.output_audio_transcript"

must = partial(case, family="lifecycle", level="must", certainty="documented", tokens=120, seconds=2.0)
should = partial(
    case, family="lifecycle", level="should", certainty="recorded", source="recorded", tokens=120, seconds=2.0
)
written = partial(must, sends="a request for a short text")
written_should = partial(should, sends="a request for a short text")
spoken = partial(
    must, sends="a request for a short spoken answer", needs={"audio_out"}, tokens=250, seconds=4.0
)
spoken_should = partial(
    should, sends="a request for a short spoken answer", needs={"audio_out"}, tokens=250, seconds=4.0
)


def _within(probe: Probe, seen: ResponseSeen) -> Iterable[Event]:
    """Everything of responses that came while this one was given; no other was."""
    first, last = probe.index(seen.created), probe.index(seen.done)
    return (event for event in probe.events[first : last + 1] if event["type"].startswith("response."))


# --- beginning ----------------------------------------------------------------------------


@written(
    "RT-LIFE-001",
    "A response begins with response.created",
    rule="`response.created` is the first event of a response.",
    source="API reference: response.created",
    expects="nothing of the response before response.created",
)
async def _created_before_all(probe: Probe) -> None:
    seen = await written_answer(probe)
    events = (event for event in probe.events if event["type"].startswith("response."))
    first = next(event for event in events if response_of(event) in (seen.id, None))
    probe.check(first is seen.created, f"{first['type']} came before response.created", first)


@written(
    "RT-LIFE-002",
    "A response begins in progress",
    rule="In `response.created` the response is `in_progress`, and has no output yet.",
    source="API reference: response.created",
    expects="response.created with that status, and no output",
)
async def _in_progress(probe: Probe) -> None:
    response = (created := (await written_answer(probe)).created)["response"]
    status, output = response.get("status"), response.get("output")
    probe.check(status == "in_progress", f"its status is {status!r}", created, "response.status")
    probe.check(not output, "it has output already", created, "response.output")


@written(
    "RT-LIFE-003",
    "An item is announced before it is said",
    rule="`response.output_item.added` comes before everything else of its item.",
    source="API reference: response.output_item.added",
    expects="response.output_item.added before parts and deltas",
)
async def _item_announced(probe: Probe) -> None:
    seen = await written_answer(probe)
    added = event_of(seen, f"{_ITEM}.added")
    first = next(event for event in _within(probe, seen) if item_of(event) == item_of(added))
    probe.check(first is added, f"{first['type']} came before response.output_item.added", first)


@written(
    "RT-LIFE-004",
    "A part is announced before it is said",
    rule="`response.content_part.added` comes behind its item's and before the part's deltas.",
    source="API reference: response.content_part.added",
    expects="response.output_item.added, response.content_part.added, the first delta",
)
async def _part_announced(probe: Probe) -> None:
    seen = await written_answer(probe)
    delta, item, part = (
        first_delta(seen, f"{_TEXT}.delta"),
        event_of(seen, f"{_ITEM}.added"),
        event_of(seen, f"{_PART}.added"),
    )
    in_order(probe, item, part, delta, rule="an item is announced, then its part, then what is in it")


@written(
    "RT-LIFE-005",
    "An answer's item enters the conversation",
    rule="`conversation.item.added` comes for the item that the model makes.",
    source="API reference: conversation.item.added",
    expects="conversation.item.added with the id of response.output_item.added",
)
async def _enters(probe: Probe) -> None:
    item_id = item_of(event_of(await written_answer(probe), f"{_ITEM}.added"))
    there = any(e["type"] == "conversation.item.added" and item_of(e) == item_id for e in probe.events)
    probe.check(there, f"{item_id!r} was not announced by `conversation.item.added`", probe.events[-1])


@written(
    "RT-LIFE-006",
    "An answer is behind its question",
    rule="`conversation.item.added` of an answer names the item before it.",
    source="API reference: conversation.item.added, previous_item_id",
    expects="conversation.item.added with the user's item as `previous_item_id`",
)
async def _behind(probe: Probe) -> None:
    await probe.manual()
    question = (await probe.user_text("Count."))["id"]
    await probe.send("response.create", response={"output_modalities": ["text"], "instructions": _TASK})
    begun = await probe.expect(f"{_ITEM}.added")
    added = await probe.expect("conversation.item.added", where=of_item(item_of(begun)))
    before = added.get("previous_item_id")
    probe.check(before == question, f"it is behind {before!r}, not {question!r}", added, "previous_item_id")


@written_should(
    "RT-LIFE-007",
    "An item begins empty",
    rule="In `response.output_item.added` a message is `in_progress`, and has no content yet.",
    expects="response.output_item.added with that status, and no content",
)
async def _begins_empty(probe: Probe) -> None:
    added = event_of(await written_answer(probe), f"{_ITEM}.added")
    item = item_in(probe, added)
    status, content = item.get("status"), item.get("content")
    probe.check(status == "in_progress", f"its status is {status!r}", added, "item.status")
    probe.check(content == [], f"its content is {content!r}", added, "item.content")


# --- saying -------------------------------------------------------------------------------


@written(
    "RT-LIFE-010",
    "The parts of a text are `text`",
    rule="`response.content_part.added` and `.done` of a text have a part of the type `text`.",
    source="API reference: response.content_part.added",
    expects="both with a part of that type",
)
async def _text_parts(probe: Probe) -> None:
    _parts(probe, await written_answer(probe), "text")


def _parts(probe: Probe, seen: ResponseSeen, wanted: str) -> None:
    for event in (event_of(seen, f"{_PART}.added"), event_of(seen, f"{_PART}.done")):
        part = event.get("part")
        kind = part.get("type") if isinstance(part, dict) else None
        probe.check(kind == wanted, f"its part is of the type {kind!r}, not {wanted!r}", event, "part.type")


@spoken(
    "RT-LIFE-011",
    "The parts of speech are `audio`",
    rule="`response.content_part.added` and `.done` of speech have a part of the type `audio`.",
    source="API reference: response.content_part.added",
    expects="both with a part of that type",
)
async def _audio_parts(probe: Probe) -> None:
    _parts(probe, (await spoken_answer(probe)).seen, "audio")


@written(
    "RT-LIFE-012",
    "A text's end is its deltas",
    rule="`response.output_text.done` comes behind the deltas, and has what they said.",
    source="API reference: response.output_text.done",
    expects="response.output_text.done with the deltas joined",
)
async def _text_done(probe: Probe) -> None:
    _ends(probe, await written_answer(probe), _TEXT, "text")


def _ends(probe: Probe, seen: ResponseSeen, kind: str, field: str) -> None:
    item_id = item_of(first_delta(seen, f"{kind}.delta"))
    done = event_of(seen, f"{kind}.done", item_id=item_id)
    said, shown = seen.joined(f"{kind}.delta", item_id), done.get(field)
    repeats(probe, shown, said, done, field)
    last = [event for event in seen.of(f"{kind}.delta") if item_of(event) == item_id][-1]
    in_order(probe, last, done, rule="the end comes behind what it ends")


@spoken(
    "RT-LIFE-013",
    "A transcript's end is its deltas",
    rule="`response.output_audio_transcript.done` comes behind the deltas, and has what they said.",
    source="API reference: response.output_audio_transcript.done",
    expects="response.output_audio_transcript.done with the deltas joined",
)
async def _transcript_done(probe: Probe) -> None:
    _ends(probe, (await spoken_answer(probe)).seen, _WORDS, "transcript")


@spoken(
    "RT-LIFE-014",
    "Audio has an end",
    rule="`response.output_audio.done` comes behind the last delta of audio.",
    source="API reference: response.output_audio.done",
    expects="response.output_audio.done behind the deltas",
)
async def _audio_done(probe: Probe) -> None:
    spoken_ = await spoken_answer(probe)
    done = event_of(spoken_.seen, f"{_AUDIO}.done", item_id=spoken_.item_id)
    deltas = [event for event in spoken_.seen.of(f"{_AUDIO}.delta") if item_of(event) == spoken_.item_id]
    in_order(probe, deltas[-1], done, rule="the end comes behind what it ends")


@spoken(
    "RT-LIFE-015",
    "What is spoken has a transcript",
    rule="Audio always comes with its transcript.",
    source="API reference: session.update, output_modalities",
    expects="deltas of a transcript beside those of audio",
)
async def _has_transcript(probe: Probe) -> None:
    seen = (await spoken_answer(probe)).seen
    probe.check(seen.transcript.strip(), f"there is audio, and no {_WORDS}.delta", seen.done)


@written(
    "RT-LIFE-016",
    "Everything names its response",
    rule="Every event of a response has its `response_id`.",
    source="API reference: the `response_id` of server events",
    expects="the id of response.created in all of them",
)
async def _response_ids(probe: Probe) -> None:
    seen = await written_answer(probe)
    for event in _within(probe, seen):
        shown = response_of(event)
        probe.check(shown == seen.id, f"it names {shown!r}, not {seen.id!r}", event, "response_id")


@written(
    "RT-LIFE-017",
    "Everything names its place",
    rule="Deltas have the `item_id`, `output_index` and `content_index` of what they add to.",
    source="API reference: response.output_text.delta",
    expects="the item's id, and the indices 0 and 0, in all deltas",
)
async def _places(probe: Probe) -> None:
    seen = await written_answer(probe)
    first_delta(seen, f"{_TEXT}.delta")
    added = event_of(seen, f"{_ITEM}.added")
    where = {"item_id": item_of(added), "output_index": added.get("output_index"), "content_index": 0}
    probe.check(where["output_index"] == 0, "the first item's `output_index` is not 0", added, "output_index")
    for event in seen.of(f"{_PART}.added", f"{_TEXT}.delta", f"{_TEXT}.done", f"{_PART}.done"):
        for name, value in where.items():
            shown = event.get(name)
            probe.check(shown == value, f"`{name}` is {shown!r}, not {value!r}", event, name)

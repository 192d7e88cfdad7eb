"""What comes in which order, and what each event must say of where it belongs."""

from __future__ import annotations

from functools import partial

from ..asking import (
    detecting,
    event_of,
    first_delta,
    in_order,
    message,
    of_item,
    of_response,
    overheard,
    part_of,
    repeats,
    say,
    shows,
    spoken_answer,
    written_answer,
)
from ..case import case
from ..probe import Probe
from ..seen import item_of, response_of

_TASK = "Say exactly: one two three"
_ITEM, _PART = "response.output_item", "response.content_part"
_TEXT, _AUDIO, _WORDS = "response.output_text", "response.output_audio", "response.output_audio_transcript"
_SHORT, _SPOKEN = "a request for a short text", "a request for a short spoken answer"

must = partial(
    case,
    family="lifecycle",
    level="must",
    certainty="documented",
    sends=_SHORT,
    needs={"text_out"},
    tokens=120,
    seconds=2.0,
)
should = partial(
    case, family="lifecycle", level="should", certainty="recorded", source="recorded", tokens=120, seconds=2.0
)
written = partial(should, sends=_SHORT, needs={"text_out"})
spoken = partial(should, sends=_SPOKEN, needs={"audio_out"}, tokens=250, seconds=4.0)


# --- where it belongs ---------------------------------------------------------------------


@must(
    "RT-LIFE-001",
    "Everything names its response",
    rule="Every event of a response has its `response_id`.",
    source="API reference: the `response_id` of server events",
    expects="the id of response.created in all of them",
)
async def _response_ids(probe: Probe) -> None:
    seen = await written_answer(probe)
    for event in probe.events[probe.index(seen.created) : probe.index(seen.done)]:
        if event["type"].startswith("response."):
            shown = response_of(event)
            probe.check(
                shown == seen.id,
                f"{event['type']} names {shown!r}, not {seen.id!r}",
                event,
                "response_id",
            )


@must(
    "RT-LIFE-002",
    "Everything names its place",
    rule="Events in a part have the `item_id`, `output_index` and `content_index` of where they belong.",
    source="API reference: response.output_text.delta",
    expects="the id and the place of an item that was added, and the index 0, in all of them",
)
async def _places(probe: Probe) -> None:
    seen = await written_answer(probe)
    first_delta(seen, f"{_TEXT}.delta")
    places: dict[str | None, int] = {}
    for added in seen.of(f"{_ITEM}.added"):
        shows(probe, added, "output_index", len(places))
        places[item_of(added)] = len(places)
    for event in seen.of(f"{_PART}.added", f"{_TEXT}.delta", f"{_TEXT}.done", f"{_PART}.done"):
        shows(probe, event, "item_id", *places)
        shows(probe, event, "output_index", places[item_of(event)])
        shows(probe, event, "content_index", 0)


@must(
    "RT-LIFE-003",
    "Every answer has an item of its own",
    rule="The items of two responses have different ids.",
    source="API reference: conversation items, id",
    sends="two requests for a short text, one behind the other",
    expects="two different item ids",
    tokens=250,
    seconds=4.0,
)
async def _own_items(probe: Probe) -> None:
    first, second = await written_answer(probe), await written_answer(probe)
    one, two = (event_of(seen, f"{_ITEM}.added") for seen in (first, second))
    probe.check(item_of(one) != item_of(two), "two answers have the same item", two, "item.id")


@must(
    "RT-LIFE-004",
    "An answer is done in the conversation",
    rule="`conversation.item.done` comes for the item of an answer, with its text.",
    source="API reference: conversation.item.done",
    expects="conversation.item.done with what the deltas said",
)
async def _done_in_conversation(probe: Probe) -> None:
    seen = await written_answer(probe)
    item_id = item_of(first_delta(seen, f"{_TEXT}.delta"))
    done = next((e for e in seen.of("conversation.item.done") if item_of(e) == item_id), None)
    if done is None:
        done = await probe.expect("conversation.item.done", where=of_item(item_id), within=2.0)
    said = seen.joined(f"{_TEXT}.delta", item_id)
    repeats(probe, part_of(done).get("text"), said, done, "item.content[0].text")


@must(
    "RT-LIFE-005",
    "The next question is behind the answer",
    rule="An answer's item is in the conversation: the next item names it as the one before.",
    source="API reference: conversation.item.added, previous_item_id",
    sends="a request for a short text, and a user's text",
    expects="the text added with the answer's item as `previous_item_id`",
)
async def _next_behind(probe: Probe) -> None:
    seen = await written_answer(probe)
    event_of(seen, f"{_ITEM}.added")
    answer = item_of(seen.of(f"{_ITEM}.added")[-1])
    item_id = probe.new_id("item")
    await probe.send("conversation.item.create", item=message("user", "And?", id=item_id))
    added = await probe.expect("conversation.item.added", where=of_item(item_id))
    shows(probe, added, "previous_item_id", answer)


# --- the order of an answer ---------------------------------------------------------------


@must(
    "RT-LIFE-020",
    "A text ends behind its deltas",
    rule="`response.output_text.done` comes when the text is done: no delta of it comes later.",
    source="API reference: response.output_text.done",
    expects="the last delta, then response.output_text.done",
)
async def _text_ends(probe: Probe) -> None:
    seen = await written_answer(probe)
    first_delta(seen, f"{_TEXT}.delta")
    done = event_of(seen, f"{_TEXT}.done")
    last = [event for event in seen.of(f"{_TEXT}.delta") if item_of(event) == item_of(done)][-1:]
    in_order(probe, *last, done, rule="the end comes behind what it ends")


@written(
    "RT-LIFE-021",
    "Ends come from the inside out",
    rule="The end of the text comes first, then those of its part, its item, and the response.",
    expects="output_text.done, content_part.done, output_item.done, response.done",
)
async def _inside_out(probe: Probe) -> None:
    seen = await written_answer(probe)
    ends = [event_of(seen, kind) for kind in (f"{_TEXT}.done", f"{_PART}.done", f"{_ITEM}.done")]
    in_order(probe, *ends, seen.done, rule="what is inside ends first")


@spoken(
    "RT-LIFE-022",
    "Audio ends before its transcript",
    rule="`response.output_audio.done` comes before `response.output_audio_transcript.done`.",
    level="may",
    expects="output_audio.done, output_audio_transcript.done",
)
async def _audio_first(probe: Probe) -> None:
    seen = (await spoken_answer(probe)).seen
    ends = [event_of(seen, kind) for kind in (f"{_AUDIO}.done", f"{_WORDS}.done")]
    in_order(probe, *ends, rule="that is the recorded order")


@spoken(
    "RT-LIFE-023",
    "Words come before their sound",
    rule="The transcript of speech runs ahead of its audio.",
    level="may",
    expects="a delta of the transcript, then one of audio",
)
async def _words_first(probe: Probe) -> None:
    seen = (await spoken_answer(probe)).seen
    first = [first_delta(seen, kind) for kind in (f"{_WORDS}.delta", f"{_AUDIO}.delta")]
    in_order(probe, *first, rule="that is the recorded order")


@spoken(
    "RT-LIFE-024",
    "A spoken item ends without its audio",
    rule="`response.output_item.done` shows an audio part without its audio.",
    expects="no audio in response.output_item.done",
)
async def _no_audio(probe: Probe) -> None:
    done = event_of((await spoken_answer(probe)).seen, f"{_ITEM}.done")
    carried = part_of(done).get("audio")
    probe.check(not carried, "the end of the item carries the audio", done, "item.content[0].audio")


@written(
    "RT-LIFE-025",
    "Rate limits come behind the response",
    rule="`rate_limits.updated`, where it comes, comes behind `response.done`.",
    level="may",
    expects="no rate_limits.updated before response.done",
)
async def _limits_last(probe: Probe) -> None:
    seen = await written_answer(probe)
    limits = await probe.maybe("rate_limits.updated")
    if limits is not None:
        in_order(probe, seen.done, limits, rule="that is the recorded order")


# --- the order of a turn ------------------------------------------------------------------


@should(
    "RT-LIFE-040",
    "What is sent at once is done in order",
    rule="An update, an item and `response.create` may be sent at once: they are answered in order.",
    sends="session.update, conversation.item.create and response.create, without waiting",
    expects="session.updated, conversation.item.added, response.created",
    needs={"text_out"},
)
async def _pipelined(probe: Probe) -> None:
    await probe.send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
    await probe.send("conversation.item.create", item=message("user", "Count."))
    await probe.send("response.create", response={"instructions": _TASK})
    kinds = ("session.updated", "conversation.item.added", "response.created")
    in_order(probe, *[await probe.expect(kind) for kind in kinds], rule="events are handled as they come")


@should(
    "RT-LIFE-041",
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
    done = await probe.expect("conversation.item.done", where=about)
    in_order(probe, committed, added, done, rule="a commit is told, then what it made")


@should(
    "RT-LIFE-042",
    "A detected turn is there before it is answered",
    rule="The item of a detected turn is added and done before the response to it is created.",
    sends="turn detection on; speech, and silence",
    expects="committed, conversation.item.added, conversation.item.done, response.created",
    needs={"audio_in", "vad", "text_out"},
    tokens=150,
    seconds=5.0,
)
async def _turn_first(probe: Probe) -> None:
    await probe.session(output_modalities=["text"], instructions=_TASK)
    await detecting(probe, create_response=True)
    await say(probe)
    await overheard(probe)
    committed = await probe.expect("input_audio_buffer.committed")
    about = of_item(item_of(committed))
    added = await probe.expect("conversation.item.added", where=about)
    done = await probe.expect("conversation.item.done", where=about)
    created = await probe.expect("response.created")
    in_order(probe, committed, added, done, created, rule="a turn is there before it is answered")
    await probe.expect("response.done", where=of_response(response_of(created)), within=20.0)

"""Truncation: what the assistant said and nobody heard is taken out of the conversation."""

from __future__ import annotations

from functools import partial

from ..asking import (
    SHORT_TASK,
    add,
    audio_of,
    begin_answer,
    call_off,
    found_at,
    message,
    part_of,
    refuses,
    retrieve,
    shows,
    spoken_answer,
    user_audio,
)
from ..case import NotComplied, Unsupported, case
from ..probe import Event, Probe
from ..seen import item_of

_TRUNCATE = "API reference: conversation.item.truncate"
_TRUNCATED = "conversation.item.truncated"

must = partial(
    case,
    family="interruption",
    level="must",
    certainty="documented",
    source=_TRUNCATE,
    needs={"audio_out", "truncate"},
    tokens=250,
    seconds=4.0,
)
should = partial(
    case, family="interruption", level="should", needs={"audio_out", "truncate"}, tokens=250, seconds=4.0
)


async def _cut(probe: Probe, item_id: str | None, ms: float, **fields: object) -> str:
    named = {"item_id": item_id, "content_index": 0, "audio_end_ms": ms, **fields}
    return await probe.send("conversation.item.truncate", **named)


async def _half(probe: Probe) -> tuple[str, int, Event]:
    """A short spoken answer cut in half: its id, where it was cut, and `truncated`."""
    spoken = await spoken_answer(probe)
    ms = spoken.ms // 2
    await _cut(probe, spoken.item_id, ms)
    return spoken.item_id, ms, await probe.expect(_TRUNCATED)


@must(
    "RT-INTR-050",
    "A truncation is confirmed",
    rule="`conversation.item.truncate` is answered by `conversation.item.truncated`.",
    sends="a short spoken answer, truncated to its half",
    expects="conversation.item.truncated with its id",
    needs={"audio_out"},
)
async def _confirmed(probe: Probe) -> None:
    spoken = await spoken_answer(probe)
    await _cut(probe, spoken.item_id, spoken.ms // 2)
    # "truncate" is no need of this case: a server that takes it in silence is caught here.
    truncated = await probe.expect(_TRUNCATED, "error")
    if truncated["type"] == "error":
        raise Unsupported(f"no truncation: {found_at(truncated, 'error.message')}")
    shows(probe, truncated, "item_id", spoken.item_id)


@must(
    "RT-INTR-051",
    "A truncation says what was cut",
    rule="`conversation.item.truncated` repeats `content_index` and `audio_end_ms`.",
    sends="a short spoken answer, truncated to its half",
    expects="conversation.item.truncated with the values sent",
)
async def _values(probe: Probe) -> None:
    _, ms, truncated = await _half(probe)
    for name, value in (("content_index", 0), ("audio_end_ms", ms)):
        shown = truncated.get(name)
        probe.check(shown == value, f"`{name}` is {shown!r}, not {value!r}", truncated, name)


@must(
    "RT-INTR-052",
    "A truncation takes the transcript",
    rule="Truncation deletes the transcript, so that nothing is in the context that was not heard.",
    sends="a short spoken answer, truncated to its half, and a request for it",
    expects="the item without a transcript",
    needs={"audio_out", "truncate", "retrieve"},
)
async def _no_transcript(probe: Probe) -> None:
    item_id, _, _ = await _half(probe)
    got = await retrieve(probe, item_id)
    left = part_of(got).get("transcript")
    probe.check(not left, f"its transcript still is {left!r}", got, "item.content[0].transcript")


@must(
    "RT-INTR-053",
    "A truncation takes the audio",
    rule="Truncation removes the audio behind `audio_end_ms`.",
    sends="a short spoken answer, truncated to its half, and a request for it",
    expects="the item with no more audio than that",
    needs={"audio_out", "truncate", "retrieve"},
)
async def _no_audio(probe: Probe) -> None:
    item_id, ms, _ = await _half(probe)
    got = await retrieve(probe, item_id)
    left = len(audio_of(got)) / 48
    probe.check(left <= ms + 50, f"{left:.0f} ms are left of {ms}", got, "item.content[0].audio")


@must(
    "RT-INTR-054",
    "More than was said cannot be kept",
    rule="An `audio_end_ms` beyond the audio is an error.",
    sends="a short spoken answer, truncated to a minute more than it has",
    expects="an error",
)
async def _beyond(probe: Probe) -> None:
    spoken = await spoken_answer(probe)
    await refuses(probe, await _cut(probe, spoken.item_id, spoken.ms + 60_000), _TRUNCATED)


@should(
    "RT-INTR-055",
    "All that was said can be kept",
    rule="The received duration in whole milliseconds is accepted as `audio_end_ms`.",
    certainty="inferred",
    source="API reference: only more than the actual duration is an error",
    sends="a short spoken answer, truncated to what was received",
    expects="conversation.item.truncated",
)
async def _all(probe: Probe) -> None:
    spoken = await spoken_answer(probe)
    await _cut(probe, spoken.item_id, spoken.ms)
    await probe.expect(_TRUNCATED)


@should(
    "RT-INTR-056",
    "Nothing may have been heard",
    rule="`audio_end_ms: 0` is accepted: the user heard nothing of it.",
    certainty="inferred",
    source="API reference: audio_end_ms is inclusive, and counts from 0",
    sends="a short spoken answer, truncated to nothing",
    expects="conversation.item.truncated",
)
async def _none(probe: Probe) -> None:
    spoken = await spoken_answer(probe)
    await _cut(probe, spoken.item_id, 0)
    await probe.expect(_TRUNCATED)


@must(
    "RT-INTR-057",
    "The user's audio cannot be truncated",
    rule="Only items of the assistant can be truncated.",
    sends="a user's audio, and its truncation",
    expects="an error",
    needs={"audio_in", "truncate"},
    tokens=5,
    seconds=0.5,
)
async def _users(probe: Probe) -> None:
    await probe.manual()
    added = await add(probe, user_audio(0.5))
    await refuses(probe, await _cut(probe, item_of(added), 100), _TRUNCATED)


@should(
    "RT-INTR-058",
    "A text cannot be truncated",
    rule="Only audio can be truncated: a text of the assistant is refused.",
    certainty="observed",
    source="observed",
    sends="an assistant's text, and its truncation",
    expects="an error",
    needs={"truncate"},
    tokens=0,
    seconds=0.5,
)
async def _text(probe: Probe) -> None:
    added = await add(probe, message("assistant", "I said that."))
    await refuses(probe, await _cut(probe, item_of(added), 0), _TRUNCATED)


@should(
    "RT-INTR-059",
    "What is not there cannot be truncated",
    rule="Truncating an unknown item is an error, `item_truncate_invalid_item_id`.",
    certainty="observed",
    source="observed",
    sends="the truncation of an unknown item",
    expects="an error of that code",
    needs={"truncate"},
    tokens=0,
    seconds=0.5,
)
async def _unknown(probe: Probe) -> None:
    event_id = await _cut(probe, "item_nowhere", 100)
    await refuses(probe, event_id, _TRUNCATED, code="item_truncate_invalid_item_id")


@should(
    "RT-INTR-061",
    "An answer can be truncated while it is given",
    rule="An item can be truncated as soon as it has audio, while its response is still in progress.",
    certainty="observed",
    source="observed",
    sends="a request for a long spoken answer, and a truncation to 50 ms in the middle of it",
    expects="conversation.item.truncated",
    tokens=400,
)
async def _while_given(probe: Probe) -> None:
    await probe.manual()
    answer = await begin_answer(probe, "audio")
    await _cut(probe, answer.item_id, 50)
    await probe.expect(_TRUNCATED)
    await probe.send("response.cancel")


@should(
    "RT-INTR-062",
    "A cancelled answer can be truncated",
    rule="What a cancelled response said can be truncated to what was heard of it.",
    certainty="documented",
    source="API guide: Realtime conversations, interruption and truncation",
    sends="a request for a long spoken answer, a cancel, and a truncation to 50 ms",
    expects="conversation.item.truncated",
    tokens=400,
)
async def _cancelled(probe: Probe) -> None:
    await probe.manual()
    answer = await begin_answer(probe, "audio")
    await call_off(probe, answer.id)
    await _cut(probe, answer.item_id, 50)
    await probe.expect(_TRUNCATED)


@must(
    "RT-INTR-063",
    "After a truncation the conversation goes on",
    rule="A truncated item stays in the conversation, and the next turn is answered.",
    sends="a short spoken answer, truncated to its half, and a written turn",
    expects="the turn behind the truncated item, and response.done, completed",
    needs={"audio_out", "truncate", "text_out"},
    tokens=400,
    seconds=6.0,
)
async def _goes_on(probe: Probe) -> None:
    item_id, _, _ = await _half(probe)
    added = await add(probe, message("user", "Go on."))
    shows(probe, added, "previous_item_id", item_id)
    seen = await probe.respond(output_modalities=["text"], instructions="Say exactly: green")
    shows(probe, seen.done, "response.status", "completed")


@should(
    "RT-INTR-064",
    "Each part has its own milliseconds",
    rule="`audio_end_ms` counts within the item: a second answer is truncated from its own start.",
    certainty="documented",
    source=_TRUNCATE,
    sends="two short spoken answers, the second truncated to more than its own duration",
    expects="an error",
    tokens=600,
    seconds=8.0,
)
async def _own_milliseconds(probe: Probe) -> None:
    first = await spoken_answer(probe)
    seen = await probe.respond(output_modalities=["audio"], instructions=SHORT_TASK)
    if not seen.audio:
        raise NotComplied("nothing was said aloud")
    ms = len(seen.audio) // 48
    beyond = ms + max(first.ms // 2, 200)
    item_id = item_of(seen.of("response.output_audio.delta")[-1])
    await refuses(probe, await _cut(probe, item_id, beyond), _TRUNCATED)

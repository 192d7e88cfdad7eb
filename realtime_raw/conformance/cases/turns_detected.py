"""Turns that the server finds by itself: speech detected, committed, answered; and nobody speaking."""

from __future__ import annotations

from functools import partial

from ..asking import detecting, in_order, item_in, never, of_item, of_response, overheard, part_of, say, shows
from ..case import Violation, case
from ..probe import Event, Probe
from ..seen import item_of, response_of

_STARTED, _STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"
_COMMITTED, _TIMEOUT = "input_audio_buffer.committed", "input_audio_buffer.timeout_triggered"
_GUIDE = "API guide: voice activity detection"
_UPDATE = "API reference: session.update, turn_detection"

must = partial(
    case,
    family="turns",
    level="must",
    certainty="documented",
    needs={"audio_in", "vad"},
    tokens=40,
    seconds=3.0,
)
should = partial(case, family="turns", level="should", needs={"audio_in", "vad"}, tokens=40, seconds=3.0)


def _ms(event: Event, field: str) -> float:
    """A time of speech in an event. Raises `Violation` if it is no number."""
    value = event.get(field)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Violation(f"`{field}` is {value!r}, and no number of milliseconds", event, field)
    return value


async def _turn(probe: Probe) -> tuple[Event, Event, Event]:
    """A turn found: where speech started, where it stopped, and the commit."""
    await say(probe)
    started, stopped = await overheard(probe), await probe.expect(_STOPPED)
    return started, stopped, await probe.expect(_COMMITTED)


# --- finding it ---------------------------------------------------------------------------


@must(
    "RT-TURN-030",
    "A turn is found and committed",
    rule="Turn detection reports that speech started, then that it stopped, then commits the turn.",
    source=_GUIDE,
    sends="turn detection on without automatic responses; speech, and silence",
    expects="speech_started, speech_stopped, committed",
)
async def _found(probe: Probe) -> None:
    await detecting(probe, create_response=False)
    await say(probe)
    turn = [await probe.expect(kind) for kind in (_STARTED, _STOPPED, _COMMITTED)]
    in_order(probe, *turn, rule="a turn starts, stops, and is committed")


@must(
    "RT-TURN-031",
    "A turn has one item id",
    rule="`speech_started` announces the id of `speech_stopped`, of `committed` and of the item.",
    source="API reference: input_audio_buffer.speech_started",
    sends="turn detection on without automatic responses; speech, and silence",
    expects="the same item id in all events of the turn",
)
async def _one_id(probe: Probe) -> None:
    await detecting(probe, create_response=False)
    started, stopped, committed = await _turn(probe)
    added = await probe.expect("conversation.item.added")
    announced = item_of(started)
    probe.check(announced, "it announces no item", started, "item_id")
    for event, path in ((stopped, "item_id"), (committed, "item_id"), (added, "item.id")):
        shown = item_of(event)
        probe.check(
            shown == announced, f"the item is {shown!r}, and {announced!r} was announced", event, path
        )


@must(
    "RT-TURN-032",
    "A detected turn is a user's item",
    rule="The item of a detected turn is a user's message with an `input_audio` part.",
    source="API reference: input_audio_buffer.committed",
    sends="turn detection on without automatic responses; speech, and silence",
    expects="conversation.item.added with role user and an `input_audio` part",
)
async def _users_item(probe: Probe) -> None:
    await detecting(probe, create_response=False)
    _, _, committed = await _turn(probe)
    added = await probe.expect("conversation.item.added", where=of_item(item_of(committed)))
    role, kind = item_in(added).get("role"), part_of(added).get("type")
    probe.check(role == "user", f"the item is {role!r}, not the user's", added, "item.role")
    probe.check(kind == "input_audio", f"its part is {kind!r}", added, "item.content[0].type")


@must(
    "RT-TURN-033",
    "Silence is no turn",
    rule="Where nobody speaks, no speech is reported.",
    source=_GUIDE,
    sends="turn detection on, and two seconds of silence",
    expects="no speech events",
    tokens=20,
)
async def _silence(probe: Probe) -> None:
    await detecting(probe, create_response=False)
    await probe.append_silence(2.0)
    await never(probe, _STARTED, _STOPPED, _COMMITTED, message="a turn was found in digital silence")


@must(
    "RT-TURN-034",
    "A turn goes on until it is silent",
    rule="While there is speech and no silence of the set length, the turn is not ended.",
    source=_UPDATE,
    sends="turn detection on, and speech without silence behind it",
    expects="speech_started, and neither speech_stopped nor committed",
)
async def _goes_on(probe: Probe) -> None:
    await detecting(probe, create_response=False, silence_duration_ms=1500)
    await probe.append_speech(2.0)
    await overheard(probe)
    await never(probe, _STOPPED, _COMMITTED, message="the turn was ended in the middle of speech")


@should(
    "RT-TURN-035",
    "A pause shorter than the set silence ends nothing",
    rule="A turn ends after `silence_duration_ms` of silence, and not before.",
    certainty="documented",
    source=_UPDATE,
    sends="a silence of two seconds set; speech, a pause of 0.8 s, speech, and silence",
    expects="one turn",
    tokens=80,
    seconds=4.0,
)
async def _short_pause(probe: Probe) -> None:
    await detecting(probe, create_response=False, silence_duration_ms=2000)
    await say(probe, 1.0, 0.8)
    await say(probe, 1.0, 3.0)
    await overheard(probe)
    await probe.expect(_COMMITTED)
    await never(probe, _COMMITTED, message="a pause shorter than `silence_duration_ms` ended the turn")


@must(
    "RT-TURN-036",
    "Switched off, nothing is found any more",
    rule="Turn detection that was on and is set to null finds no more turns.",
    source=_UPDATE,
    sends="a turn found; turn detection off; speech, and silence",
    expects="no second turn",
    tokens=80,
    seconds=5.0,
)
async def _off_again(probe: Probe) -> None:
    await detecting(probe, create_response=False)
    await _turn(probe)
    await probe.manual()
    await say(probe)
    await never(
        probe, _STARTED, _STOPPED, _COMMITTED, message="a turn was found although turn detection is off"
    )


@should(
    "RT-TURN-037",
    "A commit by hand is allowed",
    rule="With turn detection on, a client may commit in the middle of speech.",
    certainty="documented",
    source="API reference: input_audio_buffer.commit",
    sends="turn detection on; speech, and a commit before it has ended",
    expects="committed, and an item",
)
async def _commit_by_hand(probe: Probe) -> None:
    await detecting(probe, create_response=False, silence_duration_ms=1500)
    await probe.append_speech(2.0)
    await overheard(probe)
    await probe.commit()


# --- its times ----------------------------------------------------------------------------


@must(
    "RT-TURN-040",
    "A turn ends behind its start",
    rule="`audio_end_ms` is behind `audio_start_ms`, and within the audio that was appended.",
    source="API reference: input_audio_buffer.speech_stopped",
    sends="turn detection on without automatic responses; 1.5 s of speech, and as much silence",
    expects="0 <= audio_start_ms < audio_end_ms <= 3000",
)
async def _times(probe: Probe) -> None:
    await detecting(probe, create_response=False)
    started, stopped, _ = await _turn(probe)
    start, end = _ms(started, "audio_start_ms"), _ms(stopped, "audio_end_ms")
    probe.check(start >= 0, f"it starts at {start} ms", started, "audio_start_ms")
    probe.check(start < end <= 3000, f"it goes from {start} to {end} ms of 3000", stopped, "audio_end_ms")


@must(
    "RT-TURN-041",
    "Times count all audio of the session",
    rule="Times of speech count from the start of all audio appended in the session, over turns and commits.",
    source="API reference: input_audio_buffer.speech_started",
    sends="two turns of three seconds each",
    expects="the second starts behind the end of the first",
    tokens=80,
    seconds=5.0,
)
async def _clock_goes_on(probe: Probe) -> None:
    await detecting(probe, create_response=False, prefix_padding_ms=100)
    _, stopped, _ = await _turn(probe)
    started, _, _ = await _turn(probe)
    end, start = _ms(stopped, "audio_end_ms"), _ms(started, "audio_start_ms")
    later = start >= end and start >= 2500
    probe.check(
        later, f"the second turn starts at {start} ms, and the first ends at {end}", started, "audio_start_ms"
    )


@should(
    "RT-TURN-042",
    "The start includes the padding",
    rule="`audio_start_ms` is where the turn's audio begins: `prefix_padding_ms` before the speech.",
    certainty="documented",
    source="API reference: input_audio_buffer.speech_started",
    sends="a padding of a second set; two seconds of silence, speech, and silence",
    expects="audio_start_ms well before 2000",
)
async def _padding(probe: Probe) -> None:
    await detecting(probe, create_response=False, prefix_padding_ms=1000)
    await probe.append_silence(2.0)
    started, _, _ = await _turn(probe)
    start = _ms(started, "audio_start_ms")
    probe.check(
        start <= 1600,
        f"speech at 2000 ms, padding of 1000, and it starts at {start}",
        started,
        "audio_start_ms",
    )


# --- answering it -------------------------------------------------------------------------


@must(
    "RT-TURN-050",
    "A detected turn is answered",
    rule="With `create_response` (the default) the end of a turn starts a response.",
    source=_UPDATE,
    sends="turn detection on; speech, and silence",
    expects="response.created, behind committed",
    needs={"audio_in", "vad", "text_out"},
    tokens=150,
    seconds=5.0,
)
async def _answered(probe: Probe) -> None:
    await probe.session(output_modalities=["text"], instructions="Say exactly: green")
    await detecting(probe, create_response=True)
    _, _, committed = await _turn(probe)
    created = await probe.expect("response.created")
    in_order(probe, committed, created, rule="a turn is committed before it is answered")
    await probe.expect("response.done", where=of_response(response_of(created)), within=20.0)


@must(
    "RT-TURN-051",
    "Answers can be left to the client",
    rule="With `create_response: false` a turn is committed, and no response starts.",
    source=_UPDATE,
    sends="turn detection on without automatic responses; speech, and silence",
    expects="committed, and no response",
    seconds=4.0,
)
async def _not_answered(probe: Probe) -> None:
    await detecting(probe, create_response=False)
    await _turn(probe)
    await never(
        probe, "response.created", "response.done", message="a response began with `create_response` false"
    )


@should(
    "RT-TURN-052",
    "The answer is behind the turn",
    rule="The answer to a detected turn is put behind the turn's item.",
    certainty="recorded",
    source="recorded",
    sends="turn detection on; speech, and silence",
    expects="the answer's item with the turn's id as `previous_item_id`",
    needs={"audio_in", "vad", "text_out"},
    tokens=150,
    seconds=5.0,
)
async def _answer_behind_turn(probe: Probe) -> None:
    await probe.session(output_modalities=["text"], instructions="Say exactly: green")
    await detecting(probe, create_response=True)
    _, _, committed = await _turn(probe)
    begun = await probe.expect("response.output_item.added")
    added = await probe.expect("conversation.item.added", where=of_item(item_of(begun)))
    shows(probe, added, "previous_item_id", item_of(committed))


# --- nobody speaks ------------------------------------------------------------------------


async def _idle(probe: Probe) -> Event:
    """An answer, and nobody who answers it; returns `timeout_triggered`."""
    await probe.session(output_modalities=["text"], instructions="Say exactly: green")
    await detecting(probe, idle_timeout_ms=5000)
    await probe.append_silence(0.5)
    await probe.respond()
    return await probe.expect(_TIMEOUT, within=15.0)


idle = partial(should, certainty="documented", source=_UPDATE, tokens=250, seconds=10.0, timeout_s=45.0)


@idle(
    "RT-TURN-060",
    "Nobody speaks for too long",
    rule="`idle_timeout_ms` after an answer comes `timeout_triggered`; the silence is committed as its item.",
    sends="an idle timeout of five seconds; silence, a written answer, and nothing",
    expects="timeout_triggered, then committed with the same item id",
    needs={"audio_in", "vad", "text_out"},
)
async def _idle_committed(probe: Probe) -> None:
    timeout = await _idle(probe)
    committed = await probe.expect(_COMMITTED)
    in_order(probe, timeout, committed, rule="the silence is committed when the time is over")
    named, shown = item_of(timeout), item_of(committed)
    probe.check(shown == named, f"{shown!r} was committed, and {named!r} announced", committed, "item_id")


@idle(
    "RT-TURN-061",
    "An idle user is spoken to",
    rule="When `idle_timeout_ms` has passed, a response starts.",
    sends="an idle timeout of five seconds; silence, a written answer, and nothing",
    expects="timeout_triggered, then response.created",
    needs={"audio_in", "vad", "text_out"},
)
async def _idle_answered(probe: Probe) -> None:
    timeout = await _idle(probe)
    created = await probe.expect("response.created")
    in_order(probe, timeout, created, rule="the response starts when the time is over")

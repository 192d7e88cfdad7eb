"""Answers cut short: cancelled by the client, or by a user who speaks."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..asking import (
    begin_answer,
    call_off,
    detecting,
    in_order,
    of_response,
    overheard,
    refuses,
    repeats,
    retrieve,
    say,
    shows,
)
from ..case import NotComplied, case
from ..probe import Event, Probe
from ..seen import item_of, response_of

_CANCEL = "API reference: response.cancel"
_DONE = "API reference: response.done"
_GUIDE = "API guide: voice activity detection, interrupt_response"
_DELTAS = (
    "response.output_text.delta",
    "response.output_audio.delta",
    "response.output_audio_transcript.delta",
)

must = partial(
    case,
    family="interruption",
    level="must",
    certainty="documented",
    needs={"text_out"},
    tokens=200,
    seconds=3.0,
)
should = partial(case, family="interruption", level="should", needs={"text_out"}, tokens=200, seconds=3.0)


# --- by the client ------------------------------------------------------------------------


@must(
    "RT-INTR-004",
    "A spoken answer can be cancelled",
    rule="`response.cancel` ends a spoken response as it ends a written one.",
    source=_CANCEL,
    sends="a request for a long spoken answer, and a cancel in the middle of it",
    expects="response.done with the status cancelled",
    needs={"audio_out"},
    tokens=400,
)
async def _spoken(probe: Probe) -> None:
    await probe.manual()
    done = await call_off(probe, (await begin_answer(probe, "audio")).id)
    shows(probe, done, "response.status", "cancelled")


@should(
    "RT-INTR-007",
    "What was cut short ends with what was said",
    rule="`response.output_text.done` of a cancelled response has the text as far as its deltas went.",
    certainty="inferred",
    source="API reference: response.output_text.done (emitted on cancelling too)",
    sends="a request for a long text, and a cancel in the middle of it",
    expects="response.output_text.done with what the deltas said",
)
async def _ends_with_what_was_said(probe: Probe) -> None:
    await probe.manual()
    answer = await begin_answer(probe)
    await call_off(probe, answer.id)
    ended = await probe.expect("response.output_text.done", where=of_response(answer.id), within=2.0)
    deltas = (e for e in probe.events if e["type"] == "response.output_text.delta")
    said = "".join(str(e.get("delta", "")) for e in deltas if item_of(e) == item_of(ended))
    repeats(probe, ended.get("text"), said, ended, "text")


@should(
    "RT-INTR-009",
    "What was said stays",
    rule="The item of a cancelled response stays in the conversation.",
    certainty="inferred",
    source="API reference: conversation.item.truncate is there for what was not heard of it",
    sends="a request for a long text, a cancel in the middle of it, and a request for its item",
    expects="conversation.item.retrieved",
    needs={"text_out", "retrieve"},
)
async def _stays(probe: Probe) -> None:
    await probe.manual()
    answer = await begin_answer(probe)
    await call_off(probe, answer.id)
    await retrieve(probe, answer.item_id)


@should(
    "RT-INTR-011",
    "An answer can be cancelled before it begins",
    rule="A response can be cancelled as soon as it was created.",
    certainty="inferred",
    source="API reference: response.cancel (an in-progress response)",
    sends="a request for a long text, and a cancel behind response.created",
    expects="response.done with the status cancelled",
)
async def _at_once(probe: Probe) -> None:
    await probe.manual()
    answer = {"output_modalities": ["text"], "instructions": "Say exactly: one two three four five six"}
    await probe.send("response.create", response=answer)
    created = await probe.expect("response.created")
    done = await call_off(probe, response_of(created))
    shows(probe, done, "response.status", "cancelled")


@must(
    "RT-INTR-022",
    "Cancelling nothing harms nothing",
    rule="It is safe to cancel when nothing is in progress: the session is unaffected.",
    source=_CANCEL,
    sends="a cancel, and a written turn",
    expects="an error, then response.done, completed",
    tokens=120,
    seconds=2.0,
)
async def _unaffected(probe: Probe) -> None:
    await probe.manual()
    await refuses(probe, await probe.send("response.cancel"))
    seen = await probe.respond(output_modalities=["text"], instructions="Say exactly: green")
    shows(probe, seen.done, "response.status", "completed")


@should(
    "RT-INTR-023",
    "Another answer cannot be cancelled",
    rule="`response.cancel` with the id of no response is an error, and the one in progress goes on.",
    certainty="inferred",
    source="API reference: response.cancel, response_id",
    sends="a request for a text, and a cancel with an unknown id",
    expects="an error, then response.done, completed",
)
async def _another_id(probe: Probe) -> None:
    await probe.manual()
    answer = await begin_answer(probe, task="Say exactly: one two three four five six seven eight nine ten")
    event_id = await probe.send("response.cancel", response_id="resp_nowhere")
    await refuses(probe, event_id)
    done = await probe.expect("response.done", where=of_response(answer.id), within=20.0)
    shows(probe, done, "response.status", "completed")


# --- by a user who speaks -----------------------------------------------------------------

spoken = partial(must, needs={"audio_in", "vad", "text_out"}, source=_GUIDE, tokens=350, seconds=6.0)


async def _interrupted(probe: Probe, **response: Any) -> tuple[Event, Event]:
    """A long answer, and somebody who speaks over it; returns speech_started and the `response.done`."""
    await detecting(probe, create_response=False)
    answer = await begin_answer(probe, **response)
    await probe.append_speech(1.0)
    started = await overheard(probe)
    done = await probe.expect("response.done", where=of_response(answer.id), within=25.0)
    if probe.index(done) < probe.index(started) and done["response"].get("status") == "completed":
        raise NotComplied("the answer was over before anybody spoke over it")
    return started, done


@spoken(
    "RT-INTR-030",
    "Speech interrupts an answer",
    rule="With `interrupt_response` (the default) the start of speech ends the response in progress.",
    sends="turn detection on, a request for a long text, and speech over it",
    expects="response.done with the status cancelled",
)
async def _barge_in(probe: Probe) -> None:
    _, done = await _interrupted(probe)
    shows(probe, done, "response.status", "cancelled")


@spoken(
    "RT-INTR-031",
    "An interrupted answer says why it ended",
    rule="`status_details` of a response that speech has ended has the reason `turn_detected`.",
    source=_DONE,
    sends="turn detection on, a request for a long text, and speech over it",
    expects="response.done with that reason",
)
async def _barge_in_reason(probe: Probe) -> None:
    _, done = await _interrupted(probe)
    shows(probe, done, "response.status_details.reason", "turn_detected")


@should(
    "RT-INTR-032",
    "Speech is told before what it ends",
    rule="`speech_started` comes before the `response.done` of the response that it ends.",
    certainty="observed",
    source="observed",
    needs={"audio_in", "vad", "text_out"},
    sends="turn detection on, a request for a long text, and speech over it",
    expects="speech_started, then response.done",
    tokens=350,
    seconds=6.0,
)
async def _told_first(probe: Probe) -> None:
    started, done = await _interrupted(probe)
    in_order(probe, started, done, rule="a client stops playing when it hears of speech")


@spoken(
    "RT-INTR-033",
    "Interruptions can be switched off",
    rule="With `interrupt_response: false` speech leaves the response in progress alone.",
    sends="that set, a request for a long text, and speech over it",
    expects="speech_started, and the response goes on",
)
async def _not_interrupted(probe: Probe) -> None:
    await detecting(probe, create_response=False, interrupt_response=False)
    answer = await begin_answer(probe)
    await probe.append_speech(1.0)
    started = await overheard(probe)
    if answer.id not in probe.open_responses():
        raise NotComplied("the answer was over before anybody spoke over it")
    later = await probe.expect(
        "response.output_text.delta",
        "response.done",
        where=lambda e: response_of(e) == answer.id and probe.index(e) > probe.index(started),
    )
    status = later["response"].get("status") if later["type"] == "response.done" else "in_progress"
    probe.check(status != "cancelled", "speech ended the response", later, "response.status")
    await probe.send("response.cancel")


@spoken(
    "RT-INTR-034",
    "Who interrupts is heard",
    rule="The speech that ended a response becomes a turn: committed, and answered.",
    sends="turn detection on, a request for a long text, speech over it, and silence",
    expects="committed, and another response",
    tokens=450,
    seconds=8.0,
)
async def _heard(probe: Probe) -> None:
    await detecting(probe, create_response=True)
    answer = await begin_answer(probe)
    await say(probe)
    await overheard(probe)
    committed = await probe.expect("input_audio_buffer.committed")
    created = await probe.expect("response.created")
    other = response_of(created) != answer.id
    probe.check(other, "it is answered under the id of the interrupted response", created, "response.id")
    in_order(probe, committed, created, rule="a turn is committed before it is answered")
    await probe.send("response.cancel")

"""What compatible servers were seen to do otherwise is caught, and by the cases it concerns.

Each server here has one habit that was observed in some implementation of the
protocol. What breaks no documented rule (more fields, more events, other ids,
missing rate limits) is not among them, and must not be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from realtime_raw.conformance.asking import found_at
from realtime_raw.conformance.cases import all_cases, case_of
from realtime_raw.loopback.client_schema import EVENTS
from realtime_raw.loopback.fault_events import with_wrong_types
from realtime_raw.loopback.fault_filters import Act, Drop, Duplicate, Edit, Filter, HoldUntil, Message
from tests.conformance.breaking import confirming, instead, misread, refusing
from tests.conformance.harness import change, drop, every, judged, mutant, set_

ADDED, DONE = "conversation.item.added", "conversation.item.done"
TRANSCRIPTION = "conversation.item.input_audio_transcription"
COMPLETED, TRANSCRIPT = f"{TRANSCRIPTION}.completed", f"{TRANSCRIPTION}.delta"
STARTED = "input_audio_buffer.speech_started"
RESPONSE_DONE, PART_DONE = "response.done", "response.content_part.done"
TRUNCATE, TRUNCATED = "conversation.item.truncate", "conversation.item.truncated"
CREATED_ITEM = {"type": "conversation.item.created", "event_id": "event_x", "item": {"id": "item_x"}}
Event = dict[str, Any]


class Habit(NamedTuple):
    """What a server does, and the cases that say so."""

    about: str
    cases: Sequence[str]
    filters: Sequence[Filter] = ()
    broken: dict[str, Any] = {}  # noqa: RUF012  # never changed


def _of_audio(message: Event) -> bool:
    return bool(found_at(message, "item.content[0].type") == "input_audio")


def _any_rate(message: Event) -> None:
    heard = message["session"].get("audio", {}).get("input", {})
    if "format" in heard:
        heard["format"] = {"type": "audio/pcm", "rate": 24_000}


def _appended(message: Event) -> None:
    message.pop("previous_item_id", None)


def _knows_no_type(message: Event) -> list[Event] | None:
    """Passes over events of unknown types."""
    return None if message.get("type") in EVENTS else []


OWN_CODE = Edit(every("error"), set_("error.code", "invalid_item_id"))

HABITS = [
    # --- items ------------------------------------------------------------------------
    Habit(
        "items are created, not added",
        ["RT-ITEM-001", "RT-TURN-011"],
        [Edit(every(ADDED), set_("type", "conversation.item.created"))],
    ),
    Habit(
        "items are created and added",
        ["RT-RETD-005"],
        [Act(every(ADDED), lambda: [Message.of(CREATED_ITEM)])],
    ),
    Habit("items are never done", ["RT-ITEM-001", "RT-LIFE-004"], [Drop(every(DONE))]),
    Habit(
        "nothing goes to the front",
        ["RT-ITEM-022", "RT-ITEM-023"],
        broken={"intercept": misread("conversation.item.create", _appended)},
    ),
    Habit(
        "deletions name nothing",
        ["RT-ITEM-050"],
        [Edit(every("conversation.item.deleted"), set_("item_id", ""))],
    ),
    Habit(
        "a user's audio cannot be put in",
        ["RT-ITEM-030"],
        broken={"intercept": refusing("conversation.item.create", _of_audio)},
    ),
    Habit(
        "codes are its own",
        ["RT-ITEM-027", "RT-ITEM-042", "RT-ITEM-060", "RT-INTR-059", "RT-AIN-021"],
        [OWN_CODE],
    ),
    Habit(
        "audio parts have their retired type",
        ["RT-TURN-012"],
        [Edit(every(ADDED), set_("item.content[0].type", "audio"))],
    ),
    # --- answers ----------------------------------------------------------------------
    Habit(
        "responses begin incomplete",
        ["RT-RESP-001"],
        [Edit(every("response.created"), set_("response.status", "incomplete"))],
    ),
    Habit("there are no content parts", ["RT-RESP-015"], [Drop(every("response.content_part.*"))]),
    Habit("parts end without their part", ["RT-RESP-015"], [Edit(every(PART_DONE), drop("part"))]),
    Habit(
        "audio ends behind its part",
        ["RT-RESP-027"],
        [HoldUntil(every("response.output_audio.done"), 5.0, PART_DONE)],
    ),
    Habit(
        "details are a word",
        ["RT-RESP-008", "RT-RESP-031"],
        [Edit(every(RESPONSE_DONE), set_("response.status_details", "unimplemented"))],
    ),
    Habit(
        "usage is beside the response", ["RT-RESP-057"], [Edit(every(RESPONSE_DONE), drop("response.usage"))]
    ),
    Habit(
        "the words of a transcript are held back",
        ["RT-RESP-023"],
        [Drop(every("response.output_audio_transcript.delta", nth=2))],
    ),
    Habit(
        "nothing can be cancelled",
        ["RT-RESP-030", "RT-INTR-004"],
        broken={"intercept": refusing("response.cancel")},
    ),
    Habit(
        "what speech ends is incomplete",
        ["RT-INTR-030"],
        [Edit(every(RESPONSE_DONE), set_("response.status", "incomplete"))],
    ),
    Habit(
        "cancelling nothing has a code of its own",
        ["RT-RESP-038"],
        [Edit(every("error"), set_("error.code", "response_not_active"))],
    ),
    Habit("truncations are taken in silence", ["RT-INTR-050"], [Drop(every(TRUNCATED))]),
    Habit(
        "truncations are only confirmed",
        ["RT-INTR-052", "RT-INTR-053", "RT-INTR-054"],
        broken={"intercept": confirming(TRUNCATE, TRUNCATED)},
    ),
    # --- audio and turns --------------------------------------------------------------
    Habit("manual turns are detected", ["RT-TURN-005"], broken={"faults": ["ignores_manual"]}),
    Habit("turn detection stays on", ["RT-SESS-002"], broken={"faults": ["answers_vad_on"]}),
    Habit(
        "turns are detected by meaning",
        ["RT-TURN-006"],
        [Edit(every("session.created"), set_("session.audio.input.turn_detection.type", "semantic_vad"))],
    ),
    Habit(
        "speech has no ids", ["RT-TURN-031"], [Edit(every("input_audio_buffer.speech_*"), drop("item_id"))]
    ),
    Habit(
        "formats are words",
        ["RT-FMT-001"],
        [Edit(every("session.created"), set_("session.audio.output.format", "pcm24"))],
    ),
    Habit("PCM has any rate", ["RT-FMT-006"], broken={"intercept": misread("session.update", _any_rate)}),
    Habit(
        "PCM is taken for 16 kHz",
        ["RT-FMT-019"],
        [Edit(every(STARTED), change("audio_start_ms", lambda ms: ms * 3 // 2))],
    ),
    Habit(
        "a frame holds no megabyte",
        ["RT-LIM-024"],
        broken={"intercept": refusing("input_audio_buffer.append", lambda m: len(m["audio"]) > 1 << 20)},
    ),
    # --- transcription ----------------------------------------------------------------
    Habit("transcripts are completed again and again", ["RT-TRSC-009"], [Duplicate(every(COMPLETED))]),
    Habit("transcripts have no usage", ["RT-TRSC-004"], [Edit(every(COMPLETED), drop("usage"))]),
    Habit("the last word is held back", ["RT-TRSC-006"], [Drop(every(TRANSCRIPT, nth=4))]),
    Habit(
        "transcripts have events of their own",
        ["RT-TRSC-002", "RT-TRSC-032"],
        [Edit(every(COMPLETED), set_("type", "transcription.done"))],
    ),
    # --- errors and the session -------------------------------------------------------
    Habit(
        "errors name another event",
        ["RT-ERR-002"],
        [Edit(every("error"), set_("error.event_id", "event_other"))],
    ),
    Habit("unknown types are passed over", ["RT-ERR-001"], broken={"intercept": _knows_no_type}),
    Habit("nobody is greeted", ["RT-HAND-001"], [Drop(every("session.created"))]),
    Habit(
        "the session is not confirmed",
        ["RT-SESS-001"],
        broken={"intercept": instead("session.update", lambda m: [])},
    ),
]


@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.about)
def test_a_habit_is_caught(habit: Habit) -> None:
    """By every case that it concerns."""
    for case_id in habit.cases:
        server = mutant(case_id, habit.about, *habit.filters, **habit.broken)
        result = judged(case_of(case_id), server).result
        assert result.verdict == "fail", (case_id, result.message)


# Everything that servers may do as they like, at once.
FREE: dict[str, Any] = {
    "rate_limits": False,
    "obfuscation": False,
    "echo_event_ids": "always",
    "root_echo": "root",
    "null_previous_quirk": False,
    "completed_details": True,
    "clear_resets_clock": True,
    "usage_on_cancel": False,
    "turn_detection_merge": "defaults",
}
FAMILIES = ("turns", "audio_in", "items", "interruption", "formats", "transcription", "lifecycle")
ASKED = [case for case in all_cases() if case.family in FAMILIES]


@pytest.mark.parametrize(
    "free",
    [{"faults": ["unknown_field", "unknown_event"]}, {"behaviour": FREE}],
    ids=["more than is known", "what is left open"],
)
def test_what_breaks_no_rule_breaks_no_case(free: dict[str, Any]) -> None:
    """Fields and events nobody knows, and everything that nobody has laid down."""
    results = [judged(case, mutant(case.id, "free", **free)).result for case in ASKED]
    assert [(each.case_id, each.message) for each in results if each.verdict != "pass"] == []


def test_no_shape_makes_the_suite_stumble() -> None:
    """Where values are of other kinds than they should be, the server has failed, and never the suite."""
    for index, case in enumerate(ASKED):
        kinds = sorted({line.m["type"] for line in judged(case).tape.lines if line.d == "in"})
        odd = Edit(every(kinds[index % len(kinds)]), _with_wrong_types_inside)
        result = judged(case, mutant(case.id, "odd", odd)).result
        assert result.verdict != "error", (case.id, result.message)


def _with_wrong_types_inside(event: Event) -> Event:
    return {
        name: with_wrong_types(value) if isinstance(value, dict) else value for name, value in event.items()
    }

"""Servers that find, commit and answer turns wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from realtime_raw.loopback.fault_filters import Act, Drop, Edit, Late, Message
from tests.conformance.breaking import misread, refusing
from tests.conformance.harness import change, drop, every, mutant, set_

ADDED = "conversation.item.added"
STARTED, STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"
COMMIT, COMMITTED = "input_audio_buffer.commit", "input_audio_buffer.committed"
TIMEOUT = "input_audio_buffer.timeout_triggered"
Event = dict[str, Any]

CREATED = {"type": "response.created", "event_id": "event_x", "response": {"id": "resp_x"}}


def saying(*events: Event) -> Callable[[], list[Message]]:
    """These events, out of nowhere."""
    return lambda: [Message.of(event) for event in events]


def detection(**changed: Any) -> Callable[[Event], Any]:
    """Changes what an update says of turn detection."""

    def change_it(message: Event) -> None:
        heard = message["session"].get("audio", {}).get("input", {})
        if heard.get("turn_detection"):
            heard["turn_detection"].update(changed)

    return change_it


def always_on(message: Event) -> None:
    """Turn detection is never off, and never answers."""
    heard = message["session"].get("audio", {}).get("input", {})
    if "turn_detection" in heard:
        heard["turn_detection"] = {"type": "server_vad", "create_response": False}


SPOKEN = {"audio_start_ms": 0, "item_id": "item_x"}

MUTANTS = [
    mutant("RT-TURN-001", "nothing is answered", Edit(every("response.done"), set_("response.output", []))),
    mutant(
        "RT-TURN-001",
        "the user answers",
        Edit(every("response.done"), set_("response.output[0].role", "user")),
    ),
    mutant("RT-TURN-001", "the answer is not streamed", Drop(every("response.output_text.delta"))),
    mutant("RT-TURN-002", "an item begins a response", Act(every("conversation.item.done"), saying(CREATED))),
    mutant("RT-TURN-003", "a commit begins a response", Act(every(COMMITTED), saying(CREATED))),
    mutant("RT-SESS-002", "it shows turn detection on", faults=["answers_vad_on"]),
    mutant("RT-TURN-005", "turns are found all the same", faults=["ignores_manual"]),
    mutant(
        "RT-TURN-006",
        "turns are detected by meaning",
        Edit(every("session.created"), set_("session.audio.input.turn_detection.type", "semantic_vad")),
    ),
    mutant(
        "RT-TURN-006",
        "turn detection is off",
        Edit(every("session.created"), set_("session.audio.input.turn_detection", None)),
    ),
    mutant(
        "RT-TURN-012", "audio has its retired type", Edit(every(ADDED), set_("item.content[0].type", "audio"))
    ),
    mutant("RT-TURN-010", "commits are not confirmed", Drop(every(COMMITTED))),
    mutant("RT-TURN-010", "commits name no item", Edit(every(COMMITTED), drop("item_id"))),
    mutant("RT-TURN-011", "no item is added", Drop(every(ADDED))),
    mutant("RT-TURN-011", "another item is added", Edit(every(ADDED), set_("item.id", "item_other"))),
    mutant(
        "RT-TURN-011",
        "only the retired name is sent",
        Edit(every(ADDED), set_("type", "conversation.item.created")),
    ),
    mutant(
        "RT-TURN-012",
        "the committed item is an assistant's",
        Edit(every(ADDED), set_("item.role", "assistant")),
    ),
    mutant("RT-TURN-012", "the committed item has no part", Edit(every(ADDED), set_("item.content", []))),
    mutant(
        "RT-TURN-012", "audio becomes text", Edit(every(ADDED), set_("item.content[0].type", "input_text"))
    ),
    mutant(
        "RT-TURN-013", "nothing is before a commit", Edit(every(COMMITTED), set_("previous_item_id", None))
    ),
    mutant(
        "RT-TURN-014",
        "all commits are one item",
        Edit(every(COMMITTED), set_("item_id", "item_same")),
        Edit(every(ADDED), set_("item.id", "item_same")),
    ),
    mutant("RT-TURN-014", "commits are not linked", Edit(every(COMMITTED), set_("previous_item_id", None))),
    mutant(
        "RT-TURN-015",
        "the answer is before the turn",
        Edit(every(ADDED, nth=2), set_("previous_item_id", None)),
    ),
    mutant(
        "RT-TURN-016",
        "a response empties the buffer",
        intercept=refusing(COMMIT, code="input_audio_buffer_commit_empty"),
    ),
]

MUTANTS += [
    mutant("RT-TURN-030", "no turn ends", Drop(every(STOPPED))),
    mutant("RT-TURN-030", "a turn ends before it starts", Late(every(STARTED), 1.0)),
    mutant("RT-TURN-030", "turns are not committed", Drop(every(COMMITTED))),
    mutant("RT-TURN-031", "speech has another id", Edit(every(STARTED), set_("item_id", "item_other"))),
    mutant("RT-TURN-031", "speech has no id", Edit(every("input_audio_buffer.speech_*"), drop("item_id"))),
    mutant("RT-TURN-031", "the item has another id", Edit(every(ADDED), set_("item.id", "item_other"))),
    mutant("RT-TURN-032", "the item is an assistant's", Edit(every(ADDED), set_("item.role", "assistant"))),
    mutant("RT-TURN-032", "the item has no part", Edit(every(ADDED), set_("item.content", []))),
    mutant(
        "RT-TURN-033",
        "silence is speech",
        Act(every("session.updated"), saying({"type": STARTED, "event_id": "event_x", **SPOKEN})),
    ),
    mutant(
        "RT-TURN-034",
        "turns end at once",
        Act(
            every(STARTED),
            saying({"type": STOPPED, "event_id": "event_x", "audio_end_ms": 100, "item_id": "item_x"}),
        ),
    ),
    mutant(
        "RT-TURN-035",
        "every pause ends a turn",
        intercept=misread("session.update", detection(silence_duration_ms=200)),
    ),
    mutant("RT-TURN-036", "it is never off", intercept=misread("session.update", always_on)),
    mutant("RT-TURN-037", "commits by hand are refused", intercept=refusing(COMMIT)),
    mutant("RT-SESS-007", "semantic detection is refused", intercept=refusing("session.update")),
    mutant(
        "RT-SESS-007",
        "its eagerness is lost",
        Edit(every("session.updated"), set_("session.audio.input.turn_detection.eagerness", "auto")),
    ),
    mutant("RT-TURN-040", "a turn ends where it starts", Edit(every(STOPPED), set_("audio_end_ms", 0))),
    mutant(
        "RT-TURN-040",
        "times are seconds since 1970",
        Edit(
            every("input_audio_buffer.speech_*"),
            change("audio_start_ms", lambda ms: ms + 1_767_225_600_000),
        ),
        Edit(every(STOPPED), change("audio_end_ms", lambda ms: ms + 1_767_225_600_000)),
    ),
    mutant(
        "RT-TURN-040", "times are missing", Edit(every("input_audio_buffer.speech_*"), drop("audio_end_ms"))
    ),
    mutant("RT-TURN-041", "the clock begins anew", Edit(every(STARTED, nth=2), set_("audio_start_ms", 0))),
    mutant(
        "RT-TURN-042",
        "the padding is not shown",
        Edit(every(STARTED), change("audio_start_ms", lambda ms: ms + 1000)),
    ),
    mutant(
        "RT-TURN-050",
        "turns are not answered",
        intercept=misread("session.update", detection(create_response=False)),
    ),
    mutant("RT-TURN-050", "turns are answered before they are committed", Late(every(COMMITTED), 0.5)),
    mutant(
        "RT-TURN-051",
        "every turn is answered",
        intercept=misread("session.update", detection(create_response=True)),
    ),
    mutant(
        "RT-TURN-052",
        "the answer is before the turn",
        Edit(every(ADDED, nth=2), set_("previous_item_id", None)),
    ),
    mutant("RT-TURN-060", "nobody minds", Drop(every(TIMEOUT))),
    mutant("RT-TURN-060", "another item is committed", Edit(every(TIMEOUT), set_("item_id", "item_other"))),
    mutant("RT-TURN-061", "nobody speaks to them", Drop(every("response.created", nth=2))),
]

"""What is no fault of the protocol is not called one: models are free, and features may be missing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from realtime_raw.conformance.asking import LONG_TASK, found_at, image, item_in
from realtime_raw.conformance.case import Violation
from realtime_raw.conformance.cases import case_of
from realtime_raw.loopback import DefaultScenario, Failure, Reply, Say, Spoken
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Act, Drop, Edit, Message
from realtime_raw.loopback.grasp import ordered_words
from realtime_raw.loopback.scenario import Turn
from tests.conformance.breaking import instead, refusing
from tests.conformance.harness import change, every, judged, mutant, set_

UPDATE = "session.update"
Event = dict[str, Any]


def instant(*args: Any, **options: Any) -> SimulatedSession:
    """A session whose answers come whole."""
    return SimulatedSession(*args, **{**options, "speed": math.inf})


def silent() -> Callable[[Turn], Reply]:
    """A model that says nothing."""
    return lambda turn: Reply()


def once() -> Callable[[Turn], Reply]:
    """A model that says one thing, and then nothing."""
    return lambda turn: Reply((Say("one two three"),)) if turn.number == 1 else Reply()


def deaf() -> DefaultScenario:
    """A model that cannot transcribe."""
    return DefaultScenario([Spoken(failure=Failure("server_error", "No ears."))] * 3)


def _transcribes(message: Event) -> bool:
    return found_at(message, "session.audio.input.transcription.model") is not None


def _detects(message: Event) -> bool:
    return found_at(message, "session.audio.input.turn_detection.type") is not None


NO_FAULT = [
    mutant("RT-INTR-009", "it is over at once", session=instant),
    mutant("RT-INTR-011", "it is over at once", session=instant),
    mutant("RT-INTR-030", "it is over at once", session=instant),
    mutant("RT-INTR-033", "it is over at once", session=instant),
    mutant("RT-INTR-050", "nothing is said", scenario=silent),
    mutant("RT-INTR-064", "nothing more is said", scenario=once),
    mutant("RT-TURN-031", "our speech is none", Drop(every("input_audio_buffer.speech_started"))),
    mutant("RT-LIFE-020", "nothing is said", scenario=silent),
    mutant("RT-TRSC-003", "transcription fails", scenario=deaf),
    mutant("RT-TRSC-038", "words are not known before", scenario=DefaultScenario),
]
MISSING = [
    mutant("RT-INTR-050", "truncation is unknown", intercept=refusing("conversation.item.truncate")),
    mutant("RT-FMT-014", "there is no transcript", Drop(every("response.output_audio_transcript.*"))),
    mutant("RT-TRSC-002", "transcription is unknown", intercept=refusing(UPDATE, _transcribes)),
    mutant("RT-TRSC-037", "turn detection is unknown", intercept=refusing(UPDATE, _detects)),
]


@pytest.mark.parametrize("server", NO_FAULT, ids=lambda each: f"{each.case_id} {each.about}")
def test_a_model_that_does_otherwise_is_asked_again_and_not_blamed(server: Any) -> None:
    """Once more, and then it is said that it did not comply."""
    result = judged(case_of(server.case_id), server).result
    assert (result.verdict, result.retried) == ("not_complied", True), result.message


@pytest.mark.parametrize("server", MISSING, ids=lambda each: f"{each.case_id} {each.about}")
def test_what_a_server_does_not_have_is_unsupported(server: Any) -> None:
    """It says so, or does not say what would be needed."""
    assert judged(case_of(server.case_id), server).result.verdict == "unsupported"


def test_other_models_of_transcription_are_tried() -> None:
    """What is refused is not insisted on; what the session uses already comes first."""
    refused = refusing(UPDATE, lambda m: str(found_at(m, "session.audio.input.transcription.model")) < "w")
    case = case_of("RT-TRSC-003")
    told = judged(case, mutant(case.id, "it knows whisper-1", intercept=refused))
    assert told.result.verdict == "pass"
    asked = [
        found_at(line.m, "session.audio.input.transcription.model")
        for line in told.tape.lines
        if line.d == "out"
    ]
    assert [model for model in asked if model] == ["gpt-4o-mini-transcribe", "gpt-4o-transcribe", "whisper-1"]
    own = Edit(every("session.created"), set_("session.audio.input.transcription", {"model": "house-ears"}))
    told = judged(case, mutant(case.id, "it has a model of its own", own))
    assert told.result.verdict == "pass"
    assert found_at(told.tape.lines[3].m, "session.audio.input.transcription.model") == "house-ears"


def test_an_update_that_is_never_confirmed_is_a_fault() -> None:
    """Silence is no refusal: the next model is not tried."""
    case = case_of("RT-TRSC-003")
    result = judged(case, mutant(case.id, "no answer", intercept=instead(UPDATE, lambda m: []))).result
    assert (result.verdict, result.message) == ("fail", "session.updated did not come within 10 s")


def test_a_cancel_that_is_refused_in_the_middle_is_a_fault() -> None:
    """An error before the end of the response: there was something to cancel."""
    case = case_of("RT-INTR-009")
    result = judged(case, mutant(case.id, "no cancelling", intercept=refusing("response.cancel"))).result
    assert (result.verdict, result.path) == ("fail", "error")
    assert result.message == "response.cancel was refused while a response was in progress"
    ignoring = mutant(case.id, "deaf to cancels", intercept=instead("response.cancel", lambda m: []))
    result = judged(case, ignoring).result
    assert (result.verdict, result.message) == ("fail", "a response that was cancelled went on to its end")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (change("delta", lambda text: text.replace("+", "-").replace("/", "_")), "the audio is no base64"),
        (set_("delta", 7), "there is no audio"),
    ],
)
def test_audio_that_cannot_be_read_is_shown(spoil: Any, message: str) -> None:
    """Where it lies, and what is wrong with it."""
    case = case_of("RT-FMT-005")
    result = judged(
        case, mutant(case.id, "unreadable", Edit(every("response.output_audio.delta"), spoil))
    ).result
    assert (result.verdict, result.path) == ("fail", "delta")
    assert result.message.startswith(message)


def test_an_error_under_a_wrong_name_is_an_error_all_the_same() -> None:
    """That it names no event of ours is another rule's affair; its code is this one's."""
    wrong = Edit(every("error"), set_("error.event_id", "event_other"))
    code = Edit(every("error"), set_("error.code", "invalid_item_id"))
    for case_id in ("RT-ITEM-025", "RT-ITEM-027"):
        assert judged(case_of(case_id), mutant(case_id, "wrong names", wrong)).result.verdict == "pass"
    result = judged(
        case_of("RT-ITEM-027"), mutant("RT-ITEM-027", "wrong names and codes", wrong, code)
    ).result
    assert (result.verdict, result.path) == ("fail", "error.code")


def test_what_is_said_by_the_way_is_no_answer() -> None:
    """Servers may say more than the API does: only what answers counts."""
    case = case_of("RT-AIN-001")
    ping = Message.of({"type": "ping", "event_id": "event_p", "timestamp": 1})
    pinging = mutant(case.id, "it pings", Act(every("session.updated"), lambda: [ping, ping]))
    assert judged(case, pinging).result.verdict == "pass"


def test_rate_limits_may_be_missing() -> None:
    """They are never waited for."""
    case = case_of("RT-LIFE-025")
    assert (
        judged(case, mutant(case.id, "no limits", behaviour={"rate_limits": False})).result.verdict == "pass"
    )


def test_a_format_nobody_knows_counts_as_pcm() -> None:
    """A suite that meets it must not fall over."""
    case = case_of("RT-FMT-014")
    odd = Edit(every("session.*"), set_("session.audio.output.format", "pcm_s16le"))
    assert judged(case, mutant(case.id, "formats are words", odd)).result.verdict == "pass"


def test_an_event_that_lacks_its_item_is_a_violation() -> None:
    """And no error of the suite."""
    with pytest.raises(Violation, match="shows no item") as caught:
        item_in({"type": "conversation.item.added", "item": None})
    assert caught.value.path == "item"


def test_places_in_events() -> None:
    """By names and numbers; None where there is no such place."""
    event = {"a": [{"b": 1}], "c": "text"}
    assert found_at(event, "a[0].b") == 1
    assert (found_at(event, "a[1].b"), found_at(event, "c.d"), found_at(event, "e")) == (None, None, None)


def test_the_long_task_is_long_and_is_obeyed_by_the_loopback_model() -> None:
    """A minute of numbers, in sentences; and a picture is a picture."""
    words = ordered_words(LONG_TASK)
    assert words is not None
    assert words.startswith("one two three")
    assert words.endswith("ninety nine")
    assert image().startswith("data:image/png;base64,iVBORw0KGgo")

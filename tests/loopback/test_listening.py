"""Nobody speaking, words while they are spoken, speakers told apart, transcripts that fail."""

from __future__ import annotations

import math
from typing import Any

import pytest

from realtime_raw.loopback.behaviour import Behaviour
from realtime_raw.loopback.default_scenario import DefaultScenario
from realtime_raw.loopback.scenario import Failure, Segment, Spoken
from tests.loopback.driver import Event, Talk, kinds, tone
from tests.loopback.test_detection import silence, stream
from tests.loopback.test_turns import by_kind, one

TRANSCRIPTION = "conversation.item.input_audio_transcription"
IDLE: Event = {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}}


# --- idle ---------------------------------------------------------------------------------


def idle_talk(**options: Any) -> Talk:
    """A session whose first response is done, and played for two seconds."""
    talk = Talk(**options)
    talk.update(audio=IDLE, instructions="Say only: one two three four.")
    talk.respond()
    return talk


def test_silence_is_answered_in_the_end() -> None:
    """The documented order, once; counted from the end of the playback; the silence is the item."""
    talk = idle_talk()
    (item,) = talk.session.items
    (got,) = talk.say("conversation.item.retrieve", item_id=item["id"])
    played = len(got["item"]["content"][0]["audio"]) * 3 // 4 / 48_000
    talk.append(silence(1.5))
    assert talk.wait(played + 4.9) == []
    events = talk.wait(0.2)
    assert kinds(events)[:5] == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    timeout = events[0]
    assert list(timeout) == ["type", "event_id", "audio_start_ms", "audio_end_ms", "item_id"]
    assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (0, 1500)
    assert timeout["item_id"] == events[1]["item_id"] == events[2]["item"]["id"]
    assert "response.done" in kinds(events)
    assert kinds(talk.wait(20.0)).count("input_audio_buffer.timeout_triggered") >= 1  # and again


def test_idle_may_count_from_the_response_itself() -> None:
    """The switch."""
    talk = idle_talk(behaviour=Behaviour(idle_from="done"))
    assert kinds(talk.wait(5.1))[0] == "input_audio_buffer.timeout_triggered"


def test_nobody_is_hurried() -> None:
    """Not before the first response, not while the user speaks, not without the setting."""
    talk = Talk()
    talk.update(audio=IDLE)
    assert talk.wait(60.0) == []
    talk = idle_talk()
    talk.append(tone(0.5))
    assert talk.wait(60.0) == []
    talk = idle_talk()
    talk.manual()
    assert talk.wait(60.0) == []
    talk = Talk()
    talk.respond()
    assert talk.wait(60.0) == []


def test_a_user_who_speaks_over_the_answer_is_not_hurried() -> None:
    """The response ends while they speak, and that is no silence."""
    talk = Talk(speed=1.0, behaviour=Behaviour(idle_from="done"))
    detection = {**IDLE["input"]["turn_detection"], "interrupt_response": False}
    talk.update(audio={"input": {"turn_detection": detection}})
    talk.respond()
    talk.wait(1.0)
    assert kinds(talk.append(tone(0.5))) == ["input_audio_buffer.speech_started"]
    events = talk.wait(60.0)
    assert "response.done" in kinds(events)
    assert "input_audio_buffer.timeout_triggered" not in kinds(events)


def test_without_create_response_silence_is_only_told() -> None:
    """The turn is committed; no response."""
    talk = idle_talk()
    talk.update(audio={"input": {"turn_detection": {"type": "server_vad", "create_response": False}}})
    events = talk.wait(20.0)
    assert "input_audio_buffer.committed" in kinds(events)
    assert "response.created" not in kinds(events)


def test_an_answer_to_silence_may_be_impossible() -> None:
    """A conversation that is too long is an error, and not an exception."""
    talk = idle_talk(model="gpt-realtime")
    talk.update(truncation="disabled")
    talk.insert("word " * 40_000)
    events = talk.wait(10.0)
    assert one(events, "error")["error"]["code"] == "conversation_too_long"


# --- live transcription -------------------------------------------------------------------


def live(scenario: DefaultScenario | None = None, *, kind: str = "transcription") -> Talk:
    talk = Talk(kind=kind, scenario=scenario or DefaultScenario(["one two three four five"]))
    talk.update(audio={"input": {"turn_detection": None, "transcription": {"model": "gpt-realtime-whisper"}}})
    return talk


def test_words_come_while_they_are_spoken() -> None:
    """Under the id the item will have; the rest behind the commit; together they are the transcript."""
    talk = live()
    first = stream(talk, tone(1.0), step=2400)
    assert kinds(first) == [f"{TRANSCRIPTION}.delta"]
    events = talk.say("input_audio_buffer.commit")
    item_id = events[0]["item_id"]
    assert {event["item_id"] for event in first} == {item_id}
    deltas = by_kind(first + events, f"{TRANSCRIPTION}.delta")
    assert [event["delta"] for event in first] == ["one", " two", " three"]
    assert "".join(event["delta"] for event in deltas) == "one two three four five"
    assert one(events, f"{TRANSCRIPTION}.completed")["transcript"] == "one two three four five"
    assert not [kind for kind in kinds(events) if kind.startswith("response.")]


def test_the_last_word_waits_for_the_end() -> None:
    """However long the sound is."""
    talk = live()
    assert len(stream(talk, tone(9.0), step=4800)) == 4


def test_silence_has_no_words() -> None:
    """Nothing is said of it, and nothing of what is to come is used up."""
    talk = live()
    assert stream(talk, silence(2.0)) == []
    events = talk.say("input_audio_buffer.commit")
    completed = one(events, f"{TRANSCRIPTION}.completed")
    assert (completed["transcript"], completed["usage"]) == ("", {"type": "duration", "seconds": 2})
    stream(talk, tone(1.0))
    assert one(talk.say("input_audio_buffer.commit"), f"{TRANSCRIPTION}.completed")["transcript"][:3] == "one"


def test_clearing_forgets_the_words() -> None:
    """The next turn begins anew, with another item."""
    talk = live()
    first = stream(talk, tone(0.7))
    talk.say("input_audio_buffer.clear")
    second = stream(talk, tone(0.7))
    assert [event["delta"] for event in first] == [event["delta"] for event in second]
    assert first[0]["item_id"] != second[0]["item_id"]


def test_with_turn_detection_the_words_carry_the_announced_id() -> None:
    """In a conversation, between `speech_started` and `speech_stopped`."""
    talk = Talk(scenario=DefaultScenario(["one two three four five"]))
    talk.update(audio={"input": {"transcription": {"model": "gpt-live-transcribe"}}})
    events = stream(talk, tone(1.0), silence(1.0))
    assert kinds(events)[:3] == [
        "input_audio_buffer.speech_started",
        f"{TRANSCRIPTION}.delta",
        "input_audio_buffer.speech_stopped",
    ]
    assert events[0]["item_id"] == events[1]["item_id"]


def test_a_scenario_that_cannot_foretell() -> None:
    """All words come behind the commit."""
    talk = live(DefaultScenario())
    assert stream(talk, tone(2.0)) == []
    events = talk.say("input_audio_buffer.commit")
    assert one(events, f"{TRANSCRIPTION}.completed")["transcript"] == "2.0 seconds of speech."


def test_live_models_take_no_turn_detection() -> None:
    """In transcription sessions (observed)."""
    talk = live()
    error = talk.update_error(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    assert error["message"] == "Turn detection is not supported for this transcription model."


# --- other models -------------------------------------------------------------------------


def transcribed(spoken: Spoken, model: str) -> list[Event]:
    talk = Talk(kind="transcription", scenario=DefaultScenario([spoken]))
    talk.update(audio={"input": {"turn_detection": None, "transcription": {"model": model}}})
    talk.append(tone(1.0))
    return talk.say("input_audio_buffer.commit")


def test_speakers_are_told_apart() -> None:
    """Segments, each with an id, by the model that diarizes; by no other."""
    spoken = Spoken("Hi. Hello.", (Segment("Hi.", "A", 0.0, 0.4), Segment("Hello.", "B", 0.5, 1.0)))
    events = transcribed(spoken, "gpt-4o-transcribe-diarize")
    segments = by_kind(events, f"{TRANSCRIPTION}.segment")
    assert [(e["text"], e["speaker"], e["start"], e["end"]) for e in segments] == [
        ("Hi.", "A", 0.0, 0.4),
        ("Hello.", "B", 0.5, 1.0),
    ]
    assert len({event["id"] for event in segments}) == 2
    assert kinds(events)[-1] == f"{TRANSCRIPTION}.completed"
    assert not by_kind(transcribed(spoken, "gpt-4o-transcribe"), f"{TRANSCRIPTION}.segment")


def test_languages_are_detected() -> None:
    """By the model that does."""
    spoken = Spoken("Hola", languages=("es",))
    completed = one(transcribed(spoken, "gpt-transcribe"), f"{TRANSCRIPTION}.completed")
    assert completed["languages"] == [{"code": "es"}]
    assert "languages" not in one(transcribed(spoken, "whisper-1"), f"{TRANSCRIPTION}.completed")


def test_transcription_fails() -> None:
    """Instead of the transcript, later, with the scenario's error; the session goes on."""
    failure = Failure("audio_unintelligible", "Nobody understands this.", "transcription_error")
    failed = one(transcribed(Spoken(failure=failure), "whisper-1"), f"{TRANSCRIPTION}.failed")
    assert failed["error"] == {
        "type": "transcription_error",
        "code": "audio_unintelligible",
        "message": "Nobody understands this.",
        "param": None,
    }


@pytest.mark.parametrize(("ends", "resets"), [(False, False), (True, True)])
def test_clearing_in_the_middle_of_speech(ends: bool, resets: bool) -> None:
    """Whether it is told, and whether the clock goes back, nobody knows: both are switches."""
    talk = Talk(behaviour=Behaviour(clear_ends_speech=ends, clear_resets_clock=resets))
    started = stream(talk, tone(1.0))[0]
    events = talk.say("input_audio_buffer.clear")
    assert kinds(events) == (["input_audio_buffer.speech_stopped"] if ends else []) + [
        "input_audio_buffer.cleared"
    ]
    if ends:
        assert (events[0]["item_id"], events[0]["audio_end_ms"]) == (started["item_id"], 1000)
    second = stream(talk, silence(1.0), tone(1.0))[0]
    assert second["audio_start_ms"] == (700 if resets else 1700)


def test_infinite_speed_does_not_make_idle_endless() -> None:
    """Each firing is one answer; time has to pass for the next."""
    talk = idle_talk(speed=math.inf)
    talk.now += 1000.0
    talk.session.handle_timer(talk.now)
    assert kinds(talk.drain()).count("input_audio_buffer.timeout_triggered") == 1

"""Session start, sparse updates, locks, expiry: what a client sees of its configuration."""

from __future__ import annotations

import re
from typing import Any

import pytest

from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.config import DEFAULT_INSTRUCTIONS
from realtime_raw.loopback.ids import Ids
from realtime_raw.types import CloseInfo
from tests.loopback.driver import Talk

DEFAULT: dict[str, Any] = {
    "type": "realtime",
    "object": "realtime.session",
    "model": "gpt-realtime-2.1",
    "output_modalities": ["audio"],
    "instructions": DEFAULT_INSTRUCTIONS,
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "expires_at": 1_767_225_600 + 100 + 3600,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
                "idle_timeout_ms": None,
                "create_response": True,
                "interrupt_response": True,
            },
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
    },
    "include": None,
}
KEYS = [
    "type", "object", "id", "model", "output_modalities", "instructions", "tools", "tool_choice",
    "max_output_tokens", "tracing", "truncation", "prompt", "expires_at", "audio", "include",
]  # fmt: skip


def test_created_is_the_recorded_default_field_for_field() -> None:
    """First message, all keys, their order, the nulls, the id's form."""
    (created,) = Talk().opening
    assert list(created) == ["type", "event_id", "session"]
    assert created["type"] == "session.created"
    assert re.fullmatch(r"event_[0-9A-Za-z]{21}", created["event_id"])
    assert list(created["session"]) == KEYS
    assert re.fullmatch(r"sess_[0-9A-Za-z]{21}", created["session"].pop("id"))
    assert created["session"] == DEFAULT


@pytest.mark.parametrize(
    ("model", "voice", "silence"),
    [
        ("gpt-realtime", "alloy", 200),
        ("gpt-realtime-2025-08-28", "alloy", 200),
        ("gpt-realtime-mini", "alloy", 200),
        ("gpt-realtime-2", "marin", 500),
        ("gpt-realtime-2.1-mini", "marin", 500),
    ],
)
def test_defaults_depend_on_the_model(model: str, voice: str, silence: int) -> None:
    """Voice and silence are the model's, and a partial turn detection gets the model's too."""
    talk = Talk(model=model)
    audio = talk.opening[0]["session"]["audio"]
    assert (audio["output"]["voice"], audio["input"]["turn_detection"]["silence_duration_ms"]) == (
        voice,
        silence,
    )
    talk.manual()
    shown = talk.update(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7}}})
    turns = shown["audio"]["input"]["turn_detection"]
    assert (turns["threshold"], turns["silence_duration_ms"]) == (0.7, silence)


def test_a_sideband_is_not_greeted() -> None:
    """A client that waits for `session.created` on a `call_id` would hang; an update shows the session."""
    talk = Talk(call_id="rtc_1")
    assert talk.opening == []
    assert re.fullmatch(r"sess_u0_[0-9A-Za-z]{21}", talk.update()["id"])


def test_an_update_changes_only_what_it_names() -> None:
    """Nested objects merge; everything else stays, key order included."""
    talk = Talk()
    before = talk.opening[0]["session"]
    shown = talk.update(
        instructions="Be brief.",
        audio={"input": {"format": {"type": "audio/pcmu"}}, "output": {"speed": 1.2}},
    )
    assert list(shown) == KEYS
    before["instructions"] = "Be brief."
    before["audio"]["input"]["format"] = {"type": "audio/pcmu"}
    before["audio"]["output"]["speed"] = 1.2
    assert shown == before
    assert talk.update() == before


def test_null_clears_and_empty_resets() -> None:
    """null clears the five that can be; "" brings the default instructions back; [] clears tools."""
    talk = Talk()
    tool = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    on = talk.update(
        instructions="x",
        tools=[tool],
        prompt={"id": "pmpt_1"},
        audio={
            "input": {
                "transcription": {"model": "whisper-1"},
                "noise_reduction": {"type": "near_field"},
            }
        },
    )
    assert on["tools"] == [tool]
    assert on["audio"]["input"]["transcription"] == {"model": "whisper-1", "language": None, "prompt": None}
    assert on["audio"]["input"]["noise_reduction"] == {"type": "near_field"}
    off = talk.update(
        instructions="",
        tools=[],
        prompt=None,
        tracing=None,
        audio={"input": {"transcription": None, "noise_reduction": None, "turn_detection": None}},
    )
    assert (off["instructions"], off["tools"], off["prompt"]) == (DEFAULT_INSTRUCTIONS, [], None)
    listening = off["audio"]["input"]
    assert (listening["transcription"], listening["noise_reduction"], listening["turn_detection"]) == (
        None,
        None,
        None,
    )


def test_partial_objects_merge_with_what_is_in_force() -> None:
    """A language is added to the model chosen before; another kind of detection starts from its defaults."""
    talk = Talk()
    talk.update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe", "delay": "low"}}})
    shown = talk.update(
        audio={"input": {"transcription": {"language": "de"}, "turn_detection": {"type": "semantic_vad"}}}
    )
    assert shown["audio"]["input"]["transcription"] == {
        "model": "gpt-4o-transcribe",
        "language": "de",
        "prompt": None,
    }
    assert shown["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }
    shown = talk.update(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}})
    shown = talk.update(
        audio={"input": {"turn_detection": {"type": "semantic_vad", "create_response": False}}}
    )
    assert shown["audio"]["input"]["turn_detection"]["eagerness"] == "low"


def test_some_fields_are_in_force_and_not_shown() -> None:
    """`reasoning` and `parallel_tool_calls` are accepted and never echoed; a credential never comes back."""
    talk = Talk()
    tool = {"type": "mcp", "server_label": "x", "server_url": "https://x.test", "authorization": "secret"}
    session = {
        "type": "realtime",
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": True,
        "tools": [tool],
    }
    shown = talk.say("session.update", session=session)[0]["session"]
    assert list(shown) == KEYS
    assert shown["tools"] == [{"type": "mcp", "server_label": "x", "server_url": "https://x.test"}]
    assert "secret" not in repr(talk.session.sent)


def test_an_update_is_all_or_nothing() -> None:
    """One wrong field, and the right ones beside it have no effect."""
    talk = Talk()
    before = talk.update()
    assert talk.update_error(instructions="new", speed=2)["code"] == "unknown_parameter"
    assert talk.update_error(instructions="new", model="gpt-realtime")["param"] == "session.model"
    assert talk.update() == before


def test_the_model_may_be_repeated_but_not_changed() -> None:
    """Samples send it along."""
    talk = Talk()
    assert talk.update(model="gpt-realtime-2.1")["model"] == "gpt-realtime-2.1"
    assert talk.update_error(model="gpt-realtime")["code"] == "invalid_value"


def test_reasoning_needs_a_model_that_reasons() -> None:
    """The whole update, or the response, is refused."""
    talk = Talk(model="gpt-realtime")
    assert talk.update_error(reasoning={"effort": "low"})["param"] == "session.reasoning"
    assert talk.error("response.create", response={"reasoning": {"effort": "low"}})["param"] == (
        "response.reasoning"
    )


def test_the_voice_is_locked_by_the_first_audio() -> None:
    """Free before, then only the same one; a response of another voice is refused as well."""
    talk = Talk()
    talk.manual()
    assert talk.update(audio={"output": {"voice": "cedar"}})["audio"]["output"]["voice"] == "cedar"
    talk.respond(output_modalities=["text"])
    assert talk.update(audio={"output": {"voice": "ash"}})["audio"]["output"]["voice"] == "ash"
    talk.respond()
    refused = talk.update_error(instructions="x", audio={"output": {"voice": "marin"}})
    assert refused["code"] == "cannot_update_voice"
    assert refused["message"] == "Cannot update a conversation's voice if assistant audio is present."
    assert refused["param"] is None
    assert talk.update(audio={"output": {"voice": "ash"}})["instructions"] == DEFAULT_INSTRUCTIONS
    other = talk.error("response.create", response={"audio": {"output": {"voice": "marin"}}})
    assert other["code"] == "cannot_update_voice"
    assert talk.respond(audio={"output": {"voice": "ash"}})[0]["type"] == "response.created"


def test_the_voice_is_locked_while_the_first_answer_is_still_sounding() -> None:
    """Not only once it is over. Its speed cannot change in the middle either."""
    talk = Talk(speed=1.0)
    talk.respond()
    assert talk.update(audio={"output": {"voice": "ash"}})["audio"]["output"]["voice"] == "ash"
    assert talk.update_error(audio={"output": {"speed": 1.5}})["param"] == "session.audio.output.speed"
    talk.wait(0.7)
    assert talk.update_error(audio={"output": {"voice": "marin"}})["code"] == "cannot_update_voice"


def test_tracing_is_immutable_once_enabled() -> None:
    """The same value passes."""
    talk = Talk()
    assert talk.update(tracing="auto")["tracing"] == "auto"
    assert talk.update(tracing="auto")["tracing"] == "auto"
    assert talk.update_error(tracing=None)["param"] == "session.tracing"


def test_the_kind_of_a_session_is_fixed() -> None:
    """Observed in this direction."""
    refused = Talk().error("session.update", session={"type": "transcription"})
    assert refused["code"] == "invalid_parameter"
    assert refused["message"] == (
        "Passing a transcription session update event to a realtime session is not allowed."
    )


def test_it_expires_after_an_hour() -> None:
    """One error, close 1001 with the same words, silence from there on."""
    talk = Talk()
    assert talk.session.next_deadline() == 3700.0
    talk.now = 3699.9
    assert talk.say("input_audio_buffer.clear")[0]["type"] == "input_audio_buffer.cleared"
    talk.now = 3700.0
    refused = talk.error("input_audio_buffer.clear")
    words = "Your session hit the maximum duration of 60 minutes."
    assert (refused["code"], refused["message"], refused["type"]) == (
        "session_expired",
        words,
        "invalid_request_error",
    )
    assert talk.session.closing == CloseInfo(1001, words, by_us=True)
    assert talk.session.next_deadline() is None
    assert talk.say("input_audio_buffer.clear") == []
    talk.session.receive_binary(b"x", talk.now)
    talk.session.handle_timer(talk.now + 1)
    assert talk.drain() == []


def test_it_expires_in_the_middle_of_an_answer() -> None:
    """What was due before still comes; the rest does not."""
    talk = Talk(speed=1.0)
    talk.now = 3699.2
    talk.respond()
    heard = talk.wait(5)
    assert [event["type"] for event in heard][-1] == "error"
    assert "response.done" not in [event["type"] for event in heard]


def test_the_same_seed_says_the_same_bytes() -> None:
    """Deterministic, so a failure can be replayed."""

    def call(seed: int) -> list[bytes]:
        session = SimulatedSession(ids=Ids(seed), speed=float("inf"))
        session.connected(0.0)
        session.receive_message('{"type":"response.create"}', 1.0)
        return session.data_to_send()

    assert call(1) == call(1)
    assert call(1) != call(2)


def test_speed_must_be_positive() -> None:
    """Refused where it is written."""
    with pytest.raises(ValueError, match="speed must be above zero, not 0"):
        SimulatedSession(speed=0)


# --- transcription sessions --------------------------------------------------------------


def test_a_transcription_session_is_created_as_recorded() -> None:
    """Four fields of turn detection, no output, no model."""
    (created,) = Talk(kind="transcription").opening
    session = created["session"]
    assert list(session) == ["type", "object", "id", "expires_at", "audio", "include"]
    assert (session["type"], session["object"]) == ("transcription", "realtime.transcription_session")
    assert session["audio"] == {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 200,
            },
        }
    }


def test_a_transcription_session_never_answers() -> None:
    """Nor takes output settings; its model must transcribe; live models take no turn detection."""
    talk = Talk(kind="transcription")
    assert talk.error("response.create")["code"] == "invalid_parameter"
    assert talk.update_error(instructions="x")["message"] == "Unknown parameter: 'session.instructions'."
    wrong = talk.update_error(audio={"input": {"transcription": {"model": "gpt-realtime"}}})
    assert wrong["message"] == 'Model "gpt-realtime" is not supported in transcription mode'
    missing = talk.update_error(audio={"input": {"transcription": {"language": "de"}}})
    assert missing["param"] == "session.audio.input.transcription.model"
    live = {"transcription": {"model": "gpt-realtime-whisper"}}
    assert talk.update_error(audio={"input": live})["message"] == (
        "Turn detection is not supported for this transcription model."
    )
    shown = talk.update(audio={"input": {**live, "turn_detection": None}})
    assert shown["audio"]["input"]["transcription"]["model"] == "gpt-realtime-whisper"
    realtime = talk.error("session.update", session={"type": "realtime"})
    assert realtime["message"] == (
        "Passing a realtime session update event to a transcription session is not allowed."
    )

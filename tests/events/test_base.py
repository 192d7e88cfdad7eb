"""What all models share: reprs fit for a log, wire forms, kinds, and the words of a refusal."""

from __future__ import annotations

from typing import Any, Literal

import pytest

import realtime_raw.events as ev
from realtime_raw.errors import InvalidCommand, Problem
from realtime_raw.events.base import Inbound, Outbound
from realtime_raw.events.declare import Open
from realtime_raw.events.refusal import kind_of, one_of
from realtime_raw.types import UNSET


def test_a_repr_is_brief_and_shows_only_what_was_named() -> None:
    event = ev.ResponseCancel(event_id="e1")
    assert repr(event) == "ResponseCancel(type='response.cancel', event_id='e1')"
    delta = ev.ResponseOutputAudioDelta(type="response.output_audio.delta", delta="A" * 6400)
    assert len(repr(delta)) < 300
    assert "(6400 characters)" in repr(delta)
    assert "event_id" not in repr(delta)


def test_a_repr_shows_no_key() -> None:
    session: dict[str, Any] = {
        "client_secret": {"value": "ek_abcdef123456"},
        "instructions": "sk-abcdef123456",
    }
    shown = repr(ev.SessionCreated(session=ev.RealtimeSession(**session)))
    assert "abcdef" not in shown
    assert shown.count("***") == 2


def test_the_wire_form_is_fresh_each_time() -> None:
    event = ev.SessionCreated(session=ev.RealtimeSession.model_validate({"new": {"a": [1]}}))
    event.to_wire()["session"]["new"]["a"].append(2)
    assert event.to_wire()["session"] == {"new": {"a": [1]}}


def test_fields_are_in_order_and_unknown_ones_last() -> None:
    event = ev.ResponseOutputTextDelta.model_validate(
        {"zebra": 1, "delta": "x", "event_id": "e", "type": "response.output_text.delta", "response_id": "r"}
    )
    assert list(event.to_wire()) == ["type", "event_id", "response_id", "delta", "zebra"]


def test_an_event_made_by_hand_has_a_raw_form() -> None:
    event = ev.InputAudioBufferCleared()
    assert event.raw == {"type": "input_audio_buffer.cleared"}


def test_a_message_that_is_no_event_has_an_empty_raw_form() -> None:
    event = ev.InvalidServerEvent(problems=(Problem("", "not JSON"),), data=b"hello")
    assert event.raw == {}
    assert event.to_wire() == {}
    assert "hello" not in repr(event)


def test_events_are_equal_if_the_same_on_the_wire() -> None:
    one = ev.ResponseCancel(response_id="r")
    assert one == ev.ResponseCancel(response_id="r")
    assert one != ev.ResponseCancel(response_id="r", event_id="e")
    assert one != one.to_wire()
    assert ev.RealtimeSession(tracing=None) != ev.RealtimeSession()
    invalid = ev.InvalidServerEvent(data=b"x")
    assert invalid == ev.InvalidServerEvent(data=b"x")
    assert invalid != ev.InvalidServerEvent(data=b"y")
    assert invalid != one


def test_events_know_their_wire_type() -> None:
    assert ev.ResponseDone.wire_type == "response.done"
    assert ev.SessionUpdate.wire_type == "session.update"
    assert ev.UnknownServerEvent.wire_type == ""
    assert ev.InvalidServerEvent.wire_type == ""
    assert ev.ServerEvent.wire_type == ""


def test_events_cannot_be_changed() -> None:
    event = ev.ResponseDone(type="response.done")
    with pytest.raises(Exception, match="frozen"):
        event.type = "response.done"


def test_a_copy_with_an_event_id_keeps_the_rest() -> None:
    """How an id is given to an event that has none."""
    event = ev.ResponseCancel(response_id="r")
    assert event.event_id is UNSET
    assert event.model_copy(update={"event_id": "e"}).to_wire() == {
        "type": "response.cancel",
        "event_id": "e",
        "response_id": "r",
    }


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "a boolean"),
        (5, "the number 5"),
        pytest.param(10**5000, "a number beyond 64 bits", id="huge"),
        (0.5, "the number 0.5"),
        ("sk-secret", "a string of 9 characters"),
        ("x", "a string of 1 character"),
        (b"ab", "2 bytes"),
        (memoryview(b"ab"), "2 bytes"),
        ({"a": 1}, "an object"),
        ([1, 2], "a list of 2"),
        ((), "a list of 0"),
        (object(), "a object"),
    ],
)
def test_the_kind_of_a_value(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_a_choice_in_words() -> None:
    assert one_of(("a",)) == "'a'"
    assert one_of(("a", "b", "c")) == "'a', 'b' or 'c'"


def test_a_refusal_names_a_wrong_deciding_field() -> None:
    """Missing, unknown, and of a wrong kind are three different mistakes."""
    expected = "value must be 'server_vad' or 'semantic_vad'"
    for value, path, message, found in (
        ({}, "turn_detection.type", "missing required parameter", ""),
        ({"type": "vad"}, "turn_detection.type", expected, "a string of 3 characters"),
        ({"type": []}, "turn_detection.type", expected, "a list of 0"),
        (ev.PcmFormat(), "turn_detection.type", expected, "a string of 9 characters"),
        (ev.CustomVoice(id="v"), "turn_detection.type", "missing required parameter", ""),
        ("server_vad", "turn_detection", "input should be an object", "a string of 10 characters"),
    ):
        given: Any = value
        with pytest.raises(InvalidCommand) as caught:
            ev.AudioInputConfig(turn_detection=given)
        (problem,) = caught.value.problems
        assert (problem.path, problem.message, problem.found) == (path, message, found)


@pytest.mark.parametrize(
    ("session", "path", "hint"),
    [
        ({"instuctions": "x"}, "session.instuctions", "did you mean 'instructions'?"),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "treshold": 1}}}},
            "session.audio.input.turn_detection.treshold",
            "did you mean 'threshold'?",
        ),
        (
            {"tools": [{"type": "function", "name": "f", "paramaters": {}}]},
            "session.tools[0].paramaters",
            "did you mean 'parameters'?",
        ),
        ({"colour": 1}, "session.colour", None),
    ],
)
def test_a_misspelt_field_is_told_its_name(session: dict[str, Any], path: str, hint: str | None) -> None:
    given: Any = {"type": "realtime", **session}
    with pytest.raises(InvalidCommand) as caught:
        ev.SessionUpdate(session=given)
    assert caught.value.problems == (Problem(path, "unknown parameter", hint=hint),)


def test_an_open_enum_is_a_string_with_known_values() -> None:
    class Light(Inbound):
        colour: Open[Literal["red", "green"]] | None = None

    assert Light(colour="blue").to_wire() == {"colour": "blue"}
    assert Light.json_schema()["properties"]["colour"] == {
        "anyOf": [{"enum": ["red", "green"], "type": "string"}, {"type": "string"}, {"type": "null"}]
    }


def test_an_instance_of_another_model_is_refused() -> None:
    wrong: Any = ev.TurnDetection(type="server_vad")
    with pytest.raises(InvalidCommand, match="turn_detection"):
        ev.AudioInputConfig(turn_detection=wrong)


def test_nothing_outbound_takes_unknown_fields() -> None:
    todo: list[type[Outbound]] = [Outbound]
    while todo:
        model = todo.pop()
        todo += model.__subclasses__()
        assert model.model_config.get("extra") == "forbid", model
        assert model.model_config.get("strict") is True, model
        assert model.model_config.get("frozen") is True, model

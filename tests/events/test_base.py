"""What all models share: reprs fit for a log, wire forms, equality, and immutability."""

from __future__ import annotations

from typing import Any

import pytest

import realtime_raw.events as ev
from realtime_raw.errors import InvalidCommand, Problem
from realtime_raw.events.base import Outbound
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


def test_equal_events_are_one_in_a_set() -> None:
    done = ev.ResponseOutputAudioDone(event_id="e1")
    assert (
        len({done, ev.ResponseOutputAudioDone(event_id="e1"), ev.ResponseOutputAudioDone(event_id="e2")}) == 2
    )
    broken = ev.InvalidServerEvent(data=b"{")
    assert len({broken, ev.InvalidServerEvent(data=b"{"), ev.InvalidServerEvent(data=b"[")}) == 2


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

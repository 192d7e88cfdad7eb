"""Server events: what is received is what is kept, and tomorrow's message breaks nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_raw import codec
from realtime_raw import events as ev
from realtime_raw.events.base import Inbound, ServerEvent, WireModel
from realtime_raw.types import ErrorInfo
from tests.events import mutate
from tests.events.conftest import samples

Sample = tuple[str, dict[str, Any]]


def decoded(message: dict[str, Any], dialect: str = "realtime") -> ServerEvent:
    return codec.decode(orjson.dumps(message), ev.DIALECTS[dialect])


def test_a_message_round_trips(server_sample: Sample) -> None:
    dialect, message = server_sample
    event = decoded(message, dialect)
    assert type(event) is ev.DIALECTS[dialect].server[message["type"]]
    assert event.to_wire() == message
    assert event.raw == message
    assert orjson.loads(codec.encode(event)) == message


@pytest.mark.parametrize(
    "change",
    [mutate.with_field_added, mutate.with_field_dropped, mutate.with_null_put, mutate.with_enum_extended],
)
def test_a_message_of_tomorrow_is_still_that_event(
    server_sample: Sample, change: Callable[[dict[str, Any]], Iterator[tuple[mutate.Path, Any]]]
) -> None:
    dialect, message = server_sample
    for path, changed in change(message):
        event = decoded(changed, dialect)
        assert type(event) is ev.DIALECTS[dialect].server[message["type"]], (path, event)
        assert event.to_wire() == changed, path


def test_milliseconds_may_be_fractions() -> None:
    """Compatible servers compute them; nothing is rounded on the way."""
    event = decoded({"type": "input_audio_buffer.speech_started", "audio_start_ms": 12.5})
    assert isinstance(event, ev.InputAudioBufferSpeechStarted)
    assert event.audio_start_ms == 12.5
    whole = decoded({"type": "input_audio_buffer.speech_started", "audio_start_ms": 12})
    assert isinstance(whole, ev.InputAudioBufferSpeechStarted)
    assert isinstance(whole.audio_start_ms, int)


def models_in(annotation: Any) -> Iterator[type[WireModel]]:
    """The models an annotation mentions, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, WireModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def fields_shown(model: WireModel, seen: dict[type[WireModel], set[str]]) -> None:
    """Note which fields of which models a decoded message names."""
    seen.setdefault(type(model), set()).update(model.model_fields_set)
    todo = [getattr(model, name) for name in model.model_fields_set]
    while todo:
        value = todo.pop()
        if isinstance(value, WireModel):
            fields_shown(value, seen)
        elif isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, list):
            todo += value


def test_the_samples_show_every_field() -> None:
    """Without this, a field could be misspelt and no test would see it."""
    seen: dict[type[WireModel], set[str]] = {}
    reachable: set[type[WireModel]] = set()
    for dialect, message in samples("server"):
        event = decoded(message, dialect)
        fields_shown(event, seen)
        todo: list[type[WireModel]] = [type(event)]
        while todo:
            model = todo.pop()
            if model not in reachable:
                reachable.add(model)
                todo += [m for f in model.model_fields.values() for m in models_in(f.annotation)]
    fallbacks = {ev.UnknownItem, ev.UnknownPart, ev.UnknownUsage}
    # The event whose reference has no event_id; MCP items and parts share bases.
    unsaid = {"event_id", "object", "status"}
    missing = {
        (model.__name__, name)
        for model in reachable - fallbacks
        for name in model.model_fields.keys() - seen.get(model, set()) - unsaid
    }
    assert missing == set()


def test_the_samples_hold_nothing_unknown() -> None:
    """Without this, a field could be lost from a model and its samples would still round-trip."""
    extras: set[tuple[str, str]] = set()
    todo: list[Any] = [decoded(message, dialect) for dialect, message in samples("server")]
    while todo:
        value = todo.pop()
        if isinstance(value, WireModel):
            extras |= {(type(value).__name__, name) for name in value.model_extra or {}}
            todo += [getattr(value, name) for name in type(value).model_fields]
        elif isinstance(value, list):
            todo += value
        elif isinstance(value, dict):
            todo += value.values()
    assert extras == {("OutputAudio", "format")}  # in an example of the reference, and a relic of the beta


def test_only_the_type_is_required() -> None:
    for dialect in ev.DIALECTS.values():
        for name, cls in dialect.server.items():
            event = codec.decode(orjson.dumps({"type": name}), dialect)
            assert type(event) is cls
            assert event.to_wire() == {"type": name}
            nothing: dict[str, Any] = {}
            assert cls(**nothing).to_wire() == {"type": name}


def test_absent_and_null_stay_apart() -> None:
    absent = decoded({"type": "session.updated", "session": {"type": "realtime"}})
    null = decoded({"type": "session.updated", "session": {"type": "realtime", "tracing": None}})
    assert isinstance(absent, ev.SessionUpdated)
    assert isinstance(null, ev.SessionUpdated)
    assert absent.session is not None
    assert null.session is not None
    assert "tracing" not in absent.session.model_fields_set
    assert "tracing" in null.session.model_fields_set
    assert null.to_wire()["session"] == {"type": "realtime", "tracing": None}


@pytest.mark.parametrize(
    ("message", "path", "found"),
    [
        ({"type": "response.output_text.delta", "delta": 5}, "delta", "the number 5"),
        ({"type": "response.output_text.delta", "content_index": True}, "content_index", "a boolean"),
        ({"type": "response.done", "response": []}, "response", "a list of 0"),
        ({"type": "response.done", "response": {"output": [{}, 3]}}, "response.output[1]", "the number 3"),
        (
            {
                "type": "conversation.item.added",
                "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": []}]},
            },
            "item.content[0].text",
            "a list of 0",
        ),
        ({"type": "conversation.item.added", "item": "x"}, "item", "a string of 1 character"),
        (
            {"type": "session.created", "session": {"audio": {"output": {"voice": 3}}}},
            "session.audio.output.voice",
            "the number 3",
        ),
        (
            {"type": "session.created", "session": {"max_output_tokens": [1]}},
            "session.max_output_tokens",
            "a list of 1",
        ),
        (
            {"type": "session.created", "session": {"tools": [{"allowed_tools": "all"}]}},
            "session.tools[0].allowed_tools",
            "a string of 3 characters",
        ),
        (
            {"type": "input_audio_buffer.speech_started", "audio_start_ms": "5"},
            "audio_start_ms",
            "a string of 1 character",
        ),
        ({"type": "response.done", "response": {"status": 7}}, "response.status", "the number 7"),
    ],
)
def test_a_wrong_shape_is_named_by_its_path(message: dict[str, Any], path: str, found: str) -> None:
    event = decoded(message)
    assert isinstance(event, ev.InvalidServerEvent)
    assert event.type == message["type"]
    assert [(p.path, p.found) for p in event.problems] == [(path, found)]
    assert event.raw == message
    assert event.data == orjson.dumps(message)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SERVER_SAMPLES = samples("server")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_value_anywhere_raises_nothing(data: st.DataObject) -> None:
    """In lenient mode a message is an event, whatever stands in it; and nothing of it is lost."""
    dialect, message = data.draw(st.sampled_from(SERVER_SAMPLES))
    paths = [path for path, _ in mutate.nodes(message) if path]
    changed = mutate.put(message, data.draw(st.sampled_from(paths)), data.draw(JSON))
    event = decoded(changed, dialect)
    assert event.raw == changed
    assert event.to_wire() == changed
    repr(event)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json_raises_nothing(value: Any) -> None:
    wire = orjson.dumps(value)
    event = codec.decode(wire)
    if not (isinstance(value, dict) and isinstance(value.get("type"), str)):
        assert isinstance(event, ev.InvalidServerEvent)
        assert event.data == wire


# ---- families -------------------------------------------------------------


def test_an_error_as_words() -> None:
    event = decoded(
        {
            "type": "error",
            "event_id": "e",
            "error": {
                "type": "t",
                "code": "c",
                "message": "No.",
                "param": "session.type",
                "event_id": "mine",
            },
        }
    )
    assert isinstance(event, ev.ErrorEvent)
    assert event.error is not None
    assert event.error.info() == ErrorInfo("No.", code="c", type="t", param="session.type", event_id="mine")
    assert ev.ErrorDetail().info() == ErrorInfo("")


def test_an_error_that_is_a_bare_sentence() -> None:
    """Some compatible servers send one; it reads like any other, and goes back as it came."""
    message = {"type": "error", "error": "engine died"}
    event = decoded(message)
    assert isinstance(event, ev.ErrorEvent)
    assert event.error is not None
    assert event.error.info() == ErrorInfo("engine died")
    assert event.to_wire() == message


def test_a_failed_transcription_as_words() -> None:
    error = ev.TranscriptionError(type="t", code="c", message="No.", param=None)
    assert error.info() == ErrorInfo("No.", code="c", type="t")


def test_an_unknown_kind_of_usage_is_kept() -> None:
    message = {
        "type": "conversation.item.input_audio_transcription.completed",
        "usage": {"type": "characters", "characters": 12},
    }
    event = decoded(message)
    assert isinstance(event, ev.ConversationItemInputAudioTranscriptionCompleted)
    assert isinstance(event.usage, ev.UnknownUsage)
    assert event.to_wire() == message


# ---- what compatible servers do -------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        {"type": "session.created", "session": {"id": "s", "modalities": ["audio", "text"], "voice": "Ara"}},
        {
            "type": "session.created",
            "session": {"voice": {"name": "en-US-Ava", "type": "azure-standard"}, "turn_detection": None},
        },
        {"type": "session.updated", "session": {"audio": {"output": {"voice": {"name": "Ava"}}}}},
        {"type": "session.updated", "session": {"audio": {"input": {"format": "pcm16"}}}},
        {
            "type": "session.updated",
            "session": {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        },
        {"type": "response.content_part.done", "response_id": "r", "item_id": "i"},
        {"type": "response.done", "response": {"id": "r", "status_details": "unimplemented"}, "usage": {}},
        {"type": "conversation.item.deleted", "item_id": ""},
        {
            "type": "conversation.item.created",
            "item": {"id": "i", "object": "realtime.item", "type": "message", "role": "user", "content": []},
        },
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": "i",
            "transcript": "x",
            "status": "in_progress",
        },
        {"type": "input_audio_buffer.speech_started"},
        {"type": "response.output_audio_transcript.delta", "delta": "x", "start_time": 0.25},
        {"type": "error", "event_id": None, "error": {"event_id": "event_TODO", "message": "x"}},
        {"type": "response.created", "response": {"status": "incomplete"}},
        {
            "type": "conversation.item.retrieved",
            "item": {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "audio", "transcript": "x", "format": "pcm16"}],
            },
        },
    ],
)
def test_a_compatible_server_is_understood(message: dict[str, Any]) -> None:
    event = decoded(message)
    assert type(event) is ev.REALTIME.server[str(message["type"])]
    assert event.to_wire() == message


def test_a_bare_status_reads_like_any_other() -> None:
    event = decoded({"type": "response.done", "response": {"status_details": "unimplemented"}})
    assert isinstance(event, ev.ResponseDone)
    assert event.response is not None
    assert event.response.status_details is not None
    assert event.response.status_details.type == "unimplemented"
    assert event.response.error_info() is None


def test_nothing_inbound_is_strict_about_fields() -> None:
    """The rule behind all of this: unknown fields allowed, every field optional."""
    todo: list[type[Inbound]] = [Inbound]
    while todo:
        model = todo.pop()
        todo += model.__subclasses__()
        assert model.model_config.get("extra") == "allow", model
        required = {name for name, field in model.model_fields.items() if field.is_required()}
        assert required <= {"type"}, model

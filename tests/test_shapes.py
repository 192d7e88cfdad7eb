"""Events made by tables: the same in every way as those that a validator makes, or none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import realtime_raw.events as ev
from realtime_raw import codec, shapes
from realtime_raw.events.base import RAW, ServerEvent
from realtime_raw.events.catalog import DIALECTS, REALTIME
from tests.events import mutate
from tests.events.conftest import samples
from tests.events.test_server import JSON

SAMPLES = samples("server")
each_sample = pytest.mark.parametrize(
    ("dialect", "message"), SAMPLES, ids=[f"{dialect}:{message['type']}" for dialect, message in SAMPLES]
)


def inside(value: Any) -> Any:
    """All that pydantic keeps of a model, in its order, and of the models in it."""
    if isinstance(value, pydantic.BaseModel):
        fields = [(name, inside(one)) for name, one in value.__dict__.items() if name != RAW]
        named, extra = value.__pydantic_fields_set__, value.__pydantic_extra__
        assert type(named) is set
        return type(value), fields, named, list((extra or {}).items()), extra, value.__pydantic_private__
    if isinstance(value, list):
        return [inside(one) for one in value]
    if isinstance(value, dict):
        return {name: inside(one) for name, one in value.items()}
    return type(value), value


def judged(message: dict[str, Any], dialect: str) -> bool:
    """Hold the table's event against the validator's; returns whether it made one."""
    data = orjson.dumps(message)
    cls = DIALECTS[dialect].server[message["type"]]
    made = shapes.read(data, DIALECTS[dialect].server)
    if made is not None:
        parsed = orjson.loads(data)
        assert inside(made) == inside(cls.model_validate(parsed))
        assert made.raw == parsed
        assert made == codec.decode(data.decode(), DIALECTS[dialect])  # text goes the long way
    return made is not None


def variants(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The message with one thing changed, each thing and in many ways."""
    for change in (
        mutate.with_field_added,
        mutate.with_field_dropped,
        mutate.with_null_put,
        mutate.with_enum_extended,
    ):
        yield from (changed for _, changed in change(message))
    for path, _ in mutate.nodes(message):
        if path and path != ("type",):
            for value in (1, 1.5, True, "x", [], {}, ["x"], [None], {"type": "message"}, 2**63):
                yield mutate.put(message, path, value)


@each_sample
def test_what_servers_send_needs_no_validator(dialect: str, message: dict[str, Any]) -> None:
    """All samples but of a session with a stored prompt, whose variables have names of their own."""
    assert judged(message, dialect) or message["session"]["prompt"]


@each_sample
def test_one_thing_changed(dialect: str, message: dict[str, Any]) -> None:
    """Left out, null, a new word, another kind, a new field: the same event, or none."""
    ways = [judged(changed, dialect) for changed in variants(message)]
    assert any(ways) or message["session"]["prompt"]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_anything_anywhere(data: st.DataObject) -> None:
    """In up to three places at once."""
    dialect, message = data.draw(st.sampled_from(SAMPLES))
    for _ in range(data.draw(st.integers(1, 3))):
        paths = [path for path, _ in mutate.nodes(message) if path and path != ("type",)]
        if paths:
            message = mutate.put(message, data.draw(st.sampled_from(paths)), data.draw(JSON))
    judged(message, dialect)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'"type"',
        b"{}",
        b'{"type":1}',
        b'{"type":["response.done"]}',
        b'{"type":"response.hologram"}',
        b'{"type":"response.audio.done"}',
        b'{"type":"response.done","type":"response.done"}',
        b'{"type":"response.done","response":{"id":"a","id":"b"}}',
        b'{"type":"response.done","response":{"\\u0069d":"a","id":"b"}}',
        b'{"type":"response.done" ,"response" :{"id":":","id":"b"}}',
        b'{"type":"response.done","response" :{"id":"a:","id":"b"}}',
        b'{"type":"response.done","x\\\\":"a:","response":{"id":"a","id":"b"}}',
        b'{"type":"response.done","event_id":NaN}',
        b'{"type":"response.done","event_id":"\xff"}',
        b'{"type":"response.done","news":' + b"[" * 200 + b"]" * 200 + b"}",
    ],
)
def test_what_is_wrong_is_not_judged_here(data: bytes) -> None:
    """Nor what is unknown, or known by another name: the codec's long way says what it is."""
    assert shapes.read(data, REALTIME.server) is None


@pytest.mark.parametrize(("deep", "is_made"), [(0, True), (1, True), (60, True), (70, False), (200, False)])
def test_a_schema_of_anything(deep: int, is_made: bool) -> None:
    """A function's schema is read as it is, down to where the long way has to look."""
    schema: dict[str, Any] = {"type": "object", "enum": [1, None, {"a": []}]}
    for _ in range(deep):
        schema = {"properties": {"x": schema}} if deep < 3 else {"x": schema}
    session = {"type": "realtime", "tools": [{"type": "function", "name": "f", "parameters": schema}]}
    message = {"type": "session.updated", "session": session}
    data = orjson.dumps(message)
    made = shapes.read(data, REALTIME.server)
    assert (made is not None) == is_made
    if made is not None:
        assert inside(made) == inside(ev.SessionUpdated.model_validate(orjson.loads(data)))
    twice = data.replace(b'"enum":', b'"type":1,"enum":')
    assert shapes.read(twice, REALTIME.server) is None
    assert isinstance(codec.decode(twice), ev.InvalidServerEvent)


def test_keys_may_be_spaced_and_texts_hold_colons() -> None:
    """Neither makes an event doubtful, if not both do."""
    for data in (
        b'{ "type" : "error", "error" : { "message" : "no" } }',
        b'{"type": "error", "error": {"message": "this: \\"that\\": those"}}',
    ):
        event = shapes.read(data, REALTIME.server)
        assert isinstance(event, ev.ErrorEvent)
        assert event == codec.decode(data.decode())


def test_new_words_and_new_keys_fill_no_memory() -> None:
    """A server that names other keys, and other kinds of items, each time is read all the same."""
    for number in range(300):
        item = {"type": f"kind_{number}", "role": f"role_{number}", f"field_{number}": number}
        assert judged({"type": "conversation.item.added", "item": item}, "realtime")
    choose: Any = shapes._shape(ev.ConversationItemAdded)._makers["item"]
    kept = [cell.cell_contents for cell in choose.__closure__ if isinstance(cell.cell_contents, dict)]
    assert all(len(one) <= 64 for one in (shapes._shape(ev.UnknownItem)._plans, *kept))


def test_events_are_frozen_and_copied_like_any_other() -> None:
    """What is copied has its own account of what was named."""
    data = b'{"type":"response.created","event_id":"e","response":{"id":"r","metadata":{"a":"b"}}}'
    one, other = (shapes.read(data, REALTIME.server) for _ in range(2))
    assert isinstance(one, ev.ResponseCreated)
    assert one.response is not None
    with pytest.raises(pydantic.ValidationError):
        one.response.id = "x"
    changed = one.response.model_copy(update={"status": "cancelled"})
    assert changed.to_wire() == {"id": "r", "status": "cancelled", "metadata": {"a": "b"}}
    assert one == other
    assert isinstance(one.model_copy(deep=True), ServerEvent)
    assert one.raw["response"]["metadata"] is not one.response.metadata

"""Bytes to events and back: the good, the unknown, and everything a hostile server can think of."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

import realtime_raw.events as ev
from realtime_raw import codec, shapes
from realtime_raw.errors import DecodeError, InvalidCommand, Problem
from tests.events.conftest import samples

DELTA = {
    "type": "response.output_audio.delta",
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": base64.b64encode(bytes(4800)).decode(),
}


def test_a_known_event() -> None:
    for data in (orjson.dumps(DELTA), orjson.dumps(DELTA).decode()):
        event = codec.decode(data)
        assert isinstance(event, ev.ResponseOutputAudioDelta)
        assert event.item_id == "item_1"
        assert event.raw == DELTA


def test_an_unknown_event_is_kept() -> None:
    message = {"type": "response.hologram.delta", "event_id": "e", "delta": {"x": [1]}}
    for strict in (False, True):
        event = codec.decode(orjson.dumps(message), strict=strict)
        assert type(event) is ev.UnknownServerEvent
        assert event.type == "response.hologram.delta"
        assert event.event_id == "e"
        assert event.raw == message
        assert event.to_wire() == message


def test_a_beta_name_is_read_as_its_successor() -> None:
    message = {**DELTA, "type": "response.audio.delta"}
    event = codec.decode(orjson.dumps(message))
    assert isinstance(event, ev.ResponseOutputAudioDelta)
    assert event.type == "response.output_audio.delta"
    assert event.raw == message


def test_the_beta_event_that_stood_for_two_is_itself() -> None:
    event = codec.decode(b'{"type":"conversation.item.created","item":{"id":"x"}}')
    assert type(event) is ev.ConversationItemCreated


HOSTILE: dict[str, tuple[bytes | str, str, str]] = {
    "empty": (b"", "", "not JSON"),
    "not JSON": (b"hello", "", "not JSON"),
    "cut off": (b'{"type":"response.done"', "", "not JSON"),
    "rubbish behind": (b'{"type":"response.done"}}', "", "not JSON"),
    "two messages": (b'{"type":"a"}{"type":"b"}', "", "not JSON"),
    "byte order mark": (b'\xef\xbb\xbf{"type":"response.done"}', "", "not JSON"),
    "UTF-16": ('{"type":"response.done"}'.encode("utf-16"), "", "not JSON"),
    "invalid UTF-8": (b'{"type":"error","error":{"message":"\xff\xfe"}}', "", "not JSON"),
    "binary": (bytes(range(256)), "", "not JSON"),
    "NaN": (b'{"type":"rate_limits.updated","x":NaN}', "", "not JSON"),
    "infinity": (b'{"type":"x","y":1e999}', "", "not JSON"),
    "lone surrogate": (b'{"type":"response.output_text.delta","delta":"\\ud800"}', "", "not JSON"),
    "lone surrogate in str": ('{"type":"x","delta":"\ud800"}', "", "not JSON"),
    "10,000 levels": (b'{"type":"x","y":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "", "not JSON"),
    "200 levels": (b'{"type":"x","y":' + b"[" * 200 + b"]" * 200 + b"}", "", "nested deeper than 128 levels"),
    "200 objects": (b'{"y":' * 200 + b"1" + b"}" * 200, "type", "missing required parameter"),
    "a million objects": (
        b'{"type":"response.done","response":{"output":[' + b"{}," * 1_000_000 + b"{}]}}",
        "",
        "more than 200,000 objects and lists",
    ),
    "a million mistakes": (
        b'{"type":"response.done","response":{"output":[' + b"1," * 1_000_000 + b"1]}}",
        "response.output[0]",
        "input should be an object",
    ),
    "null": (b"null", "", "a message is a JSON object"),
    "a list": (b'[{"type":"response.done"}]', "", "a message is a JSON object"),
    "a string": (b'"response.done"', "", "a message is a JSON object"),
    "a number": (b"1", "", "a message is a JSON object"),
    "no type": (b'{"event_id":"e"}', "type", "missing required parameter"),
    "type null": (b'{"type":null}', "type", "input should be a string"),
    "type a number": (b'{"type":7}', "type", "input should be a string"),
    "type a list": (b'{"type":["response.done"]}', "type", "input should be a string"),
    "repeated key": (b'{"type":"x","a":1,"a":2}', "a", "this key appears more than once"),
    "repeated type": (b'{"type":"error","type":"response.done"}', "type", "this key appears more than once"),
    "repeated with blanks": (b'{"type" : "x", "a" : 1, "a" : 2}', "a", "this key appears more than once"),
    "repeated inside": (
        b'{"type":"response.done","response":{"id":"a","id":"b"}}',
        "id",
        "this key appears more than once",
    ),
    "repeated in str": ('{"type":"x","a":1,"a":2}', "a", "this key appears more than once"),
    "event_id no string": (
        b'{"type":"response.hologram","event_id":5}',
        "event_id",
        "input should be a valid string",
    ),
    "wrong shape": (b'{"type":"response.done","response":5}', "response", "input should be"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_event_is_named_and_kept(name: str) -> None:
    data, path, message = HOSTILE[name]
    event = codec.decode(data)
    assert type(event) is ev.InvalidServerEvent
    assert event.problems[0].path == path
    assert event.problems[0].message.startswith(message)
    assert event.data == (data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
    assert isinstance(event.raw, dict)
    repr(event)


@pytest.mark.parametrize("name", HOSTILE)
def test_strict_mode_raises_instead(name: str) -> None:
    data, path, _ = HOSTILE[name]
    with pytest.raises(DecodeError) as caught:
        codec.decode(data, strict=True)
    assert caught.value.problems[0].path == path
    assert caught.value.rule == "decode"


def test_an_invalid_event_says_what_it_claimed_to_be() -> None:
    event = codec.decode(b'{"type":"response.done","event_id":"e9","response":[]}')
    assert isinstance(event, ev.InvalidServerEvent)
    assert (event.type, event.event_id) == ("response.done", "e9")
    assert event.raw == {"type": "response.done", "event_id": "e9", "response": []}
    with pytest.raises(DecodeError) as caught:
        codec.decode(b'{"type":"response.done","response":[]}', strict=True)
    assert str(caught.value) == (
        "decode: response.done is not what the protocol allows"
        " | response: input should be an object (got a list of 0)"
    )


def test_a_hostile_name_cannot_move_a_cursor() -> None:
    with pytest.raises(DecodeError) as caught:
        codec.decode(b'{"type":"\\u001b[2Jsk-abcdef123456","a":1,"a":2}', strict=True)
    assert "\x1b" not in str(caught.value)
    assert "abcdef" not in str(caught.value)


def test_ten_megabytes_are_read() -> None:
    """A retrieved item carries all its audio."""
    audio = "A" * 10_000_000
    item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
    event = codec.decode(orjson.dumps({"type": "conversation.item.retrieved", "item": item}))
    assert isinstance(event, ev.ConversationItemRetrieved)
    assert event.to_wire()["item"] == item
    assert len(repr(event)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        r'{"type":"x","a":"he said \"b\": no","c":{"d\"":1}}',
        r'{"type":"x","path\\":"C:\\","\\\"":1}',
        '{ "type" : "x" , "a" : { "type" : "b" } }',
        '{"type":"x","a":":","b":"::\\":\\":"}',
        '{"type":"x","a":[{"k":1},{"k":2},{"k":3}]}',
        '{"type":"x","":1," ":2}',
    ],
)
def test_keys_are_not_miscounted(text: str) -> None:
    """Colons and quotes inside strings are no keys, blanks are no matter, and siblings may share names."""
    for data in (text, text.encode()):
        event = codec.decode(data)
        assert type(event) is ev.UnknownServerEvent
        assert event.raw == orjson.loads(text)


def test_a_bytearray_is_as_good_as_bytes() -> None:
    assert isinstance(codec.decode(bytearray(b'{"type":"response.done"}')), ev.ResponseDone)
    event = codec.decode(bytearray(b"{"))
    assert isinstance(event, ev.InvalidServerEvent)
    assert event.data == b"{"


# ---- outward --------------------------------------------------------------


def test_the_type_comes_first_and_nothing_else_is_added() -> None:
    assert codec.encode(ev.ResponseCreate()) == b'{"type":"response.create"}'
    event = ev.ConversationItemDelete(item_id="item_1", event_id="e")
    assert codec.encode(event) == b'{"type":"conversation.item.delete","event_id":"e","item_id":"item_1"}'


def test_null_goes_on_the_wire() -> None:
    config = ev.AudioInputConfig(turn_detection=None)
    update = ev.SessionUpdate(session=ev.RealtimeSessionConfig(audio=ev.SessionAudioConfig(input=config)))
    assert codec.encode(update) == (
        b'{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null}}}}'
    )


def test_a_server_event_can_be_written_too() -> None:
    """What a simulator sends is what a client reads."""
    event = ev.InputAudioBufferSpeechStarted(event_id="e", audio_start_ms=1460, item_id="i")
    assert codec.decode(codec.encode(event)) == event


def test_what_json_cannot_hold_is_refused() -> None:
    event = ev.ResponseDone.model_validate({"type": "response.done", "huge": 2**70})
    with pytest.raises(InvalidCommand, match="ResponseDone: cannot be written as JSON"):
        codec.encode(event)
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(InvalidCommand, match="cannot be written as JSON"):
        codec.encode(ev.UnknownServerEvent.model_validate({"type": "x", "deep": deep}))


# ---- a client's message, read by a server ---------------------------------


def test_a_clients_message() -> None:
    event = codec.decode_client(b'{"type":"response.cancel","response_id":"resp_1"}')
    assert isinstance(event, ev.ResponseCancel)
    assert event.response_id == "resp_1"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"{", None),
        (b"[]", Problem("", "a message is a JSON object", "a list of 0")),
        (b"{}", Problem("type", "missing required parameter")),
        (b'{"type":5}', Problem("type", "input should be a string", "the number 5")),
        (
            b'{"type":"response.cancel","response_id":5}',
            Problem("response_id", "input should be a valid string", "the number 5"),
        ),
        (b'{"type":"response.cancel","a":1,"a":2}', Problem("a", "this key appears more than once")),
        (b'{"type":"session.update"}', Problem("session", "missing required parameter")),
    ],
)
def test_a_clients_mistake_is_named(data: bytes, problem: Problem | None) -> None:
    with pytest.raises(InvalidCommand) as caught:
        codec.decode_client(data)
    if problem is not None:
        assert caught.value.problems == (problem,)
    assert caught.value.subject == "client message"


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(InvalidCommand) as caught:
        codec.decode_client(b'{"type":"response.creat"}')
    (problem,) = caught.value.problems
    assert problem.path == "type"
    assert all(repr(name) in problem.message for name in ev.REALTIME.client)


def test_after_warming_no_first_event_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a turn is made of finds its tables made, but for what few sessions see."""
    made: list[type[Any]] = []
    make = shapes._Shape.__init__

    def noting(self: shapes._Shape, cls: type[Any]) -> None:
        made.append(cls)
        make(self, cls)

    shapes._shape.cache_clear()
    codec.warm()
    codec.warm(ev.TRANSLATION)
    monkeypatch.setattr(shapes._Shape, "__init__", noting)
    for dialect, message in samples("server"):
        if dialect == "realtime" and message["type"] in codec._HOT:
            codec.decode(orjson.dumps(message))
    assert {cls.__module__.rpartition(".")[2] for cls in made} == {"mcp_items", "session_seldom"}

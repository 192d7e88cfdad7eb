"""The error catalogue: literal messages in, the exact code, sentence and param out, nothing else changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loopback.driver import Talk, b64, user_text

SUPPORTED = (
    "'session.update', 'session.close', 'input_audio_buffer.append', 'session.input_audio_buffer.append', "
    "'input_audio_buffer.commit', 'input_audio_buffer.clear', 'conversation.item.create', "
    "'conversation.item.truncate', 'conversation.item.delete', 'conversation.item.retrieve', "
    "'response.create', and 'response.cancel'"
)


def session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def listening(**fields: Any) -> dict[str, Any]:
    return session(audio={"input": fields})


def speaking(**fields: Any) -> dict[str, Any]:
    return session(audio={"output": fields})


def item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": {"type": "message", **fields}}


def response(**fields: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": fields}


def unknown(path: str) -> tuple[str, str, str]:
    return "unknown_parameter", f"Unknown parameter: '{path}'.", path


def missing(path: str) -> tuple[str, str, str]:
    return "missing_required_parameter", f"Missing required parameter: '{path}'.", path


SHAPES: list[tuple[dict[str, Any], tuple[str, str, str | None]]] = [
    # the event itself
    ({}, ("invalid_event", "The 'type' field is missing.", None)),
    (
        {"type": "nope"},
        ("invalid_value", f"Invalid value: 'nope'. Supported values are: {SUPPORTED}.", "type"),
    ),
    (
        {"type": "transcription_session.update"},
        (
            "invalid_value",
            f"Invalid value: 'transcription_session.update'. Supported values are: {SUPPORTED}.",
            "type",
        ),
    ),
    (
        {"type": "output_audio_buffer.clear"},
        (
            "invalid_value",
            f"Invalid value: 'output_audio_buffer.clear'. Supported values are: {SUPPORTED}.",
            "type",
        ),
    ),
    ({"type": "session.close"}, (
        "invalid_value", "'session.close' is only available in translation sessions.", "type",
    )),
    ({"type": "session.input_audio_buffer.append", "audio": "AA=="}, (
        "invalid_value",
        "'session.input_audio_buffer.append' is only available in translation sessions.",
        "type",
    )),
    ({"type": "response.cancel", "id": "x"}, unknown("id")),
    # the session: its type decides before anything else does
    ({"type": "session.update"}, missing("session")),
    ({"type": "session.update", "session": {"modalities": ["text"]}}, missing("session.type")),
    (
        {"type": "session.update", "session": {"type": "session"}},
        (
            "invalid_value",
            "Invalid value: 'session'. Supported values are: 'realtime' and 'transcription'.",
            "session.type",
        ),
    ),
    (session(modalities=["text"]), unknown("session.modalities")),
    (session(voice="ash"), unknown("session.voice")),
    (session(temperature=0.8), unknown("session.temperature")),
    (session(tools=[{"type": "function", "name": "a"}, {"type": "function", "name": "b", "meta": 1}]),
     unknown("session.tools[1].meta")),
    (session(tools=[{"type": "function"}]), missing("session.tools[0].name")),
    (
        session(output_modalities=["audio", "text"]),
        (
            "invalid_value",
            "Invalid modalities: ['audio', 'text']. Supported combinations are: ['text'] and ['audio'].",
            "session.output_modalities",
        ),
    ),
    (
        session(output_modalities=["video"]),
        (
            "invalid_value",
            "Invalid value: 'video'. Supported values are: 'text' and 'audio'.",
            "session.output_modalities[0]",
        ),
    ),
    (
        listening(format={"type": "audio/pcm", "rate": 16000}),
        (
            "integer_below_min_value",
            "Invalid 'session.audio.input.format.rate': integer below minimum value. "
            "Expected a value >= 24000, but got 16000 instead.",
            "session.audio.input.format.rate",
        ),
    ),
    (
        speaking(format={"type": "audio/pcm", "rate": 48000}),
        (
            "integer_above_max_value",
            "Invalid 'session.audio.output.format.rate': integer above maximum value. "
            "Expected a value <= 24000, but got 48000 instead.",
            "session.audio.output.format.rate",
        ),
    ),
    (
        listening(format="pcm16"),
        (
            "invalid_type",
            "Invalid type for 'session.audio.input.format': expected an object, but got a string instead.",
            "session.audio.input.format",
        ),
    ),
    (listening(format={"type": "audio/pcmu", "rate": 8000}), unknown("session.audio.input.format.rate")),
    (
        listening(format={"type": "pcm16"}),
        (
            "invalid_value",
            "Invalid value: 'pcm16'. Supported values are: 'audio/pcm', 'audio/pcmu', and 'audio/pcma'.",
            "session.audio.input.format.type",
        ),
    ),
    (
        listening(transcription={"model": "gpt-live-transcribe", "delay": "bogus"}),
        (
            "invalid_value",
            "Invalid value: 'bogus'. Supported values are: 'minimal', 'low', 'medium', 'high', and 'xhigh'.",
            "session.audio.input.transcription.delay",
        ),
    ),
    (listening(transcription={"language": "de"}), missing("session.audio.input.transcription.model")),
    (listening(turn_detection={"threshold": 0.3}), missing("session.audio.input.turn_detection.type")),
    (
        listening(turn_detection={"type": "none"}),
        (
            "invalid_value",
            "Invalid value: 'none'. Supported values are: 'server_vad' and 'semantic_vad'.",
            "session.audio.input.turn_detection.type",
        ),
    ),
    (
        listening(turn_detection={"type": "server_vad", "threshold": 2}),
        (
            "decimal_above_max_value",
            "Invalid 'session.audio.input.turn_detection.threshold': decimal above maximum value. "
            "Expected a value <= 1.0, but got 2 instead.",
            "session.audio.input.turn_detection.threshold",
        ),
    ),
    (
        speaking(speed="fast"),
        (
            "invalid_type",
            "Invalid type for 'session.audio.output.speed': expected a decimal, but got a string instead.",
            "session.audio.output.speed",
        ),
    ),
    (
        speaking(speed=0.1),
        (
            "decimal_below_min_value",
            "Invalid 'session.audio.output.speed': decimal below minimum value. "
            "Expected a value >= 0.25, but got 0.1 instead.",
            "session.audio.output.speed",
        ),
    ),
    (
        session(max_output_tokens=0),
        (
            "integer_below_min_value",
            "Invalid 'session.max_output_tokens': integer below minimum value. "
            "Expected a value >= 1, but got 0 instead.",
            "session.max_output_tokens",
        ),
    ),
    (
        session(max_output_tokens="many"),
        (
            "invalid_value",
            "Invalid value: 'many'. Value must be 'inf'.",
            "session.max_output_tokens",
        ),
    ),
    (
        session(max_output_tokens=True),
        (
            "invalid_type",
            "Invalid type for 'session.max_output_tokens': expected an integer or 'inf', "
            "but got a boolean instead.",
            "session.max_output_tokens",
        ),
    ),
    (
        session(tool_choice=None),
        (
            "invalid_type",
            "Invalid type for 'session.tool_choice': expected a string or an object, but got null instead.",
            "session.tool_choice",
        ),
    ),
    (
        session(parallel_tool_calls="yes"),
        (
            "invalid_type",
            "Invalid type for 'session.parallel_tool_calls': expected a boolean, but got a string instead.",
            "session.parallel_tool_calls",
        ),
    ),
    (
        session(tools={"type": "function"}),
        (
            "invalid_type",
            "Invalid type for 'session.tools': expected an array, but got an object instead.",
            "session.tools",
        ),
    ),
    (
        session(tools=[{"type": "mcp", "server_label": "x", "server_url": "a", "connector_id": "b"}]),
        (
            "invalid_value",
            "Invalid value: 'b'. Supported values are: 'connector_dropbox', 'connector_gmail', "
            "'connector_googlecalendar', 'connector_googledrive', 'connector_microsoftteams', "
            "'connector_outlookcalendar', 'connector_outlookemail', and 'connector_sharepoint'.",
            "session.tools[0].connector_id",
        ),
    ),
    (
        session(tools=[{"type": "mcp", "server_label": "x", "server_url": "a", "tunnel_id": "b"}]),
        (
            "invalid_value",
            "Invalid 'session.tools[0]': expected only one of 'server_url' or 'tunnel_id'.",
            "session.tools[0]",
        ),
    ),
    (
        session(tools=[{"type": "mcp", "server_label": "x", "tunnel_id": "b"}]),
        ("invalid_value", "Invalid 'session.tools[0].tunnel_id'.", "session.tools[0].tunnel_id"),
    ),
    (
        listening(transcription={"model": "gpt-transcribe", "languages": []}),
        (
            "invalid_value",
            "Invalid 'session.audio.input.transcription.languages': empty array. "
            "Expected an array with minimum length 1, but got an empty array instead.",
            "session.audio.input.transcription.languages",
        ),
    ),
    # input audio
    ({"type": "input_audio_buffer.append"}, missing("audio")),
    (
        {"type": "input_audio_buffer.append", "audio": ""},
        (
            "invalid_value",
            "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got empty bytes.",
            "audio",
        ),
    ),
    (
        {"type": "input_audio_buffer.append", "audio": "AA=A"},
        (
            "invalid_value",
            "Invalid 'audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) "
            "but got an invalid value.",
            "audio",
        ),
    ),
    # items
    ({"type": "conversation.item.create"}, missing("item")),
    ({"type": "conversation.item.create", "item": {}}, missing("item.type")),
    (item(), missing("item.role")),
    (item(role="user"), missing("item.content")),
    (item(role="user", content=[{"type": "input_text"}]), missing("item.content[0].text")),
    (
        item(role="assistant", content=[{"type": "text", "text": "x"}]),
        ("invalid_value", "Invalid value: 'text'. Value must be 'output_text'.", "item.content[0].type"),
    ),
    (
        item(role="assistant", content=[{"type": "output_audio"}]),
        (
            "invalid_value",
            "Invalid value: 'output_audio'. Value must be 'output_text'.",
            "item.content[0].type",
        ),
    ),
    (
        item(role="system", content=[{"type": "text", "text": "x"}]),
        ("invalid_value", "Invalid value: 'text'. Value must be 'input_text'.", "item.content[0].type"),
    ),
    (
        item(role="user", content=[{"type": "text", "text": "x"}]),
        (
            "invalid_value",
            "Invalid value: 'text'. Supported values are: 'input_text', 'input_audio', and 'input_image'.",
            "item.content[0].type",
        ),
    ),
    (
        item(role="user", content=[{"type": "input_audio", "audio": ""}]),
        (
            "invalid_value",
            "Invalid 'item.content[0].audio'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) "
            "but got empty bytes.",
            "item.content[0].audio",
        ),
    ),
    (
        item(role="user", content=[], id="x" * 39),
        (
            "string_above_max_length",
            "Invalid 'item.id': string too long. Expected a string with maximum length 32, "
            "but got a string with length 39 instead.",
            "item.id",
        ),
    ),
    (
        item(role="user", content=[], id=""),
        (
            "empty_string",
            "Invalid 'item.id': empty string. Expected a string with minimum length 1, "
            "but got an empty string instead.",
            "item.id",
        ),
    ),
    (
        {"type": "conversation.item.create", "item": {"type": "item_reference", "id": "x"}},
        (
            "invalid_value",
            "Invalid value: 'item_reference'. Supported values are: 'message', 'function_call', "
            "'function_call_output', 'mcp_list_tools', 'mcp_call', 'mcp_approval_request', "
            "and 'mcp_approval_response'.",
            "item.type",
        ),
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 1500.5},
        (
            "invalid_type",
            "Invalid type for 'audio_end_ms': expected an integer, but got a decimal number instead.",
            "audio_end_ms",
        ),
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": -11},
        (
            "integer_below_min_value",
            "Invalid 'audio_end_ms': integer below minimum value. "
            "Expected a value >= 0, but got -11 instead.",
            "audio_end_ms",
        ),
    ),
    ({"type": "conversation.item.truncate", "item_id": "x"}, missing("content_index")),
    ({"type": "conversation.item.delete"}, missing("item_id")),
    # responses
    (response(modalities=["text"]), unknown("response.modalities")),
    (
        response(conversation="mine"),
        (
            "invalid_value",
            "Invalid value: 'mine'. Supported values are: 'auto' and 'none'.",
            "response.conversation",
        ),
    ),
    (
        response(metadata={str(n): "x" for n in range(17)}),
        (
            "object_above_max_length",
            "Invalid 'response.metadata': object too long. Expected an object with maximum length "
            "16 properties, but got an object with 17 properties instead.",
            "response.metadata",
        ),
    ),
    (
        response(metadata={"k" * 65: "x"}),
        (
            "string_above_max_length",
            "Invalid 'response.metadata': string too long. Expected a string with maximum length 64, "
            "but got a string with length 65 instead.",
            "response.metadata",
        ),
    ),
    (
        response(metadata={"k": 1}),
        (
            "invalid_type",
            "Invalid type for 'response.metadata.k': expected a string, but got an integer instead.",
            "response.metadata.k",
        ),
    ),
    (
        response(input=[{"type": "item_reference", "id": "item_x"}]),
        (
            "invalid_value",
            "Item with id 'item_x' does not exist in this conversation.",
            "response.input[0].id",
        ),
    ),
    (
        response(input=[user_text("a"), {"type": "message", "role": "user"}]),
        missing("response.input[1].content"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("event", "expected"), SHAPES, ids=[str(expected[1])[:60] for _, expected in SHAPES])
def test_shape_errors(event: dict[str, Any], expected: tuple[str, str, str | None]) -> None:
    """Exact code, sentence and param; the client's event id comes back; nothing else happens."""
    talk = Talk()
    before = talk.update()
    kind, fields = event.get("type"), {k: v for k, v in event.items() if k != "type"}
    inner = (
        talk.error(kind, **fields, event_id="mine")
        if kind
        else talk.only_error(talk.raw('{"event_id":"mine"}'))
    )
    assert inner == {
        "type": "invalid_request_error",
        "code": expected[0],
        "message": expected[1],
        "param": expected[2],
        "event_id": "mine",
    }
    assert talk.update() == before
    assert talk.session.items == []
    assert talk.session.active_response_id is None


STATES: list[tuple[dict[str, Any], str, str, bool]] = [
    (
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        "but buffer only has 0.00ms of audio.",
        True,
    ),
    (
        {"type": "response.cancel"},
        "response_cancel_not_active",
        "Cancellation failed: no active response found",
        True,
    ),
    (
        {"type": "response.cancel", "response_id": "resp_x"},
        "response_cancel_not_active",
        "Cancellation failed: no active response found",
        True,
    ),
    (
        {"type": "conversation.item.retrieve", "item_id": "item_x"},
        "item_retrieve_invalid_item_id",
        "Error retrieving item: the item with id 'item_x' does not exist.",
        False,
    ),
    (
        {"type": "conversation.item.delete", "item_id": "item_x"},
        "item_delete_invalid_item_id",
        "Error deleting item: the item with id 'item_x' does not exist.",
        False,
    ),
    (
        {"type": "conversation.item.truncate", "item_id": "item_x", "content_index": 0, "audio_end_ms": 0},
        "item_truncate_invalid_item_id",
        "Error truncating item: the item with id 'item_x' does not exist.",
        False,
    ),
    (
        {"type": "conversation.item.create", "item": user_text("x"), "previous_item_id": "item_x"},
        "item_create_invalid_previous_item_id",
        "Error adding item: the previous item with id 'item_x' does not exist.",
        False,
    ),
    (
        {"type": "conversation.item.create", "item": user_text("x", id="item_taken")},
        "item_create_duplicate_item_id",
        "Error adding item: an item with id 'item_taken' already exists.",
        False,
    ),
]


@pytest.mark.parametrize(
    ("event", "code", "message", "echoed"), STATES, ids=[code for _, code, _, _ in STATES]
)
def test_state_errors(event: dict[str, Any], code: str, message: str, echoed: bool) -> None:
    """Most errors of the conversation's state come with param and event id null, although one was sent."""
    talk = Talk()
    talk.say("conversation.item.create", item=user_text("x", id="item_taken"))
    fields = {k: v for k, v in event.items() if k != "type"}
    inner = talk.error(event["type"], **fields, event_id="mine")
    assert (inner["code"], inner["message"], inner["param"]) == (code, message, None)
    assert inner["event_id"] == ("mine" if echoed else None)
    assert talk.order() == ["item_taken"]


def test_the_first_fault_wins_and_the_order_is_fixed() -> None:
    """Type known, then unknown field, then missing field, then values, then state."""
    talk = Talk()
    assert talk.error("conversation.item.truncate", bogus=1)["param"] == "bogus"
    assert talk.error("conversation.item.truncate", item_id="x", audio_end_ms="soon")["param"] == (
        "content_index"
    )
    assert (
        talk.error("conversation.item.truncate", item_id="nowhere", content_index=0, audio_end_ms="soon")[
            "code"
        ]
        == "invalid_type"
    )
    both = talk.update_error(bogus=1, instructions=7)
    assert both["code"] == "unknown_parameter"


MESSAGES: list[tuple[bytes | str, str]] = [
    ("not json", "invalid_json"),
    ("", "invalid_json"),
    (b"\xff\xfe", "invalid_json"),
    ('{"type": NaN}', "invalid_json"),
    ('{"type":"\\ud800"}', "invalid_json"),
    ("[" * 5000, "invalid_json"),
    ("[1]", "invalid_event"),
    ('"response.create"', "invalid_event"),
    ("null", "invalid_event"),
]


@pytest.mark.parametrize(("data", "code"), MESSAGES, ids=[str(data)[:20] for data, _ in MESSAGES])
def test_messages_that_are_no_events(data: bytes | str, code: str) -> None:
    """One error, and the session goes on."""
    talk = Talk()
    inner = talk.only_error(talk.raw(data))
    assert (inner["code"], inner["param"], inner["event_id"]) == (code, None, None)
    assert talk.session.received[-1] == {"type": None, "invalid": len(data)}
    assert talk.say("input_audio_buffer.clear")[0]["type"] == "input_audio_buffer.cleared"


def test_binary_messages_are_refused() -> None:
    """The API speaks text."""
    talk = Talk()
    talk.session.receive_binary(b"{}", talk.now)
    inner = talk.only_error(talk.drain())
    assert (inner["code"], inner["message"]) == (
        "invalid_event",
        "Expected a text WebSocket message; binary frames are not supported.",
    )


def test_duplicate_keys_are_no_error() -> None:
    """The last one wins."""
    talk = Talk()
    events = talk.raw('{"type":"nope","type":"input_audio_buffer.clear"}')
    assert events[0]["type"] == "input_audio_buffer.cleared"


@pytest.mark.parametrize("event_id", [5, None, "x" * 513])
def test_an_event_id_that_is_none_is_not_echoed(event_id: object) -> None:
    """It is refused like any other field."""
    inner = Talk().error("input_audio_buffer.clear", event_id=event_id)
    assert (inner["param"], inner["event_id"]) == ("event_id", None)


def test_strangers_strings_are_cut_before_they_come_back() -> None:
    """An error is for reading, however long the value was."""
    talk = Talk()
    assert len(talk.error("x" * 100_000)["message"]) < 1000
    assert len(talk.update_error(**{"x" * 100_000: 1})["message"]) < 1000
    assert len(talk.error("conversation.item.delete", item_id="x" * 100_000)["message"]) < 1000


def test_what_could_not_be_sent_back_is_refused_when_it_comes() -> None:
    """A tool's schema is echoed, so it must fit the encoder."""
    schema = '{"items":' * 300 + "{}" + "}" * 300
    tool = f'{{"type":"function","name":"deep","parameters":{schema}}}'
    update = f'{{"type":"session.update","session":{{"type":"realtime","tools":[{tool}]}}}}'
    talk = Talk()
    refused = talk.only_error(talk.raw(update))
    assert refused["param"] == "session.tools[0].parameters"
    assert refused["message"] == "Invalid 'session.tools[0].parameters': nested deeper than 100 levels."


def test_audio_errors_name_the_sessions_format() -> None:
    """The words between the brackets follow it."""
    talk = Talk()
    talk.update(audio={"input": {"format": {"type": "audio/pcma"}}})
    assert "(mono G.711 A-law at 8kHz)" in talk.error("input_audio_buffer.append", audio="")["message"]


def test_a_turn_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of audio that is never committed is all a session holds; then appends are refused."""
    monkeypatch.setattr("realtime_raw.loopback.input_audio._MAX_SECONDS", 1)
    talk = Talk()
    talk.manual()
    talk.append(bytes(47_000))
    refused = talk.error("input_audio_buffer.append", audio=b64(bytes(1002)))
    assert refused["message"] == "Invalid 'audio': the input audio buffer already holds 1 seconds of audio."
    assert talk.append(bytes(1000)) == []
    assert talk.say("input_audio_buffer.commit")[0]["type"] == "input_audio_buffer.committed"


def test_an_append_has_a_limit() -> None:
    """15 MiB of audio, as documented."""
    talk = Talk()
    talk.manual()
    limit = 15 << 20
    assert talk.say("input_audio_buffer.append", audio=b64(bytes(limit))) == []
    assert talk.error("input_audio_buffer.append", audio=b64(bytes(limit + 2)))["code"] == (
        "string_above_max_length"
    )
    assert talk.say("input_audio_buffer.commit")[0]["type"] == "input_audio_buffer.committed"

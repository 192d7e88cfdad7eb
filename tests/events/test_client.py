"""Client events: what is named goes on the wire, and a mistake fails on the caller's own line."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, ValidationError

import realtime_raw.events as ev
from realtime_raw import codec
from realtime_raw.errors import InvalidCommand
from realtime_raw.events.base import Outbound, problems_of
from realtime_raw.types import UNSET
from tests.events import mutate

Sample = tuple[str, dict[str, Any]]

# Objects whose keys are the caller's own.
FREE = {"parameters", "metadata", "headers", "input_schema", "annotations", "variables"}


def test_a_message_round_trips(client_sample: Sample) -> None:
    dialect, message = client_sample
    event = codec.decode_client(orjson.dumps(message), ev.DIALECTS[dialect])
    assert type(event) is ev.DIALECTS[dialect].client[message["type"]]
    assert event.to_wire() == message
    assert event.raw == message
    wire = codec.encode(event)
    assert orjson.loads(wire) == message
    assert wire.startswith(b'{"type":')


def test_dicts_and_keywords_build_the_same(client_sample: Sample) -> None:
    dialect, message = client_sample
    cls = ev.DIALECTS[dialect].client[message["type"]]
    fields = {key: value for key, value in message.items() if key != "type"}
    assert cls(**fields).to_wire() == message


def outbound(cls: type[Outbound] = Outbound) -> Iterator[type[Outbound]]:
    for one in cls.__subclasses__():
        yield one
        yield from outbound(one)


@pytest.mark.parametrize("cls", list(outbound()), ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_a_bare_command_is_what_validation_makes_of_nothing(cls: type[Outbound]) -> None:
    """It is made without a validator: the same values, names, faults, and nothing shared."""
    if any(field.is_required() for field in cls.model_fields.values()):
        with pytest.raises(InvalidCommand) as caught:
            cls()
        with pytest.raises(ValidationError) as expected:
            cls.model_validate({})
        assert caught.value.problems == problems_of(expected.value, outbound=cls)
        return
    bare, validated = cls(), cls.model_validate({})
    assert [name for name in BaseModel.__slots__ if getattr(bare, name) != getattr(validated, name)] == []
    assert bare == validated
    assert repr(bare) == repr(validated)
    assert cls().__dict__ is not bare.__dict__
    assert cls().model_fields_set is not bare.model_fields_set
    for made in (copy.copy(bare), copy.deepcopy(bare), pickle.loads(pickle.dumps(bare)), bare.model_copy()):
        assert made == bare


def test_no_validator_is_built_for_a_bare_command() -> None:
    """That of `response.create` takes long; most replies are asked for without a word."""
    code = """
from realtime_raw import codec, events as ev
from realtime_raw.protocol.core import Options, RealtimeProtocol

core = RealtimeProtocol(options=Options(manual_turns=False))
core.connected(0.0)
core.receive_message(b'{"type":"session.created","session":{"type":"realtime"}}', 0.0)
core.send(ev.ResponseCreate(), 0.0)
codec.decode_client('{"type":"response.create"}')
print(ev.ResponseCreate.__pydantic_complete__, ev.ResponseConfig.__pydantic_complete__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_field_nobody_knows_is_refused_with_its_path(client_sample: Sample) -> None:
    dialect, message = client_sample
    for path, changed in mutate.with_field_added(message):
        if FREE & set(path):
            continue
        with pytest.raises(InvalidCommand) as caught:
            codec.decode_client(orjson.dumps(changed), ev.DIALECTS[dialect])
        expected = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in (*path, "field_of_tomorrow"))
        problem = next(p for p in caught.value.problems if p.path == expected.removeprefix("."))
        assert problem.message == "unknown parameter"


def test_null_is_sent_where_it_means_something() -> None:
    nothing = ev.RealtimeSessionConfig(tracing=None, prompt=None, audio=ev.SessionAudioConfig())
    assert nothing.to_wire() == {"type": "realtime", "audio": {}, "tracing": None, "prompt": None}
    off = ev.AudioInputConfig(transcription=None, noise_reduction=None, turn_detection=None)
    assert off.to_wire() == {"transcription": None, "noise_reduction": None, "turn_detection": None}
    for field in ("instructions", "tools", "model", "truncation", "tool_choice", "output_modalities"):
        assert problem_with(ev.RealtimeSessionConfig, **{field: None})[0] == field


def test_absent_null_and_value_are_three_things() -> None:
    absent = ev.RealtimeSessionConfig(tracing=UNSET)
    assert absent.tracing is UNSET
    assert absent.to_wire() == {"type": "realtime"}
    assert ev.RealtimeSessionConfig(tracing=None).to_wire() == {"type": "realtime", "tracing": None}
    assert ev.RealtimeSessionConfig(tracing="auto").to_wire() == {"type": "realtime", "tracing": "auto"}
    session: Any = {"type": "realtime", "tracing": UNSET, "instructions": ""}
    nested = ev.SessionUpdate(session=session)
    assert nested.to_wire()["session"] == {"type": "realtime", "instructions": ""}


def problem_with(cls: type[Outbound], **fields: Any) -> tuple[str, str]:
    with pytest.raises(InvalidCommand) as caught:
        cls(**fields)
    (problem,) = caught.value.problems
    return problem.path, problem.message


@pytest.mark.parametrize(
    ("cls", "field", "good", "bad"),
    [
        (ev.AudioOutputConfig, "speed", [0.25, 1, 1.5], [0.249, 1.51, "1", True, float("nan")]),
        (ev.ServerVad, "threshold", [0, 0.5, 1.0], [-0.1, 1.1, "0.5", float("inf")]),
        (ev.ServerVad, "idle_timeout_ms", [None, 5000, 30000], [4999, 30001, 6000.5, "6000"]),
        (ev.ServerVad, "prefix_padding_ms", [0, 300], [-1, 1.5, True, None]),
        (ev.ServerVad, "silence_duration_ms", [0, 500], [-1, None]),
        (ev.ServerVad, "create_response", [True, False], [None, 1, "yes"]),
        (ev.SemanticVad, "eagerness", ["low", "medium", "high", "auto"], ["eager", None, 1]),
        (ev.Transcription, "languages", [["en"]], [[], "en", [1]]),
        (ev.Transcription, "delay", ["minimal", "xhigh"], ["none"]),
        (ev.Transcription, "model", ["whisper-1", "my-azure-deployment"], [1, None]),
        (ev.NoiseReduction, "strength", [0, 1], [-0.1, 1.1]),
        (ev.NoiseReduction, "type", ["near_field", "far_field"], ["near"]),
        (ev.RealtimeSessionConfig, "max_output_tokens", [1, 4096, "inf"], [0, 4097, -1, "max", 1.0, True]),
        (ev.RealtimeSessionConfig, "output_modalities", [["audio"], ["text"]], [[], ["image"], "audio"]),
        (ev.RealtimeSessionConfig, "tool_choice", ["none", "auto", "required"], ["any"]),
        (ev.RealtimeSessionConfig, "truncation", ["auto", "disabled"], ["on"]),
        (ev.RealtimeSessionConfig, "parallel_tool_calls", [True], ["true"]),
        (ev.RealtimeSessionConfig, "include", [["item.input_audio_transcription.logprobs"], []], [["x"]]),
        (ev.RetentionRatio, "retention_ratio", [0, 0.5, 1], [-0.01, 1.01, "0.5"]),
        (ev.TokenLimits, "post_instructions", [0, 9000], [-1, 0.5]),
        (ev.Reasoning, "effort", ["minimal", "low", "medium", "high", "xhigh"], ["none"]),
        (ev.PcmFormat, "rate", [24000], [16000, 48000, "24000"]),
        (ev.ResponseConfig, "conversation", ["auto", "none"], ["non", "conv_1"]),
        (ev.ResponseConfig, "metadata", [None, {}, {"k" * 64: "v" * 512}], [{"k": 1}]),
        (ev.InputAudioBufferCommit, "event_id", ["", "e" * 512], ["e" * 513, 5, None]),
        (ev.ResponseCancel, "response_id", ["resp_1"], [None, 5]),
    ],
)
def test_values_in_and_out_of_range(cls: type[Outbound], field: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert cls(**{field: value}).to_wire()[field] == value
    for value in bad:
        path, _ = problem_with(cls, **{field: value})
        assert path.startswith(field), value


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("audio_end_ms", [0, 1500], [-1, 1500.5, 1500.0, "1500", True, None]),
        ("content_index", [0, 3], [-1, 0.0, "0", False]),
        ("item_id", ["item_1"], [None, 5]),
    ],
)
def test_a_truncation_is_in_whole_milliseconds(field: str, good: list[Any], bad: list[Any]) -> None:
    fields: dict[str, Any] = {"item_id": "item_1", "content_index": 0, "audio_end_ms": 0}
    for value in good:
        assert ev.ConversationItemTruncate(**{**fields, field: value}).to_wire()[field] == value
    for value in bad:
        path, _ = problem_with(ev.ConversationItemTruncate, **{**fields, field: value})
        assert path == field


def test_an_mcp_server_is_reached_in_exactly_one_way() -> None:
    ways: dict[str, Any] = {
        "server_url": "https://mcp.example/sse",
        "connector_id": "connector_gmail",
        "tunnel_id": "tunnel_" + "a1" * 16,
    }
    for name, value in ways.items():
        assert ev.McpTool(server_label="x", **{name: value}).to_wire()[name] == value
    assert ev.McpTool(server_label="x").to_wire() == {"type": "mcp", "server_label": "x"}
    two = dict(list(ways.items())[:2])
    for wrong in (two, ways, {"authorization": "t"}, {"allowed_tools": ["a"]}):
        path, message = problem_with(ev.McpTool, server_label="x", **wrong)
        assert (path, message) == ("", "exactly one of server_url, connector_id and tunnel_id is needed")
    tools = [{"type": "mcp", "server_label": "x", **two}]
    assert (
        problem_with(ev.SessionUpdate, session={"type": "realtime", "tools": tools})[0] == "session.tools[0]"
    )
    assert problem_with(ev.McpTool, server_label="x", tunnel_id="tunnel_A")[0] == "tunnel_id"
    assert problem_with(ev.McpTool, server_label="x", connector_id="connector_x")[0] == "connector_id"
    _, clash = problem_with(
        ev.McpTool, server_label="x", server_url="u", authorization="t", headers={"authorization": "t"}
    )
    assert clash == "authorization and an Authorization header exclude each other"


def test_secrets_of_a_tool_do_not_show() -> None:
    tool = ev.McpTool(
        server_label="x", server_url="https://m", authorization="hush-1", headers={"X-Key": "hush-2"}
    )
    event = ev.SessionUpdate(session=ev.RealtimeSessionConfig(tools=[tool]))
    assert event.to_wire()["session"]["tools"][0]["authorization"] == "hush-1"
    for shown in (repr(tool), str(tool), repr(event), str(event)):
        assert "hush" not in shown
    wrong: dict[str, Any] = {
        "authorization": "hush-1",
        "headers": {"a": "hush-2", "b": 3},
        "tunnel_id": "hush",
    }
    with pytest.raises(InvalidCommand) as caught:
        ev.McpTool(server_label="x", **wrong)
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(caught.value)


def test_what_is_sent_is_not_what_was_passed_in() -> None:
    """Changing the dict afterwards, or the wire form, changes neither the model nor the other."""
    parameters: dict[str, Any] = {"type": "object", "properties": {}}
    tool = ev.FunctionTool(name="f", parameters=parameters)
    before = copy.deepcopy(tool.to_wire())
    tool.to_wire()["parameters"]["type"] = "array"
    assert tool.to_wire() == before


def test_client_events_cannot_be_changed() -> None:
    event = ev.ResponseCancel(response_id="resp_1")
    with pytest.raises(Exception, match="frozen"):
        event.response_id = "resp_2"


def test_types_are_checked_by_the_type_checker_too() -> None:
    """Optional fields are keywords with a default; a wrong one is an error before it runs."""
    with pytest.raises(InvalidCommand):
        ev.ResponseCreate(respnse={})  # type: ignore[call-arg]
    with pytest.raises(InvalidCommand):
        ev.ConversationItemDelete()  # type: ignore[call-arg]
    with pytest.raises(InvalidCommand):
        ev.AudioOutputConfig(speed="fast")  # type: ignore[arg-type]

"""Checks of single values: what JSON cannot hold, base64, ids, metadata."""

from __future__ import annotations

import base64
from typing import Any

import pytest

import realtime_raw.events as ev
from realtime_raw.errors import InvalidCommand
from realtime_raw.events import items
from realtime_raw.events.base import Outbound


def problem_with(cls: type[Outbound], **fields: Any) -> tuple[str, str]:
    with pytest.raises(InvalidCommand) as caught:
        cls(**fields)
    (problem,) = caught.value.problems
    return problem.path, problem.message


def test_free_objects_hold_what_json_can_hold() -> None:
    good = {"type": "object", "enum": [1, 2.5, None, True, "é😀"], "properties": {"a": {"type": "string"}}}
    assert ev.FunctionTool(name="f", parameters=good).to_wire()["parameters"] == good
    deep: dict[str, Any] = {}
    for _ in range(150):
        deep = {"a": deep}
    for bad, path, message in (
        ({"a": [0, float("nan")]}, "parameters.a[1]", "is NaN or infinite, which JSON cannot hold"),
        ({"a": {"b": b"x"}}, "parameters.a.b", "is a bytes, which JSON cannot hold"),
        ({"a": {1: 2}}, "parameters.a", "a key inside is not a string"),
        ({"a": "\ud800"}, "parameters.a", "holds a lone surrogate, which UTF-8 cannot"),
        ({"\ud800": 1}, "parameters", "a key inside holds a lone surrogate, which UTF-8 cannot"),
        ({"a": 2**64}, "parameters.a", "is beyond 64 bits"),
        (deep, "", "nested deeper than 100 levels"),
    ):
        assert problem_with(ev.FunctionTool, name="f", parameters=bad) == (path, message)
    tool = {"type": "function", "name": "f", "parameters": {"a": float("inf")}}
    path, _ = problem_with(ev.SessionUpdate, session={"type": "realtime", "tools": [tool]})
    assert path == "session.tools[0].parameters.a"
    path, _ = problem_with(ev.RealtimeSessionConfig, instructions="\ud800")
    assert path == "instructions"
    path, _ = problem_with(ev.ConversationItemTruncate, item_id="x", content_index=0, audio_end_ms=2**64)
    assert path == "audio_end_ms"


def test_metadata_is_bounded() -> None:
    too_many = {str(i): "" for i in range(17)}
    assert problem_with(ev.ResponseConfig, metadata=too_many)[0] == "metadata"
    assert problem_with(ev.ResponseConfig, metadata={"k": "v" * 513})[0] == "metadata.k"
    path, message = problem_with(ev.ResponseConfig, metadata={"k" * 65: "v"})
    assert path == "metadata." + "k" * 65
    assert "64 characters" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected audio, found no bytes"),
        ("AAA", "expected base64 text"),
        ("AA-_", "expected base64 text"),
        ("AAAA\n", "expected base64 text"),
        ("é", "expected base64 text"),
        (base64.b64encode(bytes(15 * 1024 * 1024 + 1)).decode(), "at most 15 MiB"),
    ],
)
def test_audio_is_base64_of_something(text: str, message: str) -> None:
    for build in (lambda: ev.NewInputAudio(audio=text), lambda: ev.InputAudioBufferAppend(audio=text)):
        with pytest.raises(InvalidCommand) as caught:
            build()
        (problem,) = caught.value.problems
        assert problem.path == "audio"
        assert problem.message.startswith(message)
        assert text not in str(caught.value) or not text


def test_ids_we_choose_are_short_and_ids_we_quote_are_free() -> None:
    long = "x" * 33
    for build in (
        lambda: ev.NewUserMessage(id=long, content=[]),
        lambda: ev.NewUserMessage(id="", content=[]),
        lambda: ev.NewFunctionCall(name="f", arguments="{}", call_id=long),
    ):
        with pytest.raises(InvalidCommand, match="should have at"):
            build()
    assert ev.NewFunctionCallOutput(call_id=long, output="").to_wire()["call_id"] == long
    assert items.ref(long).id == long

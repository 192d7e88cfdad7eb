"""The verbs' keywords on the wire: what is named is there, and what is not is not."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_raw import events as ev
from realtime_raw.aio.requests import ResponseOptions, item_create, response_create
from realtime_raw.errors import InvalidCommand, LocalProtocolError
from realtime_raw.types import UNSET

REFERENCE = {"type": "item_reference", "id": "item_1"}
TOOL = {"type": "function", "name": "f"}


@pytest.mark.parametrize(
    ("options", "wire"),
    [
        ({}, None),
        ({"instructions": UNSET, "input": UNSET, "tools": UNSET, "metadata": UNSET}, None),
        ({"instructions": "i"}, {"instructions": "i"}),
        ({"output": "text"}, {"output_modalities": ["text"]}),
        ({"conversation": "none"}, {"conversation": "none"}),
        ({"input": []}, {"input": []}),
        ({"input": None}, None),
        ({"input": [ev.ItemReference(id="item_1")]}, {"input": [REFERENCE]}),
        (
            {"input": ["hi"]},
            {
                "input": [
                    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
                ]
            },
        ),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"metadata": None}, {"metadata": None}),
        ({"prompt": None}, {"prompt": None}),
        ({"voice": "cedar"}, {"audio": {"output": {"voice": "cedar"}}}),
        ({"output_format": ev.PcmuFormat()}, {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}),
        ({"tools": [ev.FunctionTool(name="f")]}, {"tools": [TOOL]}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        ({"max_output_tokens": 7}, {"max_output_tokens": 7}),
        ({"reasoning": ev.Reasoning(effort="low")}, {"reasoning": {"effort": "low"}}),
    ],
)
def test_response_options(options: ResponseOptions, wire: dict[str, Any] | None) -> None:
    """Each at its place, three-valued where the wire is."""
    expected: dict[str, Any] = {"type": "response.create"}
    if wire is not None:
        expected["response"] = wire
    assert response_create(options).to_wire() == expected


def test_every_option_is_tested_above() -> None:
    """A new one must be given its place on the wire."""
    cases = test_response_options.pytestmark[0].args[1]
    assert {name for options, _ in cases for name in options} == set(ResponseOptions.__annotations__)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"instruction": "x"}, "no option 'instruction'"),
        ({"modalities": ["text"]}, "no option 'modalities'"),
        ({"output": "video"}, "output_modalities"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"voice": 7}, "voice"),
        ({"input": [7]}, "input"),
    ],
)
def test_wrong_options(options: Any, words: str) -> None:
    """Refused where they are named."""
    with pytest.raises(LocalProtocolError, match=words):
        response_create(options)


def test_item_create() -> None:
    """Text in each role, items as they are, at a place, with a name."""
    assert item_create("t", "user", None, None).to_wire()["item"] == {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "t"}],
    }
    assert item_create("t", "assistant", "root", "item_1").to_wire() == {
        "type": "conversation.item.create",
        "previous_item_id": "root",
        "item": {
            "id": "item_1",
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "t"}],
        },
    }
    output = ev.NewFunctionCallOutput(call_id="call_1", output="{}")
    assert item_create(output, "user", "item_0", None).item is output
    named = item_create(output, "user", None, "item_2").item
    assert named.to_wire() == {**output.to_wire(), "id": "item_2"}
    with pytest.raises(InvalidCommand):
        item_create(output, "user", None, "i" * 33)

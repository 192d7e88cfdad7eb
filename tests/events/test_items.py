"""Items and parts: the unknown is kept, and ours are refused where the server would refuse them."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

import realtime_raw.events as ev
from realtime_raw import codec
from realtime_raw.errors import InvalidCommand
from realtime_raw.events import items


def item_of(item: dict[str, Any]) -> ev.BaseItem:
    event = codec.decode(orjson.dumps({"type": "conversation.item.added", "item": item}))
    assert isinstance(event, ev.ConversationItemAdded)
    assert event.item is not None
    assert event.item.to_wire() == item
    return event.item


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"type": "message", "role": "system", "content": []}, ev.SystemMessage),
        ({"type": "message", "role": "user", "content": []}, ev.UserMessage),
        ({"type": "message", "role": "assistant", "content": []}, ev.AssistantMessage),
        ({"type": "function_call"}, ev.FunctionCall),
        ({"type": "function_call_output"}, ev.FunctionCallOutput),
        ({"type": "mcp_list_tools"}, ev.McpListTools),
        ({"type": "mcp_call"}, ev.McpCall),
        ({"type": "mcp_approval_request"}, ev.McpApprovalRequest),
        ({"type": "mcp_approval_response"}, ev.McpApprovalResponse),
        ({"type": "message", "role": "narrator"}, ev.UnknownItem),
        ({"type": "message"}, ev.UnknownItem),
        ({"type": "computer_call", "id": "x", "screen": {}}, ev.UnknownItem),
        ({"type": None}, ev.UnknownItem),
        ({}, ev.UnknownItem),
    ],
)
def test_the_kind_of_an_item(item: dict[str, Any], expected: type[ev.BaseItem]) -> None:
    assert type(item_of(item)) is expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("input_text", ev.InputText),
        ("input_audio", ev.InputAudio),
        ("input_image", ev.InputImage),
        ("output_text", ev.OutputText),
        ("output_audio", ev.OutputAudio),
        ("text", ev.OutputText),
        ("audio", ev.OutputAudio),
        ("input_video", ev.UnknownPart),
        (None, ev.UnknownPart),
    ],
)
def test_the_kind_of_a_part(kind: str | None, expected: type[ev.BasePart]) -> None:
    item = item_of({"type": "message", "role": "assistant", "content": [{"type": kind, "new": 1}]})
    assert isinstance(item, ev.AssistantMessage)
    assert item.content is not None
    (part,) = item.content
    assert type(part) is expected
    assert part.type == kind


def test_models_may_be_given_where_the_wire_has_objects() -> None:
    event = ev.ConversationItemAdded(
        item=ev.UserMessage(type="message", role="user", content=[ev.InputText(type="input_text", text="x")])
    )
    assert event.to_wire() == {
        "type": "conversation.item.added",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
    }


def test_helpers_build_what_the_wire_wants() -> None:
    assert items.ref("item_1").to_wire() == {"type": "item_reference", "id": "item_1"}
    for helper, role, kind in (
        (items.user, "user", "input_text"),
        (items.system, "system", "input_text"),
        (items.assistant, "assistant", "output_text"),
    ):
        assert helper("x").to_wire() == {
            "type": "message",
            "role": role,
            "content": [{"type": kind, "text": "x"}],
        }


def test_an_image_from_bytes_or_a_uri() -> None:
    png, jpeg = b"\x89PNG\r\n\x1a\n...", b"\xff\xd8\xff\xe0..."
    uri = "data:image/png;base64," + base64.b64encode(png).decode()
    assert items.image(png).to_wire() == {"type": "input_image", "image_url": uri}
    assert items.image(uri, detail="low").to_wire() == {
        "type": "input_image",
        "image_url": uri,
        "detail": "low",
    }
    assert items.image(jpeg).image_url.startswith("data:image/jpeg;base64,")


def test_an_image_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidCommand) as caught:
        items.image(b"GIF89a")
    assert str(caught.value) == (
        "NewInputImage: image_url: the bytes are neither a PNG nor a JPEG file (got 6 bytes)"
    )
    with pytest.raises(InvalidCommand, match="expected a data URI"):
        items.image("https://example.org/x.png")


ROLES = {
    "system": ["input_text"],
    "user": ["input_text", "input_audio", "input_image"],
    "assistant": ["output_text"],
}
PARTS = {
    "input_text": {"type": "input_text", "text": "x"},
    "input_audio": {"type": "input_audio", "audio": "AAAA"},
    "input_image": {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
    "output_text": {"type": "output_text", "text": "x"},
    "output_audio": {"type": "output_audio", "transcript": "x"},
    "text": {"type": "text", "text": "x"},
    "audio": {"type": "audio", "audio": "AAAA"},
    "item_reference": {"type": "item_reference", "id": "x"},
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", PARTS)
def test_role_and_content_go_together(role: str, kind: str) -> None:
    message = {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": role, "content": [PARTS[kind]]},
    }
    if kind in ROLES[role]:
        assert codec.decode_client(orjson.dumps(message)).to_wire() == message
        return
    with pytest.raises(InvalidCommand) as caught:
        codec.decode_client(orjson.dumps(message))
    (problem,) = caught.value.problems
    assert problem.path == "item.content[0].type"
    assert all(repr(allowed) in problem.message for allowed in ROLES[role])


def test_a_part_of_another_role_is_refused_as_a_model_too() -> None:
    with pytest.raises(InvalidCommand) as caught:
        ev.NewAssistantMessage(content=[ev.NewInputText(text="x")])  # type: ignore[list-item]
    assert str(caught.value) == (
        "NewAssistantMessage: content[0].type: value must be 'output_text' (got a string of 10 characters)"
    )


def test_references_are_for_responses_only() -> None:
    ev.ResponseCreate(response=ev.ResponseConfig(input=[items.ref("item_1"), items.user("x")]))
    with pytest.raises(InvalidCommand) as caught:
        ev.ConversationItemCreate(item=items.ref("item_1"))  # type: ignore[arg-type]
    (problem,) = caught.value.problems
    assert problem.path == "item.type"
    assert problem.hint == "references are legal in the input of response.create only"

"""Resilience: messages that are no events, events that are wrong, and a session that goes on all the same."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ..case import Case, Certainty, Level, case
from ..collecting import check_error, refusal_of
from ..probe import Probe

_case = partial(case, family="resilience", tokens=0, seconds=0.5)
_GOES_ON = "API reference, error (most errors are recoverable, the session stays open)"


def _refused(
    case_id: str,
    what: str,
    message: Mapping[str, Any] | str | bytes,
    *,
    level: Level = "should",
    certainty: Certainty = "inferred",
    source: str = _GOES_ON,
    binary: bool = False,
    **wanted: Any,
) -> Case:
    """A case: one bad message is answered by one error, and the session goes on.

    `wanted` are fields of the error.
    """
    fields = ", ".join(f"{name} {value}" for name, value in wanted.items())

    @_case(
        case_id,
        f"{what[0].upper()}{what[1:]} is refused",
        level=level,
        certainty=certainty,
        rule=f"{what[0].upper()}{what[1:]} is answered by one `error`{f' ({fields})' if fields else ''}, "
        "and the session goes on.",
        source=source,
        sends=f"{what}, then a session.update",
        expects=f"one error{f' with {fields}' if fields else ''}, then session.updated",
    )
    async def run(probe: Probe) -> None:
        error = await refusal_of(probe, message, what, binary=binary)
        check_error(probe, error, **wanted)

    return run


def _update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def _item(**item: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": item}


# --- messages that are no events ----------------------------------------------------------

no_json = _refused("RT-RESI-001", "text that is no JSON", '{"type": "session.update", ', certainty="observed")
empty_message = _refused("RT-RESI-002", "an empty message", "")
array_message = _refused("RT-RESI-003", "a JSON array", '[{"type": "response.create"}]')
string_message = _refused("RT-RESI-004", "a JSON string", '"response.create"')
null_message = _refused("RT-RESI-005", "a JSON null", "null")
binary_message = _refused(
    "RT-RESI-006",
    "a binary message",
    b'{"type": "response.create"}',
    certainty="observed",
    source="observed on the live API",
    binary=True,
)

# --- events that are wrong ----------------------------------------------------------------

no_type = _refused(
    "RT-RESI-010",
    "an event without a type",
    {"response": {}},
    level="must",
    certainty="documented",
    source="API reference, error (its example)",
    type="invalid_request_error",
)
no_type_code = _refused(
    "RT-RESI-011",
    "an event that lacks its type",
    {},
    certainty="documented",
    source="API reference, error (its example)",
    code="invalid_event",
)
type_number = _refused("RT-RESI-012", "an event whose type is a number", {"type": 5})
type_null = _refused("RT-RESI-013", "an event whose type is null", {"type": None})
long_event_id = _refused(
    "RT-RESI-014",
    "an event_id of 513 characters",
    {"type": "input_audio_buffer.clear", "event_id": "x" * 513},
    certainty="documented",
    source="API reference, client events (event_id is at most 512 characters)",
)
number_event_id = _refused(
    "RT-RESI-015", "an event_id that is a number", {"type": "input_audio_buffer.clear", "event_id": 5}
)
unknown_field = _refused(
    "RT-RESI-016",
    "an event with a field it does not have",
    {"type": "input_audio_buffer.clear", "conformance": True},
    certainty="observed",
    source="observed on the live API",
    code="unknown_parameter",
    param="conformance",
)

# --- fields that are wrong ----------------------------------------------------------------

session_string = _refused(
    "RT-RESI-020", "a session that is a string", {"type": "session.update", "session": "realtime"}
)
session_missing = _refused(
    "RT-RESI-021",
    "a session.update without a session",
    {"type": "session.update"},
    certainty="documented",
    source="API reference, session.update (session is required)",
)
tools_object = _refused(
    "RT-RESI-022", "a list of tools that is an object", _update(tools={"type": "function"})
)
instructions_number = _refused("RT-RESI-023", "instructions that are a number", _update(instructions=7))
response_array = _refused(
    "RT-RESI-024", "a response that is an array", {"type": "response.create", "response": []}
)
item_null = _refused(
    "RT-RESI-025", "an item that is null", {"type": "conversation.item.create", "item": None}
)
item_missing = _refused(
    "RT-RESI-026",
    "a conversation.item.create without an item",
    {"type": "conversation.item.create"},
    certainty="documented",
    source="API reference, conversation.item.create (item is required)",
)
item_type = _refused("RT-RESI-027", "an item of an unknown type", _item(type="conformance"))
item_role = _refused(
    "RT-RESI-028",
    "a message of an unknown role",
    _item(type="message", role="conformance", content=[{"type": "input_text", "text": "x"}]),
    certainty="documented",
    source="API reference, the Item object (roles)",
)
content_string = _refused(
    "RT-RESI-029", "content that is a string", _item(type="message", role="user", content="Hello")
)
content_type = _refused(
    "RT-RESI-030",
    "a content part of an unknown type",
    _item(type="message", role="user", content=[{"type": "conformance", "text": "x"}]),
)
content_text = _refused(
    "RT-RESI-031",
    "an input_text part without text",
    _item(type="message", role="user", content=[{"type": "input_text"}]),
    certainty="observed",
    source="observed on the live API",
    code="missing_required_parameter",
    param="item.content[0].text",
)
audio_null = _refused(
    "RT-RESI-032", "audio that is null", {"type": "input_audio_buffer.append", "audio": None}
)
audio_text = _refused(
    "RT-RESI-033",
    "audio that is no base64",
    {"type": "input_audio_buffer.append", "audio": "!no base64!"},
    certainty="observed",
    source="observed on the live API",
    param="audio",
)
audio_empty = _refused(
    "RT-RESI-034",
    "audio of no bytes",
    {"type": "input_audio_buffer.append", "audio": ""},
    certainty="observed",
    source="observed on the live API",
    param="audio",
)
image_text = _refused(
    "RT-RESI-035",
    "an input_image part without an image",
    _item(type="message", role="user", content=[{"type": "input_image"}]),
)

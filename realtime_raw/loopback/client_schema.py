"""What a client may send, as data: one schema per client event.

Only shapes live here; what a shape means for the session's state is `brain`'s
business. Field names, enums and bounds follow the API reference. Where the
reference and observed refusals differ, the refusals win: assistant content is
`output_text` alone, a realtime session takes one modality.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import refusals
from .validate import (
    ByType,
    Choice,
    Decimal,
    Flag,
    Free,
    Kind,
    ListOf,
    Nullable,
    Shape,
    StringMap,
    Tagged,
    Text,
    Whole,
)

__all__ = ["EVENTS", "TRANSLATION_ONLY", "VOICES", "check_event"]

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")

_ITEM_ID = Text(limit=32, filled=True)  # enforced on item ids, reported for call ids (observed)
_TEXT = Text()

# --- audio -------------------------------------------------------------------------------

_FORMAT = Tagged(
    "type",
    {
        "audio/pcm": Shape({"type": _TEXT, "rate": Whole(24000, 24000)}),
        "audio/pcmu": Shape({"type": _TEXT}),
        "audio/pcma": Shape({"type": _TEXT}),
    },
)
_VOICE = ByType(
    {str: Choice(VOICES), dict: Shape({"id": Text(filled=True)}, ("id",))}, "a string or an object"
)
_TURN_FLAGS: dict[str, Kind] = {"create_response": Flag(), "interrupt_response": Flag()}
_TURN_DETECTION = Tagged(
    "type",
    {
        "server_vad": Shape(
            {
                "type": _TEXT,
                "threshold": Decimal(0.0, 1.0),
                "prefix_padding_ms": Whole(0),
                "silence_duration_ms": Whole(0),
                "idle_timeout_ms": Nullable(Whole(5000, 30000)),
                **_TURN_FLAGS,
            }
        ),
        "semantic_vad": Shape(
            {"type": _TEXT, "eagerness": Choice(("low", "medium", "high", "auto")), **_TURN_FLAGS}
        ),
    },
)
_TRANSCRIPTION = Shape(
    {
        "model": Text(filled=True),
        "language": Nullable(_TEXT),
        "languages": ListOf(_TEXT, least=1),
        "keywords": ListOf(_TEXT),
        "prompt": Nullable(_TEXT),
        "delay": Choice(("minimal", "low", "medium", "high", "xhigh")),
    }
)
_NOISE_REDUCTION = Shape({"type": Choice(("near_field", "far_field")), "strength": Decimal(0.0, 1.0)})
_AUDIO_INPUT = Shape(
    {
        "format": _FORMAT,
        "transcription": Nullable(_TRANSCRIPTION),
        "noise_reduction": Nullable(_NOISE_REDUCTION),
        "turn_detection": Nullable(_TURN_DETECTION),
    }
)
_INCLUDE = Nullable(ListOf(Choice(("item.input_audio_transcription.logprobs",))))

# --- tools -------------------------------------------------------------------------------

_TOOL_FILTER = Shape({"tool_names": ListOf(_TEXT), "read_only": Flag()})
_CONNECTORS = tuple(
    f"connector_{name}"
    for name in (
        "dropbox", "gmail", "googlecalendar", "googledrive",
        "microsoftteams", "outlookcalendar", "outlookemail", "sharepoint",
    )
)  # fmt: skip


def _one_mcp_address(tool: Mapping[str, Any], path: str) -> None:
    """A server is reached one way. None at all may name a server known from before (API guide)."""
    given = [name for name in ("server_url", "connector_id", "tunnel_id") if name in tool]
    if len(given) > 1:
        raise refusals.invalid(
            path, f"Invalid '{path}': expected only one of {refusals.listed(given, 'or')}."
        )
    if "tunnel_id" in tool and not re.fullmatch(r"tunnel_[a-z0-9]{32}", tool["tunnel_id"]):
        raise refusals.invalid(f"{path}.tunnel_id", f"Invalid '{path}.tunnel_id'.")


_TOOL = Tagged(
    "type",
    {
        "function": Shape(
            {"type": _TEXT, "name": Text(filled=True), "description": _TEXT, "parameters": Free()},
            ("name",),
        ),
        "mcp": Shape(
            {
                "type": _TEXT,
                "server_label": Text(filled=True),
                "server_url": _TEXT,
                "connector_id": Choice(_CONNECTORS),
                "tunnel_id": _TEXT,
                "authorization": _TEXT,
                "server_description": _TEXT,
                "headers": Nullable(StringMap()),
                "allowed_tools": Nullable(
                    ByType({list: ListOf(_TEXT), dict: _TOOL_FILTER}, "an array or an object")
                ),
                "allowed_callers": Nullable(ListOf(Choice(("direct", "programmatic")), least=1)),
                "require_approval": Nullable(
                    ByType(
                        {
                            str: Choice(("always", "never")),
                            dict: Shape({"always": _TOOL_FILTER, "never": _TOOL_FILTER}),
                        },
                        "a string or an object",
                    )
                ),
                "defer_loading": Flag(),
            },
            ("server_label",),
            more=_one_mcp_address,
        ),
    },
)
_TOOL_CHOICE = ByType(
    {
        str: Choice(("none", "auto", "required")),
        dict: Tagged(
            "type",
            {
                "function": Shape({"type": _TEXT, "name": _TEXT}, ("name",)),
                "mcp": Shape(
                    {"type": _TEXT, "server_label": _TEXT, "name": Nullable(_TEXT)}, ("server_label",)
                ),
            },
        ),
    },
    "a string or an object",
)

# --- session and response ----------------------------------------------------------------


class _Modalities:
    """One modality: audio always comes with a transcript, and both are refused (observed)."""

    def check(self, value: Any, path: str) -> None:
        ListOf(Choice(("text", "audio"))).check(value, path)
        if len(value) != 1:
            raise refusals.bad_modalities(path, value)


_MAX_OUTPUT_TOKENS = ByType({int: Whole(1, 4096), str: Choice(("inf",))}, "an integer or 'inf'")
_PROMPT = Nullable(Shape({"id": _TEXT, "version": Nullable(_TEXT), "variables": Nullable(Free())}, ("id",)))
# Shared by `session.update` and `response.create`.
_GENERATION: dict[str, Kind] = {
    "output_modalities": _Modalities(),
    "instructions": _TEXT,
    "tools": ListOf(_TOOL),
    "tool_choice": _TOOL_CHOICE,
    "parallel_tool_calls": Flag(),
    "reasoning": Shape({"effort": Choice(("minimal", "low", "medium", "high", "xhigh"))}),
    "max_output_tokens": _MAX_OUTPUT_TOKENS,
    "prompt": _PROMPT,
}
_TRUNCATION = ByType(
    {
        str: Choice(("auto", "disabled")),
        dict: Shape(
            {
                "type": Choice(("retention_ratio",)),
                "retention_ratio": Decimal(0.0, 1.0),
                "token_limits": Shape({"post_instructions": Whole(0)}),
            },
            ("type", "retention_ratio"),
        ),
    },
    "a string or an object",
)
_TRACING = Nullable(
    ByType(
        {
            str: Choice(("auto",)),
            dict: Shape({"workflow_name": _TEXT, "group_id": _TEXT, "metadata": Free()}),
        },
        "a string or an object",
    )
)
_SESSION = Tagged(
    "type",
    {
        "realtime": Shape(
            {
                "type": _TEXT,
                "model": _TEXT,
                **_GENERATION,
                "audio": Shape(
                    {
                        "input": _AUDIO_INPUT,
                        "output": Shape({"format": _FORMAT, "voice": _VOICE, "speed": Decimal(0.25, 1.5)}),
                    }
                ),
                "include": _INCLUDE,
                "truncation": _TRUNCATION,
                "tracing": _TRACING,
            }
        ),
        "transcription": Shape({"type": _TEXT, "audio": Shape({"input": _AUDIO_INPUT}), "include": _INCLUDE}),
    },
)

# --- conversation items ------------------------------------------------------------------

_PARTS: dict[str, Kind] = {
    "input_text": Shape({"type": _TEXT, "text": _TEXT}, ("text",)),
    "input_audio": Shape({"type": _TEXT, "audio": _TEXT, "transcript": Nullable(_TEXT)}, ("audio",)),
    "input_image": Shape(
        {"type": _TEXT, "image_url": _TEXT, "detail": Choice(("auto", "low", "high"))}, ("image_url",)
    ),
    "output_text": Shape({"type": _TEXT, "text": _TEXT}, ("text",)),
}
# What each role may say. Audio of the assistant cannot be seeded (API guide).
_ROLES = {
    "system": ("input_text",),
    "user": ("input_text", "input_audio", "input_image"),
    "assistant": ("output_text",),
}
# `object` and `status` are accepted from a client and ignored.
_COMMON: dict[str, Kind] = {
    "id": _ITEM_ID,
    "object": Choice(("realtime.item",)),
    "type": _TEXT,
    "status": Choice(("in_progress", "completed", "incomplete")),
}


def _message(role: str) -> Shape:
    parts = Tagged("type", {name: _PARTS[name] for name in _ROLES[role]})
    phase: dict[str, Kind] = {"phase": Nullable(_TEXT)} if role == "assistant" else {}
    return Shape({**_COMMON, "role": _TEXT, "content": ListOf(parts), **phase}, ("content",))


_CALL: dict[str, Kind] = {**_COMMON, "server_label": _TEXT, "name": _TEXT, "arguments": _TEXT}
_ITEMS: dict[str, Kind] = {
    "message": Tagged("role", {role: _message(role) for role in _ROLES}),
    "function_call": Shape(
        {**_COMMON, "name": _TEXT, "arguments": _TEXT, "call_id": _ITEM_ID}, ("name", "arguments")
    ),
    "function_call_output": Shape({**_COMMON, "call_id": _ITEM_ID, "output": _TEXT}, ("call_id", "output")),
    "mcp_list_tools": Shape(
        {**_COMMON, "server_label": _TEXT, "tools": ListOf(Free())}, ("server_label", "tools")
    ),
    "mcp_call": Shape(
        {
            **_CALL,
            "approval_request_id": Nullable(_TEXT),
            "output": Nullable(_TEXT),
            "error": Nullable(Free()),
        },
        ("id", "server_label", "name", "arguments"),
    ),
    "mcp_approval_request": Shape(_CALL, ("id", "server_label", "name", "arguments")),
    "mcp_approval_response": Shape(
        {**_COMMON, "approval_request_id": _TEXT, "approve": Flag(), "reason": Nullable(_TEXT)},
        ("id", "approval_request_id", "approve"),
    ),
}
_ITEM = Tagged("type", _ITEMS)
# References are legal in a response's input and nowhere else.
_INPUT_ITEM = Tagged("type", {**_ITEMS, "item_reference": Shape({"type": _TEXT, "id": _TEXT}, ("id",))})
_RESPONSE = Shape(
    {
        **_GENERATION,
        "audio": Shape({"output": Shape({"format": _FORMAT, "voice": _VOICE})}),
        "conversation": Choice(("auto", "none")),
        "metadata": Nullable(StringMap(16, 64, 512)),
        "input": ListOf(_INPUT_ITEM),
    }
)

# --- events ------------------------------------------------------------------------------

# Named by the live server among its supported types, but understood by translation sessions only.
TRANSLATION_ONLY = ("session.close", "session.input_audio_buffer.append")


def _event(fields: Mapping[str, Kind] | None = None, required: tuple[str, ...] = ()) -> Shape:
    return Shape({"type": _TEXT, "event_id": Text(limit=512), **(fields or {})}, required)


_ID = {"item_id": _TEXT}

# In the order in which the live server lists its supported types (observed).
EVENTS: dict[str, Shape] = {
    "session.update": _event({"session": _SESSION}, ("session",)),
    "session.close": _event(),
    "input_audio_buffer.append": _event({"audio": _TEXT}, ("audio",)),
    "session.input_audio_buffer.append": _event({"audio": _TEXT}, ("audio",)),
    "input_audio_buffer.commit": _event(),
    "input_audio_buffer.clear": _event(),
    "conversation.item.create": _event({"item": _ITEM, "previous_item_id": Nullable(_TEXT)}, ("item",)),
    "conversation.item.truncate": _event(
        {**_ID, "content_index": Whole(0), "audio_end_ms": Whole(0)},
        ("item_id", "content_index", "audio_end_ms"),
    ),
    "conversation.item.delete": _event(_ID, ("item_id",)),
    "conversation.item.retrieve": _event(_ID, ("item_id",)),
    "response.create": _event({"response": _RESPONSE}),
    "response.cancel": _event({"response_id": _TEXT}),
}


# Only where the server plays the audio: on the sideband of a call (API reference).
_SIDEBAND = {**EVENTS, "output_audio_buffer.clear": _event()}


def check_event(event: Mapping[str, Any], *, sideband: bool = False) -> str:
    """Checks a parsed client message whole and returns its type.

    Raises `Refused` at the first fault, in the order: `type` present, `type`
    known, unknown field, missing field, wrong value.
    """
    if "type" not in event:
        raise refusals.Refused(refusals.MISSING_TYPE)
    known = _SIDEBAND if sideband else EVENTS
    Choice(tuple(known)).check(event["type"], "type")
    kind = str(event["type"])
    known[kind].check(event, "")
    return kind

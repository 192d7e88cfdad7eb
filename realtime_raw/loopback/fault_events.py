"""The wrong things a faulty server says: events made up, and events spoilt."""

from __future__ import annotations

from typing import Any

from . import refusals
from .ids import Ids

__all__ = [
    "OPTIONAL",
    "ORDERED",
    "OrderLies",
    "expired",
    "server_error",
    "unknown",
    "with_unknown_fields",
    "with_wrong_types",
]

# What at least one compatible server never sends (observed).
OPTIONAL = (
    "rate_limits.updated",
    "response.content_part.*",
    "response.output_text.done",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
)
ORDERED = ("conversation.item.added", "conversation.item.done", "input_audio_buffer.committed")

_UNHEARD_OF = "x_unheard_of"


def _event_id() -> str:
    return Ids("faults").new("event")


def _error(fault: refusals.Fault) -> dict[str, Any]:
    inner = {
        "type": fault.type,
        "code": fault.code,
        "message": fault.message,
        "param": None,
        "event_id": None,
    }
    return {"type": "error", "event_id": _event_id(), "error": inner}


def expired() -> dict[str, Any]:
    """The error at a session's end."""
    return _error(refusals.EXPIRED)


def server_error() -> dict[str, Any]:
    """An error that is nobody's fault but the server's."""
    text = "The server had an error while processing your request. Sorry about that!"
    return _error(refusals.Fault(code="server_error", message=text, type="server_error"))


def unknown() -> dict[str, Any]:
    """An event of tomorrow."""
    return {"type": "response.unheard_of", "event_id": _event_id(), "response_id": "resp_x", "news": [1, {}]}


def with_unknown_fields(event: dict[str, Any]) -> dict[str, Any]:
    """A field more, in the event and in each object inside."""
    for name, value in list(event.items()):
        if isinstance(value, dict):
            event[name] = with_unknown_fields(value)
        elif isinstance(value, list):
            event[name] = [with_unknown_fields(each) if isinstance(each, dict) else each for each in value]
    event[_UNHEARD_OF] = {"a": [1]}
    return event


def with_wrong_types(event: dict[str, Any]) -> dict[str, Any]:
    """Strings become numbers, everything else becomes a string; the type stays."""
    return {
        name: value if name == "type" else (17 if isinstance(value, str) else "seventeen")
        for name, value in event.items()
    }


class OrderLies:
    """Names the wrong predecessor: another item seen, else one that is not there."""

    def __init__(self) -> None:
        self._seen: list[str] = []

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event with another `previous_item_id`."""
        match event:
            case {"item": {"id": str(item_id)}} | {"item_id": str(item_id)}:
                others = [each for each in self._seen if each not in (event.get("previous_item_id"), item_id)]
                if item_id not in self._seen:
                    self._seen.append(item_id)
                return {**event, "previous_item_id": others[-1] if others else "item_nowhere"}
        return event

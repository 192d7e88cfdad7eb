"""What broken servers are made of, beside filters: answers put in place of a session's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from realtime_raw.loopback.exchange import Interceptor

Event = dict[str, Any]
Test = Callable[[Event], object]


def instead(kind: str, answer: Callable[[Event], Sequence[Event]], where: Test = bool) -> Interceptor:
    """Says `answer(message)` in the session's place, where messages are of `kind` and `where` holds."""

    def intercept(message: Event) -> Sequence[Mapping[str, Any]] | None:
        return answer(message) if message.get("type") == kind and where(message) else None

    return intercept


def misread(kind: str, change: Callable[[Event], Any], where: Test = bool) -> Interceptor:
    """Lets the session see messages of `kind` otherwise than they are: `change` works on them in place."""

    def intercept(message: Event) -> None:
        if message.get("type") == kind and where(message):
            change(message)

    return intercept


def refusing(kind: str, where: Test = bool, *, code: str = "invalid_value") -> Interceptor:
    """Refuses messages of `kind` that are right."""
    return instead(kind, lambda message: [refusal(message, code)], where)


def refusal(message: Event, code: str = "invalid_value") -> Event:
    """An `error` that names a message."""
    inner = {
        "type": "invalid_request_error",
        "code": code,
        "message": "We do not do that here.",
        "param": None,
        "event_id": message.get("event_id"),
    }
    return {"type": "error", "error": inner}


def adding(where: Test = bool) -> Interceptor:
    """Adds any item at all."""

    def answer(message: Event) -> list[Event]:
        shown = {"previous_item_id": None, "item": {"id": "item_any", **message["item"]}}
        return [{"type": f"conversation.item.{what}", **shown} for what in ("added", "done")]

    return instead("conversation.item.create", answer, where)


def confirming(kind: str, answer: str, where: Test = bool) -> Interceptor:
    """Answers `kind` with the event `answer`, whatever is asked, and does nothing."""

    def say(message: Event) -> list[Event]:
        named = {key: value for key, value in message.items() if key not in ("type", "event_id")}
        return [{"type": answer, **named}]

    return instead(kind, say, where)

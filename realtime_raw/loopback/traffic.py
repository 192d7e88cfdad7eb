"""What went over a session's line, as the typed events of the public vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from .. import codec
from ..errors import InvalidCommand
from ..events.base import ClientEvent, ServerEvent
from ..events.catalog import REALTIME, TRANSLATION, Dialect
from .exchange import Exchange
from .translation import TranslationSession

__all__ = ["Unreadable", "client_events", "server_events"]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A client's message that is no event: its `type`, if it had one, what it was, and why it is none.

    `raw` is the message; of one that was no JSON object only the size is known.
    """

    type: str | None
    raw: dict[str, Any]
    reason: str


def client_events(session: Exchange) -> list[ClientEvent | Unreadable]:
    """What the client sent, oldest first."""
    return [_client_event(message, _dialect(session)) for message in session.received]


def server_events(session: Exchange) -> list[ServerEvent]:
    """What the client was sent, oldest first; `raw` holds the object on the wire."""
    return [codec.decode(orjson.dumps(message), _dialect(session)) for message in session.sent]


def _dialect(session: Exchange) -> Dialect:
    return TRANSLATION if isinstance(session, TranslationSession) else REALTIME


def _client_event(message: dict[str, Any], dialect: Dialect) -> ClientEvent | Unreadable:
    if message.keys() == {"type", "binary"}:
        return Unreadable(None, message, "a binary message")
    if message.keys() == {"type", "invalid"}:
        return Unreadable(None, message, "no JSON object")
    try:
        return codec.decode_client(orjson.dumps(message), dialect)
    except InvalidCommand as exc:
        kind = message.get("type")
        return Unreadable(kind if isinstance(kind, str) else None, message, str(exc))

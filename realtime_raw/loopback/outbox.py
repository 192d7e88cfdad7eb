"""What the simulated server has to say, in order, as events and as bytes.

Every server event is built here: `type`, then `event_id`, then its fields, as
on the wire. Also the bounded record of what was said and heard, for tests and
for curious people.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import orjson

from .ids import Ids
from .refusals import Fault

__all__ = ["Outbox", "TrafficLog"]

_PADDED_TO = 16


class TrafficLog:
    """The last messages in one direction: at most `limit` of them and `max_bytes` of JSON."""

    def __init__(self, limit: int = 2000, max_bytes: int = 32 << 20) -> None:
        self._limit = limit
        self._max_bytes = max_bytes
        self._entries: deque[tuple[dict[str, Any], int]] = deque()
        self._bytes = 0
        self.dropped = 0

    def add(self, message: dict[str, Any], size: int) -> None:
        """Keep one message; the oldest go when the bounds are passed."""
        self._entries.append((message, size))
        self._bytes += size
        while len(self._entries) > self._limit or (self._bytes > self._max_bytes and len(self._entries) > 1):
            self._bytes -= self._entries.popleft()[1]
            self.dropped += 1

    def messages(self) -> list[dict[str, Any]]:
        """The messages kept, oldest first. Treat them as read-only."""
        return [message for message, _ in self._entries]


class Outbox:
    """Builds events, encodes them, and holds them until they are drained."""

    def __init__(
        self, ids: Ids, *, log_limit: int = 2000, obfuscation: bool = True, echo_always: bool = False
    ) -> None:
        self.ids = ids
        self.log = TrafficLog(log_limit)
        self._obfuscation = obfuscation
        self._echo_always = echo_always
        self._waiting: list[bytes] = []

    def emit(self, kind: str, /, **fields: Any) -> None:
        """Say one event. Objects in `fields` are the event's own from here on: pass copies."""
        self.say({"type": kind, "event_id": self.ids.new("event"), **fields})

    def say(self, event: dict[str, Any]) -> None:
        """Say one event as it is, whatever it is. It is the outbox's own from here on."""
        data = orjson.dumps(event)
        self._waiting.append(data)
        self.log.add(event, len(data))

    def emit_text(self, kind: str, /, *, delta: str, **fields: Any) -> None:
        """Say a text-like delta, padded so that its length tells nothing.

        `len(delta) + len(obfuscation)` is 16 (observed for all recorded deltas);
        the next multiple of 16 for longer ones is our choice.
        """
        if self._obfuscation:
            self.emit(kind, **fields, delta=delta, obfuscation=self.ids.letters(-len(delta) % _PADDED_TO))
        else:
            self.emit(kind, **fields, delta=delta)

    def error(self, fault: Fault, event_id: str | None = None) -> None:
        """Say an `error`. `event_id` is the client's, repeated if this fault repeats it."""
        self.emit(
            "error",
            error={
                "type": fault.type,
                "code": fault.code,
                "message": fault.message,
                "param": fault.param,
                "event_id": event_id if fault.echo or self._echo_always else None,
            },
        )

    def drain(self) -> list[bytes]:
        """The messages not yet taken, encoded, in order."""
        waiting, self._waiting = self._waiting, []
        return waiting

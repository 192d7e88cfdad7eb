"""One connection's messages and time, whatever is talked about on it: the frame of every session.

Parsing, the one `error` for what is refused, the record of traffic, expiry.
What events mean is for the kinds of session: `brain` and `translation`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from ..types import CloseInfo
from . import refusals
from .behaviour import Behaviour
from .handshake import Facts
from .ids import Ids
from .outbox import Outbox, TrafficLog
from .timeline import Timeline

__all__ = ["Exchange", "Handler", "Interceptor"]

_EVENT_ID_LIMIT = 512

Handler = Callable[[Mapping[str, Any], float], None]
# Given each message as `received` has it; a list is said in place of the session's own answer.
Interceptor = Callable[[dict[str, Any]], Sequence[Mapping[str, Any]] | None]


class _AnsweredElsewhere(Exception):
    """The interceptor has answered; the session's own rules do not apply."""


class Exchange:
    """A session without its subject. Subclasses greet, check shapes, and handle events."""

    def __init__(
        self,
        *,
        ids: Ids,
        behaviour: Behaviour,
        speed: float,
        epoch: float,
        refusal: tuple[refusals.Fault, int] | None,
        log_limit: int,
        facts: Facts | None,
        intercept: Interceptor | None,
    ) -> None:
        self.facts = facts or Facts()
        self.closing: CloseInfo | None = None
        self._ids = ids
        self._intercept = intercept
        self._epoch = epoch
        self._refusal = refusal
        self._behaviour = behaviour
        self._out = Outbox(
            ids,
            log_limit=log_limit,
            obfuscation=behaviour.obfuscation,
            echo_always=behaviour.echo_event_ids == "always",
        )
        self._received = TrafficLog(log_limit)
        self._timeline = Timeline(speed)
        self._expires: float | None = None
        self._handlers: dict[str, Handler] = {}

    # --- for subclasses ---------------------------------------------------------------

    def _greet(self, expires_at: int) -> None:
        """The session begins; say so."""
        raise NotImplementedError

    def _check(self, event: Mapping[str, Any]) -> str:
        """The event's type, if its shape is right. Raises `Refused`."""
        raise NotImplementedError

    def _due(self) -> float | None:
        """When `_tick` is wanted, besides what the timeline has to do."""
        return None

    def _tick(self, now: float) -> None:
        """`_due` has come."""

    # --- what happened ----------------------------------------------------------------

    def connected(self, now: float) -> None:
        """The socket is open. Says `session.created`, or why not; drain afterwards."""
        if self._refusal is not None:
            fault, code = self._refusal
            self._end(fault, CloseInfo(code, fault.close_reason, by_us=True))
            return
        self._expires = now + self._behaviour.session_seconds
        self._timeline.run(now)
        self._greet(int(self._epoch + self._expires))

    def receive_message(self, data: bytes | str, now: float) -> None:
        """A text message came. Never raises: what is wrong with it is answered by one `error`."""
        if self.closing is not None:
            return
        self.handle_timer(now)
        if self.closing is None:
            self._answer(lambda: self._parse(data), now)

    def receive_binary(self, data: bytes, now: float) -> None:
        """A binary message came: refused, and the session goes on (observed)."""
        self.handle_timer(now)
        if self.closing is None:
            self._answer(lambda: self._refuse_binary(data), now)

    def handle_timer(self, now: float) -> None:
        """Time has passed. Says what was due; expires the session at its end."""
        if self.closing is not None:
            return
        if self._expires is not None and now >= self._expires:
            self._timeline.run(self._expires)
            # Code and reason observed.
            self._end(refusals.EXPIRED, CloseInfo(1001, refusals.EXPIRED.message, by_us=True))
            return
        self._timeline.run(now)
        due = self._due()
        if due is not None and now >= due:
            self._tick(now)

    # --- what to do about it ----------------------------------------------------------

    def data_to_send(self) -> list[bytes]:
        """Messages to send as text, in order; each is returned once."""
        return self._out.drain()

    def next_deadline(self) -> float | None:
        """When to call `handle_timer`; None when nothing is due any more."""
        if self.closing is not None or self._expires is None:
            return None
        dues = (self._timeline.next_due, self._due(), self._expires)
        return min(due for due in dues if due is not None)

    # --- what can be seen -------------------------------------------------------------

    @property
    def received(self) -> list[dict[str, Any]]:
        """The last messages of the client, parsed; what was no JSON object appears with `type` None."""
        return self._received.messages()

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The last events said, in order."""
        return self._out.log.messages()

    # --- messages ---------------------------------------------------------------------

    def _answer(self, parse: Callable[[], dict[str, Any]], now: float) -> None:
        event_id = None
        try:
            event = parse()
            given = event.get("event_id")
            event_id = given if isinstance(given, str) and len(given) <= _EVENT_ID_LIMIT else None
            self._handlers[self._check(event)](event, now)
        except refusals.Refused as refused:
            self._out.error(refused.fault, event_id)
        except _AnsweredElsewhere:
            pass

    def _heard(self, message: dict[str, Any], size: int) -> None:
        self._received.add(message, size)
        answers = self._intercept(message) if self._intercept is not None else None
        if answers is not None:
            for answer in answers:
                self._out.say({"type": answer["type"], "event_id": self._ids.new("event"), **answer})
            raise _AnsweredElsewhere

    def _refuse_binary(self, data: bytes) -> dict[str, Any]:
        self._heard({"type": None, "binary": len(data)}, len(data))
        raise refusals.Refused(refusals.BINARY)

    def _parse(self, data: bytes | str) -> dict[str, Any]:
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            self._heard({"type": None, "invalid": len(data)}, len(data))
            raise refusals.Refused(refusals.INVALID_JSON) from None
        if not isinstance(event, dict):
            self._heard({"type": None, "invalid": len(data)}, len(data))
            raise refusals.Refused(refusals.NOT_AN_OBJECT)
        self._heard(event, len(data))
        return event

    def _end(self, fault: refusals.Fault, close: CloseInfo) -> None:
        self._out.error(fault)
        self._timeline.clear()
        self.closing = close

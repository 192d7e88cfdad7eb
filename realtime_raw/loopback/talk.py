"""A client of one simulated session in simulated time: a socket's worth of conversation without waiting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from .. import codec
from ..events.base import ClientEvent, ServerEvent
from .brain import SimulatedSession

__all__ = ["SimulatedTalk"]


class SimulatedTalk:
    """Sends to a session and hears from it, on a clock that only moves when it is told to.

    `session` is the session, `now` the time in seconds, `opening` what the session
    said when it was connected. Whatever is heard comes as typed events, whose
    `raw` is the object on the wire.
    """

    def __init__(self, session: SimulatedSession) -> None:
        self.session = session
        self.now = 0.0
        session.connected(self.now)
        self.opening = self._heard()

    def say(self, kind: str, /, **fields: Any) -> list[ServerEvent]:
        """One client event by type and fields, judged by the session alone; returns what came at once."""
        return self.send({"type": kind, **fields})

    def send(self, event: ClientEvent | Mapping[str, Any] | bytes | str) -> list[ServerEvent]:
        """One message: an event, an object, or the text itself. Returns what came at once."""
        if isinstance(event, ClientEvent):
            event = codec.encode(event)
        elif isinstance(event, Mapping):
            event = orjson.dumps(dict(event))
        self.session.receive_message(event, self.now)
        return self._heard()

    def wait(self, seconds: float) -> list[ServerEvent]:
        """Let time pass; returns what came."""
        end, heard = self.now + seconds, list[ServerEvent]()
        while (due := self.session.next_deadline()) is not None and due <= end:
            heard += self._tick(due)
        self.now = end
        return heard

    def until(self, kind: str, *, within: float = 60.0) -> list[ServerEvent]:
        """Let time pass until something of type `kind` is said; returns all that came.

        Raises `AssertionError` if it is not said in `within` seconds of simulated time.
        """
        end, heard = self.now + within, list[ServerEvent]()
        while not any(event.type == kind for event in heard):
            due = self.session.next_deadline()
            if due is None or due > end:
                came = ", ".join(dict.fromkeys(event.type for event in heard)) or "nothing"
                raise AssertionError(f"no {kind} within {within:g} simulated seconds; there came: {came}")
            heard += self._tick(due)
        return heard

    def _tick(self, due: float) -> list[ServerEvent]:
        self.now = max(self.now, due)
        self.session.handle_timer(self.now)
        return self._heard()

    def _heard(self) -> list[ServerEvent]:
        return [codec.decode(data) for data in self.session.data_to_send()]

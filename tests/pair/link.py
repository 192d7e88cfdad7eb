"""The client core and the simulated server, joined without a socket, on one simulated clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from realtime_raw.events.base import ClientEvent, ServerEvent
from realtime_raw.loopback import SimulatedSession
from realtime_raw.protocol.core import Options, RealtimeProtocol
from realtime_raw.protocol.signals import Signal
from realtime_raw.types import CloseInfo, Playhead

E = TypeVar("E")


class Link:
    """A call. Nothing passes until `settle` or `run`; then everything does, in order."""

    def __init__(
        self, *, playhead: Playhead | None = None, options: Options | None = None, **server: Any
    ) -> None:
        self.server = SimulatedSession(**server)
        self.client = RealtimeProtocol(playhead=playhead, options=options)
        self.now = 0.0
        self.seen: list[ServerEvent | ClientEvent | Signal] = []
        self.messages = 0
        self.drop_after: int | None = None

    def connect(self) -> Link:
        """Both ends up, until the client is ready."""
        self.server.connected(self.now)
        self.client.connected(self.now, unix_time=1_767_225_600.0)
        self.settle()
        return self

    def settle(self) -> None:
        """Carry messages both ways until neither end has one, without moving the clock."""
        moved = True
        while moved:
            moved = False
            for data in self.client.data_to_send():
                self.server.receive_message(data, self.now)
                moved = True
            for data in self.server.data_to_send():
                moved = True
                self._deliver(data)
            self.seen.extend(self.client.events_received())
        if self.server.closing is not None:
            self.client.disconnected(
                CloseInfo(self.server.closing.code, self.server.closing.reason), self.now
            )
            self.seen.extend(self.client.events_received())

    def _deliver(self, data: bytes) -> None:
        self.messages += 1
        if self.drop_after is not None and self.messages > self.drop_after:
            self.client.disconnected(CloseInfo(1006), self.now)
        else:
            self.client.receive_message(data, self.now)

    def run(self, seconds: float, *, tick: Callable[[float], None] | None = None, step: float = 0.02) -> None:
        """Let time pass, stopping at every deadline of either end (and every `step` if `tick` is given)."""
        end = self.now + seconds
        self.settle()
        while self.now < end:
            dues = [
                due for due in (self.client.next_deadline(), self.server.next_deadline()) if due is not None
            ]
            if tick is not None:
                dues.append(self.now + step)
            self.now = min(max(self.now, min([*dues, end])), end)
            self.server.handle_timer(self.now)
            self.client.handle_timer(self.now)
            if tick is not None:
                tick(self.now)
            self.settle()

    def of(self, kind: type[E]) -> list[E]:
        """Everything of a kind seen so far."""
        return [one for one in self.seen if isinstance(one, kind)]

"""`FaultySession`: a session whose words pass through a chain of faults on their way to the client.

It has a session's own interface, so whatever serves a session serves it too;
only `data_to_send` may also hold instructions for the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from ..types import CloseInfo
from .fault_filters import Close, Filter, Message, Out
from .faults import Fault
from .line_actions import Abort, Eof, Freeze, LineAction

__all__ = ["AnySession", "FaultySession", "with_faults"]


class _Session(Protocol):
    """What a shell needs of a session."""

    @property
    def closing(self) -> CloseInfo | None:
        """Set when the connection is to be closed, after what was said has been sent."""

    def connected(self, now: float) -> None:
        """The socket is open."""

    def receive_message(self, data: bytes | str, now: float) -> None:
        """A text message came."""

    def receive_binary(self, data: bytes, now: float) -> None:
        """A binary message came."""

    def handle_timer(self, now: float) -> None:
        """Time has passed."""

    def next_deadline(self) -> float | None:
        """When to call `handle_timer`."""


class _PlainSession(_Session, Protocol):
    def data_to_send(self) -> list[bytes]:
        """Messages to send as text, in order."""


class FaultySession:
    """Spoils what `session` says, by `faults`, in the order in which they are given.

    What the session itself records (`sent`) is what it said, before it was spoilt.
    """

    def __init__(self, session: _PlainSession, faults: Sequence[Fault]) -> None:
        self.session = session
        self._filters: list[Filter] = [each for fault in faults for each in fault.filters()]
        self._ready: list[bytes | LineAction] = []
        self._close: CloseInfo | None = None
        self._over = False  # nothing more goes out

    @property
    def closing(self) -> CloseInfo | None:
        """The close a fault has brought, or the session's own once nothing is held back any more."""
        if self._over:
            return self._close
        return None if any(each.due is not None for each in self._filters) else self.session.closing

    def connected(self, now: float) -> None:
        """The socket is open; times of faults count from here."""
        for each in self._filters:
            each.begin(now)
        self._release(now)
        self.session.connected(now)
        self._pump(now)

    def receive_message(self, data: bytes | str, now: float) -> None:
        """A text message came."""
        self._release(now)
        self.session.receive_message(data, now)
        self._pump(now)

    def receive_binary(self, data: bytes, now: float) -> None:
        """A binary message came."""
        self._release(now)
        self.session.receive_binary(data, now)
        self._pump(now)

    def handle_timer(self, now: float) -> None:
        """Time has passed: for the session, or for what is held back."""
        self._release(now)
        self.session.handle_timer(now)
        self._pump(now)

    def data_to_send(self) -> list[bytes | LineAction]:
        """Text messages as bytes, and instructions for the line, in order."""
        ready, self._ready = self._ready, []
        return ready

    def next_deadline(self) -> float | None:
        """When to call `handle_timer`."""
        if self._over:
            return None
        dues = [self.session.next_deadline(), *(each.due for each in self._filters)]
        return min((due for due in dues if due is not None), default=None)

    # --- the chain --------------------------------------------------------------------

    def _pump(self, now: float) -> None:
        for data in self.session.data_to_send():
            self._send([Message(data)], 0, now)

    def _release(self, now: float) -> None:
        for index, each in enumerate(self._filters):
            while each.due is not None and each.due <= now:
                self._send(each.release(now), index + 1, now)

    def _send(self, outs: Sequence[Out], index: int, now: float) -> None:
        """Pass `outs` on to the filters from `index` on, and what they let through to the line."""
        for out in outs:
            if self._over:
                return
            if isinstance(out, Message) and index < len(self._filters):
                self._send(self._filters[index].pass_on(out, now), index + 1, now)
            elif isinstance(out, Close):
                self._over, self._close = True, out.info
            else:
                self._ready.append(out.data if isinstance(out, Message) else out)
                self._over = isinstance(out, (Abort, Eof, Freeze))


AnySession: TypeAlias = _PlainSession | FaultySession


def with_faults(session: _PlainSession, faults: Sequence[Fault]) -> AnySession:
    """`session` itself, or spoilt by `faults` if there are any."""
    return FaultySession(session, faults) if faults else session

"""Messages over a line, whole and in order: a WebSocket, or a pair in memory.

Bytes in, bytes out, and how the line ended. Event names, JSON and keys are
unknown here; how a WebSocket is opened is `handshake`'s affair.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from ..errors import SessionLost
from ..types import CloseInfo
from .bell import Bell

__all__ = ["BURST", "MemoryTransport", "MessageTransport", "PushTransport", "Receiver", "memory_pair"]

BURST: Final = 64
"""Messages in a row, read without a pause, after which the loop turns: handlers would starve else."""

_ABNORMAL: Final = 1006


class MessageTransport(Protocol):
    """What the connection needs of a line. One reader and one writer use it at a time."""

    @property
    def close_info(self) -> CloseInfo | None:
        """How the line ended; None while it is up."""

    async def recv(self) -> bytes | str:
        """The next message. Raises `SessionLost` once the line has ended and all messages were read.

        Cancelling it loses no message.
        """

    async def send(self, data: bytes) -> None:
        """Send one text message; waits while the line is full. Raises `SessionLost` if it has ended.

        Cancelled, it may or may not have sent the message.
        """

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the line in good order, in bounded time, whatever the peer does. Idempotent."""

    def abort(self) -> None:
        """End the line at once, without a word."""


class Receiver(Protocol):
    """Who takes the messages of a `PushTransport`. No method raises."""

    def received(self, message: bytes) -> bool:
        """A message has come, and is the receiver's own. False: no more of them, until `resume()`."""

    def skim(self, view: memoryview, buffer: bytes | bytearray, begin: int, end: int) -> bool:
        """A message has come, and lies in a buffer (of which there is a `view`) for the time of this call.

        True if it was taken in, False if it is to be handed on by `received`.
        """

    def ended(self, close: CloseInfo) -> None:
        """The line has ended, and all its messages were handed on. The last call."""


class PushTransport(MessageTransport, Protocol):
    """A transport that hands messages on in the loop's own callbacks: no task has to wake for them.

    Of a burst it hands on `BURST` messages, and lets the loop turn before the
    next. What its receiver does not take yet waits here, and soon in the
    socket.
    """

    def attach(self, receiver: Receiver) -> None:
        """Hand every message to `receiver`; `recv` is not used then."""

    def resume(self) -> None:
        """The receiver takes messages again: soon, never within this call."""

    def send_now(self, data: bytes) -> bool:
        """Send one text message if that needs no waiting; False if it does, or if the line has ended."""


class MemoryTransport:
    """One end of a line in memory, for tests and for joining two cores. Made by `memory_pair`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inbox: deque[bytes | str] = deque()
        self._bell = Bell()
        self._close_info: CloseInfo | None = None
        self._peer = self

    @property
    def close_info(self) -> CloseInfo | None:
        """How the line ended; None while it is up."""
        return self._close_info

    async def recv(self) -> bytes | str:
        """The next message, as in `MessageTransport`."""
        while not self._inbox:
            if self._close_info is not None:
                raise SessionLost(self._close_info, expected=self._close_info.by_us)
            await self._bell.wait()
        message = self._inbox.popleft()
        self._bell.ring()
        return message

    async def send(self, data: bytes | str) -> None:
        """Send one message; waits while the peer has `limit` of them unread."""
        while self._close_info is None and len(self._peer._inbox) >= self._limit:
            await self._peer._bell.wait()
        if self._close_info is not None:
            raise SessionLost(self._close_info, expected=self._close_info.by_us)
        self._peer._inbox.append(data)
        self._peer._bell.ring()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the line for both; what the peer has not read yet it still gets."""
        self._end(code, reason)

    def abort(self) -> None:
        """End the line for both, as if it were cut."""
        self._end(_ABNORMAL, "")

    def _end(self, code: int, reason: str) -> None:
        if self._close_info is not None:
            return
        self._close_info = CloseInfo(code, reason, by_us=True)
        self._peer._close_info = CloseInfo(code, reason)
        self._bell.ring()
        self._peer._bell.ring()


def memory_pair(limit: int = 64) -> tuple[MemoryTransport, MemoryTransport]:
    """The two ends of a line; `limit` messages fit into each direction."""
    one, two = MemoryTransport(limit), MemoryTransport(limit)
    one._peer, two._peer = two, one
    return one, two

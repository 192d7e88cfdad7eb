"""Messages over a line, whole and in order: a WebSocket, or a pair in memory.

Bytes in, bytes out, and how the line ended. Event names, JSON and keys are
unknown here; how a WebSocket is opened is `handshake`'s affair.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from websockets.exceptions import ConnectionClosed

from ..errors import SessionLost
from ..types import CloseInfo
from .bell import Bell

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["MemoryTransport", "MessageTransport", "WebSocketTransport", "memory_pair"]

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


class WebSocketTransport:
    """An open WebSocket of the websockets library.

    `recv` returns the bytes of a text frame without decoding them, and of a
    binary frame just the same: what they mean is decided where they are parsed.
    """

    def __init__(self, socket: ClientConnection, *, close_timeout: float = 1.0) -> None:
        self._socket = socket
        self._close_timeout = close_timeout
        self._closing = False
        self._close_info: CloseInfo | None = None

    @property
    def close_info(self) -> CloseInfo | None:
        """How the line ended; None while it is up, and until somebody tried to use it after that."""
        return self._close_info

    async def recv(self) -> bytes:
        """The next message, as in `MessageTransport`."""
        # Not by iteration: that takes 1001 for a clean end, and 1001 is how a
        # session dies at its maximum duration (observed).
        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed as exc:
            close = self._ended(exc)
        raise SessionLost(close, expected=close.by_us)

    async def send(self, data: bytes) -> None:
        """Send one text message, as in `MessageTransport`."""
        try:
            await self._socket.send(data, text=True)
            return
        except ConnectionClosed as exc:
            close = self._ended(exc)
        raise SessionLost(close, expected=close.by_us)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """The closing handshake, for at most `close_timeout` seconds; then the line is cut."""
        self._closing = True
        try:
            # The library bounds the wait for the answer, but not the wait for
            # a full socket to take the close frame.
            async with asyncio.timeout(self._close_timeout):
                await self._socket.close(code, reason)
        except TimeoutError:
            pass
        finally:
            self.abort()
        await self._socket.wait_closed()

    def abort(self) -> None:
        """Cut the line. Waiting readers and writers get `SessionLost`."""
        self._closing = True
        self._socket.transport.abort()

    def _ended(self, exc: ConnectionClosed) -> CloseInfo:
        if self._close_info is None:
            by_us = self._closing and exc.rcvd_then_sent is not True
            if exc.rcvd is not None:
                said, code = exc.rcvd.reason, exc.rcvd.code
            elif exc.sent is not None and not self._closing:
                # The library itself gave up: a frame over max_size (1009), no pong (1011).
                said, code = exc.sent.reason, exc.sent.code
            else:
                said, code = "", _ABNORMAL
            self._close_info = CloseInfo(int(code), said, by_us)
        return self._close_info


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

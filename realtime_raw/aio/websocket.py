"""A WebSocket line: one asyncio protocol that hands whole messages on, whatever reads its frames.

Closing, keep-alive, back-pressure and fairness are here, and the messages that go
out. How frames are found is `reading`'s affair, how a line is opened `handshake`'s,
what is said on it nobody's here.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections import deque
from typing import Final, cast

from websockets.frames import Close, Frame, Opcode

from ..errors import SessionLost
from ..types import CloseInfo
from .bell import Bell
from .transport import BURST, Receiver

__all__ = ["PING_INTERVAL", "PING_TIMEOUT", "WebSocketTransport"]

PING_INTERVAL: Final = 20.0
PING_TIMEOUT: Final = 60.0
"""Seconds between our pings, and until a missing answer ends the connection with 1011. Servers answer
pings at once, so only a network that is gone, or an event loop that stalls for a minute, gets there."""

_ABNORMAL: Final = 1006
# Messages that wait for a receiver who is not ready, until the socket is read no more.
_QUEUE: Final = 64
# Bytes unsent from which on `send` waits, and `send_now` declines.
_WRITE_LIMIT: Final = 32 * 1024


class WebSocketTransport(asyncio.BaseProtocol):
    """An open WebSocket: a `PushTransport`, and `recv` for who would rather wait.

    A text frame's bytes are handed on without decoding them, and a binary
    frame's just the same: what they mean is decided where they are parsed.
    Made and given its asyncio transport by `dial`.
    """

    # With as many attributes as this and its heirs have, the interpreter calls methods quicker so.
    __slots__ = (
        "__weakref__",
        "_arrived",
        "_close_info",
        "_close_timeout",
        "_closing",
        "_context",
        "_count",
        "_end_timer",
        "_gone",
        "_held",
        "_inbox",
        "_loop",
        "_ping_interval",
        "_ping_timeout",
        "_ping_timer",
        "_pinged",
        "_reading",
        "_receiver",
        "_room",
        "_socket",
        "_told",
        "_writable",
    )

    def __init__(
        self,
        *,
        close_timeout: float = 1.0,
        ping_interval: float = PING_INTERVAL,
        ping_timeout: float = PING_TIMEOUT,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._close_timeout = close_timeout
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._socket: asyncio.Transport | None = None
        self._receiver: Receiver | None = None
        self._context: contextvars.Context | None = None
        self._inbox: deque[bytes] = deque()
        self._count = 0  # messages handed on in this turn of the loop
        self._held = False  # the receiver takes no more for now
        self._reading = True
        self._arrived = Bell()
        self._room = Bell()
        self._writable = True
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._close_info: CloseInfo | None = None
        self._told = False
        self._closing = False
        self._pinged = b""
        self._ping_timer: asyncio.TimerHandle | None = None
        self._end_timer: asyncio.TimerHandle | None = None

    # What the framing does

    def _is_open(self) -> bool:
        """Whether neither side has sent a close frame."""
        raise NotImplementedError

    def _ended_by(self) -> tuple[Close | None, Close | None, bool]:
        """The close frames received and sent, and whether the peer's came first."""
        raise NotImplementedError

    def _send_ping(self, data: bytes) -> None:
        raise NotImplementedError

    def _send_close(self, code: int, reason: str) -> None:
        raise NotImplementedError

    # As a transport

    @property
    def close_info(self) -> CloseInfo | None:
        """How the line ended; None while it is up."""
        return self._close_info

    def attach(self, receiver: Receiver) -> None:
        """Hand every message to `receiver`, in the loop's own callbacks, from now on."""
        self._receiver = receiver
        self._context = contextvars.copy_context()
        self._held = True
        self.resume()

    def resume(self) -> None:
        """The receiver takes messages again: soon, never within this call."""
        self._loop.call_soon(self._go_on, context=self._context)

    async def recv(self) -> bytes:
        """The next message, as in `MessageTransport`."""
        while not self._inbox:
            if self._close_info is not None:
                raise self._lost(self._close_info)
            await self._arrived.wait()
        message = self._inbox.popleft()
        if not self._reading and not self._inbox:
            self._read(True)
        return message

    def send_now(self, data: bytes) -> bool:
        """Send one text message if that needs no waiting; False if it does, or the line has ended."""
        socket = self._socket
        if not self._writable or socket is None or socket.is_closing() or not self._is_open():
            return False
        socket.write(Frame(Opcode.TEXT, data).serialize(mask=True))
        return True

    def _may_send(self) -> bool:
        return self._is_open() and self._socket is not None and not self._socket.is_closing()

    async def send(self, data: bytes) -> None:
        """Send one text message, as in `MessageTransport`."""
        if self._may_send():
            assert self._socket is not None
            self._socket.write(Frame(Opcode.TEXT, data).serialize(mask=True))
            while not self._writable and self._close_info is None:
                await self._room.wait()
        else:
            await asyncio.shield(self._gone)
        if self._close_info is not None:
            raise self._lost(self._close_info)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """The closing handshake, for at most `close_timeout` seconds; then the line is cut."""
        self._closing = True
        if self._may_send():
            self._send_close(code, reason)
        try:
            async with asyncio.timeout(self._close_timeout):
                await asyncio.shield(self._gone)
        except TimeoutError:
            pass
        finally:
            self.abort()
        await asyncio.shield(self._gone)

    def abort(self) -> None:
        """Cut the line. Waiting readers and writers get `SessionLost`."""
        self._closing = True
        assert self._socket is not None
        self._socket.abort()

    # As a protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is open, and its handshake is done."""
        self._socket = cast("asyncio.Transport", transport)
        self._socket.set_write_buffer_limits(_WRITE_LIMIT)
        self._ping_timer = self._loop.call_later(self._ping_interval, self._ping)

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is gone, for whatever reason."""
        for timer in (self._ping_timer, self._end_timer):
            if timer is not None:
                timer.cancel()
        received, sent, peer_first = self._ended_by()
        by_us = self._closing and not peer_first
        if received is not None:
            end = CloseInfo(int(received.code), received.reason, by_us)
        elif sent is not None and not self._closing:
            # We gave up: a message over the limit (1009), no pong (1011).
            end = CloseInfo(int(sent.code), sent.reason, by_us)
        else:
            end = CloseInfo(_ABNORMAL, "", by_us)
        self._close_info = end
        self._gone.set_result(None)
        self._arrived.ring()
        self._room.ring()
        self._tell_end()

    def pause_writing(self) -> None:
        """The socket takes no more."""
        self._writable = False

    def resume_writing(self) -> None:
        """The socket takes more."""
        self._writable = True
        self._room.ring()

    # Messages

    def _rest(self) -> None:
        """Hand on what has come, until there is no more of it or somebody holds."""
        raise NotImplementedError

    def _pause(self) -> None:
        """The receiver has taken in a burst of messages: the loop turns before the next."""
        self._held = True
        self.resume()

    def _deliver(self, message: bytes) -> None:
        """A whole message has come."""
        receiver = self._receiver
        if receiver is None or self._held:
            self._inbox.append(message)
            if len(self._inbox) >= _QUEUE and self._reading:
                self._read(False)
            self._arrived.ring()
            return
        if receiver.received(message):
            self._count += 1
            if self._count >= BURST:
                self._pause()
        else:
            self._held = True
            self._read(False)

    def _go_on(self) -> None:
        assert self._receiver is not None
        self._held = False
        self._count = 0
        while self._inbox and not self._held:
            self._deliver(self._inbox.popleft())
        if not self._held:
            self._rest()
        if not self._held:
            self._read(True)
            self._tell_end()

    def _tell_end(self) -> None:
        if self._close_info is None or self._receiver is None or self._held or self._told:
            return
        self._told = True
        self._receiver.ended(self._close_info)

    def _read(self, on: bool) -> None:
        socket = self._socket
        if self._reading == on or socket is None or socket.is_closing():
            return
        self._reading = on
        if on:
            socket.resume_reading()
        else:
            socket.pause_reading()

    # Ends

    def _lost(self, close: CloseInfo) -> SessionLost:
        return SessionLost(close, expected=close.by_us)

    def _expect_end(self) -> None:
        """Close frames were exchanged, or we gave up: the peer is to end the line, in bounded time."""
        if self._end_timer is None and self._socket is not None:
            self._end_timer = self._loop.call_later(self._close_timeout, self._socket.abort)

    def _ping(self) -> None:
        if not self._is_open():
            return
        if self._pinged:
            self._fail(1011, "keepalive ping timeout")
            return
        self._pinged = os.urandom(4)
        self._send_ping(self._pinged)
        self._ping_timer = self._loop.call_later(self._ping_timeout, self._ping)

    def _ponged(self, data: bytes) -> None:
        if self._pinged and data == self._pinged:
            self._pinged = b""
            if self._ping_timer is not None:
                self._ping_timer.cancel()
            self._ping_timer = self._loop.call_later(self._ping_interval, self._ping)

    def _fail(self, code: int, reason: str) -> None:
        """We give up: say why, and wait for nothing more."""
        self._send_close(code, reason)
        self._expect_end()

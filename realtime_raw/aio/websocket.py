"""A WebSocket line: one asyncio protocol that hands whole messages on, with websockets' framing or our own.

Closing, keep-alive, back-pressure and fairness are here, once for both, and so
are the messages that go out. `LibraryTransport` takes whole text messages as they
come and leaves all else to the sans-I/O core of the websockets library; what
`FastTransport` does, says `frames`. How a line is opened is `handshake`'s affair,
what is said on it nobody's here.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections import deque
from typing import Final, cast

from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import OPEN

from ..errors import SessionLost
from ..types import CloseInfo
from .bell import Bell
from .masking import frame, masks
from .scratch import Scratch
from .transport import BURST, Receiver

__all__ = ["LONG", "PING_INTERVAL", "PING_TIMEOUT", "LibraryTransport", "WebSocketTransport"]

PING_INTERVAL: Final = 20.0
PING_TIMEOUT: Final = 60.0
"""Seconds between our pings, and until a missing answer ends the connection with 1011. Servers answer
pings at once, so only a network that is gone, or an event loop that stalls for a minute, gets there."""

_ABNORMAL: Final = 1006
_TEXT: Final = int(Opcode.TEXT)
# Messages that wait for a receiver who is not ready, until the socket is read no more.
_QUEUE: Final = 64
LONG: Final = 1024
"""Bytes of a message from which on it may be sound, and is worth a look before it is copied."""

# Bytes unsent from which on `send` waits, and `send_now` declines.
_WRITE_LIMIT: Final = 32 * 1024


class WebSocketTransport(asyncio.BaseProtocol):
    """An open WebSocket: a `PushTransport`, and `recv` for who would rather wait.

    A text frame's bytes are handed on without decoding them, and a binary
    frame's just the same: what they mean is decided where they are parsed.
    Made and given its asyncio transport by `dial`.
    """

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
        self._inbox: deque[bytes | bytearray] = deque()
        self._count = 0  # messages handed on in this turn of the loop
        self._held = False  # the receiver takes no more for now
        self._reading = True
        self._arrived = Bell()
        self._room = Bell()
        self._next_mask = masks().__next__
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
        return bytes(message)

    def send_now(self, data: bytes) -> bool:
        """Send one text message if that needs no waiting; False if it does, or the line has ended."""
        socket = self._socket
        if not self._writable or socket is None or socket.is_closing() or not self._is_open():
            return False
        socket.write(frame(_TEXT, data, self._next_mask()))
        return True

    def _may_send(self) -> bool:
        return self._is_open() and self._socket is not None and not self._socket.is_closing()

    async def send(self, data: bytes) -> None:
        """Send one text message, as in `MessageTransport`."""
        if self._may_send():
            assert self._socket is not None
            self._socket.write(frame(_TEXT, data, self._next_mask()))
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

    def _skim(self, buffer: bytes | bytearray, begin: int, end: int) -> bool:
        """A whole message lies in a buffer: whether it was taken in there, and need not be handed on."""
        if self._held or self._receiver is None or not self._receiver.skim(buffer, begin, end):
            return False
        self._count += 1
        if self._count >= BURST:
            self._held = True
            self.resume()
        return True

    def _deliver(self, message: bytes | bytearray) -> None:
        """A whole message has come."""
        if self._held or self._receiver is None:
            self._inbox.append(message)
            if len(self._inbox) >= _QUEUE and self._reading:
                self._read(False)
            self._arrived.ring()
            return
        self._count += 1
        if not self._receiver.received(message):
            self._held = True
            self._read(False)
        elif self._count >= BURST:
            self._held = True
            self.resume()

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


class LibraryTransport(WebSocketTransport, asyncio.BufferedProtocol):
    """A WebSocket whose frames, but for the plainest, go to the sans-I/O core of the websockets library."""

    def __init__(self, core: ClientProtocol, **settings: float) -> None:
        super().__init__(**settings)
        self._core = core
        self._scratch = Scratch.of(self._loop)
        self._pieces: list[bytes] = []
        self._events: deque[Frame] = deque()
        # Bytes that the core has of a frame that is not whole. More than there are, if a peer
        # writes lengths longer than need be; then the core is given all that follows.
        self._inside = 0

    def early(self, data: bytes) -> None:
        """What came along with the handshake's response."""
        if data:
            self._take(data)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._scratch.view

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        self._count = 0
        taken = 0 if self._inside or self._pieces or self._events else self._take_whole(nbytes)
        if taken < nbytes:
            self._take(bytes(self._scratch.view[taken:nbytes]))

    def _take_whole(self, end: int) -> int:
        """Hand on the text messages that a read begins with and has whole; returns where they end.

        It is what nearly all of them are, and there is nothing to be known of them but their length.
        """
        buffer, view, at = self._scratch.buffer, self._scratch.view, 0
        limit = self._core.max_message_size
        while end - at > _LONGEST_HEAD and buffer[at] == _TEXT_FRAME and self._takes():
            size, start = buffer[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(view[start : start + 2]), start + 2
            elif size >= 127:
                break
            stop = start + size
            if stop > end or (limit is not None and size > limit):
                break
            at = stop
            if size < LONG or not self._skim(buffer, start, stop):
                self._deliver(bytes(view[start:stop]))
        return at

    def _takes(self) -> bool:
        return self._core.state is OPEN and not self._held

    def _take(self, data: bytes) -> None:
        core = self._core
        core.receive_data(data)
        self._inside += len(data)
        for event in core.events_received():
            assert isinstance(event, Frame)  # the response was the handshake's
            self._inside -= _length(len(event.data))
            self._events.append(event)
        self._rest()
        self._flush()

    def _rest(self) -> None:
        events = self._events
        while events and not self._held:
            event = events.popleft()
            opcode = event.opcode
            if event.fin and opcode in _WHOLE:
                # The library keeps no hold of it.
                data = cast("bytes | bytearray", event.data)
                if len(data) < LONG or not self._skim(data, 0, len(data)):
                    self._deliver(data)
            elif opcode in _PIECES:
                self._pieces.append(bytes(event.data))
                if event.fin:
                    self._deliver(b"".join(self._pieces))
                    self._pieces.clear()
            elif opcode is Opcode.PONG:
                self._ponged(bytes(event.data))

    def eof_received(self) -> None:
        """The peer sends no more."""
        self._core.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is gone, for whatever reason."""
        self._core.receive_eof()
        super().connection_lost(exc)

    def _flush(self) -> None:
        """What the core wants sent: pongs, an answer to a close, its reason to give up."""
        socket = self._socket
        assert socket is not None
        for data in self._core.data_to_send():
            if data and not socket.is_closing():
                socket.write(data)
        if self._core.close_expected():
            self._expect_end()

    def _is_open(self) -> bool:
        return self._core.state is OPEN

    def _ended_by(self) -> tuple[Close | None, Close | None, bool]:
        core = self._core
        return core.close_rcvd, core.close_sent, core.close_rcvd_then_sent is True

    def _send_ping(self, data: bytes) -> None:
        self._core.send_ping(data)
        self._flush()

    def _send_close(self, code: int, reason: str) -> None:
        self._core.send_close(code, reason)
        self._flush()

    def _fail(self, code: int, reason: str) -> None:
        self._core.fail(code, reason)
        self._flush()


def _length(size: int) -> int:
    """Of a frame as a server has to send it, with a payload of this size."""
    return size + (2 if size < 126 else 4 if size < 65536 else 10)


_TEXT_FRAME: Final = 0x81
_LONGEST_HEAD: Final = 4
_WHOLE: Final = (Opcode.TEXT, Opcode.BINARY)
_PIECES: Final = (*_WHOLE, Opcode.CONT)

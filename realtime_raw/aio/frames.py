"""WebSocket frames read out of the receive buffer: the fast transport's half of RFC 6455.

What a server may send and nothing else: unmasked frames without extensions.
What is sent is framed by `masking`.
"""

from __future__ import annotations

import asyncio
from typing import Final

from websockets.exceptions import ProtocolError
from websockets.frames import Close, Opcode

from .masking import frame
from .scratch import Scratch
from .websocket import LONG, WebSocketTransport

__all__ = ["FastTransport"]

# What a read leaves of a message that is not whole goes to a buffer of the line's
# own. That has room for a few messages, and grows where reads fill it: several
# messages are then had for one call of the system.
_FIRST_BUFFER: Final = 32 * 1024
_USUAL_BUFFER: Final = 256 * 1024

_TEXT_FRAME: Final = 0x81
_FIN: Final = 0x80
_RESERVED: Final = 0x70
_CONTROL: Final = 0x08
_FIN_CONTROL: Final = _FIN | _CONTROL
_MAX_CONTROL: Final = 125


class _Broken(Exception):
    """The peer broke the protocol, or a limit: the code to fail with, and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class FastTransport(WebSocketTransport, asyncio.BufferedProtocol):
    """A WebSocket whose frames are found in the buffer the system wrote them into, and copied once."""

    def __init__(self, max_size: int, **settings: float) -> None:
        super().__init__(**settings)
        self._max_size = max_size
        self._scratch = Scratch.of(self._loop)
        self._own = bytearray()
        self._buffer, self._view = self._scratch.buffer, self._scratch.view
        self._begin = self._end = 0
        self._filled = False  # by the last read
        self._parts: list[bytes] = []
        self._parts_size = 0
        self._fragmented = False
        self._over = False  # the line is gone: whatever came is to be looked at
        self._deaf = False  # a close frame came, or we gave up: the rest is not read
        self._received: Close | None = None
        self._sent: Close | None = None
        self._peer_first = False

    def early(self, data: bytes) -> None:
        """What came along with the handshake's response."""
        if data:
            if len(data) > len(self._buffer):
                self._keep(len(data))
            self._buffer[: len(data)] = data
            self.buffer_updated(len(data))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        self._end += nbytes
        self._count = 0
        self._filled = self._end == len(self._buffer)
        self._rest()

    def _rest(self) -> None:
        wanted = 0
        if not self._deaf:
            try:
                wanted = self._parse()
            except _Broken as broken:
                self._deaf = True
                self._fail(broken.code, str(broken))
        if self._deaf:
            self._begin = self._end = 0
        else:
            self._make_room(wanted)

    def eof_received(self) -> None:
        """The peer sends no more, and there is nothing left to be said."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is gone, for whatever reason: perhaps what has come says for which."""
        self._over = True
        self._rest()
        super().connection_lost(exc)

    # Reading

    def _parse(self) -> int:
        """Take whole frames out of the buffer; returns how long the next one is, as far as is known."""
        buffer, view, end, at = self._buffer, self._view, self._end, self._begin
        limit = self._max_size
        wanted = 2
        while end - at >= 2 and (self._over or not self._held):
            first, size = buffer[at], buffer[at + 1]
            start = at + 2
            if size >= 126:
                start += 2 if size == 126 else 8
                if size > 127:
                    raise _Broken(1002, "incorrect masking")
                if start > end:
                    wanted = start - at
                    break
                if size == 126:  # nearly all there are
                    size = buffer[at + 2] << 8 | buffer[at + 3]
                else:
                    size = int.from_bytes(view[at + 2 : start])
            if first >= _FIN_CONTROL and size > _MAX_CONTROL:
                raise _Broken(1002, "control frame too long")
            if size > limit:
                raise _Broken(1009, f"a frame of {size} bytes is over the limit of {limit}")
            stop = start + size
            if stop > end:
                wanted = stop - at
                break
            at = self._begin = stop
            if first == _TEXT_FRAME and not self._fragmented:
                if size < LONG or not self._skim(buffer, start, stop):
                    self._deliver(bytes(view[start:stop]))
            else:
                self._take(first, bytes(view[start:stop]))
                if self._deaf:
                    break
        self._begin = at
        return wanted

    def _take(self, first: int, data: bytes) -> None:
        """A frame that is not a whole text message."""
        opcode = first & 0x0F
        final = bool(first & _FIN)
        if first & _RESERVED:
            raise _Broken(1002, "reserved bits must be 0")
        if opcode & _CONTROL:
            if not final:
                raise _Broken(1002, "fragmented control frame")
            self._control(opcode, data)
        elif opcode > Opcode.BINARY:
            raise _Broken(1002, "invalid opcode")
        elif (opcode == Opcode.CONT) != self._fragmented:
            raise _Broken(1002, "unexpected or missing continuation frame")
        else:
            self._parts_size += len(data)
            if self._parts_size > self._max_size:
                raise _Broken(1009, f"a message is over the limit of {self._max_size} bytes")
            self._parts.append(data)
            self._fragmented = not final
            if final:
                message = b"".join(self._parts)
                self._parts.clear()
                self._parts_size = 0
                self._deliver(message)

    def _control(self, opcode: int, data: bytes) -> None:
        if opcode == Opcode.PING:
            self._write(Opcode.PONG, data)
        elif opcode == Opcode.PONG:
            self._ponged(data)
        elif opcode == Opcode.CLOSE:
            self._close_came(data)
        else:
            raise _Broken(1002, "invalid opcode")

    def _close_came(self, data: bytes) -> None:
        try:
            self._received = Close.parse(data)
        except UnicodeDecodeError:
            raise _Broken(1007, "the close frame's reason is no UTF-8") from None
        except ProtocolError as exc:
            raise _Broken(1002, str(exc)) from None
        if self._fragmented:
            raise _Broken(1002, "incomplete fragmented message")
        self._deaf = True
        if self._sent is None:
            self._peer_first = True
            self._sent = self._received
            self._write(Opcode.CLOSE, data)
        self._expect_end()

    def _make_room(self, wanted: int) -> None:
        """See that the next read can complete the next frame, and then some."""
        begin, end = self._begin, self._end
        if begin == end:
            self._begin = self._end = 0
            if self._buffer is not self._scratch.buffer:
                self._buffer, self._view = self._scratch.buffer, self._scratch.view
                if len(self._own) > _USUAL_BUFFER:
                    self._own = bytearray()
            return
        if end - begin >= len(self._own):  # much of it waits for somebody who holds
            wanted = max(wanted, end - begin + _FIRST_BUFFER)
        size = max(len(self._own), _FIRST_BUFFER, wanted)
        if self._filled:
            self._filled = False
            size = max(size, min(2 * len(self._buffer), _USUAL_BUFFER))
        rest = self._view[begin:end]
        if size > len(self._own) or self._buffer is not self._own:
            self._keep(size)
        elif size - begin >= wanted and end < size:
            return
        # By the view, which knows how to copy onto itself; a bytearray does not promise that.
        self._view[: end - begin] = rest
        self._begin, self._end = 0, end - begin

    def _keep(self, size: int) -> None:
        """Read into the line's own buffer, of at least this size; what is in the present one stays there."""
        if size > len(self._own):
            self._own = bytearray(size)
        self._buffer, self._view = self._own, memoryview(self._own)

    # Writing

    def _write(self, opcode: Opcode, data: bytes) -> None:
        socket = self._socket
        assert socket is not None
        if not socket.is_closing():
            socket.write(frame(opcode, data, self._next_mask()))

    def _send_ping(self, data: bytes) -> None:
        self._write(Opcode.PING, data)

    def _send_close(self, code: int, reason: str) -> None:
        if self._sent is None:
            self._sent = Close(code, reason)
            self._write(Opcode.CLOSE, self._sent.serialize())

    def _is_open(self) -> bool:
        return self._sent is None

    def _ended_by(self) -> tuple[Close | None, Close | None, bool]:
        return self._received, self._sent, self._peer_first

"""WebSocket frames found in the buffer that the system wrote them into.

Whole text messages, which nearly all are, are handed on from there: there is
nothing to be known of them but their length. All other frames go to who reads
them with more care: `FastTransport` (in `frames`), or the sans-I/O core of the
websockets library (`LibraryTransport`, here).
"""

from __future__ import annotations

import asyncio
import struct
from typing import Final

from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import OPEN

from ..deltas import LONG
from .scratch import Scratch
from .transport import BURST
from .websocket import WebSocketTransport

__all__ = ["Broken", "LibraryTransport", "ReadingTransport"]

# By how much a buffer is too large for what waits in it: what the next read can bring.
_MORE: Final = 32 * 1024

_TEXT_FRAME: Final = 0x81
_FIN: Final = 0x80
_CONTROL: Final = 0x08
_FIN_CONTROL: Final = _FIN | _CONTROL
_MAX_CONTROL: Final = 125
# The first two bytes of a frame, and its length if they say 126.
_head: Final = struct.Struct(">BBH").unpack_from
_PIECES: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class Broken(Exception):
    """The peer broke the protocol, or a limit: the code to fail with, and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def _size(view: memoryview, at: int, short: int) -> tuple[int, int]:
    """Where the payload of a frame begins and how long it is; of its length only `short` need have come."""
    if short < 126:
        return at + 2, short
    if short > 127:
        raise Broken(1002, "incorrect masking")
    return at + 10, int.from_bytes(view[at + 2 : at + 10])


def _too_long(first: int, size: int, limit: int) -> Broken:
    if first >= _FIN_CONTROL:
        return Broken(1002, "control frame too long")
    return Broken(1009, f"a frame of {size} bytes is over the limit of {limit}")


class ReadingTransport(WebSocketTransport, asyncio.BufferedProtocol):
    """A WebSocket whose messages are found in the receive buffer, and copied once at the most."""

    __slots__ = (
        "_deaf",
        "_end",
        "_fragmented",
        "_left",
        "_max_size",
        "_over",
        "_own",
        "_scratch",
    )

    def __init__(self, max_size: int, **settings: float) -> None:
        super().__init__(**settings)
        self._max_size = max_size
        self._scratch = Scratch.of(self._loop)
        # What a read left: part of a message, and whatever somebody who holds does not take yet.
        self._left = b""
        # Where that lies instead if there is too much of it, or of the message: so much of this buffer.
        self._own: bytearray | None = None
        self._end = 0
        self._fragmented = False  # in the middle of a message
        self._over = False  # the line is gone: whatever came is to be looked at
        self._deaf = False  # a close frame came, or we gave up: the rest is not read

    def _other(self, view: memoryview, first: int, begin: int, start: int, stop: int) -> None:
        """Take in a frame that is no whole text message: its head lies at `begin`, its payload at `start`.

        Sets `_fragmented` and `_deaf`. Raises `Broken`.
        """
        raise NotImplementedError

    # As a protocol

    def early(self, data: bytes) -> None:
        """What came along with the handshake's response."""
        self._left = data
        self._rest()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go: behind what was left."""
        if self._own is not None:
            return memoryview(self._own)[self._end :]
        view, left = self._scratch.view, self._left
        if not left:
            return view
        view[: len(left)] = left
        return view[len(left) :]

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes have come."""
        self._count = 0
        if self._own is None:
            scratch = self._scratch
            self._take(scratch.buffer, scratch.view, len(self._left) + nbytes)
        else:
            self._end += nbytes
            self._rest()

    def eof_received(self) -> None:
        """The peer sends no more: whatever has come is all there is, and perhaps says why."""
        self._over = True
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is gone, for whatever reason."""
        self.eof_received()
        super().connection_lost(exc)

    # Reading

    def _rest(self) -> None:
        own, left = self._own, self._left
        if own is not None:
            self._take(own, memoryview(own), self._end)
        else:
            self._take(left, memoryview(left), len(left))

    def _take(self, buffer: bytes | bytearray, view: memoryview, end: int) -> None:
        """Take whole frames out of a buffer, and keep what is left."""
        at, wanted = end, 0
        if not self._deaf:
            try:
                at, wanted = self._parse(buffer, view, end)
            except Broken as broken:
                self._deaf = True
                self._fail(broken.code, str(broken))
        if self._deaf:
            at = end
        size, room = end - at, len(self._scratch.buffer)
        if wanted <= room and size < room:
            self._own, self._left = None, bytes(view[at:end])
            return
        own = self._own
        if own is None or len(own) < wanted or len(own) <= size:
            own = bytearray(max(wanted, size + _MORE))
        if at or own is not buffer:
            # By the view, which knows how to copy onto itself; a bytearray does not promise that.
            memoryview(own)[:size] = view[at:end]
        self._own, self._left, self._end = own, b"", size

    def _parse(self, buffer: bytes | bytearray, view: memoryview, end: int) -> tuple[int, int]:
        """Hand on what is whole; returns where the rest begins, and its frame's length as far as is known."""
        limit, receiver = self._max_size, self._receiver
        at, wanted, last, whole = 0, 2, end - 2, len(buffer) - 4
        held, count = self._held, self._count
        while at <= last and (not held or self._over):
            # At the very end of a buffer there may be no four bytes.
            first, size, long = _head(buffer, at) if at <= whole else (buffer[at], buffer[at + 1], 0)
            start = at + 4
            if size == 126:  # as of nearly all there are
                size = long
            else:
                start, size = _size(view, at, size)
            if start > end:
                wanted = start - at
                break
            if size > limit or (first != _TEXT_FRAME and first >= _FIN_CONTROL and size > _MAX_CONTROL):
                raise _too_long(first, size, limit)
            stop = start + size
            if stop > end:
                wanted = stop - at
                break
            if first != _TEXT_FRAME or self._fragmented:
                self._count = count
                self._other(view, first, at, start, stop)
                if self._deaf:
                    break
                held, count = self._held, self._count
            elif held or receiver is None:
                self._deliver(bytes(view[start:stop]))
            # As `_deliver` does, without its call.
            elif (size >= LONG and receiver.skim(view, buffer, start, stop)) or receiver.received(
                bytes(view[start:stop])
            ):
                count += 1
                if count >= BURST:
                    held = True
                    self._pause()
            else:
                held = self._held = True
                self._read(False)
            at = stop
        return at, wanted


class LibraryTransport(ReadingTransport):
    """A WebSocket whose frames, but for whole text messages, the websockets library reads and writes."""

    __slots__ = (
        "_core",
        "_pieces",
    )

    def __init__(self, core: ClientProtocol, max_size: int, **settings: float) -> None:
        super().__init__(max_size, **settings)
        self._core = core
        self._pieces: list[bytes] = []

    def _other(self, view: memoryview, first: int, begin: int, start: int, stop: int) -> None:
        core = self._core
        was_open = core.state is OPEN
        core.receive_data(bytes(view[begin:stop]))
        for event in core.events_received():
            assert isinstance(event, Frame)  # the response was the handshake's
            if event.opcode in _PIECES:
                self._pieces.append(bytes(event.data))
                self._fragmented = not event.fin
                if event.fin:
                    message = b"".join(self._pieces)
                    self._pieces.clear()
                    self._deliver(message)
            elif event.opcode is Opcode.PONG:
                self._ponged(bytes(event.data))
        self._deaf = core.close_rcvd is not None or (was_open and core.state is not OPEN)
        self._flush()

    def eof_received(self) -> None:
        """The peer sends no more."""
        super().eof_received()
        self._core.receive_eof()
        self._flush()

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

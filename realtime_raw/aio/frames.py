"""The fast transport: RFC 6455 as far as a server may use it, and nothing else.

Unmasked frames without extensions. Sent frames are built by the websockets library, whose masking is in C.
"""

from __future__ import annotations

from typing import Final

from websockets.exceptions import ProtocolError
from websockets.frames import Close, Frame, Opcode

from .reading import Broken, ReadingTransport

__all__ = ["FastTransport"]

_FIN: Final = 0x80
_RESERVED: Final = 0x70
_CONTROL: Final = 0x08


class FastTransport(ReadingTransport):
    """A WebSocket without the library's core."""

    __slots__ = (
        "_parts",
        "_parts_size",
        "_peer_first",
        "_received",
        "_sent",
    )

    def __init__(self, max_size: int, **settings: float) -> None:
        super().__init__(max_size, **settings)
        self._parts: list[bytes] = []
        self._parts_size = 0
        self._received: Close | None = None
        self._sent: Close | None = None
        self._peer_first = False

    def _other(self, view: memoryview, first: int, begin: int, start: int, stop: int) -> None:
        data = bytes(view[start:stop])
        opcode = first & 0x0F
        final = bool(first & _FIN)
        if first & _RESERVED:
            raise Broken(1002, "reserved bits must be 0")
        if opcode & _CONTROL:
            if not final:
                raise Broken(1002, "fragmented control frame")
            self._control(opcode, data)
        elif opcode > Opcode.BINARY:
            raise Broken(1002, "invalid opcode")
        elif (opcode == Opcode.CONT) != self._fragmented:
            raise Broken(1002, "unexpected or missing continuation frame")
        else:
            self._parts_size += len(data)
            if self._parts_size > self._max_size:
                raise Broken(1009, f"a message is over the limit of {self._max_size} bytes")
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
            raise Broken(1002, "invalid opcode")

    def _close_came(self, data: bytes) -> None:
        try:
            self._received = Close.parse(data)
        except UnicodeDecodeError:
            raise Broken(1007, "the close frame's reason is no UTF-8") from None
        except ProtocolError as exc:
            raise Broken(1002, str(exc)) from None
        if self._fragmented:
            raise Broken(1002, "incomplete fragmented message")
        self._deaf = True
        if self._sent is None:
            self._peer_first = True
            self._sent = self._received
            self._write(Opcode.CLOSE, data)
        self._expect_end()

    # Writing

    def _write(self, opcode: Opcode, data: bytes) -> None:
        socket = self._socket
        assert socket is not None
        if not socket.is_closing():
            socket.write(Frame(opcode, data).serialize(mask=True))

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

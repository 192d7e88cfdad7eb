"""Carries out `line_actions` on a websockets connection: the few lines that reach below its API."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from websockets.asyncio.server import ServerConnection

from .line_actions import Abort, Binary, Eof, Freeze, LineAction

__all__ = ["perform"]


class _Around:
    """A transport in place of another: it has all of its methods, and another way of writing."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Trickling(_Around):
    def write(self, data: bytes) -> None:
        """Byte by byte: the socket has Nagle's algorithm off, so each is a segment of its own."""
        for byte in data:
            self._transport.write(bytes((byte,)))


class _Frozen(_Around):
    def write(self, data: bytes) -> None:
        """Not at all."""


async def perform(action: LineAction, connection: ServerConnection) -> None:
    """Do `action` to `connection`, after everything sent before it."""
    transport = connection.transport
    if isinstance(action, Binary):
        await connection.send(action.data)
    elif isinstance(action, Abort):
        transport.abort()
    elif isinstance(action, Eof):
        # TLS has no half of a connection to end.
        if transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()
    elif isinstance(action, Freeze):
        transport.pause_reading()
        connection.transport = cast("asyncio.Transport", _Frozen(transport))
    else:
        connection.transport = cast("asyncio.Transport", _Trickling(transport))

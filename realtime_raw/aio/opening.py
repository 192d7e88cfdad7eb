"""What the ways of opening a WebSocket have in common: limits, what may be logged, and the handing over."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

    from .frames import FastTransport
    from .reading import LibraryTransport

__all__ = ["MAX_SIZE", "Handover", "Quiet", "same_origin"]

MAX_SIZE = 64 * 2**20
"""Largest message taken from a server, in bytes. A retrieved item of 16 s is already 1 MiB (observed)."""

# What a response begins with that makes a WebSocket of the line.
_SWITCHING: Final = b"HTTP/1.1 101"
_PORTS: Final = {"ws": 80, "wss": 443}


class Quiet(logging.LoggerAdapter[logging.Logger]):
    """websockets' logger without its debug level, at which it writes the request's headers: the key."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # the name is logging's
        """Whether a record of this level is written."""
        return level > logging.DEBUG and super().isEnabledFor(level)


class Handover:
    """What an opening keeps for the line that takes its place: socket, core, and bytes that came early."""

    core: ClientProtocol
    socket: asyncio.Transport | None = None
    early = b""
    lost = False
    _head = b""
    _switched = False

    def of_response(self, data: bytes) -> bytes:
        """What of these bytes belongs to the response. What does not is kept, and no more is read."""
        if self._switched:
            self.early += data
            return b""
        if self._head.startswith(_SWITCHING[: len(self._head)]):
            self._head += data
            head, end, rest = self._head.partition(b"\r\n\r\n")
            if end and head.startswith(_SWITCHING):
                self._switched = True
                self.early = rest
                assert self.socket is not None
                self.socket.pause_reading()
                return data[: len(data) - len(rest)]
        return data

    def take_over(self, line: LibraryTransport | FastTransport) -> None:
        """Put a line in this connection's place."""
        socket = self.socket
        assert socket is not None
        socket.set_protocol(line)
        line.connection_made(socket)
        line.early(self.early)
        if self.lost:
            line.connection_lost(None)
        else:
            socket.resume_reading()


def same_origin(url: str, location: str) -> bool:
    """Whether a redirect to `location` stays with the origin of `url`. Only there the key may go."""
    return _origin(urljoin(url, location)) == _origin(url)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return scheme, parts.hostname, parts.port or _PORTS.get(scheme)

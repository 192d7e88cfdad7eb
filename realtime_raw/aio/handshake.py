"""Opening a WebSocket: headers, limits, redirects, proxies. What is said on it is not known here."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urljoin, urlsplit

from websockets.asyncio import client
from websockets.exceptions import InvalidStatus, WebSocketException

from .. import __version__
from ..endpoint import Endpoint
from .failures import explain_handshake
from .reading import LibraryTransport
from .websocket import WebSocketTransport

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

    from .frames import FastTransport

__all__ = ["MAX_SIZE", "TransportName", "dial", "open_socket"]

MAX_SIZE = 64 * 2**20
"""Largest message taken from a server, in bytes. A retrieved item of 16 s is already 1 MiB (observed)."""

TransportName = Literal["websockets", "fast"]

# What a response begins with that makes a WebSocket of the line.
_SWITCHING = b"HTTP/1.1 101"
_PORTS = {"ws": 80, "wss": 443}


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """websockets' logger without its debug level, at which it writes the request's headers: the key."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # the name is logging's
        return level > logging.DEBUG and super().isEnabledFor(level)


class _Opening(client.ClientConnection):
    """The library's connection up to the response: what comes behind that is for the line that takes over."""

    def __init__(self, protocol: ClientProtocol, **options: Any) -> None:
        super().__init__(protocol, **options)
        self.core = protocol
        self.socket: asyncio.Transport | None = None
        self.early = b""
        self._head = bytearray()
        self._switched = False
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.socket = cast("asyncio.Transport", transport)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._switched:
            self.early += data
            return
        if self._head.startswith(_SWITCHING[: len(self._head)]):
            self._head += data
            head, end, rest = bytes(self._head).partition(b"\r\n\r\n")
            if end and head.startswith(_SWITCHING):
                self._switched = True
                self.early = rest
                assert self.socket is not None
                self.socket.pause_reading()
                data = data[: len(data) - len(rest)]
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        super().connection_lost(exc)

    def take_over(self, line: LibraryTransport | FastTransport) -> None:
        """Put a line in this connection's place."""
        socket = self.socket
        assert socket is not None
        socket.set_protocol(line)
        line.connection_made(socket)
        line.early(self.early)
        if self._lost:
            line.connection_lost(None)
        else:
            socket.resume_reading()


class _Connect(client.connect):
    """A connect that stays with the origin it was given: its headers hold the key."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        if isinstance(exc, InvalidStatus):
            target = urljoin(self.uri, exc.response.headers.get("Location", ""))
            if _origin(target) != _origin(self.uri):
                return exc
        return super().process_redirect(exc)


async def dial(
    endpoint: Endpoint,
    key: str | None,
    *,
    max_size: int = MAX_SIZE,
    close_timeout: float = 1.0,
    transport: TransportName = "websockets",
) -> WebSocketTransport:
    """An open WebSocket to `endpoint`, authorized by `key`.

    The handshake is the websockets library's, with its TLS, proxies and rules
    for redirects. `transport` says whose framing follows: the library's, or
    our own, which is faster.

    Raises `ConnectFailed` for every way in which that can fail. Cancelling it
    leaves nothing open. Proxies are found as websockets finds them, but never
    stand between us and this machine.
    """
    try:
        socket = await open_socket(
            endpoint.url,
            endpoint.signed(key),
            endpoint.subprotocols,
            proxied=not endpoint.is_loopback,
            max_size=max_size,
            close_timeout=close_timeout,
            ping_interval=None,  # the line that takes over has its own
            create_connection=_Opening,
        )
    except (OSError, EOFError, ImportError, ValueError, WebSocketException) as exc:
        failure = explain_handshake(exc, endpoint)
    else:
        return _line(cast("_Opening", socket), transport, max_size, close_timeout)
    # Out here nothing is being handled, so no exception with the request in it is chained.
    raise failure


def _line(
    opening: _Opening, transport: TransportName, max_size: int, close_timeout: float
) -> WebSocketTransport:
    line: LibraryTransport | FastTransport
    if transport == "fast":
        from .frames import FastTransport

        line = FastTransport(max_size, close_timeout=close_timeout)
    else:
        line = LibraryTransport(opening.core, max_size, close_timeout=close_timeout)
    opening.take_over(line)
    return line


async def open_socket(
    url: str,
    headers: Mapping[str, str],
    subprotocols: Sequence[str] = (),
    *,
    proxied: bool = True,
    max_size: int = MAX_SIZE,
    close_timeout: float = 1.0,
    **options: Any,
) -> client.ClientConnection:
    """An open WebSocket of the websockets library, with our limits, and no secret in its log.

    Raises what the library raises, in whose exceptions the request stands with
    the key; `explain_handshake` makes words of them. Cancelling it leaves nothing open.
    `options` are the library's own.
    """
    if not proxied and "proxy" in inspect.signature(client.connect.__init__).parameters:
        options["proxy"] = None
    return await _Connect(
        url,
        additional_headers=headers,
        subprotocols=list(subprotocols) or None,  # type: ignore[arg-type]  # a NewType of str
        user_agent_header=f"realtime_raw/{__version__}",
        compression=None,
        max_size=max_size,
        open_timeout=None,
        close_timeout=close_timeout,
        logger=_Quiet(logging.getLogger("websockets.client"), {}),
        **options,
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return scheme, parts.hostname, parts.port or _PORTS.get(scheme)

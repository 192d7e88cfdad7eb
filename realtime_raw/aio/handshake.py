"""Opening a WebSocket: headers, limits, redirects, proxies. What is said on it is not known here.

Request and response are the sans-I/O `ClientProtocol` of the websockets
library, put on asyncio's `create_connection`. Where a proxy may stand between,
the library's own client opens the line (`client_opening`): it knows proxies, and most
programs have none.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, cast
from urllib.parse import urljoin

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, SecurityError, WebSocketException
from websockets.uri import parse_uri

from .. import __version__
from ..endpoint import Endpoint
from .failures import explain_handshake
from .opening import MAX_SIZE, Handover, Quiet, same_origin
from .reading import LibraryTransport
from .websocket import WebSocketTransport

if TYPE_CHECKING:
    from websockets.typing import Subprotocol

    from .frames import FastTransport

__all__ = ["MAX_SIZE", "TransportName", "dial"]

TransportName = Literal["websockets", "fast"]

# As the library has it: the statuses that send on, and how often one lets oneself be sent.
_REDIRECTS: Final = frozenset((300, 301, 302, 303, 307, 308))
_MAX_REDIRECTS: Final = 10
# Compiled for the first subprotocol.
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# Systems that keep proxies elsewhere than in the environment.
_HAVE_SETTINGS: Final = ("darwin", "win32", "cygwin")


class _Opening(Handover, asyncio.Protocol):
    """The handshake on a socket of our own."""

    def __init__(self, core: ClientProtocol) -> None:
        self.core = core
        self._settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def shake_hands(self, headers: Mapping[str, str]) -> None:
        """Send the request and await the response.

        Raises what the library says of a response that opens nothing, or of
        none. Cancelled or failed, it leaves nothing open.
        """
        core, socket = self.core, self.socket
        assert socket is not None
        try:
            request = core.connect()
            request.headers.update(headers)
            request.headers.setdefault("User-Agent", f"realtime_raw/{__version__}")
            core.send_request(request)
            self._flush()
            await self._settled
            if core.handshake_exc is not None:
                raise core.handshake_exc
        except BaseException:
            socket.abort()
            raise

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.socket = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if mine := self.of_response(data):
            self.core.receive_data(mine)
            self._look()

    def eof_received(self) -> None:
        self.core.receive_eof()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self._switched:  # else it is for the line to be told
            self.core.receive_eof()
        self._settle()

    def _look(self) -> None:
        """See whether the response is there, whole, or will not come."""
        answered = self.core.events_received()
        self._flush()
        if answered or self.core.handshake_exc is not None:
            self._settle()

    def _settle(self) -> None:
        if not self._settled.done():
            self._settled.set_result(None)

    def _flush(self) -> None:
        assert self.socket is not None
        for data in self.core.data_to_send():
            if data:  # the end of what we send is `abort`'s affair
                self.socket.write(data)


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
    for redirects. `transport` says who reads what is no whole text message.

    Raises `ConnectFailed` for every way in which that can fail. Cancelling it
    leaves nothing open. Proxies are found as websockets finds them, but never
    stand between us and this machine.
    """
    url, headers = endpoint.url, endpoint.signed(key)
    try:
        if not endpoint.is_loopback and _may_have_proxy():
            opening = await _by_library(url, headers, endpoint.subprotocols, max_size, close_timeout)
        else:
            opening = await _open(url, headers, endpoint.subprotocols, max_size)
    except (OSError, EOFError, ImportError, ValueError, WebSocketException) as exc:
        failure = explain_handshake(exc, endpoint)
    else:
        return _line(opening, transport, max_size, close_timeout)
    # Out here nothing is being handled, so no exception with the request in it is chained.
    raise failure


async def _open(url: str, headers: Mapping[str, str], subprotocols: Sequence[str], max_size: int) -> Handover:
    """The line open, with redirects followed that stay with the origin."""
    offered = cast("Sequence[Subprotocol]", list(subprotocols)) or None
    if not all(re.fullmatch(_TOKEN, each) for each in subprotocols):
        raise ValueError("a subprotocol has a character that no token may have (RFC 9110, section 5.6.2)")
    loop = asyncio.get_running_loop()
    for _ in range(_MAX_REDIRECTS):
        where = parse_uri(url)
        core = ClientProtocol(
            where,
            subprotocols=offered,
            max_size=max_size,
            logger=Quiet(logging.getLogger("websockets.client"), {}),
        )
        _, opening = await loop.create_connection(
            partial(_Opening, core), where.host, where.port, ssl=True if where.secure else None
        )
        try:
            await opening.shake_hands(headers)
        except InvalidStatus as refused:
            location = _location(refused)
            if location is None or not same_origin(url, location):
                raise
            url = urljoin(url, location)
        else:
            return opening
    raise SecurityError(f"more than {_MAX_REDIRECTS} redirects")


def _location(refused: InvalidStatus) -> str | None:
    """Where a response sends us on to, if to one place."""
    response = refused.response
    named = response.headers.get_all("Location") if response.status_code in _REDIRECTS else ()
    return named[0] if len(named) == 1 else None


async def _by_library(
    url: str,
    headers: Mapping[str, str],
    subprotocols: Sequence[str],
    max_size: int,
    close_timeout: float,
) -> Handover:
    from .client_opening import LibraryOpening, open_socket  # connecting is quicker without

    connection = await open_socket(
        url,
        headers,
        subprotocols,
        max_size=max_size,
        close_timeout=close_timeout,
        ping_interval=None,  # the line that takes over has its own
        create_connection=LibraryOpening,
    )
    return cast("LibraryOpening", connection)


def _may_have_proxy() -> bool:
    """Whether system or environment may name a proxy. Which, and for which hosts, the library finds out."""
    return sys.platform in _HAVE_SETTINGS or any(
        value and name.lower().endswith("_proxy") for name, value in os.environ.items()
    )


def _line(
    opening: Handover, transport: TransportName, max_size: int, close_timeout: float
) -> WebSocketTransport:
    line: LibraryTransport | FastTransport
    if transport == "fast":
        from .frames import FastTransport

        line = FastTransport(max_size, close_timeout=close_timeout)
    else:
        line = LibraryTransport(opening.core, max_size, close_timeout=close_timeout)
    opening.take_over(line)
    return line

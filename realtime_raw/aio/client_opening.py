"""Opening a WebSocket with the websockets library's own client: for proxies, or for its connection's sake.

Imported where one of the two is wanted: with its connections and queues it
takes longer to load than `handshake` to open a line.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

from websockets.asyncio import client
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus

from .. import __version__
from .opening import MAX_SIZE, Handover, Quiet, same_origin

__all__ = ["LibraryOpening", "open_socket"]


class LibraryOpening(Handover, client.ClientConnection):
    """The library's connection up to the response: what comes behind that is for the line that takes over."""

    def __init__(self, protocol: ClientProtocol, **options: Any) -> None:
        super().__init__(protocol, **options)
        self.core = protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected."""
        self.socket = cast("asyncio.Transport", transport)
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Bytes from the socket."""
        if mine := self.of_response(data):
            super().data_received(mine)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.lost = True
        super().connection_lost(exc)


class _Connect(client.connect):
    """A connect that stays with the origin it was given: its headers hold the key."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        if isinstance(exc, InvalidStatus):
            named = exc.response.headers.get_all("Location")
            if len(named) != 1 or not same_origin(self.uri, named[0]):
                return exc
        return super().process_redirect(exc)


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
        logger=Quiet(logging.getLogger("websockets.client"), {}),
        **options,
    )

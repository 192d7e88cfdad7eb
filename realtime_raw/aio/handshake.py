"""Opening a WebSocket: headers, limits, redirects, proxies. What is said on it is not known here."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

from websockets.asyncio import client
from websockets.exceptions import InvalidStatus, WebSocketException

from .. import __version__
from ..endpoint import Endpoint
from .failures import explain_handshake
from .transport import WebSocketTransport

__all__ = ["MAX_SIZE", "PING_INTERVAL", "PING_TIMEOUT", "dial", "open_socket"]

MAX_SIZE = 64 * 2**20
"""Largest message taken from a server, in bytes. A retrieved item of 16 s is already 1 MiB (observed)."""

PING_INTERVAL = 20.0
PING_TIMEOUT = 60.0
"""Seconds between our pings, and until a missing answer ends the connection with 1011. Servers answer
pings at once, so only a network that is gone, or an event loop that stalls for a minute, gets there."""

_PORTS = {"ws": 80, "wss": 443}


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """websockets' logger without its debug level, at which it writes the request's headers: the key."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # the name is logging's
        return level > logging.DEBUG and super().isEnabledFor(level)


class _Connect(client.connect):
    """A connect that stays with the origin it was given: its headers hold the key."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        if isinstance(exc, InvalidStatus):
            target = urljoin(self.uri, exc.response.headers.get("Location", ""))
            if _origin(target) != _origin(self.uri):
                return exc
        return super().process_redirect(exc)


async def dial(
    endpoint: Endpoint, key: str | None, *, max_size: int = MAX_SIZE, close_timeout: float = 1.0
) -> WebSocketTransport:
    """An open WebSocket to `endpoint`, authorized by `key`.

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
        )
    except (OSError, EOFError, ImportError, ValueError, WebSocketException) as exc:
        failure = explain_handshake(exc, endpoint)
    else:
        return WebSocketTransport(socket, close_timeout=close_timeout)
    # Out here nothing is being handled, so no exception with the request in it is chained.
    raise failure


async def open_socket(
    url: str,
    headers: Mapping[str, str],
    subprotocols: Sequence[str] = (),
    *,
    proxied: bool = True,
    max_size: int = MAX_SIZE,
    close_timeout: float = 1.0,
) -> client.ClientConnection:
    """An open WebSocket of the websockets library, with our limits, and no secret in its log.

    Raises what the library raises, in whose exceptions the request stands with
    the key; `explain_handshake` makes words of them. Cancelling it leaves nothing open.
    """
    options: dict[str, Any] = {}
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
        ping_interval=PING_INTERVAL,
        ping_timeout=PING_TIMEOUT,
        logger=_Quiet(logging.getLogger("websockets.client"), {}),
        **options,
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return scheme, parts.hostname, parts.port or _PORTS.get(scheme)

"""A relay: WebSocket in, WebSocket out, and nothing changed on the way.

It opens the upstream connection while the client still waits for its
handshake, so that a refusal reaches the client as the server gave it. What is
said is shown to an `Observer` and judged elsewhere. Pings are answered on each
side for itself, and compression is not negotiated: neither is visible in a message.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Literal, Protocol, Self
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as _connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from ..endpoint import Endpoint
from ..errors import LocalProtocolError
from ..text import redact, safe
from ..types import CloseInfo

__all__ = ["Observer", "Relay", "Session", "Side"]

Side = Literal["client", "server"]

# Seconds for the upstream handshake, for the closing handshake, and for TCP and TLS before it.
_OPEN_TIMEOUT = 20.0
_CLOSE_TIMEOUT = 2.0
_ABNORMAL = 1006
# Headers that belong to one connection rather than to what is asked for (RFC 9110 7.6.1, RFC 6455 4.1).
_OF_ONE_HOP = frozenset(
    (
        *("connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "sec-websocket-accept", "sec-websocket-extensions"),
        *("sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version"),
    )
)

# Silent unless the application configures it, and never at the level where websockets writes headers.
_log = logging.getLogger("realtime_raw.relay")
_log.addHandler(logging.NullHandler())
_log.setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Session:
    """One connection that was passed on. `secrets` must not be shown anywhere; `url` is fit to print."""

    number: int
    path: str
    url: str
    secrets: tuple[str, ...] = ()
    subprotocol: str = ""

    def __repr__(self) -> str:
        return f"Session(number={self.number}, url={self.url!r})"


class Observer(Protocol):
    """Who is shown what passes. Its calls must not block; what they raise ends the session."""

    def opened(self, session: Session) -> None:
        """Both handshakes are done."""

    def message(self, session: Session, side: Side, data: str | bytes) -> None:
        """`side` sent a message: text as `str`, binary as `bytes`. It is passed on after this returns."""

    def closed(self, session: Session, side: Side | None, close: CloseInfo) -> None:
        """The session is over; `side` began it (None: the relay itself was stopped)."""

    def refused(self, session: Session, status: int, reason: str) -> None:
        """The server did not take the connection: its HTTP status, or 502 and why it could not be reached."""


class _Connect(_connect):
    """A connect that follows no redirect: where to is for the client to decide."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Relay:
    """Listens on `host:port` and passes every connection on to `upstream`, for as long as the block lasts.

    `upstream` is a ws, wss, http or https URL. A path in it takes the place of
    the client's up to and with `/realtime`; without one the client's own is kept.
    Its query is used where the client's does not name the same parameter. Headers, the key among them, and
    subprotocols are passed on. `max_size` bounds one message in bytes; None does not.
    Raises `OSError` on entering if the port is taken, `LocalProtocolError` for a URL that is none.
    """

    def __init__(
        self,
        upstream: str,
        observer: Observer,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        max_size: int | None = None,
    ) -> None:
        self._endpoint = Endpoint.of(upstream, allow_plaintext=True)
        self._upstream = urlsplit(self._endpoint.url)
        self._observer = observer
        self._host, self._port, self._max_size = host, port, max_size
        self._server: Server | None = None
        self._count = 0
        self._dialled: dict[ServerConnection, tuple[Session, ClientConnection]] = {}

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._pass_on,
            self._host,
            self._port,
            process_request=self._process_request,
            process_response=self._process_response,
            select_subprotocol=self._select_subprotocol,
            compression=None,
            max_size=self._max_size,
            open_timeout=_OPEN_TIMEOUT + 1,
            close_timeout=_CLOSE_TIMEOUT,
            ping_interval=None,
            server_header=None,
            logger=_log,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening and end every session (1001). Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()
            self._drop(list(self._dialled))

    @property
    def port(self) -> int:
        """The port in use. Raises `RuntimeError` when it does not listen."""
        if self._server is None:
            raise RuntimeError("the relay does not listen; use `async with`")
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """What to give a client in place of the server's URL."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        path = self._upstream.path.rstrip("/") or "/v1/realtime"
        return f"ws://{host}:{self.port}{path}"

    # --- the two handshakes -------------------------------------------------------------

    async def _process_request(self, client: ServerConnection, request: Request) -> Response | None:
        self._drop([each for each in self._dialled if each.state is State.CLOSED])
        self._count += 1
        target = _target(self._upstream, request.path)
        session = Session(self._count, urlsplit(target).path, _shown(target), _secrets(request, target))
        try:
            server = await self._dial(target, request)
        except InvalidStatus as exc:
            self._observer.refused(session, exc.response.status_code, _words(exc.response, session.secrets))
            return _passed_on(exc.response)
        except (OSError, EOFError, TimeoutError, WebSocketException) as exc:
            reason = f"the server behind the proxy cannot be reached: {_reason(exc)}"
            self._observer.refused(session, HTTPStatus.BAD_GATEWAY, reason)
            return _own(HTTPStatus.BAD_GATEWAY, reason)
        self._dialled[client] = (replace(session, subprotocol=server.subprotocol or ""), server)
        return None

    def _process_response(self, client: ServerConnection, request: Request, response: Response) -> None:
        """Give the server's own headers (`x-request-id` and the like) to the client it has let in."""
        if client not in self._dialled:
            return
        answer = self._dialled[client][1].response
        for name, value in answer.headers.raw_items() if answer is not None else ():
            if name.lower() not in _OF_ONE_HOP | {"date"}:
                response.headers[name] = value

    async def _dial(self, target: str, request: Request) -> ClientConnection:
        headers = [
            (name, value) for name, value in request.headers.raw_items() if name.lower() not in _OF_ONE_HOP
        ]
        options: dict[str, Any] = {}
        local = self._endpoint.is_loopback
        if local and "proxy" in inspect.signature(_connect.__init__).parameters:
            options["proxy"] = None
        return await _Connect(
            target,
            additional_headers=headers,
            subprotocols=_offered(request) or None,
            user_agent_header=None,
            compression=None,
            max_size=self._max_size,
            open_timeout=_OPEN_TIMEOUT,
            close_timeout=_CLOSE_TIMEOUT,
            ping_interval=None,
            logger=_log,
            **options,
        )

    def _select_subprotocol(
        self, client: ServerConnection, offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        return self._dialled[client][1].subprotocol

    def _drop(self, gone: list[ServerConnection]) -> None:
        """Cut the upstream connections of clients that left in the middle of their handshake."""
        for client in gone:
            self._dialled.pop(client)[1].transport.abort()

    # --- the session --------------------------------------------------------------------

    async def _pass_on(self, client: ServerConnection) -> None:
        session, server = self._dialled.pop(client)
        self._observer.opened(session)
        ended: list[tuple[Side | None, CloseInfo]] = []

        def shown(side: Side) -> Callable[[str | bytes], None]:
            return lambda data: self._observer.message(session, side, data) if not ended else None

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(client, server, "client", shown("client"), ended))
                group.create_task(_pump(server, client, "server", shown("server"), ended))
        finally:
            server.transport.abort()
            side, close = ended[0] if ended else (None, CloseInfo(1001, by_us=True))
            self._observer.closed(session, side, close)


async def _pump(
    source: ServerConnection | ClientConnection,
    target: ServerConnection | ClientConnection,
    side: Side,
    show: Callable[[str | bytes], None],
    ended: list[tuple[Side | None, CloseInfo]],
) -> None:
    """Pass messages on until one end closes, then close the other likewise.

    It waits for the target before it reads on, so a slow reader slows the writer down, as without a relay.
    """
    while True:
        try:
            message = await source.recv()
        except ConnectionClosed as exc:
            # Closed by the other pump: then that one knows who began.
            if not ended:
                close = (
                    CloseInfo(_ABNORMAL) if exc.rcvd is None else CloseInfo(exc.rcvd.code, exc.rcvd.reason)
                )
                ended.append((side if exc.rcvd_then_sent is not False else None, close))
                await _close_likewise(target, exc)
            return
        show(message)
        try:
            await target.send(message)
        except ConnectionClosed:
            # What is said to somebody who left is lost, as it would be without a relay.
            continue


async def _close_likewise(target: ServerConnection | ClientConnection, exc: ConnectionClosed) -> None:
    if exc.rcvd is not None:
        code = None if exc.rcvd.code == 1005 else exc.rcvd.code
        await target.close(code, exc.rcvd.reason)  # type: ignore[arg-type]  # None: a close frame without a code
    elif exc.sent is not None:
        await target.close(exc.sent.code, exc.sent.reason)
    else:
        target.transport.abort()


def _target(upstream: SplitResult, asked: str) -> str:
    """Where a client that asked for `asked` is taken."""
    mine = urlsplit(asked)
    path = mine.path
    if upstream.path.strip("/"):
        path = upstream.path.rstrip("/") + mine.path.partition("/realtime")[2]
    named = {name for name, _ in parse_qsl(mine.query, keep_blank_values=True)}
    added = [part for part in upstream.query.split("&") if part and part.partition("=")[0] not in named]
    query = "&".join([*([mine.query] if mine.query else []), *added])
    return urlunsplit((upstream.scheme, upstream.netloc, path or "/", query, ""))


def _shown(target: str) -> str:
    try:
        return Endpoint(target, allow_plaintext=True).redacted()
    except LocalProtocolError:  # a URL our own client would not take; it is passed on all the same
        parts = urlsplit(target)
        return redact(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))


def _offered(request: Request) -> list[Subprotocol]:
    lines = request.headers.get_all("Sec-WebSocket-Protocol")
    return [Subprotocol(one.strip()) for line in lines for one in line.split(",") if one.strip()]


def _secrets(request: Request, target: str) -> tuple[str, ...]:
    """What in the request might be a key: credentials, cookies, keys in subprotocols and in the query."""
    found: list[str] = []
    for name, value in request.headers.raw_items():
        if name.lower() in ("authorization", "proxy-authorization", "api-key", "x-api-key", "cookie"):
            found += [value, value.rpartition(" ")[2]]
    found += [str(one) for one in _offered(request) if "key" in one]
    found += [one.rpartition("key.")[2] for one in _offered(request) if "key." in one]
    query = parse_qsl(urlsplit(target).query, keep_blank_values=True)
    found += [value for name, value in query if any(word in name for word in ("key", "token", "secret"))]
    return tuple(dict.fromkeys(each for each in found if len(each) > 3))


def _passed_on(response: Response) -> Response:
    """The server's refusal, as an answer of our own connection."""
    body = bytes(response.body or b"")
    kept = [(name, value) for name, value in response.headers.raw_items() if name.lower() not in _OF_ONE_HOP]
    headers = Headers([*kept, ("Content-Length", str(len(body))), ("Connection", "close")])
    return Response(response.status_code, response.reason_phrase, headers, body)


def _own(status: HTTPStatus, message: str) -> Response:
    body = orjson.dumps({"error": {"message": message, "type": "proxy_error", "code": None, "param": None}})
    headers = Headers(
        {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    )
    return Response(status, status.phrase, headers, body)


def _words(response: Response, secrets: tuple[str, ...]) -> str:
    words = bytes(response.body or b"")[:2000].decode("utf-8", "replace")
    for secret in secrets:
        words = words.replace(secret, "***")
    return safe(words)


def _reason(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return f"no answer within {_OPEN_TIMEOUT:g} s"
    if isinstance(exc, OSError):
        return exc.strerror or type(exc).__name__
    return safe(str(exc)) or type(exc).__name__

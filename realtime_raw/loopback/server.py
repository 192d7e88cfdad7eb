"""`LoopbackServer`: simulated sessions behind a real WebSocket, on websockets' asyncio server.

Only waiting is done here: a reader that feeds a session and keeps its time,
and a writer that sends what it says. Every rule is in `brain` and `handshake`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Any, Literal, Self

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response
from websockets.typing import Subprotocol

from .behaviour import Behaviour
from .brain import SimulatedSession
from .handshake import AccessPolicy, Health, HttpRefusal, InBandRefusal, Opened, Outcome, Request, decide
from .ids import Ids
from .scenario import Brain, as_scenario
from .speech import Speaker, best_speaker

__all__ = ["LoopbackServer"]

# 15 MiB of audio are 20 MiB of base64, and the event around them.
_MAX_MESSAGE = (20 << 20) + (1 << 16)
_CLOSE_TIMEOUT = 0.5
# Said and not yet taken by the client: past this, the client is not read any further.
_HIGH_WATER = 32 << 20
_SESSIONS_KEPT = 32
# Addresses to listen on that are none to connect to.
_WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
_PHRASES = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}

# Silent unless the application configures it: strangers' garbage is no news.
_log = logging.getLogger("realtime_raw.loopback")
_log.addHandler(logging.NullHandler())


class LoopbackServer:
    """A server that behaves like the Realtime API: `async with LoopbackServer() as server:`.

    It listens on 127.0.0.1 unless `host` says otherwise, on a free port unless
    `port` does; connect to `server.url`. Any key is accepted, and none is needed,
    unless `keys` are given or `require_key`. `scenario` decides what it says (see
    `scenario.Brain`), `speed` how much faster than nature; by default it
    speaks real words if the extra `speech` is installed. `models` are accepted
    besides the known families. Leaving the block closes every connection with
    1001 and takes less than a second.

    Raises `OSError` on entering if the port is taken.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        scenario: Brain | None = None,
        speaker: Speaker | None = None,
        speed: float = 10.0,
        behaviour: Behaviour | None = None,
        keys: Collection[str] | None = None,
        require_key: bool = False,
        models: Collection[str] = (),
        missing_key: Literal["http", "in_band"] = "http",
        log_limit: int = 2000,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above zero, not {speed!r}")
        self._host, self._port = host, port
        self._policy = AccessPolicy(
            keys=keys, require_key=require_key, models=models, missing_key=missing_key
        )
        self._scenario = as_scenario(scenario)
        self._speaker = speaker
        self._speed = speed
        self._behaviour = behaviour
        self._log_limit = log_limit
        self._server: Server | None = None
        self._opened = 0
        self._sessions: deque[SimulatedSession] = deque(maxlen=_SESSIONS_KEPT)

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._converse,
            self._host,
            self._port,
            process_request=self._process_request,
            select_subprotocol=_select_subprotocol,
            compression=None,
            max_size=_MAX_MESSAGE,
            close_timeout=_CLOSE_TIMEOUT,
            server_header=None,
            logger=_log,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening and close every connection (1001). Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()

    @property
    def port(self) -> int:
        """The port in use. Raises `RuntimeError` when the server is not running."""
        if self._server is None:
            raise RuntimeError("the loopback server is not running; use `async with`")
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    @property
    def base_url(self) -> str:
        """What clients that add `/realtime` themselves want: `ws://127.0.0.1:PORT/v1`."""
        host = _WILDCARDS.get(self._host, self._host)
        return f"ws://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    @property
    def url(self) -> str:
        """Where a session is opened; add `?model=...`."""
        return f"{self.base_url}/realtime"

    @property
    def sessions(self) -> tuple[SimulatedSession, ...]:
        """The last sessions, closed ones included, in the order they were opened."""
        return tuple(self._sessions)

    @property
    def received(self) -> list[dict[str, Any]]:
        """What clients sent, session by session; see `SimulatedSession.received`."""
        return [message for session in self._sessions for message in session.received]

    @property
    def sent(self) -> list[dict[str, Any]]:
        """What clients were sent, session by session; see `SimulatedSession.sent`."""
        return [message for session in self._sessions for message in session.sent]

    # --- one connection -----------------------------------------------------------------

    def _process_request(self, connection: ServerConnection, request: HttpRequest) -> Response | None:
        outcome = self._decide(request)
        if isinstance(outcome, Health):
            return _response(200, "text/plain; charset=utf-8", self._health().encode())
        if isinstance(outcome, HttpRefusal):
            fault = outcome.fault
            error = {"message": fault.message, "type": fault.type, "code": fault.code, "param": None}
            return _response(outcome.status, "application/json", orjson.dumps({"error": error}))
        return None

    def _decide(self, request: HttpRequest) -> Outcome:
        return decide(Request(request.path, request.headers.raw_items()), self._policy)

    def _health(self) -> str:
        return (
            "realtime_raw loopback server: it simulates the OpenAI Realtime API and has no model behind it.\n"
            f"Open a WebSocket at {self.url}?model=gpt-realtime-2.1\n"
            f"Sessions opened so far: {self._opened}\n"
        )

    async def _converse(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        outcome = self._decide(connection.request)
        assert isinstance(outcome, (Opened, InBandRefusal))
        session = self._session(outcome)
        self._sessions.append(session)
        await _Line(connection, session).run()

    def _session(self, outcome: Opened | InBandRefusal) -> SimulatedSession:
        self._opened += 1
        opened = outcome if isinstance(outcome, Opened) else Opened()
        refused = outcome if isinstance(outcome, InBandRefusal) else None
        loop = asyncio.get_running_loop()
        return SimulatedSession(
            opened.model,
            kind=opened.kind,
            call_id=opened.call_id,
            scenario=self._scenario,
            speaker=self._speaker or best_speaker(),
            ids=Ids(self._opened),
            speed=self._speed,
            behaviour=self._behaviour,
            epoch=time.time() - loop.time(),
            refusal=(refused.fault, refused.close_code) if refused else None,
            log_limit=self._log_limit,
        )


class _Line:
    """One connection and its session: the reader runs here, the writer as a task that never outlives it."""

    def __init__(self, connection: ServerConnection, session: SimulatedSession) -> None:
        self._connection = connection
        self._session = session
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def run(self) -> None:
        """Serve the connection until it is closed by either side."""
        writer = asyncio.create_task(self._write())
        try:
            self._session.connected(self._now())
            self._post()
            await self._read()
            if self._session.closing is not None:
                # A client that does not read cannot hold the last words up for ever.
                await asyncio.wait([writer], timeout=_CLOSE_TIMEOUT)
                await self._connection.close(self._session.closing.code, self._session.closing.reason)
        finally:
            writer.cancel()
            await asyncio.wait([writer])

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _read(self) -> None:
        while self._session.closing is None:
            try:
                async with asyncio.timeout_at(self._session.next_deadline()):
                    message = await self._connection.recv()
            except TimeoutError:
                self._session.handle_timer(self._now())
            except ConnectionClosed:
                return
            else:
                if isinstance(message, str):
                    self._session.receive_message(message, self._now())
                else:
                    self._session.receive_binary(message, self._now())
            self._post()
            await self._room.wait()

    def _post(self) -> None:
        """Hand what the session says to the writer."""
        said = self._session.data_to_send()
        self._waiting.extend(said)
        self._bytes += sum(map(len, said))
        if self._bytes > _HIGH_WATER:
            self._room.clear()
        self._something.set()

    async def _write(self) -> None:
        try:
            while self._waiting or self._session.closing is None:
                await self._something.wait()
                self._something.clear()
                while self._waiting:
                    data = self._waiting.popleft()
                    await self._connection.send(data, text=True)
                    self._bytes -= len(data)
                    if self._bytes <= _HIGH_WATER:
                        self._room.set()
        except ConnectionClosed:
            self._room.set()  # the reader finds out for itself


def _response(status: int, content_type: str, body: bytes) -> Response:
    headers = Headers({"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status, _PHRASES[status], headers, body)


def _select_subprotocol(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """`realtime` if it is offered (observed); other offers carry keys and are not answered."""
    realtime = Subprotocol("realtime")
    return realtime if realtime in offered else None

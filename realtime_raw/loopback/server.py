"""`LoopbackServer`: simulated sessions behind a real WebSocket, on websockets' asyncio server.

It opens and closes what the other modules are about: who may connect is
`handshake`'s, one connection `line`'s, what a session does `brain`'s.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from ..events.base import ClientEvent, ServerEvent
from .behaviour import Behaviour
from .brain import SimulatedSession
from .exchange import Exchange
from .expect import Expectation, Expectations, Expected, Watch
from .faults import Fault, behaviour_with, parse_fault
from .faulty import with_faults
from .handshake import (
    NO_ROOM,
    AccessPolicy,
    Health,
    HttpRefusal,
    InBandRefusal,
    Opened,
    Request,
    decide,
    facts_of,
)
from .ids import Ids
from .line import CLOSE_TIMEOUT, Line
from .scenario import Brain
from .secrets import ClientSecret, SecretStore
from .speech import Speaker, best_speaker
from .threads import LoopThread, in_loop
from .tls import make_identity
from .traffic import Unreadable, client_events, server_events
from .translation import TranslationSession

__all__ = ["LoopbackServer"]

# 15 MiB of audio are 20 MiB of base64, and the event around them.
_MAX_MESSAGE = (20 << 20) + (1 << 16)
_SESSIONS_KEPT = 32
# Addresses to listen on that are none to connect to.
_WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}

# Silent unless the application configures it: strangers' garbage is no news.
_log = logging.getLogger("realtime_raw.loopback")
_log.addHandler(logging.NullHandler())


class LoopbackServer:
    """A server that behaves like the Realtime API.

    `async with LoopbackServer() as server:` runs it in the current event loop;
    `with LoopbackServer() as server:` in a thread of its own, for programs and
    tests that have no loop. Everything it shows may be read from any thread.

    It listens on 127.0.0.1 unless `host` says otherwise, on a free port unless
    `port` does; connect to `server.url`. With `tls` that is a `wss://` one, and
    whoever connects must trust `certificate_file`. Any key is accepted, and none
    is needed, unless `keys` are given or `require_key`. `scenario` decides what it
    says (see `scenario.Brain`), `speed` how much faster than nature; by default it
    speaks real words if the extra `speech` is installed. `models` are accepted
    besides the known families. Beyond `max_sessions` open at a time, a client is
    answered with HTTP 429. `log_limit` is how many messages of each session are
    kept in each direction. `faults` are what goes wrong in every session, by name
    (`close_1011@ms=500`; see `faults`). Leaving the block closes
    every connection with 1001 and takes less than a second.

    Raises `OSError` on entering if the port is taken, and `ExpectationFailed` on
    leaving if a script of `expect` was not followed.
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
        faults: Sequence[Fault | str] = (),
        keys: Collection[str] | None = None,
        require_key: bool = False,
        models: Collection[str] = (),
        missing_key: Literal["http", "in_band"] = "http",
        tls: bool = False,
        max_sessions: int | None = None,
        log_limit: int = 2000,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above zero, not {speed!r}")
        if max_sessions is not None and max_sessions < 1:
            raise ValueError(f"max_sessions must be at least 1, or None for any number, not {max_sessions!r}")
        self._host, self._port = host, port
        self._policy = AccessPolicy(
            keys=keys, require_key=require_key, models=models, missing_key=missing_key
        )
        self._scenario = scenario
        self._speaker = speaker
        self._speed = speed
        self._faults = [parse_fault(fault) if isinstance(fault, str) else fault for fault in faults]
        self._behaviour = behaviour_with(self._faults, behaviour)
        self._tls = tls
        self._max_sessions = max_sessions
        self._log_limit = log_limit
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: LoopThread | None = None
        self._certificate: tempfile.TemporaryDirectory[str] | None = None
        self._opened = 0
        self._admitted: dict[ServerConnection, Opened | InBandRefusal] = {}
        self._sessions: deque[Exchange] = deque(maxlen=_SESSIONS_KEPT)
        self._secrets = SecretStore()
        self._expectations = Expectations()

    # --- beginning and end --------------------------------------------------------------

    async def __aenter__(self) -> Self:
        identity = make_identity(*self._names()) if self._tls else None
        self._server = await serve(
            self._converse,
            self._host,
            self._port,
            process_request=self._process_request,
            select_subprotocol=_select_subprotocol,
            compression=None,
            max_size=_MAX_MESSAGE,
            close_timeout=CLOSE_TIMEOUT,
            server_header=None,
            logger=_log,
            ssl=identity.server_context() if identity is not None else None,
        )
        self._loop = asyncio.get_running_loop()
        if identity is not None:
            self._certificate = tempfile.TemporaryDirectory(prefix="realtime_raw-")
            self.certificate_file.write_text(identity.certificate, encoding="ascii")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
        if exc is None:
            self._expectations.check()

    def __enter__(self) -> Self:
        self._thread = LoopThread("realtime_raw loopback server")
        try:
            return self._thread.run(self.__aenter__())
        except BaseException:
            self._thread.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._thread is not None
        try:
            self._thread.run(self.__aexit__(kind, exc, trace))
        finally:
            self._thread.stop()

    async def close(self) -> None:
        """Stop listening and close every connection (1001). Idempotent."""
        server, self._server = self._server, None
        certificate, self._certificate = self._certificate, None
        if server is not None:
            server.close()
            await server.wait_closed()
        if certificate is not None:
            certificate.cleanup()

    # --- where it is --------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The port in use. Raises `RuntimeError` when the server is not running."""
        if self._server is None:
            raise RuntimeError("the loopback server is not running; use `async with`, or `with`")
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    @property
    def base_url(self) -> str:
        """What clients that add `/realtime` themselves want: `ws://127.0.0.1:PORT/v1`."""
        host = _WILDCARDS.get(self._host, self._host)
        scheme = "wss" if self._tls else "ws"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    @property
    def url(self) -> str:
        """Where a session is opened; add `?model=...`."""
        return f"{self.base_url}/realtime"

    @property
    def certificate_file(self) -> Path:
        """The certificate clients must trust, as a PEM file that is there as long as the server runs.

        For Python `ssl.create_default_context(cafile=...)`, or `SSL_CERT_FILE`
        in the environment; for Node `NODE_EXTRA_CA_CERTS`. Raises `RuntimeError`
        without `tls`, or when the server is not running.
        """
        if self._certificate is None:
            raise RuntimeError("there is no certificate: the server does not run, or not with tls=True")
        return Path(self._certificate.name, "certificate.pem")

    def _names(self) -> list[str]:
        return [] if self._host in _WILDCARDS else [self._host]

    # --- what can be seen ---------------------------------------------------------------

    @property
    def sessions(self) -> tuple[SimulatedSession, ...]:
        """The last sessions but translations, closed ones included, in the order they were opened."""
        return in_loop(
            self._loop, lambda: tuple(each for each in self._sessions if isinstance(each, SimulatedSession))
        )

    @property
    def translations(self) -> tuple[TranslationSession, ...]:
        """The last translation sessions, likewise."""
        return in_loop(
            self._loop, lambda: tuple(each for each in self._sessions if isinstance(each, TranslationSession))
        )

    @property
    def received(self) -> list[ClientEvent | Unreadable]:
        """What clients sent, in order, session by session.

        A message that is no event of the protocol is an `Unreadable`. How much is
        kept is bounded; see `log_limit`.
        """
        return in_loop(
            self._loop,
            lambda: [event for session in self._sessions for event in client_events(session)],
        )

    @property
    def sent(self) -> list[ServerEvent]:
        """What clients were sent, in order, session by session; `event.raw` is the object on the wire."""
        return in_loop(
            self._loop,
            lambda: [event for session in self._sessions for event in server_events(session)],
        )

    # --- what can be asked of it --------------------------------------------------------

    def mint_secret(
        self, session: Mapping[str, Any] | None = None, *, expires_in: float = 600
    ) -> ClientSecret:
        """An ephemeral key whose sessions begin with `session`, an object as `session.update` takes it.

        Connect with its `value` as the key; the URL then needs no model. `session`
        may name a `model`, and be of `type` realtime (also if it says none) or
        transcription. `expires_in` is in seconds, up to 7200; the live API wants
        10 at least. A running session outlives its secret.

        Raises `ValueError`, with the server's words, for a session it would refuse.
        """
        return in_loop(self._loop, lambda: self._secrets.mint(session, expires_in, time.time()))

    def expect(
        self, *steps: Expected | str, ignore: Collection[str] = (), timeout: float = 5.0
    ) -> Expectation:
        """Hold the next client that says something to a script; see `Expected` and `Expectation`.

        A step is an `Expected`, or an event's type alone. Types in `ignore` may come
        at any time and are no part of the script. Use it as `with` or `async with`,
        whose end waits up to `timeout` seconds for the rest of the script; or call
        `check()`; or leave it to the server's end.
        """
        expectation = Expectation(steps, ignore=ignore, timeout=timeout)
        in_loop(self._loop, lambda: self._expectations.add(expectation))
        return expectation

    # --- one connection -----------------------------------------------------------------

    def _process_request(self, connection: ServerConnection, request: HttpRequest) -> Response | None:
        outcome = decide(_asked(request), self._policy, secrets=self._secrets.by_value, now=time.time())
        if isinstance(outcome, Health):
            return _response(200, "text/plain; charset=utf-8", self._health().encode())
        if not isinstance(outcome, HttpRefusal) and not self._has_room():
            outcome = NO_ROOM
        if isinstance(outcome, HttpRefusal):
            fault = outcome.fault
            error = {"message": fault.message, "type": fault.type, "code": fault.code, "param": None}
            return _response(outcome.status, "application/json", orjson.dumps({"error": error}))
        self._admitted[connection] = outcome
        return None

    def _has_room(self) -> bool:
        # Who left in the middle of the handshake was admitted, and never came to `_converse`.
        for gone in [each for each in self._admitted if each.state is State.CLOSED]:
            del self._admitted[gone]
        return self._max_sessions is None or len(self._admitted) < self._max_sessions

    def _health(self) -> str:
        return (
            "realtime_raw loopback server: it simulates the OpenAI Realtime API and has no model behind it.\n"
            f"Open a WebSocket at {self.url}?model=gpt-realtime-2.1\n"
            f"Sessions opened so far: {self._opened}\n"
        )

    async def _converse(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        outcome = self._admitted[connection]
        watch = self._expectations.watch()
        session = self._session(outcome, _asked(connection.request), watch)
        watch.session = session
        self._sessions.append(session)
        try:
            await Line(connection, with_faults(session, self._faults)).run()
        finally:
            self._admitted.pop(connection, None)
            watch.ended()

    def _session(self, outcome: Opened | InBandRefusal, asked: Request, watch: Watch) -> Exchange:
        self._opened += 1
        opened = outcome if isinstance(outcome, Opened) else Opened()
        refused = outcome if isinstance(outcome, InBandRefusal) else None
        common: dict[str, Any] = {
            "scenario": self._scenario,
            "speaker": self._speaker or best_speaker(),
            "ids": Ids(self._opened),
            "speed": self._speed,
            "behaviour": self._behaviour,
            "epoch": time.time() - asyncio.get_running_loop().time(),
            "log_limit": self._log_limit,
            "facts": facts_of(asked),
            "intercept": watch.heard,
        }
        if opened.kind == "translation":
            return TranslationSession(opened.model, **common)
        return SimulatedSession(
            opened.model,
            kind=opened.kind,
            call_id=opened.call_id,
            refusal=(refused.fault, refused.close_code) if refused else None,
            session=opened.session,
            **common,
        )


def _asked(request: HttpRequest) -> Request:
    return Request(request.path, request.headers.raw_items())


def _response(status: int, content_type: str, body: bytes) -> Response:
    headers = Headers({"Content-Type": content_type, "Content-Length": str(len(body)), "Connection": "close"})
    return Response(status, HTTPStatus(status).phrase, headers, body)


def _select_subprotocol(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """`realtime` if it is offered (observed); other offers carry keys and are not answered."""
    realtime = Subprotocol("realtime")
    return realtime if realtime in offered else None

"""connect(): from what a user says about a server to a session that is ready, or the reason why not.

The key is fetched here, the line opened, and the session awaited, all within
one time limit. Nothing is retried.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import os
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from ..dispatch import Event, Kind
from ..endpoint import Credential, Endpoint, Secret
from ..errors import ConnectFailed, LocalProtocolError, SessionLost
from ..events.catalog import DIALECTS
from ..events.server import ErrorEvent, SessionCreated
from ..protocol import signals
from ..protocol.core import Options, RealtimeProtocol
from ..protocol.patch import SessionPatch
from ..types import ErrorInfo
from ..usage import Budget
from .connection import RealtimeConnection
from .driver import Driver, OnHandlerError
from .failures import hide, refused_in_band
from .handshake import MAX_SIZE, TransportName, dial
from .records import Records
from .subscribe import STREAM_LIMIT, EventStream
from .tap import Tap
from .tools import ToolRunner
from .transport import MessageTransport

if TYPE_CHECKING:
    from os import PathLike
    from types import TracebackType

    from ..events.session_config import FunctionTool, McpTool
    from ..functions import ToolFunction


__all__ = ["DEFAULT_MODEL", "connect"]

DEFAULT_MODEL = "gpt-realtime-2.1"

_KEY_VARIABLE = "OPENAI_API_KEY"
_TRANSPORT_VARIABLE = "REALTIME_RAW_TRANSPORT"
# After an `error`, how long its close may take to come; on a socket that
# begins in silence, how long an `error` may.
_LAST_WORDS_S = 1.0
_SILENCE_S = 0.3


def connect(
    endpoint: str | Endpoint | None = None,
    *,
    model: str = DEFAULT_MODEL,
    api_key: Credential | None = None,
    manual_turns: bool = True,
    session: SessionPatch | None = None,
    tools: Sequence[FunctionTool | McpTool | Callable[..., object]] = (),
    budget: Budget | None = None,
    journal: str | PathLike[str] | IO[str] | IO[bytes] | None = None,
    journal_audio: bool = True,
    on_handler_error: OnHandlerError = "report",
    barge_in: Literal["follow_server", "always", "never"] = "follow_server",
    strict: bool = False,
    open_timeout: float | None = 10.0,
    command_timeout: float = 10.0,
    close_timeout: float = 1.0,
    max_size: int = MAX_SIZE,
    ring_seconds: float = 240.0,
    transport: TransportName | None = None,
    allow_plaintext: bool = False,
) -> Connecting:
    """A session, as an async context manager: `async with connect(...) as conn:`.

    Without an `endpoint` it is OpenAI's; a URL is any server that speaks the
    protocol, and gets `model` if it names none. An `Endpoint` is taken as it is.
    `api_key` is a string, or a function (async or not) called for each connect;
    without one, `OPENAI_API_KEY` is used for OpenAI's own hosts and sent to no
    other.

    Entering returns once the session exists and the server has confirmed the
    first patch: turn detection off (unless `manual_turns=False`), `session` and
    `tools`: declarations, or functions, which are run when the model calls them.
    What the session is then is in `conn.session.current`. Handlers that are
    subscribed before the body first awaits see every event after that. A
    `budget` is checked before each reply. `journal` is a path (an existing file
    is replaced) or a stream that gets every message, without its sound if
    `journal_audio` is false.
    `barge_in` says whether the user's speech, as the server hears it, cuts our
    playback. `strict` makes a server's breach of protocol end the session.
    `max_size` bounds a server's message, in bytes; `ring_seconds` is how much of
    a reply `conn.player` holds. `transport` says who reads what comes besides
    whole text messages, and answers pings and closes: "websockets", the library,
    or "fast", we ourselves; the default is what REALTIME_RAW_TRANSPORT says, or
    else the library. Times are in seconds: `open_timeout` for all of entering,
    `command_timeout` for each answer.

    Entering raises `ConnectFailed` if no session comes of it, `OSError` for a
    journal that cannot be written, `LocalProtocolError` (or `InvalidCommand`) for
    what cannot work; cancelling it leaves nothing behind. Leaving closes the
    line and ends every task, in at most 1.5 s (with the default `close_timeout`).
    Failures of handlers are then raised as an `ExceptionGroup`, unless the body
    raised itself; with `on_handler_error="abort"` the first one ends the session.
    """
    if isinstance(endpoint, Endpoint):
        where = endpoint if api_key is None else endpoint.with_key(api_key)
    elif endpoint is None:
        where = Endpoint.openai(model, api_key)
    else:
        where = Endpoint.of(endpoint, model=model, api_key=api_key, allow_plaintext=allow_plaintext)
    patch = session or SessionPatch()
    functions: list[ToolFunction] = []
    declared = [one for one in tools if not callable(one)]
    if tools:
        from ..functions import ToolFunction  # connecting is quicker without

        functions = [ToolFunction.of(one) for one in tools if callable(one)]
        patch = patch.merged(SessionPatch(tools=[*declared, *(one.declaration for one in functions)]))
    options = Options(
        manual_turns=manual_turns,
        strict=strict,
        sideband=where.sideband,
        command_timeout=command_timeout,
        barge_in=barge_in,
    )
    framing = _framing(transport)
    core = RealtimeProtocol(DIALECTS[where.dialect], options=options, ids=_ids(), session=patch)

    async def open_line(key: str | None) -> MessageTransport:
        return await dial(where, key, max_size=max_size, close_timeout=close_timeout, transport=framing)

    return Connecting(
        where,
        core,
        open_line,
        journal=journal,
        journal_audio=journal_audio,
        open_timeout=open_timeout,
        on_handler_error=on_handler_error,
        declared=declared,
        functions=functions,
        budget=budget,
        ring_seconds=ring_seconds,
    )


def _framing(transport: str | None) -> TransportName:
    named = transport or os.environ.get(_TRANSPORT_VARIABLE) or "websockets"
    if named in ("websockets", "fast"):
        return cast("TransportName", named)
    where = "transport" if transport else _TRANSPORT_VARIABLE
    raise LocalProtocolError(f"{where} is {named!r}", hint='it is "websockets" or "fast"')


class Connecting:
    """A session to be entered, once. Made by `connect`.

    Made by hand it joins any core to any line, such as one of `memory_pair()`:
    `open_line` is an async function from the key (or None) to the transport.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        core: RealtimeProtocol,
        open_line: Callable[[str | None], Coroutine[Any, Any, MessageTransport]],
        *,
        journal: str | PathLike[str] | IO[str] | IO[bytes] | None = None,
        journal_audio: bool = True,
        open_timeout: float | None = 10.0,
        on_handler_error: OnHandlerError = "report",
        declared: Sequence[FunctionTool | McpTool] = (),
        functions: Sequence[ToolFunction] = (),
        budget: Budget | None = None,
        ring_seconds: float = 240.0,
    ) -> None:
        self._ring_seconds = ring_seconds
        self._endpoint = endpoint
        self._declared = declared
        self._functions = functions
        self._records = Records(core, budget)
        self._core = core
        self._open_line = open_line
        self._journal = journal
        self._journal_audio = journal_audio
        self._open_timeout = open_timeout
        self._on_handler_error = on_handler_error
        self._driver: Driver | None = None
        self._entered = False
        self._stage = "before the connection was opened"
        self._advice: str | None = None
        self._key: Secret | None = None

    async def __aenter__(self) -> RealtimeConnection:
        if self._entered:
            raise LocalProtocolError(
                "this session was entered before", hint="call connect() for each session"
            )
        self._entered = True
        try:
            async with asyncio.timeout(self._open_timeout) as limit:
                return await self._enter()
        except TimeoutError:
            if not limit.expired():
                raise
            failure = ConnectFailed(
                f"{self._endpoint.host} gave no session within {self._open_timeout:g} s:"
                f" stopped {self._stage}",
                advice=self._advice or "check the network, or allow more time with open_timeout=",
            )
        except ConnectFailed as exc:
            failure = exc
        raise hide(failure, self._key) from None

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        driver = self._driver
        assert driver is not None
        await driver.finish(gently=exc is None)
        consequence = driver.aborted and isinstance(exc, SessionLost)
        if exc is not None and not consequence:
            return
        if driver.failures:
            raise _failures(driver)
        if driver.fatal is not None:
            raise driver.fatal

    async def _enter(self) -> RealtimeConnection:
        key = self._key = await _key_for(self._endpoint)
        tap = self._open_tap(key)
        try:
            self._stage = f"while connecting to {self._endpoint.host}"
            line = await self._open(key)
            self._driver = driver = Driver(line, self._core, tap=tap, on_handler_error=self._on_handler_error)
        except BaseException:
            tap.close()
            raise
        driver.observe(self._records.steps_for, self._records.need_repeats)
        self._records.transcript.on_readers = driver.outdated
        driver.check_create = self._records.usage.check
        tools = ToolRunner(driver, self._declared)
        for function in self._functions:
            tools.add(function)
        try:
            await self._await_session(driver)
        except BaseException as exc:
            if isinstance(exc, asyncio.CancelledError):
                driver.abort()
            await driver.finish(gently=False)
            raise
        return RealtimeConnection(
            driver, self._endpoint, self._records, tools, ring_seconds=self._ring_seconds
        )

    async def _open(self, key: Secret | None) -> MessageTransport:
        opening = asyncio.create_task(self._open_line(key))
        try:
            await asyncio.sleep(0)
            # While the network works: models are built on first use, and a
            # delta must not wait for that.
            self._core.warm()
            return await opening
        except BaseException:
            await _drop(opening)
            raise

    async def _await_session(self, driver: Driver) -> None:
        self._stage = (
            "waiting for session.updated" if self._core.options.sideband else "waiting for session.created"
        )
        async with driver.stream(_TELLING, STREAM_LIMIT, "block") as stream:
            driver.start(time.time())
            if self._asks_nothing:
                driver.hand_over()
            await self._watch(stream)
        driver.hand_over()

    @property
    def _asks_nothing(self) -> bool:
        """Whether this joins a session as it is, so that no answer can be waited for."""
        return self._core.options.sideband and self._core.first_patch is None

    async def _watch(self, stream: EventStream[Event]) -> None:
        """Until the session is ready, or it is clear that it will not be."""
        error: ErrorInfo | None = None
        patience: float | None = None
        while True:
            try:
                async with asyncio.timeout(patience):
                    event = await anext(stream)
            except SessionLost as lost:
                raise refused_in_band(error, lost.close) from None
            except TimeoutError:
                if error is None:
                    return
                raise refused_in_band(error, None) from None
            if isinstance(event, signals.SessionReady):
                if not self._asks_nothing:
                    return
                patience = _SILENCE_S  # only a refusal would be answered
            elif isinstance(event, ErrorEvent):
                error = event.error.info() if event.error is not None else ErrorInfo("no reason given")
                patience = _LAST_WORDS_S
            else:
                self._judge(event)

    def _judge(self, event: Event) -> None:
        """Raise `ConnectFailed` if this says that the session will not be what was asked for."""
        if isinstance(event, SessionCreated):
            self._stage = "waiting for session.updated"
            self._advice = _BETA_ADVICE if _is_beta(event.raw.get("session")) else None
        elif isinstance(event, signals.InvariantBroken) and event.rule == "manual_turns":
            raise ConnectFailed(
                f"the server does not give manual turns: {event.detail}",
                advice=self._advice or "connect with manual_turns=False, or to a server that can",
            )
        elif isinstance(event, signals.CommandRefused) and event.event_id == self._core.first_patch:
            self._judge_refusal(event)

    def _judge_refusal(self, refused: signals.CommandRefused) -> None:
        if refused.fate == "timed_out":
            raise ConnectFailed(
                f"the server did not answer the first session.update within {refused.waited:g} s",
                advice=self._advice,
            )
        if refused.fate == "refused":
            failure = refused_in_band(refused.error, None, "the first session.update")
            failure.advice = failure.advice or self._advice
            raise failure

    def _open_tap(self, key: Secret | None) -> Tap:
        """The journal, open and with its header written. Raises `OSError`."""
        journal = self._journal
        if journal is None:
            return Tap()
        from ..journal import JournalWriter  # connecting is quicker without

        owned = path = None
        if isinstance(journal, (str, os.PathLike)):
            path = journal
            journal = owned = open(path, "wb")  # noqa: SIM115  # closed by the tap
        try:
            writer = JournalWriter(
                journal,
                dialect=self._endpoint.dialect,
                url=self._endpoint.redacted(),
                started=datetime.now(UTC).isoformat(timespec="milliseconds"),
                secrets=() if key is None else (key,),
                audio=self._journal_audio,
            )
        except BaseException as exc:
            if owned is not None:
                with contextlib.suppress(OSError):
                    owned.close()
            if isinstance(exc, OSError) and path is not None:  # a full disk does not say which file
                raise OSError(exc.errno, exc.strerror, os.fspath(path)) from exc
            raise
        return Tap(writer, owned)


# What tells whether a session comes of it.
_TELLING: tuple[Kind, ...] = (
    SessionCreated,
    ErrorEvent,
    signals.SessionReady,
    signals.CommandRefused,
    signals.InvariantBroken,
)
_BETA_ADVICE = (
    "this server speaks the retired beta shape, whose session fields are flat; it needs a GA server"
)


def _is_beta(session: object) -> bool:
    return isinstance(session, dict) and "audio" not in session and "modalities" in session


async def _key_for(endpoint: Endpoint) -> Secret | None:
    """The key this endpoint is to be opened with, made or fetched now."""
    credential = endpoint.credential
    if credential is None:
        if not endpoint.needs_key:
            return None
        credential = os.environ.get(_KEY_VARIABLE)
        if not credential:
            raise ConnectFailed(
                f"{endpoint.host} needs an API key and there is none",
                advice=f"set {_KEY_VARIABLE}, or pass api_key=; rt.loopback.LoopbackServer needs none",
            )
    key = credential() if callable(credential) else credential
    if inspect.isawaitable(key):
        key = await key
    if not isinstance(key, str):
        raise LocalProtocolError(f"api_key gave a {type(key).__name__}", hint="it gives the key as a string")
    return Secret(key.strip())


async def _drop(opening: asyncio.Task[MessageTransport]) -> None:
    """End an attempt nobody waits for any more, and cut the line if it came all the same."""
    opening.cancel()
    await asyncio.wait({opening})
    if not opening.cancelled() and opening.exception() is None:
        opening.result().abort()


def _failures(driver: Driver) -> ExceptionGroup[Exception]:
    group = ExceptionGroup("handlers failed while the session was open", driver.failures)
    if driver.failures_total > len(driver.failures):
        group.add_note(f"and {driver.failures_total - len(driver.failures)} more")
    return group


def _ids() -> Callable[[str], str]:
    """Ids that no other client of a conversation makes; items' fit in the 32 characters they may have."""
    ours, numbers = secrets.token_hex(4), itertools.count(1)
    return lambda kind: f"{kind}_{ours}_{next(numbers)}"

"""The relay: what goes in on one side comes out on the other, whatever it is and however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.http11 import Request, Response

from realtime_raw.conformance.relay import Relay, Session, Side, _reason, _shown
from realtime_raw.errors import LocalProtocolError
from realtime_raw.types import CloseInfo

KEY = "sk-proj-0123456789abcdef0123"


@dataclass
class Notes:
    """An observer that writes down what it is shown."""

    sessions: list[Session] = field(default_factory=list)
    messages: list[tuple[Side, str | bytes]] = field(default_factory=list)
    ends: list[tuple[Side | None, CloseInfo]] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def opened(self, session: Session) -> None:
        self.sessions.append(session)

    def message(self, session: Session, side: Side, data: str | bytes) -> None:
        self.messages.append((side, data))

    def closed(self, session: Session, side: Side | None, close: CloseInfo) -> None:
        self.ends.append((side, close))
        self.over.set()

    def refused(self, session: Session, status: int, reason: str) -> None:
        self.sessions.append(session)
        self.refusals.append((status, reason))


Handler = Callable[[ServerConnection], Awaitable[None]]


async def echo(line: ServerConnection) -> None:
    async for message in line:
        await line.send(message)


@contextlib.asynccontextmanager
async def between(
    handler: Handler = echo, *, upstream: str = "", query: str = "", **options: Any
) -> AsyncIterator[tuple[Relay, Notes, list[Request]]]:
    """A relay before a server that does `handler`; the requests the server saw."""
    seen: list[Request] = []
    process = options.pop("process_request", None)

    async def look(line: ServerConnection, request: Request) -> Response | None:
        seen.append(request)
        answer: Response | None = process(line, request) if process is not None else None
        return answer

    notes = Notes()
    settings: dict[str, Any] = {"max_size": None, "close_timeout": 1, **options}
    async with serve(handler, "127.0.0.1", 0, process_request=look, **settings) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with Relay(f"ws://127.0.0.1:{port}{upstream}", notes) as relay:
            yield relay, notes, seen


def dial(relay: Relay, query: str = "", **options: Any) -> connect:
    options = {"max_size": None, "proxy": None, "close_timeout": 1, **options}
    return connect(relay.url + query, **options)


async def test_every_message_passes_byte_for_byte() -> None:
    """Text stays text and binary binary, in order, the empty and the big included."""
    said: list[str | bytes] = [
        '{"a": 1}',
        "",
        b"",
        b"\x00\xff",
        " \u202e\n{",
        "x" * 3_000_000,
        os.urandom(2_000_000),
    ]
    async with between() as (relay, notes, _), dial(relay) as line:
        for message in said:
            await line.send(message)
        assert [await line.recv() for _ in said] == said
    assert [data for side, data in notes.messages if side == "client"] == said
    assert [data for side, data in notes.messages if side == "server"] == said


async def test_the_request_passes() -> None:
    """Path, query, key and other headers reach the server as they were; the proxy adds none of its own."""
    headers = {"Authorization": f"Bearer {KEY}", "OpenAI-Safety-Identifier": "abc", "X-Other": "1"}
    asked = "?model=gpt%20x&intent=transcription&api_key=secret-in-query"
    async with between() as (relay, notes, seen):
        async with dial(relay, asked, additional_headers=headers, user_agent_header="mine/1") as line:
            await line.ping()
        (request,) = seen
    assert request.path == "/v1/realtime" + asked
    got = dict(request.headers.raw_items())
    assert headers.items() <= got.items()
    assert got["User-Agent"] == "mine/1"
    assert len(got) == len(headers) + len(
        ("Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "User-Agent")
    )
    (session,) = notes.sessions
    assert KEY in session.secrets
    assert "secret-in-query" in session.secrets
    assert "secret" not in session.url
    assert KEY not in repr(session)


async def test_the_answer_passes() -> None:
    """What a server says in its handshake reaches the client; pings are answered."""

    def named(line: ServerConnection, request: Request, response: Response) -> None:
        response.headers["X-Request-Id"] = "req_1"
        response.headers["Set-Cookie"] = "a=1"

    async with between(process_response=named) as (relay, _, _), dial(relay) as line:
        assert line.response is not None
        assert (line.response.headers["x-request-id"], line.response.headers["set-cookie"]) == (
            "req_1",
            "a=1",
        )
        assert len(line.response.headers.get_all("Upgrade")) == 1
        async with asyncio.timeout(5):
            await (await line.ping())


async def test_a_path_and_a_query_of_the_upstream_are_used() -> None:
    """A path of its own comes before what follows the client's; its query fills in what that lacks."""
    async with between(upstream="/openai/v1/realtime?model=mine&api-version=1") as (relay, _, seen):
        assert relay.url.endswith("/openai/v1/realtime")
        async with dial(relay, "?model=theirs"):
            pass
        for path in ("/any", "/v1/realtime/translations"):
            async with connect(f"ws://127.0.0.1:{relay.port}{path}", proxy=None):
                pass
    assert [request.path for request in seen] == [
        "/openai/v1/realtime?model=theirs&api-version=1",
        "/openai/v1/realtime?model=mine&api-version=1",
        "/openai/v1/realtime/translations?model=mine&api-version=1",
    ]


@pytest.mark.parametrize("chosen", ["realtime", None])
async def test_the_subprotocol_is_the_server_s_choice(chosen: str | None) -> None:
    """All offers pass, a key among them, and what the server chose is what the client is told."""
    offers = ["realtime", f"openai-insecure-api-key.{KEY}"]
    async with between(select_subprotocol=lambda line, offered: chosen) as (relay, notes, seen):
        async with dial(relay, subprotocols=offers) as line:
            assert line.subprotocol == chosen
        assert seen[0].headers["Sec-WebSocket-Protocol"].split(", ") == offers
    assert KEY in notes.sessions[0].secrets


CLOSES = [
    (1000, ""),
    (1000, "bye"),
    (1001, "going"),
    (1011, "oops"),
    (3000, "a"),
    (4000, "policy"),
    (None, ""),
]


@pytest.mark.parametrize(("code", "reason"), CLOSES)
async def test_close_codes_of_the_client(code: int | None, reason: str) -> None:
    """The server sees what the client said; without a code, none."""
    seen: list[tuple[int | None, str | None]] = []

    async def until_closed(line: ServerConnection) -> None:
        await line.wait_closed()
        seen.append((line.close_code, line.close_reason))

    async with between(until_closed) as (relay, notes, _):
        async with dial(relay) as line:
            await line.close(code, reason)  # type: ignore[arg-type]
        await notes.over.wait()
    assert seen == [(1005 if code is None else code, reason)]
    assert notes.ends == [("client", CloseInfo(1005 if code is None else code, reason))]


@pytest.mark.parametrize(("code", "reason"), CLOSES)
async def test_close_codes_of_the_server(code: int | None, reason: str) -> None:
    """So does the client, after the last message."""

    async def close(line: ServerConnection) -> None:
        await line.send("last words")
        await line.close(code, reason)  # type: ignore[arg-type]

    async with between(close) as (relay, notes, _), dial(relay) as line:
        assert await line.recv() == "last words"
        with pytest.raises(ConnectionClosed):
            await line.recv()
        assert (line.close_code, line.close_reason) == (1005 if code is None else code, reason)
        await notes.over.wait()
    assert notes.ends == [("server", CloseInfo(1005 if code is None else code, reason))]


@pytest.mark.parametrize("side", ["client", "server"])
async def test_a_cut_line_is_cut_on_the_other_side_too(side: Side) -> None:
    """Without a close frame on one side there is none on the other."""
    lines: list[ServerConnection] = []

    async def wait(line: ServerConnection) -> None:
        lines.append(line)
        await line.send("here")
        await line.wait_closed()

    async with between(wait) as (relay, notes, _):
        line = await dial(relay)
        await line.recv()
        cut: ClientConnection | ServerConnection = line if side == "client" else lines[0]
        cut.transport.abort()
        await notes.over.wait()
        await line.wait_closed()
        await lines[0].wait_closed()
        assert (line.close_code, lines[0].close_code) == (1006, 1006)
    assert notes.ends == [(side, CloseInfo(1006))]


async def test_a_refusal_reaches_the_client_as_it_is() -> None:
    """Status, headers and body of the server's answer."""

    def refuse(line: ServerConnection, request: Request) -> Response:
        answer = line.respond(HTTPStatus.UNAUTHORIZED, f'{{"error": {{"message": "not with {KEY}"}}}}')
        answer.headers["x-request-id"] = "req_1"
        return answer

    async with between(process_request=refuse) as (relay, notes, _):
        with pytest.raises(InvalidStatus) as caught:
            await dial(relay, additional_headers={"Authorization": f"Bearer {KEY}"})
    response = caught.value.response
    assert response.status_code == 401
    assert response.headers["x-request-id"] == "req_1"
    assert bytes(response.body or b"") == f'{{"error": {{"message": "not with {KEY}"}}}}'.encode()
    ((status, words),) = notes.refusals
    assert status == 401
    assert "not with ***" in words


async def test_a_redirect_is_not_followed() -> None:
    """The key goes where the client sent it, and nowhere else."""

    def redirect(line: ServerConnection, request: Request) -> Response:
        answer = line.respond(HTTPStatus.FOUND, "")
        answer.headers["Location"] = "ws://127.0.0.1:1/"
        return answer

    async with between(process_request=redirect) as (relay, notes, _):
        with pytest.raises((InvalidStatus, OSError)):
            await dial(relay)
        assert notes.refusals[0][0] == 302


async def test_a_server_that_is_not_there() -> None:
    """502, with the reason."""
    notes = Notes()
    async with Relay(f"ws://127.0.0.1:{unused()}", notes) as gone:
        with pytest.raises(InvalidStatus) as caught:
            await dial(gone)
    assert caught.value.response.status_code == 502
    assert b"cannot be reached" in bytes(caught.value.response.body or b"")
    assert notes.refusals[-1][0] == 502


def unused() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def test_what_is_no_url() -> None:
    """It is said at once."""
    with pytest.raises(LocalProtocolError):
        Relay("127.0.0.1:80", Notes())
    with pytest.raises(RuntimeError):
        _ = Relay("ws://127.0.0.1:80", Notes()).url


async def test_a_slow_reader_slows_the_writer() -> None:
    """Nothing is heaped up in the middle: a client that does not read stops a server that writes."""
    written = 0
    stop = asyncio.Event()

    async def pour(line: ServerConnection) -> None:
        nonlocal written
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            for _ in range(400):
                async with asyncio.timeout(0.3):
                    await line.send(bytes(500_000))
                written += 1
        stop.set()

    async with between(pour) as (relay, notes, _):
        line = await dial(relay, max_queue=1)
        await stop.wait()
        line.transport.abort()
        await notes.over.wait()
    assert 0 < written < 200


async def test_stopping_it_ends_every_session() -> None:
    """With 1001 on both sides, and neither of them is named for it."""
    codes: list[int | None] = []

    async def wait(line: ServerConnection) -> None:
        await line.wait_closed()
        codes.append(line.close_code)

    async with between(wait) as (relay, notes, _):
        line = await dial(relay)
        await relay.close()
        await line.wait_closed()
        await notes.over.wait()
        await relay.close()
    assert (line.close_code, codes) == (1001, [1001])
    assert [side for side, _ in notes.ends] == [None]


async def test_a_client_that_leaves_in_its_handshake_leaves_nothing_behind() -> None:
    """The connection that was opened for it is cut when the next client comes."""
    asked, go, lost = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(line: ServerConnection, request: Request) -> None:
        asked.set()
        await go.wait()

    async def until_lost(line: ServerConnection) -> None:
        await line.wait_closed()
        lost.set()

    notes = Notes()
    async with serve(until_lost, "127.0.0.1", 0, process_request=slow) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with Relay(f"ws://127.0.0.1:{port}", notes) as relay:
            _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
            writer.write(
                b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            await asked.wait()
            writer.transport.abort()
            go.set()
            async with asyncio.timeout(5), dial(relay):
                pass
            async with asyncio.timeout(5):
                await lost.wait()
    assert len(notes.sessions) == 1


async def test_a_message_beyond_the_limit_ends_both_sides_with_1009() -> None:
    """Where a limit is asked for, the client is told what the server is told."""

    async def big(line: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await line.send("x" * 2000)
            await line.wait_closed()

    notes = Notes()
    async with serve(big, "127.0.0.1", 0, close_timeout=1) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with Relay(f"ws://127.0.0.1:{port}", notes, max_size=1000) as relay, dial(relay) as line:
            await line.wait_closed()
            assert line.close_code == 1009


def test_what_is_shown_of_an_address() -> None:
    """No parameter that may be a key; also of an address that our own client would not take."""
    assert _shown("ws://127.0.0.1/v1?model=m&key=k") == "ws://127.0.0.1/v1?model=m&key=***"
    old = "wss://user:pw@x.openai.azure.com/openai/realtime?api-version=1&deployment=d&api-key=k"
    assert _shown(old) == "wss://x.openai.azure.com/openai/realtime"


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (TimeoutError(), "no answer within 20 s"),
        (OSError(111, "Connection refused"), "Connection refused"),
        (OSError(), "OSError"),
        (EOFError(), "EOFError"),
        (InvalidHandshake("bad \x1b[2J"), "bad [2J"),
    ],
)
def test_why_a_server_cannot_be_reached(exc: Exception, words: str) -> None:
    """In words, without an exception's own ways."""
    assert _reason(exc) == words

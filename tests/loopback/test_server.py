"""The server over 127.0.0.1, with raw websockets: handshakes, a call, and clients that misbehave."""

from __future__ import annotations

import asyncio
import json
import math
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from realtime_raw.loopback.behaviour import Behaviour
from realtime_raw.loopback.server import LoopbackServer
from realtime_raw.loopback.speech import murmur_speaker
from tests.loopback.driver import b64, tone, user_text

MANUAL = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}


def quick(**options: Any) -> LoopbackServer:
    """A server that answers at once, without words."""
    return LoopbackServer(**{"speed": math.inf, "speaker": murmur_speaker(), **options})


@asynccontextmanager
async def client(
    server: LoopbackServer, query: str = "?model=gpt-realtime-2.1", **options: Any
) -> AsyncIterator[ClientConnection]:
    """A raw WebSocket that takes messages of any size."""
    async with connect(server.url + query, compression=None, max_size=None, **options) as connection:
        yield connection


async def say(connection: ClientConnection, kind: str, **fields: Any) -> None:
    await connection.send(json.dumps({"type": kind, **fields}))


async def hear(connection: ClientConnection, until: str) -> list[dict[str, Any]]:
    """Events up to and with the first of type `until`."""
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1]["type"] != until:
        message = await asyncio.wait_for(connection.recv(), 10)
        assert isinstance(message, str), "the API speaks text"
        heard.append(json.loads(message))
    return heard


async def eventually(condition: Callable[[], bool]) -> None:
    """Waits until something is so that sends no sign of it; fails after five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the server under test has no event to wait for
            await asyncio.sleep(0.01)


async def tasks_end(before: set[asyncio.Task[Any]]) -> None:
    """Waits until no task is left that was not there before."""
    await eventually(lambda: asyncio.all_tasks() <= before)


async def test_a_call_over_the_socket() -> None:
    """A written and a spoken turn; what went over is on record."""
    async with quick() as server, client(server) as connection:
        assert (await hear(connection, "session.created"))[0]["session"]["model"] == "gpt-realtime-2.1"
        await say(connection, "session.update", session=MANUAL)
        await say(connection, "conversation.item.create", item=user_text("Hello"))
        await say(connection, "response.create", response={"output_modalities": ["text"]})
        heard = await hear(connection, "rate_limits.updated")
        assert heard[-2]["response"]["output"][0]["content"][0]["text"] == "You said: Hello"
        await say(connection, "input_audio_buffer.append", audio=b64(tone(2.0)))
        await say(connection, "input_audio_buffer.commit")
        await say(connection, "response.create")
        heard = await hear(connection, "response.done")
        assert heard[-1]["response"]["output"][0]["content"][0]["transcript"] == (
            "I heard 2.0 seconds of audio at -20 dBFS."
        )
        (session,) = server.sessions
        assert [event.type for event in server.received] == [
            "session.update",
            "conversation.item.create",
            "response.create",
            "input_audio_buffer.append",
            "input_audio_buffer.commit",
            "response.create",
        ]
        assert server.sent[0].type == "session.created"
        assert [event.raw for event in server.sent] == session.sent


async def test_it_speaks_at_its_pace() -> None:
    """Two seconds of speech at speed 20 take about a tenth of a second, not none."""
    slow = quick(speed=20.0, scenario=lambda turn: "one two three four five six")
    async with slow as server, client(server) as connection:
        started = time.perf_counter()
        await say(connection, "response.create")
        await hear(connection, "response.done")
        assert 0.05 < time.perf_counter() - started < 5


async def test_it_listens_on_this_machine_only() -> None:
    """127.0.0.1, a free port, and its URL."""
    async with quick() as server:
        assert server.url == f"ws://127.0.0.1:{server.port}/v1/realtime"
        assert server.base_url == f"ws://127.0.0.1:{server.port}/v1"
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url
    await server.close()


@pytest.mark.parametrize(("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("", "127.0.0.1"), ("::1", "[::1]")])
async def test_a_url_is_always_one_to_connect_to(host: str, shown: str) -> None:
    """A wildcard address is not."""
    try:
        async with quick(host=host) as server:
            assert server.url == f"ws://{shown}:{server.port}/v1/realtime"
    except OSError:
        pytest.skip(f"this machine cannot listen on {host!r}")


async def test_a_taken_port() -> None:
    """The system's own error."""
    async with quick() as server:
        with pytest.raises(OSError, match="address already in use"):
            await LoopbackServer(port=server.port).__aenter__()


async def test_a_speed_of_nothing_is_refused() -> None:
    """Where it is written."""
    with pytest.raises(ValueError, match="speed must be above zero"):
        LoopbackServer(speed=-1)


async def request(server: LoopbackServer, data: bytes) -> str:
    """Sends bytes to the port and returns what comes back until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer.decode("latin-1")


async def test_a_plain_get_answers_health() -> None:
    """And says what this is."""
    async with quick() as server:
        answer = await request(server, b"GET /anything HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith("HTTP/1.1 200 OK\r\n")
        assert "realtime_raw loopback server" in answer
        assert server.url in answer


@pytest.mark.parametrize(
    ("query", "code", "close"),
    [
        ("", "missing_model", (4000, "invalid_request_error.missing_model")),
        (
            "?model=gpt-4o-realtime-preview",
            "model_not_found",
            (4004, "invalid_request_error.model_not_found"),
        ),
    ],
)
async def test_refusals_in_band(query: str, code: str, close: tuple[int, str]) -> None:
    """101, one error, and the close frame."""
    async with quick() as server, client(server, query) as connection:
        (refused,) = await hear(connection, "error")
        assert refused["error"]["code"] == code
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == close


async def test_refusals_by_http() -> None:
    """401 without a key where keys are asked for; 404 elsewhere; the body is the API's."""
    async with quick(keys=["sk-test"]) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with client(server):
                pass
        response = refused.value.response
        assert response.status_code == 401
        assert json.loads(response.body or b"")["error"] == {
            "message": "Missing bearer or basic authentication in header",
            "type": "invalid_request_error",
            "code": None,
            "param": None,
        }
        async with client(server, additional_headers={"Authorization": "Bearer sk-test"}) as connection:
            await hear(connection, "session.created")
    async with quick() as server:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(server.base_url + "/elsewhere"):
                pass
        assert refused.value.response.status_code == 404


async def test_subprotocols() -> None:
    """`realtime` is answered, others are not, and neither hinders."""
    async with quick(keys=["sk-test"]) as server:
        key = Subprotocol("openai-insecure-api-key.sk-test")
        async with client(server, subprotocols=[Subprotocol("realtime"), key]) as connection:
            assert connection.subprotocol == "realtime"
            await hear(connection, "session.created")
        async with client(server, subprotocols=[key]) as connection:
            assert connection.subprotocol is None


async def test_binary_and_garbage_do_not_end_the_session() -> None:
    """One error each."""
    async with quick() as server, client(server) as connection:
        await hear(connection, "session.created")
        await connection.send(b"\x00\x01")
        assert (await hear(connection, "error"))[0]["error"]["code"] == "invalid_event"
        await connection.send("{")
        assert (await hear(connection, "error"))[0]["error"]["code"] == "invalid_json"
        await say(connection, "input_audio_buffer.clear")
        await hear(connection, "input_audio_buffer.cleared")


async def test_garbage_instead_of_http_does_not_end_the_server() -> None:
    """Nor does a connection that is opened and dropped."""
    async with quick() as server:
        await request(server, b"\x16\x03\x01\x00garbage\r\n\r\n")
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.close()
        async with client(server) as connection:
            await hear(connection, "session.created")


async def test_the_largest_append_passes() -> None:
    """15 MiB of audio, and the event around them."""
    async with quick() as server, client(server) as connection:
        await say(connection, "session.update", session=MANUAL)
        await say(connection, "input_audio_buffer.append", audio=b64(bytes(15 << 20)))
        await say(connection, "input_audio_buffer.commit")
        await hear(connection, "conversation.item.done")


UPGRADE = (
    b"GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def test_a_message_beyond_the_limit_is_not_even_read() -> None:
    """Its announced length is enough: close 1009."""
    async with quick() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x81\xff" + struct.pack("!Q", 21 << 20) + bytes(4))
        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer[answer.index(b"\x88") + 2 :].startswith(struct.pack("!H", 1009))
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_client_that_leaves_in_the_middle_of_an_answer() -> None:
    """Politely or not, no task outlives it."""
    async with quick(speed=4.0) as server:
        before = asyncio.all_tasks()
        for polite in (True, False):
            async with client(server) as connection:
                await say(connection, "response.create")
                await hear(connection, "response.output_audio.delta")
                if not polite:
                    connection.transport.abort()
            await tasks_end(before)


async def test_a_client_that_leaves_while_it_is_being_sent_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """With megabytes under way, and the reader waiting for the writer."""
    monkeypatch.setattr("realtime_raw.loopback.line._HIGH_WATER", 10_000)
    async with quick(scenario=lambda turn: "word " * 800) as server:
        before = asyncio.all_tasks()
        async with client(server, max_queue=1) as connection:
            await say(connection, "response.create")
            await eventually(lambda: len(server.sent) > 1000)
            connection.transport.abort()
        await tasks_end(before)


async def test_closing_is_quick_whatever_clients_do() -> None:
    """1001 for all of them, within a second, one that never answers included."""
    before = asyncio.all_tasks()
    async with quick(speed=1.0) as server, client(server) as good:
        await say(good, "response.create")
        await hear(good, "response.created")
        _, deaf = await asyncio.open_connection("127.0.0.1", server.port)
        deaf.write(UPGRADE)
        await eventually(lambda: len(server.sessions) == 2)
        started = time.perf_counter()
        await server.close()
        assert time.perf_counter() - started < 1.0
        with pytest.raises(ConnectionClosed) as closed:
            await hear(good, "never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        deaf.transport.abort()
    await tasks_end(before)


async def test_expiry_closes_with_1001() -> None:
    """The error first, then the close with the same words."""
    async with quick(behaviour=Behaviour(session_seconds=0.05)) as server, client(server) as connection:
        heard = await hear(connection, "error")
        assert heard[-1]["error"]["code"] == "session_expired"
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
            1001,
            "Your session hit the maximum duration of 60 minutes.",
        )


async def test_expires_at_is_in_an_hour() -> None:
    """By the wall's clock."""
    async with quick() as server, client(server) as connection:
        session = (await hear(connection, "session.created"))[0]["session"]
        assert abs(session["expires_at"] - time.time() - 3600) < 5


async def test_many_clients_at_once() -> None:
    """Each in a session of its own, ids unique across all of them."""

    async def call(n: int) -> tuple[str, str]:
        async with client(server) as connection:
            await say(connection, "conversation.item.create", item=user_text(f"number {n}"))
            await say(connection, "response.create", response={"output_modalities": ["text"]})
            heard = await hear(connection, "response.done")
            text = heard[-1]["response"]["output"][0]["content"][0]["text"]
            assert text == f"You said: number {n}"
            return heard[0]["session"]["id"], heard[-1]["response"]["id"]

    async with quick() as server:
        found = await asyncio.gather(*(call(n) for n in range(40)))
        assert len(set(found)) == len({session for session, _ in found}) == 40
        assert len(server.sessions) == 32  # the newest are kept for inspection


async def test_a_client_that_does_not_read_is_not_read_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said to it does not pile up without bound; when it reads again, everything is there."""
    monkeypatch.setattr("realtime_raw.loopback.line._HIGH_WATER", 100_000)
    answers = 40
    async with quick(scenario=lambda turn: "word " * 60) as server, client(server, max_queue=1) as connection:
        await hear(connection, "session.created")
        for _ in range(answers):
            await say(connection, "response.create")
        await eventually(lambda: len(server.received) >= 2)
        await asyncio.sleep(0.3)
        assert len(server.received) < answers
        for _ in range(answers):
            await hear(connection, "rate_limits.updated")
        assert len(server.received) == answers


async def test_a_refused_client_that_does_not_read() -> None:
    """The last words are offered for a moment, then the line is closed all the same."""
    before = asyncio.all_tasks()
    async with quick(behaviour=Behaviour(session_seconds=0.3)) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(UPGRADE)
        await eventually(lambda: bool(server.sessions) and server.sessions[0].closing is not None)
        writer.transport.abort()
    await tasks_end(before)

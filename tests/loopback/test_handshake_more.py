"""Who connected, and how many may: what the handshake records, and where it says no for want of room."""

from __future__ import annotations

import asyncio
import json
import math

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from realtime_raw.loopback.handshake import Facts, Request, facts_of
from realtime_raw.loopback.server import LoopbackServer
from realtime_raw.loopback.speech import murmur_speaker
from tests.loopback.test_server import UPGRADE, client, eventually, hear, quick

HEADERS = {
    "OpenAI-Organization": "org-1",
    "OpenAI-Project": "proj_1",
    "OpenAI-Safety-Identifier": "a1b2",
    "Authorization": "Bearer sk-test-key",
    "User-Agent": "somebody/1.0",
}


async def test_what_a_client_says_of_itself_is_recorded() -> None:
    """By headers; the key is not in it."""
    async with quick() as server:
        async with connect(
            f"{server.base_url}/prefix/realtime?model=gpt-realtime",
            additional_headers={k: v for k, v in HEADERS.items() if k != "User-Agent"},
            user_agent_header=HEADERS["User-Agent"],
        ) as connection:
            await connection.recv()
        (session,) = server.sessions
        assert session.facts == Facts(
            path="/v1/prefix/realtime",
            key_in="header",
            organization="org-1",
            project="proj_1",
            safety_identifier="a1b2",
            user_agent="somebody/1.0",
        )
        assert "sk-test-key" not in repr(session.facts)


def test_browsers_put_it_among_the_subprotocols() -> None:
    """They cannot set headers."""
    offered = (
        "realtime, openai-insecure-api-key.sk-1, openai-organization.org-2, "
        "openai-project.proj_2, openai-agents-sdk.0.20.0"
    )
    request = Request("/v1/realtime", (("Sec-WebSocket-Protocol", offered),))
    facts = Facts(path="/v1/realtime", key_in="subprotocol", organization="org-2", project="proj_2")
    assert facts_of(request) == facts


def test_who_says_nothing_is_recorded_as_that() -> None:
    """Also for a session without a connection."""
    assert facts_of(Request("/")) == Facts()


async def test_a_key_both_ways_is_refused_over_the_line() -> None:
    """HTTP 400."""
    async with quick() as server:
        with pytest.raises(InvalidStatus) as refused:
            async with client(
                server,
                subprotocols=[Subprotocol("openai-insecure-api-key.sk-1")],
                additional_headers={"Authorization": "Bearer sk-1"},
            ):
                pass
        assert refused.value.response.status_code == 400


async def test_no_more_than_max_sessions() -> None:
    """The next client is answered with 429 and the API's error object; one that leaves makes room."""
    async with quick(max_sessions=2) as server, client(server) as one:
        async with client(server) as two:
            for connection in (one, two):
                await hear(connection, "session.created")
            with pytest.raises(InvalidStatus) as refused:
                async with client(server):
                    pass
            response = refused.value.response
            assert response.status_code == 429
            error = json.loads(response.body or b"")["error"]
            assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
            assert "Too many sessions" in error["message"]
        async with asyncio.timeout(5), client(server) as three:
            await hear(three, "session.created")


async def test_health_is_told_when_there_is_no_room() -> None:
    """It is no session."""
    async with quick(max_sessions=1) as server, client(server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        writer.close()


async def test_one_who_leaves_in_the_handshake_takes_no_room() -> None:
    """Its place is free again."""
    async with quick(max_sessions=1) as server:
        for _ in range(5):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(UPGRADE)
            writer.transport.abort()
        await eventually(lambda: all(s.closing is None for s in server.sessions))

        async def comes_in() -> bool:
            try:
                async with client(server) as connection:
                    await hear(connection, "session.created")
            except InvalidStatus:
                return False
            return True

        async with asyncio.timeout(5):
            while not await comes_in():
                pass


def test_no_room_at_all_is_refused() -> None:
    """Where it is written."""
    with pytest.raises(ValueError, match="max_sessions must be at least 1"):
        LoopbackServer(max_sessions=0)


def test_a_server_without_a_loop() -> None:
    """`with` runs it in a thread; what it shows can be read from here; it ends with the block."""
    with LoopbackServer(speed=math.inf, speaker=murmur_speaker()) as server:
        from websockets.sync.client import connect as connect_sync

        with connect_sync(server.url + "?model=gpt-realtime") as connection:
            assert json.loads(connection.recv())["type"] == "session.created"
            connection.send('{"type": "input_audio_buffer.clear"}')
            assert json.loads(connection.recv())["type"] == "input_audio_buffer.cleared"
            connection.send('{"type": "input_audio_buffer.cleer"}')
            assert json.loads(connection.recv())["type"] == "error"
            connection.send("no json")
            connection.recv()
            connection.send(b"binary")
            connection.recv()
            assert [event.type for event in server.sent[:2]] == [
                "session.created",
                "input_audio_buffer.cleared",
            ]
            good, *bad = server.received
            assert good.type == "input_audio_buffer.clear"
            assert [event.type for event in bad] == ["input_audio_buffer.cleer", None, None]
            assert [getattr(event, "reason", "")[:16] for event in bad][1:] == [
                "no JSON object",
                "a binary message",
            ]
            assert len(server.sessions) == 1
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port


def test_a_thread_is_not_left_behind_by_a_failed_start() -> None:
    """The port is taken: the error comes here, and nothing runs on."""
    import threading

    with LoopbackServer() as server:
        before = threading.active_count()
        with pytest.raises(OSError, match="in use"), LoopbackServer(port=server.port):
            pass
        assert threading.active_count() == before

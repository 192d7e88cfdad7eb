"""Faults on a real socket: what the client's end sees of them."""

from __future__ import annotations

import asyncio
import json
import math

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedError

from realtime_raw.loopback.faults import FaultError, parse_fault
from realtime_raw.loopback.server import LoopbackServer
from realtime_raw.loopback.speech import murmur_speaker
from tests.loopback.test_server import client, hear, say

TEXT = {"output_modalities": ["text"]}


def spoilt(*faults: str, **options: object) -> LoopbackServer:
    return LoopbackServer(speed=math.inf, speaker=murmur_speaker(), faults=faults, **options)  # type: ignore[arg-type]


async def end_of(connection: ClientConnection) -> ConnectionClosed:
    """How the connection ended, after everything that came."""
    try:
        while True:
            await asyncio.wait_for(connection.recv(), 5)
    except ConnectionClosed as ended:
        return ended


@pytest.mark.parametrize("code", [1001, 1011, 1012, 1013])
async def test_a_close_frame(code: int) -> None:
    """With its code, behind the message it strikes at."""
    async with spoilt(f"close_{code}") as server, client(server) as connection:
        await say(connection, "response.create", response=TEXT)
        await hear(connection, "response.created")
        ended = await end_of(connection)
        assert ended.rcvd is not None
        assert ended.rcvd.code == code


@pytest.mark.parametrize("fault", ["close_1006", "eof"])
async def test_no_close_frame(fault: str) -> None:
    """A reset, or an orderly end of the stream: 1006 for the client."""
    async with spoilt(fault) as server, client(server) as connection:
        await say(connection, "response.create", response=TEXT)
        ended = await end_of(connection)
        assert isinstance(ended, ConnectionClosedError)
        assert ended.rcvd is None


async def test_half_open() -> None:
    """Nothing more, not even a pong; the socket stays, and the server can still be stopped."""
    async with (
        spoilt("half_open@event=session.created") as server,
        client(server, close_timeout=0.1) as connection,
    ):
        await hear(connection, "session.created")
        pong = asyncio.ensure_future(await connection.ping())
        await say(connection, "response.create", response=TEXT)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.recv(), 0.3)
        assert not pong.done()
        assert server.received == []


async def test_byte_by_byte() -> None:
    """Slow, and whole."""
    async with spoilt("single_byte") as server, client(server) as connection:
        await say(connection, "response.create", response={**TEXT, "instructions": "Say only: pineapple"})
        events = await hear(connection, "response.done")
        assert events[-1]["response"]["output"][0]["content"][0]["text"] == "pineapple"


async def test_binary_and_garbage_and_oversized() -> None:
    """They arrive as they are."""
    faults = ("binary@event=session.created", "garbage@event=session.created", "oversized@bytes=2000000")
    async with spoilt(*faults) as server, client(server) as connection:
        await say(connection, "response.create", response=TEXT)
        messages: list[str | bytes] = []
        while not messages or b"response.done" not in (
            messages[-1] if isinstance(messages[-1], bytes) else b""
        ):
            message = await asyncio.wait_for(connection.recv(), 5)
            messages.append(message)
            if isinstance(message, str) and message.startswith('{"type":"response.created"'):
                assert len(message) > 2_000_000
                break
        assert messages[1:3] in (
            [b"\x00\x01\x02\x03", '{"type":"response.done",'],
            ['{"type":"response.done",', b"\x00\x01\x02\x03"],
        )


async def test_switches_reach_the_session() -> None:
    """A fault that is a behaviour works over the socket too, and may be given parsed."""
    async with LoopbackServer(faults=[parse_fault("answers_vad_on")]) as server, client(server) as connection:
        session = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        await connection.send(json.dumps({"type": "session.update", "session": session}))
        events = await hear(connection, "session.updated")
        assert events[-1]["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    with pytest.raises(FaultError):
        LoopbackServer(faults=["zebra"])

"""Servers under a test's hand: one in memory, message by message, and wild ones on 127.0.0.1."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from websockets.asyncio.server import ServerConnection, serve

from realtime_raw.aio import handshake
from realtime_raw.aio.connect import Connecting
from realtime_raw.aio.connection import RealtimeConnection
from realtime_raw.aio.transport import MemoryTransport, MessageTransport, memory_pair
from realtime_raw.aio.websocket import WebSocketTransport
from realtime_raw.endpoint import Endpoint
from realtime_raw.protocol.core import Options, RealtimeProtocol
from realtime_raw.protocol.patch import SessionPatch
from tests.protocol.harness import session as session_object

# Longer than anything here takes, shorter than anybody's patience.
SOON = 5.0
ENDPOINT = Endpoint.loopback("ws://127.0.0.1:1/v1/realtime?model=m")

Message = dict[str, Any]


class Peer:
    """The server's end of a line in memory."""

    def __init__(self, line: MemoryTransport) -> None:
        self.line = line
        self._numbers = 0

    async def hear_raw(self) -> bytes | str:
        """The client's next message as it is."""
        async with asyncio.timeout(SOON):
            return await self.line.recv()

    async def hear(self, type_: str | None = None) -> Message:
        """The client's next message, of this type if one is named."""
        message: Message = json.loads(await self.hear_raw())
        assert type_ in (None, message["type"])
        return message

    async def say(self, type_: str, **fields: Any) -> None:
        """Send an event."""
        self._numbers += 1
        await self.line.send(
            json.dumps({"type": type_, "event_id": f"event_s{self._numbers}", **fields}).encode()
        )

    async def open(self) -> None:
        """Through the session's beginning."""
        await self.say("session.created", session=session_object())
        await self.hear("session.update")
        await self.say("session.updated", session=session_object(audio__input__turn_detection=None))

    async def error(self, code: str | None, message: str = "no", event_id: str | None = None) -> None:
        """Send an `error`."""
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
        await self.say("error", error={**error, "event_id": event_id})

    async def create(self, response_id: str = "resp_1") -> Message:
        """Hear a `response.create` and create the response; returns what was heard."""
        heard = await self.hear("response.create")
        metadata = heard["response"]["metadata"]
        await self.say("response.created", response=response(response_id, metadata=metadata))
        return heard

    async def done(self, response_id: str = "resp_1", status: str = "completed", **fields: Any) -> None:
        """End a response."""
        await self.say("response.done", response=response(response_id, status=status, **fields))


def response(response_id: str, **fields: Any) -> Message:
    """A response object as recorded, with changes."""
    return {
        "object": "realtime.response",
        "id": response_id,
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "conversation_id": "conv_1",
        "output_modalities": ["audio"],
        "usage": None,
        "metadata": None,
        **fields,
    }


def item(item_id: str, role: str = "user", **fields: Any) -> Message:
    """A message item."""
    return {"id": item_id, "type": "message", "status": "completed", "role": role, "content": [], **fields}


@asynccontextmanager
async def held(
    *,
    limit: int = 64,
    session: SessionPatch | None = None,
    command_timeout: float = 10.0,
    strict: bool = False,
    sideband: bool = False,
    **connecting: Any,
) -> AsyncIterator[tuple[RealtimeConnection, Peer]]:
    """An open session over a line in memory, and the hand that is its server."""
    ours, theirs = memory_pair(limit)
    peer = Peer(theirs)
    options = Options(command_timeout=command_timeout, strict=strict, sideband=sideband)
    core = RealtimeProtocol(options=options, session=session)

    async def open_line(key: str | None) -> MessageTransport:
        return ours

    opening = asyncio.create_task(peer.open())
    async with Connecting(ENDPOINT, core, open_line, **connecting) as conn:
        await opening
        yield conn, peer


@asynccontextmanager
async def wild(talk: Callable[[ServerConnection], Awaitable[None]], **options: Any) -> AsyncIterator[str]:
    """A WebSocket server that does as `talk` says; yields its URL."""
    async with serve(talk, "127.0.0.1", 0, compression=None, close_timeout=0.1, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/realtime"


@asynccontextmanager
async def raw(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A TCP server that does as `talk` says; yields its URL as if it spoke WebSocket."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/v1/realtime"
    finally:
        server.close()
        await server.wait_closed()


async def dial(endpoint: Endpoint, key: str | None, **options: Any) -> WebSocketTransport:
    """A line with the framing the test runs with."""
    name = os.environ.get("REALTIME_RAW_TRANSPORT", "websockets")
    return await handshake.dial(endpoint, key, transport=cast("handshake.TransportName", name), **options)


async def begin(socket: ServerConnection) -> None:
    """A session's beginning, on a wild server."""
    created = {"type": "session.created", "event_id": "event_s1", "session": session_object()}
    await socket.send(json.dumps(created))
    assert json.loads(await socket.recv())["type"] == "session.update"
    updated = session_object(audio__input__turn_detection=None)
    await socket.send(json.dumps({"type": "session.updated", "event_id": "event_s2", "session": updated}))


async def soon(happened: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(SOON):
        while not happened():  # noqa: ASYNC110  # there is no event for most of what tests wait for
            await asyncio.sleep(0)

"""Servers for commands that bring their own event loop: each runs in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from realtime_raw.loopback import LoopbackServer

Handler = Callable[[ServerConnection], None]


@contextmanager
def loopback(**options: Any) -> Iterator[LoopbackServer]:
    """The loopback server, running until the block is left."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> LoopbackServer:
        return await LoopbackServer(**options).__aenter__()

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def scripted(handler: Handler, *, status: int | None = None) -> Iterator[str]:
    """The URL of a server that does what `handler` does, or refuses the upgrade with `status`."""

    def refuse(connection: ServerConnection, request: Request) -> Response | None:
        return None if status is None else connection.respond(HTTPStatus(status), "no\n")

    with serve(handler, "127.0.0.1", 0, process_request=refuse, close_timeout=0.1) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        host, port = server.socket.getsockname()
        yield f"ws://{host}:{port}/v1/realtime"
        server.shutdown()
        thread.join(10)


def says(*messages: object) -> Handler:
    """A server that sends these and then only listens."""

    def handler(connection: ServerConnection) -> None:
        for message in messages:
            connection.send(message if isinstance(message, (str, bytes)) else json.dumps(message))
        for _ in connection:
            pass

    return handler


def refuses(code: str, message: str, close: int) -> Handler:
    """A server that refuses inside the socket: one `error`, then a close (observed)."""
    error = {
        "type": "invalid_request_error",
        "code": code,
        "message": message,
        "param": None,
        "event_id": None,
    }

    def handler(connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "error", "event_id": "event_1", "error": error}))
        connection.close(close, f"invalid_request_error.{code}")

    return handler

"""Servers that do what the loopback server never would, each in a thread of its own."""

from __future__ import annotations

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


def received(server: LoopbackServer) -> list[dict[str, Any]]:
    """What clients sent it, as it was on the wire."""
    return [message for session in server.sessions for message in session.received]


def sent(server: LoopbackServer) -> list[dict[str, Any]]:
    """What it sent them."""
    return [message for session in server.sessions for message in session.sent]


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


def answering(*extra: dict[str, Any], lives: bool = True) -> Handler:
    """The least a server can do for a turn: it answers in text, without sound; `extra` follows the commit.

    Unless it `lives`, it is gone before its answer is done.
    """
    session = {"type": "realtime", "id": "sess_1", "audio": {"input": {"turn_detection": None}}}
    item = {"id": "item_1", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}

    def handler(connection: ServerConnection) -> None:
        def say(kind: str, **fields: object) -> None:
            connection.send(json.dumps({"type": kind, "event_id": f"event_{kind}", **fields}))

        say("session.created", session=session)
        for data in connection:
            message = json.loads(data)
            if message["type"] == "session.update":
                say("session.updated", session=session)
            elif message["type"] == "input_audio_buffer.commit":
                say("input_audio_buffer.committed", item_id="item_1", previous_item_id=None)
                say("conversation.item.added", item=item, previous_item_id=None)
                for event in extra:
                    connection.send(json.dumps(event))
            elif message["type"] == "response.create":
                asked = message.get("response", {})
                response = {"id": "resp_1", "metadata": asked.get("metadata"), "output": []}
                say("response.created", response={**response, "status": "in_progress"})
                say("response.output_text.delta", response_id="resp_1", item_id="item_2", delta="Yes.")
                if not lives:
                    connection.close(1011, "keepalive ping timeout")
                    break
                say("response.done", response={**response, "status": "completed"})

    return handler

"""A floor: the event hook of the `websockets` connection, which keeps its receive queue out of the way.

`process_event` is none of its documented extension points; this is to see what they cost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pybase64
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from tools.bench.clients import Session, Target
from tools.bench.clients.floors import TemplateSession
from tools.bench.clients.models import UNION

__all__ = ["AUDIO", "session"]

AUDIO = b'{"type":"response.output_audio.delta"'
_DELTA = b'"delta":"'


@asynccontextmanager
async def session(url: str, target: Target) -> AsyncIterator[Session]:
    """Sound sliced out of its frame, everything else validated."""
    write, decode, validate = target.write, pybase64.b64decode, UNION.validate_json

    class Hooked(ClientConnection):
        def process_event(self, event: Any) -> None:
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT and event.fin:
                data = bytes(event.data)
                if data.startswith(AUDIO):
                    at = data.find(_DELTA) + len(_DELTA)
                    write(decode(memoryview(data)[at:-2], validate=True))
                elif validate(data).type in ("response.done", "input_audio_buffer.cleared"):  # type: ignore[attr-defined]
                    target.done()
            else:
                super().process_event(event)

    async with connect(url, compression=None, max_size=None, create_connection=Hooked) as line:
        yield TemplateSession(line)

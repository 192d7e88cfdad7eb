"""The `openai` package's asynchronous client, as its documentation drives it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qsl, urlsplit

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from tools.bench.clients import Session, Target
from tools.bench.sink import Latencies

__all__ = ["session"]


class _Openai:
    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self._connection = connection

    async def start(self) -> None:
        await self._connection.response.create()

    async def append(self, chunk: bytes) -> None:
        await self._connection.input_audio_buffer.append(audio=base64.b64encode(chunk).decode())

    async def clear(self) -> None:
        await self._connection.input_audio_buffer.clear()


@asynccontextmanager
async def session(url: str, target: Target) -> AsyncIterator[Session]:
    """Typed events from its iterator, base64 by the standard library."""
    parts = urlsplit(url)
    client = AsyncOpenAI(api_key="sk-none", websocket_base_url=f"ws://{parts.netloc}/v1")
    query = dict(parse_qsl(parts.query))
    async with client.realtime.connect(model="gpt-realtime-2.1", extra_query=query) as connection:
        reading = asyncio.create_task(_read(connection, target))
        yield _Openai(connection)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def _read(connection: AsyncRealtimeConnection, target: Target) -> None:
    write = target.write
    handled = target.handled if isinstance(target, Latencies) else None
    async for event in connection:
        if event.type == "response.output_audio.delta":
            data = base64.b64decode(event.delta)
            write(data)
            if handled is not None:
                handled(data)
        elif event.type in ("response.done", "input_audio_buffer.cleared"):
            target.done()

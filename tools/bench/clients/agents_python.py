"""The `openai-agents` package: a `RealtimeSession` over its own WebSocket model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from agents.realtime.model_inputs import RealtimeModelSendRawMessage

from tools.bench.clients import Session, Target

__all__ = ["session"]


class _Agents:
    def __init__(self, opened: RealtimeSession) -> None:
        self._opened = opened

    async def start(self) -> None:
        await self._raw("response.create")

    async def append(self, chunk: bytes) -> None:
        await self._opened.send_audio(chunk)

    async def clear(self) -> None:
        await self._raw("input_audio_buffer.clear")

    async def _raw(self, kind: str) -> None:
        await self._opened.model.send_event(RealtimeModelSendRawMessage(message={"type": kind}))


@asynccontextmanager
async def session(url: str, target: Target) -> AsyncIterator[Session]:
    """Its own events, from its iterator."""
    config: Any = {
        "api_key": "sk-none",
        "url": url,
        "initial_model_settings": {
            "model_name": "gpt-realtime-2.1",
            "audio": {"input": {"turn_detection": None}},
        },
    }
    runner = RealtimeRunner(RealtimeAgent(name="bench", instructions="Answer."))
    async with await runner.run(model_config=config) as opened:
        reading = asyncio.create_task(_read(opened, target))
        yield _Agents(opened)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def _read(opened: RealtimeSession, target: Target) -> None:
    write = target.write
    async for event in opened:
        if event.type == "audio":
            write(event.audio.data)
        elif event.type == "agent_end":
            target.done()
        elif event.type == "raw_model_event":
            data: Any = event.data
            if data.type == "raw_server_event" and data.data.get("type") == "input_audio_buffer.cleared":
                target.done()

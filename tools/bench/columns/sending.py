"""Sending the microphone: CPU a chunk for the whole way to the socket, back to back and at a pace."""

from __future__ import annotations

import asyncio
import time

from tools.bench.clients import Client, load
from tools.bench.columns import Cell, Value
from tools.bench.sink import Nowhere
from tools.bench.stream import pcm

TITLE = "Sending, CPU µs a chunk"
CLIENTS = ("ours", "fast", "openai", "agents", "ws-stdlib", "ws-orjson", "protocol")
CELLS = (
    Cell(
        "20ms",
        CLIENTS,
        {"ms": 20, "chunks": 3000},
        4,
        2,
        {"ms": 20, "chunks": 1500},
        ("ours", "fast", "openai", "ws-orjson"),
    ),
    Cell("100ms", CLIENTS, {"ms": 100, "chunks": 1500}, 2),
    Cell("20ms-paced", ("ours", "fast", "openai", "ws-orjson"), {"ms": 20, "chunks": 700, "pace": 0.001}, 2),
)


async def measure(
    client: Client, port: int, ms: float = 20, chunks: float = 4000, pace: float = 0.0
) -> dict[str, Value]:
    """`chunks` after a hundred that do not count; over when the server says that it has had them all."""
    emptied = asyncio.Event()
    target = Nowhere(emptied.set)
    chunk = pcm()[: round(ms * 48)]
    async with load(client)(f"ws://127.0.0.1:{port}/v1/realtime?mode=idle", target) as session:
        for count in (100, int(chunks)):
            emptied.clear()
            began = time.process_time()
            for _ in range(count):
                await session.append(chunk)
                if pace:
                    await asyncio.sleep(pace)
            await session.clear()
            await emptied.wait()
            cpu = time.process_time() - began
    return {"cpu_us": cpu / chunks * 1e6}

"""Memory: of a session at rest, over an hour of talk; and how long a full garbage collection takes."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from tools.bench.clients import Client, load
from tools.bench.columns import Cell, Value
from tools.bench.sink import Nowhere, Sink
from tools.bench.stream import Answers

TITLE = "Memory"
PLAIN_MALLOC = True
CELLS = (
    Cell("idle", ("ours", "fast", "openai", "ws-orjson"), {"idle": 50}, 2, 1, {"idle": 30}, ("ours", "fast")),
    Cell(
        "hour",
        ("ours", "fast", "openai", "ws-orjson"),
        {"answers": 120},
        1,
        1,
        {"answers": 40},
        ("ours", "fast"),
    ),
    Cell("gc", ("ours", "fast", "openai", "agents"), {"gc": 1}, 3, 1, None, ("ours",)),
)
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident_kib() -> float:
    """What this process holds now; its peak, where the system does not tell."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * _PAGE / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform == "darwin" else peak


async def measure(
    client: Client, port: int, idle: float = 0, answers: float = 0, gc: float = 0
) -> dict[str, Value]:
    """One of the three."""
    if idle:
        return await _idle(client, port, int(idle))
    return await _hour(client, port, int(answers)) if answers else await _collection(client, port)


async def _idle(client: Client, port: int, count: int) -> dict[str, Value]:
    opener, url = load(client), f"ws://127.0.0.1:{port}/v1/realtime?mode=idle"
    async with AsyncExitStack() as stack:
        for _ in range(5):  # what the first ones load is not theirs
            await stack.enter_async_context(opener(url, Nowhere()))
        await asyncio.sleep(0.1)
        gc.collect()
        before = resident_kib()
        for _ in range(count):
            await stack.enter_async_context(opener(url, Nowhere()))
        await asyncio.sleep(0.1)
        gc.collect()
        return {"kib_a_session": (resident_kib() - before) / count}


async def _hour(client: Client, port: int, answers: int) -> dict[str, Value]:
    finished = asyncio.Event()
    stream = Answers(12_000)
    held: list[float] = []

    def told(count: int) -> None:
        held.append(resident_kib())
        if count == answers:
            finished.set()

    sink = Sink(stream.pcm, told)
    url = f"ws://127.0.0.1:{port}/v1/realtime?mode=blast&size=12000&answers=0&warm={answers}"
    async with load(client)(url, sink) as session:
        await session.start()
        await finished.wait()
    sink.check()
    early = max(held[: len(held) // 6])
    return {"growth_mib": (held[-1] - early) / 1024, "after_mib": held[-1] / 1024}


async def _collection(client: Client, port: int) -> dict[str, Value]:
    url = f"ws://127.0.0.1:{port}/v1/realtime?mode=idle"
    async with load(client)(url, Nowhere()):
        await asyncio.sleep(0.1)
        took = []
        for _ in range(5):
            began = time.process_time()
            gc.collect()
            took.append(time.process_time() - began)
    return {"gc_ms": min(took) * 1000}

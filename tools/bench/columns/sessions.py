"""Many sessions in one process and one loop, each at real-time rate: CPU of a core, and sent to in-ring."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from tools.bench.clients import Client, load
from tools.bench.columns import Cell, Value
from tools.bench.columns.latency import quantiles
from tools.bench.sink import Latencies

TITLE = "Sessions at real-time rate, % of a core"
CELLS = (
    Cell(
        "200",
        ("ours", "fast", "openai", "ws-orjson", "protocol"),
        {"count": 200, "seconds": 3.0},
        3,
        1,
        {"count": 200, "seconds": 2.0},
        ("ours", "fast", "openai", "ws-orjson"),
    ),
    Cell("1", ("ours", "fast", "openai"), {"count": 1, "seconds": 3.0}, 1),
    Cell("50", ("ours", "fast"), {"count": 50, "seconds": 3.0}, 2),
    Cell("500", ("ours", "fast"), {"count": 500, "seconds": 3.0}, 2),
)
SETTLE = 1.0


async def measure(client: Client, port: int, count: float = 200, seconds: float = 3.0) -> dict[str, Value]:
    """After a second in which everyone has begun, `seconds` in which only receiving happens."""
    total = SETTLE + seconds + 1.0
    opener, targets = load(client), []
    async with AsyncExitStack() as stack:
        sessions = []
        for number in range(int(count)):
            targets.append(target := Latencies(lambda: None))
            after = 0.3 * number / count
            url = f"ws://127.0.0.1:{port}/v1/realtime?mode=rate&seconds={total}&after={after:.4f}"
            sessions.append(await stack.enter_async_context(opener(url, target)))
        for session in sessions:
            await session.start()
        await asyncio.sleep(SETTLE)
        for target in targets:
            target.in_ring.clear()
        cpu, clock = time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - clock
        found = [one for target in targets for one in target.in_ring]
    expected = count * seconds / 0.15
    if len(found) < expected * 0.9:
        raise RuntimeError(f"{client.name} got {len(found)} of {expected:.0f} deltas in time")
    return {
        "cpu_percent": cpu / wall * 100,
        "cpu_percent_a_session": cpu / wall * 100 / count,
        **quantiles("ring", found),
    }

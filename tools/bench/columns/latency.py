"""One session at rest, a delta every 10 ms: how long from the server's send until the sound can be played."""

from __future__ import annotations

import asyncio
import statistics

from tools.bench.clients import Client, load
from tools.bench.columns import Cell, Value
from tools.bench.sink import Latencies

TITLE = "Latency, µs from sent to in-ring and to the handler"
CLIENTS = (
    "ours", "ours-typed", "fast", "fast-typed", "openai", "agents", "ws-orjson", "ws-hook", "protocol",
)  # fmt: skip
CELLS = (
    Cell("10ms", CLIENTS, {"seconds": 1.2}, 3, 1, {"seconds": 1.0}, ("ours", "fast", "openai", "ws-orjson")),
)


def quantiles(name: str, found: list[int]) -> dict[str, Value]:
    """Median and 99th percentile, in microseconds."""
    if not found:
        return {}
    ordered = sorted(found)
    worst = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return {f"{name}_p50_us": statistics.median(ordered) / 1000, f"{name}_p99_us": worst / 1000}


async def measure(client: Client, port: int, seconds: float = 1.5) -> dict[str, Value]:
    """The first tenth warms up and is left out."""
    finished = asyncio.Event()
    target = Latencies(finished.set)
    url = f"ws://127.0.0.1:{port}/v1/realtime?mode=paced&size=12000&every=10&seconds={seconds}"
    async with load(client)(url, target) as session:
        await session.start()
        await finished.wait()
    skip = len(target.in_ring) // 10
    return {
        **quantiles("ring", target.in_ring[skip:]),
        **quantiles("handler", target.at_handler[skip:]),
    }

"""What an event costs when the conversation is long: ten thousand short answers."""

from __future__ import annotations

import asyncio
import time

from tools.bench.clients import Client, load
from tools.bench.columns import Cell, Value
from tools.bench.sink import Sink
from tools.bench.stream import Answers

TITLE = "Length of the conversation, CPU µs an event"
CELLS = (Cell("10000", ("ours", "fast"), {"items": 10_000}, 2, 1, {"items": 3_000}),)
SECONDS = 0.2
WARM = 20  # answers of the first hundred that are not counted


async def measure(client: Client, port: int, items: float = 10_000) -> dict[str, Value]:
    """In windows of answers: the first hundred, the next nine hundred, and the last thousand."""
    warm, finished = asyncio.Event(), asyncio.Event()
    stream = Answers(9600, SECONDS)

    def told(count: int) -> None:
        if count == WARM:
            warm.set()
        elif count == items + WARM:
            finished.set()

    sink = Sink(stream.pcm, told)
    url = f"ws://127.0.0.1:{port}/v1/realtime?mode=blast&size=9600&length={SECONDS}&warm={WARM}&answers={items:.0f}"
    async with load(client)(url, sink) as session:
        await session.start()
        await warm.wait()
        start = time.process_time() - sink.excluded_ns / 1e9
        await session.start()
        await finished.wait()
    sink.check()
    at = {WARM: start, **sink.marks}

    def cost(first: int, last: int) -> float:
        return (at[last] - at[first]) / (last - first) / stream.events * 1e6

    last = max(at)
    return {
        "first_100_us": cost(WARM, 100),
        "to_1000_us": cost(100, 1000),
        "last_1000_us": cost(last - 1000, last),
    }

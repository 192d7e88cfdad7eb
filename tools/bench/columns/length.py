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


async def measure(client: Client, port: int, items: float = 10_000) -> dict[str, Value]:
    """In windows of answers: the first hundred, the next nine hundred, and the last thousand."""
    finished = asyncio.Event()
    warm = asyncio.Event()
    stream = Answers(9600, SECONDS)
    sink = Sink(stream.pcm, int(items) + 20, finished.set)
    done = sink.done

    def counted() -> None:
        done()
        if sink.count == 20:
            warm.set()

    sink.done = counted  # type: ignore[method-assign]
    url = (
        f"ws://127.0.0.1:{port}/v1/realtime?mode=blast&size=9600&length={SECONDS}&warm=20&answers={items:.0f}"
    )
    async with load(client)(url, sink) as session:
        await session.start()
        await warm.wait()
        start = time.process_time() - sink.excluded_ns / 1e9
        await session.start()
        await finished.wait()
    if sink.faults:
        raise RuntimeError(f"{client.name} lost sound: {sink.faults[0]}")
    at = {0: start, **dict(sink.marks)}

    def cost(first: int, last: int) -> float:
        return (at[last] - at[first]) / ((last - first) or 1) / stream.events * 1e6

    last = max(at)
    answers_before_hundred = 80  # twenty had warmed up
    return {
        "first_100_us": cost(0, 100) * 100 / answers_before_hundred,
        "to_1000_us": cost(100, 1000),
        "last_1000_us": cost(last - 1000, last),
    }

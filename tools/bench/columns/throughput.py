"""End to end, as fast as it goes: CPU an event from socket to ring, every byte of the sound checked.

An answer is asked for once the one before is in the ring. Left to send ahead, the
server fills the client's receive window; then the kernel sends what is next
within the client's own reads, and charges it for that (`tools/bench_window.py`):
how much each client pays would hang on which of the two happens to be quicker.
"""

from __future__ import annotations

import asyncio
import cProfile
import resource
import sys
import time

from tools.bench.clients import Client, Session, load
from tools.bench.columns import Cell, Value
from tools.bench.sink import Sink
from tools.bench.stream import SECONDS, Answers

TITLE = "Throughput, CPU µs an event"
EVERYONE = (
    "ours", "ours-typed", "fast", "fast-typed", "openai", "agents",
    "ws-stdlib", "ws-orjson", "ws-pydantic", "ws-hook", "protocol",
)  # fmt: skip
QUICKLY = ("ours", "fast", "openai", "ws-orjson", "protocol")
SWEPT = ("ours", "fast", "openai", "ws-orjson", "ws-hook", "protocol")
SIZES = (4_800, 24_000, 48_000)
CELLS = (
    Cell("12000", EVERYONE, {"size": 12_000, "answers": 20}, 5, 2, {"size": 12_000, "answers": 10}, QUICKLY),
    *(Cell(str(size), SWEPT, {"size": size, "answers": 10}, 2) for size in SIZES),
)


async def measure(
    client: Client,
    port: int,
    size: float = 12_000,
    answers: float = 20,
    length: float = SECONDS,
    profile: cProfile.Profile | None = None,
) -> dict[str, Value]:
    """CPU of `answers` answers, after one that is not counted; `profile` is of these alone."""
    taken = asyncio.Event()
    stream = Answers(int(size), length)
    sink = Sink(stream.pcm, lambda count: taken.set())
    url = f"ws://127.0.0.1:{port}/v1/realtime?mode=blast&size={size:.0f}&length={length:.0f}&warm=1&answers=1"

    async def take(session: Session) -> None:
        taken.clear()
        before = time.process_time_ns()
        await session.start()
        sink.excluded_ns += time.process_time_ns() - before  # what asking costs is measured elsewhere
        await taken.wait()

    async with load(client)(url, sink) as session:
        await take(session)
        sink.excluded_ns, began, clock = 0, time.process_time(), time.perf_counter()
        if profile is not None:
            profile.enable()
        for _ in range(int(answers)):
            await take(session)
        if profile is not None:
            profile.disable()
        cpu, wall = time.process_time() - began - sink.excluded_ns / 1e9, time.perf_counter() - clock
    sink.check()
    events = stream.events * answers
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 20 if sys.platform == "darwin" else 1 << 10
    )
    return {
        "cpu_us": cpu / events * 1e6,
        "events_s": events / wall,
        "audio_minute_ms": cpu / answers / length * 60_000,
        "peak_mib": peak,
    }

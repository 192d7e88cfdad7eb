"""Small events end to end: answers of transcript deltas alone, typed where the client has types."""

from __future__ import annotations

from tools.bench.clients import Client
from tools.bench.columns import Cell, Value, throughput

TITLE = "Small events, CPU µs an event"
CLIENTS = (
    "ours",
    "ours-typed",
    "fast",
    "fast-typed",
    "openai",
    "agents",
    "ws-orjson",
    "ws-pydantic",
    "ws-hook",
)
CELLS = (
    Cell(
        "transcript",
        CLIENTS,
        {"answers": 12},
        3,
        2,
        {"answers": 8},
        ("ours", "fast", "openai", "ws-pydantic"),
    ),
)


async def measure(client: Client, port: int, answers: float = 12) -> dict[str, Value]:
    """As `throughput`, without sound: 420 of 431 events are `response.output_audio_transcript.delta`."""
    return await throughput.measure(client, port, size=0, answers=answers, length=120)

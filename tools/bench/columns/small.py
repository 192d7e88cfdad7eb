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
CELLS = (Cell("transcript", CLIENTS, {"answers": 50}, 4, 2, {"answers": 25}),)


async def measure(client: Client, port: int, answers: float = 50) -> dict[str, Value]:
    """As `throughput`, without sound: nine events of ten are `response.output_audio_transcript.delta`."""
    return await throughput.measure(client, port, size=0, answers=answers)

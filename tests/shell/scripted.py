"""A connection to a loopback server whose model says exactly what the test wrote down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import realtime_raw as rt
from realtime_raw.loopback import LoopbackServer, Reply, Turn, murmur_speaker


@asynccontextmanager
async def scripted(
    *replies: Reply, tools: tuple[Any, ...] = (), speed: float = float("inf"), **options: Any
) -> AsyncIterator[tuple[rt.RealtimeConnection, LoopbackServer]]:
    """One reply after the other; the last one again and again."""
    left = list(replies)

    def model(turn: Turn) -> Reply:
        return left.pop(0) if len(left) > 1 else left[0]

    async with (
        LoopbackServer(scenario=model, speaker=murmur_speaker(), speed=speed) as server,
        rt.connect(server.url, tools=tools, **options) as conn,
    ):
        yield conn, server


def asked(server: LoopbackServer) -> int:
    """How many replies were asked for."""
    return sum(event.type == "response.create" for event in server.received)

"""The client of this package, as users have it: state, ring and dispatch on, a handler registered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pybase64

import realtime_raw as rt
from tools.bench.clients import Session, Target
from tools.bench.sink import Latencies, Sink

__all__ = ["session", "typed"]


class _Ours:
    def __init__(self, conn: rt.RealtimeConnection) -> None:
        self._conn = conn

    async def start(self) -> None:
        await self._conn.send_raw({"type": "response.create"})

    async def append(self, chunk: bytes) -> None:
        await self._conn.append(chunk)

    async def clear(self) -> None:
        await self._conn.send_raw({"type": "input_audio_buffer.clear"})


@asynccontextmanager
async def session(url: str, target: Target) -> AsyncIterator[Session]:
    """One handler: for the words of the live transcript."""
    async with _open(url, target, "response.output_audio_transcript.delta") as opened:
        yield opened


@asynccontextmanager
async def typed(url: str, target: Target) -> AsyncIterator[Session]:
    """One handler for every event and every signal."""
    async with _open(url, target, "*") as opened:
        yield opened


@asynccontextmanager
async def _open(url: str, target: Target, kind: str) -> AsyncIterator[Session]:
    async with rt.connect(url, manual_turns=False, ring_seconds=40.0) as conn:
        player = conn.player
        if isinstance(target, Sink):
            target.read = _reader(player)
        elif isinstance(target, Latencies):
            player.feed = _stamped(player.feed, target)  # type: ignore[method-assign]
            if kind == "*":
                conn.on("response.output_audio.delta")(
                    lambda event: target.handled(pybase64.b64decode(event.delta[:12]))
                )
        conn.on(kind)(lambda event: None)
        conn.on("response.done")(lambda event: target.done())
        conn.on("input_audio_buffer.cleared")(lambda event: target.done())
        yield _Ours(conn)


def _reader(player: rt.Player) -> Callable[[int], tuple[bytearray, int]]:
    """Reads what the ring holds, as a device would, and says how many bytes have come in all."""

    def read(size: int) -> tuple[bytearray, int]:
        held = bytearray(size)  # one copy, as other clients' rings give
        frames = player.pull(np.frombuffer(held, np.int16))
        now = player.statistics()
        return held[: 2 * frames] if 2 * frames < size else held, 2 * (
            now.played + now.queued + now.spilled + now.refused
        )

    return read


def _stamped(feed: Callable[..., int], target: Latencies) -> Callable[..., int]:
    def stamped(key: Any, data: bytes, *rest: Any) -> int:
        taken = feed(key, data, *rest)
        target.note(data)
        return taken

    return stamped

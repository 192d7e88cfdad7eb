"""Whoever listens to a reply gets all of it, whether or not its deltas are hurried past who does not."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

import realtime_raw as rt
from realtime_raw.aio.connection import RealtimeConnection
from tests.shell.lines import SOON, begin, response, soon, wild
from tests.test_deltas import no_short_cuts

PIECES = 40
WORDS = "response.output_audio_transcript.delta"
SOUND = "response.output_audio.delta"
PCM = b"".join(bytes((n, 0)) * 1200 for n in range(1, PIECES + 1))  # each piece is long enough to be skimmed


def reply(number: int, asked: dict[str, Any] | None) -> list[str]:
    """All messages of one spoken reply."""
    ids = {"response_id": f"resp_{number}", "item_id": f"item_{number}"}
    place = {**ids, "output_index": 0, "content_index": 0}
    item = {"id": ids["item_id"], "type": "message", "role": "assistant", "status": "in_progress"}
    told: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": response(ids["response_id"], metadata=asked)}),
        ("response.output_item.added", {**ids, "output_index": 0, "item": {**item, "content": []}}),
        ("conversation.item.added", {"previous_item_id": None, "item": {**item, "content": []}}),
    ]
    for n in range(PIECES):
        piece = PCM[2400 * n : 2400 * (n + 1)]
        told += [(WORDS, {**place, "delta": f" w{n}"})]
        told += [(SOUND, {**place, "delta": base64.b64encode(piece).decode()})]
    told += [(SOUND.replace("delta", "done"), place)]
    told += [("response.done", {"response": response(ids["response_id"], status="completed")})]
    return [
        json.dumps({"type": kind, "event_id": f"event_{number}{n}", **fields}, separators=(",", ":"))
        for n, (kind, fields) in enumerate(told)
    ]


async def speak(socket: ServerConnection) -> None:
    """A reply for each create, and one that nobody asked for."""
    await begin(socket)
    for number in (1, 2):
        asked = json.loads(await socket.recv())["response"].get("metadata") if number == 1 else None
        for message in reply(number, asked):
            await socket.send(message)
    await socket.wait_closed()


Seen = list[Any]


def nobody(conn: RealtimeConnection, seen: Seen) -> None:
    """Only the ring."""


def words(conn: RealtimeConnection, seen: Seen) -> None:
    """A handler for the words."""
    conn.on(WORDS)(lambda event: seen.append((event.delta, event.raw["delta"], event.event_id)))


def sound(conn: RealtimeConnection, seen: Seen) -> None:
    """A handler for the sound."""
    conn.on(SOUND)(lambda event: seen.append((event.delta, event.event_id, event.raw["type"])))


def signal(conn: RealtimeConnection, seen: Seen) -> None:
    """A handler for the signal."""
    conn.on("audio.received")(lambda event: seen.append((event.pcm, event.item_id, event.cause.event_id)))


def everything(conn: RealtimeConnection, seen: Seen) -> None:
    """A handler for all."""
    conn.on("*")(lambda event: seen.append(getattr(event, "type", None) or event.name))


def later(conn: RealtimeConnection, seen: Seen) -> None:
    """The tenth word makes somebody listen to the sound, the twentieth makes him stop."""
    subscriptions: list[Any] = []

    @conn.on(WORDS)
    def count(event: Any) -> None:
        seen.append(event.delta)
        if len(seen) == 10:
            subscriptions.append(conn.on(SOUND)(lambda event: seen.append(event.event_id)))
        elif event.delta == " w19":
            subscriptions[0].off()


def reader(conn: RealtimeConnection, seen: Seen) -> None:
    """Somebody reads the transcript as it grows, from the fifth word on."""

    async def read() -> None:
        async for line in conn.transcript.live():
            seen[:] = [line.text]

    tasks: list[Any] = []

    @conn.on(WORDS)
    def begin_reading(event: Any) -> None:
        if event.delta == " w5" and not tasks:
            tasks.append(asyncio.create_task(read()))


async def heard(listen: Callable[[RealtimeConnection, Seen], None], *, asked: bool, short: bool) -> list[Any]:
    """What the listener got of both replies, and what the connection knows afterwards."""
    seen: Seen = []
    async with asyncio.timeout(2 * SOON), wild(speak) as url:
        with nullcontext() if short else no_short_cuts():
            async with rt.connect(url, ring_seconds=10.0) as conn:
                out, player = np.zeros(24_000 * 8, np.int16), conn.player
                listen(conn, seen)
                finished: list[str] = []
                conn.on("response.done")(lambda event: finished.append(event.response.id))
                if asked:
                    held = await conn.respond()
                    await held.done()
                    whole = held.audio
                    got: Any = b"".join([block.tobytes() async for block in whole()])
                else:
                    await conn.send_raw({"type": "response.create", "response": {}})
                    got = None
                await soon(lambda: len(finished) == 2)
                if listen is reader:
                    await soon(lambda: seen and str(seen[0]).endswith("w39"))
                frames = player.pull(out)
                items = [(item.id, item.generated, item.generated_ms) for item in conn.history]
                lines = [(line.count, line.type) for line in conn._driver.core.trace]
                spans = [span is not None for span in map(conn._records.times.span, ("item_1", "item_2"))]
                return [
                    seen,
                    got,
                    out[:frames].tobytes(),
                    items,
                    lines,
                    spans,
                    conn.transcript.lines()[0].text,
                ]


@pytest.mark.parametrize("asked", [False, True], ids=["unheld", "held"])
@pytest.mark.parametrize("listen", [nobody, words, sound, signal, everything, later, reader])
async def test_all_of_it_comes(listen: Callable[[RealtimeConnection, Seen], None], asked: bool) -> None:
    """The same, by any way, and every sample of it."""
    short = await heard(listen, asked=asked, short=True)
    assert short == await heard(listen, asked=asked, short=False)
    assert short[2] == PCM + PCM
    assert short[1] == (PCM if asked else None)
    if listen in (words, sound, signal):
        assert len(short[0]) == 2 * PIECES
    if listen is later:
        assert len(short[0]) == 2 * PIECES + 10
    if listen is everything:
        assert [short[0].count(kind) for kind in (SOUND, WORDS, "audio.received")] == 3 * [2 * PIECES]


async def test_a_reader_follows_word_by_word() -> None:
    """The transcript grows while the reply does: in the middle of it, and long before it ends."""

    async def half(socket: ServerConnection) -> None:
        await begin(socket)
        await socket.recv()
        messages = reply(1, None)
        for message in messages[:40]:
            await socket.send(message)
        await socket.recv()
        for message in messages[40:]:
            await socket.send(message)
        await socket.wait_closed()

    async with asyncio.timeout(SOON), wild(half) as url, rt.connect(url) as conn:
        await conn.send_raw({"type": "response.create", "response": {}})
        async for line in conn.transcript.live():
            if line.text.endswith("w18"):  # the last before the pause
                await conn.send_raw({"type": "input_audio_buffer.clear"})
            if line.text.endswith("w39"):
                break

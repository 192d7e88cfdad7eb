"""Lines of one loop share what they read into; nothing of one gets into another."""

from __future__ import annotations

import asyncio
import gc

import pytest

from realtime_raw.aio.frames import FastTransport
from realtime_raw.aio.scratch import Scratch
from tests.shell.test_frames import TEXT, Taker, frame, read


async def test_one_for_all_lines_of_a_loop() -> None:
    """As long as there are any."""
    loop = asyncio.get_running_loop()
    shared = Scratch.of(loop)
    assert Scratch.of(loop) is shared
    assert len(shared.view) == len(shared.buffer)

    async def elsewhere() -> Scratch:
        return Scratch.of(asyncio.get_running_loop())

    assert await asyncio.to_thread(asyncio.run, elsewhere()) is not shared


@pytest.mark.parametrize("size", [1, 3, 200, 20_000, 40_000, 300_000, 700_000])
async def test_messages_that_are_cut_by_reads_of_other_lines(size: int) -> None:
    """Whatever was left of them is kept apart."""
    gc.collect()
    lines = [FastTransport(1 << 20) for _ in range(3)]
    takers = [Taker() for _ in lines]
    for line, taker in zip(lines, takers, strict=True):
        line.attach(taker)
        line._go_on()
    messages = [[bytes([97 + number]) * size, b"short", bytes([65 + number]) * size] for number in range(3)]
    streams = [b"".join(frame(TEXT, one) for one in each) for each in messages]
    step = max(1, size // 3)
    for at in range(0, max(map(len, streams)), step):
        for line, stream in zip(lines, streams, strict=True):
            read(line, stream[at : at + step])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [taker.messages for taker in takers] == messages
    assert all(line.get_buffer(-1) is not None and line._buffer is line._scratch.buffer for line in lines)


async def test_many_messages_that_wait_for_a_receiver_that_holds() -> None:
    """More than the line's own buffer held before, out of one read."""
    line, taker = FastTransport(1 << 20), Taker(holds=1)
    line.attach(taker)
    await asyncio.sleep(0)
    messages = [b"%06d" % number * 500 for number in range(70)]
    read(line, b"".join(frame(TEXT, one) for one in messages) + frame(TEXT, b"torn")[:3])
    assert taker.messages == messages[:1]
    taker.holds = -1
    line.resume()
    while len(taker.messages) < 70:  # noqa: ASYNC110  # it rings no bell
        await asyncio.sleep(0)
    read(line, frame(TEXT, b"torn")[3:])
    await asyncio.sleep(0)
    assert taker.messages == [*messages, b"torn"]

"""Lines of one loop share what they read into; nothing of one gets into another."""

from __future__ import annotations

import asyncio
import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    assert all(line._own is None and not line._left for line in lines), "nothing is kept of them"


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


SIZES = st.sampled_from([0, 1, 125, 126, 5_000, 60_000, 70_000, 262_000, 262_140, 262_144, 300_000])


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(SIZES, min_size=1, max_size=12),
    reads=st.lists(st.sampled_from([1, 2, 3, 9, 4_000, 100_000, 262_143, 262_144, 500_000]), min_size=1),
    holds=st.integers(-1, 8),
    early=st.integers(0, 300_000),
    skims=st.booleans(),
)
def test_however_the_bytes_come(
    sizes: list[int], reads: list[int], holds: int, early: int, skims: bool
) -> None:
    """Whole, in order, once; there is always room for the next read, and nothing is kept in the end."""

    async def come() -> None:
        line, taker = FastTransport(1 << 20), Taker(holds)
        line.attach(taker)
        await asyncio.sleep(0)
        messages = [(b"skim" if skims and size else b"take")[: size or None] * size for size in sizes]
        messages = [message[:size] for message, size in zip(messages, sizes, strict=True)]
        stream = b"".join(frame(TEXT, one) for one in messages)
        line.early(stream[:early])
        at, turn = early, 0
        while at < len(stream):
            room = line.get_buffer(-1)
            assert len(room), "asyncio takes that for a fault"
            size = min(len(room), reads[turn % len(reads)], len(stream) - at)
            room[:size] = stream[at : at + size]
            line.buffer_updated(size)
            at, turn = at + size, turn + 1
            if turn > 2_000:
                reads[:] = [500_000]
        if len(taker.messages) == holds:
            line.resume()
        for _ in range(4):
            await asyncio.sleep(0)
        told = [one.removeprefix(b"skimmed ") for one in taker.messages]
        assert told == messages
        assert line._own is None
        assert not line._left

    asyncio.run(come())


async def test_a_long_message_has_room_at_once() -> None:
    """Once its length is known; a buffer that grew read by read would be copied as often."""
    line, taker = FastTransport(1 << 24), Taker()
    line.attach(taker)
    await asyncio.sleep(0)
    stream = frame(TEXT, b"x" * 8_000_000)
    read(line, stream[:20])
    assert len(line.get_buffer(-1)) == len(stream) - 20
    read(line, stream[20:])
    assert taker.messages == [b"x" * 8_000_000]

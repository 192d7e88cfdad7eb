"""The short way of whole text messages past the library's core: nobody can tell it from the long one."""

from __future__ import annotations

import asyncio
import itertools
import random
import struct
from contextlib import nullcontext
from typing import cast
from unittest.mock import patch

import pytest
from websockets.client import ClientProtocol
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from realtime_raw.aio import reading
from realtime_raw.aio.reading import LibraryTransport
from tests.shell.test_frames import BINARY, CLOSE, PING, PONG, TEXT, Taker, frame, read


class Written:
    """A socket that keeps what is written to it."""

    def __init__(self) -> None:
        self.pongs: list[int] = []

    def write(self, data: bytes) -> None:
        """Masked, so only its kind and length can be compared."""
        self.pongs += data[:2]

    def is_closing(self) -> bool:
        """It never is."""
        return False

    pause_reading = resume_reading = abort = lambda self: None


def opened(limit: int = 90_000) -> ClientProtocol:
    """The library's core behind its handshake."""
    core, server = ClientProtocol(parse_uri("ws://peer/"), max_size=limit), ServerProtocol()
    core.send_request(core.connect())
    server.receive_data(b"".join(core.data_to_send()))
    (request,) = server.events_received()
    server.send_response(server.accept(request))  # type: ignore[arg-type]  # it is the request
    core.receive_data(b"".join(server.data_to_send()))
    core.events_received()
    return core


async def receive(
    data: bytes, cuts: list[int], limit: int, *, short: bool
) -> tuple[list[bytes], list[int], object]:
    """What a line makes of these bytes, in reads that end at these places."""
    line, taker, socket = LibraryTransport(opened(limit), limit), Taker(), Written()
    line._socket = cast("asyncio.Transport", socket)
    line.attach(taker)
    await asyncio.sleep(0)
    with nullcontext() if short else patch.object(reading, "_TEXT_FRAME", -1):
        for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            read(line, data[begin:end])
            await asyncio.sleep(0)
        while line._held:  # noqa: ASYNC110  # it rings no bell
            await asyncio.sleep(0)
    return taker.messages, socket.pongs, line._core.state


def stream(rng: random.Random, limit: int) -> list[bytes]:
    """Frames of all kinds, most of them whole text messages; at the end perhaps one that is refused."""
    size = rng.choice((0, 1, 2, 3, 100, 125, 126, 127, 3000, 49_999, 65_535, 65_536, 80_000))
    payload = (frame(TEXT, b"trap") * 20_000)[: min(size, limit)]
    longer = struct.pack("!BBH", TEXT, 126, 5) + b"wordy"
    middle = [frame(0x01, b"in "), frame(PING, b"!"), frame(0x00, b"three "), frame(0x80, b"pieces")]
    frames: list[bytes] = []
    for _ in range(rng.randrange(1, 12)):
        frames += rng.choices(
            (
                [frame(TEXT, payload)],
                [frame(TEXT, b'{"type":"x"}')],
                [frame(BINARY, payload)],
                [frame(PING, b"?")],
                [frame(PONG)],
                middle,
                [longer],
            ),
            weights=(6, 6, 1, 1, 1, 1, 1),
        )[0]
    torn = [frame(0x01, b"a"), frame(TEXT, b"between")]
    too_long, over = [frame(TEXT, bytes(limit + 1))], [frame(CLOSE, struct.pack("!H", 1000))]
    last: list[list[bytes]] = [[], torn, too_long, over, [frame(0xC1, b"reserved")]]
    return [*frames, *rng.choice(last), frame(TEXT, b"after")]


@pytest.mark.parametrize("seed", range(150))
async def test_the_short_way_is_the_long_way(seed: int) -> None:
    """The same messages, answers and end, wherever the reads are cut."""
    rng = random.Random(seed)
    limit = rng.choice((50_000, 90_000))
    frames = stream(rng, limit)
    data = b"".join(frames)
    ends = list(itertools.accumulate(map(len, frames)))[:-1]
    cuts = {
        *rng.sample(range(len(data)), min(len(data), rng.choice((0, 0, 1, 2, 8)))),
        *range(200_000, len(data), 200_000),
    }
    cuts.update(rng.sample(ends, rng.randrange(len(ends) + 1)))
    results = [await receive(data, sorted(cuts), limit, short=short) for short in (True, False)]
    assert results[0] == results[1]


async def test_whole_messages_do_not_reach_the_core() -> None:
    """Else all this would prove nothing."""
    line, taker = LibraryTransport(opened(), 90_000), Taker()
    line._socket = cast("asyncio.Transport", Written())
    line._core.receive_data = lambda data: pytest.fail("it was to be taken before")  # type: ignore[method-assign]
    line.attach(taker)
    await asyncio.sleep(0)
    data = frame(TEXT, b"one and more") + frame(TEXT, b"x" * 300)
    read(line, data)
    assert taker.messages == [b"one and more", b"x" * 300]

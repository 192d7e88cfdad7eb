"""Lines from a pipe arrive whole, in order, bounded, and the end is told."""

from __future__ import annotations

import asyncio
import os

import pytest

from realtime_raw.cli import lines as module
from realtime_raw.cli.lines import Lines


async def every(reader: Lines) -> list[str]:
    """All lines up to the end."""
    found = []
    while (line := await reader.next()) is not None:
        found.append(line)
    return found


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\n\r\ntwo", ["one", "", "two"]),
        ("né\n".encode(), ["né"]),
        (b"\xff\n", ["\ufffd"]),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
async def test_lines_are_whole(written: bytes, read: list[str], size: int) -> None:
    """However the pipe was written, in pieces or at once, with or without a last newline."""
    source, sink = os.pipe()
    reader = Lines(source)
    for start in range(0, len(written), size):
        os.write(sink, written[start : start + size])
    os.close(sink)
    assert await every(reader) == read
    assert not reader.is_terminal
    os.close(source)


async def test_reading_ahead_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fast pipe waits, rather than fill the memory; nothing is lost by it."""
    monkeypatch.setattr(module, "AHEAD", 2)
    source, sink = os.pipe()
    os.write(sink, b"x\n" * 100)
    os.close(sink)
    reader = Lines(source)
    await reader.next()
    for _ in range(100):
        await asyncio.sleep(0)
    assert reader._queue.qsize() <= 2
    assert len(await every(reader)) == 99
    os.close(source)


async def test_a_waiting_reader_can_be_failed() -> None:
    """The line to the server may die while nobody types."""
    source, sink = os.pipe()
    reader = Lines(source)
    reader.fail(ConnectionError("gone"))
    with pytest.raises(ConnectionError, match="gone"):
        await reader.next()
    os.close(sink)
    assert await reader.next() is None
    os.close(source)


async def test_a_descriptor_that_cannot_be_read_is_the_end() -> None:
    """A terminal that went away reads as an error; that ends the session, nothing more."""
    source, sink = os.pipe()
    os.close(source)
    assert await Lines(sink).next() is None
    os.close(sink)

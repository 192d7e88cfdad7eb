"""What is written waits for a slow line; who writes does not."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import pytest

from realtime_raw.cli.screen.writer import Writer

# More than any pipe holds.
MUCH = b"x" * 4_000_000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A line that stalls where nobody reads it."""
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def read(reader: int, size: int) -> bytes:
    """So many bytes."""
    found = b""
    while len(found) < size:
        found += os.read(reader, size - len(found))
    return found


def test_all_is_written_in_order(pipe: tuple[int, int]) -> None:
    """However it was cut; closing it loses nothing."""
    reader, target = pipe
    writer = Writer(target)
    assert writer.drain(0)
    for piece in (b"one ", b"", b"two ", b"three"):
        writer.put(piece)
    writer.close()
    assert read(reader, 13) == b"one two three"
    assert writer.drain(10)


def test_nobody_waits_for_a_line_that_stalls(pipe: tuple[int, int]) -> None:
    """It says that it does not keep up, and when it does again."""
    reader, target = pipe
    writer = Writer(target)
    told = threading.Event()
    assert writer.keeps_up(told.set)
    writer.put(MUCH)
    writer.put(b"end")
    assert not writer.keeps_up(lambda: pytest.fail("only who asked last is told"))
    assert not writer.keeps_up(told.set)
    assert not writer.drain(0.01)
    assert not told.is_set()
    assert read(reader, len(MUCH) + 3).endswith(b"xend")
    assert told.wait(10)
    assert writer.drain(10)
    assert writer.keeps_up(told.clear)
    assert told.is_set()
    writer.close()


def test_a_line_that_is_gone(pipe: tuple[int, int]) -> None:
    """Whoever writes next is told; nothing waits for it."""
    reader, target = pipe
    writer = Writer(target)
    told = threading.Event()
    writer.put(MUCH)
    assert not writer.keeps_up(told.set)
    os.close(reader)
    assert told.wait(10)
    assert writer.drain(10)
    with pytest.raises(BrokenPipeError):
        writer.put(b"more")


def test_a_line_that_was_made_not_to_block(pipe: tuple[int, int]) -> None:
    """All is written all the same."""
    reader, target = pipe
    os.set_blocking(target, False)
    writer = Writer(target)
    writer.put(MUCH)
    assert read(reader, len(MUCH)) == MUCH
    assert writer.drain(10)
    writer.close()

"""Sound from a pipe: as it comes, cut anywhere, and no faster than it is read."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.devices.base import AudioSource
from realtime_raw.devices.streams import StreamSource
from realtime_raw.errors import AudioError

PATIENCE = 5.0


def counted(frames: int) -> Samples:
    return (np.arange(frames) % 32767 + 1).astype(np.int16)


def until(happened: Callable[[], bool]) -> None:
    """Wait for the thread."""
    pause = threading.Event()
    for _ in range(int(PATIENCE * 1000)):
        if happened():
            return
        pause.wait(0.001)
    pytest.fail("it did not happen")


def all_of(source: StreamSource) -> Samples:
    """Read to its end."""
    pieces = [source.read_available()]
    until(lambda: pieces.append(source.read_available()) or source.exhausted)  # type: ignore[func-returns-value]
    return np.concatenate(pieces)


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "wb", buffering=0) as writer:
        yield reader, writer


def test_it_comes_as_it_is_written(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """Nothing waits for a full buffer, and half a sample waits for its other half."""
    reader, writer = pipe
    source: AudioSource = StreamSource(reader, rate=16_000)
    assert (source.rate, source.exhausted, len(source.read_available())) == (16_000, False, 0)
    data = counted(300).tobytes()
    got = np.zeros(0, np.int16)
    for start, stop in ((0, 101), (101, 102), (102, 599)):
        writer.write(data[start:stop])
        wanted, pieces = stop // 2, [got]
        until(lambda: pieces.append(source.read_available()) or sum(map(len, pieces)) == wanted)  # type: ignore[func-returns-value]  # noqa: B023
        got = np.concatenate(pieces)
    assert np.array_equal(got, counted(299))
    writer.close()
    until(lambda: source.exhausted)
    source.close()


def test_a_fast_writer_has_to_wait() -> None:
    """Two seconds are held and not much more; nothing is lost for it."""
    reads = 0

    class Counting(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            nonlocal reads
            reads += 1
            return super().read1(-1 if size is None else size)

    said = counted(200_000)
    source = StreamSource(Counting(said.tobytes()))
    until(lambda: source._held >= 48_000)
    held = reads
    assert source._held < 48_000 + 4096
    assert np.array_equal(all_of(source), said)
    assert reads > held


def test_the_end_in_the_middle_of_a_sample() -> None:
    source = StreamSource(io.BytesIO(b"\x01\x00\x02\x00\x03"))
    assert all_of(source).tolist() == [1, 2]


def test_what_cannot_be_read_is_said_once() -> None:
    class Broken(io.RawIOBase):
        def read1(self, size: int = -1) -> bytes:
            raise OSError("Input/output error")

    broken: BinaryIO = Broken()  # type: ignore[assignment]  # what there is of it is all that is used
    source = StreamSource(broken)
    until(lambda: source._ended)
    assert not source.exhausted
    with pytest.raises(AudioError, match="the stream cannot be read: Input/output error"):
        source.read_available()
    assert len(source.read_available()) == 0
    assert source.exhausted


def test_a_wav_file_is_refused() -> None:
    """Its header would be a click, its rate another one."""
    source = StreamSource(io.BytesIO(b"RIFF\x24\x00\x00\x00WAVEfmt "))
    until(lambda: source._ended)
    with pytest.raises(AudioError, match="is a WAV file; send raw samples, or use FileSource"):
        source.read_available()


def test_closed_it_reads_no_more(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    """What is in the pipe stays there, but for the piece that was being waited for."""
    reader, writer = pipe
    source = StreamSource(reader)
    source.close()
    assert source.exhausted
    writer.write(counted(100).tobytes())
    threads = [one for one in threading.enumerate() if one.name == "realtime_raw-stream"]
    for thread in threads:
        thread.join(PATIENCE)
    assert len(source.read_available()) == 0

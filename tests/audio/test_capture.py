"""The latest of what a device hears: complete while somebody reads, else the end of it, with its time."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

from realtime_raw.audio.capture import CaptureRing
from realtime_raw.audio.pcm import Samples
from realtime_raw.errors import AudioError


def counted(start: int, stop: int) -> Samples:
    return np.arange(start, stop).astype(np.int16)


def shown(ring: CaptureRing) -> tuple[list[int], float, int]:
    """What there is to read: the samples, their time to the microsecond, and what was dropped."""
    samples, at, dropped = ring.read()
    return [int(one) for one in samples], round(at, 6), dropped


def test_what_was_written_is_read_once() -> None:
    ring = CaptureRing(100, 1000)
    assert shown(ring) == ([], 0.0, 0)
    ring.write(counted(0, 30), 5.0)
    ring.write(counted(30, 50), 5.03)
    assert shown(ring) == (list(range(50)), 5.0, 0)
    assert shown(ring) == ([], 5.05, 0)
    assert ring.written == 50


def test_the_oldest_goes_first() -> None:
    ring = CaptureRing(100, 1000)
    for start in range(0, 250, 10):
        ring.write(counted(start, start + 10), 5.0 + start / 1000)
    assert shown(ring) == (list(range(150, 250)), 5.15, 150)
    assert ring.dropped == 150


def test_a_block_larger_than_the_ring() -> None:
    ring = CaptureRing(100, 1000)
    ring.write(counted(0, 1000), 5.0)
    ring.write(counted(0, 0), 9.0)
    assert shown(ring) == (list(range(900, 1000)), 5.9, 900)
    ring.write(counted(0, 10), 6.0)
    assert shown(ring) == (list(range(10)), 6.0, 0)


def test_times_are_those_of_the_blocks() -> None:
    """Of frame by frame blocks, too, of which there are more than are remembered."""
    ring = CaptureRing(10_000, 1000)
    for number in range(9000):
        ring.write(counted(number, number + 1), 5.0 + 2 * number)
    samples, at, _ = ring.read()
    assert len(samples) == 9000
    # The first blocks' times are forgotten, and reckoned from the oldest that is not.
    assert at == pytest.approx(5.0 + 2 * (9000 - 4095) - (9000 - 4095) / 1000)
    ring.write(counted(0, 1), 99.0)
    assert ring.read().at == 99.0


def test_what_is_overwritten_while_it_is_read_is_not_believed() -> None:
    """A reader may be held up in the middle of its copy for longer than the ring lasts."""

    class HeldUp(CaptureRing):
        def _copy(self, start: int, until: int) -> Samples:
            copied = super()._copy(start, until)
            if until == 100:
                for block in range(100, 230, 10):
                    self.write(counted(block, block + 10), block / 1000)
            return copied

    ring = HeldUp(100, 1000)
    ring.write(counted(0, 100), 0.0)
    assert shown(ring) == (list(range(30, 100)), 0.03, 30)
    assert shown(ring) == (list(range(130, 230)), 0.13, 30)


def test_a_ring_of_nothing() -> None:
    with pytest.raises(AudioError, match="holds nothing"):
        CaptureRing(0, 1000)


@pytest.mark.parametrize("gil", [True, False])
def test_two_threads(gil: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read while it is being written is in order and whole; what is not is counted."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: gil, raising=False)
    ring = CaptureRing(1 << 12, 24000)
    total, block = 2_000_000, 97
    done = threading.Event()

    def write() -> None:
        for start in range(0, total, block):
            ring.write(counted(start, min(start + block, total)), start / 24000)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    seen = 0
    while True:
        finished = done.is_set()
        samples, at, dropped = ring.read()
        seen += dropped
        if len(samples):
            assert np.array_equal(samples, counted(seen, seen + len(samples)))
            assert at == pytest.approx(seen / 24000, abs=1e-6)
        seen += len(samples)
        if finished:
            break
    thread.join()
    assert seen == total

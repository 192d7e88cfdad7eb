"""Blocks in time without drift, or as fast as they are taken."""

from __future__ import annotations

import threading

import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.devices import pacing
from realtime_raw.devices.base import Pull
from realtime_raw.devices.pacing import BlockThread, Pace
from realtime_raw.errors import AudioError


def test_pace_keeps_time_without_drift() -> None:
    pace = Pace(0.02, now=10.0)
    assert pace.delay(10.0) == pytest.approx(0.02)
    assert pace.delay(10.025) == pytest.approx(0.015)  # late by 5 ms: the next is on time again
    assert pace.delay(10.09) == 0.0  # late by more: at once
    assert pace.delay(10.09) == 0.0
    assert pace.delay(10.09) == pytest.approx(0.01)


def test_pace_does_not_catch_up_after_a_sleep() -> None:
    pace = Pace(0.02, now=0.0)
    assert pace.delay(3600.0) == 0.0
    assert pace.delay(3600.0) == pytest.approx(0.02)


class Collector:
    """Takes blocks until it has enough, then lets the test go on."""

    def __init__(self, enough: int) -> None:
        self.blocks: list[Samples] = []
        self.done = threading.Event()
        self._enough = enough

    def __call__(self, block: Samples, count: int) -> None:
        self.blocks.append(block[:count].copy())
        if len(self.blocks) >= self._enough:
            self.done.set()


def counting(sounding: list[int]) -> Pull:
    """A pull that gives the counts of `sounding`, then silence."""
    counts = iter(sounding)

    def pull(out: Samples, latency: float | None = None, /) -> int:
        out[:] = 7
        return next(counts, 0)

    return pull


def test_paced_takes_silence_too() -> None:
    take = Collector(4)
    thread = BlockThread(counting([10, 0, 10]), take, block=10, rate=24_000, paced=True)
    assert take.done.wait(5)
    thread.stop()
    assert [len(block) for block in take.blocks[:4]] == [10, 0, 10, 0]


def test_unpaced_leaves_silence_out() -> None:
    take = Collector(3)
    thread = BlockThread(counting([10, 0, 0, 4, 10]), take, block=10, rate=1, paced=False)
    assert take.done.wait(5)  # at 1 frame a second, paced would take half a minute
    thread.stop()
    assert [len(block) for block in take.blocks] == [10, 4, 10]


def test_what_take_raises_is_raised_by_stop_once() -> None:
    failed = threading.Event()

    def take(block: Samples, count: int) -> None:
        failed.set()
        raise AudioError("the disk is full")

    thread = BlockThread(counting([1]), take, block=10, rate=24_000, paced=False)
    assert failed.wait(5)
    with pytest.raises(AudioError, match=r"^the disk is full$"):
        thread.stop()
    thread.stop()


def test_a_thread_that_is_stuck_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "_JOIN", 0.01)
    stuck, release = threading.Event(), threading.Event()

    def take(block: Samples, count: int) -> None:
        stuck.set()
        release.wait(10)

    thread = BlockThread(counting([1]), take, block=10, rate=24_000, paced=False)
    assert stuck.wait(5)
    with pytest.raises(AudioError, match=r"did not end within 0\.01 s; its writing is stuck"):
        thread.stop()
    release.set()


def test_the_latency_is_told_with_each_block() -> None:
    told: list[float | None] = []
    done = threading.Event()

    def pull(out: Samples, latency: float | None = None, /) -> int:
        told.append(latency)
        done.set()
        return 0

    thread = BlockThread(pull, Collector(1), block=10, rate=24_000, paced=True, latency=0.03)
    assert done.wait(5)
    thread.stop()
    assert set(told) == {0.03}

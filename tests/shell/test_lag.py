"""The loop's lateness, seen once for all sessions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from realtime_raw.aio.lag import LagGauge


class HandSetLoop:
    """A loop whose clock is set by hand; `tick` fires its one timer."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pending: list[Callable[[], None]] = []
        self.cancelled = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> HandSetLoop:
        self.pending.append(callback)
        return self

    def cancel(self) -> None:
        self.pending.clear()
        self.cancelled += 1

    def tick(self) -> None:
        [callback] = self.pending
        self.pending.clear()
        callback()


def test_a_stall_is_measured_and_its_handler_named() -> None:
    """The longest one counts, if it is recent, and long enough to be called a stall."""
    loop = HandSetLoop()
    gauge = LagGauge(loop)  # type: ignore[arg-type]  # all of a loop that a gauge needs
    gauge.stop()
    gauge.start()
    loop.now += gauge.INTERVAL + 0.5
    loop.tick()
    assert gauge.longest == pytest.approx(0.5)
    assert gauge.stalled(since=0) is None
    loop.now += gauge.INTERVAL + 3
    loop.tick()
    assert gauge.stalled(since=0) == "the event loop stood still for 3.0 s"
    assert gauge.stalled(since=loop.now + 1) is None
    gauge.handled("sleepy", 2.5)
    gauge.handled("quick", 0.5)
    assert gauge.stalled(since=0) == (
        "the event loop stood still for 3.0 s, 2.5 s of it in the handler sleepy"
    )
    gauge.stop()
    assert loop.cancelled == 1


def test_a_later_stall_counts_although_an_earlier_one_was_longer() -> None:
    """What stood still an hour ago explains nothing that happens now."""
    loop = HandSetLoop()
    gauge = LagGauge(loop)  # type: ignore[arg-type]
    gauge.start()
    for pause, late in ((0.0, 5.0), (3600.0, 2.0), (10.0, 1.5), (10.0, 0.5)):
        for _ in range(round(pause / gauge.INTERVAL)):
            loop.now += gauge.INTERVAL
            loop.tick()
        loop.now += gauge.INTERVAL + late
        loop.tick()
    assert gauge.longest == pytest.approx(5.0)
    assert gauge.stalled(since=loop.now - 90) == "the event loop stood still for 2.0 s"
    assert gauge.stalled(since=loop.now - 12) == "the event loop stood still for 1.5 s"
    assert gauge.stalled(since=loop.now - 5) is None
    gauge.stop()


def test_sessions_share_a_timer() -> None:
    """Many gauges, one timer; each sees what happened in its own time, and the last one stops it."""
    loop = HandSetLoop()
    first, second = LagGauge(loop), LagGauge(loop)  # type: ignore[arg-type]
    first.start()
    loop.now += first.INTERVAL + 0.25
    second.start()
    loop.now += 0.25
    loop.tick()
    assert len(loop.pending) == 1
    assert first.longest == pytest.approx(0.5)
    assert second.longest == pytest.approx(0.25)
    first.stop()
    first.stop()
    assert loop.cancelled == 0
    loop.now += second.INTERVAL + 1
    loop.tick()
    assert first.longest == pytest.approx(0.5)
    assert second.longest == pytest.approx(1.0)
    third = LagGauge(loop)  # type: ignore[arg-type]
    third.start()
    for late, longest in ((0.1, 0.1), (0.05, 0.1), (0.2, 0.2)):  # less than what others have seen
        loop.now += third.INTERVAL + late
        loop.tick()
        assert third.longest == pytest.approx(longest)
    assert second.longest == pytest.approx(1.0)
    third.stop()
    second.stop()
    assert loop.cancelled == 1

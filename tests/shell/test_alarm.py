"""The timer that may be put off."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any, cast

import pytest

from realtime_raw.aio.alarm import Alarm


class Clock:
    """A loop of nothing but timers, whose time passes when it is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[float] = []
        self._timers: list[asyncio.TimerHandle] = []

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        self.asked.append(when)
        timer = asyncio.TimerHandle(when, callback, args, cast("asyncio.AbstractEventLoop", self))
        heapq.heappush(self._timers, timer)
        return timer

    def _timer_handle_cancelled(self, timer: asyncio.TimerHandle) -> None:
        pass

    def get_debug(self) -> bool:
        return False

    def until(self, now: float) -> None:
        while self._timers and self._timers[0].when() <= now:
            timer = heapq.heappop(self._timers)
            self.now = timer.when()
            if not timer.cancelled():
                timer._run()
        self.now = now

    @property
    def pending(self) -> int:
        return sum(not timer.cancelled() for timer in self._timers)


def made(clock: Clock, ring: Callable[[], object]) -> Alarm:
    return Alarm(cast("asyncio.AbstractEventLoop", clock), ring)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rung() -> list[float]:
    return []


@pytest.fixture
def alarm(clock: Clock, rung: list[float]) -> Alarm:
    return made(clock, lambda: rung.append(clock.now))


def test_it_rings_once_when_it_is_due(clock: Clock, rung: list[float], alarm: Alarm) -> None:
    alarm.set(2.0)
    clock.until(1.9)
    assert rung == []
    clock.until(9.0)
    assert rung == [2.0]
    assert alarm.due is None


def test_put_off_it_rings_late_and_asks_the_loop_for_nothing(
    clock: Clock, rung: list[float], alarm: Alarm
) -> None:
    alarm.set(2.0)
    for due in (3.0, 4.0, 5.0):
        alarm.set(due)
    assert clock.asked == [2.0]
    clock.until(4.9)
    assert rung == []
    clock.until(9.0)
    assert rung == [5.0]
    assert clock.asked == [2.0, 5.0]


def test_due_earlier_it_rings_earlier_and_once(clock: Clock, rung: list[float], alarm: Alarm) -> None:
    alarm.set(5.0)
    alarm.set(2.0)
    assert clock.pending == 1
    clock.until(9.0)
    assert rung == [2.0]


def test_taken_back_it_does_not_ring(clock: Clock, rung: list[float], alarm: Alarm) -> None:
    alarm.set(2.0)
    alarm.set(None)
    clock.until(9.0)
    assert rung == []
    alarm.set(10.0)
    clock.until(11.0)
    assert rung == [10.0]


def test_taken_back_and_set_again_before_it_would_have_come(
    clock: Clock, rung: list[float], alarm: Alarm
) -> None:
    alarm.set(2.0)
    alarm.set(None)
    alarm.set(3.0)
    clock.until(9.0)
    assert rung == [3.0]


def test_stopped_it_leaves_nothing_behind(clock: Clock, rung: list[float], alarm: Alarm) -> None:
    alarm.stop()
    alarm.set(2.0)
    alarm.stop()
    assert clock.pending == 0
    assert alarm.due is None
    clock.until(9.0)
    assert rung == []


def test_it_may_be_set_while_it_rings(clock: Clock, rung: list[float]) -> None:
    def ring() -> None:
        rung.append(clock.now)
        if len(rung) < 3:
            again.set(clock.now + 1.0)

    again = made(clock, ring)
    again.set(1.0)
    clock.until(9.0)
    assert rung == [1.0, 2.0, 3.0]

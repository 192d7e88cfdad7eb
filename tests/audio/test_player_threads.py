"""The player with a device's thread that never rests: what it says was heard is what was handed over."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import Self

import numpy as np
import numpy.typing as npt
import pytest

from realtime_raw.audio.player import Player
from realtime_raw.types import AudioKey, Heard

TOTAL = 3_000_000
CYCLE = 32_749  # prime: frame n has the value n % CYCLE + 1
LONGEST_BLOCK = 960


@pytest.fixture(autouse=True)
def eager_switching() -> Iterator[None]:
    """Threads take turns every 20 µs instead of every 5 ms, so that more of them meet halfway."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(2e-5)
    yield
    sys.setswitchinterval(before)


class Device:
    """A thread that pulls blocks of every size, and keeps what is not silence."""

    def __init__(self, player: Player) -> None:
        self.sounded = np.zeros(TOTAL + LONGEST_BLOCK, np.int16)
        self.count = 0
        self._player = player
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        sizes = np.random.default_rng(3).integers(1, LONGEST_BLOCK, 9973).tolist()
        turn = 0
        while not self._stop.is_set():
            block = self.sounded[self.count : self.count + sizes[turn % len(sizes)]]
            got = self._player.pull(block)
            self.count, turn = self.count + got, turn + 1
            if not got:
                time.sleep(0)  # the other's turn: there is nothing to meet halfway over

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def numbers(values: npt.NDArray[np.int16], marks: list[int]) -> npt.NDArray[np.int64]:
    """The frame numbers behind `values`: they count up, and jump only to places in `marks`."""
    steps = np.diff(values.astype(int)) % CYCLE
    starts = [0, *(np.flatnonzero(steps != 1) + 1).tolist()]
    result = np.arange(len(values), dtype=np.int64)
    for start in starts:
        number = start if start == 0 and values[0] == 1 else None
        after = result[start - 1] if start else -1
        while number is None:
            mark = marks.pop(0)
            if mark > after and mark % CYCLE + 1 == values[start]:
                number = mark
        result[start:] = np.arange(number, number + len(values) - start)
    return result


def test_heard_is_what_was_handed_over_to_the_block() -> None:
    player = Player(seconds=0.4, prebuffer_ms=5, fade_ms=0, spill_seconds=0.2)
    rng = np.random.default_rng(4)
    owner: list[tuple[int, int, AudioKey]] = []  # start, end, key
    marks: list[int] = []  # where sound goes on after an interrupt
    stopped: dict[AudioKey, Heard] = {}
    at = item = 0
    with Device(player) as device:
        while at < TOTAL:
            key, left = AudioKey(f"item_{item}"), int(rng.integers(1, 60_000))
            item += 1
            interrupt_at = int(rng.integers(0, left)) if rng.random() < 0.3 else -1
            while left and at < TOTAL:
                count = min(left, int(rng.integers(1, 12_000)), TOTAL - at)
                data = (np.arange(at, at + count) % CYCLE + 1).astype("<i2").tobytes()
                taken = player.feed(key, data, "audio/pcm", 0.0)
                owner.append((at, at + taken, key))
                at, left = at + taken, left - taken
                player.poll(0.0)
                if not taken:
                    time.sleep(0)
                if 0 <= interrupt_at <= left < interrupt_at + 6000:
                    stopped |= {each.key: each for each in player.interrupt(0.0)}
                    marks.append(at)
                    break
            player.end(key)
        while player.playing:
            player.poll(0.0)

    assert player.fault is None
    sounded = numbers(device.sounded[: device.count], marks)
    assert len(stopped) > 5
    for key in {each for _, _, each in owner}:
        true = sum(
            int(np.searchsorted(sounded, end) - np.searchsorted(sounded, start))
            for start, end, each in owner
            if each == key
        )
        said = player.heard(key, 0.0)
        if said is None:
            assert true == 0
            continue
        if key in stopped:
            assert said.frames == stopped[key].frames
            assert 0 <= true - said.frames <= LONGEST_BLOCK
        else:
            assert said.frames == true == said.received

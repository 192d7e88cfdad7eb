"""The device's half: when sound starts and stops, and that it never clicks, allocates or raises."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.audio.reader import BlockReader
from realtime_raw.audio.ring import SampleRing
from realtime_raw.errors import AudioError

RATE = 24_000
FADE = 120


def reader_for(
    ring: SampleRing,
    *,
    prebuffer: int = 0,
    fade: int = 0,
    latency: int = 0,
    now: Callable[[], int] | None = None,
) -> BlockReader:
    return BlockReader(ring, RATE, prebuffer=prebuffer, fade=fade, latency=latency, now=now)


def block(reader: BlockReader, size: int = 100, latency: float | None = None) -> Samples:
    out = np.full(size, 99, np.int16)
    reader.pull(out, latency)
    return out


def ones(count: int) -> Samples:
    return np.ones(count, np.int16)


def tone(count: int, peak: float = 32_000, hz: float = 440) -> Samples:
    return (peak * np.sin(2 * np.pi * hz * np.arange(count) / RATE)).astype(np.int16)


# -- starting and stopping -----------------------------------------------------


def test_nothing_is_silence() -> None:
    reader = reader_for(SampleRing(100))
    assert not block(reader).any()
    assert reader.clock.pulled == 100


def test_sound_waits_for_the_pre_buffer() -> None:
    ring = SampleRing(1000)
    reader = reader_for(ring, prebuffer=250)
    ring.write(ones(249))
    assert not block(reader).any()
    ring.write(ones(1))
    assert block(reader).all()


def test_what_is_released_needs_no_company() -> None:
    ring = SampleRing(1000)
    reader = reader_for(ring, prebuffer=250)
    ring.write(ones(30))
    reader.release_until = 30
    assert block(reader).tolist() == [1] * 30 + [0] * 70
    ring.write(ones(30))  # the release was for those before
    assert not block(reader).any()


def test_after_running_dry_it_buffers_again() -> None:
    ring = SampleRing(1000)
    reader = reader_for(ring, prebuffer=150)
    ring.write(ones(150))
    assert [int(block(reader).sum()) for _ in range(2)] == [100, 50]
    ring.write(ones(149))
    assert not block(reader).any()
    ring.write(ones(1))
    assert block(reader).all()
    # 50 silent frames behind the 150th, and a whole block more.
    assert list(reader.gaps) == [(150, 150)]


def test_pull_tells_how_much_of_the_block_is_sound() -> None:
    ring = SampleRing(1000)
    reader = reader_for(ring, fade=FADE)
    ring.write(tone(130))
    assert [reader.pull(np.zeros(100, np.int16), None) for _ in range(3)] == [100, 30, 0]
    assert (reader.played, reader.pulls) == (130, 3)


def test_an_empty_block_is_harmless() -> None:
    ring = SampleRing(100)
    ring.write(ones(10))
    reader = reader_for(ring)
    assert reader.pull(np.zeros(0, np.int16), None) == 0
    assert reader.faults == 0


# -- no click ------------------------------------------------------------------


def steepest(samples: npt.NDArray[np.int16]) -> int:
    return int(np.abs(np.diff(samples.astype(int))).max())


@pytest.mark.parametrize("size", [32, 64, 100, 120, 480, 960])
@pytest.mark.parametrize("left", [0, 1, 7, 60, 119, 120, 5000])
def test_stopping_adds_no_step(size: int, left: int) -> None:
    """At any phase, with any block, with much or little behind: no step of more than
    -60 dBFS above what the tone has of its own."""
    own = steepest(tone(2400))
    for phase in range(0, 55, 6):
        ring = SampleRing(10_000)
        reader = reader_for(ring, fade=FADE)
        played = size * math.ceil(1000 / size)
        ring.write(tone(played + left + phase)[phase:])
        heard = [block(reader, size) for _ in range(played // size)]
        ring.discard()
        heard += [block(reader, size) for _ in range(math.ceil(400 / size))]
        sound = np.concatenate(heard)
        assert steepest(sound) <= own + 32768 * 10 ** (-60 / 20)
        assert sound[played : played + 30].any()
        assert not sound[played + FADE :].any()
        assert ring.available == 0


def test_without_the_fade_the_same_check_fails() -> None:
    ring = SampleRing(10_000)
    reader = reader_for(ring)
    ring.write(tone(5000)[14:])  # stops at a crest
    heard = [block(reader, 480), block(reader, 480)]
    ring.discard()
    heard.append(block(reader, 480))
    assert steepest(np.concatenate(heard)) > 4 * steepest(tone(2400))


def test_running_dry_ramps_down_too() -> None:
    ring = SampleRing(1000)
    reader = reader_for(ring, fade=FADE)
    ring.write(np.full(300, 10_000, np.int16))
    sound = np.concatenate([block(reader, 64) for _ in range(10)]).astype(int)
    assert (sound[:300] == 10_000).all()
    assert steepest(sound[300:]) < 150
    assert (np.diff(sound[299:420]) <= 0).all()
    assert not sound[420:].any()


def test_the_next_sound_waits_for_the_fade_to_end() -> None:
    ring = SampleRing(10_000)
    reader = reader_for(ring, fade=FADE)
    ring.write(np.full(5000, 8000, np.int16))
    block(reader)
    ring.discard()
    ring.write(np.full(100, -5, np.int16))
    sound = np.concatenate([block(reader, 50) for _ in range(6)])
    assert (sound[:FADE] >= 0).all()
    assert (sound[FADE : FADE + 100] == -5).all()


def test_the_fade_does_not_touch_what_comes_after_the_discard() -> None:
    """With three frames left of the old, the fade must not be made of the new."""
    ring = SampleRing(10_000)
    reader = reader_for(ring, fade=FADE)
    ring.write(np.full(103, 1000, np.int16))
    block(reader)
    ring.discard()
    ring.write(np.full(500, -30_000, np.int16))
    assert (block(reader, FADE) >= 0).all()
    assert (block(reader, 500) == -30_000).all()


def test_a_discard_in_silence_makes_no_sound() -> None:
    ring = SampleRing(1000)
    reader = reader_for(ring, prebuffer=500, fade=FADE)
    ring.write(np.full(200, 9000, np.int16))
    block(reader)
    ring.discard()
    assert not block(reader, 400).any()


# -- the clock -----------------------------------------------------------------


def test_numbers_pass_over_silence() -> None:
    ring = SampleRing(1000)
    reader = reader_for(ring)
    for _ in range(3):
        ring.write(ones(30))
        block(reader, 100)
    clock = reader.clock
    assert clock.pulled == 300
    assert [clock.position(frame) for frame in (0, 10, 30, 99, 100, 115, 199, 205, 230, 300)] == [
        0,
        10,
        30,
        30,
        30,
        45,
        60,
        65,
        90,
        90,
    ]


def test_frames_that_were_skipped_count_as_numbers_but_not_before_the_next_run() -> None:
    ring = SampleRing(1000)
    reader = reader_for(ring)
    ring.write(ones(500))
    block(reader)
    ring.discard()
    block(reader)
    assert reader.clock.position(200) == 100
    ring.write(ones(10))
    block(reader)
    assert reader.clock.position(205) == 505


def test_runs_beyond_memory_are_not_guessed() -> None:
    ring = SampleRing(1000)
    reader = reader_for(ring)
    for _ in range(200):
        ring.write(ones(1))
        block(reader, 10)
    assert reader.clock.position(50) == 0
    assert reader.clock.position(1995) == 200
    assert len(reader.clock.runs) <= 64


@pytest.mark.parametrize(
    ("given", "frames"), [(None, 77), (0.0, 100), (0.05, 1300), (-1.0, 77), (math.nan, 77), (1e6, 77)]
)
def test_latency_is_the_devices_word_if_it_makes_sense(given: float | None, frames: int) -> None:
    """The device's word is about the block's first frame, ours about its last."""
    reader = reader_for(SampleRing(10), latency=77)
    block(reader, 100, given)
    assert reader.clock.latency == frames


# -- nothing may go wrong in there -----------------------------------------------


def test_a_wrong_buffer_becomes_silence_and_a_flag() -> None:
    ring = SampleRing(1000)
    ring.write(np.full(1000, 30_000, np.int16))
    reader = reader_for(ring)
    floats = np.ones(10, np.float32)
    assert reader.pull(floats, None) == 0  # type: ignore[arg-type]  # the point of the test
    assert not floats.any()
    assert isinstance(reader.fault, AudioError)
    assert str(reader.fault) == "the device asked for float32 of shape (10,); mono int16"
    locked = np.ones(10, np.int16)
    locked.flags.writeable = False
    assert reader.pull(locked, None) == 0
    assert reader.pull(None, None) == 0  # type: ignore[arg-type]  # the same
    assert reader.faults == 3
    assert block(reader).all()  # and on it plays


def test_a_stride_is_filled_like_any_buffer() -> None:
    ring = SampleRing(1000)
    ring.write(np.arange(1, 101, dtype=np.int16))
    both = np.zeros((50, 2), np.int16)
    assert reader_for(ring).pull(both[:, 1], None) == 50
    assert both[:, 1].tolist() == list(range(1, 51))
    assert not both[:, 0].any()


class _LongWay(SampleRing):
    """A ring whose blocks never lie in one piece."""

    def read_block(self, out: Samples) -> int:
        return 0


@pytest.mark.parametrize("seed", range(8))
def test_the_short_way_is_the_long_way_made_quick(seed: int) -> None:
    """Blocks, clocks and counters agree, whatever is written, discarded and asked for."""
    random = np.random.default_rng(seed)
    rings = SampleRing(1000), _LongWay(1000)
    readers = [reader_for(ring, prebuffer=90, fade=40, latency=7) for ring in rings]
    short = 0
    for step in range(600):
        samples = random.integers(-30_000, 30_000, random.integers(0, 200), np.int16)
        size = int(random.choice([16, 48, 160]))
        latency = None if random.random() < 0.5 else 0.01
        for ring in rings:
            ring.write(samples)
            if step % 41 == 40:
                ring.discard()
        before = rings[0].consumed
        blocks = [block(reader, size, latency) for reader in readers]
        short += rings[0].consumed - before == size
        assert blocks[0].tolist() == blocks[1].tolist()
        assert readers[0].clock == readers[1].clock
    first, second = readers
    assert (first.played, first.pulls, list(first.gaps)) == (second.played, second.pulls, list(second.gaps))
    assert short > 300  # it was about something


def test_durations_are_counted_with_a_clock_only() -> None:
    ticks = iter([0, 1000, 5000, 9000, 9000, 9500])
    reader = reader_for(SampleRing(10), now=lambda: next(ticks))
    for _ in range(3):
        block(reader)
    assert (reader.longest_ns, reader.busy_ns) == (4000, 5500)


def test_nothing_accumulates_and_little_is_allocated() -> None:
    """A thousand blocks, through the wrap, leave nothing behind; none needs room for its samples."""
    ring = SampleRing(48_000)
    reader = reader_for(ring, prebuffer=100, fade=FADE)
    out = np.zeros(4800, np.int16)
    data = tone(4800)
    for _ in range(20):
        ring.write(data)
        reader.pull(out, None)
    tracemalloc.start()
    try:
        for _ in range(20):
            ring.write(data)
            reader.pull(out, None)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(1000):
            ring.write(data)
            reader.pull(out, None)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 500
    assert peak - before < 2000

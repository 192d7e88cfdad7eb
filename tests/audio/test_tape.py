"""What was appended is cut where commits, clears and turn detection say, to the frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.audio.g711 import ulaw_encode
from realtime_raw.audio.tape import Tape


def ramp(start: int, count: int) -> bytes:
    return np.arange(start, start + count, dtype="<i2").tobytes()


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=12))
def test_commits_cover_all_that_came_before_them(steps: list[tuple[int, bool]]) -> None:
    tape, sent, waiting = Tape(24_000), 0, 0
    for count, commit in steps:
        tape.append(ramp(sent, count), "audio/pcm", 1.0)
        sent, waiting = sent + count, waiting + count
        assert tape.kept == waiting
        if commit:
            cut = tape.take(tape.mark(1.0))
            found = [] if cut is None else cut.samples.tolist()
            assert found == list(range(sent - waiting, sent))
            waiting = 0


def test_what_comes_after_the_mark_stays() -> None:
    """A commit that goes out while the microphone runs on."""
    tape = Tape(24_000)
    tape.append(ramp(0, 240), "audio/pcm", 1.0)
    mark = tape.mark(1.0)
    tape.append(ramp(240, 240), "audio/pcm", 1.01)
    first = tape.take(mark)
    assert first is not None
    assert first.samples.tolist() == list(range(240))
    assert first.ends_at == 1.0
    rest = tape.take(tape.mark(1.02))
    assert rest is not None
    assert rest.samples.tolist() == list(range(240, 480))
    assert tape.take(tape.mark(1.02)) is None


@given(start=st.integers(0, 100), length=st.integers(1, 100), piece=st.integers(1, 700))
def test_turn_detection_cuts_by_the_milliseconds_of_the_session(start: int, length: int, piece: int) -> None:
    tape = Tape(24_000)
    for at in range(0, 24 * 200, piece):
        count = min(piece, 24 * 200 - at)
        tape.append(ramp(at, count), "audio/pcm", (at + count) / 24_000)
    cut = tape.take_span(start, start + length)
    assert cut is not None
    assert cut.samples.tolist() == list(range(24 * start, 24 * (start + length)))
    assert cut.ends_at == pytest.approx((start + length) / 1000)
    assert tape.kept == 24 * (200 - start - length)


def test_odd_bytes_are_carried_and_end_with_the_turn() -> None:
    tape = Tape(24_000)
    whole = ramp(1000, 4)
    tape.append(whole[:3], "audio/pcm", 0.0)
    tape.append(whole[3:7], "audio/pcm", 0.0)
    cut = tape.take(tape.mark(0.0))
    assert cut is not None
    assert cut.samples.tolist() == [1000, 1001, 1002]


def test_g711_at_its_own_rate_and_at_another() -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.int16)
    encoded = ulaw_encode(tone)
    plain, resampled = Tape(8_000), Tape(24_000)
    for tape in (plain, resampled):
        for at in range(0, 8000, 160):
            tape.append(bytes(encoded[at : at + 160]), "audio/pcmu", at / 8000)
    one, three = plain.take(plain.mark(1.0)), resampled.take(resampled.mark(1.0))
    assert one is not None
    assert three is not None
    assert len(one.samples) == 8000
    assert len(three.samples) == 24_000
    assert np.corrcoef(three.samples[::3], one.samples)[0, 1] > 0.999


def test_a_listener_without_end_keeps_the_last_of_it() -> None:
    tape = Tape(24_000)
    for second in range(100):
        tape.append(bytes(48_000), "audio/pcm", float(second))
        tape.keep(30.0)
    assert 30 * 24_000 <= tape.kept <= 31 * 24_000
    cut = tape.take_span(99_000, 100_000)
    assert cut is not None
    assert len(cut.samples) == 24_000

"""Loudness as a sound engineer would read it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from realtime_raw.audio.levels import LevelMeter, Levels, measure, peak_dbfs, rms_dbfs
from realtime_raw.errors import AudioError


def sine(peak: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return (peak * np.sin(2 * np.pi * 1000 * np.arange(24_000) / 24_000)).astype(np.float32)


def test_a_sine_at_half_scale() -> None:
    assert peak_dbfs(sine(0.5)) == pytest.approx(-6.02, abs=0.01)
    assert rms_dbfs(sine(0.5)) == pytest.approx(-9.03, abs=0.01)


def test_silence_is_found_and_one_bit_is_not_silence() -> None:
    quiet = np.zeros(100, np.int16)
    assert measure(quiet) == Levels(100, -math.inf, -math.inf, 0)
    assert measure(quiet).silent
    quiet[50] = -1
    assert not measure(quiet).silent
    assert measure(quiet).peak_dbfs == pytest.approx(-90.3, abs=0.1)


def test_the_lowest_sample_is_full_scale() -> None:
    assert peak_dbfs(np.array([-32768], np.int16)) == 0.0


def test_clipping_is_counted_at_both_ends() -> None:
    assert measure(np.array([32767, 32766, -32768, 0], np.int16)).clipped == 2
    assert measure(np.array([1.5, -1.5, 0.9], np.float32)).clipped == 2


def test_pieces_add_up_to_the_whole() -> None:
    audio = sine(0.3)
    meter = LevelMeter()
    for at in range(0, len(audio), 777):
        meter.add(audio[at : at + 777])
    whole = measure(audio)
    assert meter.levels().rms_dbfs == pytest.approx(whole.rms_dbfs)
    assert (meter.levels().frames, meter.levels().peak_dbfs) == (whole.frames, whole.peak_dbfs)
    meter.reset()
    assert meter.levels() == Levels(0, -math.inf, -math.inf, 0)


def test_nothing_is_silent_and_wrong_audio_is_refused() -> None:
    assert measure(np.zeros(0, np.int16)).silent
    with pytest.raises(AudioError, match="shape"):
        rms_dbfs(np.zeros((2, 2), np.int16))

"""A tone stays the tone it was, pieces give the whole, and nothing appears that was not there."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.audio.resample import Resampler
from realtime_raw.errors import MissingExtra

RATES = [
    (24_000, 48_000),
    (24_000, 44_100),
    (44_100, 24_000),
    (48_000, 24_000),
    (8_000, 24_000),
    (24_000, 8_000),
]


def tone(rate: int, hz: float = 1000, seconds: float = 1.0, peak: float = 0.5) -> npt.NDArray[np.float32]:
    return (peak * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def whole(resampler: Resampler, audio: npt.NDArray[np.generic]) -> Samples:
    return np.concatenate((resampler.process(audio), resampler.flush()))


def spectrum(samples: Samples) -> npt.NDArray[np.float64]:
    """dBFS per hertz from the middle half second or so, through a window with no side lobes to speak of."""
    middle = samples[len(samples) // 4 : -len(samples) // 4].astype(float) / 32768
    window = np.kaiser(len(middle), 20)
    size = np.abs(np.fft.rfft(middle * window)) * 2 / window.sum()
    return np.asarray(20 * np.log10(size + 1e-12), np.float64)


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_a_tone_keeps_its_level_and_gains_no_images(from_rate: int, to_rate: int) -> None:
    out = whole(Resampler(from_rate, to_rate), tone(from_rate))
    level = spectrum(out)
    hertz = np.arange(len(level)) * to_rate / (2 * (len(level) - 1))
    near = abs(hertz - 1000) < 60
    assert level[near].max() == pytest.approx(-6.02, abs=0.1)
    assert level[~near].max() < -80


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_pieces_equal_the_whole(from_rate: int, to_rate: int) -> None:
    audio = tone(from_rate, 440, 0.3)
    expected = whole(Resampler(from_rate, to_rate), audio)
    assert abs(len(expected) - len(audio) * to_rate / from_rate) <= 0.5
    resampler = Resampler(from_rate, to_rate)
    pieces = [resampler.process(audio[at : at + 97]) for at in range(0, len(audio), 97)]
    assert np.array_equal(np.concatenate((*pieces, resampler.flush())), expected)


def test_a_frequency_that_does_not_fit_is_gone() -> None:
    out = whole(Resampler(24_000, 8_000), tone(24_000, 6000))
    assert spectrum(out).max() < -80


def test_silence_stays_silence() -> None:
    assert not whole(Resampler(8_000, 24_000), np.zeros(4000, np.int16)).any()


def test_after_a_flush_begins_another_stream() -> None:
    resampler = Resampler(8_000, 24_000)
    first = whole(resampler, tone(8_000, seconds=0.1))
    assert np.array_equal(whole(resampler, tone(8_000, seconds=0.1)), first)


def test_int16_and_float_are_the_same_audio() -> None:
    audio = (tone(8_000) * 32768).astype(np.int16)
    floats = audio.astype(np.float32) / np.float32(32768)
    assert np.array_equal(whole(Resampler(8_000, 24_000), audio), whole(Resampler(8_000, 24_000), floats))


def test_without_soxr_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(MissingExtra) as caught:
        Resampler(8_000, 24_000)
    assert str(caught.value) == "resampling 8000 Hz to 24000 Hz needs `pip install 'realtime_raw[audio]'`"

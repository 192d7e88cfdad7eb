"""Wire audio: lengths, conversions, rates."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_raw.audio.levels import rms_dbfs
from realtime_raw.loopback.refusals import Refused
from realtime_raw.loopback.resampling import resample
from realtime_raw.loopback.sound import ENCODINGS, Sound, decode_audio, encode_samples
from tests.loopback.driver import tone


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_second_is_a_second(encoding: str) -> None:
    """Length, loudness and a cut, in any encoding."""
    sound = Sound(encoding, encode_samples(tone(1.0), encoding))
    assert sound.ms == pytest.approx(1000, abs=0.2)
    assert sound.heard.seconds == pytest.approx(1.0, abs=1e-3)
    assert sound.heard.dbfs == pytest.approx(-20, abs=0.3)
    assert sound.cut(250).ms == 250
    assert sound.cut(5000).ms == sound.ms


@pytest.mark.parametrize("source", ENCODINGS)
@pytest.mark.parametrize("target", ENCODINGS)
def test_conversions_keep_the_sound(source: str, target: str) -> None:
    """Length and loudness."""
    sound = Sound(source, encode_samples(tone(0.5), source))
    there = sound.converted(target)
    assert there.encoding == target
    assert there.ms == pytest.approx(500, abs=0.5)
    assert there.heard.dbfs == pytest.approx(-20, abs=0.5)


def test_half_a_sample_is_no_sound() -> None:
    """An odd byte at the end is not heard."""
    assert len(Sound("audio/pcm", b"\1\0\1").samples()) == 1


def test_base64_is_taken_strictly() -> None:
    """Blanks and other alphabets are no base64."""
    assert decode_audio("AAA=", "audio/pcm", "audio") == b"\0\0"
    for text in ("AA A=", "A-_=", "AAA", "ÄÄÄÄ"):
        with pytest.raises(Refused):
            decode_audio(text, "audio/pcm", "audio")


@pytest.mark.parametrize(("source", "target"), [(22_050, 24_000), (24_000, 8_000), (8_000, 24_000)])
def test_a_tone_stays_a_tone(source: int, target: int) -> None:
    """The same pitch and loudness, nothing else in the spectrum."""
    seconds = 0.5
    time = np.arange(round(source * seconds)) / source
    out = resample((np.sin(2 * np.pi * 1000 * time) * 10_000).astype(np.int16), source, target)
    assert len(out) == round(target * seconds)
    assert rms_dbfs(out) == pytest.approx(20 * np.log10(10_000 / 32768 / np.sqrt(2)), abs=0.1)
    middle = out[500:-500].astype(float) * np.hanning(len(out) - 1000)
    spectrum = np.abs(np.fft.rfft(middle)) ** 2
    frequency = np.fft.rfftfreq(len(middle), 1 / target)
    assert spectrum[np.abs(frequency - 1000) > 50].sum() / spectrum.sum() < 1e-6


def test_what_the_lower_rate_cannot_carry_is_filtered_out() -> None:
    """Not folded back."""
    time = np.arange(24_000) / 24_000
    out = resample((np.sin(2 * np.pi * 6000 * time) * 20_000).astype(np.int16), 24_000, 8_000)
    assert rms_dbfs(out[200:-200]) < -70


def test_nothing_and_no_change() -> None:
    """Passed through."""
    sound = tone(0.1)
    assert resample(sound, 24_000, 24_000) is sound
    assert len(resample(sound[:0], 22_050, 24_000)) == 0
    assert len(resample(sound[:3], 24_000, 8_000)) == 1
    full = np.full(1000, 32767, np.int16)
    assert resample(full, 22_050, 24_000).max() == 32767

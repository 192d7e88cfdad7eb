"""The tables against the recommendation's own way of reckoning, bit by bit."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest

from realtime_raw.audio import g711
from realtime_raw.errors import AudioError

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))


def ulaw_reference(sample: int) -> int:
    """ITU-T G.711 table 2: 14 bits; the decision values are 0, 1, 3, ... 31, 35, ... 95, 103, ..."""
    magnitude = min((~sample if sample < 0 else sample) >> 2, 8158)
    bound, step, interval = 1, 2, 0
    while magnitude >= bound:  # intervals 0..127, sixteen to a segment, each segment twice as coarse
        interval += 1
        if interval % 16 == 0 and interval:
            step *= 2
        bound += step
    return (interval | (0x80 if sample < 0 else 0)) ^ 0xFF


def alaw_reference(sample: int) -> int:
    """ITU-T G.711 table 1: 13 bits; two segments of step 2, then each twice as coarse."""
    magnitude = (~sample if sample < 0 else sample) >> 3
    bound, step, interval = 2, 2, 0
    while magnitude >= bound:
        interval += 1
        if interval % 16 == 0 and interval >= 32:
            step *= 2
        bound += step
    return (interval | (0 if sample < 0 else 0x80)) ^ 0x55


def test_every_sample_is_encoded_as_the_recommendation_says() -> None:
    assert g711.ulaw_encode(EVERY_SAMPLE) == bytes(ulaw_reference(int(s)) for s in EVERY_SAMPLE)
    assert g711.alaw_encode(EVERY_SAMPLE) == bytes(alaw_reference(int(s)) for s in EVERY_SAMPLE)


def test_every_code_is_the_middle_of_its_interval() -> None:
    for decode, reference, unit in (
        (g711.ulaw_decode, ulaw_reference, 4),
        (g711.alaw_decode, alaw_reference, 8),
    ):
        codes = np.array([reference(int(s)) for s in EVERY_SAMPLE])
        values = decode(EVERY_CODE)
        for code in range(256):
            members = EVERY_SAMPLE[codes == code].astype(int)
            low, high = members.min(), members.max()
            if max(abs(low), abs(high)) >= 32636:  # the last interval also holds all that is clipped
                continue
            middle = (low + high + 1) / 2
            # Mu-law's lowest interval is centred on zero, and so only half of it is seen here.
            assert abs(values[code] - middle) < unit / 2 + 0.5, code


def test_known_values() -> None:
    assert g711.ulaw_decode(b"\x00\x80\xff\x7f").tolist() == [-32124, 32124, 0, 0]
    assert g711.alaw_decode(b"\x2a\xaa\xd5\x55").tolist() == [-32256, 32256, 8, -8]


def test_all_codes_survive_the_round_trip() -> None:
    assert g711.alaw_encode(g711.alaw_decode(EVERY_CODE)) == EVERY_CODE
    # Mu-law has two zeros, and a sample has one.
    assert g711.ulaw_encode(g711.ulaw_decode(EVERY_CODE)) == EVERY_CODE.replace(b"\x7f", b"\xff")


def test_speech_keeps_its_signal_to_noise_ratio() -> None:
    noise = (np.random.default_rng(1).laplace(size=8000) * 3000).clip(-32768, 32767).astype(np.int16)
    for decode, encode in ((g711.ulaw_decode, g711.ulaw_encode), (g711.alaw_decode, g711.alaw_encode)):
        error = decode(encode(noise)).astype(float) - noise
        assert 10 * np.log10(np.mean(noise.astype(float) ** 2) / np.mean(error**2)) > 36


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="audioop left the standard library")
def test_decoding_agrees_with_the_old_standard_library() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import audioop
    assert g711.ulaw_decode(EVERY_CODE).tobytes() == audioop.ulaw2lin(EVERY_CODE, 2)
    assert g711.alaw_decode(EVERY_CODE).tobytes() == audioop.alaw2lin(EVERY_CODE, 2)
    assert g711.alaw_encode(EVERY_SAMPLE) == audioop.lin2alaw(EVERY_SAMPLE.tobytes(), 2)


def test_empty_and_wrong_input() -> None:
    assert len(g711.ulaw_decode(b"")) == 0
    assert g711.alaw_encode(np.zeros(0, np.int16)) == b""
    with pytest.raises(AudioError, match="shape"):
        g711.ulaw_encode(np.zeros((2, 2), np.int16))

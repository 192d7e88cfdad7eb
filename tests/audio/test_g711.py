"""The tables against the recommendation's own way of reckoning, bit by bit."""

from __future__ import annotations

import sys
import warnings
from bisect import bisect_right

import numpy as np
import pytest

from realtime_raw.audio import g711
from realtime_raw.errors import AudioError

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))


def decision_values(first: int, coarser_from: int) -> list[int]:
    """Where the 128 intervals of one sign begin.

    The first one ends at `first`; each of the others is 2 long, twice that from
    interval `coarser_from` on, and twice as long again every 16.
    """
    bounds, step = [0, first], 2
    while len(bounds) < 128:
        interval = len(bounds) - 1
        if interval >= coarser_from and (interval - coarser_from) % 16 == 0:
            step *= 2
        bounds.append(bounds[-1] + step)
    return bounds


MU_VALUES = decision_values(1, 16)  # table 2, 14 bits: 0, 1, 3, ... 31, 35, ... 95, 103, ...
A_VALUES = decision_values(2, 32)  # table 1, 13 bits: 0, 2, 4, ... 64, 68, ... 128, 136, ...


def ulaw_reference(sample: int) -> int:
    magnitude = (~sample if sample < 0 else sample) >> 2
    interval = bisect_right(MU_VALUES, magnitude) - 1
    return (interval | (0x80 if sample < 0 else 0)) ^ 0xFF


def alaw_reference(sample: int) -> int:
    magnitude = (~sample if sample < 0 else sample) >> 3
    interval = bisect_right(A_VALUES, magnitude) - 1
    return (interval | (0 if sample < 0 else 0x80)) ^ 0x55


def test_the_reference_is_the_recommendations() -> None:
    """Some decision values as printed there, at both ends and where the steps change."""
    assert [MU_VALUES[n] for n in (0, 1, 2, 16, 17, 32, 33, 112, 127)] == [
        0,
        1,
        3,
        31,
        35,
        95,
        103,
        4063,
        7903,
    ]
    assert [A_VALUES[n] for n in (0, 1, 2, 32, 33, 48, 49, 112, 127)] == [
        0,
        2,
        4,
        64,
        68,
        128,
        136,
        2048,
        3968,
    ]


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

"""From wire bytes to samples: odd bytes, companding, another rate, no room."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.audio.g711 import ulaw_encode
from realtime_raw.audio.intake import Intake
from realtime_raw.errors import AudioError, MissingExtra

LOTS = 10**9


@given(st.binary(max_size=60), st.lists(st.integers(1, 7), min_size=1))
def test_pcm_cut_anywhere(data: bytes, sizes: list[int]) -> None:
    intake, got, at, turn = Intake("audio/pcm", 24_000), [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        got += intake.take(data[at : at + size], LOTS).samples.tolist()
        at, turn = at + size, turn + 1
    assert got == np.frombuffer(data[: len(data) & ~1], "<i2").tolist()
    assert intake.received == len(data) // 2
    assert len(intake.flush()) == 0


@pytest.mark.parametrize(
    ("encoding", "code", "sample"), [("audio/pcmu", 0x80, 32124), ("audio/pcma", 0xAA, 32256)]
)
def test_g711_at_its_own_rate_needs_no_resampler(
    encoding: str, code: int, sample: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    taken = Intake(encoding, 8_000).take(bytes([code] * 3), LOTS)
    assert (taken.samples.tolist(), taken.frames, taken.refused) == ([sample] * 3, 3, 0)


def test_g711_for_another_rate_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(MissingExtra, match="8000 Hz to 24000 Hz"):
        Intake("audio/pcmu", 24_000)


def test_resampled_lengths_are_in_the_players_rate() -> None:
    intake = Intake("audio/pcmu", 24_000)
    codes = ulaw_encode((8000 * np.sin(np.arange(8000) / 5)).astype(np.int16))
    count = 0
    for at in range(0, 8000, 333):
        taken = intake.take(codes[at : at + 333], LOTS)
        count += len(taken.samples)
        assert taken.frames == len(codes[at : at + 333])
        assert intake.received == 3 * min(8000, at + 333)
        assert count <= intake.received
    assert count + len(intake.flush()) == 24_000


def test_no_room_takes_a_prefix_and_forgets_the_rest() -> None:
    intake = Intake("audio/pcm", 24_000)
    taken = intake.take(b"\1\0\2\0\3\0\4", 2)
    assert (taken.samples.tolist(), taken.frames, taken.refused) == ([1, 2], 2, 1)
    assert intake.take(b"\5\0", 1).samples.tolist() == [5]  # the odd byte went with what was refused
    assert intake.take(b"\6\0", 0).refused == 1


def test_room_is_reckoned_in_the_players_rate() -> None:
    taken = Intake("audio/pcma", 24_000).take(bytes(100), 60)
    assert (taken.frames, taken.refused) == (20, 80)


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(AudioError) as caught:
        Intake("pcm16", 24_000)
    assert str(caught.value) == (
        "the encoding 'pcm16' is not known; one of audio/pcm, audio/pcma, audio/pcmu"
    )

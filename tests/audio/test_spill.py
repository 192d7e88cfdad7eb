"""What waits behind the ring: in order, bounded, and joined where it may be."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.audio.spill import Spill
from realtime_raw.types import AudioKey

A, B = AudioKey("a"), AudioKey("b")


def samples(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.array(values, np.int16)


@given(
    st.lists(st.tuples(st.sampled_from([A, B]), st.integers(1, 9))),
    st.lists(st.integers(1, 7), min_size=1),
)
def test_what_goes_in_comes_out(pushed: list[tuple[AudioKey, int]], sizes: list[int]) -> None:
    spill = Spill(1000)
    expected: list[tuple[AudioKey, int]] = []
    for key, count in pushed:
        values = range(len(expected), len(expected) + count)
        spill.push(key, samples(*values))
        expected += [(key, value) for value in values]
    assert len(spill) == len(expected)
    assert spill.free == 1000 - len(expected)
    got: list[tuple[AudioKey, int]] = []
    while len(spill):
        key, some = spill.first(sizes[len(got) % len(sizes)])
        got += [(key, int(value)) for value in some]
        spill.drop(len(some))
    assert got == expected


def test_a_stream_cut_small_costs_its_samples_only() -> None:
    spill = Spill(10**6)
    for value in range(40_000):
        spill.push(A, samples(value % 1000))
    assert len(spill._pieces) == 2


def test_a_piece_held_does_not_stop_it_from_growing() -> None:
    spill = Spill(100)
    spill.push(A, samples(1, 2))
    _, held = spill.first(2)
    spill.push(A, samples(3))
    assert held.tolist() == [1, 2]
    assert spill.first(9)[1].tolist() == [1, 2, 3]


def test_clearing_forgets_half_used_pieces_too() -> None:
    spill = Spill(100)
    spill.push(A, samples(1, 2, 3))
    spill.drop(1)
    spill.clear()
    assert (len(spill), spill.free) == (0, 100)
    spill.push(B, samples(7))
    assert spill.first(5)[1].tolist() == [7]
    spill.push(B, np.zeros(500, np.int16))
    assert spill.free == 0

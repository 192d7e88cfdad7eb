"""The ring against a list, through wraps, discards and refusals."""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_raw.audio.ring import SampleRing
from realtime_raw.errors import AudioError

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 20)),
        st.tuples(st.just("read"), st.integers(0, 20)),
        st.tuples(st.just("discard"), st.just(0)),
    ),
    max_size=60,
)


@pytest.fixture(params=["gil", "free-threaded"], autouse=True)
def interpreter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test also with the counters that are used where there is no GIL."""
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: request.param == "gil", raising=False)


def frames(start: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return (np.arange(start, start + count) % 30_000 + 1).astype(np.int16)


class Model:
    """What a ring does, with a list and no counters."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.waiting: deque[int] = deque()
        self.marked = 0  # of those, how many are to be skipped
        self.written = 0

    def write(self, count: int) -> list[int]:
        taken = min(count, self.capacity - len(self.waiting))
        self.waiting.extend(frames(self.written, taken).tolist())
        self.written += taken
        return list(range(taken))

    def read(self, count: int) -> list[int]:
        for _ in range(self.marked):
            self.waiting.popleft()
        self.marked = 0
        return [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]


@settings(max_examples=300)
@given(st.integers(1, 17), STEPS)
def test_against_a_list(capacity: int, steps: list[tuple[str, int]]) -> None:
    ring, model = SampleRing(capacity), Model(capacity)
    for verb, count in steps:
        if verb == "write":
            assert ring.write(frames(ring.written, count)) == len(model.write(count))
        elif verb == "read":
            out = np.full(count, -1, np.int16)
            expected = model.read(count)
            assert ring.read_into(out) == len(expected)
            assert out.tolist() == expected + [-1] * (count - len(expected))
        else:
            assert ring.discard() == model.written
            model.marked = len(model.waiting)
        assert ring.written == model.written
        assert ring.available == len(model.waiting)
        assert ring.free == capacity - len(model.waiting)
        assert ring.discarding == model.marked


def test_only_the_guarded_ring_has_locks(request: pytest.FixtureRequest) -> None:
    """With the GIL nothing in the reader's way can wait, for there is nothing to wait for."""
    guarded = "free-threaded" in request.node.name
    ring = SampleRing(4)
    assert hasattr(ring._written, "_lock") == hasattr(ring._consumed, "_lock") == guarded


def test_peeking_shows_without_taking() -> None:
    ring = SampleRing(5)
    ring.write(frames(0, 4))
    ring.advance(3)
    ring.write(frames(4, 4))
    out = np.zeros(9, np.int16)
    assert ring.peek_into(out) == ring.peek_into(out) == 5
    assert out.tolist() == [4, 5, 6, 7, 8, 0, 0, 0, 0]


def test_what_was_discarded_is_skipped_once() -> None:
    ring = SampleRing(10)
    ring.write(frames(0, 8))
    ring.read_into(np.zeros(3, np.int16))
    ring.discard()
    assert ring.skip_discarded() == 5
    assert ring.skip_discarded() == 0
    ring.write(frames(8, 2))
    assert (ring.capacity, ring.written, ring.consumed) == (10, 10, 8)


def test_what_is_no_block_of_samples_is_refused() -> None:
    with pytest.raises(AudioError, match=r"^a ring of 0 frames holds nothing"):
        SampleRing(0)
    for wrong in (np.zeros(4, np.float32), np.zeros((2, 2), np.int16)):
        with pytest.raises(AudioError, match=r"^the ring was given"):
            SampleRing(8).write(wrong)  # type: ignore[arg-type]  # the point of the test


# -- whole blocks ----------------------------------------------------------------


def test_a_block_in_one_piece_is_read_at_once() -> None:
    ring = SampleRing(10)
    ring.write(frames(0, 8))
    out = np.zeros(5, np.int16)
    assert ring.read_block(out) == 5
    assert out.tolist() == frames(0, 5).tolist()
    assert ring.consumed == 5


@pytest.mark.parametrize("reason", ["too few", "wraps", "discarded", "nothing asked for"])
def test_any_other_block_is_left_to_the_long_way(reason: str) -> None:
    """And then nothing has happened."""
    ring = SampleRing(10)
    ring.write(frames(0, 8))
    out = np.zeros(3, np.int16)
    if reason == "too few":
        out = np.zeros(9, np.int16)
    elif reason == "wraps":
        ring.advance(8)
        ring.write(frames(8, 8))
    elif reason == "discarded":
        ring.discard()
    else:
        out = np.zeros(0, np.int16)
    before = ring.consumed
    assert ring.read_block(out) == 0
    assert ring.consumed == before
    assert not out.any()


@pytest.mark.parametrize(
    "out",
    [np.zeros(4, np.float32), np.zeros(4, ">i2"), np.zeros((4, 1), np.int16), np.zeros(4, np.int32)],
    ids=["floats", "the other byte order", "two dimensions", "wide"],
)
def test_only_the_rings_own_samples_are_taken_the_short_way(out: np.ndarray[Any, Any]) -> None:
    ring = SampleRing(10)
    ring.write(frames(0, 8))
    assert ring.read_block(out) == 0
    assert ring.consumed == 0
    assert not out.any()


def test_what_cannot_be_written_to_is_not_read_into() -> None:
    ring = SampleRing(10)
    ring.write(frames(0, 8))
    out = np.zeros(4, np.int16)
    out.flags.writeable = False
    assert ring.read_block(out) == 0
    assert ring.consumed == 0

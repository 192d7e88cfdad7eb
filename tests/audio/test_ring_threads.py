"""One writer, one reader, millions of samples: each arrives once, whole and in order."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from realtime_raw.audio.ring import SampleRing

TOTAL = 4_000_000


@pytest.fixture(autouse=True)
def eager_switching() -> Iterator[None]:
    """Threads take turns every 20 µs instead of every 5 ms, so that more of them meet halfway."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(2e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("guarded", [False, True], ids=["gil", "free-threaded"])
def test_every_sample_crosses_once_and_in_order(guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: not guarded, raising=False)
    ring = SampleRing(7_919)  # a prime, so that seams fall everywhere
    arrived = np.zeros(TOTAL, np.int16)

    def read() -> None:
        sizes = np.random.default_rng(1).integers(1, 2000, 10_000).tolist()
        at = turn = 0
        while at < TOTAL:
            at += ring.read_into(arrived[at : at + sizes[turn % len(sizes)]])
            turn += 1

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    sent = np.resize(np.arange(1, 32_768, dtype=np.int16), TOTAL)
    sizes = np.random.default_rng(2).integers(1, 4000, 10_000).tolist()
    at = turn = 0
    while at < TOTAL:
        at += ring.write(sent[at : at + sizes[turn % len(sizes)]])
        turn += 1
    reader.join(30)
    assert not reader.is_alive()
    assert np.array_equal(arrived, sent)


def test_discarding_never_repeats_or_tears() -> None:
    """With discards in between, what arrives is what was sent, with gaps, and in order."""
    ring = SampleRing(5_003)
    pieces: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = []
    done = threading.Event()

    def read() -> None:
        out = np.zeros(700, np.int16)
        while True:
            last = done.is_set()
            if got := ring.read_into(out):
                pieces.append(out[:got].copy())
            elif last:
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    sent = np.arange(1, 32_001, dtype=np.int16)  # each value once
    at = 0
    marks = {0}
    for turn in range(100_000):
        at += ring.write(sent[at : at + 37])
        if turn % 7 == 0:
            marks.add(ring.discard())
        if at == len(sent):
            break
    done.set()
    reader.join(30)
    assert not reader.is_alive()
    arrived = np.concatenate(pieces).astype(int)
    jumps = np.flatnonzero(np.diff(arrived) != 1)
    assert (np.diff(arrived) > 0).all()
    # Value n is frame n - 1: after a gap, reading goes on exactly where a discard ended.
    assert {int(arrived[i + 1]) - 1 for i in jumps} | {int(arrived[0]) - 1} <= marks
    assert len(jumps) > 0  # how many is the scheduler's affair

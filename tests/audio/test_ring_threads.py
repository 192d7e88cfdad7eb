"""One writer, one reader, millions of samples: each arrives once, whole and in order."""

from __future__ import annotations

import sys
import threading
import time
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
            got = ring.read_into(arrived[at : at + sizes[turn % len(sizes)]])
            at, turn = at + got, turn + 1
            if not got:
                time.sleep(0)  # the other's turn: there is nothing to meet halfway over

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    sent = np.resize(np.arange(1, 32_768, dtype=np.int16), TOTAL)
    sizes = np.random.default_rng(2).integers(1, 4000, 10_000).tolist()
    at = turn = 0
    while at < TOTAL:
        put = ring.write(sent[at : at + sizes[turn % len(sizes)]])
        at, turn = at + put, turn + 1
        if not put:
            time.sleep(0)
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

    sent = np.arange(1, 32_001, dtype=np.int16)  # each value once
    at = ring.write(sent)
    marks = {ring.discard()}
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    turn = 0
    while at < len(sent):
        at += ring.write(sent[at : at + 37])
        turn += 1
        if turn % 7 == 0:
            marks.add(ring.discard())
    done.set()
    reader.join(30)
    assert not reader.is_alive()
    arrived = np.concatenate([np.zeros(1, np.int16), *pieces]).astype(int)
    assert (np.diff(arrived) > 0).all()
    # Value n is frame n - 1: after a gap, reading goes on exactly where a discard ended.
    gaps = np.flatnonzero(np.diff(arrived) != 1)
    assert {int(arrived[i + 1]) - 1 for i in gaps} <= marks
    assert len(gaps) > 0 or not pieces  # the first thing it saw was a discard

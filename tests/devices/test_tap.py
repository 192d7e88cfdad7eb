"""What a sink was given, exactly, with the time at which it is heard."""

from __future__ import annotations

import numpy as np
import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.devices import tap
from realtime_raw.devices.tap import PlayedTap


def test_every_block_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(tap, "monotonic", lambda: now)
    value = 0

    def pull(out: Samples, latency: float | None = None, /) -> int:
        nonlocal value
        value += 1
        out[:] = value
        return len(out) // 2

    played = PlayedTap(pull, 1000, 0.5)
    played.listen()
    assert len(played.drain().samples) == 0
    out = np.zeros(20, np.int16)
    assert played(out, 0.08) == 10
    now = 100.02
    played(out, 0.08)
    samples, at, gap = played.drain()
    assert samples.tolist() == [1] * 20 + [2] * 20
    assert at == pytest.approx(100.08)
    assert gap == 0
    # The sink's own latency is until a block's end.
    played(out)
    assert played.drain().at == pytest.approx(100.02 + 0.48)
    for _ in range(150):
        played(out)
    samples, _, gap = played.drain()
    assert (len(samples), gap) == (2000, 1000)

"""`PlayedTap`: what a sink was given, block by block and exactly, for whoever must know it on the loop."""

from __future__ import annotations

from time import monotonic

import numpy as np

from ..audio.capture import CaptureRing
from ..audio.pcm import Samples
from .base import Captured, Pull

__all__ = ["PlayedTap"]

_NOTHING = np.zeros(0, np.int16)
_KEPT_S = 2.0  # the loop may stand still for so long before anything is missed


class PlayedTap:
    """A `Pull` around `pull` that remembers every block and when it is in the air.

    Called on the device's thread it takes no lock and makes no array. `latency`
    in seconds is the sink's, for blocks that come without one of their own. Until
    `listen` is called it remembers nothing and costs next to nothing.
    """

    def __init__(self, pull: Pull, rate: int, latency: float) -> None:
        self.rate = rate
        self._pull = pull
        self._latency = latency
        self._ring: CaptureRing | None = None

    def listen(self) -> None:
        """Remember what is played from now on. Calling it again is harmless."""
        if self._ring is None:
            self._ring = CaptureRing(round(_KEPT_S * self.rate), self.rate)

    def __call__(self, out: Samples, latency: float | None = None, /) -> int:
        """As `Pull`."""
        count = self._pull(out, latency)
        ring = self._ring
        if ring is None:
            return count
        # A sink's own latency is until the end of the block, a block's until its start.
        ahead = latency if latency is not None else max(0.0, self._latency - len(out) / self.rate)
        ring.write(out, monotonic() + ahead)
        return count

    def drain(self) -> Captured:
        """What was played since the last call, on the loop's thread; `gap` frames before it were missed."""
        if self._ring is None:
            return Captured(_NOTHING, 0.0)
        samples, at, dropped = self._ring.read()
        return Captured(samples, at, dropped)

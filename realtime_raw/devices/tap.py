"""`PlayedTap`: what a sink was given, block by block and exactly, for whoever must know it on the loop."""

from __future__ import annotations

from time import monotonic

from ..audio.capture import CaptureRing
from ..audio.pcm import Samples
from .base import Captured, Pull

__all__ = ["PlayedTap"]

_KEPT_S = 2.0  # the loop may stand still for so long before anything is missed


class PlayedTap:
    """A `Pull` around `pull` that remembers every block and when it is in the air.

    Called on the device's thread it takes no lock and makes no array. `latency`
    in seconds is the sink's, for blocks that come without one of their own.
    """

    def __init__(self, pull: Pull, rate: int, latency: float) -> None:
        self.rate = rate
        self._pull = pull
        self._latency = latency
        self._ring = CaptureRing(round(_KEPT_S * rate), rate)

    def __call__(self, out: Samples, latency: float | None = None, /) -> int:
        """As `Pull`."""
        count = self._pull(out, latency)
        # A sink's own latency is until the end of the block, a block's until its start.
        ahead = latency if latency is not None else max(0.0, self._latency - len(out) / self.rate)
        self._ring.write(out, monotonic() + ahead)
        return count

    def drain(self) -> Captured:
        """What was played since the last call, on the loop's thread; `gap` frames before it were missed."""
        samples, at, dropped = self._ring.read()
        return Captured(samples, at, dropped)

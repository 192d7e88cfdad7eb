"""`Capture`: what a live source keeps between its device and whoever reads, over losses of the device too."""

from __future__ import annotations

import numpy as np

from ..audio.capture import CaptureRing
from ..audio.pcm import Samples
from .base import Captured

__all__ = ["KEPT_S", "Capture"]

KEPT_S = 2.0
"""Seconds of audio that wait to be read; of what is older, the oldest is dropped and counted."""


class Capture:
    """The latest `KEPT_S` seconds of mono audio at `rate`, with times and holes.

    `write` is the device's thread's, the rest the event loop's.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._ring = CaptureRing(round(KEPT_S * rate), rate)
        self._next: CaptureRing | None = None
        self._until: float | None = None  # where what was read ends
        self._doubts = 0  # so many readings to come may begin behind a hole that nobody counted
        self._lost = 0

    @property
    def lost(self) -> int:
        """Frames that were captured or due, and never read."""
        return self._lost

    def write(self, samples: Samples, at: float, *, broken: bool = False) -> None:
        """A block from the device, its first frame in the air at `at`. Copies, and returns.

        `broken` says that something before it was lost, nobody knows how much.
        """
        if broken:
            # The hole may be in the middle of what is read next; then it shows one reading later.
            self._doubts = 2
        (self._next or self._ring).write(samples, at)

    def resume(self) -> None:
        """The device is about to come back after a loss: what it gives now begins behind a hole."""
        self._next = CaptureRing(round(KEPT_S * self.rate), self.rate)

    def read(self) -> Captured:
        """What came since the last call; empty if nothing did, `at` then saying where the last ended."""
        samples, at, dropped = self._ring.read()
        if not len(samples) and self._next is not None:
            self._ring, self._next = self._next, None
            self._doubts = 1
            samples, at, dropped = self._ring.read()
        if not len(samples):
            return Captured(np.zeros(0, np.int16), at if self._until is None else self._until)
        if self._doubts and self._until is not None:
            # The clock counted what was not captured.
            dropped += max(0, round((at - self._until) * self.rate) - dropped)
        self._doubts = max(0, self._doubts - 1)
        self._lost += dropped
        self._until = at + len(samples) / self.rate
        return Captured(samples, at, dropped)

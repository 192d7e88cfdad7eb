"""`FakeOutput`: a sound card that is none, for tests of everything that plays.

By hand it lives in simulated time, block by block; threaded it calls `pull`
from a thread of its own, as a real device does. It keeps all it was given.
"""

from __future__ import annotations

import numpy as np

from ..audio.pcm import WIRE_RATE, Samples
from ..errors import AudioError
from .base import Pull
from .pacing import BlockThread

__all__ = ["FakeOutput"]


class FakeOutput:
    """An `AudioSink` without a speaker.

    Not `threaded`, it does nothing until `step` or `advance` is called, and
    then asks for blocks of `block` frames at once; `now` is its own time.
    Threaded, it asks in real time from `start` to `stop`. `latency` in seconds
    is told with each block, as a real device does; None leaves it to the player.
    """

    def __init__(
        self,
        *,
        rate: int = WIRE_RATE,
        block: int = 480,
        latency: float | None = None,
        threaded: bool = False,
    ) -> None:
        self._rate = rate
        self._block = block
        self._latency = latency
        self._threaded = threaded
        self._thread: BlockThread | None = None
        self._pull: Pull | None = None
        self._blocks: list[Samples] = []
        self._owed = 0.0  # blocks, from `advance`

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self._rate

    @property
    def latency(self) -> float:
        """What it was given, or 0."""
        return self._latency or 0.0

    @property
    def now(self) -> float:
        """Seconds of sound asked for since it was made, silence included."""
        return len(self._blocks) * self._block / self._rate

    @property
    def sounded(self) -> Samples:
        """Everything it was given, silence included."""
        return np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)

    def start(self, pull: Pull) -> None:
        """Use `pull`; threaded, begin to call it. Raises `AudioError` if started already."""
        if self._pull is not None:
            raise AudioError("the output is started already", hint="stop it first")
        self._pull = pull
        if self._threaded:
            self._thread = BlockThread(
                pull, self._keep, block=self._block, rate=self._rate, paced=True, latency=self._latency
            )

    def stop(self) -> None:
        """Ask for no more. What it was given stays."""
        self._pull = None
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    def step(self, blocks: int = 1) -> Samples:
        """Ask for `blocks` blocks now; returns them as one.

        Raises `AudioError` if it is not started, or threaded.
        """
        if self._pull is None or self._thread is not None:
            raise AudioError("there is nothing to step", hint="start it, and not threaded")
        before = len(self._blocks)
        for _ in range(blocks):
            out = np.zeros(self._block, np.int16)
            self._pull(out, self._latency)
            self._blocks.append(out)
        return np.concatenate([np.zeros(0, np.int16), *self._blocks[before:]])

    def advance(self, seconds: float) -> Samples:
        """Let time pass: ask for the blocks it holds; what is left over counts with the next call."""
        self._owed += seconds * self._rate / self._block
        blocks = int(self._owed + 1e-9)
        self._owed -= blocks
        return self.step(blocks)

    def _keep(self, block: Samples, count: int) -> None:
        self._blocks.append(block.copy())

"""`FakeInput` and `FakeOutput`: a sound card that is none, for tests of everything that listens or plays.

By hand they live in simulated time, block by block; a threaded output calls
`pull` from a thread of its own, as a real device does, and keeps all it was
given. Both can be unplugged.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from ..audio.pcm import WIRE_RATE, Samples
from ..errors import AudioError
from .base import Captured, DeviceChange, Direction, Pull
from .capturing import Capture
from .pacing import BlockThread

__all__ = ["FakeInput", "FakeOutput"]


class _Pluggable:
    """What can be unplugged, and plugged in again; a `WatchedDevice`."""

    _direction: Direction
    fault: Exception | None = None
    """To be set, to let it have gone wrong on its own thread."""

    def __init__(self) -> None:
        self._lost_at: float | None = None
        self._changes: deque[DeviceChange] = deque()

    @property
    def lost(self) -> bool:
        """Whether it is unplugged."""
        return self._lost_at is not None

    def lose(self, reason: str = "unplugged", at: float = 0.0) -> None:
        """Unplug it, at time `at`."""
        self._lost_at = at
        self._changes.append(DeviceChange("lost", "fake", self._direction, reason))

    def restore(self, at: float = 0.0) -> None:
        """Plug it in again, at time `at`."""
        assert self._lost_at is not None
        away, self._lost_at = at - self._lost_at, None
        self._changes.append(DeviceChange("restored", "fake", self._direction, away=away))

    def check(self, now: float) -> DeviceChange | None:
        """What happened to it and was not told yet."""
        return self._changes.popleft() if self._changes else None


class FakeInput(_Pluggable):
    """A `LiveSource` without a microphone: it hears what `hear` gives it, in blocks of `block` frames.

    `clock` tells the time at which it is heard. Unplugged, it hears nothing.
    """

    _direction = "input"

    def __init__(
        self, *, rate: int = WIRE_RATE, block: int = 480, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.in_use = False
        self._rate = rate
        self._block = block
        self._clock = clock
        self._capture = Capture(rate)
        self._closed = False

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self._rate

    @property
    def exhausted(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def hear(self, samples: Samples, at: float | None = None) -> None:
        """Let it hear `samples`, the first of them at time `at`; without one, the last of them now."""
        if at is None:
            at = self._clock() - len(samples) / self._rate
        if self.lost:
            return
        for start in range(0, len(samples), self._block):
            self._capture.write(samples[start : start + self._block], at + start / self._rate)

    def restore(self, at: float = 0.0) -> None:
        """Plug it in again, at time `at`; what it hears from then on comes behind a hole."""
        super().restore(at)
        self._capture.resume()

    def read_available(self) -> Samples:
        """What it heard since the last call; the latest 2 s at most."""
        return self.read_captured().samples

    def read_captured(self) -> Captured:
        """The same with the time; see `base.LiveSource`."""
        return self._capture.read()

    def close(self) -> None:
        """Hear no more."""
        self._closed = True


class FakeOutput(_Pluggable):
    """An `AudioSink` without a speaker.

    Not `threaded`, it does nothing until `step` or `advance` is called, and
    then asks for blocks of `block` frames at once; `now` is its own time.
    Threaded, it asks in real time from `start` to `stop`. `latency` in seconds
    is told with each block, as a real device does; None leaves it to the player.
    Unplugged, it asks for nothing.
    """

    _direction = "output"

    def __init__(
        self,
        *,
        rate: int = WIRE_RATE,
        block: int = 480,
        latency: float | None = None,
        threaded: bool = False,
    ) -> None:
        super().__init__()
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
        for _ in range(0 if self.lost else blocks):
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

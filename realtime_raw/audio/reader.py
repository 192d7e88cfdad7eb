"""`BlockReader`: the device's half of the player.

Everything here runs on the thread that a sound device owns: it takes no lock,
waits for nothing, logs nothing and raises nothing. What it knows it publishes
in one store a block (see `BlockReader.clock`); what it is told are two
integers, the ring's `discard` and `release_until`. In the middle of a run a
block takes the short way: one copy, some integers, one tuple.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..errors import AudioError
from .pcm import Samples
from .ring import SampleRing

__all__ = ["BlockReader", "Clock"]

_RUNS = 64  # earlier runs kept: one more for each pause, so seconds of latency are covered
_GAPS = 1024
_LONGEST_LATENCY = 10.0  # seconds; beyond it a host's time stamps are taken for nonsense


class Run(NamedTuple):
    """Frames handed over without a pause: `frames` of them, numbered from `start`, the first at `at`."""

    at: int
    start: int
    frames: int


class Clock(NamedTuple):
    """What the device's thread last published, taken together. Device frames count silence; numbers do not.

    The newest run is spelled out, since it grows with each block; `dry_at` is
    the device frame at which the ring was found empty, or -1.
    """

    pulled: int
    latency: int
    dry_at: int
    run_at: int
    run_start: int
    run_frames: int
    runs: tuple[Run, ...]

    @property
    def next_number(self) -> int:
        """The number after the last frame that was handed over as sound."""
        return self.run_start + self.run_frames

    def position(self, frame: int) -> int:
        """The number below which everything was handed over when `frame` device frames had been."""
        if frame >= self.run_at:
            return self.run_start + min(frame - self.run_at, self.run_frames)
        for run in reversed(self.runs):
            if frame >= run.at:
                return run.start + min(frame - run.at, run.frames)
        return 0


class _Tail:
    """How sound stops without a click: down along half a cosine, whatever comes to hand."""

    __slots__ = ("_at", "_floats", "_ramp", "_samples")

    def __init__(self, frames: int) -> None:
        steps = np.arange(1, frames + 1, dtype=np.float32) / (frames + 1)
        self._ramp = (0.5 + 0.5 * np.cos(np.pi * steps)).astype(np.float32)
        self._floats = np.zeros(frames, np.float32)
        self._samples = np.zeros(frames, np.int16)
        self._at = frames

    def prepare(self, ring: SampleRing, frames: int, last: int) -> None:
        """Fade up to `frames` of what lies in the ring; where there is nothing, hold the last sample."""
        count = ring.peek_into(self._samples[:frames])
        self._samples[count:] = self._samples[count - 1] if count else last
        self._floats[:] = self._samples
        self._floats *= self._ramp
        self._samples[:] = self._floats
        self._at = 0

    def emit(self, out: Samples) -> int:
        """Put what is left of the tail at the start of `out`; returns how many frames that was."""
        count = min(len(out), len(self._samples) - self._at)
        if count:
            out[:count] = self._samples[self._at : self._at + count]
            self._at += count
        return count


class BlockReader:
    """Fills a device's blocks from `ring`. `prebuffer`, `fade` and `latency` are in frames.

    Sound begins when `prebuffer` frames wait, or when nothing more is to come
    (`release_until`); it stops when the ring is empty or told to discard.
    `now` counts nanoseconds, to time the callback; without it nothing is timed.
    """

    def __init__(
        self,
        ring: SampleRing,
        rate: int,
        *,
        prebuffer: int,
        fade: int,
        latency: int,
        now: Callable[[], int] | None,
    ) -> None:
        self._ring = ring
        self._rate = rate
        self._prebuffer = prebuffer
        self._latency = latency
        self.fade = fade
        self._tail = _Tail(fade)
        self._now = now
        self._sounding = False  # in the middle of a run; whatever tail there was is over then
        self._last = 0  # the sample that sounded last
        self._pulled = 0
        self._dry_at = -1
        self._run_at = self._run_start = self._run_frames = 0
        self._runs: tuple[Run, ...] = ()
        # Told by the event loop's thread: frames below this number need no company to start.
        self.release_until = 0
        # Set there while nobody looks at what is published: called with the next block.
        self.wake: Callable[[], object] | None = None
        # Told to it.
        self._published = self._facts(latency)
        self.gaps: deque[tuple[int, int]] = deque(maxlen=_GAPS)  # (number, silent frames before it)
        self.pulls = 0
        self.played = 0
        self.busy_ns = 0
        self.longest_ns = 0
        self.faults = 0
        self.fault: Exception | None = None

    @property
    def clock(self) -> Clock:
        """What was last published. For any thread."""
        return Clock._make(self._published)

    def pull(self, out: Samples, latency: float | None) -> int:
        """Fill `out` with sound, then silence; see `Player.pull`."""
        now = self._now
        began = now() if now is not None else 0
        try:
            if self._sounding and (got := self._ring.read_block(out)):
                self._last = out.item(-1)
                self.played += got
                self._run_frames += got
                self._pulled += got
                frames = self._latency if latency is None else self._latency_frames(got, latency)
                # As in `_facts`, whose call would cost as much as all of this.
                self._published = (
                    self._pulled, frames, -1, self._run_at, self._run_start, self._run_frames, self._runs
                )  # fmt: skip
            else:
                got = self._fill(out, self._latency_frames(len(out), latency))
        except Exception as exc:  # a fault in here would end the stream, and nobody would be told
            got = 0
            self.faults += 1
            self.fault = exc
            with contextlib.suppress(Exception):
                out.fill(0)
        self.pulls += 1
        if self.wake is not None:
            self.call()
        if now is not None:
            took = now() - began
            self.busy_ns += took
            if took > self.longest_ns:
                self.longest_ns = took
        return got

    def call(self) -> None:
        """Call whoever waits for something to happen, once; for any thread. They may be gone by now."""
        wake, self.wake = self.wake, None
        if wake is not None:
            with contextlib.suppress(Exception):
                wake()

    def _latency_frames(self, block: int, latency: float | None) -> int:
        # Some hosts give zeros or another clock's time; NaN fails the comparison too.
        if latency is None or not 0 <= latency <= _LONGEST_LATENCY:
            return self._latency
        return block + round(latency * self._rate)

    def _fill(self, out: Samples, latency: int) -> int:
        if out.dtype != np.int16 or out.ndim != 1:
            raise AudioError(f"the device asked for {out.dtype} of shape {out.shape}", hint="mono int16")
        size = len(out)
        if self._ring.discarding:
            self._break_off()
        at, got = self._tail.emit(out), 0
        if at < size and (self._sounding or self._start(self._pulled + at)):
            got = self._ring.peek_into(out[at:])
            self._ring.advance(got)
            self._run_frames += got
            self.played += got
            at += got
            if at < size:
                at += self._run_dry(out, at)
        if at < size:
            out[at:] = 0
        if size:
            self._last = out.item(size - 1)
        self._pulled += size
        self._published = self._facts(latency)
        return got

    def _facts(self, latency: int) -> tuple[int, int, int, int, int, int, tuple[Run, ...]]:
        """The fields of `Clock`: a bare tuple costs the callback a tenth of a named one."""
        return (
            self._pulled, latency, self._dry_at, self._run_at, self._run_start, self._run_frames, self._runs
        )  # fmt: skip

    def _start(self, frame: int) -> bool:
        """Begin a run at device frame `frame`, if there is reason to."""
        number = self._ring.consumed
        waiting = self._ring.available
        if not waiting or (waiting < self._prebuffer and number >= self.release_until):
            return False
        if self._run_frames:
            run = Run(self._run_at, self._run_start, self._run_frames)
            self._runs = (*self._runs[1 - _RUNS :], run)
        if self._dry_at >= 0:
            self.gaps.append((number, frame - self._dry_at))
        self._run_at, self._run_start, self._run_frames = frame, number, 0
        self._dry_at = -1
        self._sounding = True
        return True

    def _run_dry(self, out: Samples, at: int) -> int:
        """Ramp down from what sounded before `at`; returns how much of the ramp fits."""
        self._sounding = False
        self._dry_at = self._pulled + at
        self._tail.prepare(self._ring, 0, out.item(at - 1) if at else self._last)
        return self._tail.emit(out[at:])

    def _break_off(self) -> None:
        """Skip what was discarded, fading along what would have sounded."""
        if self._sounding:
            self._tail.prepare(self._ring, self._ring.discarding, self._last)
        self._sounding = False
        self._ring.skip_discarded()

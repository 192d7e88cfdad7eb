"""The shapes of a source and a sink of sound; whatever fits them can be attached to a connection.

Mono int16 throughout. No device is opened here. Times are seconds of one clock,
`time.monotonic`, which is also the event loop's.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from ..audio.pcm import Samples

__all__ = [
    "AudioSink",
    "AudioSource",
    "Captured",
    "DeviceChange",
    "Direction",
    "LiveSource",
    "Pull",
    "SoundHook",
    "WatchedDevice",
]

Direction = Literal["input", "output"]


class Pull(Protocol):
    """What a sink calls for each block: `audio.player.Player.pull` is one."""

    def __call__(self, out: Samples, latency: float | None = None, /) -> int:
        """Fill `out` with the next block; returns how many of its frames are audio and not silence.

        `latency` is the time in seconds until the first frame of the block is
        heard, if the device knows it. Called on the device's own thread; never
        raises and never waits.
        """


class AudioSource(Protocol):
    """Where sound comes from. All calls are made on one thread, which none of them keeps waiting."""

    @property
    def rate(self) -> int:
        """Frames a second."""

    @property
    def exhausted(self) -> bool:
        """Whether nothing more will ever come, all having been read. A microphone never is."""

    def read_available(self) -> Samples:
        """The frames that came since the last call, possibly none; the caller's to keep.

        A source that is not bound to real time gives the next piece with each
        call: read until it gives none, as fast as they can be used.
        """

    def close(self) -> None:
        """Let go of the device or file. Closing twice is harmless."""


class AudioSink(Protocol):
    """Where sound goes. It asks for what it plays, on a thread of its own."""

    @property
    def rate(self) -> int:
        """Frames a second; a `Player` for this sink needs the same."""

    @property
    def latency(self) -> float:
        """Seconds from a block's hand-over until it has been heard, as far as is known."""

    def start(self, pull: Pull) -> None:
        """Call `pull` for each block until `stop`. Raises `AudioError` if it cannot, or runs already."""

    def stop(self) -> None:
        """Ask for no more blocks; on return the thread is gone.

        Raises `AudioError` for what went wrong on that thread. Stopping twice is harmless.
        """


class Captured(NamedTuple):
    """A stretch without a hole in it: its samples, and when the first of them was in the air.

    `gap` is how many frames before it were captured or due, and are lost.
    """

    samples: Samples
    at: float
    gap: int = 0

    def until(self, rate: int) -> float:
        """When its last sample was in the air."""
        return self.at + len(self.samples) / rate

    def since(self, time: float, rate: int) -> Captured:
        """The part of it that is no older than `time`. What is left out is no gap: it was not wanted."""
        # A thousandth of a frame is no time: clocks are floats.
        skip = min(len(self.samples), max(0, math.ceil((time - self.at) * rate - 0.001)))
        return Captured(self.samples[skip:], self.at + skip / rate, 0 if skip else self.gap)


@runtime_checkable
class LiveSource(AudioSource, Protocol):
    """A source that hears its surroundings whether or not anybody reads: a microphone.

    It keeps the latest seconds only. Nothing of it is sent that is older than what was asked for,
    nor, in half duplex, while a loudspeaker sounds.
    """

    in_use: bool
    """Set while what it hears is wanted: it is then not interrupted for another device's sake."""

    def read_captured(self) -> Captured:
        """As `read_available`, with the time. Empty, `at` is the time up to which everything was read."""


class DeviceChange(NamedTuple):
    """A device was lost, or is back. `away` is for how many seconds it was gone."""

    kind: Literal["lost", "restored"]
    device: str
    direction: Direction
    reason: str = ""
    away: float = 0.0


@runtime_checkable
class WatchedDevice(Protocol):
    """A source or sink that can disappear and come back."""

    @property
    def lost(self) -> bool:
        """Whether it is gone at present."""

    @property
    def fault(self) -> Exception | None:
        """The last exception on its own thread, where it became silence."""

    def check(self, now: float) -> DeviceChange | None:
        """Look whether it still works; call it every 20 ms or so. Never waits, never raises.

        What is lost is looked for in the background, and reopened when it is back.
        """


class SoundHook(Protocol):
    """Hears everything that is played and captured, on one clock: what an echo canceller needs.

    Both are called on the event loop's thread, every 20 ms or so, what was played
    first. `at` says when the first sample was, or will be, in the air. Arrays are
    the hook's to keep and not to change.
    """

    def played(self, samples: Samples, at: float, rate: int) -> None:
        """What left the ring for the device: fades and the silence between included."""

    def captured(self, samples: Samples, at: float, rate: int) -> Samples:
        """What the source gave; returns what is to be sent in its place (`samples` itself, say)."""

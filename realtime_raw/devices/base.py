"""The shapes of a source and a sink of sound; whatever fits them can be attached to a connection.

Mono int16 throughout. No device is opened here.
"""

from __future__ import annotations

from typing import Protocol

from ..audio.pcm import Samples

__all__ = ["AudioSink", "AudioSource", "Pull"]


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

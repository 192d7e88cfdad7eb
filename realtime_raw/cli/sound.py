"""The microphone and the loudspeaker of a session: devices, files in their place, or none.

A device is named by its number or a part of its name, a file as `file:PATH`,
and `none` is none. What a device is, `devices` knows; here is only which.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..errors import AudioError, MissingExtra
from .output import Output

if TYPE_CHECKING:
    from .. import RealtimeConnection
    from ..audio.levels import Levels
    from ..audio.pcm import Samples
    from ..devices.base import AudioSink, AudioSource

__all__ = ["FileMicrophone", "Sound", "Talk", "Talking", "open_sound"]

T = TypeVar("T")

_FILE = "file:"
_NONE = "none"


class Talk(Protocol):
    """What was said between the two presses of a key."""

    @property
    def ms(self) -> float:
        """How long it was, the pre-roll included."""

    @property
    def levels(self) -> Levels:
        """How loud."""


class Talking(Protocol):
    """The push-to-talk half of an attachment, as far as it is needed here."""

    @property
    def talking(self) -> bool:
        """Whether the microphone is being sent."""

    @property
    def levels(self) -> Levels:
        """How loud the last moment was."""

    @property
    def all_zero_ms(self) -> float:
        """For how long the microphone has given nothing but zeros."""

    async def start_talking(self) -> object:
        """Begin to send, the pre-roll first."""

    async def stop_talking(self) -> Talk:
        """Send the rest."""

    async def discard(self) -> object:
        """Drop what was said."""


class FileMicrophone:
    """An `AudioSource` that says a file each time `begin` is called, and is silent otherwise.

    In real time, as a microphone is. Raises as `load_audio`.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        from ..devices.files import load_audio

        loaded = load_audio(path)
        self.note = loaded.note
        self.rate: int = loaded.rate
        self._samples = loaded.samples
        self._clock = clock
        self._given = 0
        self._started: float | None = None
        self._at = len(self._samples)
        self._closed = False

    @property
    def exhausted(self) -> bool:
        """Never, until it is closed: a microphone goes on."""
        return self._closed

    def begin(self) -> None:
        """Say the file from its beginning."""
        self._at = 0

    def read_available(self) -> Samples:
        """What a microphone would have given since the last call."""
        import numpy as np

        now = self._clock()
        if self._started is None:
            self._started = now
        due = int((now - self._started) * self.rate) - self._given
        self._given += due
        out = np.zeros(due, np.int16)
        said = self._samples[self._at : self._at + due]
        out[: len(said)] = said
        self._at += len(said)
        return out

    def close(self) -> None:
        """Give nothing more."""
        self._closed = True


class Sound:
    """What a session hears with and speaks through; either may be missing."""

    def __init__(self, source: AudioSource | None, sink: AudioSink | None) -> None:
        self.source = source
        self.sink = sink
        self.talking: Talking | None = None

    def attach(self, conn: RealtimeConnection, *, preroll_ms: float, full_duplex: bool) -> None:
        """Join both to the session. Raises as `conn.attach`."""
        if self.source is None and self.sink is None:
            return
        attachment = conn.attach(
            source=self.source,
            sink=self.sink,
            push_to_talk=True,
            preroll_ms=preroll_ms,
            full_duplex=full_duplex,
        )
        self.talking = attachment if self.source is not None else None

    async def start_talking(self) -> None:
        """Begin a turn."""
        assert self.talking is not None
        await self.talking.start_talking()
        if isinstance(self.source, FileMicrophone):
            self.source.begin()

    def close(self) -> None:
        """Let go of the devices; a file that was written gets its name."""
        for device in (self.source, self.sink):
            close = getattr(device, "close", None)
            if close is not None:
                close()


def open_sound(microphone: str | None, speaker: str | None, out: Output) -> Sound:
    """Both devices as named, by default the system's own; one that cannot be had is said and left out.

    Raises `AudioError` for one that was asked for by name and cannot be had.
    """
    source = _try(microphone, _microphone, "microphone", out)
    try:
        return Sound(source, _try(speaker, _speaker, "loudspeaker", out))
    except BaseException:
        if source is not None:
            source.close()
        raise


def _try(name: str | None, make: Callable[[str | None], T], what: str, out: Output) -> T | None:
    if name == _NONE:
        return None
    try:
        return make(name)
    except (AudioError, MissingExtra) as exc:
        if name is not None:
            raise
        out.say(f"no {what}: {exc}")
        return None


def _microphone(name: str | None) -> AudioSource:
    if name is not None and name.startswith(_FILE):
        return FileMicrophone(name.removeprefix(_FILE))
    from ..devices.portaudio import Microphone

    return Microphone(_index(name))


def _speaker(name: str | None) -> AudioSink:
    if name is not None and name.startswith(_FILE):
        from ..devices.files import FileSink

        return FileSink(name.removeprefix(_FILE))
    from ..devices.portaudio import Speaker

    return Speaker(_index(name))


def _index(name: str | None) -> int | str | None:
    return int(name) if name is not None and name.isdecimal() else name

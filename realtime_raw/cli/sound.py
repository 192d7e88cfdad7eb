"""The microphone and the loudspeaker of a session: devices, files in their place, or none.

A device is named by its number or a part of its name, a file as `file:PATH`,
and `none` is none. What a device is, `devices` knows; here is only which.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from ..errors import AudioError, MissingExtra
from .output import Output
from .patience import within

if TYPE_CHECKING:
    from .. import RealtimeConnection
    from ..aio.audio_pumps import Attachment
    from ..audio.pcm import Samples
    from ..devices.base import AudioSink, AudioSource, Captured

__all__ = ["FileMicrophone", "Sound", "open_listener", "open_sound"]

T = TypeVar("T")

_FILE = "file:"
_NONE = "none"
# How often playback is looked at: often enough for an ear.
_LOOK_S = 0.02


class FileMicrophone:
    """A `LiveSource` that says a file each time `begin` is called, and is silent otherwise.

    In real time, as a microphone is. Raises as `load_audio`. `clock` is the
    event loop's.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        from ..devices.files import load_audio

        loaded = load_audio(path)
        self.in_use = False
        self.rate: int = loaded.rate
        self._samples = loaded.samples
        self._clock = clock
        self._read_until = clock()
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
        """What a microphone would have heard since the last call."""
        return self.read_captured().samples

    def read_captured(self) -> Captured:
        """The same with the time of its first frame."""
        import numpy as np

        from ..devices.base import Captured

        since = self._read_until
        due = max(0, int((self._clock() - since) * self.rate + 0.001))  # clocks are floats
        self._read_until += due / self.rate
        out = np.zeros(due, np.int16)
        said = self._samples[self._at : self._at + due]
        out[: len(said)] = said
        self._at += len(said)
        return Captured(out, since)

    def close(self) -> None:
        """Hear nothing more."""
        self._closed = True


class Sound:
    """What a session hears with and speaks through; either may be missing.

    `fixed` says that the loudspeaker was asked for by name, so that no session
    begins without it. `stream` is what the sink writes to and does not close.
    """

    def __init__(
        self,
        source: AudioSource | None = None,
        sink: AudioSink | None = None,
        *,
        fixed: bool = False,
        stream: BinaryIO | None = None,
    ) -> None:
        self.source = source
        self.sink = sink
        self.talking: Attachment | None = None
        self._fixed = fixed
        self._stream = stream

    def attach(self, conn: RealtimeConnection, out: Output, *, preroll_ms: float, full_duplex: bool) -> None:
        """Join both to the session. Raises as `conn.attach`, unless it can go on without the loudspeaker."""
        if self.source is None and self.sink is None:
            return
        try:
            attachment = self._attach(conn, preroll_ms, full_duplex)
        except (AudioError, MissingExtra) as exc:
            if self.sink is None or self._fixed:
                raise
            out.say(f"no loudspeaker: {exc}")
            self.sink = None
            self.attach(conn, out, preroll_ms=preroll_ms, full_duplex=full_duplex)
            return
        self.talking = attachment if self.source is not None else None

    def _attach(self, conn: RealtimeConnection, preroll_ms: float, full_duplex: bool) -> Attachment:
        return conn.attach(
            source=self.source,
            sink=self.sink,
            push_to_talk=self.source is not None,
            preroll_ms=preroll_ms,
            full_duplex=full_duplex,
        )

    @property
    def deaf(self) -> bool:
        """Whether the microphone is lost at present."""
        return _lost(self.source)

    async def start_talking(self) -> None:
        """Begin a turn; what sounds is interrupted."""
        assert self.talking is not None
        await self.talking.start_talking()
        if isinstance(self.source, FileMicrophone):
            self.source.begin()

    async def heard_out(self, conn: RealtimeConnection) -> None:
        """Wait until what is being played has been heard, while there is anything to hear it with."""
        sink = self.sink
        while sink is not None and conn.player.playing and not _lost(sink):  # noqa: ASYNC110  # it rings no bell
            await asyncio.sleep(_LOOK_S)

    def close(self) -> None:
        """Let go of the devices; a file that was written gets its name. Call it after the session."""
        for device in (self.source, self.sink, self._stream):
            close = getattr(device, "close", None)
            if close is not None:
                close()


def _lost(device: object) -> bool:
    from ..devices.base import WatchedDevice

    return isinstance(device, WatchedDevice) and device.lost


def open_sound(microphone: str | None, speaker: str | None, out: Output) -> Sound:
    """Both devices as named, by default the system's own; one that cannot be had is said and left out.

    Raises `AudioError` for one that was asked for by name and cannot be had.
    """
    source = _try(microphone, _microphone, "microphone", out)
    try:
        return Sound(source, _try(speaker, _speaker, "loudspeaker", out), fixed=speaker is not None)
    except BaseException:
        if source is not None:
            source.close()
        raise


def open_listener(speaker: str | None) -> Sound:
    """Only a loudspeaker, as named; without a name one nobody hears, which takes its time all the same.

    Raises `AudioError` for one that cannot be had.
    """
    if speaker is not None:
        return Sound(None, None if speaker == _NONE else _speaker(speaker), fixed=True)
    from ..devices.files import FileSink

    nowhere = open(os.devnull, "wb")  # noqa: SIM115  # `Sound.close` closes it
    return Sound(None, FileSink(nowhere), fixed=True, stream=nowhere)


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

    return within(lambda: Microphone(_index(name)), "opening the microphone")


def _speaker(name: str | None) -> AudioSink:
    if name is not None and name.startswith(_FILE):
        from ..devices.files import FileSink

        return FileSink(name.removeprefix(_FILE))
    from .loudspeaker import Loudspeaker

    return within(lambda: Loudspeaker(_index(name)), "opening the loudspeaker")


def _index(name: str | None) -> int | str | None:
    return int(name) if name is not None and name.isdecimal() else name

"""Files in the place of a microphone and a loudspeaker.

`load_audio` and `AudioWriter` are the two to use directly; `FileSource` and
`FileSink` give them the shape of devices, in real time or as fast as the other
side can take it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import BinaryIO

from ..audio.pcm import WIRE_RATE, Samples, frames_of
from ..errors import AudioError
from .base import Pull
from .pacing import BlockThread
from .reading import Converted, LoadedAudio, load_audio, load_stream
from .writing import AudioWriter

__all__ = [
    "AudioWriter",
    "Converted",
    "FileSink",
    "FileSource",
    "LoadedAudio",
    "load_audio",
    "load_stream",
]


class FileSource:
    """An `AudioSource` that plays a file (a path, or what `load_audio` returned) once.

    `paced`, `read_available` gives what a microphone would have by now, from
    its first call on; else the next `chunk_ms` with each call. Raises as
    `load_audio`. `audio.note` says what was converted.
    """

    def __init__(
        self,
        audio: str | os.PathLike[str] | LoadedAudio,
        *,
        rate: int = WIRE_RATE,
        paced: bool = False,
        chunk_ms: float = 100,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.audio = audio if isinstance(audio, LoadedAudio) else load_audio(audio, rate=rate)
        self._chunk = max(1, frames_of(chunk_ms, self.audio.rate))
        self._paced = paced
        self._clock = clock
        self._started: float | None = None
        self._at = 0

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self.audio.rate

    @property
    def exhausted(self) -> bool:
        """Whether everything was read, or the source closed."""
        return self._at >= len(self.audio.samples)

    def read_available(self) -> Samples:
        """The next frames; none if none are due, or at the end."""
        until = self._at + self._chunk
        if self._paced:
            now = self._clock()
            if self._started is None:
                self._started = now
            until = int((now - self._started) * self.rate)
        piece = self.audio.samples[self._at : until]
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Give nothing more."""
        self._at = len(self.audio.samples)


class FileSink:
    """An `AudioSink` that writes what it plays to `target` (see `AudioWriter`, which opens it at once).

    `paced`, a block every `block_ms` in real time, silence included: what an
    ear beside a loudspeaker would have recorded. Else blocks as fast as there
    is sound, without the silence between: a player must be fed faster than
    that, as what is late counts as an underrun.

    `close` gives the file its name; leaving it out, or `abort`, leaves none.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | BinaryIO,
        *,
        rate: int = WIRE_RATE,
        paced: bool = True,
        block_ms: float = 20,
    ) -> None:
        self.writer = AudioWriter(target, rate=rate)
        self._rate = rate
        self._paced = paced
        self._block = max(1, frames_of(block_ms, rate))
        self._thread: BlockThread | None = None

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self._rate

    @property
    def latency(self) -> float:
        """0: what is written is heard."""
        return 0.0

    def start(self, pull: Pull) -> None:
        """Write what `pull` gives until `stop`. Raises `AudioError` if started already."""
        if self._thread is not None:
            raise AudioError("the sink is started already", hint="stop it first")
        self._thread = BlockThread(
            pull,
            lambda block, _: self.writer.write(block),
            block=self._block,
            rate=self._rate,
            paced=self._paced,
        )

    def stop(self) -> None:
        """End the thread. Raises `AudioError` if writing failed meanwhile. It may be started again."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    def close(self) -> None:
        """Stop, and finish the file. Raises `AudioError` if writing failed; then there is none."""
        try:
            self.stop()
        except BaseException:
            self.writer.abort()
            raise
        self.writer.close()

    def abort(self) -> None:
        """Stop, and leave no file."""
        try:
            self.stop()
        finally:
            self.writer.abort()

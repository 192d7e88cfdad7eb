"""`StereoFile`: a two-channel WAV whose channels are written apart, each wherever it belongs.

What was said is known only once it was committed, while the answer may already
sound: so both are placed by their frame numbers, in any order, and nothing is
kept in memory. The file can be played at every moment; a recording that is
killed loses its last second at most.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final, Literal

import numpy as np

from ..audio.pcm import Samples
from ..errors import AudioError
from ..text import printable
from .wav import pack_header

__all__ = ["LEFT", "RIGHT", "StereoFile"]

LEFT: Final = 0
RIGHT: Final = 1

_HEADER: Final = len(pack_header(0, 8000, channels=2))
_WIDTH: Final = 4  # bytes a frame
_LONGEST: Final = (2**32 - 1 - 36) // _WIDTH  # frames that 32-bit lengths can tell of


class StereoFile:
    """A WAV file of two 16-bit channels at `rate`, made anew at `path`.

    Raises `AudioError` if there is a file already, or it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], rate: int) -> None:
        self.path = Path(path)
        self.rate = rate
        self._name = printable(os.fspath(path))
        self._frames = 0
        self._told = 0  # frames that the header speaks of
        try:
            self._file = open(path, "x+b")  # noqa: SIM115  # open until `close`
            self._tell()
        except OSError as exc:
            raise self._failed(exc) from exc

    @property
    def frames(self) -> int:
        """How long it is so far: the end of the channel that reaches further."""
        return self._frames

    def write(self, channel: Literal[0, 1], at: int, samples: Samples) -> None:
        """Put `samples` (int16, shape `(frames,)`) into a channel from frame `at` on, over what is there.

        Raises `AudioError` if writing fails, after `close`, and past 4 GiB.
        """
        if not len(samples):
            return
        if at < 0 or at + len(samples) > _LONGEST:
            raise AudioError(f"{self._name} cannot hold frame {at}", hint="a WAV file ends at 4 GiB")
        if self._file.closed:
            raise AudioError(f"{self._name} is closed", hint="begin another recording")
        try:
            self._merge(channel, _HEADER + _WIDTH * at, samples)
            self._frames = max(self._frames, at + len(samples))
            if self._frames - self._told >= self.rate:
                self._tell()
        except OSError as exc:
            raise self._failed(exc) from exc

    def _merge(self, channel: int, place: int, samples: Samples) -> None:
        frames = np.zeros((len(samples), 2), "<i2")
        self._file.seek(place)
        there = np.frombuffer(self._file.read(frames.nbytes), np.uint8)
        frames.reshape(-1).view(np.uint8)[: len(there)] = there
        frames[:, channel] = samples
        self._file.seek(place)
        self._file.write(frames.tobytes())

    def _tell(self) -> None:
        """Let the header say how much there is."""
        self._file.seek(0)
        self._file.write(pack_header(self._frames, self.rate, channels=2))
        self._file.flush()
        self._told = self._frames

    def close(self) -> None:
        """Finish the file. Closing twice is harmless. Raises `AudioError` if it cannot be finished."""
        if self._file.closed:
            return
        try:
            self._tell()
            self._file.close()
        except OSError as exc:
            with contextlib.suppress(OSError):
                self._file.close()
            raise self._failed(exc) from exc

    def _failed(self, exc: OSError) -> AudioError:
        hint = "choose another directory" if isinstance(exc, FileExistsError) else None
        return AudioError(f"cannot write {self._name}: {exc.strerror or exc}", hint=hint)

"""`AudioWriter`: audio into a file that is whole or not there.

What is written goes into a file beside the target and takes its name at the
end, so an interrupted turn leaves an earlier answer as it was. Whether that can
work is found out on opening, before anything was spoken.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import numpy as np
import numpy.typing as npt

from ..audio.pcm import WIRE_RATE, OddByteCarry, to_int16, to_pcm16
from ..errors import AudioError, MissingExtra
from ..text import printable
from .reading import RAW_SUFFIXES
from .wav import pack_header

__all__ = ["AudioWriter"]

_BINARY = getattr(os, "O_BINARY", 0)  # Windows only
_LONGEST_WAV = (2**32 - 1 - 36) // 2  # frames that its 32-bit lengths can tell of


class _Encoder(Protocol):
    """Makes 16-bit bytes into a format."""

    def write(self, pcm: bytes | memoryview) -> None:
        """Add whole samples."""

    def finish(self) -> None:
        """Write what can only be known at the end. The file stays open."""


class _Raw:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, pcm: bytes | memoryview) -> None:
        self._file.write(pcm)

    def finish(self) -> None:
        self._file.flush()


class _Pipe(_Raw):
    """Whoever listens at the other end should not wait until a buffer of ours is full."""

    def write(self, pcm: bytes | memoryview) -> None:
        self._file.write(pcm)
        self._file.flush()


class _Wav:
    def __init__(self, file: BinaryIO, rate: int) -> None:
        self._file = file
        self._rate = rate
        self._frames = 0
        file.write(pack_header(0, rate))

    def write(self, pcm: bytes | memoryview) -> None:
        self._frames += len(pcm) // 2
        if self._frames > _LONGEST_WAV:
            raise AudioError("a WAV file holds no more than 4 GiB", hint="write FLAC or raw PCM")
        self._file.write(pcm)

    def finish(self) -> None:
        self._file.seek(0)
        self._file.write(pack_header(self._frames, self._rate))
        self._file.flush()


class _SoundFile:
    """Any other format, by soundfile. It opens `path` itself, so that a full disk is its to report."""

    def __init__(self, path: Path, rate: int, suffix: str) -> None:
        try:
            import soundfile
        except (ImportError, OSError) as exc:  # OSError: the package is there and its library is not
            raise MissingExtra("audio", f"writing {suffix} files") from exc
        self._fault: type[Exception] = soundfile.SoundFileError
        try:
            self._sound = soundfile.SoundFile(str(path), "w", rate, 1, format=suffix[1:].upper())
        except (soundfile.SoundFileError, ValueError) as exc:
            raise AudioError(
                f"a file named {suffix or 'without a suffix'} at {rate} Hz cannot be written",
                hint="name it .wav, .flac, .ogg, .mp3 or .pcm",
            ) from exc

    def write(self, pcm: bytes | memoryview) -> None:
        try:
            self._sound.write(np.frombuffer(pcm, "<i2"))
        except self._fault as exc:
            raise OSError(str(exc)) from exc

    def finish(self) -> None:
        try:
            self._sound.close()
        except self._fault as exc:
            raise OSError(str(exc)) from exc


class AudioWriter:
    """Writes mono 16-bit audio at `rate` to `target`: a path, or an open binary stream for raw PCM.

    The suffix says the format: `.wav`, `.pcm` and `.raw` need nothing else,
    others soundfile. Use it in a `with` block: left normally it `close`s, left
    by an exception it `abort`s. Raises `AudioError` at once if `target` cannot
    be written, and `MissingExtra` if its format needs soundfile. A stream is
    flushed and left open.
    """

    def __init__(self, target: str | os.PathLike[str] | BinaryIO, *, rate: int = WIRE_RATE) -> None:
        self._carry = OddByteCarry()
        self._frames = 0
        self._rate = rate
        self._place: _Place | None = None
        self._encoder: _Encoder
        if isinstance(target, (str, os.PathLike)):
            self._place = _Place(target)
            try:
                self._encoder = _encoder_for(self._place, rate)
            except BaseException:
                self._place.leave()
                raise
        else:
            self._encoder = _Pipe(target)
        self._name = self._place.name if self._place else "the output"
        self._open = True

    @property
    def frames(self) -> int:
        """Frames written so far."""
        return self._frames

    @property
    def seconds(self) -> float:
        """How long that lasts."""
        return self._frames / self._rate

    def write(self, audio: bytes | bytearray | memoryview | npt.NDArray[np.generic]) -> None:
        """Add samples: an int16 or float32 array, or 16-bit bytes cut anywhere.

        Raises `AudioError` for other audio, if the writer is closed, and if
        writing fails (disk full, stream closed), which is an `abort`.
        """
        if not self._open:
            raise AudioError("the writer is closed", hint="open another one")
        if isinstance(audio, np.ndarray):
            pcm = to_pcm16(to_int16(audio))
        else:
            pcm = self._carry.join(to_pcm16(audio))
        with self._all_or_nothing():
            self._encoder.write(pcm)
        self._frames += len(pcm) // 2

    def close(self) -> None:
        """Finish, and give the file its name. Raises `AudioError` if that fails; nothing is left then.

        Closing twice is harmless, and so is closing after a failure.
        """
        if not self._open:
            return
        with self._all_or_nothing():
            self._encoder.finish()
            if self._place is not None:
                self._place.take()
        self._open = False

    def abort(self) -> None:
        """Forget everything: the target stays as it was. Harmless after `close`."""
        if not self._open:
            return
        self._open = False
        if self._place is not None:
            # soundfile holds the file open until it has finished.
            with contextlib.suppress(Exception):
                self._encoder.finish()
            self._place.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    @contextlib.contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as exc:  # ValueError: the stream was closed by somebody
            self.abort()
            raise AudioError(f"cannot write {self._name}: {_reason(exc)}") from exc


class _Place:
    """A target's path, and the file beside it that will take its name."""

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self.name = printable(os.fspath(target)) or "a file without a name"
        try:
            # Through links, or the rename would replace the link.
            self._target = Path(os.path.realpath(target, strict=False))
            mode = self._check()
            self.part = self._target.with_name(f".{self._target.name[:64]}.{secrets.token_hex(4)}.part")
            descriptor = os.open(self.part, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        except (OSError, ValueError) as exc:
            raise AudioError(f"cannot write {self.name}: {_reason(exc)}") from exc
        self.file: BinaryIO = os.fdopen(descriptor, "w+b")
        if mode is not None:
            # A recording that was private stays so.
            with contextlib.suppress(OSError):
                os.chmod(self.part, mode)

    @property
    def suffix(self) -> str:
        return self._target.suffix.lower()

    def _check(self) -> int | None:
        """The mode of the file that is there already, if any; raises if it cannot be replaced."""
        try:
            status = self._target.stat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise AudioError(f"cannot write {self.name}: it is {kind}", hint="give the name of a file")
        if not os.access(self._target, os.W_OK):
            raise AudioError(f"cannot write {self.name}: it is read-only", hint="give another name")
        return stat.S_IMODE(status.st_mode)

    def take(self) -> None:
        """Give what was written the target's name."""
        self.file.close()
        os.replace(self.part, self._target)

    def leave(self) -> None:
        """Remove what was written, unless it took its place."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self.part.unlink(missing_ok=True)


def _encoder_for(place: _Place, rate: int) -> _Encoder:
    if place.suffix == ".wav":
        return _Wav(place.file, rate)
    if place.suffix in RAW_SUFFIXES:
        return _Raw(place.file)
    return _SoundFile(place.part, rate, place.suffix)


def _reason(exc: OSError | ValueError) -> str:
    return (exc.strerror if isinstance(exc, OSError) else None) or str(exc)

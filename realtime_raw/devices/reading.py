"""Any audio file as mono int16 at one rate, with a note of what was done to it.

16-bit WAV and raw PCM need nothing but numpy; everything else is read by
soundfile, and another rate is converted by soxr (both extra `audio`). A file
is read whole, so that whatever is wrong with it is known before it is used.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from ..audio.pcm import WIRE_RATE, Samples, ms_of, to_int16
from ..audio.resample import Resampler
from ..errors import AudioError, MissingExtra
from ..text import printable
from .wav import PCM, is_wav, read_header

__all__ = ["LONGEST", "RAW_SUFFIXES", "Converted", "LoadedAudio", "load_audio", "load_stream"]

RAW_SUFFIXES = frozenset({".pcm", ".raw"})
"""Files that are taken for raw 16-bit little-endian mono at the rate asked for."""

LONGEST = 4 * 3600
"""Seconds. A session ends after one hour (API reference); a few packed bytes can claim days."""

_RATES = range(2_000, 768_001)
_BLOCK = 1 << 16  # frames read at once

_Block = npt.NDArray[np.int16] | npt.NDArray[np.float32]  # shape (frames, channels)


@dataclass(frozen=True, slots=True)
class Converted:
    """What was converted into what. Printed, it is a note for people."""

    from_rate: int
    channels: int
    encoding: str
    to_rate: int = WIRE_RATE

    def __str__(self) -> str:
        return (
            f"converted {self.from_rate / 1000:g} kHz {_channels(self.channels)} ({self.encoding}) "
            f"to {self.to_rate / 1000:g} kHz mono"
        )


@dataclass(frozen=True, slots=True)
class LoadedAudio:
    """A file's audio: mono int16 at `rate`.

    `converted` is None if the file was just that; `missing_ms` is how much
    less it holds than its header says.
    """

    samples: Samples
    rate: int
    converted: Converted | None = None
    missing_ms: int = 0

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate

    @property
    def note(self) -> str:
        """What a person should know about how it was read; empty if nothing."""
        notes = [str(self.converted)] if self.converted else []
        if self.missing_ms:
            notes.append(f"the file ends {self.missing_ms} ms before its header says")
        return "; ".join(notes)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file opened for reading, by whichever reader."""

    rate: int
    channels: int
    encoding: str
    blocks: Iterator[_Block]
    frames: int | None = None  # as the header says


def load_audio(path: str | os.PathLike[str], *, rate: int = WIRE_RATE) -> LoadedAudio:
    """Read the file at `path` whole and convert it to mono at `rate`.

    Raises `AudioError` if it is missing, empty, not audio, cut off, longer than
    `LONGEST`, or has samples that are not numbers; `MissingExtra` if soundfile
    or soxr is needed and not installed.
    """
    name = printable(os.fspath(path))
    try:
        with open(path, "rb") as stream:
            if Path(path).suffix.lower() in RAW_SUFFIXES:
                return load_stream(stream, rate=rate, name=name)
            # A pipe cannot be looked at twice.
            return _load(stream if stream.seekable() else _all_of(stream, name, rate), name, rate)
    except OSError as exc:
        raise AudioError(f"cannot read {name}: {exc.strerror or exc}") from exc


def load_stream(stream: BinaryIO, *, rate: int = WIRE_RATE, name: str = "the input") -> LoadedAudio:
    """Read `stream` to its end as raw 16-bit little-endian mono at `rate`, or as WAV if it begins like one.

    Half a sample at the end is dropped. Raises as `load_audio`.
    """
    whole = _all_of(stream, name, rate)
    data = whole.getvalue()
    if is_wav(data):
        return _load(whole, name, rate)
    if len(data) < 2:
        raise _empty(name)
    samples = np.frombuffer(data[: len(data) & ~1], "<i2").astype(np.int16, copy=False)
    return LoadedAudio(samples, rate)


def _all_of(stream: BinaryIO, name: str, rate: int) -> io.BytesIO:
    most = 2 * LONGEST * rate
    data = stream.read(most + 1)
    if len(data) > most:
        raise _too_long(name)
    return io.BytesIO(data)


def _load(stream: BinaryIO, name: str, rate: int) -> LoadedAudio:
    opened = _open(stream, name)
    if opened.channels < 1 or opened.rate not in _RATES:
        raise AudioError(
            f"{name} says it has {_channels(opened.channels)} at {opened.rate} Hz",
            hint=f"mono at {WIRE_RATE} Hz is best; {_RATES[0]} to {_RATES[-1]} Hz can be converted",
        )
    resampler = Resampler(opened.rate, rate) if opened.rate != rate else None
    pieces, frames = [], 0
    for block in opened.blocks:
        mono = _mono(block, name, frames / opened.rate)
        pieces.append(resampler.process(mono) if resampler else to_int16(mono))
        frames += len(block)
        if frames > LONGEST * opened.rate:
            raise _too_long(name)
    if not frames:
        raise _empty(name)
    if resampler:
        pieces.append(resampler.flush())
    plain = (opened.rate, opened.channels, opened.encoding) == (rate, 1, "PCM_16")
    missing = max(0, (opened.frames or 0) - frames)
    return LoadedAudio(
        np.concatenate(pieces),
        rate,
        None if plain else Converted(opened.rate, opened.channels, opened.encoding, rate),
        int(ms_of(missing, opened.rate)),
    )


def _mono(block: _Block, name: str, at: float) -> npt.NDArray[np.int16] | npt.NDArray[np.float32]:
    if block.dtype == np.float32:
        if not np.isfinite(block).all():
            raise AudioError(
                f"{name} has samples that are NaN or infinite after {at:.1f} s",
                hint="mend whatever wrote it, or save it as 16-bit PCM",
            )
    elif block.shape[1] > 1:
        block = block.astype(np.float32) / np.float32(32768)
    return block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)


def _open(stream: BinaryIO, name: str) -> _Opened:
    head = stream.read(12)
    stream.seek(0)
    if not head:
        raise _empty(name)
    if not is_wav(head):
        return _open_with_soundfile(stream, name)
    header = read_header(stream, name)
    if header.tag != PCM or header.bits != 16 or not header.channels:
        stream.seek(0)
        if header.channels and header.rate in _RATES:
            return _open_with_soundfile(stream, name)
        return _Opened(header.rate, header.channels, "", iter(()))
    width = 2 * header.channels
    blocks = _pcm_blocks(stream, header.channels, header.data_bytes)
    frames = None if header.data_bytes is None else header.data_bytes // width
    return _Opened(header.rate, header.channels, "PCM_16", blocks, frames)


def _pcm_blocks(stream: BinaryIO, channels: int, size: int | None) -> Iterator[_Block]:
    width = 2 * channels
    left = size if size is not None else 1 << 62
    while data := stream.read(min(left, _BLOCK * width)):
        left -= len(data)
        whole = len(data) - len(data) % width
        yield np.frombuffer(data[:whole], "<i2").astype(np.int16, copy=False).reshape(-1, channels)


def _open_with_soundfile(stream: BinaryIO, name: str) -> _Opened:
    try:
        import soundfile
    except (ImportError, OSError) as exc:  # OSError: the package is there and its library is not
        raise MissingExtra("audio", f"reading {name}, which is not 16-bit WAV,") from exc
    try:
        file = soundfile.SoundFile(stream)
    except soundfile.SoundFileError as exc:
        raise AudioError(
            f"{name} is not audio that can be read", hint="WAV, FLAC, Ogg, MP3, AIFF and others are"
        ) from exc
    exact = file.format != "MP3"  # where a frame count may be an estimate
    blocks = _soundfile_blocks(file, name)
    return _Opened(file.samplerate, file.channels, file.subtype, blocks, file.frames if exact else None)


class _SoundFile(Protocol):
    """What we use of `soundfile.SoundFile`."""

    def read(self, frames: int, *, dtype: str, always_2d: bool) -> _Block:
        """Up to `frames` frames; fewer at the end."""


def _soundfile_blocks(file: _SoundFile, name: str) -> Iterator[_Block]:
    import soundfile

    try:
        # Exact for 16 bits as well: they are divided by what `to_int16` multiplies by.
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            yield block
    except soundfile.SoundFileError as exc:
        raise AudioError(f"{name} is damaged", hint="save it again, best as 16-bit WAV") from exc


def _channels(count: int) -> str:
    return {0: "no channels", 1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _empty(name: str) -> AudioError:
    return AudioError(f"{name} holds no audio", hint="record it again")


def _too_long(name: str) -> AudioError:
    return AudioError(f"{name} is longer than {LONGEST // 3600} hours", hint="cut it")

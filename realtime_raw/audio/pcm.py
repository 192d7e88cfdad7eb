"""Samples as bytes and back: 16-bit PCM, base64, milliseconds.

Everything that enters or leaves as audio passes one of these functions, so
wrong audio is refused here, by kind and with the remedy. No file formats, no
companding, no resampling.
"""

from __future__ import annotations

import binascii

import numpy as np
import numpy.typing as npt
import pybase64

from ..errors import AudioError

__all__ = [
    "WIRE_RATE",
    "OddByteCarry",
    "Samples",
    "b64decode",
    "b64encode",
    "frames_of",
    "from_pcm16",
    "ms_of",
    "to_int16",
    "to_pcm16",
]

WIRE_RATE = 24_000
"""Frames a second of `audio/pcm`, the only rate it has (API reference)."""

Samples = npt.NDArray[np.int16]
"""Mono samples in the machine's byte order, shape `(frames,)`."""

_WIRE_DTYPE = np.dtype("<i2")
_BYTE_FORMATS = frozenset("Bbc")
_MONO = "the wire is mono: pass one channel (`audio[:, 0]`) or their mean (`audio.mean(axis=1)`)"


def to_pcm16(
    audio: bytes | bytearray | memoryview | Samples | npt.NDArray[np.float32], *, rate: int = WIRE_RATE
) -> bytes | memoryview:
    """`audio` as little-endian 16-bit bytes, copied only where it must change.

    Takes bytes (passed on as they are, odd lengths too: see `OddByteCarry`), or
    a one-dimensional array: int16, or float32 where 1.0 is full scale, clipped
    to [-1, 1]. `rate` is what the caller says the audio has. A view returned
    shares the caller's memory: use it before that memory is written again.

    Raises `AudioError` for another rate, more than one dimension, another
    dtype, NaN or infinity, and for a WAV file's bytes.
    """
    if rate != WIRE_RATE:
        raise AudioError(
            f"the wire takes {WIRE_RATE} Hz and the audio has {rate} Hz",
            hint="convert it with realtime_raw.audio.resample.Resampler",
        )
    if isinstance(audio, np.ndarray):
        if audio.dtype == _WIRE_DTYPE and audio.ndim == 1 and audio.size and audio.flags.c_contiguous:
            return audio.data.cast("B")
        return to_int16(audio).astype("<i2", copy=False).view(np.uint8).data
    if not isinstance(audio, (bytes, bytearray, memoryview)):
        raise AudioError(
            f"audio is a {type(audio).__name__}", hint="pass bytes, or an int16 or float32 numpy array"
        )
    return _checked_bytes(audio)


def _checked_bytes(audio: bytes | bytearray | memoryview) -> bytes | memoryview:
    if isinstance(audio, memoryview):
        if not audio.c_contiguous or (audio.format not in _BYTE_FORMATS and audio.format != "h"):
            raise AudioError(
                f"the audio is a memoryview of format {audio.format!r}",
                hint="pass contiguous bytes or 16-bit samples",
            )
        audio = audio.cast("B")
    # Raw samples never begin like this by chance; a header would be played as a click.
    if audio[:4] == b"RIFF" and bytes(audio[8:12]) == b"WAVE":
        raise AudioError(
            "these bytes are a WAV file, not raw samples",
            hint="read it with realtime_raw.devices.files.load_audio",
        )
    return audio if isinstance(audio, bytes) else memoryview(audio)


def to_int16(audio: npt.NDArray[np.generic]) -> Samples:
    """A one-dimensional int16 or float32 array as contiguous int16; float32 is clipped to [-1, 1].

    int16 that is contiguous already is returned itself. Raises `AudioError` as `to_pcm16`.
    """
    if audio.ndim != 1:
        raise AudioError(f"the audio has shape {audio.shape}", hint=_MONO)
    if audio.dtype.kind == "i" and audio.dtype.itemsize == 2:
        return np.ascontiguousarray(audio, dtype=np.int16)
    if audio.dtype != np.float32:
        raise AudioError(
            f"the audio is an array of {audio.dtype}",
            hint="convert it to int16, or to float32 in [-1, 1] (`.astype(np.float32)`)",
        )
    if not np.isfinite(audio).all():
        where = int(np.argmin(np.isfinite(audio)))
        raise AudioError(
            f"the audio is NaN or infinite at frame {where}", hint="mend whatever computed it, or cut it out"
        )
    # 32768, as int16 -> float32 divides by it: the way there and back is exact.
    scaled = np.rint(np.multiply(audio, np.float32(32768), dtype=np.float32))
    clipped: Samples = np.clip(scaled, -32768, 32767).astype(np.int16)
    return clipped


def from_pcm16(data: bytes | bytearray | memoryview) -> Samples:
    """Little-endian 16-bit bytes as samples, read-only and without a copy where the machine allows.

    Raises `AudioError` for an odd number of bytes.
    """
    if len(data) % 2:
        raise AudioError(
            f"16-bit audio has an odd number of bytes ({len(data)})",
            hint="carry the last byte over to the next piece (OddByteCarry)",
        )
    return np.frombuffer(data, dtype="<i2").astype(np.int16, copy=False)


def b64encode(data: bytes | bytearray | memoryview) -> bytes:
    """Standard base64 with padding, as ASCII bytes."""
    return pybase64.b64encode(data)


def b64decode(text: str | bytes | memoryview) -> bytes:
    """The bytes of standard base64. Raises `AudioError` for anything else; nothing is skipped."""
    try:
        # Without `validate` it is slower and passes over what does not belong.
        return pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise AudioError(
            f"{len(text)} characters of audio are not base64",
            hint="the standard alphabet, padded to a multiple of four",
        ) from exc


def ms_of(frames: int, rate: int = WIRE_RATE) -> float:
    """How many milliseconds `frames` last."""
    return frames * 1000 / rate


def frames_of(ms: float, rate: int = WIRE_RATE) -> int:
    """How many frames last `ms` milliseconds, to the nearest."""
    return round(ms * rate / 1000)


class OddByteCarry:
    """Holds back the half of a sample between pieces of a 16-bit stream.

    A stream may be cut anywhere. To drop an odd byte would shift every sample
    after it by half, which sounds as noise.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    @property
    def pending(self) -> int:
        """Bytes held back: 0 or 1."""
        return len(self._held)

    def join(self, data: bytes | bytearray | memoryview) -> bytes | memoryview:
        """What was held back and `data`, of even length; what is odd is held back in turn."""
        whole: bytes | memoryview = self._held + data if self._held else memoryview(data).cast("B")
        even = len(whole) & ~1
        self._held = bytes(whole[even:])
        return whole[:even]

    def clear(self) -> None:
        """Forget the byte held back: what follows is another stream."""
        self._held = b""

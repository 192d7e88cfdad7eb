"""Audio as the wire carries it: bytes in one of three encodings, and what can be asked of them.

No buffer and no conversation here; `input_audio` and `items` hold these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..audio.g711 import G711_RATE, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from ..audio.levels import rms_dbfs
from ..audio.pcm import WIRE_RATE, Samples, b64decode, b64encode, from_pcm16
from ..errors import AudioError
from . import refusals
from .resampling import resample

__all__ = ["ENCODINGS", "Encoding", "Heard", "Sound", "decode_audio", "encode_samples"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """One of the wire's audio formats. `words` is how a refusal calls it."""

    name: str
    rate: int
    width: int
    words: str

    @property
    def bytes_per_second(self) -> int:
        return self.rate * self.width


ENCODINGS = {
    encoding.name: encoding
    for encoding in (
        Encoding("audio/pcm", WIRE_RATE, 2, "mono PCM16 at 24kHz"),
        Encoding("audio/pcmu", G711_RATE, 1, "mono G.711 mu-law at 8kHz"),
        Encoding("audio/pcma", G711_RATE, 1, "mono G.711 A-law at 8kHz"),
    )
}


class Heard(NamedTuple):
    """What can be said of a stretch of audio without understanding it.

    `dbfs` is its RMS against full scale; minus infinity is silence.
    """

    seconds: float
    dbfs: float


@dataclass(frozen=True, slots=True)
class Sound:
    """Some audio in the wire's encoding `encoding`.

    `data` may be a bytearray that still grows: an answer in progress.
    """

    encoding: str
    data: bytes | bytearray

    @property
    def ms(self) -> float:
        """Duration in milliseconds."""
        return len(self.data) * 1000 / ENCODINGS[self.encoding].bytes_per_second

    @property
    def heard(self) -> Heard:
        """How long and how loud."""
        return Heard(self.ms / 1000, rms_dbfs(self.samples()))

    def samples(self) -> Samples:
        """The samples at the encoding's own rate; half a sample at the end is dropped."""
        if self.encoding == "audio/pcmu":
            return ulaw_decode(self.data)
        if self.encoding == "audio/pcma":
            return alaw_decode(self.data)
        return from_pcm16(self.data[: len(self.data) & ~1])

    def cut(self, ms: int) -> Sound:
        """The first `ms` milliseconds."""
        encoding = ENCODINGS[self.encoding]
        return Sound(self.encoding, self.data[: ms * encoding.rate // 1000 * encoding.width])

    def converted(self, encoding: str) -> Sound:
        """The same sound in another encoding."""
        if encoding == self.encoding:
            return self
        samples = resample(self.samples(), ENCODINGS[self.encoding].rate, WIRE_RATE)
        return Sound(encoding, encode_samples(samples, encoding))

    def base64(self) -> str:
        """The bytes as the wire writes them."""
        return b64encode(self.data).decode("ascii")


def encode_samples(samples: Samples, encoding: str) -> bytes:
    """Samples at 24 kHz as bytes in `encoding`."""
    if encoding == "audio/pcm":
        return samples.astype("<i2", copy=False).tobytes()
    narrow = resample(samples, WIRE_RATE, G711_RATE)
    return ulaw_encode(narrow) if encoding == "audio/pcmu" else alaw_encode(narrow)


def decode_audio(text: str, encoding: str, path: str) -> bytes:
    """The bytes of base64 audio a client sent. Raises `Refused` naming `path` for anything else."""
    words = ENCODINGS[encoding].words
    if not text:
        raise refusals.bad_audio(path, words, empty=True)
    try:
        return b64decode(text)
    except AudioError:
        raise refusals.bad_audio(path, words, empty=False) from None

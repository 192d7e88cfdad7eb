"""The RIFF header of a WAV file: read with the reason why not, written with the right lengths.

The standard library's `wave` refuses extensible headers before Python 3.12 and
says little of what is wrong; this knows headers only, no samples.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import AudioError

__all__ = ["EXTENSIBLE", "FLOAT", "PCM", "WavHeader", "is_wav", "pack_header", "read_header"]

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
"""Format tags."""

_STREAMED = 0x7FFF0000  # lengths above say "as long as it lasts": the writer could not go back
_DAMAGED = "the file is damaged or cut off; save it again"


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What a WAV file says of itself. `data_bytes` is None where its length was not known to the writer."""

    tag: int
    channels: int
    rate: int
    bits: int
    data_bytes: int | None


def is_wav(head: bytes) -> bool:
    """Whether a file that begins with `head` (12 bytes are enough) is a WAV file."""
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"


def read_header(stream: BinaryIO, name: str) -> WavHeader:
    """Read up to the first sample, which `stream` stands at afterwards.

    `stream` is seekable and stands at the start of a WAV file. Raises
    `AudioError` if there is no format or no data in it.
    """
    stream.seek(12)
    found: tuple[int, int, int, int] | None = None
    while len(head := stream.read(8)) == 8:
        chunk, size = struct.unpack("<4sI", head)
        if chunk == b"data":
            if found is None:
                raise AudioError(f"{name} has samples before it says their format", hint=_DAMAGED)
            return WavHeader(*found, size if 0 < size < _STREAMED else None)
        if chunk == b"fmt ":
            found = _format(stream.read(size), name)
            stream.seek(size & 1, 1)
        else:
            stream.seek(size + (size & 1), 1)
    raise AudioError(f"{name} is a WAV file that ends before its samples", hint=_DAMAGED)


def _format(chunk: bytes, name: str) -> tuple[int, int, int, int]:
    if len(chunk) < 16:
        raise AudioError(f"{name} is a WAV file whose format is cut off", hint=_DAMAGED)
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        tag = int.from_bytes(chunk[24:26], "little")  # the GUID of the real format begins with its tag
    return tag, channels, rate, bits


def pack_header(frames: int, rate: int, *, channels: int = 1) -> bytes:
    """The 44 bytes before `frames` frames of 16-bit samples."""
    width = 2 * channels
    size = width * frames
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, PCM, channels, rate, width * rate, width, 16, b"data", size,
    )  # fmt: skip

"""Headers as other programs write them, and as broken ones do."""

from __future__ import annotations

import io
import struct
import wave

import pytest

from realtime_raw.devices.wav import WavHeader, is_wav, pack_header, read_header
from realtime_raw.errors import AudioError

FMT = struct.pack("<HHIIHH", 1, 1, 24_000, 48_000, 2, 16)


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WAVE"
    for name, data in chunks:
        body += name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def read(data: bytes) -> tuple[WavHeader, bytes]:
    stream = io.BytesIO(data)
    header = read_header(stream, "x.wav")
    return header, stream.read()


def test_our_header_is_what_the_standard_library_reads() -> None:
    with wave.open(io.BytesIO(pack_header(3, 24_000) + b"abcdef")) as file:
        assert file.getparams()[:4] == (1, 2, 24_000, 3)
        assert file.readframes(9) == b"abcdef"


def test_the_standard_librarys_header_is_what_we_read() -> None:
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", ""))
        file.writeframes(b"abcdefgh")
    assert read(stream.getvalue()) == (WavHeader(1, 2, 44_100, 16, 8), b"abcdefgh")


def test_other_chunks_are_passed_over() -> None:
    data = riff((b"JUNK", b"odd"), (b"fmt ", FMT + b"\0"), (b"LIST", b"INFO"), (b"data", b"ab"))
    assert read(data) == (WavHeader(1, 1, 24_000, 16, 2), b"ab")


def test_an_extensible_format_is_what_its_guid_says() -> None:
    extensible = struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 24_000, 96_000, 4, 32, 22, 32, 4, 3) + bytes(14)
    assert read(riff((b"fmt ", extensible), (b"data", b"")))[0].tag == 3


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_stream_that_could_not_go_back_has_no_length(size: int) -> None:
    data = riff((b"fmt ", FMT)) + b"data" + struct.pack("<I", size) + b"abcd"
    header, rest = read(data)
    assert (header.data_bytes, rest) == (None, b"abcd")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (riff((b"fmt ", FMT))[:-3], "x.wav is a WAV file whose format is cut off"),
        (riff((b"fmt ", FMT)), "x.wav is a WAV file that ends before its samples"),
        (riff((b"fmt ", FMT), (b"data", b""))[:-6], "x.wav is a WAV file that ends before its samples"),
        (riff(), "x.wav is a WAV file that ends before its samples"),
        (riff((b"data", b"ab"), (b"fmt ", FMT)), "x.wav has samples before it says their format"),
    ],
)
def test_what_is_broken(data: bytes, sentence: str) -> None:
    with pytest.raises(AudioError) as caught:
        read(data)
    assert str(caught.value) == f"{sentence}; the file is damaged or cut off; save it again"


def test_twelve_bytes_tell() -> None:
    assert is_wav(b"RIFF\0\0\0\0WAVE")
    assert not is_wav(b"RIFF\0\0\0\0AVI ")
    assert not is_wav(b"")

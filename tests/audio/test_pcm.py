"""Audio is refused by kind and with the remedy; bytes survive being cut anywhere."""

from __future__ import annotations

import base64

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.audio import pcm
from realtime_raw.errors import AudioError

SAMPLES = np.array([0, 1, -1, 258, 32767, -32768], np.int16)
WIRE = b"\x00\x00\x01\x00\xff\xff\x02\x01\xff\x7f\x00\x80"


@pytest.mark.parametrize(
    "audio",
    [
        WIRE,
        bytearray(WIRE),
        memoryview(WIRE),
        memoryview(WIRE).cast("h"),
        SAMPLES,
        SAMPLES.astype(">i2"),
        np.repeat(SAMPLES, 2)[::2],
    ],
    ids=["bytes", "bytearray", "memoryview", "memoryview h", "int16", "big-endian", "strided"],
)
def test_everything_becomes_the_same_bytes(audio: bytes | npt.NDArray[np.int16]) -> None:
    assert bytes(pcm.to_pcm16(audio)) == WIRE


def test_bytes_pass_untouched_and_views_share_memory() -> None:
    assert pcm.to_pcm16(WIRE) is WIRE
    audio = SAMPLES.copy()
    view = pcm.to_pcm16(audio)
    audio[0] = 7
    assert view[0] == 7


def test_floats_are_clipped_at_full_scale() -> None:
    audio = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 1.7, -3.0], np.float32)
    assert pcm.to_int16(audio).tolist() == [0, 16384, -16384, 32767, -32768, 32767, -32768]


def test_floats_become_the_nearest_sample() -> None:
    audio = np.array([0.4, 0.6, -0.4, -0.6, 1000.7], np.float32) / np.float32(32768)
    assert pcm.to_int16(audio).tolist() == [0, 1, 0, -1, 1001]


def test_int16_to_float_and_back_is_exact() -> None:
    every = np.arange(-32768, 32768).astype(np.int16)
    assert np.array_equal(pcm.to_int16(every.astype(np.float32) / np.float32(32768)), every)


@pytest.mark.parametrize(
    ("audio", "sentence"),
    [
        (
            np.zeros((10, 2), np.int16),
            "the audio has shape (10, 2); the wire is mono: pass one channel (`audio[:, 0]`) "
            "or their mean (`audio.mean(axis=1)`)",
        ),
        (
            np.zeros(10),
            "the audio is an array of float64; convert it to int16, or to float32 in [-1, 1] "
            "(`.astype(np.float32)`)",
        ),
        (
            np.zeros(10, np.uint8),
            "the audio is an array of uint8; convert it to int16, or to float32 in [-1, 1] "
            "(`.astype(np.float32)`)",
        ),
        (
            np.array([0, np.nan, 0], np.float32),
            "the audio is NaN or infinite at frame 1; mend whatever computed it, or cut it out",
        ),
        (
            np.array([0, 0, -np.inf], np.float32),
            "the audio is NaN or infinite at frame 2; mend whatever computed it, or cut it out",
        ),
        ([1, 2], "audio is a list; pass bytes, or an int16 or float32 numpy array"),
        ("AAAA", "audio is a str; pass bytes, or an int16 or float32 numpy array"),
        (
            memoryview(np.zeros(4, np.float32).data),
            "the audio is a memoryview of format 'f'; pass contiguous bytes or 16-bit samples",
        ),
        (
            memoryview(WIRE)[::2],
            "the audio is a memoryview of format 'B'; pass contiguous bytes or 16-bit samples",
        ),
        (
            bytearray(b"RIFF\x24\0\0\0WAVEfmt "),
            "these bytes are a WAV file, not raw samples; read it with realtime_raw.devices.files.load_audio",
        ),
    ],
)
def test_wrong_audio_is_named_with_its_remedy(audio: bytes, sentence: str) -> None:
    with pytest.raises(AudioError) as caught:
        pcm.to_pcm16(audio)
    assert str(caught.value) == sentence


def test_another_rate_is_refused() -> None:
    with pytest.raises(AudioError, match=r"^the wire takes 24000 Hz and the audio has 44100 Hz; convert"):
        pcm.to_pcm16(SAMPLES, rate=44_100)


def test_from_pcm16() -> None:
    assert np.array_equal(pcm.from_pcm16(WIRE), SAMPLES)
    assert len(pcm.from_pcm16(b"")) == 0
    with pytest.raises(AudioError, match=r"odd number of bytes \(3\); carry"):
        pcm.from_pcm16(b"abc")


@given(st.binary(max_size=300))
def test_base64_is_the_standard_one(data: bytes) -> None:
    text = pcm.b64encode(data)
    assert text == base64.b64encode(data)
    assert pcm.b64decode(text) == pcm.b64decode(text.decode()) == pcm.b64decode(memoryview(text)) == data


@pytest.mark.parametrize(
    "text", ["AA", "AAA=\n", "A A=", "AA-_", "é" * 4, "AAAA=", "====", b"\xff\xff\xff\xff"]
)
def test_what_is_not_base64_is_refused_whole(text: str | bytes) -> None:
    with pytest.raises(AudioError, match=r"^\d+ characters of audio are not base64; the standard alphabet"):
        pcm.b64decode(text)


@given(st.integers(0, 10**9), st.sampled_from([8_000, 11_025, 24_000, 44_100, 48_000]))
def test_frames_and_milliseconds_invert_one_another(frames: int, rate: int) -> None:
    assert pcm.frames_of(pcm.ms_of(frames, rate), rate) == frames


def test_a_second_is_a_second() -> None:
    assert pcm.ms_of(24_000) == 1000.0
    assert pcm.frames_of(20) == 480
    assert pcm.frames_of(60, 44_100) == 2646


@given(st.lists(st.binary(max_size=9)))
def test_a_stream_cut_anywhere_keeps_its_samples(pieces: list[bytes]) -> None:
    carry = pcm.OddByteCarry()
    joined = b"".join(bytes(carry.join(piece)) for piece in pieces)
    whole = b"".join(pieces)
    assert joined == whole[: len(whole) & ~1]
    assert carry.pending == len(whole) % 2
    carry.clear()
    assert carry.pending == 0
    assert bytes(carry.join(b"ab")) == b"ab"

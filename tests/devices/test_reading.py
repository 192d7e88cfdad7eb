"""Whatever people call an audio file: converted with a note, or refused with a reason."""

from __future__ import annotations

import builtins
import io
import os
import struct
import sys
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from realtime_raw.audio.levels import rms_dbfs
from realtime_raw.devices import reading
from realtime_raw.devices.reading import Converted, LoadedAudio, load_audio, load_stream
from realtime_raw.devices.wav import pack_header
from realtime_raw.errors import AudioError, MissingExtra


def tone(rate: int, seconds: float = 0.5, hz: float = 1000) -> npt.NDArray[np.float64]:
    return 0.25 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


def int16(audio: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    return np.rint(audio * 32768).astype(np.int16)


def plain(samples: npt.NDArray[np.int16]) -> bytes:
    return pack_header(len(samples), 24_000) + samples.tobytes()


@pytest.fixture
def no_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    monkeypatch.setitem(sys.modules, "soxr", None)


def refusal(path: Path) -> str:
    with pytest.raises(AudioError) as caught:
        load_audio(path)
    return str(caught.value).replace(str(path.parent) + os.sep, "")


# -- read ------------------------------------------------------------------------


@pytest.mark.usefixtures("no_extras")
def test_the_wires_own_format_needs_nothing_and_is_exact(tmp_path: Path) -> None:
    samples = int16(tone(24_000))
    path = tmp_path / "question.wav"
    path.write_bytes(plain(samples))
    loaded = load_audio(path)
    assert np.array_equal(loaded.samples, samples)
    assert (loaded.converted, loaded.note, loaded.rate, loaded.seconds) == (None, "", 24_000, 0.5)


@pytest.mark.usefixtures("no_extras")
def test_two_channels_become_their_mean(tmp_path: Path) -> None:
    left = int16(tone(24_000))
    both = np.stack([left, np.zeros_like(left)], axis=1)
    soundless = struct.pack("<HHIIHH", 1, 2, 24_000, 96_000, 4, 16)
    path = tmp_path / "both.wav"
    path.write_bytes(
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0"
        + soundless
        + b"data"
        + struct.pack("<I", both.nbytes)
        + both.tobytes()
    )
    loaded = load_audio(path)
    assert np.abs(loaded.samples - left / 2).max() <= 0.5
    assert loaded.note == "converted 24 kHz stereo (PCM_16) to 24 kHz mono"


@pytest.mark.parametrize(
    ("suffix", "subtype", "rate", "channels", "note"),
    [
        (".wav", "PCM_16", 44_100, 2, "converted 44.1 kHz stereo (PCM_16) to 24 kHz mono"),
        (".wav", "PCM_24", 24_000, 1, "converted 24 kHz mono (PCM_24) to 24 kHz mono"),
        (".wav", "FLOAT", 48_000, 1, "converted 48 kHz mono (FLOAT) to 24 kHz mono"),
        (".wav", "PCM_U8", 8_000, 1, "converted 8 kHz mono (PCM_U8) to 24 kHz mono"),
        (".wav", "ULAW", 8_000, 1, "converted 8 kHz mono (ULAW) to 24 kHz mono"),
        (".flac", "PCM_16", 24_000, 1, ""),
        (".flac", "PCM_24", 96_000, 6, "converted 96 kHz 6 channels (PCM_24) to 24 kHz mono"),
        (".ogg", "VORBIS", 22_050, 1, "converted 22.05 kHz mono (VORBIS) to 24 kHz mono"),
        (".mp3", "MPEG_LAYER_III", 44_100, 2, "converted 44.1 kHz stereo (MPEG_LAYER_III) to 24 kHz mono"),
    ],
)
def test_any_format_is_converted_with_a_note(
    tmp_path: Path, suffix: str, subtype: str, rate: int, channels: int, note: str
) -> None:
    audio = tone(rate)
    path = tmp_path / f"question{suffix}"
    soundfile.write(path, np.stack([audio] * channels, axis=1), rate, subtype=subtype)
    loaded = load_audio(path)
    assert loaded.note == note
    assert loaded.seconds == pytest.approx(0.5, abs=0.06)  # lossy codecs pad
    middle = loaded.samples[2400:9600]
    assert rms_dbfs(middle) == pytest.approx(20 * np.log10(0.25 / np.sqrt(2)), abs=0.35)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * 24_000 / len(middle) == pytest.approx(1000, abs=5)


def test_another_target_rate(tmp_path: Path) -> None:
    path = tmp_path / "question.wav"
    path.write_bytes(plain(int16(tone(24_000))))
    loaded = load_audio(path, rate=48_000)
    assert (len(loaded.samples), loaded.rate) == (24_000, 48_000)
    assert loaded.converted == Converted(24_000, 1, "PCM_16", 48_000)


def test_floats_beyond_full_scale_are_clipped(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, np.array([0.5, 2.0, -3.0] * 100), 24_000, subtype="FLOAT")
    assert load_audio(path).samples[:3].tolist() == [16384, 32767, -32768]


@pytest.mark.usefixtures("no_extras")
def test_a_file_shorter_than_its_header_says_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    samples = int16(tone(24_000))
    path = tmp_path / "cut.wav"
    path.write_bytes(plain(samples)[: 44 + 2 * 2400 + 1])
    loaded = load_audio(path)
    assert np.array_equal(loaded.samples, samples[:2400])
    assert loaded.note == "the file ends 400 ms before its header says"


@pytest.mark.usefixtures("no_extras")
def test_a_header_without_a_length_is_read_to_the_end(tmp_path: Path) -> None:
    samples = int16(tone(24_000))
    path = tmp_path / "streamed.wav"
    path.write_bytes(plain(samples)[:40] + b"\xff\xff\xff\xff" + samples.tobytes())
    loaded = load_audio(path)
    assert (len(loaded.samples), loaded.missing_ms) == (12_000, 0)


def test_what_comes_after_the_samples_is_not_played(tmp_path: Path) -> None:
    samples = int16(tone(24_000))
    path = tmp_path / "tagged.wav"
    path.write_bytes(plain(samples) + b"LIST\x08\0\0\0INFOabcd")
    assert np.array_equal(load_audio(path).samples, samples)


@pytest.mark.parametrize("suffix", [".pcm", ".raw", ".PCM"])
@pytest.mark.usefixtures("no_extras")
def test_raw_files_are_known_by_their_names(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"question{suffix}"
    path.write_bytes(b"\1\0\2\0\3")
    assert load_audio(path).samples.tolist() == [1, 2]


def test_a_stream_is_raw_unless_it_begins_like_a_wav_file() -> None:
    samples = int16(tone(24_000))
    for data in (samples.tobytes(), plain(samples)):
        loaded = load_stream(io.BytesIO(data))
        assert np.array_equal(loaded.samples, samples)
        assert loaded.converted is None


def test_a_named_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    samples = int16(tone(24_000, 0.1))
    writer = threading.Thread(target=path.write_bytes, args=(plain(samples),), daemon=True)
    writer.start()
    assert np.array_equal(load_audio(path).samples, samples)
    writer.join(5)


# -- refused -----------------------------------------------------------------------


def wav(fmt: bytes, data: bytes = b"\0\0" * 100) -> bytes:
    size = struct.pack("<I", len(data))
    return b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + fmt + b"data" + size + data


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "question.wav holds no audio; record it again"),
        (pack_header(0, 24_000), "question.wav holds no audio; record it again"),
        (
            pack_header(10, 24_000)[:30],
            "question.wav is a WAV file whose format is cut off; "
            "the file is damaged or cut off; save it again",
        ),
        (
            pack_header(10, 24_000)[:40],
            "question.wav is a WAV file that ends before its samples; "
            "the file is damaged or cut off; save it again",
        ),
        (
            b"hello, this is a text\n" * 100,
            "question.wav is not audio that can be read; WAV, FLAC, Ogg, MP3, AIFF and others are",
        ),
        (
            wav(struct.pack("<HHIIHH", 1, 0, 24_000, 0, 0, 16)),
            "question.wav says it has no channels at 24000 Hz; mono at 24000 Hz is best; "
            "2000 to 768000 Hz can be converted",
        ),
        (
            wav(struct.pack("<HHIIHH", 1, 1, 7, 14, 2, 16)),
            "question.wav says it has mono at 7 Hz; mono at 24000 Hz is best; "
            "2000 to 768000 Hz can be converted",
        ),
        (
            wav(struct.pack("<HHIIHH", 3, 2, 4_000_000_000, 0, 8, 32)),
            "question.wav says it has stereo at 4000000000 Hz; mono at 24000 Hz is best; "
            "2000 to 768000 Hz can be converted",
        ),
        (
            wav(struct.pack("<HHIIHH", 0x1234, 1, 24_000, 48_000, 2, 16)),
            "question.wav is not audio that can be read; WAV, FLAC, Ogg, MP3, AIFF and others are",
        ),
    ],
    ids=[
        "empty",
        "header only",
        "no format",
        "no data",
        "text",
        "no channels",
        "7 Hz",
        "4 GHz",
        "unknown codec",
    ],
)
def test_a_broken_file_is_refused_with_a_reason(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "question.wav"
    path.write_bytes(data)
    assert refusal(path) == sentence


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    audio = tone(48_000, 3)
    audio[100_000] = bad
    path = tmp_path / "nan.wav"
    soundfile.write(path, audio, 48_000, subtype="DOUBLE")
    assert refusal(path) == (
        "nan.wav has samples that are NaN or infinite after 1.4 s; "
        "mend whatever wrote it, or save it as 16-bit PCM"
    )


def test_a_damaged_flac_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "question.flac"
    soundfile.write(path, np.random.default_rng(1).standard_normal(48_000) / 10, 24_000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = bytes(3000)
    path.write_bytes(data)
    assert refusal(path) == "question.flac is damaged; save it again, best as 16-bit WAV"


def test_what_is_not_there_or_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.wav") == "cannot read none.wav: No such file or directory"
    assert refusal(tmp_path / "x" / "..").startswith("cannot read ")
    (tmp_path / "dir.wav").mkdir()
    assert refusal(tmp_path / "dir.wav") == "cannot read dir.wav: Is a directory"


def test_a_name_with_escapes_cannot_move_a_cursor(tmp_path: Path) -> None:
    assert "\x1b" not in refusal(tmp_path / "a\x1b[2Jb.wav")


def test_endless_files_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reading, "LONGEST", 1)
    path = tmp_path / "long.wav"
    path.write_bytes(plain(np.ones(70_000, np.int16)))
    with pytest.raises(AudioError, match=r"long\.wav is longer than 0 hours; cut it"):
        load_audio(path)
    with pytest.raises(AudioError, match="the input is longer than"):
        load_stream(io.BytesIO(bytes(48_001)))


@pytest.mark.parametrize("data", [b"", b"\0"])
def test_an_empty_stream_holds_no_audio(data: bytes) -> None:
    with pytest.raises(AudioError, match=r"^stdin holds no audio; record it again$"):
        load_stream(io.BytesIO(data), name="stdin")


@pytest.mark.usefixtures("no_extras")
def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "question.flac"
    path.write_bytes(b"fLaC" + bytes(100))
    with pytest.raises(MissingExtra) as caught:
        load_audio(path)
    assert str(caught.value).endswith(
        "question.flac, which is not 16-bit WAV, needs `pip install 'realtime_raw[audio]'`"
    )
    path = tmp_path / "other.wav"
    path.write_bytes(pack_header(10, 16_000) + bytes(20))
    with pytest.raises(MissingExtra, match="resampling 16000 Hz to 24000 Hz needs"):
        load_audio(path)


def test_soundfile_without_its_library_is_a_missing_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def broken(name: str, *rest: object) -> object:
        if name == "soundfile":
            raise OSError("cannot load library 'libsndfile.so'")
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", broken)
    path = tmp_path / "question.ogg"
    path.write_bytes(b"OggS" + bytes(100))
    with pytest.raises(MissingExtra):
        load_audio(path)


def test_both_notes_are_told() -> None:
    loaded = LoadedAudio(np.zeros(1, np.int16), 24_000, Converted(8_000, 1, "ULAW"), 20)
    assert loaded.note == (
        "converted 8 kHz mono (ULAW) to 24 kHz mono; the file ends 20 ms before its header says"
    )

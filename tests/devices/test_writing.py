"""The file is whole or not there, and whether it can be written is known at once."""

from __future__ import annotations

import errno
import gc
import io
import os
import resource
import stat
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from realtime_raw.devices import writing
from realtime_raw.devices.reading import load_audio
from realtime_raw.devices.writing import AudioWriter
from realtime_raw.errors import AudioError, MissingExtra

SAMPLES = np.arange(-2400, 2400, dtype=np.int16)


class Burnt(Exception):
    """What interrupts a turn."""


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refusal(act: Callable[[], object], folder: Path) -> str:
    with pytest.raises(AudioError) as caught:
        act()
    return str(caught.value).replace(str(folder) + os.sep, "")


def test_a_wav_file_has_the_right_header_and_samples(tmp_path: Path) -> None:
    path = tmp_path / "answer.wav"
    with AudioWriter(path) as writer:
        writer.write(SAMPLES[:1000])
        writer.write(SAMPLES[1000:].tobytes())
        assert not path.exists()
        assert (writer.frames, writer.seconds) == (4800, 0.2)
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (1, 2, 24_000, 4800)
        assert file.readframes(9999) == SAMPLES.tobytes()
    assert path.stat().st_size == 44 + 9600
    assert listing(tmp_path) == ["answer.wav"]


@pytest.mark.parametrize("suffix", [".flac", ".FLAC", ".aiff"])
def test_other_formats_come_back_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"answer{suffix}"
    with AudioWriter(path, rate=16_000) as writer:
        writer.write(SAMPLES)
    assert np.array_equal(load_audio(path, rate=16_000).samples, SAMPLES)
    assert listing(tmp_path) == [path.name]


def test_lossy_formats_are_written_too(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "answer.ogg") as writer:
        writer.write((8000 * np.sin(np.arange(24_000) / 20)).astype(np.int16))
    assert load_audio(tmp_path / "answer.ogg").seconds == pytest.approx(1, abs=0.05)


def test_raw_files_and_streams_are_bare_samples(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "answer.pcm") as writer:
        writer.write(SAMPLES)
    assert (tmp_path / "answer.pcm").read_bytes() == SAMPLES.tobytes()
    stream = io.BytesIO()
    with AudioWriter(stream) as writer:
        writer.write(SAMPLES)
        assert len(stream.getvalue()) == 9600  # as it comes
    assert stream.getvalue() == SAMPLES.tobytes()
    assert not stream.closed


def test_bytes_may_be_cut_anywhere_and_floats_are_samples(tmp_path: Path) -> None:
    stream = io.BytesIO()
    writer = AudioWriter(stream)
    writer.write(b"\1")
    writer.write(bytearray(b"\0\2\0\3"))
    writer.write(np.array([0.5], np.float32))
    assert stream.getvalue() == b"\1\0\2\0\0\x40"
    assert writer.frames == 3


# -- all or nothing ------------------------------------------------------------------


def fail_while_writing(path: Path) -> None:
    with AudioWriter(path) as writer:
        writer.write(SAMPLES)
        raise Burnt


@pytest.mark.parametrize("name", ["answer.wav", "answer.flac", "answer.pcm"])
def test_an_interrupted_turn_leaves_what_was_there(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"an earlier answer")
    with pytest.raises(Burnt):
        fail_while_writing(path)
    assert path.read_bytes() == b"an earlier answer"
    assert listing(tmp_path) == [name]
    with AudioWriter(path) as writer:
        writer.write(SAMPLES)
    assert len(load_audio(path).samples) == 4800
    assert listing(tmp_path) == [name]


@pytest.fixture
def no_room() -> Iterator[None]:
    """Files cannot grow beyond 8 kB: the nearest thing to a full disk that a test can make."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("name", ["answer.wav", "answer.pcm", "answer.flac"])
def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(1).integers(-9999, 9999, 50_000).astype(np.int16)
    writer = AudioWriter(tmp_path / name)
    with pytest.raises(AudioError, match=rf"^cannot write .*{name}: "):
        writer.write(noise)
    assert listing(tmp_path) == []
    writer.close()  # as a `with` block does whose body thought nothing of the error
    assert listing(tmp_path) == []


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("name", ["answer.wav", "answer.pcm", "answer.flac"])
def test_a_disk_that_fills_up_at_the_very_end_leaves_nothing(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(1).integers(-32000, 32000, 4200).astype(np.int16)  # 8.4 kB
    with (
        pytest.raises(AudioError, match=rf"^cannot write .*{name}: "),
        AudioWriter(tmp_path / name) as writer,
    ):
        writer.write(noise)
    assert listing(tmp_path) == []


@pytest.mark.parametrize("verb", ["write", "close"])
def test_soundfile_may_fail_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    def fail(*_: object) -> None:
        raise soundfile.SoundFileRuntimeError("System error")

    writer = AudioWriter(tmp_path / "answer.flac")
    gc.collect()  # files that other tests left would close meanwhile, and fail
    with monkeypatch.context() as patch:
        patch.setattr(soundfile.SoundFile, verb, fail)
        act = writer.close if verb == "close" else lambda: writer.write(SAMPLES)
        assert refusal(act, tmp_path) == "cannot write answer.flac: System error"
    writer.abort()
    assert listing(tmp_path) == []


def test_a_rename_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "replace", fail)
    writer = AudioWriter(tmp_path / "answer.wav")
    assert refusal(writer.close, tmp_path) == "cannot write answer.wav: Operation not permitted"
    assert listing(tmp_path) == []


def test_closing_and_aborting_twice_is_harmless(tmp_path: Path) -> None:
    writer = AudioWriter(tmp_path / "answer.wav")
    writer.close()
    writer.close()
    writer.abort()
    assert listing(tmp_path) == ["answer.wav"]
    assert refusal(lambda: writer.write(SAMPLES), tmp_path) == "the writer is closed; open another one"


def test_a_stream_that_is_closed_is_an_audio_error() -> None:
    stream = io.BytesIO()
    writer = AudioWriter(stream)
    stream.close()
    with pytest.raises(AudioError, match=r"^cannot write the output: I/O operation on closed file"):
        writer.write(SAMPLES)
    writer.abort()


def test_wrong_audio_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "answer.wav") as writer:
        with pytest.raises(AudioError, match="shape"):
            writer.write(np.zeros((4, 2), np.int16))
        writer.write(SAMPLES)
    assert len(load_audio(tmp_path / "answer.wav").samples) == 4800


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="nothing tells what is open")
@pytest.mark.parametrize("name", ["answer.wav", "answer.flac"])
@pytest.mark.parametrize("verb", ["close", "abort"])
def test_nothing_stays_open(tmp_path: Path, name: str, verb: str) -> None:
    writer = AudioWriter(tmp_path / name)
    writer.write(SAMPLES)
    getattr(writer, verb)()
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert not [link for link in links if str(tmp_path) in os.readlink(link)]


# -- known before it is used -----------------------------------------------------------


def test_what_cannot_be_written_is_refused_on_opening(tmp_path: Path) -> None:
    def opening(target: Path | str) -> str:
        return refusal(lambda: AudioWriter(target), tmp_path)

    (tmp_path / "dir.wav").mkdir()
    (tmp_path / "file").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.wav")
    assert (
        opening(tmp_path / "none" / "a.wav") == f"cannot write none{os.sep}a.wav: No such file or directory"
    )
    assert opening(tmp_path / "file" / "a.wav") == f"cannot write file{os.sep}a.wav: Not a directory"
    assert opening(tmp_path / "dir.wav") == "cannot write dir.wav: it is a directory; give the name of a file"
    assert opening(tmp_path / "pipe.wav") == (
        "cannot write pipe.wav: it is not a regular file; give the name of a file"
    )
    assert opening("nul\0.wav") == "cannot write nul.wav: embedded null byte"
    assert opening(tmp_path / "answer") == (
        "a file named without a suffix at 24000 Hz cannot be written; name it .wav, .flac, .ogg, .mp3 or .pcm"
    )
    assert opening(tmp_path / "answer.txt") == (
        "a file named .txt at 24000 Hz cannot be written; name it .wav, .flac, .ogg, .mp3 or .pcm"
    )
    assert listing(tmp_path) == ["dir.wav", "file", "pipe.wav"]


def test_a_read_only_file_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "answer.wav"
    path.write_bytes(b"mine")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert refusal(lambda: AudioWriter(path), tmp_path) == (
        "cannot write answer.wav: it is read-only; give another name"
    )


def test_a_folder_without_permission_is_found_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", denied)
    assert (
        refusal(lambda: AudioWriter(tmp_path / "a.wav"), tmp_path) == "cannot write a.wav: Permission denied"
    )


def test_without_soundfile_wav_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtra, match=r"^writing \.flac files needs"):
        AudioWriter(tmp_path / "answer.flac")
    AudioWriter(tmp_path / "answer.wav").close()
    assert listing(tmp_path) == ["answer.wav"]


def test_links_and_modes_stay(tmp_path: Path) -> None:
    private = tmp_path / "private.wav"
    private.write_bytes(b"")
    private.chmod(0o600)
    link = tmp_path / "link.wav"
    link.symlink_to(private)
    with AudioWriter(link) as writer:
        writer.write(SAMPLES)
    assert link.is_symlink()
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert len(load_audio(private).samples) == 4800


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    AudioWriter(tmp_path / "answer.wav").close()
    assert (tmp_path / "answer.wav").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_wav_file_knows_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_LONGEST_WAV", 5000)
    with AudioWriter(tmp_path / "answer.wav") as writer:
        writer.write(SAMPLES)
        with pytest.raises(AudioError, match=r"^a WAV file holds no more than 4 GiB; write FLAC or raw PCM$"):
            writer.write(SAMPLES)

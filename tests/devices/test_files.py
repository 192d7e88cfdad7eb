"""Files in the place of devices."""

from __future__ import annotations

import io
import threading
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.audio.player import Player
from realtime_raw.devices.base import AudioSink, AudioSource
from realtime_raw.devices.files import AudioWriter, FileSink, FileSource, LoadedAudio, load_audio
from realtime_raw.errors import AudioError
from realtime_raw.types import AudioKey

SAMPLES = np.arange(5000, dtype=np.int16)
KEY = AudioKey("item")


@pytest.fixture
def question(tmp_path: Path) -> Path:
    path = tmp_path / "question.wav"
    with AudioWriter(path) as writer:
        writer.write(SAMPLES)
    return path


def test_unpaced_a_file_comes_in_chunks_until_it_is_empty(question: Path) -> None:
    source: AudioSource = FileSource(question)
    pieces: list[Samples] = []
    while not source.exhausted:
        pieces.append(source.read_available())
    assert len(source.read_available()) == 0
    assert [len(piece) for piece in pieces] == [2400, 2400, 200]
    assert np.array_equal(np.concatenate(pieces), SAMPLES)
    assert source.rate == 24_000


def test_paced_a_file_comes_as_from_a_microphone(question: Path) -> None:
    times = iter([100, 100 + 1 / 64, 100 + 1 / 64, 100 + 1 / 16, 99, 500, 501])
    source = FileSource(question, paced=True, clock=lambda: next(times))
    assert [len(source.read_available()) for _ in range(7)] == [0, 375, 0, 1125, 0, 3500, 0]
    assert source.exhausted


def test_a_pipe_gets_each_block_at_once() -> None:
    """Whoever listens at its other end hears it now, not when some buffer is full."""
    pipe = io.BytesIO()
    sink, player = FileSink(io.BufferedWriter(Unclosing(pipe)), paced=False), Player(prebuffer_ms=0)
    player.feed(KEY, SAMPLES[1:101].tobytes(), "audio/pcm", 0.0)
    player.end(KEY)
    done = threading.Event()

    def pull(out: Samples, latency: float | None = None, /) -> int:
        count = player.pull(out, latency)
        if not count:
            done.set()
        return count

    sink.start(pull)
    assert done.wait(5)
    assert pipe.getvalue()[:200] == SAMPLES[1:101].tobytes()
    sink.close()


class Unclosing(io.RawIOBase):
    """The writing end of a pipe."""

    def __init__(self, target: io.BytesIO) -> None:
        self.target = target

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return self.target.write(data)


def test_a_closed_source_gives_nothing_more() -> None:
    source = FileSource(LoadedAudio(SAMPLES, 48_000), chunk_ms=20)
    assert (len(source.read_available()), source.rate) == (960, 48_000)
    source.close()
    source.close()
    assert source.exhausted
    assert len(source.read_available()) == 0


def test_a_source_tells_what_it_converted(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "q.wav", rate=48_000) as writer:
        writer.write(SAMPLES)
    source = FileSource(tmp_path / "q.wav")
    assert source.audio.note == "converted 48 kHz mono (PCM_16) to 24 kHz mono"


class Watched:
    """A player's pull that says when everything fed has been asked for."""

    def __init__(self, frames: int) -> None:
        self.player = Player(prebuffer_ms=0, fade_ms=0)
        self.player.feed(KEY, np.resize(SAMPLES + 1, frames).tobytes(), "audio/pcm", 0.0)
        self.player.end(KEY)
        self.dry = threading.Event()

    def __call__(self, out: Samples, latency: float | None = None, /) -> int:
        count = self.player.pull(out, latency)
        if self.player.statistics().queued == 0 and not count:
            self.dry.set()
        return count


def test_unpaced_a_sink_writes_what_sounds_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "answer.wav"
    sink: AudioSink = FileSink(path, paced=False)
    assert isinstance(sink, FileSink)
    pull = Watched(24_000)
    sink.start(pull)
    assert pull.dry.wait(5)
    with pytest.raises(AudioError, match=r"^the sink is started already; stop it first$"):
        sink.start(pull)
    sink.close()
    assert np.array_equal(load_audio(path).samples, np.resize(SAMPLES + 1, 24_000))
    assert (sink.rate, sink.latency) == (24_000, 0.0)


def test_paced_a_sink_writes_silence_too() -> None:
    stream = io.BytesIO()
    sink = FileSink(stream, block_ms=5)
    pull = Watched(200)
    sink.start(pull)
    assert pull.dry.wait(5)
    sink.stop()
    sink.stop()
    written = np.frombuffer(stream.getvalue(), np.int16)
    assert written[:200].tolist() == (SAMPLES[:200] + 1).tolist()
    assert len(written) >= 240
    assert not written[200:].any()
    sink.close()


def test_a_sink_that_was_never_started_makes_an_empty_file(tmp_path: Path) -> None:
    FileSink(tmp_path / "answer.wav").close()
    with wave.open(str(tmp_path / "answer.wav")) as file:
        assert file.getnframes() == 0


def test_aborted_a_sink_leaves_no_file(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "answer.wav", paced=False)
    pull = Watched(1000)
    sink.start(pull)
    assert pull.dry.wait(5)
    sink.abort()
    sink.abort()
    assert list(tmp_path.iterdir()) == []


class Closing(io.BytesIO):
    """A pipe whose reader goes away."""

    def __init__(self) -> None:
        super().__init__()
        self.failed = threading.Event()

    def write(self, data: object) -> int:
        self.failed.set()
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("verb", ["stop", "close", "abort"])
def test_what_fails_on_the_thread_is_told_at_the_end(verb: str) -> None:
    stream = Closing()
    sink = FileSink(stream, paced=False)
    sink.start(Watched(1000))
    assert stream.failed.wait(5)
    with pytest.raises(AudioError, match=r"^cannot write the output: Broken pipe$"):
        getattr(sink, verb)()
    sink.abort()


def test_a_pull_that_raises_leaves_no_file(tmp_path: Path) -> None:
    asked = threading.Event()

    def pull(out: Samples, latency: float | None = None, /) -> int:
        asked.set()
        raise RuntimeError("not a player")

    sink = FileSink(tmp_path / "answer.wav", paced=False)
    sink.start(pull)
    assert asked.wait(5)
    with pytest.raises(RuntimeError, match="not a player"):
        sink.close()
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_target_is_found_before_anything_plays(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="No such file or directory"):
        FileSink(tmp_path / "none" / "answer.wav")

"""The demonstration's question: the file in the repository, and the tool that makes it."""

from __future__ import annotations

import pathlib
import wave

import pytest

from realtime_raw.audio.levels import measure
from realtime_raw.audio.pcm import from_pcm16
from tools import make_question


def read(path: pathlib.Path) -> bytes:
    """The samples of a file that must be 24 kHz mono 16-bit."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        return file.readframes(file.getnframes())


def test_the_kept_question_is_spoken() -> None:
    """Two to four seconds, loud enough, not clipped."""
    levels = measure(from_pcm16(read(make_question.OUT)))
    assert 2 <= levels.frames / 24_000 <= 4
    assert -30 < levels.rms_dbfs < -15
    assert levels.clipped == 0


def test_it_can_be_made_again(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With other words and another voice."""
    pytest.importorskip("espeakng_loader", reason="the extra `speech` is not installed")
    out = tmp_path / "sub" / "q.wav"
    make_question.main(["--text", "Is this on?", "--voice", "echo", "--out", str(out)])
    assert 0.8 < len(read(out)) / 48_000 < 2.5
    assert "'Is this on?'" in capsys.readouterr().out

"""Two channels written apart, anywhere, in any order, give one file that anyone can read."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_raw.devices.stereo import LEFT, RIGHT, StereoFile
from realtime_raw.errors import AudioError


def read(path: Path) -> npt.NDArray[np.int16]:
    """Shape (frames, 2), by the standard library."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (2, 2)
        data = file.readframes(file.getnframes())
    return np.frombuffer(data, "<i2").reshape(-1, 2)


Writes = list[tuple[Literal[0, 1], int, int]]


@settings(max_examples=60, deadline=None)
@given(
    writes=st.lists(
        st.tuples(st.sampled_from((LEFT, RIGHT)), st.integers(0, 300), st.integers(0, 90)), max_size=12
    )
)
def test_against_an_array(writes: Writes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("stereo") / "x.wav"
    file = StereoFile(path, 100)
    expected = np.zeros((400, 2), np.int16)
    end = 0
    for number, (channel, at, count) in enumerate(writes, 1):
        samples = np.full(count, 100 * number, np.int16)
        file.write(channel, at, samples)
        expected[at : at + count, channel] = samples
        end = max(end, at + count) if count else end
    file.close()
    assert file.frames == end
    assert np.array_equal(read(path), expected[:end])


def test_it_can_be_played_while_it_grows(tmp_path: Path) -> None:
    """A recording that is killed loses its last second at most."""
    path = tmp_path / "x.wav"
    file = StereoFile(path, 1000)
    assert len(read(path)) == 0
    for at in range(0, 5500, 100):
        file.write(RIGHT, at, np.full(100, 7, np.int16))
    assert len(read(path)) >= 4500
    assert (read(path)[:, RIGHT] == 7).all()
    file.close()
    assert len(read(path)) == 5500


def test_nothing_is_replaced_and_nothing_is_written_after_the_end(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"mine")
    with pytest.raises(AudioError, match="File exists; choose another directory"):
        StereoFile(path, 24_000)
    assert path.read_bytes() == b"mine"
    file = StereoFile(tmp_path / "y.wav", 24_000)
    with pytest.raises(AudioError, match="ends at 4 GiB"):
        file.write(LEFT, 2**30, np.zeros(1, np.int16))
    file.close()
    file.close()
    with pytest.raises(AudioError, match="is closed; begin another recording"):
        file.write(LEFT, 0, np.zeros(1, np.int16))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to write to")
def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = StereoFile(tmp_path / "x.wav", 1000)
    file._file.close()
    file._file = open("/dev/full", "r+b")  # noqa: SIM115  # closed by the failure
    with pytest.raises(AudioError, match=r"cannot write .*x\.wav: No space left on device"):
        file.write(LEFT, 0, np.ones(100_000, np.int16))
    with pytest.raises(AudioError, match="No space left"):
        file.close()
    file.close()

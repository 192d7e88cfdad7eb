"""A device without a device: by hand in its own time, or threaded in ours."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.audio.player import Player
from realtime_raw.devices.base import AudioSink
from realtime_raw.devices.fake import FakeOutput
from realtime_raw.errors import AudioError
from realtime_raw.types import AudioKey

KEY = AudioKey("item")


def pcm(count: int) -> bytes:
    return np.ones(count, "<i2").tobytes()


def test_by_hand_a_whole_answer_takes_no_time() -> None:
    player, output = Player(), FakeOutput(latency=0.05)
    output.start(player.pull)
    player.feed(KEY, pcm(24_000), "audio/pcm", output.now)
    player.end(KEY)
    marks = []
    while player.playing:
        output.step()
        marks += [(mark.kind, round(output.now, 2)) for mark in player.poll(output.now)]
    # A block is asked for, its first frame heard 50 ms later; time is told after the block.
    assert marks == [("started", 0.08), ("finished", 1.08)]
    assert output.sounded[:24_000].all()
    assert output.latency == 0.05


def test_time_may_pass_in_any_steps() -> None:
    output = FakeOutput(block=480)
    output.start(Player().pull)
    assert [len(output.advance(0.015)) for _ in range(8)] == [0, 480, 480, 480, 0, 480, 480, 480]
    assert output.now == pytest.approx(0.12)
    assert len(output.sounded) == 2880


def test_before_and_after_there_is_nothing_to_step() -> None:
    output = FakeOutput(rate=48_000)
    assert (output.rate, output.latency, output.now, len(output.sounded)) == (48_000, 0.0, 0.0, 0)
    with pytest.raises(AudioError, match=r"^there is nothing to step; start it, and not threaded$"):
        output.step()
    output.start(Player().pull)
    with pytest.raises(AudioError, match=r"^the output is started already; stop it first$"):
        output.start(Player().pull)
    output.stop()
    output.stop()
    with pytest.raises(AudioError):
        output.step()
    output.start(Player().pull)
    assert len(output.step(0)) == 0


def test_threaded_it_pulls_by_itself() -> None:
    player, heard = Player(prebuffer_ms=0), threading.Event()

    def pull(out: Samples, latency: float | None = None, /) -> int:
        count = player.pull(out, latency)
        if not count and player.statistics().played:
            heard.set()
        return count

    sink: AudioSink = FakeOutput(block=240, threaded=True)
    assert isinstance(sink, FakeOutput)
    player.feed(KEY, pcm(1000), "audio/pcm", 0.0)
    player.end(KEY)
    sink.start(pull)
    assert heard.wait(5)
    with pytest.raises(AudioError, match="nothing to step"):
        sink.step()
    sink.stop()
    assert int((sink.sounded == 1).sum()) >= 1000
    assert [mark.kind for mark in player.poll(1.0)] == ["started", "finished"]

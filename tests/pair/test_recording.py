"""A whole call on two channels, in simulated time: left what was committed, right what left the ring."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from realtime_raw.aio.recording import Recording
from realtime_raw.aio.records import Records
from realtime_raw.audio.g711 import ulaw_encode
from realtime_raw.audio.pcm import Samples
from realtime_raw.audio.player import Player
from realtime_raw.devices.stereo import LEFT, RIGHT
from realtime_raw.events.client import InputAudioBufferClear, InputAudioBufferCommit, ResponseCreate
from realtime_raw.protocol.core import Options
from realtime_raw.protocol.patch import SessionPatch
from tests.devices.test_stereo import read
from tests.pair.link import Link

BLOCK = 480


def voice(seconds: float, hz: float = 300.0) -> Samples:
    t = np.arange(round(seconds * 24_000))
    return (8000 * np.sin(2 * math.pi * hz * t / 24_000)).astype(np.int16)


class Call:
    """A microphone and a speaker of 20 ms blocks at a simulated call that is recorded."""

    def __init__(
        self, directory: Path, *, server: dict[str, object] | None = None, manual: bool = True
    ) -> None:
        self.player = Player(latency_ms=0)
        self.link = Link(
            playhead=self.player, options=Options(manual_turns=manual), **{"speed": 4.0, **(server or {})}
        ).connect()
        self.records = Records(self.link.client)
        self.failures: list[Exception] = []
        self.sounded: list[Samples] = []
        self.mute = False
        self._told = len(self.link.seen)
        self.recording = Recording(
            directory, self.link.client, self.records, now=self.link.now, failed=self.failures.append
        )

    def tick(self, now: float) -> None:
        """One block of the device, and what happened meanwhile."""
        block = np.zeros(BLOCK, np.int16)
        self.player.pull(block)
        self.sounded.append(block)
        self.recording.played(block, now, 24_000)
        self.observe()

    def observe(self) -> None:
        for event in self.link.seen[self._told :]:
            self.records.observe(event, self.link.now)
            self.recording.observe(event, self.link.now)
        self._told = len(self.link.seen)

    def speak(self, samples: Samples, encode: Callable[[Samples], bytes] = Samples.tobytes) -> None:
        """In real time, as a microphone gives it."""
        for at in range(0, len(samples), BLOCK):
            self.wait(0.02)
            piece = encode(samples[at : at + BLOCK])
            self.link.client.append_audio(piece, self.link.now)
            self.recording.appended(piece, self.link.client.input_audio.encoding, self.link.now)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            self.link.run(0.02)
            self.tick(self.link.now)

    def ask(self) -> None:
        """Commit, and ask for the reply."""
        self.link.client.send(InputAudioBufferCommit(), self.link.now)
        self.link.client.send(ResponseCreate(), self.link.now)
        self.link.settle()
        self.observe()

    def close(self) -> npt.NDArray[np.int16]:
        self.recording.close()
        assert self.failures == []
        return read(self.recording.path)


def start_of(channel: npt.NDArray[np.int16], samples: Samples) -> int:
    """Where `samples` stand in a channel, exactly; -1 if nowhere."""
    needle, haystack = samples.tobytes(), channel.tobytes()
    at = haystack.find(needle)
    while at % 2 and at >= 0:
        at = haystack.find(needle, at + 1)
    return at // 2


def test_a_call_is_on_the_file_as_it_was_heard(tmp_path: Path) -> None:
    call = Call(tmp_path)
    first, second = voice(1.5, 300), voice(1.0, 500)
    call.speak(first)
    asked = call.link.now
    call.ask()
    call.wait(1.2)
    call.link.client.interrupt(call.link.now)
    call.wait(0.5)
    call.speak(second)
    call.ask()
    call.wait(12)
    sound = call.close()
    played = np.concatenate(call.sounded)
    # Exactly what left the ring, silence, fades and all; the first block came with the first tick.
    assert np.array_equal(sound[BLOCK:, RIGHT], played)
    assert abs(played).max() > 1000
    # Each turn where it was spoken: it ends with the commit.
    assert start_of(sound[:, LEFT], first) + len(first) == round(asked * 24_000)
    assert start_of(sound[:, LEFT], second) > start_of(sound[:, LEFT], first) + len(first)
    said = np.count_nonzero(sound[:, LEFT])
    assert said == np.count_nonzero(first) + np.count_nonzero(second), "nothing else is on the left"


def test_what_was_dropped_or_refused_is_not_on_it(tmp_path: Path) -> None:
    call = Call(tmp_path)
    call.speak(voice(0.5, 300))
    call.link.client.send(InputAudioBufferClear(), call.link.now)
    call.wait(0.1)
    kept = voice(0.4, 700)
    call.speak(kept)
    call.ask()
    call.speak(voice(0.3, 900))  # and never committed
    call.wait(1)
    sound = call.close()
    assert np.count_nonzero(sound[:, LEFT]) == np.count_nonzero(kept)
    assert start_of(sound[:, LEFT], kept) >= 0


def test_a_file_sent_at_once_ends_no_earlier_than_it_began(tmp_path: Path) -> None:
    """Faster than time: it cannot have been spoken before the recording was."""
    call = Call(tmp_path)
    samples = voice(3.0)
    call.link.client.append_audio(samples.tobytes(), call.link.now)
    call.recording.appended(samples.tobytes(), "audio/pcm", call.link.now)
    call.ask()
    call.wait(1)
    assert start_of(call.close()[:, LEFT], samples) == 0


def test_turn_detection_says_what_was_committed(tmp_path: Path) -> None:
    call = Call(tmp_path, manual=False)
    silence = np.zeros(24_000, np.int16)
    spoken = voice(1.0)
    call.speak(np.concatenate((silence, spoken, silence, silence)))
    call.wait(1)
    sound = call.close()
    begin = start_of(sound[:, LEFT], spoken)
    assert begin >= 0, "all that was spoken is there"
    assert begin == pytest.approx(24_000 + BLOCK, abs=BLOCK), "where it was spoken"


def test_g711_comes_out_as_speech(tmp_path: Path) -> None:
    call = Call(tmp_path)
    call.link.client.patch(SessionPatch(input_format={"type": "audio/pcmu"}), call.link.now)  # type: ignore[arg-type]
    call.wait(0.1)
    assert call.link.client.input_audio.encoding == "audio/pcmu"
    call.speak(voice(0.9)[::3], lambda piece: bytes(ulaw_encode(piece)))
    call.ask()
    call.wait(0.5)
    left = call.close()[:, LEFT].astype(float)
    heard = left[np.flatnonzero(left)[0] :][: 24_000 // 2]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert np.argmax(spectrum) * 24_000 / len(heard) == pytest.approx(300, abs=3)


def test_jitter_makes_no_seam_and_a_pause_is_a_pause(tmp_path: Path) -> None:
    call = Call(tmp_path)
    ones = np.ones(BLOCK, np.int16)
    for number in range(10):
        call.recording.played(ones, 1.0 + 0.02 * number + 0.015 * (number % 3 - 1), 24_000)
    call.recording.played(ones, 3.0, 24_000)
    call.recording.played(ones, 0.5, 24_000)  # a clock that went back is not believed
    right = call.close()[:, RIGHT]
    assert np.flatnonzero(np.diff(right.astype(int))).tolist() == [23_639, 23_640 + 4799, 71_999]
    assert len(right) == 72_000 + BLOCK


def test_another_rate_is_resampled(tmp_path: Path) -> None:
    call = Call(tmp_path)
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)).astype(np.int16)
    for at in range(0, 48_000, 960):
        call.recording.played(tone[at : at + 960], at / 48_000, 48_000)
    right = call.close()[:, RIGHT]
    assert len(right) == pytest.approx(24_000, abs=2)
    assert np.corrcoef(right[100:20_000], tone[::2][100:20_000])[0, 1] > 0.999

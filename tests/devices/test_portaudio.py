"""Microphones and loudspeakers on a fake PortAudio: whatever a device does, each sample goes through once."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_raw.audio.pcm import Samples
from realtime_raw.audio.player import Player
from realtime_raw.audio.resample import Resampler
from realtime_raw.devices.base import AudioSink, AudioSource, LiveSource, WatchedDevice
from realtime_raw.devices.capturing import Capture
from realtime_raw.devices.portaudio import Microphone, Speaker
from realtime_raw.errors import AudioError, MissingExtra
from realtime_raw.types import AudioKey
from tests.devices.fake_portaudio import RATES, Card, FakePortAudio, Flags, install, sizes

KEY = AudioKey("item")


def counted(frames: int) -> Samples:
    """Every sample another one, as far as 16 bits go, and none of them zero."""
    return (np.arange(frames) % 32767 + 1).astype(np.int16)


def player_of(rate: int) -> Player:
    return Player(rate, seconds=3, prebuffer_ms=0, fade_ms=0)


@pytest.fixture
def pa(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    return install(FakePortAudio(Card("card", inputs=2, outputs=2)), monkeypatch)


# What is opened


def test_both_fit_their_shapes(pa: FakePortAudio) -> None:
    microphone, speaker = Microphone(), Speaker()
    source: AudioSource = microphone
    sink: AudioSink = speaker
    assert isinstance(source, LiveSource)
    assert isinstance(source, WatchedDevice)
    assert isinstance(sink, WatchedDevice)
    assert (microphone.device.name, speaker.device.name) == ("card", "card")
    assert (microphone.fault, microphone.overflows, microphone.lost) == (None, 0, False)
    assert (speaker.fault, speaker.underflows, speaker.lost) == (None, 0, False)


@pytest.mark.parametrize(
    ("rates", "channels", "own", "expected"),
    [
        (RATES, (1, 2), 48000, (24000, 1)),
        ((44100, 48000), (1, 2), 48000, (48000, 1)),
        ((44100,), (2,), 44100, (44100, 2)),
        (RATES, (2,), 44100, (24000, 2)),
        ((16000,), (1,), 16000, (16000, 1)),
        ((48000,), (6,), 48000, (48000, 6)),
    ],
)
def test_the_wires_rate_and_one_channel_if_the_device_agrees(
    pa: FakePortAudio,
    rates: tuple[int, ...],
    channels: tuple[int, ...],
    own: int,
    expected: tuple[int, int],
) -> None:
    card = pa.cards[0]
    card.rates, card.channels, card.rate, card.inputs, card.outputs = rates, channels, own, 6, 6
    microphone, speaker = Microphone(), Speaker()
    speaker.start(Player(speaker.rate).pull)
    assert [(one.rate, one.channels) for one in pa.streams] == [expected, expected]
    assert (microphone.rate, speaker.rate) == (expected[0], expected[0])
    assert pa.stream.block == expected[0] // 50


def test_a_device_that_takes_nothing(pa: FakePortAudio) -> None:
    pa.cards[0].rates = (11025,)
    with pytest.raises(
        AudioError, match=r"0 card \(Fake\) does not take 16-bit audio at 24000 Hz or 48000 Hz"
    ):
        Speaker()
    with pytest.raises(AudioError, match="block_ms"):
        Microphone(block_ms=0)


def test_what_cannot_be_opened_or_started_is_said(pa: FakePortAudio) -> None:
    def refuse(name: str) -> None:
        def on_call(_: int, called: str) -> None:
            if called == name:
                raise pa.PortAudioError("Device\nbusy", -9985)

        pa.on_call = on_call

    refuse("open")
    with pytest.raises(AudioError, match=r"cannot be opened: Device busy; see if another program holds it"):
        Microphone()
    refuse("start")
    speaker = Speaker()
    with pytest.raises(AudioError, match="cannot be started"):
        speaker.start(Player().pull)
    assert pa.stream.closed
    pa.on_call = lambda number, name: None
    speaker.start(Player().pull)
    with pytest.raises(AudioError, match="started already"):
        speaker.start(Player().pull)
    speaker.stop()
    speaker.stop()
    assert pa.stream.closed


def test_without_the_package_or_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtra, match="audio"):
        Microphone()

    class Finder:
        """Finds a package whose library is not there, as the real one says it."""

        def find_spec(self, name: str, *_: Any) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(AudioError, match="PortAudio library is not installed; apt install"):
        Speaker()


# Every sample once


@pytest.mark.parametrize("rate", RATES)
def test_out_whatever_the_size_of_blocks(pa: FakePortAudio, rate: int) -> None:
    """From 1 frame to 4096: what was fed is what sounds, in order, complete and once."""
    pa.cards[0].rates, pa.cards[0].rate = (rate,), rate
    for size in range(1, 4097):
        fed = counted(2 * size + 123)
        speaker, player = Speaker(), player_of(rate)
        player._ring.write(fed)  # at the device's rate: what comes before the ring has its own tests
        speaker.start(player.pull)
        for frames in sizes(len(fed) + size, size):
            pa.stream.pull(frames)
        sounded = pa.stream.sounded
        assert np.array_equal(sounded[: len(fed)], fed), size
        assert not sounded[len(fed) :].any(), size
        speaker.stop()


@pytest.mark.parametrize("rate", RATES)
def test_in_whatever_the_size_of_blocks(pa: FakePortAudio, rate: int) -> None:
    """The same for what is heard; each frame with its time."""
    pa.cards[0].rates, pa.cards[0].rate = (rate,), rate
    for size in range(1, 4097):
        said = counted(2 * size + 123)
        microphone, began = Microphone(), pa.now
        got, at = [], 0
        for number, frames in enumerate(sizes(len(said), size)):
            pa.stream.push(said[at : at + frames])
            at += frames
            if number % 3 == 0:
                got.append(microphone.read_captured())
        got.append(microphone.read_captured())
        assert np.array_equal(np.concatenate([one.samples for one in got]), said), size
        assert got[0].at == pytest.approx(began - pa.input_latency, abs=1e-6)
        assert got[-1].until(rate) == pytest.approx(pa.now - pa.input_latency, abs=1e-6)
        assert not any(one.gap for one in got)
        microphone.close()
        assert microphone.exhausted
        pa.streams.clear()


@pytest.mark.parametrize("rate", RATES)
def test_resampled_it_is_what_the_whole_would_be(pa: FakePortAudio, rate: int) -> None:
    """From the wire to a device of another rate, in odd pieces and odd blocks: not a frame more or less."""
    pa.cards[0].rates, pa.cards[0].rate = (rate,), rate
    tone = (np.sin(np.arange(24_000) / 7) * 12_000).astype(np.int16)
    whole = tone
    if rate != 24_000:
        resampler = Resampler(24_000, rate)
        whole = np.concatenate([resampler.process(tone), resampler.flush()])
    speaker, player = Speaker(), player_of(rate)
    data = tone.tobytes()
    for start in range(0, len(data), 3333):
        player.feed(KEY, data[start : start + 3333], "audio/pcm", pa.now)
    player.end(KEY)
    speaker.start(player.pull)
    for frames in sizes(rate + 2000, 441):
        pa.stream.pull(frames)
    assert len(whole) == rate
    # Cut into pieces, soxr's rounding may differ in the last bit.
    assert np.abs(pa.stream.sounded[:rate].astype(int) - whole).max() <= 1
    assert not pa.stream.sounded[rate:].any()


def test_to_all_channels_and_from_all(pa: FakePortAudio) -> None:
    """A device that will not have one channel is given two alike, and its two are mixed."""
    pa.cards[0].channels = (2,)
    speaker, player = Speaker(), player_of(24000)
    player._ring.write(counted(100))
    speaker.start(player.pull)
    block = pa.stream.pull(64)
    assert np.array_equal(block[:, 0], block[:, 1])
    assert np.array_equal(block[:, 0], counted(64))
    assert np.array_equal(pa.stream.pull(100)[:36, 1], counted(100)[64:])
    microphone = Microphone()
    loud = np.array([[32767, 32767], [-32768, -32768], [100, 300], [-1, 0]], np.int16)
    pa.stream.push(loud)
    pa.stream.push(loud[:2])
    assert microphone.read_available().tolist() == [32767, -32768, 200, -1, 32767, -32768]


@pytest.mark.parametrize("seed", range(200))
def test_jitter_and_late_callbacks(pa: FakePortAudio, seed: int) -> None:
    """Blocks of any size at any time, fed in any pieces: all of it sounds in order, once, however late."""
    random = Random(seed)
    speaker, player = Speaker(), player_of(24000)
    speaker.start(player.pull)
    fed = counted(random.randint(1, 20_000))
    at = 0
    while at < len(fed) or player.playing:
        piece = fed[at : at + random.randint(1, 3000)]
        if len(piece):
            player.feed(KEY, piece.tobytes(), "audio/pcm", pa.now)
            at += len(piece)
            if at == len(fed):
                player.end(KEY)
        for _ in range(random.randint(0, 3)):
            pa.stream.pull(random.choice((1, 2, 64, 480, 4096)), late=random.choice((0.0, 0.0, 0.003, 0.7)))
        if not len(piece):
            pa.stream.pull(480)
        player.poll(pa.now)
    sounded = pa.stream.sounded
    assert np.array_equal(sounded[sounded != 0], fed)
    heard = player.heard(KEY, pa.now)
    assert heard is not None
    assert heard.frames == len(fed)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_reader_that_stalls_loses_the_oldest_and_knows_how_much(data: st.DataObject) -> None:
    """At most the latest 2 s wait; whatever is missing is counted where it is missing."""
    capture = Capture(1000)
    said = lost = 0
    for _ in range(data.draw(st.integers(1, 30))):
        for _ in range(data.draw(st.integers(0, 6))):
            frames = data.draw(st.integers(1, 2500))
            capture.write(counted(said + frames)[said:], said / 1000)
            said += frames
        samples, at, gap = capture.read()
        lost += gap
        first = said - len(samples)
        assert len(samples) <= 2000
        assert np.array_equal(samples, counted(said)[first:])
        assert at == pytest.approx(first / 1000 if len(samples) else said / 1000, abs=1e-6)
    assert capture.lost == lost
    assert capture.read().gap == 0


# Time


def test_finished_is_after_the_last_sample_and_the_devices_latency(pa: FakePortAudio) -> None:
    """Received, played and heard are three moments, and the last one is the device's to tell."""
    pa.output_latency = 0.08
    speaker, player = Speaker(), player_of(24000)
    speaker.start(player.pull)
    player.feed(KEY, counted(2400).tobytes(), "audio/pcm", pa.now)
    player.end(KEY)
    began, told = pa.now, {}
    for _ in range(40):
        pa.stream.pull(240)
        told.update({mark.kind: pa.now - began for mark in player.poll(pa.now)})
    # 100 ms of sound, the first of it 80 ms after the first call; seen at the end of a 10 ms block.
    assert told["started"] == pytest.approx(0.09, abs=0.0101)
    assert told["finished"] == pytest.approx(0.18, abs=0.0101)
    assert told["finished"] >= 0.18


def test_how_long_a_device_sounds_on(pa: FakePortAudio) -> None:
    """After an interruption: what it had, no more."""
    speaker, player = Speaker(), Player(24000, prebuffer_ms=0)
    speaker.start(player.pull)
    assert player.sounding_for(pa.now) == 0.0
    player.feed(KEY, counted(24000).tobytes(), "audio/pcm", pa.now)
    for _ in range(10):
        pa.stream.pull(480)
    player.interrupt(pa.now)
    left = player.sounding_for(pa.now)
    assert left == pytest.approx(pa.output_latency + 0.02 + 0.005, abs=0.0011)
    pa.stream.pull(480)
    assert player.sounding_for(pa.now) == pytest.approx(left - 0.02, abs=0.021)
    for _ in range(5):
        pa.stream.pull(480)
    assert player.sounding_for(pa.now) == 0.0


def test_hosts_that_tell_no_times(pa: FakePortAudio) -> None:
    """Zeros and nonsense are not believed: a block was heard as it came, and plays when it will."""
    microphone = Microphone()
    for latency in (2000.0, -5.0, 11.0):
        pa.input_latency = latency
        pa.stream.push(counted(240))
        captured = microphone.read_captured()
        assert captured.until(24000) == pytest.approx(pa.now, abs=1e-6)
    told: list[float | None] = []
    speaker = Speaker()
    assert speaker.latency == pytest.approx(0.12)

    def pull(out: Samples, latency: float | None = None, /) -> int:
        told.append(latency)
        return 0

    speaker.start(pull)
    pa.output_latency = -5000.0
    pa.stream.pull(10)
    assert told == [None]
    assert speaker.latency == pytest.approx(pa.stream.latency + 0.02)


# What goes wrong in a callback


def test_an_exception_is_silence_and_a_flag(pa: FakePortAudio) -> None:
    def pull(out: Samples, latency: float | None = None, /) -> int:
        out[:] = 99
        raise ZeroDivisionError

    for channels in ((1, 2), (2,)):
        pa.cards[0].channels = channels
        speaker = Speaker()
        speaker.start(pull)
        assert not pa.stream.pull(100).any()
        assert isinstance(speaker.fault, ZeroDivisionError)
        speaker.stop()
    microphone = Microphone()
    pa.stream.callback(b"odd", 1, None, None)
    assert isinstance(microphone.fault, AttributeError)
    pa.stream.push(counted(10))
    assert microphone.read_available().tolist() == counted(10).tolist()


def test_what_portaudio_complains_of_is_counted(pa: FakePortAudio) -> None:
    microphone = Microphone()
    pa.stream.push(counted(10), status=Flags(input_overflow=True))
    pa.stream.push(counted(10))
    assert microphone.overflows == 1
    assert microphone.read_captured().gap == 0
    # What it dropped, the clock tells: at once, or one reading later if the hole is in the middle.
    pa.now += 0.3
    pa.stream.push(counted(240), status=Flags(input_overflow=True))
    assert microphone.read_captured().gap == 7200
    pa.stream.push(counted(240))
    pa.now += 0.2
    pa.stream.push(counted(240), status=Flags(input_overflow=True))
    assert microphone.read_captured().gap == 0
    pa.stream.push(counted(240))
    assert microphone.read_captured().gap == 4800
    pa.now += 0.2
    pa.stream.push(counted(240))
    assert microphone.read_captured().gap == 0
    assert microphone.overflows == 3
    speaker = Speaker()
    speaker.start(Player().pull)
    pa.stream.pull(10, status=Flags(output_underflow=True))
    pa.stream.pull(10)
    assert speaker.underflows == 1

"""Devices that disappear at any moment, and come back: told once each, and nothing of it is doubled."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.audio.player import Player
from realtime_raw.devices import stream as stream_module
from realtime_raw.devices.base import DeviceChange
from realtime_raw.devices.host import LOCK
from realtime_raw.devices.portaudio import Microphone, Speaker
from realtime_raw.errors import AudioError
from realtime_raw.types import AudioKey
from tests.devices.fake_portaudio import Card, FakePortAudio, Flags, install

KEY = AudioKey("item")
NO_TIME = SimpleNamespace(outputBufferDacTime=0.0, inputBufferAdcTime=0.0, currentTime=0.0)


def counted(frames: int, start: int = 0) -> Samples:
    return ((np.arange(frames) + start) % 32767 + 1).astype(np.int16)


@pytest.fixture
def card() -> Card:
    return Card("usb", inputs=1, outputs=1)


@pytest.fixture
def pa(card: Card, monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    return install(FakePortAudio(card, Card("built-in", inputs=2, outputs=2)), monkeypatch)


def watch(
    pa: FakePortAudio, *devices: Microphone | Speaker, seconds: float, calling: bool = True
) -> list[DeviceChange]:
    """Look every 20 ms, for so long; streams that are well go on calling, for no frames."""
    changes = []
    for _ in range(round(seconds * 50)):
        pa.now += 0.02
        for one in pa.streams:
            if calling and one.running and one.card.plugged:
                one.callback(bytearray(), 0, NO_TIME, Flags())
        for device in devices:
            change = device.check(pa.now)
            if change is not None:
                changes.append(change)
    return changes


def running(player: Player, device: str | None = None) -> Speaker:
    speaker = Speaker(device)
    speaker.start(player.pull)
    return speaker


def test_unplugged_and_plugged_in(pa: FakePortAudio, card: Card) -> None:
    microphone = Microphone("usb")
    pa.stream.push(counted(480))
    assert microphone.check(pa.now) is None
    pa.unplug(card)
    (lost,) = watch(pa, microphone, seconds=5)
    assert lost == DeviceChange("lost", "usb", "input", "it stopped by itself")
    assert (microphone.lost, len(microphone.read_available())) == (True, 480)
    pa.plug(card)
    (back,) = watch(pa, microphone, seconds=10)
    assert back._replace(away=0.0) == DeviceChange("restored", "usb", "input")
    assert 5 < back.away < 15
    pa.stream.push(counted(480, 480))
    captured = microphone.read_captured()
    assert captured.samples.tolist() == counted(480, 480).tolist()
    # 15 s and some were not heard by anybody, and that is known.
    assert captured.gap / 24000 == pytest.approx(15.0, abs=0.1)
    assert (watch(pa, microphone, seconds=0.1), microphone.lost) == ([], False)


def test_what_nobody_foresaw_is_tried_again(
    pa: FakePortAudio, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device is not given up over an error that is not PortAudio's: another version of sounddevice, say."""

    def missing() -> None:
        raise AttributeError("_terminate")

    speaker = running(Player(24000), "usb")
    pa.unplug(card)
    with monkeypatch.context() as patch:
        patch.setattr(pa, "_terminate", missing)
        (lost,) = watch(pa, speaker, seconds=5)
        assert (lost.kind, speaker.lost) == ("lost", True)
    pa.plug(card)
    assert [change.kind for change in watch(pa, speaker, seconds=10)] == ["restored"]


@pytest.mark.parametrize("how", ["inactive", "error", "still"])
def test_every_way_to_be_gone(pa: FakePortAudio, card: Card, how: str) -> None:
    """Inactive without a word, failing when asked, or never calling again."""
    speaker = running(Player(24000))
    pa.stream.pull(480)
    assert watch(pa, speaker, seconds=0.5) == []
    if how == "inactive":
        pa.stream.running = False
    elif how == "error":
        pa.stream.broken = "Unanticipated\nhost error"
    reasons = {
        "inactive": "it is no longer active",
        "error": "Unanticipated host error",
        "still": "it has not called for 5 s",
    }
    changes = watch(pa, speaker, seconds=6, calling=how != "still")
    assert changes[0] == DeviceChange("lost", "usb", "output", reasons[how])
    assert [change.kind for change in changes[1:]] == ["restored"]


def test_a_program_that_stood_still_lost_nothing(pa: FakePortAudio) -> None:
    """Ten seconds without a look are not ten seconds without a call."""
    speaker = running(Player(24000))
    for _ in range(5):
        pa.stream.pull(480)
        assert speaker.check(pa.now) is None
        pa.now += 10.0
        assert speaker.check(pa.now) is None
        pa.now += 10.0


def test_sound_goes_on_where_it_was(pa: FakePortAudio, card: Card) -> None:
    """What the ring held waits for the device; not a sample is played twice or left out."""
    player = Player(24000, prebuffer_ms=0, fade_ms=0)
    player.feed(KEY, counted(9600).tobytes(), "audio/pcm", pa.now)
    player.end(KEY)
    speaker = running(player, "usb")
    for _ in range(7):
        pa.stream.pull(480)
    pa.unplug(card)
    assert [change.kind for change in watch(pa, speaker, seconds=3)] == ["lost"]
    player.poll(pa.now)
    assert player.playing
    pa.plug(card)
    assert [change.kind for change in watch(pa, speaker, seconds=8)] == ["restored"]
    for _ in range(20):
        pa.stream.pull(480)
    sounded = np.concatenate([one.sounded for one in pa.streams])
    assert np.array_equal(sounded[: len(counted(9600))], counted(9600))
    assert not sounded[9600:].any()
    assert [mark.kind for mark in player.poll(pa.now)] == ["finished"]


def test_a_default_that_moved_is_followed(pa: FakePortAudio, card: Card) -> None:
    """Without a name it is whatever is the default now; with one, nothing else will do."""
    microphone, named = Microphone(), Microphone("usb")
    pa.unplug(card)
    changes = watch(pa, microphone, named, seconds=6)
    assert [(change.kind, change.device) for change in changes] == [
        ("lost", "usb"),
        ("lost", "usb"),
        ("restored", "built-in"),
    ]
    assert (microphone.device.name, named.lost) == ("built-in", True)


def test_only_the_old_rate_will_do(pa: FakePortAudio, card: Card) -> None:
    """The player was made for it."""
    speaker = running(Player(24000), "usb")
    pa.unplug(card)
    card.rates = (48000,)
    pa.plug(card)
    assert [change.kind for change in watch(pa, speaker, seconds=10)] == ["lost"]
    card.rates = (24000,)
    assert [change.kind for change in watch(pa, speaker, seconds=10)] == ["restored"]


def test_of_twins_the_number_decides(pa: FakePortAudio, card: Card) -> None:
    pa.cards.insert(1, Card("usb", inputs=1, outputs=1))
    pa._look()
    microphone = Microphone(1)
    pa.stream.running = False
    watch(pa, microphone, seconds=3)
    assert microphone.device.index == 1


def test_looking_again_interrupts_nobody_who_is_busy(pa: FakePortAudio, card: Card) -> None:
    """Not for ten seconds, then it must; the other one goes on behind a hole it knows of."""
    microphone, player = Microphone("built-in"), Player(24000)
    survivor = pa.stream
    speaker = Speaker("usb")
    speaker.start(player.pull)
    microphone.in_use = True
    survivor.push(counted(480))
    pa.unplug(card)
    watch(pa, speaker, seconds=5)
    assert ("_terminate" in pa.calls, survivor.closed) == (False, False)
    watch(pa, speaker, seconds=8)
    assert ("_terminate" in pa.calls, survivor.closed) == (True, True)
    microphone.read_available()
    pa.stream.push(counted(480))
    captured = microphone.read_captured()
    assert captured.samples.tolist() == counted(480).tolist()
    assert captured.gap > 0
    # At rest, it is done at once.
    microphone.in_use = False
    pa.calls.clear()
    watch(pa, speaker, seconds=8.1)
    assert "_terminate" in pa.calls


def test_a_survivor_that_does_not_survive_is_lost_too(pa: FakePortAudio, card: Card) -> None:
    microphone, speaker = Microphone("built-in"), Speaker("usb")
    speaker.start(Player(24000).pull)
    pa.unplug(card)
    pa.unplug(pa.cards[1], silently=True)
    changes = watch(pa, speaker, microphone, seconds=4)
    assert [(change.kind, change.device) for change in changes] == [("lost", "usb"), ("lost", "built-in")]
    assert changes[1].reason == "1 built-in (Fake) is not back"
    for one in pa.cards:
        pa.plug(one)
    changes = watch(pa, speaker, microphone, seconds=30)
    assert sorted(change.device for change in changes) == ["built-in", "usb"]


def test_closed_while_it_is_being_looked_for(
    pa: FakePortAudio, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays closed; the attempt that was under way opens nothing."""
    waiting: list[Any] = []
    monkeypatch.setattr(stream_module, "in_background", waiting.append)
    microphone = Microphone()
    pa.unplug(card)
    watch(pa, microphone, seconds=1)
    assert len(waiting) == 1
    microphone.close()
    opened = len(pa.streams)
    pa.plug(card)
    waiting[0]()
    assert len(pa.streams) == opened
    assert watch(pa, microphone, seconds=3) == []


def test_nobody_waits_for_a_driver_that_is_stuck(
    pa: FakePortAudio, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one call into PortAudio does not return, looking sees nothing, and closing gives up."""
    monkeypatch.setattr(stream_module, "_CLOSE_S", 0.01)
    microphone = Microphone()
    pa.unplug(card)
    with LOCK:
        assert microphone.check(pa.now) is None
        microphone.close()
    assert not pa.stream.closed


def everything(pa: FakePortAudio, card: Card) -> tuple[int, list[str]]:
    """Talk and listen for a while, whatever happens; returns the frames heard, and what was told.

    Raises `AudioError` if a device was gone before it was ever there.
    """
    microphone = Microphone("usb")
    player = Player(24000, prebuffer_ms=0, fade_ms=0)
    speaker = Speaker("usb")
    speaker.start(player.pull)
    player.feed(KEY, counted(24000).tobytes(), "audio/pcm", pa.now)
    player.end(KEY)
    told: list[str] = []
    said, got = 0, np.zeros(0, np.int16)
    for turn in range(3000):
        for one in [one for one in pa.streams if one.running]:
            if not one.card.plugged:
                continue
            if one.direction == "output":
                one.pull(240)
            else:
                one.push(counted(240, said))
                said += 240
        got = np.concatenate((got, microphone.read_available()))
        told += [change.kind for change in watch(pa, microphone, speaker, seconds=0.02)]
        player.poll(pa.now)
        if not card.plugged and turn % 400 == 399:
            pa.plug(card)
        if not player.playing and not microphone.lost and not speaker.lost and turn > 150:
            break
    assert np.array_equal(got, counted(said)[: len(got)])
    assert said - len(got) <= 240
    sounded = np.concatenate([one.sounded for one in pa.streams if one.direction == "output"])
    assert np.array_equal(sounded[sounded != 0], counted(24000))
    microphone.close()
    speaker.stop()
    assert all(one.closed for one in pa.streams)
    return len(got), told


def pull_out(pa: FakePortAudio, card: Card, step: int, number: int, name: str) -> None:
    """At that call."""
    if number == step:
        pa.unplug(card)


@pytest.mark.timeout(300)
def test_lost_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The card is pulled out at each call into PortAudio, one run after the other, until none is left.

    Whenever it happens: before it was open, that is said at once; afterwards all that was said is
    there once and all that was to be heard has sounded once, and each loss has its return.
    """
    early = whole = 0
    steps = 0
    for step in range(1, 1000):
        card = Card("usb", inputs=1, outputs=1)
        pa = install(FakePortAudio(card, Card("built-in", inputs=2, outputs=2)), monkeypatch)

        pa.on_call = partial(pull_out, pa, card, step)
        try:
            _, told = everything(pa, card)
        except AudioError:
            early += 1
        else:
            whole += 1
            assert told.count("lost") == told.count("restored")
        steps = len(pa.calls)
        if steps < step:
            break
    else:
        pytest.fail("there is no end of steps")
    assert (early, whole > 50) == (10, True)


@pytest.mark.parametrize("step", range(1, 40))
def test_lost_again_while_it_comes_back(pa: FakePortAudio, card: Card, step: int) -> None:
    """The same for every call of an attempt at reopening: the next attempt gets it."""
    microphone, speaker = Microphone("usb"), running(Player(24000))
    pa.unplug(card)
    watch(pa, microphone, speaker, seconds=1)
    pa.plug(card)
    pa.on_call = partial(pull_out, pa, card, len(pa.calls) + step)
    watch(pa, microphone, seconds=9)
    pa.plug(card)
    # The speaker is the default one, so it may have moved on.
    changes = watch(pa, microphone, speaker, seconds=30)
    assert not microphone.lost
    assert not speaker.lost
    assert changes is not None
    said = counted(480)
    next(one for one in pa.streams if one.running and one.direction == "input").push(said)
    assert microphone.read_available()[-480:].tolist() == said.tolist()

"""Which devices a session gets: named, default, files, none; and what happens where one cannot be had."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

import realtime_raw as rt
from realtime_raw.cli import sound as module
from realtime_raw.cli.screen.notes import Notes
from realtime_raw.cli.sound import FileMicrophone, Sound, open_sound
from realtime_raw.devices.base import LiveSource
from realtime_raw.devices.fake import FakeInput, FakeOutput
from realtime_raw.devices.files import FileSink
from realtime_raw.errors import AudioError, MissingExtra
from realtime_raw.loopback import LoopbackServer
from tests.cli.helpers import tone


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_file_as_a_microphone(question: Path) -> None:
    """Silent until somebody talks, then the file in real time, then silent again; and again."""
    clock = Clock()
    microphone = FileMicrophone(str(question), clock)
    assert isinstance(microphone, LiveSource)
    clock.now += 0.1
    silence = microphone.read_captured()
    assert (silence.at, len(silence.samples)) == (100.0, 2400)
    assert not silence.samples.any()
    for _ in range(2):
        microphone.begin()
        clock.now += 0.2
        first = microphone.read_available()
        clock.now += 0.5
        rest = microphone.read_captured()
        assert rest.at == pytest.approx(clock.now - 0.5)
        said = np.concatenate([first, rest.samples])
        assert (said[:12_000] == tone(0.5)).all()
        assert not said[12_000:].any()
    assert not microphone.exhausted
    microphone.close()
    assert microphone.exhausted


def test_no_frame_is_lost_to_rounding(question: Path) -> None:
    """However often it is read."""
    clock = Clock()
    microphone = FileMicrophone(str(question), clock)
    count = 0
    for _ in range(999):
        clock.now += 0.00137
        count += len(microphone.read_available())
    assert abs(count - 999 * 0.00137 * 24_000) < 2


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A sound card; the list says which devices were asked for."""
    asked: list[object] = []

    def microphone(device: object) -> FakeInput:
        asked.append(device)
        return FakeInput()

    def speaker(device: object) -> FakeOutput:
        asked.append(device)
        return FakeOutput()

    monkeypatch.setattr("realtime_raw.devices.portaudio.Microphone", microphone)
    monkeypatch.setattr("realtime_raw.cli.loudspeaker.Loudspeaker", speaker)
    return asked


def test_devices_by_number_name_and_default(card: list[object]) -> None:
    """A number is an index; anything else a part of a name."""
    notes = Notes()
    for microphone, speaker in ((None, None), ("3", "Phones"), ("none", "none")):
        open_sound(microphone, speaker, notes)
    assert card == [None, None, 3, "Phones"]
    assert notes.drain() == []


def test_files_in_their_place(question: Path, tmp_path: Path, card: list[object]) -> None:
    """What is played is written down, under its name at the end."""
    heard = tmp_path / "heard.wav"
    sound = open_sound(f"file:{question}", f"file:{heard}", Notes())
    assert isinstance(sound.source, FileMicrophone)
    assert isinstance(sound.sink, FileSink)
    assert not heard.exists()
    sound.close()
    assert heard.exists()
    assert card == []


def broken(device: object) -> FakeInput:
    """A device that cannot be had."""
    raise AudioError("it is on fire", hint="extinguish it")


def test_a_default_that_cannot_be_had_is_left_out(
    card: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And said; one that was named is an error, and the other is let go of."""
    monkeypatch.setattr("realtime_raw.cli.loudspeaker.Loudspeaker", broken)
    notes = Notes()
    sound = open_sound(None, None, notes)
    assert (sound.source is not None, sound.sink) == (True, None)
    assert [line.text for line in notes.drain()] == ["no loudspeaker: it is on fire; extinguish it"]
    with pytest.raises(AudioError, match="on fire"):
        open_sound(None, "Phones", notes)
    monkeypatch.setattr("realtime_raw.devices.portaudio.Microphone", broken)
    assert open_sound(None, "none", notes).source is None
    with pytest.raises(AudioError, match="on fire"):
        open_sound("3", "none", notes)


class Burning(FakeOutput):
    """A loudspeaker that fails only when it is started, as real ones do."""

    def start(self, pull: object) -> None:
        raise AudioError("it is on fire")


async def test_a_loudspeaker_that_does_not_start() -> None:
    """The session goes on without it, unless it was asked for by name."""
    notes = Notes()
    async with LoopbackServer() as server, rt.connect(server.url) as conn:
        sound = Sound(FakeInput(), Burning())
        sound.attach(conn, notes, preroll_ms=0, full_duplex=False)
        assert sound.talking is not None
        assert sound.sink is None
        assert [line.text for line in notes.drain()] == ["no loudspeaker: it is on fire"]
    async with LoopbackServer() as server, rt.connect(server.url) as conn:
        with pytest.raises(AudioError, match="on fire"):
            Sound(None, Burning(), fixed=True).attach(conn, notes, preroll_ms=0, full_duplex=False)
        nothing = Sound()
        nothing.attach(conn, notes, preroll_ms=0, full_duplex=False)
        assert nothing.talking is None


def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to get it."""

    def absent(device: object) -> FakeInput:
        raise MissingExtra("audio", "using a microphone")

    monkeypatch.setattr("realtime_raw.devices.portaudio.Microphone", absent)
    notes = Notes()
    assert open_sound(None, "none", notes).source is None
    assert "realtime_raw[audio]" in notes.drain()[0].text


def test_nobody_listens(tmp_path: Path) -> None:
    """For a recording without a loudspeaker: the sound takes its time and goes nowhere."""
    sound = module.open_listener(None)
    assert sound.sink is not None
    sound.close()
    assert module.open_listener("none").sink is None


async def test_nobody_waits_for_a_loudspeaker_that_is_gone() -> None:
    """What is played is waited for; what cannot be heard, because it was unplugged, is not."""
    mouth = FakeOutput()
    async with LoopbackServer(speed=50.0) as server, rt.connect(server.url) as conn:
        sound = Sound(None, mouth)
        sound.attach(conn, Notes(), preroll_ms=0, full_duplex=False)
        await sound.heard_out(conn)
        await conn.insert("Say only: plum")
        await (await conn.respond()).done()
        waiting = asyncio.create_task(sound.heard_out(conn))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        mouth.lose()
        async with asyncio.timeout(10):
            await waiting
        assert conn.player.playing

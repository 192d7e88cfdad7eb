"""Whole calls with the simulated server and a real player; only the ill ones raise an alarm."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from realtime_raw.audio.player import Player
from realtime_raw.events.client import ConversationItemCreate, InputAudioBufferCommit, ResponseCreate
from realtime_raw.events.items import user
from realtime_raw.explain import explain
from realtime_raw.protocol.core import Options
from tests.pair.link import Link

CHUNK_MS = 20


def tone(ms: int, level: int = 8000) -> bytes:
    """A hum that turn detection takes for speech, or silence."""
    t = np.arange(24 * ms)
    return (level * np.sin(2 * math.pi * 300 * t / 24000)).astype("<i2").tobytes()


class Asker:
    """Asks for an explanation at every tick, and remembers what is worse than a note."""

    def __init__(self, link: Link, player: Player) -> None:
        self.link = link
        self.player = player
        self.alarms: list[str] = []
        self._block = np.zeros(24 * CHUNK_MS, dtype=np.int16)

    def tick(self, now: float) -> None:
        """A device block, and the question."""
        self.player.pull(self._block)
        found = explain(self.link.client, now)
        self.alarms += [f"{now:.2f} {one}" for one in found if one.severity != "note"]

    def speak(self, audio: bytes) -> None:
        """A live microphone: a piece each 20 ms."""
        size = 48 * CHUNK_MS
        for start in range(0, len(audio), size):
            self.link.client.append_audio(audio[start : start + size], self.link.now)
            self.link.run(CHUNK_MS / 1000, tick=self.tick)


def call(**options: Any) -> Asker:
    player = Player(prebuffer_ms=0)
    return Asker(Link(playhead=player, options=Options(**options)).connect(), player)


def spoken_turns(asker: Asker) -> None:
    link = asker.link
    for _ in range(2):
        asker.speak(tone(1500))
        link.client.send(InputAudioBufferCommit(), link.now)
        link.client.send(ResponseCreate(), link.now)
        link.run(30.0, tick=asker.tick)


def written_turns(asker: Asker) -> None:
    link = asker.link
    for _ in range(2):
        link.client.send(ConversationItemCreate(item=user("Say hello.")), link.now)
        link.client.send(ResponseCreate(), link.now)
        link.run(30.0, tick=asker.tick)


def interrupted_turn(asker: Asker) -> None:
    link = asker.link
    link.client.send(ConversationItemCreate(item=user("Say hello.")), link.now)
    link.client.send(ResponseCreate(), link.now)
    link.run(1.0, tick=asker.tick)
    link.client.interrupt(link.now)
    link.run(10.0, tick=asker.tick)


def detected_turns(asker: Asker) -> None:
    for _ in range(2):
        asker.speak(tone(1500))
        asker.speak(tone(1000, level=20))
        asker.link.run(30.0, tick=asker.tick)


@pytest.mark.parametrize(
    ("story", "manual"),
    [(spoken_turns, True), (written_turns, True), (interrupted_turn, True), (detected_turns, False)],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_healthy_call_raises_no_alarm(story: Callable[[Asker], None], manual: bool) -> None:
    """Asked fifty times a second, from the first message to long after the last sound."""
    asker = call(manual_turns=manual)
    story(asker)
    assert asker.alarms == []
    assert asker.link.client.responses.latest is not None, "there was a reply"


def test_a_player_nobody_pulls() -> None:
    asker = call()
    link = asker.link
    link.client.send(ConversationItemCreate(item=user("Say hello.")), link.now)
    link.client.send(ResponseCreate(), link.now)
    link.run(10.0)
    [found] = [one for one in explain(link.client, link.now) if one.severity != "note"]
    assert found.rule == "playback_stuck"


def test_a_device_that_dies() -> None:
    asker = call()
    link = asker.link
    link.client.send(ConversationItemCreate(item=user("Say hello.")), link.now)
    link.client.send(ResponseCreate(), link.now)
    link.run(0.8, tick=asker.tick)
    link.run(60.0)
    [found] = [one for one in explain(link.client, link.now) if one.severity != "note"]
    assert found.rule == "playback_stuck"
    assert "stands still" in found.says


def test_a_microphone_of_another_rate() -> None:
    """48 kHz samples sent as if they were 24."""
    asker = call()
    for _ in range(250):
        asker.link.client.append_audio(tone(2 * CHUNK_MS), asker.link.now)
        asker.link.run(CHUNK_MS / 1000, tick=asker.tick)
    assert "wrong_pace" in {one.rule for one in explain(asker.link.client, asker.link.now)}

"""Whole calls between the client core and the simulated server, in simulated time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from realtime_raw.audio.player import Player
from realtime_raw.events.client import ConversationItemCreate, InputAudioBufferCommit, ResponseCreate
from realtime_raw.events.items import user
from realtime_raw.events.response import ResponseConfig
from realtime_raw.events.server import ConversationItemTruncated
from realtime_raw.protocol.core import Options
from realtime_raw.protocol.signals import (
    AudioReceived,
    CommandConfirmed,
    CommandRefused,
    ConnectionLost,
    InvariantBroken,
    PlaybackFinished,
    PlaybackStarted,
    ProtocolWarning,
    ResponseFinished,
    SessionExpiring,
)
from realtime_raw.types import CloseInfo
from tests.pair.link import Link


def question(link: Link, ms: int = 1000) -> None:
    t = np.arange(24 * ms)
    tone = (8000 * np.sin(2 * math.pi * 300 * t / 24000)).astype("<i2")
    for chunk in np.array_split(tone, 10):
        link.client.append_audio(chunk.tobytes(), link.now)
    link.client.send(InputAudioBufferCommit(), link.now)
    link.client.send(ResponseCreate(), link.now)


def listening(player: Player) -> Callable[[float], None]:
    """A device that takes one 20 ms block at each tick."""
    block = np.zeros(480, dtype=np.int16)

    def tick(now: float) -> None:
        player.pull(block)

    return tick


def test_a_manual_voice_call() -> None:
    player = Player(prebuffer_ms=0)
    link = Link(playhead=player).connect()
    assert link.client.ready
    question(link)
    block = np.zeros(480, dtype=np.int16)
    sounded: list[np.ndarray] = []

    def tick(now: float) -> None:
        player.pull(block)
        sounded.append(block.copy())

    link.run(30.0, tick=tick)
    [finished] = link.of(ResponseFinished)
    assert finished.status == "completed"
    received = b"".join(s.pcm for s in link.of(AudioReceived))
    heard = np.concatenate(sounded)
    answer = np.frombuffer(received, dtype="<i2")
    assert len(answer) > 24000, "an answer of more than a second"
    start = int(np.argmax(heard != 0))
    first = int(np.argmax(answer != 0))
    assert np.array_equal(heard[start : start + len(answer) - first], answer[first:])
    assert len(link.of(PlaybackStarted)) == len(link.of(PlaybackFinished)) == 1
    items = link.client.conversation.items()
    assert [item.role for item in items] == ["user", "assistant"]
    assert items[1].heard == items[1].generated != ""
    assert [item.id for item in items] == [item["id"] for item in link.server.items]
    for bad in (InvariantBroken, CommandRefused, ProtocolWarning):
        assert link.of(bad) == []


def test_a_text_turn() -> None:
    link = Link(speed=math.inf).connect()
    link.client.send(ConversationItemCreate(item=user("Say hello.")), link.now)
    link.client.send(ResponseCreate(response=ResponseConfig(output_modalities=["text"])), link.now)
    link.settle()
    [finished] = link.of(ResponseFinished)
    assert finished.status == "completed"
    items = link.client.conversation.items()
    assert [item.role for item in items] == ["user", "assistant"]
    assert items[1].text
    assert link.of(CommandRefused) == []


@pytest.mark.parametrize("wait", [0.0, 0.1, 0.3, 0.6, 1.0, 2.0, 4.0, 9.0])
def test_an_interruption_at_any_moment_tells_the_server_what_was_heard(wait: float) -> None:
    player = Player(prebuffer_ms=0)
    link = Link(playhead=player, speed=3.0).connect()
    question(link)
    tick = listening(player)
    link.run(wait, tick=tick)
    result = link.client.interrupt(link.now)
    link.run(2.0, tick=tick)
    assert link.of(CommandRefused) == []
    for item in result.items:
        if item.action == "truncate":
            [cut] = link.of(ConversationItemTruncated)
            assert cut.audio_end_ms == item.heard_ms
            assert item.heard_ms is not None
            assert item.heard_ms <= item.received_ms
        if item.action == "delete":
            assert item.item_id not in link.client.conversation
    assert [i.id for i in link.client.conversation] == [i["id"] for i in link.server.items]
    assert link.client.responses.active is None
    question(link)
    link.run(20.0, tick=tick)
    assert link.of(ResponseFinished)[-1].status == "completed"


SENTENCE = "One two three four five six seven eight."


@pytest.mark.parametrize("ms", range(0, 3000, 20))
def test_at_every_20_ms_of_its_playback_an_interruption_is_within_a_block_of_the_ear(ms: int) -> None:
    player = Player(prebuffer_ms=0)
    link = Link(playhead=player, scenario=lambda turn: SENTENCE, speed=50.0).connect()
    question(link, 200)
    link.settle()
    block = np.zeros(480, dtype=np.int16)
    pulled = 0

    def tick(now: float) -> None:
        nonlocal pulled
        pulled += player.pull(block)

    link.run(ms / 1000, tick=tick)
    result = link.client.interrupt(link.now)
    link.run(1.0, tick=tick)
    assert link.of(CommandRefused) == []
    for one in result.items:
        assert one.heard_ms is not None
        assert one.heard_ms <= one.received_ms
        assert abs(one.heard_ms - pulled / 24) <= 20
    for item in link.client.conversation:
        if item.role == "assistant" and item.heard is not None:
            assert item.generated.startswith(item.heard)
            assert item.heard + (item.unheard or "") == item.generated


def messages_of_a_call() -> int:
    link = Link(speed=math.inf).connect()
    question(link)
    link.settle()
    return link.messages


@pytest.mark.parametrize("after", range(messages_of_a_call()))
def test_the_line_lost_at_every_message_leaves_no_command_without_a_fate(after: int) -> None:
    link = Link(speed=math.inf)
    link.drop_after = after
    link.connect()
    if link.of(ConnectionLost):
        return
    sent = [
        link.client.send(ConversationItemCreate(item=user("hi")), link.now),
        link.client.send(ResponseCreate(), link.now),
    ]
    link.settle()
    link.client.disconnected(CloseInfo(1006), link.now)
    link.seen.extend(link.client.events_received())
    fates = [s.event_id for s in link.of(CommandConfirmed)] + [s.event_id for s in link.of(CommandRefused)]
    assert sorted(fates.count(event_id) for event_id in sent) == [1, 1]
    assert link.client.responses.active is None


def test_an_hour_passes_and_the_session_expires_with_notice() -> None:
    link = Link().connect()
    link.run(3700.0)
    [notice] = link.of(SessionExpiring)
    assert notice.expires_in_s == pytest.approx(300, abs=2)
    [lost] = link.of(ConnectionLost)
    assert (lost.close.code, lost.expected) == (1001, False)


def test_with_the_servers_voice_detection_a_whole_conversation_needs_no_verbs() -> None:
    link = Link(options=Options(manual_turns=False)).connect()
    t = np.arange(24000)
    tone = (12000 * np.sin(2 * math.pi * 300 * t / 24000)).astype("<i2").tobytes()
    link.client.append_audio(bytes(24000) + tone + bytes(96000), link.now)
    link.run(30.0)
    [finished] = link.of(ResponseFinished)
    assert finished.status == "completed"
    assert finished.record.origin == "server"
    assert link.of(InvariantBroken) == []

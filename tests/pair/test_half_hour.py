"""Thirty minutes of talk in simulated time: memory stays flat, and all counters tell the same story."""

from __future__ import annotations

import gc
import math
import tracemalloc

import numpy as np
import pytest

from realtime_raw.aio.records import Records
from realtime_raw.audio.pcm import Samples
from realtime_raw.audio.player import Player
from realtime_raw.events.client import InputAudioBufferCommit, ResponseCreate
from realtime_raw.protocol.core import Options, RealtimeProtocol
from realtime_raw.protocol.signals import (
    AudioReceived,
    CommandRefused,
    InvariantBroken,
    PlaybackFinished,
    PlaybackStarted,
    ProtocolWarning,
)
from realtime_raw.protocol.state import Observed
from tests.pair.link import Link

MINUTES = 30
SECONDS = 9  # a question
BLOCK = 2400


class Talk:
    """Question after question, each answered aloud; every third answer is interrupted."""

    def __init__(self) -> None:
        self.player = Player()
        self.link = Link(playhead=self.player, options=Options(), speed=3.0, log_limit=100).connect()
        self.records = Records(self.link.client)
        self.block = np.zeros(BLOCK, np.int16)
        self.sounded = 0
        self.due = 0.0
        self.received = 0
        self.counts = {PlaybackStarted: 0, PlaybackFinished: 0}
        self.bad: list[Observed] = []
        self.turns = 0

    def tick(self, now: float) -> None:
        while self.due <= now:
            self.sounded += self.player.pull(self.block)
            self.due += BLOCK / 24_000
        for event in self.link.seen:
            self.records.observe(event, now)
            if isinstance(event, AudioReceived):
                self.received += len(event.pcm) // 2
            elif isinstance(event, PlaybackStarted | PlaybackFinished):
                self.counts[type(event)] += 1
            elif isinstance(event, CommandRefused | InvariantBroken | ProtocolWarning):
                self.bad.append(event)
        self.link.seen.clear()

    def run(self, seconds: float) -> None:
        self.link.run(seconds, tick=self.tick, step=BLOCK / 24_000)

    def turn(self, question: Samples) -> None:
        self.turns += 1
        client, link = self.client, self.link
        for at in range(0, len(question), BLOCK):
            client.append_audio(question[at : at + BLOCK].tobytes(), link.now)
            self.run(BLOCK / 24_000)
        client.send(InputAudioBufferCommit(), link.now)
        client.send(ResponseCreate(), link.now)
        if self.turns % 3 == 0:
            self.run(1.1)
            client.interrupt(link.now)
        self.run(0.1)
        while self.player.playing or client.responses.active is not None:
            self.run(0.1)
        self.run(0.2)

    @property
    def client(self) -> RealtimeProtocol:
        return self.link.client


def kept() -> int:
    """Bytes that are alive, but for the server's: it keeps all audio, to be able to give it back."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, "*/loopback/*")])
    return sum(trace.size for trace in snapshot.traces)


@pytest.mark.timeout(300)
def test_half_an_hour_of_talk() -> None:
    question = (9000 * np.sin(2 * math.pi * 300 * np.arange(SECONDS * 24_000) / 24_000)).astype(np.int16)
    talk = Talk()
    tracemalloc.start()
    try:
        while talk.link.now < 5 * 60:
            talk.turn(question)
        early, early_turns = kept(), talk.turns
        while talk.link.now < MINUTES * 60:
            talk.turn(question)
        grown, turns = kept() - early, talk.turns - early_turns
    finally:
        tracemalloc.stop()
    # What is kept of a turn are its words and numbers, some 17 kB, and never its sound, some 400 kB.
    assert grown / turns < 32_768

    assert talk.bad == []
    stats = talk.player.statistics()
    assert stats.played == talk.sounded
    assert (stats.underruns, stats.faults, stats.refused, stats.queued, stats.spilled) == (0, 0, 0, 0, 0)
    assert stats.interrupts == talk.turns // 3
    assert talk.counts[PlaybackStarted] == talk.turns
    assert talk.counts[PlaybackFinished] == talk.turns - talk.turns // 3
    items = talk.client.conversation.items()
    assert len(items) == 2 * talk.turns
    assert [item.id for item in items] == [item["id"] for item in talk.link.server.items]
    rows = list(talk.records.turns)
    assert [row.who for row in rows] == ["user", "assistant"] * talk.turns
    assert sum(row.interrupted for row in rows) == talk.turns // 3
    assert sum(row.audio_ms or 0 for row in rows if row.who == "user") == 1000 * SECONDS * talk.turns
    assert talk.client.input_audio.pending_ms == 0
    assert talk.client.input_audio.total_ms == 1000 * SECONDS * talk.turns
    assert talk.received >= talk.sounded

"""Deltas that carry on what the last one began: the same in every way as each looked at by itself."""

from __future__ import annotations

import base64
import json
from contextlib import nullcontext
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from realtime_raw.audio.player import Player
from realtime_raw.errors import LocalProtocolError
from realtime_raw.events.client import ConversationItemDelete, ResponseCreate
from realtime_raw.events.server import ResponseOutputAudioDelta
from realtime_raw.protocol import runs
from realtime_raw.protocol.core import RealtimeProtocol
from realtime_raw.protocol.signals import AudioReceived
from realtime_raw.types import AudioKey, CloseInfo
from tests.protocol.harness import session
from tests.test_deltas import no_short_cuts, shown, state_of

AUDIO = "response.output_audio.delta"
TRANSCRIPT = "response.output_audio_transcript.delta"
TEXT = "response.output_text.delta"
Step = tuple[str, *tuple[Any, ...]]
Way = Literal["in full", "carried", "skimmed"]
WAYS: tuple[Way, ...] = ("in full", "carried", "skimmed")
SOUNDS = (ResponseOutputAudioDelta, AudioReceived)


class Call:
    """One session told all of it: in full, with runs carried on, or with sound skimmed where it lies."""

    def __init__(self, way: Way, *, playing: bool) -> None:
        self.way = way
        # So short a ring that some sequences fill it.
        self.player = Player(24_000, 0.2, 0.0, spill_seconds=0.0) if playing else None
        self.core = RealtimeProtocol(playhead=self.player)
        self.now = 1.0
        self.number = 0
        self.seen: list[Any] = []
        self.sounds = 0
        self.core.connected(0.0)
        self.say("session.created", session=session())
        self.say("session.updated", session=session(audio__input__turn_detection=None))

    def raw(self, text: str) -> None:
        data = text.encode()
        if self.way == "skimmed":
            # Between two others that nobody may look at.
            buffer = bytearray(data + data + data)
            if self.core.runs.skim(memoryview(buffer), buffer, len(data), 2 * len(data), self.now):
                return
        with no_short_cuts() if self.way == "in full" else nullcontext():
            self.core.receive_message(data, self.now)

    def say(self, kind: str, **fields: Any) -> None:
        self.number += 1
        whole = {"type": kind, "event_id": f"event_{self.number}", **fields}
        self.raw(json.dumps(whole, separators=(",", ":"), ensure_ascii=False))

    # Steps

    def reply(self, n: int) -> None:
        item = {"id": f"i{n}", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        beside = {"conversation_id": None} if n == 2 else {"conversation_id": "conv_1"}
        self.say("response.created", response={"id": f"r{n}", **beside})
        self.say("response.output_item.added", response_id=f"r{n}", item=item)
        if n != 2:
            self.say("conversation.item.added", previous_item_id=None, item=item)

    def delta(self, kind: str, n: int, part: int, value: Any, more: dict[str, Any]) -> None:
        said = base64.b64encode(b"\1\2" * value).decode() if kind == AUDIO else value
        of = {"response_id": f"r{n}", "item_id": f"i{n}", "output_index": 0, "content_index": part}
        self.say(kind, **{**of, "delta": said, **more})

    def whole(self, n: int, kind: str, text: str) -> None:
        of = {"response_id": f"r{n}", "item_id": f"i{n}", "output_index": 0, "content_index": 0}
        name = "transcript" if "transcript" in kind else "text"
        self.say(kind, **of, **({} if kind.endswith("audio.done") else {name: text}))

    def done(self, n: int, status: str) -> None:
        self.say("response.done", response={"id": f"r{n}", "status": status, "output": []})

    def server(self, kind: str, n: int) -> None:
        of = {"item_id": f"i{n}", "content_index": 0, "audio_end_ms": 10, "audio_start_ms": 10}
        self.say(kind, **of)

    def verb(self, name: str, n: int) -> None:
        try:
            if name == "interrupt":
                self.core.interrupt(self.now)
            elif name == "cancel":
                self.core.cancel(self.now)
            elif name == "append":
                self.core.append_audio(b"\0\1" * 100, self.now)
            elif name == "delete":
                self.core.send(ConversationItemDelete(item_id=f"i{n}"), self.now)
            elif name == "create":
                self.core.send(ResponseCreate(), self.now, if_busy="wait")
            elif name == "playhead" and self.player is not None:
                self.core.playhead = None if self.core.playhead else self.player
            elif name == "heard":
                self.core.conversation.mark_heard(AudioKey(f"i{n}", 0))
        except LocalProtocolError as exc:
            self.seen.append(str(exc))

    def pass_time(self, ms: int, pulled: bool) -> None:
        self.now += ms / 1000
        if self.player is not None and pulled:
            self.player.pull(np.zeros(24 * ms, np.int16))
        deadline = self.core.next_deadline()
        if deadline is not None and deadline <= self.now:
            self.core.handle_timer(self.now)

    def do(self, step: Step) -> None:
        getattr(self, step[0])(*step[1:])
        self.now += 0.001

    def look(self) -> None:
        sent, observed, deadline = self.core.harvest()
        assert deadline == self.core.next_deadline()
        for one in observed:
            unfolded = list(one.unfold()) if hasattr(one, "unfold") else [one]
            # Of what is skimmed there is nothing to be seen, but for what it brings about.
            self.seen += [shown(event) for event in unfolded if not isinstance(event, SOUNDS)]
            self.sounds += sum(isinstance(event, SOUNDS) for event in unfolded)
        self.seen += [sent, deadline]

    def end(self) -> list[Any]:
        self.core.disconnected(CloseInfo(1006, ""), self.now)
        self.look()
        keys = [AudioKey(f"i{n}", part) for n in range(3) for part in range(2)]
        player = self.player
        ear = [] if player is None else [player.statistics(), *(player.heard(key, self.now) for key in keys)]
        texts = [self.core.conversation.heard_text.cut(key, 20) for key in keys]
        return [self.seen, state_of(self.core), ear, texts, self.core.conversation.as_text()]


MORE = st.sampled_from(
    [{}, {}, {}, {"obfuscation": "xyz"}, {"obfuscation": "ä"}, {"x": 1}, {"response_id": "r0"}]
)
NUMBERS = st.sampled_from([0, 0, 0, 1, 2])
PARTS = st.sampled_from([0, 0, 0, 1])
SAID = st.sampled_from(
    [" word", " wörd", "", 'a "quote"', " of more than forty characters, so shared out by word"]
)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("delta"), st.just(AUDIO), NUMBERS, PARTS, st.integers(0, 700), MORE),
    st.tuples(st.just("delta"), st.just(AUDIO), st.just(0), st.just(0), st.integers(1, 300), st.just({})),
    st.tuples(st.just("delta"), st.sampled_from([TRANSCRIPT, TRANSCRIPT, TEXT]), NUMBERS, PARTS, SAID, MORE),
    st.tuples(st.just("delta"), st.just(TRANSCRIPT), st.just(0), st.just(0), SAID, st.just({})),
    st.tuples(st.just("pass_time"), st.sampled_from([1, 20, 500, 11_000]), st.booleans()),
    st.tuples(st.just("reply"), NUMBERS),
    st.tuples(
        st.just("verb"),
        st.sampled_from(["interrupt", "cancel", "append", "delete", "create", "playhead", "heard"]),
        NUMBERS,
    ),
    st.tuples(
        st.just("whole"),
        NUMBERS,
        st.sampled_from(
            [
                "response.output_audio.done",
                "response.output_audio_transcript.done",
                "response.output_text.done",
            ]
        ),
        SAID,
    ),
    st.tuples(st.just("done"), NUMBERS, st.sampled_from(["completed", "cancelled"])),
    st.tuples(
        st.just("server"),
        st.sampled_from(
            [
                "conversation.item.truncated",
                "conversation.item.deleted",
                "input_audio_buffer.speech_started",
                "input_audio_buffer.speech_stopped",
                "response.output_audio.delta",
                "news",
            ]
        ),
        NUMBERS,
    ),
    st.tuples(
        st.just("raw"), st.sampled_from(["", "{}", '{"type":"response.output_audio.delta","event_id":"'])
    ),
)
TALK: list[Step] = [
    ("reply", 0),
    *[("delta", TRANSCRIPT, 0, 0, " word", {})] * 3,
    *[("delta", AUDIO, 0, 0, 100, {})] * 12,
    ("delta", TRANSCRIPT, 0, 0, " more", {}),
    ("pass_time", 20, True),
    *[("delta", AUDIO, 0, 0, 101, {})] * 3,
]


@settings(max_examples=400, deadline=None)
@given(st.lists(STEPS, max_size=40), st.booleans(), st.booleans(), st.booleans())
@example(TALK, True, True, False)
@example([*TALK, ("verb", "interrupt", 0), *TALK[1:]], True, True, False)
@example([*TALK, ("server", "conversation.item.deleted", 0), *TALK[1:]], True, True, False)
@example([*TALK, ("whole", 0, "response.output_audio_transcript.done", " word"), *TALK[1:]], True, True, True)
@example([*TALK, ("done", 0, "completed"), *TALK[1:]], True, True, True)
@example([*TALK, ("verb", "playhead", 0), *TALK[1:]], True, True, True)
def test_a_sequence_of_anything(steps: list[Step], begun: bool, playing: bool, rarely: bool) -> None:
    """Events, what goes out, deadlines, state, trace, counters, texts and ears, at every step."""
    calls = [Call(way, playing=playing) for way in WAYS]
    for call in calls:
        for i, step in enumerate([("reply", 0), *steps] if begun else steps):
            call.do(step)
            if not rarely or i % 5 == 0:
                call.look()
    whole, *short = (call.end() for call in calls)
    assert short == [whole, whole]
    assert calls[0].sounds == calls[1].sounds >= calls[2].sounds


def test_a_line_that_was_pushed_out_does_not_grow() -> None:
    """Notes may push the line of a run out of the trace: the next delta begins a line of its own."""
    calls = [Call(way, playing=False) for way in WAYS]
    for call in calls:
        call.reply(0)
        for i in range(2):
            call.delta(AUDIO, 0, 0, 100, {})
            call.delta(TRANSCRIPT, 0, 0, " word", {})
            for j in range(1100):
                call.core.trace.not_sent(f"kind {i} {j}", "")
        call.delta(AUDIO, 0, 0, 100, {})
        call.delta(TRANSCRIPT, 0, 0, " word", {})
    whole, *short = (call.end() for call in calls)
    assert short == [whole, whole]
    assert calls[0].sounds == calls[1].sounds >= calls[2].sounds


@pytest.mark.parametrize("playing", [False, True])
def test_most_deltas_of_a_reply_are_taken_so(playing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audio and words that alternate, and a microphone between them, end no run."""
    taken = []
    carry = runs.Runs.carry

    def watched(self: runs.Runs, data: bytes, now: float) -> Any:
        one = carry(self, data, now)
        taken.append(one is not None)
        return one

    monkeypatch.setattr(runs.Runs, "carry", watched)
    call = Call("carried", playing=playing)
    call.reply(0)
    for _ in range(20):
        call.delta(AUDIO, 0, 0, 10, {})
        call.delta(TRANSCRIPT, 0, 0, " word", {})
        call.verb("append", 0)
    assert sum(taken) == 38


def test_sound_that_was_refused_is_not_told_of_again() -> None:
    """The ring was full while sound was skimmed; who wants the events of the next reply gets its own."""
    call = Call("skimmed", playing=True)
    call.reply(0)
    for _ in range(60):
        call.delta(AUDIO, 0, 0, 200, {})
    assert call.core.responses.get("r0") is not None
    assert "ring_full" in [line.about for line in call.core.trace]
    call.done(0, "completed")
    call.core.interrupt(call.now)
    assert call.player is not None
    call.player.pull(np.zeros(24_000, np.int16))
    call.reply(1)
    call.core.drain()
    call.way = "carried"
    for samples in (10, 11, 12):
        call.delta(AUDIO, 1, 0, samples, {})
    told = [one for one in call.core.events_received() if isinstance(one, AudioReceived)]
    assert [(one.item_id, len(one.pcm)) for one in told] == [("i1", 20), ("i1", 22), ("i1", 24)]


@pytest.mark.parametrize("kind", [AUDIO, TRANSCRIPT])
@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("event_9", 'event_"'),
        ("event_9", "event_\\"),
        ("event_9", "event_\n"),
        ("event_9", "event_\x00"),
        ("event_9", "event_ "),
        ("event_9", "event_9_9"),
        ('"}', "}}"),
        ('"}', '""'),
        ('"}', '"]'),
        ('"}', '" }'),
    ],
)
def test_a_message_that_is_all_but_like_the_last(kind: str, part: str, other: str) -> None:
    """In its id or at its end it is no event, or another than it seems: it is read as if it stood alone."""
    calls = [Call(way, playing=False) for way in WAYS]
    for call in calls:
        call.reply(0)
        for _ in range(3):
            call.delta(kind, 0, 0, 6 if kind == AUDIO else " word", {})
        of = {"response_id": "r0", "item_id": "i0", "output_index": 0, "content_index": 0}
        said = base64.b64encode(b"\1\2" * 6).decode() if kind == AUDIO else " word"
        text = json.dumps({"type": kind, "event_id": "event_9", **of, "delta": said}, separators=(",", ":"))
        assert text.count(part) == 1
        call.raw(text.replace(part, other))
        call.delta(kind, 0, 0, 6 if kind == AUDIO else " word", {})
        call.look()
    whole, *short = (call.end() for call in calls)
    assert short == [whole, whole]


def test_the_proof_of_a_full_ring_is_the_sound_that_found_no_room() -> None:
    """And not the words beside it, which came last of what was looked at in full."""
    call = Call("skimmed", playing=True)
    call.reply(0)
    while not (warned := call.core.trace.last("protocol.warning")):
        call.delta(AUDIO, 0, 0, 200, {})
        call.delta(TRANSCRIPT, 0, 0, " word", {})
    assert warned.about == "ring_full"
    assert warned.cause is not None
    assert (warned.cause.type, warned.cause.item_id) == (AUDIO, "i0")

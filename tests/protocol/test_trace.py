"""The trace: what passed lately, bounded, with the proof of what came before a flood still in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw import codec
from realtime_raw.errors import LocalProtocolError, TurnTooShort
from realtime_raw.events.audio_config import ServerVad
from realtime_raw.events.base import UnknownServerEvent
from realtime_raw.events.client import (
    ConversationItemCreate,
    ConversationItemRetrieve,
    InputAudioBufferAppend,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
)
from realtime_raw.events.items import user
from realtime_raw.events.response import ResponseConfig
from realtime_raw.protocol.input_audio import InputAudio, Pace
from realtime_raw.protocol.patch import SessionPatch
from realtime_raw.protocol.trace import Trace, TraceLine
from tests.protocol.harness import Desk

SPEECH = bytes(range(1, 241)) * 20  # 100 ms


def lines(desk: Desk) -> list[TraceLine]:
    return list(desk.core.trace)


def seen(desk: Desk, after: int = 0) -> list[tuple[str, str, int]]:
    return [(line.direction, line.type, line.count) for line in lines(desk)[after:]]


def test_both_directions_with_time_and_ids() -> None:
    desk = Desk().ready()
    desk.now = 2.5
    desk.core.send(ConversationItemCreate(item=user("hi"), event_id="mine"), desk.now)
    desk.hear("response.done", response={"id": "resp_1", "status": "cancelled"}, event_id="theirs")
    sent, came = lines(desk)[-2:]
    assert (sent.direction, sent.type, sent.event_id) == ("out", "conversation.item.create", "mine")
    assert sent.item_id is not None
    assert (came.direction, came.type, came.event_id) == ("in", "response.done", "theirs")
    assert (came.response_id, came.about) == ("resp_1", "cancelled")
    assert sent.at == came.at == 2.5
    assert sent.serial < came.serial


def test_the_opening_is_recorded() -> None:
    desk = Desk()
    desk.now = 7.0
    desk.ready()
    assert desk.core.trace.started == 7.0
    assert [type_ for _, type_, _ in seen(desk)] == [
        "connection.opened",
        "session.created",
        "session.update",
        "session.updated",
    ]


def test_a_long_reply_is_a_few_lines() -> None:
    """Audio and transcript deltas interleave, and each is one line."""
    desk = Desk(manual_turns=False).ready()
    before = len(lines(desk))
    desk.begin()
    for n in range(500):
        desk.now = n / 10
        desk.audio("item_a", "AAAA")
        desk.hear("response.output_audio_transcript.delta", response_id="resp_1", item_id="item_a", delta="x")
    desk.audio("item_b", "AAAA")
    assert seen(desk, before) == [
        ("in", "response.created", 1),
        ("in", "response.output_audio.delta", 500),
        ("in", "response.output_audio_transcript.delta", 500),
        ("in", "response.output_audio.delta", 1),
    ]
    run = lines(desk)[before + 1]
    assert (run.at, run.last_at) == (0.0, 49.9)
    assert run.last_serial - run.serial == 998


def test_appends_are_one_line_a_turn() -> None:
    desk = Desk().ready()
    before = len(lines(desk))
    for _ in range(2):
        for _ in range(3):
            desk.core.append_audio(SPEECH, desk.now)
        desk.core.send(InputAudioBufferCommit(), desk.now)
        desk.hear("input_audio_buffer.committed", item_id="item_u", previous_item_id=None)
    assert (
        seen(desk, before)
        == [
            ("out", "input_audio_buffer.append", 3),
            ("out", "input_audio_buffer.commit", 1),
            ("in", "input_audio_buffer.committed", 1),
        ]
        * 2
    )
    assert lines(desk)[before].size == 3 * len(SPEECH)


def test_appends_by_event_count_like_the_others() -> None:
    desk = Desk().ready()
    desk.core.append_audio(SPEECH, desk.now)
    desk.core.send(InputAudioBufferAppend(audio="AQIDBA=="), desk.now)
    assert (lines(desk)[-1].count, lines(desk)[-1].size) == (2, len(SPEECH) + 4)


def test_reading_a_whole_history_does_not_push_out_the_rest() -> None:
    desk = Desk().ready()
    before = len(lines(desk))
    for n in range(300):
        desk.core.send(ConversationItemRetrieve(item_id=f"item_{n}"), desk.now)
        desk.hear("conversation.item.retrieved", item={"id": f"item_{n}", "type": "message", "role": "user"})
    assert seen(desk, before) == [
        ("out", "conversation.item.retrieve", 300),
        ("in", "conversation.item.retrieved", 300),
    ]


def test_the_same_error_again_and_again_is_one_line() -> None:
    desk = Desk().ready()
    before = len(lines(desk))
    for _ in range(100):
        desk.error("invalid_value", "Invalid 'audio'", param="audio")
    desk.error("invalid_value", "something else")
    assert [count for direction, _, count in seen(desk, before) if direction == "in"] == [100, 1]
    assert len(lines(desk)) == before + 4, "and so is the warning about it"


def test_it_is_bounded_and_remembers_the_last_of_each_type() -> None:
    desk = Desk().ready()
    for n in range(3000):
        desk.hear("input_audio_buffer.cleared", event_id=f"event_{n}")
    assert len(desk.core.trace) == len(lines(desk)) == 1000
    assert lines(desk)[-1].event_id == "event_2999"
    assert desk.core.trace.last("session.updated") is not None, "pushed out, and yet known"
    assert desk.core.trace.last("session.deleted") is None


def test_a_run_that_was_pushed_out_begins_anew() -> None:
    trace = Trace(limit=2)
    trace.appended(2, "input_audio_buffer.append")
    for n in range(2):
        trace.not_sent("response.create", str(n))
    trace.appended(2, "input_audio_buffer.append")
    assert [line.type for line in trace] == ["command.not_sent", "input_audio_buffer.append"]
    assert [line.count for line in trace] == [1, 1]


def test_a_servers_inventions_cost_little() -> None:
    """Endless names, endless texts: a bounded number of lines, each short."""
    trace = Trace()
    for n in range(2000):
        trace.received(UnknownServerEvent(type=f"{n}." + "x" * 1000, event_id="y" * 1000))
    assert len(trace) == 1000
    assert all(len(line.type) <= 300 and len(line.event_id or "") <= 300 for line in trace)


def test_what_is_no_event_is_marked() -> None:
    desk = Desk().ready()
    desk.core.receive_message("{", desk.now)
    desk.hear("response.done", response=7)
    desk.hear("response.sung", response_id=["resp_1"])
    desk.hear("response.audio.delta", response_id="resp_1", item_id="item_a", delta="AAAA")
    invalid, claimed, unknown, renamed = (line for line in lines(desk)[4:] if line.direction == "in")
    assert (invalid.type, invalid.form) == ("", "invalid")
    assert (claimed.type, claimed.form) == ("response.done", "invalid")
    assert desk.core.trace.last("response.done") is None, "no rule may take it for one"
    assert (unknown.type, unknown.form, unknown.response_id) == ("response.sung", "unknown", None)
    assert (renamed.type, renamed.form) == ("response.output_audio.delta", "renamed")
    assert renamed.about == "response.audio.delta"
    assert desk.core.trace.last("response.output_audio.delta") is renamed


def test_a_server_cannot_write_notes_of_ours() -> None:
    desk = Desk().ready()
    for kind in ("connection.lost", "command.refused", "response.create"):
        desk.hear(kind)
        assert desk.core.trace.last(kind) is None
    desk.finish("resp_1", "invalid")
    assert desk.core.trace.last("response.done") is lines(desk)[-1], "an odd status is still an event"


def test_what_tells_commands_apart() -> None:
    desk = Desk().ready()
    desk.core.send(ResponseCreate(response=ResponseConfig(conversation="none")), desk.now)
    desk.core.send(ConversationItemCreate(item=user("hi"), previous_item_id="root"), desk.now)
    desk.core.send(ResponseCancel(response_id="resp_7"), desk.now)
    desk.core.send_raw(json.dumps({"type": "response.create"}).encode(), desk.now)
    desk.core.send_raw(b"{nonsense", desk.now)
    beside, placed, cancel, raw, nonsense = lines(desk)[-5:]
    assert (beside.about, placed.about) == ("out of band", "placed")
    assert (cancel.response_id, cancel.item_id) == ("resp_7", None)
    assert (raw.type, raw.about) == ("response.create", "")
    assert (nonsense.type, nonsense.size) == ("(raw bytes)", 9)


def test_a_fate_points_at_its_cause() -> None:
    desk = Desk().ready()
    event_id = desk.core.send(ConversationItemRetrieve(item_id="item_x"), desk.now)
    desk.error("item_retrieve_invalid_item_id", "no such item", event_id=event_id)
    error, refused = lines(desk)[-2:]
    assert (error.type, error.code, error.detail) == (
        "error",
        "item_retrieve_invalid_item_id",
        "no such item",
    )
    assert (refused.direction, refused.type, refused.about) == (
        "note",
        "command.refused",
        "conversation.item.retrieve",
    )
    assert refused.event_id == event_id
    assert refused.cause is error


def test_a_command_nobody_answers_leaves_a_note() -> None:
    desk = Desk().ready()
    desk.core.send(ConversationItemRetrieve(item_id="item_x"), desk.now)
    desk.later(11)
    note = lines(desk)[-1]
    assert (note.type, note.about, note.cause) == ("command.timed_out", "conversation.item.retrieve", None)
    assert note.at == 10.0
    assert "10.0 s" in note.detail


def test_what_only_the_caller_was_told_is_remembered() -> None:
    desk = Desk().ready()
    desk.core.append_audio(SPEECH[:960], desk.now)
    with pytest.raises(TurnTooShort):
        desk.core.send(InputAudioBufferCommit(), desk.now)
    note = lines(desk)[-1]
    assert (note.type, note.about) == ("command.not_sent", "input_audio_buffer.commit")
    assert "20.0 ms" in note.detail
    with pytest.raises(LocalProtocolError):
        desk.core.patch(SessionPatch(turn_detection=ServerVad()), desk.now)
    assert lines(desk)[-1].about == "session.update"


def test_the_end_is_recorded() -> None:
    desk = Desk().ready()
    desk.core.send(ConversationItemRetrieve(item_id="item_x"), desk.now)
    desk.now = 3.0
    desk.close(1011, "keepalive ping timeout")
    lost, ended = lines(desk)[-2:]
    assert (lost.type, lost.at) == ("command.lost", 3.0)
    assert (ended.type, ended.about, ended.detail) == ("connection.lost", "1011", "keepalive ping timeout")
    assert desk.core.closed is not None
    assert desk.core.closed.code == 1011


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["event_id", "item_id", "response_id", "item", "response"]), JSON))
def test_any_message_has_its_line(fields: dict[str, Any]) -> None:
    """Whatever stands where ids are expected."""
    desk = Desk().ready()
    before = len(lines(desk))
    desk.hear("response.sung.delta", **fields)
    assert [line.type for line in lines(desk)[before:] if line.direction == "in"] == ["response.sung.delta"]


def test_it_is_cheap() -> None:
    """It runs on every message, and most are deltas; their decoding takes some twenty times as long."""
    delta = {"type": "response.output_audio.delta", "response_id": "resp_1", "item_id": "item_1"}
    message = json.dumps({**delta, "event_id": "event_1", "delta": "A" * 6400})
    trace, event = Trace(), codec.decode(message)
    assert quickest(lambda: trace.received(event)) < quickest(lambda: codec.decode(message)) / 2


def quickest(work: Callable[[], object]) -> float:
    """The best of ten rounds: what others do on this machine does not count."""
    times = []
    for _ in range(10):
        start = time.perf_counter()
        for _ in range(300):
            work()
        times.append(time.perf_counter() - start)
    return min(times)


# Input audio: what a diagnosis wants to know of it


def test_silence_is_one_value_again_and_again() -> None:
    audio = InputAudio()
    audio.appended(4800, 0.0, constant=True)
    assert audio.silent_bytes == 4800
    audio.appended(4800, 0.1, constant=False)
    assert audio.silent_bytes == 0


@pytest.mark.parametrize(("audio", "silent"), [(bytes(4800), 100.0), (b"\xd5" * 4800, 100.0), (SPEECH, 0.0)])
def test_a_turn_of_silence_is_known(audio: bytes, silent: float) -> None:
    desk = Desk().ready()
    desk.core.append_audio(SPEECH, desk.now)
    desk.core.send(InputAudioBufferCommit(), desk.now)
    desk.core.append_audio(audio, desk.now)
    desk.core.send(InputAudioBufferCommit(), desk.now)
    assert desk.core.input_audio.silent_turn_ms == silent


def test_silence_by_event_is_known_too() -> None:
    desk = Desk().ready()
    desk.core.send(InputAudioBufferAppend(audio="A" * 6400), desk.now)
    assert desk.core.input_audio.silent_bytes == 4800


def fed(*pieces: tuple[float, float]) -> Pace:
    """A pace after pieces of (seconds of audio, seconds since the last piece)."""
    pace, now = Pace(), 100.0
    for seconds, gap in pieces:
        now += gap
        pace.add(seconds, now)
    return pace


@pytest.mark.parametrize("factor", [0.33, 0.67, 1.0, 2.0, 4.0])
def test_the_pace_of_a_live_source(factor: float) -> None:
    pace = fed(*[(0.02 * factor, 0.02)] * 600)
    assert pace.audio_s / pace.clock_s == pytest.approx(factor, rel=0.01)


def test_jitter_and_pauses_do_not_matter() -> None:
    """Two pieces at once, then none; minutes of muted microphone in between."""
    talk = [(0.02, 0.001), (0.02, 0.039)] * 100
    pace = fed(*talk, (0.02, 60.0), *talk, (0.02, -3.0), *talk)
    assert pace.audio_s / pace.clock_s == pytest.approx(1.0, rel=0.03)


def test_a_file_has_no_pace() -> None:
    assert fed(*[(0.1, 0.001)] * 3000).clock_s == 0.0
    assert fed(*[(0.1, 0.0)] * 3000).clock_s == 0.0


def test_a_change_of_source_shows() -> None:
    pace = fed(*[(0.02, 0.02)] * 10_000, *[(0.04, 0.02)] * 2000)
    assert pace.audio_s / pace.clock_s > 1.7

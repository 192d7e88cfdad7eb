"""The door: garbage in, events out; tools; translation; strict mode; no exception over a server's words."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_raw.errors import DecodeError, LocalProtocolError, RemoteProtocolError
from realtime_raw.events import translation as tr
from realtime_raw.events.base import InvalidServerEvent, UnknownServerEvent
from realtime_raw.events.catalog import REALTIME, TRANSLATION
from realtime_raw.events.client import ConversationItemCreate, InputAudioBufferClear, ResponseCreate
from realtime_raw.events.items import user
from realtime_raw.protocol.core import Options, RealtimeProtocol
from realtime_raw.protocol.signals import (
    AudioReceived,
    CommandConfirmed,
    ProtocolWarning,
    SessionReady,
    ToolBatchReady,
    ToolCallReady,
)
from tests.protocol.harness import Desk, FakePlayhead

GARBAGE = [
    b"",
    b"not json",
    b"[]",
    b"null",
    b'"text"',
    b"{}",
    b'{"type":7}',
    b'{"type":"session.created","session":NaN}',
    b'{"type":"response.done","response":[]}',
    b'{"type":"error","error":{"message":"\\ud800"}}',
    b"\xff\xfe\x00",
    b"[" * 20000,
    b'{"type":"response.done","response":' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    b'{"type":"conversation.item.added","type":"response.done"}',
]


@pytest.mark.parametrize("data", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_becomes_an_event_and_the_call_goes_on(data: bytes) -> None:
    desk = Desk().ready()
    desk.core.receive_message(data, desk.now)
    [event, *_] = desk.core.events_received()
    assert event is not None
    desk.core.send(InputAudioBufferClear(), desk.now)
    desk.hear("input_audio_buffer.cleared")
    assert desk.signals(CommandConfirmed)[-1].command == "input_audio_buffer.clear"


def test_an_invalid_event_is_counted_and_warned_of_with_its_path() -> None:
    desk = Desk().ready()
    desk.hear("response.output_text.delta", delta=7)
    assert [type(e) for e in desk.seen[-2:]] == [InvalidServerEvent, ProtocolWarning]
    [warning] = desk.signals(ProtocolWarning)
    assert "delta" in warning.detail
    assert desk.core.statistics()["invalid_events"] == 1


def test_an_unknown_event_is_kept_counted_and_no_warning() -> None:
    desk = Desk().ready()
    desk.hear("response.brand_new", x=[1])
    [unknown] = [e for e in desk.seen if isinstance(e, UnknownServerEvent)]
    assert unknown.raw["x"] == [1]
    assert desk.core.statistics()["unknown_events"] == 1
    assert desk.signals(ProtocolWarning) == []


def test_in_strict_mode_a_servers_fault_raises() -> None:
    desk = Desk(strict=True).ready()
    with pytest.raises(DecodeError):
        desk.core.receive_message(b"not json", desk.now)
    with pytest.raises(RemoteProtocolError, match="server_error"):
        desk.error("server_error", "boom", event_id="not ours")


def test_sent_events_are_observed_in_the_same_stream_as_received_ones() -> None:
    desk = Desk().ready()
    desk.seen.clear()
    desk.core.send(ConversationItemCreate(item=user("hi")), desk.now)
    [sent] = desk.sent()
    desk.hear("conversation.item.added", previous_item_id=None, item=sent["item"])
    assert [getattr(e, "type", type(e).__name__) for e in desk.seen] == [
        "conversation.item.create",
        "conversation.item.added",
        "CommandConfirmed",
    ]


def test_a_function_call_is_announced_when_final_and_its_batch_at_the_end() -> None:
    desk = Desk().ready()
    desk.begin()
    call = {
        "id": "item_f",
        "type": "function_call",
        "status": "in_progress",
        "name": "weather",
        "call_id": "call_1",
    }
    desk.hear(
        "response.output_item.added", response_id="resp_1", output_index=0, item={**call, "arguments": ""}
    )
    desk.hear(
        "response.function_call_arguments.done",
        response_id="resp_1",
        item_id="item_f",
        output_index=0,
        call_id="call_1",
        name="weather",
        arguments='{"city":"Bern"}',
    )
    [ready] = desk.signals(ToolCallReady)
    assert (ready.call.name, ready.call.arguments) == ("weather", '{"city":"Bern"}')
    assert desk.signals(ToolBatchReady) == []
    final = {**call, "status": "completed", "arguments": '{"city":"Bern"}'}
    desk.finish(output=[final])
    [batch] = desk.signals(ToolBatchReady)
    assert [c.call_id for c in batch.calls] == ["call_1"]
    assert batch.complete
    assert len(desk.signals(ToolCallReady)) == 1
    assert batch.to_dict()["calls"][0]["name"] == "weather"


def translated() -> RealtimeProtocol:
    core = RealtimeProtocol(TRANSLATION, playhead=FakePlayhead())
    core.connected(0.0, unix_time=0.0)
    session = {"id": "sess_1", "type": "translation", "expires_at": 3600, "model": "gpt-realtime-translate"}
    core.receive_message(json.dumps({"type": "session.created", "session": session}), 0.0)
    return core


def test_a_translation_session_is_ready_at_once_and_has_its_own_words() -> None:
    core = translated()
    assert core.ready
    assert core.session.kind == "translation"
    assert core.session.id == "sess_1"
    core.append_audio(bytes(9600), 0.0)
    [sent] = core.data_to_send()
    assert json.loads(sent)["type"] == "session.input_audio_buffer.append"
    with pytest.raises(LocalProtocolError, match="translation dialect"):
        core.send(ResponseCreate(), 0.0)
    core.send(tr.SessionClose(), 0.0)
    core.events_received()
    core.receive_message(b'{"type":"session.closed"}', 0.0)
    assert any(isinstance(e, CommandConfirmed) for e in core.events_received())


def test_translated_speech_reaches_the_playhead() -> None:
    core = translated()
    core.events_received()
    delta = base64.b64encode(bytes(4800)).decode()
    message = {"type": "session.output_audio.delta", "delta": delta, "sample_rate": 24000}
    core.receive_message(json.dumps(message), 0.0)
    [audio] = [e for e in core.events_received() if isinstance(e, AudioReceived)]
    assert len(audio.pcm) == 4800
    playhead = core.playhead
    assert isinstance(playhead, FakePlayhead)
    assert sum(playhead.received.values()) == 2400


def test_an_append_by_hand_in_the_translation_dialect_is_counted() -> None:
    core = translated()
    core.send(tr.SessionInputAudioBufferAppend(audio=base64.b64encode(bytes(960)).decode()), 0.0)
    assert core.input_audio.total_ms == 20


def test_a_timer_called_early_or_often_does_no_harm() -> None:
    desk = Desk().ready()
    desk.core.send(InputAudioBufferClear(), desk.now)
    for _ in range(3):
        desk.core.handle_timer(desk.now)
    assert len(desk.core.commands) == 1


def test_the_playhead_can_come_and_go_at_any_time() -> None:
    ear = FakePlayhead()
    desk = Desk().ready()
    desk.begin()
    desk.message("item_a")
    desk.audio("item_a", "AAAA")
    desk.core.playhead = ear
    desk.audio("item_a", "AAAAAAAA")
    desk.core.playhead = None
    desk.later(1.0)
    assert sum(ear.received.values()) == 3


def test_views_are_there_and_agree() -> None:
    desk = Desk().ready()
    assert desk.core.options == Options()
    assert desk.core.turns.states.reply.value == "none"
    assert len(desk.core.conversation) == 0
    assert len(desk.signals(SessionReady)) == 1


IDS = st.sampled_from(["a", "b", "resp_1", "item_1", "", None])
FIELDS: dict[str, Any] = {
    "item_id": IDS,
    "response_id": IDS,
    "previous_item_id": IDS,
    "call_id": IDS,
    "content_index": st.sampled_from([0, 1, None]),
    "output_index": st.sampled_from([0, 1, None]),
    "delta": st.sampled_from(["AAAA", "hi", "", None]),
    "transcript": st.sampled_from(["hi", "", None]),
    "text": st.sampled_from(["hi", "", None]),
    "arguments": st.sampled_from(["{}", "", None]),
    "audio_end_ms": st.sampled_from([0, 100, None]),
    "item": st.fixed_dictionaries(
        {},
        optional={
            "id": IDS,
            "type": st.sampled_from(["message", "function_call", "function_call_output", "new"]),
            "role": st.sampled_from(["user", "assistant", "system"]),
            "status": st.sampled_from(["in_progress", "completed", "incomplete"]),
            "call_id": IDS,
            "content": st.sampled_from(
                [[], [{"type": "output_audio"}], [{"type": "input_text", "text": "x"}]]
            ),
        },
    ),
    "response": st.fixed_dictionaries(
        {},
        optional={
            "id": IDS,
            "status": st.sampled_from(["in_progress", "completed", "cancelled", "failed"]),
            "conversation_id": st.sampled_from(["conv_1", None]),
            "metadata": st.sampled_from([None, {}, {"realtime_raw_id": "event_2"}]),
        },
    ),
    "session": st.sampled_from([{}, {"type": "realtime"}, {"type": "transcription"}, None]),
    "error": st.fixed_dictionaries(
        {},
        optional={
            "code": st.sampled_from(
                [None, "conversation_already_has_active_response", "response_cancel_not_active", "x"]
            ),
            "message": st.sampled_from(
                ["resp_1", "'item_1'", "Audio content of 1ms is already shorter than 9ms"]
            ),
            "event_id": st.sampled_from([None, "event_1", "event_2", "event_3"]),
            "param": st.sampled_from([None, "session.x", "item[0]", "response"]),
        },
    ),
}
MESSAGE = st.tuples(st.sampled_from(sorted(REALTIME.server)), st.fixed_dictionaries({}, optional=FIELDS))
STEP = st.one_of(
    MESSAGE.map(lambda m: ("hear", m)),
    st.binary(max_size=20).map(lambda b: ("noise", b)),
    st.sampled_from(
        [("interrupt", None), ("create", None), ("wait", None), ("cancel", None), ("later", None)]
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=40), st.booleans())
def test_whatever_a_server_says_in_lenient_mode_yields_events_and_never_an_exception(
    script: list[tuple[str, Any]], manual: bool
) -> None:
    desk = Desk(playhead=FakePlayhead(), manual_turns=manual).ready()
    asked: list[str] = []
    for kind, what in script:
        if kind == "hear":
            desk.hear(what[0], **what[1])
        elif kind == "noise":
            desk.core.receive_message(what, desk.now)
        elif kind == "interrupt":
            desk.core.interrupt(desk.now)
        elif kind == "cancel":
            desk.core.cancel(desk.now)
        elif kind == "later":
            desk.later(3.0)
        else:
            try:
                busy = "wait" if kind == "wait" else "raise"
                asked.append(desk.core.send(ResponseCreate(), desk.now, if_busy=busy))  # type: ignore[arg-type]
            except LocalProtocolError:
                pass
    desk.close()
    fates = [s.event_id for s in desk.seen if hasattr(s, "event_id") and hasattr(s, "command")]
    assert all(fates.count(event_id) == 1 for event_id in asked), "every command has exactly one fate"

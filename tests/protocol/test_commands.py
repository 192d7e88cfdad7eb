"""Every command has exactly one fate, and it is the right one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.errors import LocalProtocolError, SessionLost
from realtime_raw.events.base import ClientEvent
from realtime_raw.events.client import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
)
from realtime_raw.events.items import user
from realtime_raw.protocol.commands import MAX_PENDING
from realtime_raw.protocol.patch import SessionPatch
from realtime_raw.protocol.signals import CommandConfirmed, CommandRefused, ConnectionLost, ProtocolWarning
from tests.protocol.harness import MANUAL, Desk, session

ITEM = {"id": "item_x", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}


def create_item(item_id: str = "item_x") -> ConversationItemCreate:
    item = user("hi").model_copy(update={"id": item_id})
    return ConversationItemCreate(item=item)


def add(desk: Desk, item_id: str = "item_x") -> None:
    desk.hear("conversation.item.added", previous_item_id=None, item={**ITEM, "id": item_id})


def update() -> ClientEvent:
    return SessionPatch(instructions="x").event()


def truncate(ms: int = 9) -> ClientEvent:
    return ConversationItemTruncate(item_id="item_x", content_index=0, audio_end_ms=ms)


UPDATED = {"session": session(**MANUAL, instructions="x")}
ADDED = {"previous_item_id": None, "item": ITEM}
CUT = {"item_id": "item_x", "content_index": 0, "audio_end_ms": 9}
CANCELLED = {"response": {"id": "resp_1", "status": "cancelled"}}
CONFIRMED: list[tuple[str, Callable[[], ClientEvent], str, dict[str, Any]]] = [
    ("update", update, "session.updated", UPDATED),
    ("create", create_item, "conversation.item.added", ADDED),
    ("create, legacy server", create_item, "conversation.item.created", ADDED),
    ("create, server that only says done", create_item, "conversation.item.done", ADDED),
    ("retrieve", lambda: ConversationItemRetrieve(item_id="item_x"), "conversation.item.retrieved", ADDED),
    ("delete", lambda: ConversationItemDelete(item_id="item_x"), "conversation.item.deleted", CUT),
    ("truncate", truncate, "conversation.item.truncated", CUT),
    ("clear", InputAudioBufferClear, "input_audio_buffer.cleared", {}),
    ("cancel", lambda: ResponseCancel(response_id="resp_1"), "response.done", CANCELLED),
]


@pytest.mark.parametrize(
    ("event", "type_", "fields"), [row[1:] for row in CONFIRMED], ids=[r[0] for r in CONFIRMED]
)
def test_each_command_is_confirmed_by_its_own_event(
    event: Callable[[], ClientEvent], type_: str, fields: dict[str, Any]
) -> None:
    desk = Desk().ready()
    before = len(desk.signals(CommandConfirmed))
    event_id = desk.core.send(event(), desk.now)
    [sent] = desk.sent()
    assert sent["event_id"] == event_id
    desk.hear(type_, **fields)
    confirmed = desk.signals(CommandConfirmed)[before:]
    assert [(c.event_id, c.command, c.note) for c in confirmed] == [(event_id, sent["type"], None)]
    assert confirmed[0].cause is not None
    assert confirmed[0].cause.type == type_
    assert len(desk.core.commands) == 0


def test_a_commit_is_confirmed_by_committed() -> None:
    desk = Desk().ready()
    desk.core.append_audio(bytes(4800), desk.now)
    event_id = desk.core.send(InputAudioBufferCommit(), desk.now)
    desk.hear("input_audio_buffer.committed", item_id="item_u", previous_item_id=None)
    assert desk.signals(CommandConfirmed)[-1].event_id == event_id


def test_the_vads_own_commit_does_not_confirm_ours() -> None:
    desk = Desk(manual_turns=False).ready()
    desk.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_vad")
    event_id = desk.core.send(InputAudioBufferCommit(), desk.now)
    desk.hear("input_audio_buffer.committed", item_id="item_vad", previous_item_id=None)
    assert desk.core.commands.get(event_id) is not None
    desk.hear("input_audio_buffer.committed", item_id="item_ours", previous_item_id="item_vad")
    assert desk.core.commands.get(event_id) is None


def test_an_answer_about_another_item_confirms_nothing() -> None:
    desk = Desk().ready()
    event_id = desk.core.send(ConversationItemRetrieve(item_id="item_x"), desk.now)
    desk.hear("conversation.item.retrieved", item={**ITEM, "id": "item_y"})
    desk.hear("conversation.item.retrieved")
    assert desk.core.commands.get(event_id) is not None


def test_an_item_without_an_id_gets_one_of_at_most_32_characters() -> None:
    desk = Desk().ready()
    desk.core.send(ConversationItemCreate(item=user("hi")), desk.now)
    [sent] = desk.sent()
    assert 0 < len(sent["item"]["id"]) <= 32


def refused_fate(desk: Desk, event_id: str) -> tuple[str, str | None]:
    [one] = [r for r in desk.signals(CommandRefused) if r.event_id == event_id]
    return one.fate, one.error.code if one.error else None


def test_an_error_with_our_event_id_refuses_that_command_and_no_other() -> None:
    desk = Desk().ready()
    one = desk.core.send(create_item("item_1"), desk.now)
    two = desk.core.send(create_item("item_2"), desk.now)
    desk.error("invalid_value", param="item.content[0].text", event_id=two)
    assert refused_fate(desk, two) == ("refused", "invalid_value")
    assert desk.core.commands.get(one) is not None


def test_an_error_that_lost_the_event_id_is_joined_by_the_item_id_it_quotes() -> None:
    desk = Desk().ready()
    one = desk.core.send(create_item("item_1"), desk.now)
    two = desk.core.send(create_item("item_2"), desk.now)
    desk.error("item_create_duplicate_item_id", "Error adding item: an item with id 'item_2' already exists.")
    assert refused_fate(desk, two) == ("refused", "item_create_duplicate_item_id")
    assert desk.core.commands.get(one) is not None


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (update(), {"code": "x", "param": "session.tools[2].meta"}),
        (update(), {"code": "cannot_update_voice"}),
        (ResponseCreate(), {"code": "conversation_too_long"}),
        (ResponseCreate(), {"code": "invalid_value", "param": "response.instructions"}),
        (create_item(), {"code": None, "param": "item.id"}),
        (
            ConversationItemRetrieve(item_id="x"),
            {"code": "item_retrieve_invalid_item_id"},
        ),
        (ConversationItemDelete(item_id="x"), {"code": "item_delete_invalid_item_id", "message": "no 'x'"}),
        (
            truncate(),
            {"code": "invalid_value", "message": "Audio content of 7ms is already shorter than 9ms"},
        ),
    ],
)
def test_an_error_without_any_id_is_joined_by_its_code_or_param(
    event: ClientEvent, error: dict[str, Any]
) -> None:
    desk = Desk().ready()
    event_id = desk.core.send(event, desk.now)
    desk.error(**error)
    assert refused_fate(desk, event_id)[0] == "refused"


def test_an_error_about_nothing_of_ours_is_a_warning() -> None:
    desk = Desk().ready()
    desk.error("server_error", "The server had an error", event_id="somebody_elses")
    assert [(w.rule, w.detail) for w in desk.signals(ProtocolWarning)] == [
        ("server_error", "server_error: The server had an error")
    ]


RACES: list[tuple[str, Callable[[], ClientEvent], dict[str, Any]]] = [
    ("cancel", lambda: ResponseCancel(response_id="resp_9"), {"code": "response_cancel_not_active"}),
    (
        "truncate deleted item",
        truncate,
        {"code": "item_truncate_invalid_item_id", "message": "'item_x' does not exist"},
    ),
    (
        "truncate beyond the end",
        truncate,
        {"code": "invalid_value", "message": "Audio content of 7ms is already shorter than 9ms"},
    ),
    (
        "delete twice",
        lambda: ConversationItemDelete(item_id="item_x"),
        {"code": "item_delete_invalid_item_id", "message": "'item_x' does not exist"},
    ),
]


@pytest.mark.parametrize(("event", "error"), [r[1:] for r in RACES], ids=[r[0] for r in RACES])
def test_harmless_races_are_notes_not_failures(
    event: Callable[[], ClientEvent], error: dict[str, Any]
) -> None:
    desk = Desk().ready()
    add(desk)
    event_id = desk.core.send(event(), desk.now)
    desk.error(**error)
    assert desk.signals(CommandRefused) == []
    last = desk.signals(CommandConfirmed)[-1]
    assert last.event_id == event_id
    assert last.note is not None
    assert last.note.code == error["code"]


def test_an_empty_commit_is_a_race_only_while_the_server_commits_too() -> None:
    manual, vad = Desk().ready(), Desk(manual_turns=False).ready()
    for desk in (manual, vad):
        desk.core.append_audio(bytes(9600), desk.now)
        desk.core.send(InputAudioBufferCommit(), desk.now)
        desk.error("input_audio_buffer_commit_empty")
    assert len(manual.signals(CommandRefused)) == 1
    assert vad.signals(CommandRefused) == []


def test_a_refused_commit_gives_its_audio_back_to_the_count() -> None:
    desk = Desk().ready()
    desk.core.append_audio(bytes(9600), desk.now)
    desk.core.send(InputAudioBufferCommit(), desk.now)
    assert desk.core.input_audio.pending_ms == 0
    desk.error("input_audio_buffer_commit_empty")
    assert desk.core.input_audio.pending_ms == 200


def test_no_answer_in_time_is_a_fate_of_its_own() -> None:
    desk = Desk(command_timeout=5.0).ready()
    event_id = desk.core.send(create_item(), desk.now)
    desk.later(4.9)
    assert desk.signals(CommandRefused) == []
    desk.later(0.2)
    [refused] = desk.signals(CommandRefused)
    assert (refused.event_id, refused.fate, refused.waited) == (event_id, "timed_out", 5.0)


def test_an_answer_after_the_time_is_up_changes_nothing_and_breaks_nothing() -> None:
    desk = Desk(command_timeout=5.0).ready()
    before = len(desk.signals(CommandConfirmed))
    desk.core.send(create_item(), desk.now)
    desk.later(6)
    add(desk)
    assert len(desk.signals(CommandConfirmed)) == before
    assert len(desk.core.conversation) == 1


def test_a_lost_line_is_the_fate_of_all_that_was_in_flight() -> None:
    desk = Desk().ready()
    one = desk.core.send(create_item(), desk.now)
    two = desk.core.send(ResponseCreate(), desk.now)
    held = desk.core.send(ResponseCreate(), desk.now, if_busy="wait")
    desk.close(1006)
    assert [(r.event_id, r.fate) for r in desk.signals(CommandRefused)] == [
        (i, "lost") for i in (one, two, held)
    ]
    [lost] = desk.signals(ConnectionLost)
    assert (lost.close.code, lost.expected) == (1006, False)
    desk.close(1000)
    assert len(desk.signals(ConnectionLost)) == 1


def test_after_the_end_nothing_can_be_sent() -> None:
    desk = Desk().ready()
    desk.close(1001, "going away")
    for attempt in (
        lambda: desk.core.send(ResponseCreate(), 0.0),
        lambda: desk.core.append_audio(bytes(4800), 0.0),
        lambda: desk.core.interrupt(0.0),
        lambda: desk.core.send_raw(b"{}", 0.0),
    ):
        with pytest.raises(SessionLost, match="1001 going away"):
            attempt()


def test_an_event_id_in_use_is_refused_here() -> None:
    desk = Desk().ready()
    desk.core.send(InputAudioBufferClear(event_id="mine"), desk.now)
    with pytest.raises(LocalProtocolError, match="'mine'"):
        desk.core.send(InputAudioBufferClear(event_id="mine"), desk.now)


def test_too_many_unanswered_commands_are_refused_here() -> None:
    desk = Desk().ready()
    for _ in range(MAX_PENDING):
        desk.core.send(InputAudioBufferClear(), desk.now)
    desk.sent()
    with pytest.raises(LocalProtocolError, match=str(MAX_PENDING)):
        desk.core.send(InputAudioBufferClear(), desk.now)
    assert desk.sent() == []


def test_media_commands_belong_to_calls() -> None:
    desk = Desk().ready()
    with pytest.raises(LocalProtocolError, match="WebRTC"):
        desk.core.send(OutputAudioBufferClear(), desk.now)
    sideband = Desk(sideband=True).ready()
    sideband.core.send(OutputAudioBufferClear(), 0.0)
    assert sideband.sent()[-1]["type"] == "output_audio_buffer.clear"


def test_raw_messages_go_out_as_they_are_and_still_get_receipts() -> None:
    desk = Desk().ready()
    raw = b'{ "type":"response.create", "event_id":"raw_1", "response":{"metadata":{"a":"b"}} }'
    desk.core.send_raw(raw, desk.now)
    assert desk.core.data_to_send() == [raw]
    desk.begin(metadata={"a": "b"})
    assert desk.signals(CommandConfirmed)[-1].event_id == "raw_1"
    record = desk.core.responses.get("resp_1")
    assert record is not None
    assert record.origin == "asked"


def test_audio_sent_raw_is_counted_and_waits_for_no_answer() -> None:
    """Nothing ever confirms an append, so it must not time out either."""
    desk = Desk().ready()
    desk.core.send_raw(b'{"type":"input_audio_buffer.append","audio":"%s"}' % (b"AQAB" * 1800), desk.now)
    assert desk.core.input_audio.pending_ms == 112.5
    assert len(desk.core.commands) == 0
    desk.core.send(InputAudioBufferCommit(), desk.now)
    assert desk.sent()[-1]["type"] == "input_audio_buffer.commit"


def test_raw_garbage_goes_out_without_complaint() -> None:
    desk = Desk().ready()
    desk.core.send_raw(b"not json", desk.now)
    assert desk.core.data_to_send() == [b"not json"]
    assert len(desk.core.commands) == 0


@given(st.lists(st.sampled_from(["confirm", "error", "late", "lose"]), max_size=20), st.data())
def test_every_command_has_exactly_one_fate(script: list[str], data: st.DataObject) -> None:
    desk = Desk(command_timeout=5.0).ready()
    desk.core.send(ResponseCreate(), desk.now)  # leave a create in flight for the gate
    ids = [desk.core.send(create_item(f"item_{n}"), desk.now) for n in range(5)]
    for step in script:
        n = data.draw(st.integers(0, 4))
        if step == "confirm":
            add(desk, f"item_{n}")
        elif step == "error":
            desk.error("invalid_value", event_id=ids[n])
        elif step == "late":
            desk.later(2)
    desk.close()
    fates = [s.event_id for s in desk.signals(CommandConfirmed)]
    fates += [s.event_id for s in desk.signals(CommandRefused)]
    assert all(fates.count(event_id) == 1 for event_id in ids)

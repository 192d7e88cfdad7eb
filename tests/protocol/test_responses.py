"""Who asked for which response, and the gate in front of the conversation."""

from __future__ import annotations

import pytest

from realtime_raw.errors import LocalProtocolError
from realtime_raw.events.client import ConversationItemCreate, ResponseCancel, ResponseCreate
from realtime_raw.events.items import NewMcpApprovalResponse
from realtime_raw.events.response import ResponseConfig
from realtime_raw.protocol.responses import MAX_HELD, TAG
from realtime_raw.protocol.signals import (
    CommandConfirmed,
    CommandRefused,
    InvariantBroken,
    ProtocolWarning,
    ResponseFinished,
    ResponseStarted,
)
from realtime_raw.protocol.turns import Reply
from realtime_raw.types import AudioKey
from tests.protocol.harness import Desk, FakePlayhead

BUSY = "conversation_already_has_active_response"


def ask(desk: Desk, if_busy: str = "raise", **config: object) -> str:
    event = ResponseCreate(response=ResponseConfig(**config))  # type: ignore[arg-type]
    return desk.core.send(event, desk.now, if_busy=if_busy)  # type: ignore[arg-type]


def started(desk: Desk) -> list[tuple[str, str, str | None]]:
    return [(s.response_id, s.origin, s.command) for s in desk.signals(ResponseStarted)]


def test_a_create_is_confirmed_by_the_response_that_carries_its_tag() -> None:
    desk = Desk().ready()
    event_id = ask(desk)
    [sent] = desk.sent()
    assert sent["response"]["metadata"] == {TAG: event_id}
    desk.begin("resp_1", metadata={TAG: event_id})
    assert desk.signals(CommandConfirmed)[-1].event_id == event_id
    assert started(desk) == [("resp_1", "asked", event_id)]


def test_your_metadata_goes_along_and_comes_back_without_our_tag() -> None:
    desk = Desk().ready()
    event_id = ask(desk, metadata={"topic": "weather"})
    [sent] = desk.sent()
    assert sent["response"]["metadata"] == {"topic": "weather", TAG: event_id}
    desk.begin("resp_1", metadata=sent["response"]["metadata"])
    record = desk.core.responses.get("resp_1")
    assert record is not None
    assert record.metadata == {"topic": "weather"}


def test_there_is_room_for_fifteen_pairs_of_yours() -> None:
    desk = Desk().ready()
    ask(desk, metadata={f"k{n}": "v" for n in range(15)})
    with pytest.raises(LocalProtocolError, match="at most 15"):
        ask(Desk().ready(), metadata={f"k{n}": "v" for n in range(16)})


def test_a_server_that_drops_metadata_is_matched_in_order() -> None:
    desk = Desk().ready()
    event_id = ask(desk)
    desk.begin("resp_1", metadata=None)
    assert started(desk) == [("resp_1", "asked", event_id)]
    assert desk.signals(InvariantBroken) == []


def test_a_response_nobody_asked_for_is_named_a_stray() -> None:
    desk = Desk().ready()
    desk.begin("resp_9")
    assert started(desk) == [("resp_9", "server", None)]
    [broken] = desk.signals(InvariantBroken)
    assert broken.rule == "stray_response"
    assert "resp_9" in broken.detail


def test_the_response_an_approved_mcp_call_is_made_in_is_no_stray() -> None:
    desk = Desk().ready()
    answer = NewMcpApprovalResponse(id="item_a", approval_request_id="mcpr_1", approve=True)
    desk.core.send(ConversationItemCreate(item=answer), desk.now)
    desk.begin("resp_1")
    assert desk.signals(InvariantBroken) == []
    desk.finish("resp_1")
    desk.begin("resp_2")
    assert len(desk.signals(InvariantBroken)) == 1


def test_without_manual_turns_the_servers_own_responses_are_no_strays() -> None:
    desk = Desk(manual_turns=False).ready()
    desk.begin("resp_9")
    assert started(desk) == [("resp_9", "server", None)]
    assert desk.signals(InvariantBroken) == []


def test_vads_response_does_not_steal_the_confirmation_of_ours() -> None:
    desk = Desk(manual_turns=False).ready()
    event_id = ask(desk)
    desk.begin("resp_vad", metadata={})
    assert started(desk) == [("resp_vad", "server", None)]
    desk.finish("resp_vad")
    desk.begin("resp_ours", metadata={TAG: event_id})
    assert started(desk)[-1] == ("resp_ours", "asked", event_id)


def test_a_response_that_comes_after_its_create_timed_out_is_still_no_stray() -> None:
    desk = Desk(command_timeout=1.0).ready()
    event_id = ask(desk)
    desk.later(2)
    desk.begin("resp_1", metadata={TAG: event_id})
    assert desk.signals(InvariantBroken) == []


def test_the_second_create_is_refused_here_while_one_is_asked_or_active() -> None:
    desk = Desk().ready()
    event_id = ask(desk)
    with pytest.raises(LocalProtocolError, match="one at a time"):
        ask(desk)
    desk.begin("resp_1", metadata={TAG: event_id})
    with pytest.raises(LocalProtocolError, match="resp_1 is generating"):
        ask(desk)
    desk.finish("resp_1")
    desk.sent()
    ask(desk)
    assert len(desk.sent()) == 1


def test_wait_holds_creates_in_order_and_releases_one_per_done() -> None:
    desk = Desk().ready()
    first = ask(desk)
    second, third = ask(desk, "wait", instructions="2"), ask(desk, "wait", instructions="3")
    assert [e["event_id"] for e in desk.sent()] == [first]
    desk.begin("resp_1", metadata={TAG: first})
    [released] = desk.finish("resp_1")
    assert released["event_id"] == second
    desk.begin("resp_2", metadata={TAG: second})
    [released] = desk.finish("resp_2")
    assert released["event_id"] == third


def test_a_held_create_does_not_time_out_while_it_waits() -> None:
    desk = Desk(command_timeout=5.0).ready()
    first = ask(desk)
    desk.begin("resp_1", metadata={TAG: first})
    held = ask(desk, "wait")
    desk.later(60)
    desk.finish("resp_1")
    desk.later(4)
    assert desk.signals(CommandRefused) == []
    desk.later(2)
    assert [r.event_id for r in desk.signals(CommandRefused)] == [held]


def test_cancel_ends_the_active_one_first() -> None:
    desk = Desk().ready()
    first = ask(desk)
    desk.begin("resp_1", metadata={TAG: first})
    desk.sent()
    second = ask(desk, "cancel")
    [cancel] = desk.sent()
    assert (cancel["type"], cancel["response_id"]) == ("response.cancel", "resp_1")
    [released] = desk.finish("resp_1", "cancelled")
    assert released["event_id"] == second


def test_a_response_whose_done_was_lost_is_over_when_the_server_says_so() -> None:
    """By refusing to cancel it; else it would stand in the way of every other, for ever."""
    desk = Desk().ready()
    desk.begin("resp_1")
    ask(desk, "wait")
    assert desk.sent() == []
    desk.core.send(ResponseCancel(response_id="resp_0"), desk.now)
    (other,) = desk.sent()
    desk.error("response_cancel_not_active", event_id=other["event_id"])
    assert desk.core.responses.active is not None  # it was not this one that was spoken of
    desk.core.send(ResponseCancel(response_id="resp_1"), desk.now)
    (cancel,) = desk.sent()
    (released,) = desk.error("response_cancel_not_active", event_id=cancel["event_id"])
    assert released["type"] == "response.create"
    (finished,) = desk.signals(ResponseFinished)
    assert (finished.response_id, finished.status) == ("resp_1", "cancelled")
    assert desk.core.responses.active is None


def presumed_over(desk: Desk) -> None:
    """`resp_1` ends by a refused cancel, and another begins."""
    desk.begin("resp_1")
    desk.message("item_a")
    desk.core.send(ResponseCancel(response_id="resp_1"), desk.now)
    (cancel,) = desk.sent()
    desk.error("response_cancel_not_active", event_id=cancel["event_id"])


def test_a_done_that_comes_late_after_all_is_told_to_nobody_and_corrects_the_record() -> None:
    desk = Desk().ready()
    presumed_over(desk)
    record = desk.core.responses.get("resp_1")
    assert record is not None
    desk.begin("resp_2")
    desk.later(1)
    part = {"type": "output_audio", "transcript": "Hello there."}
    item = {"id": "item_a", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    desk.finish("resp_1", output=[item], usage={"total_tokens": 7})
    (finished,) = desk.signals(ResponseFinished)
    assert (finished.response_id, finished.status) == ("resp_1", "cancelled")  # as it was told
    assert (record.status, record.marks.done) == ("completed", 0.0)
    assert record.response is not None
    assert record.response.usage is not None
    assert desk.core.responses.counts == {"completed": 1}
    mirrored = desk.core.conversation.item("item_a")
    assert mirrored is not None
    assert mirrored.generated == "Hello there."
    # The one that is generating now is none of its concern.
    active = desk.core.responses.active
    assert active is not None
    assert active.id == "resp_2"
    assert desk.core.turns.states.reply is Reply.ACTIVE
    desk.finish("resp_2")
    assert [one.response_id for one in desk.signals(ResponseFinished)] == ["resp_1", "resp_2"]


def test_sound_that_came_before_a_late_done_has_its_end() -> None:
    playhead = FakePlayhead()
    desk = Desk(playhead=playhead).ready()
    presumed_over(desk)
    desk.audio("item_a", "AAAA")
    assert playhead.ended == set()
    desk.finish("resp_1")
    assert playhead.ended == {AudioKey("item_a", 0)}


@pytest.mark.parametrize("again", ["completed", "failed"])
def test_a_done_said_twice_is_told_once_and_the_first_stands(again: str) -> None:
    desk = Desk().ready()
    desk.begin("resp_1")
    desk.finish("resp_1")
    desk.later(1)
    error = {"type": "server_error", "code": None, "message": "no"}
    desk.finish("resp_1", again, status_details={"type": again, "error": error})
    (finished,) = desk.signals(ResponseFinished)
    record = finished.record
    assert (record.status, record.marks.done, record.error) == ("completed", 0.0, None)
    assert desk.core.responses.counts == {"completed": 1}


def test_responses_without_ids_each_have_their_end() -> None:
    """As some servers leave them out."""
    desk = Desk().ready()
    for _ in range(2):
        desk.hear("response.done", response={"status": "completed", "output": []})
    assert len(desk.signals(ResponseFinished)) == 2


def test_out_of_band_responses_run_beside_the_active_one() -> None:
    desk = Desk().ready()
    first = ask(desk)
    desk.begin("resp_1", metadata={TAG: first})
    desk.sent()
    beside = [ask(desk, conversation="none", input=[]) for _ in range(2)]
    assert [e["event_id"] for e in desk.sent()] == beside
    for n, event_id in enumerate(beside):
        desk.begin(f"resp_b{n}", metadata={TAG: event_id}, conversation_id=None)
    assert [origin for _, origin, _ in started(desk)] == ["asked", "out_of_band", "out_of_band"]
    active = desk.core.responses.active
    assert active is not None
    assert active.id == "resp_1"
    desk.finish("resp_b0")
    assert desk.core.responses.active is active


def test_more_waiting_creates_than_there_is_room_for_are_refused() -> None:
    desk = Desk().ready()
    ask(desk)
    for _ in range(MAX_HELD):
        ask(desk, "wait")
    with pytest.raises(LocalProtocolError, match=str(MAX_HELD)):
        ask(desk, "wait")


def test_a_held_create_can_be_withdrawn_and_a_sent_one_cannot() -> None:
    desk = Desk().ready()
    first, held = ask(desk), ask(desk, "wait")
    desk.sent()
    assert desk.core.withdraw(held)
    assert not desk.core.withdraw(held)
    assert not desk.core.withdraw(first)
    desk.begin("resp_1", metadata={TAG: first})
    assert desk.finish("resp_1") == []


def test_a_create_that_loses_the_race_is_sent_again_when_the_winner_is_done() -> None:
    desk = Desk(manual_turns=False).ready()
    event_id = ask(desk, "wait")
    desk.sent()
    sent = desk.error(BUSY, "… active response in progress: resp_vad. Wait until …", event_id=event_id)
    assert sent == []
    desk.begin("resp_vad")
    [again] = desk.finish("resp_vad")
    assert again["event_id"] == event_id
    assert desk.signals(CommandRefused) == []


def test_if_the_winner_is_done_already_it_is_sent_again_at_once() -> None:
    desk = Desk(manual_turns=False).ready()
    desk.begin("resp_vad")
    desk.finish("resp_vad")
    event_id = ask(desk, "wait")
    desk.sent()
    [again] = desk.error(BUSY, "… in progress: resp_vad.", event_id=event_id)
    assert again["event_id"] == event_id


def test_a_create_is_not_sent_again_for_ever() -> None:
    desk = Desk(manual_turns=False).ready()
    event_id = ask(desk, "wait")
    for _ in range(10):
        desk.error(BUSY, "busy", event_id=event_id)
    assert [r.event_id for r in desk.signals(CommandRefused)] == [event_id]
    assert not desk.core.responses.busy


def test_with_raise_the_lost_race_is_a_refusal() -> None:
    desk = Desk(manual_turns=False).ready()
    event_id = ask(desk)
    desk.error(BUSY, "busy", event_id=event_id)
    assert [r.event_id for r in desk.signals(CommandRefused)] == [event_id]


def test_a_refused_create_frees_the_way_for_the_next() -> None:
    desk = Desk().ready()
    first, second = ask(desk), ask(desk, "wait")
    desk.sent()
    [released] = desk.error("conversation_too_long", event_id=first)
    assert released["event_id"] == second


def test_a_create_that_timed_out_frees_the_way_for_the_next() -> None:
    desk = Desk(command_timeout=5.0).ready()
    ask(desk)
    second = ask(desk, "wait")
    desk.sent()
    [released] = desk.later(5.1)
    assert released["event_id"] == second


def test_a_failed_response_keeps_the_servers_reason() -> None:
    desk = Desk().ready()
    event_id = ask(desk)
    desk.begin("resp_1", metadata={TAG: event_id})
    error = {"type": "rate_limit_exceeded", "code": "rate_limit_exceeded", "message": "try in 2s"}
    desk.finish("resp_1", "failed", status_details={"type": "failed", "error": error})
    [finished] = desk.signals(ResponseFinished)
    assert finished.status == "failed"
    assert finished.record.error is not None
    assert finished.record.error.message == "try in 2s"


def test_marks_tell_when_things_happened() -> None:
    desk = Desk().ready()
    event_id = ask(desk)
    desk.later(1)
    desk.begin("resp_1", metadata={TAG: event_id})
    desk.message("item_a")
    desk.later(1)
    desk.hear("response.output_audio_transcript.delta", response_id="resp_1", item_id="item_a", delta="Hi")
    desk.later(1)
    desk.audio("item_a", "AAAA")
    desk.later(1)
    desk.finish("resp_1")
    record = desk.core.responses.get("resp_1")
    assert record is not None
    marks = record.marks
    assert (marks.asked, marks.created, marks.first_text, marks.first_audio, marks.done) == (0, 1, 2, 3, 4)
    assert record.to_dict()["marks"]["done"] == 4


def test_deltas_of_a_response_that_was_never_announced_make_a_record() -> None:
    desk = Desk().ready()
    desk.audio("item_a", "AAAA", response_id="resp_x")
    desk.finish("resp_x")
    record = desk.core.responses.get("resp_x")
    assert record is not None
    assert record.finished


def test_old_responses_are_forgotten_and_live_ones_never() -> None:
    desk = Desk().ready()
    desk.begin("resp_live", conversation_id=None)
    for n in range(400):
        desk.begin(f"resp_{n}")
        desk.finish(f"resp_{n}")
    assert desk.core.responses.get("resp_live") is not None
    assert desk.core.responses.get("resp_0") is None
    assert len(list(desk.core.responses)) <= 257
    assert desk.core.responses.counts == {"completed": 400}


def test_a_lost_line_leaves_no_response_waiting() -> None:
    desk = Desk().ready()
    event_id = ask(desk)
    desk.begin("resp_1", metadata={TAG: event_id})
    desk.close()
    record = desk.core.responses.get("resp_1")
    assert record is not None
    assert record.status == "abandoned"
    assert desk.core.responses.active is None


def test_responses_without_any_fields_raise_nothing() -> None:
    desk = Desk().ready()
    desk.hear("response.created")
    desk.hear("response.created", response={})
    desk.hear("response.output_item.added")
    desk.hear("response.output_audio.delta")
    desk.hear("response.output_audio.done")
    desk.hear("response.done")
    desk.hear("response.done", response={})
    assert all(w.rule in ("conversation", "bad_audio") for w in desk.signals(ProtocolWarning))

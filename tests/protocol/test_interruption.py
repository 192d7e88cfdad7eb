"""Interrupting: the right one of truncate, delete and nothing, at every moment of a reply."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

from realtime_raw.errors import AudioError
from realtime_raw.events.client import ResponseCreate
from realtime_raw.protocol.interruption import Interruption
from realtime_raw.protocol.responses import TAG
from realtime_raw.protocol.signals import (
    AudioReceived,
    BargeIn,
    CommandConfirmed,
    CommandRefused,
    PlaybackFinished,
    ProtocolWarning,
    UserStartedSpeaking,
    UserStoppedSpeaking,
)
from realtime_raw.types import AudioKey
from tests.protocol.harness import Desk, FakePlayhead


def pcm(ms: int) -> str:
    return base64.b64encode(bytes(48 * ms)).decode()


def speaking(desk: Desk, *ms: int, item_id: str = "item_a", response_id: str = "resp_1") -> None:
    """A reply is created, and some deltas of its audio have come."""
    event_id = desk.core.send(ResponseCreate(), desk.now)
    desk.begin(response_id, metadata={TAG: event_id})
    desk.message(item_id, response_id)
    for one in ms:
        desk.audio(item_id, pcm(one), response_id)
    desk.sent()


def done(desk: Desk, item_id: str = "item_a", response_id: str = "resp_1", status: str = "completed") -> None:
    desk.hear("response.output_audio.done", response_id=response_id, item_id=item_id, content_index=0)
    desk.finish(response_id, status)


def interrupt(desk: Desk, **how: Any) -> tuple[Interruption, list[dict[str, Any]]]:
    result = desk.core.interrupt(desk.now, **how)
    return result, desk.sent()


def brief(sent: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (e["type"].rsplit(".", 1)[1], e.get("item_id") or e.get("response_id"), e.get("audio_end_ms"))
        for e in sent
    ]


def desk_with_ear() -> tuple[Desk, FakePlayhead]:
    ear = FakePlayhead()
    return Desk(playhead=ear).ready(), ear


def test_while_generating_it_cancels_then_truncates_at_the_ear() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 100, 200)
    ear.listen(120)
    result, sent = interrupt(desk)
    assert brief(sent) == [("cancel", "resp_1", None), ("truncate", "item_a", 120)]
    [item] = result.items
    assert (item.heard_ms, item.received_ms, item.action) == (120, 300, "truncate")
    assert result.commands == tuple(e["event_id"] for e in sent)


def test_after_the_server_finished_it_truncates_and_cancels_nothing() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 100, 200)
    done(desk)
    ear.listen(250)
    _, sent = interrupt(desk)
    assert brief(sent) == [("truncate", "item_a", 250)]


def test_after_all_was_heard_it_does_nothing() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 100)
    done(desk)
    ear.listen(100)
    result, sent = interrupt(desk)
    assert sent == []
    assert result.items == ()
    assert desk.signals(BargeIn) == []


def test_nothing_heard_means_delete_not_truncate_at_zero() -> None:
    desk, _ear = desk_with_ear()
    speaking(desk, 100)
    _, sent = interrupt(desk)
    assert brief(sent) == [("cancel", "resp_1", None), ("delete", "item_a", None)]


def test_a_message_whose_sound_had_not_begun_is_deleted() -> None:
    desk, _ear = desk_with_ear()
    speaking(desk)
    _, sent = interrupt(desk)
    assert brief(sent) == [("cancel", "resp_1", None), ("delete", "item_a", None)]


def test_a_part_still_growing_is_truncated_even_if_all_that_came_was_heard() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 100)
    ear.listen(500)
    _, sent = interrupt(desk)
    assert brief(sent) == [("cancel", "resp_1", None), ("truncate", "item_a", 100)]


def test_an_old_reply_still_sounding_and_a_new_one_behind_it_are_both_dealt_with() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 400)
    done(desk)
    ear.listen(150)
    speaking(desk, 100, item_id="item_b", response_id="resp_2")
    _, sent = interrupt(desk)
    assert brief(sent) == [
        ("cancel", "resp_2", None),
        ("truncate", "item_a", 150),
        ("delete", "item_b", None),
    ]


def test_late_audio_of_an_interrupted_reply_is_dropped_and_counted() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 100)
    before = len(desk.signals(AudioReceived))
    interrupt(desk)
    desk.audio("item_a", pcm(100))
    desk.audio("item_a", pcm(100))
    assert ear.received == {}
    assert len(desk.signals(AudioReceived)) == before
    assert desk.core.statistics()["late_deltas"] == 2
    record = desk.core.responses.get("resp_1")
    assert record is not None
    assert record.late_deltas == 2


def test_the_next_reply_is_heard_again() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 100)
    interrupt(desk)
    done(desk, status="cancelled")
    speaking(desk, 80, item_id="item_b", response_id="resp_2")
    assert sum(ear.received.values()) == 80 * 24


def test_before_the_reply_exists_it_is_cancelled_as_soon_as_it_does() -> None:
    desk, ear = desk_with_ear()
    event_id = desk.core.send(ResponseCreate(), desk.now)
    desk.sent()
    _, sent = interrupt(desk)
    assert sent == []
    assert brief(desk.begin("resp_1", metadata={TAG: event_id})) == [("cancel", "resp_1", None)]
    desk.message("item_a")
    desk.audio("item_a", pcm(100))
    assert ear.received == {}


def test_interrupting_twice_says_everything_once() -> None:
    for heard in (None, 50):
        desk, ear = desk_with_ear()
        speaking(desk, 100)
        ear.listen(50)
        first, sent = interrupt(desk, heard_ms=heard)
        assert len(sent) == 2
        second, sent = interrupt(desk, heard_ms=heard)
        assert sent == []
        assert (first.response_id, second.items) == ("resp_1", ())


def test_with_nothing_going_on_it_does_nothing() -> None:
    desk, _ear = desk_with_ear()
    result, sent = interrupt(desk)
    assert (sent, result.items, result.response_id) == ([], (), None)


def test_a_text_reply_is_cancelled_and_its_text_left_alone() -> None:
    desk, _ear = desk_with_ear()
    event_id = desk.core.send(ResponseCreate(), desk.now)
    desk.begin("resp_1", metadata={TAG: event_id}, output_modalities=["text"])
    desk.message("item_a")
    desk.sent()
    _, sent = interrupt(desk)
    assert brief(sent) == [("cancel", "resp_1", None)]


def test_out_of_band_responses_are_not_touched_and_not_played() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 100)
    desk.begin("resp_b", conversation_id=None)
    desk.audio("item_b", pcm(100), response_id="resp_b")
    assert sum(ear.received.values()) == 100 * 24
    ear.listen(50)
    _, sent = interrupt(desk)
    assert all("resp_b" not in str(e) and "item_b" not in str(e) for e in sent)
    before = len(desk.signals(AudioReceived))
    desk.audio("item_b", pcm(100), response_id="resp_b")
    assert len(desk.signals(AudioReceived)) == before + 1


def test_without_a_playhead_nobody_knows_what_was_heard_and_nothing_is_cut() -> None:
    desk = Desk().ready()
    speaking(desk, 100)
    result, sent = interrupt(desk)
    assert brief(sent) == [("cancel", "resp_1", None)]
    [item] = result.items
    assert (item.heard_ms, item.received_ms, item.action) == (None, 100, "leave")


@pytest.mark.parametrize(
    ("heard_ms", "expected"),
    [(0, ("delete", "item_a", None)), (70, ("truncate", "item_a", 70)), (900, ("truncate", "item_a", 100))],
)
def test_who_plays_the_sound_may_say_what_was_heard(heard_ms: int, expected: tuple[Any, ...]) -> None:
    desk = Desk().ready()
    speaking(desk, 100)
    _, sent = interrupt(desk, heard_ms=heard_ms)
    assert brief(sent) == [("cancel", "resp_1", None), expected]


def test_what_is_not_in_the_conversation_is_left_alone() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 100)
    done(desk)
    ear.listen(50)
    desk.hear("conversation.item.deleted", item_id="item_a")
    _, sent = interrupt(desk)
    assert sent == []


def test_a_truncate_beyond_the_servers_end_is_sent_again_with_the_servers_own_length() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 300)
    done(desk)
    ear.listen(290)
    interrupt(desk)
    [again] = desk.error("invalid_value", "Audio content of 200ms is already shorter than 290ms")
    assert (again["type"], again["audio_end_ms"]) == ("conversation.item.truncate", 200)
    assert desk.signals(CommandRefused) == []
    assert desk.signals(CommandConfirmed)[-1].note is not None


def test_the_cut_is_announced() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 300)
    ear.listen(100)
    interrupt(desk)
    [cut] = desk.signals(BargeIn)
    assert (cut.item_id, cut.response_id, cut.heard_ms, cut.by) == ("item_a", "resp_1", 100, "interrupt")


def speech(desk: Desk) -> list[dict[str, Any]]:
    return desk.hear("input_audio_buffer.speech_started", audio_start_ms=10, item_id="item_u")


def test_where_the_server_cancels_by_itself_speech_truncates_and_does_not_cancel() -> None:
    ear = FakePlayhead()
    desk = Desk(playhead=ear, manual_turns=False).ready()
    speaking(desk, 300)
    ear.listen(100)
    assert brief(speech(desk)) == [("truncate", "item_a", 100)]
    desk.audio("item_a", pcm(100))
    assert ear.received == {}
    [cut] = desk.signals(BargeIn)
    assert cut.by == "speech"
    [spoke] = desk.signals(UserStartedSpeaking)
    assert (spoke.item_id, spoke.audio_ms) == ("item_u", 10)
    desk.hear("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id="item_u")
    [quiet] = desk.signals(UserStoppedSpeaking)
    assert quiet.audio_ms == 900


@pytest.mark.parametrize(
    ("policy", "server_interrupts", "expected"),
    [
        ("follow_server", True, ["truncate"]),
        ("follow_server", False, []),
        ("always", True, ["truncate"]),
        ("always", False, ["cancel", "truncate"]),
        ("never", True, []),
    ],
)
def test_barge_in_policy(policy: str, server_interrupts: bool, expected: list[str]) -> None:
    ear = FakePlayhead()
    desk = Desk(playhead=ear, manual_turns=False, barge_in=policy)
    desk.core.connected(0.0)
    vad = {"type": "server_vad", "interrupt_response": server_interrupts}
    desk.hear("session.created", session={"type": "realtime", "audio": {"input": {"turn_detection": vad}}})
    speaking(desk, 300)
    ear.listen(100)
    assert [kind for kind, _, _ in brief(speech(desk))] == expected


def test_playback_marks_come_with_the_timer() -> None:
    desk, ear = desk_with_ear()
    speaking(desk, 100)
    done(desk)
    desk.later(0.05)
    assert desk.signals(PlaybackFinished) == []
    ear.listen(100)
    desk.later(0.05)
    [finished] = desk.signals(PlaybackFinished)
    assert finished.item_id == "item_a"
    deadline = desk.core.next_deadline()
    assert deadline is None or deadline > 1000, "nothing sounds: nothing to poll"


def test_a_full_ring_is_said_once_and_the_rest_of_that_reply_is_not_played() -> None:
    desk, ear = desk_with_ear()
    ear.room = 150 * 24
    speaking(desk, 100, 100, 100)
    assert [w.rule for w in desk.signals(ProtocolWarning)] == ["ring_full"]
    assert len(desk.signals(AudioReceived)) == 3
    ear.room = 10**9
    desk.audio("item_a", pcm(100))
    assert sum(ear.received.values()) == 150 * 24


def test_a_format_the_player_cannot_take_is_said_once_and_the_reply_goes_on() -> None:
    class Deaf(FakePlayhead):
        def feed(self, key: AudioKey, data: bytes, encoding: str, now: float) -> int:
            raise AudioError("no such format")

    desk = Desk(playhead=Deaf()).ready()
    speaking(desk, 100, 100)
    [warning] = desk.signals(ProtocolWarning)
    assert warning.rule == "not_played"
    assert "no such format" in warning.detail
    assert len(desk.signals(AudioReceived)) == 2


def test_audio_that_is_not_base64_is_a_warning() -> None:
    desk, ear = desk_with_ear()
    speaking(desk)
    desk.audio("item_a", "not base64!")
    assert [w.rule for w in desk.signals(ProtocolWarning)] == ["bad_audio"]
    assert ear.received == {}


@pytest.mark.parametrize("moment", range(8))
def test_at_every_event_boundary_of_a_reply_the_result_is_sound(moment: int) -> None:
    """Never more ms than received, never a truncate at 0, cancel only while it generates."""
    desk, ear = desk_with_ear()
    event_id = desk.core.send(ResponseCreate(), desk.now)
    desk.sent()
    item = {"id": "item_a", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    steps: list[Any] = [
        lambda: desk.begin("resp_1", metadata={TAG: event_id}),
        lambda: desk.hear("response.output_item.added", response_id="resp_1", item=item),
        lambda: desk.hear("conversation.item.added", previous_item_id=None, item=item),
        lambda: desk.audio("item_a", pcm(100)),
        lambda: ear.listen(60),
        lambda: desk.audio("item_a", pcm(100)),
        lambda: done(desk),
        lambda: ear.listen(400),
    ]
    for step in steps[:moment]:
        step()
    desk.sent()
    generating = desk.core.responses.active is not None
    _, sent = interrupt(desk)
    kinds = [e["type"] for e in sent]
    assert ("response.cancel" in kinds) == generating
    received = 100 * sum(1 for s in desk.signals(AudioReceived))
    for event in sent:
        if event["type"] == "conversation.item.truncate":
            assert 0 < event["audio_end_ms"] <= received
    for step in steps[moment:]:
        step()
    assert desk.signals(CommandRefused) == []


def test_playback_is_looked_at_as_seldom_as_it_may() -> None:
    """Every 20 ms where something may happen, about once a second where nothing should."""

    class Resting(FakePlayhead):
        seconds = 0.0

        def rest(self, now: float) -> float:
            return self.seconds

    ear = Resting()
    desk = Desk(playhead=ear).ready()
    speaking(desk, 100)
    for seconds, least, wait in ((0.0, 0.02, 0.02), (0.1, 0.1, 0.1), (0.6, 0.475, 0.6), (60.0, 0.875, 1.0)):
        ear.seconds = seconds
        deadline = desk.core.next_deadline()
        assert deadline is not None
        desk.now = deadline
        desk.core.handle_timer(desk.now)
        again = desk.core.next_deadline()
        assert again is not None
        assert desk.now + least - 1e-9 <= again <= desk.now + wait + 1e-9
    assert again is not None
    assert again % 0.125 == pytest.approx(0.0), "at the same moments as other sessions of the loop"
    ear.seconds = 0.0
    desk.audio("item_c", "AAAA" * 400)
    assert desk.core.next_deadline() == pytest.approx(desk.now + 0.02), "a new part may start at once"


def test_playback_that_rests_until_it_says_so_is_not_looked_at() -> None:
    """A playhead that calls back needs no timer; replaced, or with more to play, it is looked at again."""

    class Resting(FakePlayhead):
        def rest(self, now: float) -> float:
            return math.inf

    ear = Resting()
    desk = Desk(playhead=ear).ready()
    speaking(desk, 100)
    done(desk)
    desk.later(0.05)

    def deadline() -> float:
        return desk.core.next_deadline() or math.inf

    def is_at_rest() -> bool:
        return deadline() > desk.now + 1000

    assert is_at_rest()
    ear.listen(100)
    desk.later(5.0)
    assert desk.signals(PlaybackFinished) == []
    desk.core.playback_resumed(desk.now)
    desk.later(0.0)
    assert [signal.item_id for signal in desk.signals(PlaybackFinished)] == ["item_a"]
    desk.core.playback_resumed(desk.now)
    assert is_at_rest(), "nothing plays: there is nothing to look for"
    speaking(desk, 100)
    assert is_at_rest()
    desk.core.playhead = FakePlayhead()
    assert deadline() <= desk.now, "nobody has promised to call for this one"

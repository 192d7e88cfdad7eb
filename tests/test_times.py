"""When items sounded: appended, played, received, told of; each by literal streams in simulated time."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import pytest

from realtime_raw import events as ev
from realtime_raw import times
from realtime_raw.protocol import signals as sg
from realtime_raw.times import Intake, ItemTimes, Span
from tests.protocol.harness import MANUAL, Desk, session

DELETE = ev.ConversationItemDelete(item_id="item_9")
SOUND = base64.b64encode(bytes(4800)).decode()


class Timed(Desk):
    """A desk whose stream the times follow, as the shell does it."""

    def __init__(self, *, vad: bool = False, tells: bool = True, **options: Any) -> None:
        super().__init__(manual_turns=not vad, **options)
        self.times = ItemTimes(self.core.conversation, self.core.input_audio)
        self.tells = tells
        self.read = 0
        self.ready()
        self.follow()

    def follow(self) -> None:
        self.sent()
        for observed in self.seen[self.read :]:
            self.times.apply(observed, self.now)
        self.read = len(self.seen)

    def append(self, ms: int, at: float) -> None:
        self.now = at
        self.core.append_audio(bytes(48 * ms), at)
        if self.tells:
            self.times.appended(at)
        self.follow()

    def commit(self, at: float) -> str:
        self.now = at
        event_id = self.core.send(ev.InputAudioBufferCommit(), at)
        self.follow()
        return event_id

    def say(self, type_: str, at: float, **fields: Any) -> None:
        self.now = at
        self.hear(type_, **fields)
        self.follow()

    def committed(self, item_id: str, at: float) -> None:
        self.say("input_audio_buffer.committed", at, item_id=item_id, previous_item_id=None)


def rounded(found: Intake | Span | None) -> tuple[Any, ...]:
    """Its fields, times to the microsecond."""
    assert found is not None
    return tuple(round(x, 6) if isinstance(x, float) else x for x in dataclasses.astuple(found))


@pytest.mark.parametrize("way", ["carried", "skimmed"])
@pytest.mark.parametrize("words", [False, True])
def test_deltas_of_which_nobody_is_told_count(way: str, words: bool) -> None:
    """The first are told of, the rest carried on past the records; when they came stays known."""
    desk = Timed()
    item = {"id": "item_1", "type": "message", "role": "assistant", "content": []}
    desk.say("response.created", 9.0, response={"id": "resp_1", "conversation_id": "conv_1"})
    desk.say("response.output_item.added", 9.1, response_id="resp_1", item=item)
    desk.say("conversation.item.added", 9.2, previous_item_id=None, item=item)
    kind, said = ("audio_transcript", "word") if words else ("audio", SOUND)

    def delta(number: int) -> bytearray:
        of = '"response_id":"resp_1","item_id":"item_1","output_index":0,"content_index":0'
        return bytearray(
            f'{{"type":"response.output_{kind}.delta","event_id":"event_{number}",{of},"delta":"{said}"}}'.encode()
        )

    desk.now = 10.0
    desk.core.receive_message(bytes(delta(1)), 10.0)
    desk.follow()
    for number in range(2, 9):
        data, at = delta(number), 10.0 + number / 10
        if way == "skimmed" and not words:
            assert desk.core.runs.skim(memoryview(data), data, 0, len(data), at)
        else:
            assert desk.core.runs.carry(bytes(data), at)
    assert desk.times.span("item_1") == Span(10.0, 10.8, "received")
    desk.say("conversation.item.deleted", 11.0, item_id="item_1")
    assert desk.core.conversation.item("item_1") is None
    assert desk.times.span("item_1") == Span(10.0, 10.8, "received")


def test_a_manual_turn_spans_its_appends() -> None:
    """From the first append since the last commit to the last one."""
    desk = Timed()
    for i in range(5):
        desk.append(100, 10 + i / 10)
    event_id = desk.commit(11.0)
    asked = desk.times.intake(event_id)
    assert asked == Intake(24000, 500, 10.0, 10.5)
    desk.committed("item_1", 11.2)
    assert desk.times.intake("item_1") == asked
    assert desk.times.intake(event_id) is None
    assert desk.times.span("item_1") == Span(10.0, 10.5, "appended")
    desk.append(200, 12.0)
    desk.commit(12.1)
    desk.committed("item_2", 12.2)
    assert desk.times.intake("item_2") == Intake(9600, 200, 12.0, 12.2)
    desk.committed("item_2", 12.3)
    assert desk.times.span("item_2") == Span(12.0, 12.2, "appended")


def test_slow_appends_count_to_the_last_of_them() -> None:
    """A pause within the turn is part of it."""
    desk = Timed()
    desk.append(100, 10)
    desk.append(100, 13)
    desk.commit(13.1)
    desk.committed("item_1", 13.2)
    assert desk.times.span("item_1") == Span(10.0, 13.0, "appended")


def test_sizes_are_right_without_being_told_of_appends() -> None:
    """Only the times are then as rough as the stream."""
    desk = Timed(tells=False)
    desk.append(300, 10.0)
    desk.commit(11.0)
    desk.committed("item_1", 11.1)
    assert desk.times.intake("item_1") == Intake(14400, 300, 11.0, 11.3)


def test_cleared_audio_belongs_to_no_turn() -> None:
    """The next turn begins after it."""
    desk = Timed()
    desk.append(300, 10.0)
    desk.core.send(ev.InputAudioBufferClear(), 10.5)
    desk.follow()
    desk.append(200, 11.0)
    event_id = desk.commit(11.5)
    assert desk.times.intake(event_id) == Intake(9600, 200, 11.0, 11.2)


def test_a_refused_commit_leaves_its_audio_to_the_next() -> None:
    """As the server's buffer does."""
    desk = Timed()
    desk.append(200, 10.0)
    event_id = desk.commit(10.5)
    desk.error("server_error", event_id=event_id)
    desk.follow()
    assert desk.times.intake(event_id) is None
    desk.error("item_delete_invalid_item_id", event_id=desk.core.send(DELETE, 10.6))
    desk.append(100, 11.0)
    assert desk.times.intake(desk.commit(11.5)) == Intake(14400, 300, 10.0, 11.0)


def vad_desk() -> Timed:
    desk = Timed(vad=True)
    for i in range(30):
        desk.append(100, 10 + i / 10)
    return desk


def test_vad_says_where_speech_was() -> None:
    """Its milliseconds count all audio of the session; here they become times."""
    desk = vad_desk()
    desk.say("input_audio_buffer.speech_started", 13.0, item_id="item_1", audio_start_ms=450)
    desk.say("input_audio_buffer.speech_stopped", 13.0, item_id="item_1", audio_end_ms=1250)
    desk.committed("item_1", 13.1)
    assert rounded(desk.times.intake("item_1")) == (38400, 800, 10.4, 11.2)
    desk.say("input_audio_buffer.speech_started", 13.0, item_id="item_2", audio_start_ms=2000)
    desk.say("input_audio_buffer.speech_stopped", 13.0, item_id="item_2", audio_end_ms=None)
    desk.committed("item_2", 13.2)
    assert rounded(desk.times.intake("item_2"))[1:3] == (1000, 12.0)


def test_vad_that_says_nothing_leaves_all_since_the_last_commit() -> None:
    """Servers that leave the milliseconds out, or commit what nobody announced."""
    desk = vad_desk()
    desk.say("input_audio_buffer.speech_stopped", 13.0, item_id="item_1", audio_end_ms=1000)
    desk.committed("item_1", 13.1)
    assert rounded(desk.times.intake("item_1"))[1:3] == (1000, 10.0)
    desk.committed("item_2", 13.2)
    assert rounded(desk.times.intake("item_2"))[1:3] == (2000, 11.0)


def test_nonsense_from_vad_stays_within_what_was_appended() -> None:
    """Beyond the end, or backwards."""
    desk = vad_desk()
    desk.say("input_audio_buffer.speech_started", 13.0, item_id="item_1", audio_start_ms=9e9)
    desk.say("input_audio_buffer.speech_stopped", 13.0, item_id="item_1", audio_end_ms=-5)
    desk.committed("item_1", 13.1)
    assert desk.times.intake("item_1") == Intake(0, 0.0, 13.1, 13.1)
    for type_ in ("speech_started", "speech_stopped", "timeout_triggered", "committed"):  # and of nothing
        desk.say(f"input_audio_buffer.{type_}", 13.2)
    assert desk.times.span("") is None


def test_our_commit_that_lost_to_vad_took_nothing() -> None:
    """The audio is VAD's, and what came after it is still there to be committed."""
    desk = vad_desk()
    desk.hear("session.updated", session=session())
    desk.say("input_audio_buffer.speech_started", 13.0, item_id="item_1", audio_start_ms=0)
    event_id = desk.commit(13.0)
    desk.say("input_audio_buffer.speech_stopped", 13.0, item_id="item_1", audio_end_ms=2900)
    desk.committed("item_1", 13.1)
    desk.error("input_audio_buffer_commit_empty", event_id=event_id)
    desk.follow()
    assert desk.times.intake(event_id) is None
    intake = desk.times.intake("item_1")
    assert intake is not None
    assert intake.ms == 2900


def test_an_idle_timeout_says_which_silence_it_commits() -> None:
    """Like speech, in one event."""
    desk = vad_desk()
    desk.say(
        "input_audio_buffer.timeout_triggered", 13, item_id="item_1", audio_start_ms=1000, audio_end_ms=2000
    )
    desk.committed("item_1", 13.1)
    assert rounded(desk.times.intake("item_1"))[1:3] == (1000, 11.0)


def test_a_very_long_turn_keeps_its_beginning() -> None:
    """Appends are thinned out, not forgotten; what was committed goes first."""
    desk = Timed()
    desk.append(100, 1.0)
    desk.commit(1.1)
    desk.committed("item_1", 1.2)
    for i in range(3 * times._REMEMBERED):
        desk.core.append_audio(bytes(960), 10 + i / 50)
        desk.times.appended(10 + i / 50)
    assert len(desk.times._appended._ms) <= times._REMEMBERED
    event_id = desk.commit(300)
    asked = desk.times.intake(event_id)
    assert asked is not None
    assert (asked.start, asked.ms) == (10.0, 20 * 3 * times._REMEMBERED)


def test_g711_has_its_own_milliseconds() -> None:
    """8 bytes each."""
    desk = Timed()
    fields = {**MANUAL, "audio__input__format": {"type": "audio/pcmu"}}
    desk.hear("session.updated", session=session(**fields))
    desk.core.append_audio(bytes(8000), 5.0)
    desk.times.appended(5.0)
    assert desk.times.intake(desk.commit(7.0)) == Intake(8000, 1000, 5.0, 6.0)


# Replies


def replying(desk: Timed, *deltas: float) -> None:
    """A spoken reply: 100 ms of sound at each of these times."""
    desk.begin(metadata={})
    desk.message("item_r")
    for at in deltas:
        desk.now = at
        desk.audio("item_r", SOUND)
        desk.follow()


def test_a_reply_was_received_where_nobody_plays() -> None:
    """From its first delta on, for as long as it lasts."""
    desk = Timed()
    replying(desk, 20.0, 20.01, 20.02)
    assert rounded(desk.times.span("item_r")) == (20.0, 20.3, "received")


def test_a_reply_was_played_where_a_player_says_so() -> None:
    """First sample to last."""
    desk = Timed()
    replying(desk, 20.0, 20.1)
    desk.times.apply(sg.PlaybackStarted(item_id="item_r", content_index=0), 20.5)
    assert desk.times.span("item_r") == Span(20.5, None, "played")
    desk.times.apply(sg.PlaybackFinished(item_id="item_r", content_index=0), 20.7)
    assert desk.times.span("item_r") == Span(20.5, 20.7, "played")


def test_a_reply_of_two_parts_ends_with_the_last() -> None:
    """And an interruption ends what sounds, once."""
    desk = Timed()
    for kind, index, at in (("Started", 0, 1.0), ("Finished", 0, 2.0), ("Started", 1, 2.1)):
        signal = getattr(sg, f"Playback{kind}")(item_id="item_r", content_index=index)
        desk.times.apply(signal, at)
    assert desk.times.span("item_r") == Span(1.0, None, "played")
    cut = sg.BargeIn(item_id="item_r", response_id="resp_1", heard_ms=1500, by="interrupt")
    desk.times.apply(cut, 2.5)
    desk.say("conversation.item.truncated", 2.9, item_id="item_r", content_index=0, audio_end_ms=1500)
    assert desk.times.span("item_r") == Span(1.0, 2.5, "played")


def test_marks_of_strangers_change_nothing() -> None:
    """A barge-in without an item, an end without a beginning."""
    desk = Timed()
    desk.times.apply(sg.BargeIn(item_id=None, response_id=None, heard_ms=None, by="speech"), 1.0)
    desk.times.apply(sg.PlaybackFinished(item_id="item_r", content_index=0), 1.0)
    assert desk.times.span("item_r") is None


def test_a_call_says_when_its_media_sounded() -> None:
    """WebRTC and SIP calls sound elsewhere; a sideband hears when."""
    desk = Timed()
    replying(desk)
    call = {"id": "item_c", "type": "function_call", "name": "f", "call_id": "c", "arguments": ""}
    desk.say("response.output_item.added", 4.0, response_id="resp_1", output_index=1, item=call)
    desk.say("response.output_text.delta", 4.0, response_id="resp_1", delta="of no item")
    desk.say("output_audio_buffer.started", 5.0, response_id="resp_1")
    assert desk.times.span("item_r") == Span(5.0, None, "played")
    desk.say("output_audio_buffer.stopped", 6.0, response_id="resp_1")
    desk.say("output_audio_buffer.cleared", 7.0, response_id="resp_1")
    desk.say("output_audio_buffer.cleared", 7.0)
    assert desk.times.span("item_r") == Span(5.0, 6.0, "played")
    assert desk.times.span("item_c") is None


def test_text_was_told() -> None:
    """No sound: when the server told of it; nothing for what it never told of."""
    desk = Timed()
    item = {
        "id": "item_t",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "a"}],
    }
    desk.say("conversation.item.added", 3.0, previous_item_id=None, item=item)
    assert desk.times.span("item_t") == Span(3.0, 3.0, "told")
    assert desk.times.span("item_u") is None
    assert desk.times.started == 0.0


def test_only_so_many_items_are_remembered() -> None:
    """The oldest go."""
    desk = Timed()
    for i in range(times._REMEMBERED + 5):
        desk.times.apply(sg.PlaybackStarted(item_id=f"item_{i}", content_index=0), i)
    assert desk.times.span("item_4") is None
    assert desk.times.span("item_5") is not None

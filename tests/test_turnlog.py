"""The turn log: one row a turn, from literal streams in simulated time; and the play it makes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime_raw import events as ev
from realtime_raw import turnlog as module
from realtime_raw.audit import marker
from realtime_raw.protocol import signals as sg
from realtime_raw.times import ItemTimes
from realtime_raw.turnlog import Turn, TurnLog
from tests.protocol import told
from tests.protocol.harness import Desk, FakePlayhead, session

Message = dict[str, Any]


class Logged(Desk):
    """A desk whose stream a turn log follows."""

    def __init__(self, *, vad: bool = False, **options: Any) -> None:
        super().__init__(manual_turns=not vad, **options)
        core = self.core
        self.times = ItemTimes(core.conversation, core.input_audio)
        self.log = TurnLog(core.conversation, core.responses, self.times)
        self.read = 0
        self.ready()
        self.follow()

    def follow(self) -> None:
        self.sent()
        for observed in self.seen[self.read :]:
            self.times.apply(observed, self.now)
            self.log.apply(observed, self.now)
        self.read = len(self.seen)

    def at(self, now: float) -> Logged:
        """From here on it is `now`."""
        self.now = now
        return self

    def tell(self, *messages: Message) -> None:
        """The server says these."""
        for message in messages:
            self.core.receive_message(json.dumps({"event_id": "event_s", **message}), self.now)
            self.follow()

    def send(self, event: ev.ClientEvent) -> str:
        event_id = self.core.send(event, self.now)
        self.follow()
        return event_id

    def append(self, ms: int) -> None:
        self.core.append_audio(bytes(48 * ms), self.now)
        self.times.appended(self.now)

    def create(self, event_id: str, response_id: str = "resp_1", **fields: Any) -> None:
        """The server takes up our create."""
        self.begin(response_id, metadata={"realtime_raw_id": event_id}, **fields)
        self.follow()

    @property
    def rows(self) -> list[Turn]:
        return list(self.log)


def item_of(item: Any, after: str | None = None) -> ev.ConversationItemCreate:
    if after is None:
        return ev.ConversationItemCreate(item=item)
    return ev.ConversationItemCreate(item=item, previous_item_id=after)


def spoken_reply(desk: Logged, item_id: str, words: list[tuple[str, int]], *, after: str | None) -> None:
    """What the server says of a spoken message, up to its end."""
    first, *stream = told.audio_reply(item_id, words, "resp_1")
    desk.tell(first, told.added(told.reply(item_id, status="in_progress"), after), *stream)


def done(*items: Message, response_id: str = "resp_1", status: str = "completed", **fields: Any) -> Message:
    response = {"id": response_id, "status": status, "output": list(items), **fields}
    return {"type": "response.done", "response": response}


USAGE = {
    "total_tokens": 30,
    "input_tokens": 20,
    "output_tokens": 10,
    "input_token_details": {"text_tokens": 5, "audio_tokens": 15, "cached_tokens": 4},
    "output_token_details": {"text_tokens": 3, "audio_tokens": 7},
}


def spoken_exchange() -> Logged:
    """The user speaks for half a second, the model answers with 400 ms, somebody listens to it all."""
    desk = Logged()
    for i in range(5):
        desk.at(10 + i / 10).append(100)
    desk.at(10.6).send(ev.InputAudioBufferCommit())
    desk.at(10.7).tell(told.committed("item_u", None), told.added(told.spoken("item_u"), None))
    create = desk.at(10.8).send(ev.ResponseCreate())
    desk.at(11.0).create(create)
    desk.at(11.3)
    spoken_reply(desk, "item_r", [("Fine, ", 200), ("thanks.", 200)], after="item_u")
    whole = told.reply("item_r", {"type": "output_audio", "transcript": "Fine, thanks."})
    desk.at(11.5).tell(told.done(whole, "item_u"), done(whole, usage=USAGE))
    desk.at(11.4).log.apply(sg.PlaybackStarted(item_id="item_r", content_index=0), 11.4)
    desk.log.apply(sg.PlaybackFinished(item_id="item_r", content_index=0), 11.8)
    return desk


def test_a_spoken_turn_and_its_reply() -> None:
    """All that is known of both: ids, times, bytes, words, tokens, latencies."""
    desk = spoken_exchange()
    user, reply = desk.rows
    usage = {"type": "tokens", "input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
    completed = {"type": f"{told.TRANSCRIPTION}.completed", "item_id": "item_u", "content_index": 0}
    desk.at(12.0).tell({**completed, "transcript": "How are you?", "usage": usage})

    assert (user.number, user.who, user.kind, user.item_ids) == (1, "user", "audio", ["item_u"])
    assert (user.start, user.end) == (10.0, 10.5)
    assert (user.audio_bytes, user.audio_ms) == (24000, 500)
    assert (user.commit_asked, user.committed, user.status) == (10.6, 10.7, "completed")
    assert user.text == "How are you?"
    assert user.transcription is not None
    assert user.transcription.total == 11
    assert user.latencies == {"commit_to_committed": pytest.approx(0.1)}

    assert (reply.who, reply.kind, reply.response_id, reply.item_ids) == (
        "assistant",
        "audio",
        "resp_1",
        ["item_r"],
    )
    assert (reply.asked, reply.created, reply.first_text, reply.first_audio) == (10.8, 11.0, 11.3, 11.3)
    assert (reply.done, reply.played, reply.playback_finished) == (11.5, 11.4, 11.8)
    assert (reply.start, reply.end, reply.status, reply.reason) == (10.8, 11.8, "completed", None)
    assert (reply.text, reply.audio_bytes, reply.audio_ms) == ("Fine, thanks.", 19200, 400)
    assert reply.tokens is not None
    assert (reply.tokens.total, reply.tokens.cached) == (30, 4)
    assert {name: round(value, 6) for name, value in reply.latencies.items()} == {
        "ask_to_created": 0.2,
        "ask_to_first_text": 0.5,
        "ask_to_first_audio": 0.5,
        "commit_to_first_text": 0.7,
        "commit_to_first_audio": 0.7,
        "commit_to_played": 0.8,
        "first_audio_to_played": 0.1,
    }
    assert desk.log[-1] is reply
    assert desk.log.of("item_u") is user
    assert desk.log.of("resp_1") is desk.log.of("item_r") is reply
    assert desk.log.of("item_9") is None
    assert len(desk.log) == 2


def test_rows_are_plain_data() -> None:
    """One JSON object a line: what is known, and nothing else."""
    desk = spoken_exchange()
    user, reply = map(json.loads, desk.log.to_jsonl().splitlines())
    assert (user["kind"], user["audio_bytes"], user["committed"]) == ("audio", 24000, 10.7)
    assert "text" not in user
    assert reply["tokens"]["output_audio"] == 7
    assert not {"inserted", "tool_calls", "interrupted_at", "reason"} & reply.keys()


def test_a_row_is_there_as_soon_as_it_is_asked_for() -> None:
    """So that what never came can be seen."""
    desk = Logged()
    desk.append(200)
    desk.send(ev.InputAudioBufferCommit())
    desk.send(ev.ResponseCreate())
    user, reply = desk.rows
    assert (user.kind, user.status, user.audio_bytes, user.committed) == ("audio", "open", 9600, None)
    assert (reply.kind, reply.status, reply.created, reply.end) == ("empty", "open", None, None)
    desk.later(10.0)
    desk.follow()
    assert [row.status for row in desk.rows] == ["timed_out", "timed_out"]
    assert user.reason == "timed out"


def test_refusals_are_told_in_the_servers_words() -> None:
    """Of a commit, a create and an insertion; and no reply answers a refused commit."""
    desk = Logged()
    desk.append(200)
    for event in (ev.InputAudioBufferCommit(), ev.ResponseCreate(), item_of(ev.items.user("hi"))):
        desk.error("server_error", "Incorrect API key sk-abcdefgh provided.", event_id=desk.send(event))
        desk.follow()
    assert [row.status for row in desk.rows] == ["refused"] * 3
    assert desk.rows[0].reason == "server_error: Incorrect API key *** provided."
    desk.create(desk.send(ev.ResponseCreate()))
    assert desk.rows[3].answers_commit is None


def test_a_lost_line_ends_what_was_open() -> None:
    """Asked and never answered; begun and abandoned."""
    desk = Logged()
    desk.create(desk.send(ev.ResponseCreate()))
    desk.send(item_of(ev.items.user("hi")))
    desk.close()
    desk.follow()
    assert [row.status for row in desk.rows] == ["abandoned", "lost"]


# What is put in


def test_what_is_put_in_is_a_row_with_its_manner() -> None:
    """A user's typed question is text; other people's words, and other places, are insertions."""
    desk = Logged()
    new = [
        (ev.items.user, "user", "one", None),
        (ev.items.system, "system", "be kind", None),
        (ev.items.user, "user", "before one", "root"),
    ]
    for number, (make, role, text, after) in enumerate(new):
        item_id = f"item_{number}"
        desk.at(number).send(item_of(make(text).model_copy(update={"id": item_id}), after))
        item = {**told.user(item_id, text), "role": role}
        desk.at(number + 0.25).tell(told.added(item, None), told.done(item))
    assert [(row.who, row.kind, row.text, row.status) for row in desk.rows] == [
        ("user", "text", "one", "completed"),
        ("system", "inserted", "be kind", "completed"),
        ("user", "inserted", "before one", "completed"),
    ]
    assert desk.rows[1].latencies == {"ask_to_confirmed": 0.25}
    assert (desk.rows[1].start, desk.rows[1].end) == (1, 1.25)


def test_items_of_others_are_rows_too() -> None:
    """A sideband sees what another client put in, and what the server adds by itself."""
    desk = Logged()
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    desk.at(3.0).tell(
        told.added({**told.user("item_1", "hello"), "role": None}, None),
        told.added({**told.user("item_2", "x"), "role": "system"}, "item_1"),
        told.added({**told.user("item_3"), "content": [image]}, "item_2"),
        told.added(told.reply("item_4", {"type": "output_text", "text": "Yes"}), "item_3"),
        told.added(told.result("item_5", "gone", "42"), "item_4"),
        told.added({"id": "item_6", "type": "mcp_list_tools", "server_label": "docs", "tools": []}, "item_5"),
        told.added({"id": "item_7", "type": "function_call", "name": "f", "call_id": "c"}, "item_6"),
        {"type": "conversation.item.added", "item": None},
    )
    assert [(row.who, row.kind, row.text) for row in desk.rows] == [
        ("server", "empty", ""),
        ("system", "text", "x"),
        ("user", "image", ""),
        ("assistant", "text", "Yes"),
        ("tool", "tool", "call_gone returns: 42"),
        ("server", "mcp", "docs offers: no tools yet"),
        ("assistant", "empty", ""),
    ]
    assert {row.start for row in desk.rows} == {3.0}


def test_what_is_sent_raw_is_logged_as_far_as_it_can_be() -> None:
    """An item without an id is known once the server names it; an approval has its asker's name."""
    desk = Logged()
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    desk.core.send_raw(json.dumps({"type": "conversation.item.create", "item": item}).encode(), desk.now)
    desk.follow()
    assert desk.rows == []
    desk.tell(told.added(told.user("item_1", "hi"), None))
    approval = ev.NewMcpApprovalResponse(id="item_2", approval_request_id="item_0", approve=True)
    desk.send(item_of(approval))
    desk.tell(told.added(approval.to_wire(), "item_1"))
    assert [(row.who, row.kind, row.text) for row in desk.rows] == [
        ("user", "text", "hi"),
        ("user", "mcp", "user approves item_0"),
    ]


def test_the_marker_of_an_audit_is_no_turn() -> None:
    """It is put in and taken out again, and nobody said it."""
    desk = Logged()
    desk.send(marker("item_m"))
    desk.tell(told.added(told.user("item_m", "(order check)"), None), told.deleted("item_m"))
    assert desk.rows == []
    assert desk.log._markers == {}


# Voice detection


def test_a_turn_that_vad_takes() -> None:
    """Opened when speech begins; its audio is the speech, not the silence around it."""
    desk = Logged(vad=True)
    for i in range(10):
        desk.at(10 + i / 10).append(100)
    speech = {"item_id": "item_u"}
    desk.at(11.0).tell({"type": "input_audio_buffer.speech_started", "audio_start_ms": 200, **speech})
    assert [(row.who, row.kind, row.status) for row in desk.rows] == [("user", "audio", "open")]
    desk.tell({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 700, **speech})
    desk.at(11.1).tell(told.committed("item_u", None), told.added(told.spoken("item_u"), None))
    desk.at(11.2).begin("resp_1", metadata={})
    desk.follow()
    desk.at(11.4)
    spoken_reply(desk, "item_r", [("Yes.", 100)], after="item_u")
    user, reply = desk.rows
    assert (user.audio_ms, user.commit_asked, user.committed) == (500, None, 11.1)
    assert user.start == pytest.approx(10.2)
    assert (reply.asked, reply.start) == (None, 11.2)
    assert reply.latencies["commit_to_first_audio"] == pytest.approx(0.3)


def test_our_commit_in_the_middle_of_speech() -> None:
    """It makes another item than the one announced; it is the same turn."""
    desk = Logged(vad=True)
    desk.append(500)
    desk.tell({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_a"})
    desk.send(ev.InputAudioBufferCommit())
    desk.tell(told.committed("item_b", None))
    (row,) = desk.rows
    assert (row.item_ids, row.status) == (["item_b"], "completed")
    assert desk.log.of("item_a") is None


def test_our_commit_that_lost_to_vad_is_no_turn() -> None:
    """The server's refusal is a harmless race, and the audio is in VAD's turn."""
    desk = Logged(vad=True)
    desk.append(500)
    desk.hear("session.updated", session=session())
    for item_id in ("item_a", "item_b"):
        desk.tell({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": item_id})
    desk.tell(told.committed("item_a", None), told.committed("item_b", "item_a"))
    commit = desk.send(ev.InputAudioBufferCommit())
    assert len(desk.log) == 3
    desk.error("input_audio_buffer_commit_empty", event_id=commit)
    desk.follow()
    assert [row.item_ids for row in desk.rows] == [["item_a"], ["item_b"]]
    assert desk.log.statistics() == {"turns": 2, "dropped": 0}


def test_a_commit_that_names_no_item_is_a_turn_all_the_same() -> None:
    """Some compatible servers name none."""
    desk = Logged()
    desk.append(200)
    desk.send(ev.InputAudioBufferCommit())
    desk.tell({"type": "input_audio_buffer.committed"})
    assert [row.kind for row in desk.rows] == ["audio"]


def test_speech_that_was_cleared() -> None:
    """Is said to be, and takes no later commit for its own."""
    desk = Logged(vad=True)
    desk.append(500)
    desk.tell({"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_a"})
    desk.send(ev.InputAudioBufferClear())
    desk.tell({"type": "input_audio_buffer.cleared"}, {"type": "input_audio_buffer.cleared"})
    desk.append(200)
    desk.send(ev.InputAudioBufferCommit())
    assert [row.status for row in desk.rows] == ["cleared", "open"]


def test_servers_that_do_not_say_committed() -> None:
    """The item itself then answers the commit."""
    desk = Logged()
    desk.append(200)
    desk.send(ev.InputAudioBufferCommit())
    desk.tell(told.added(told.spoken("item_u", "hello"), None), told.committed("item_u", None))
    (row,) = desk.rows
    assert (row.item_ids, row.committed, row.text) == (["item_u"], 0.0, "hello")


# Interruptions


def test_an_interrupted_reply() -> None:
    """When, by what, how much was heard."""
    player = FakePlayhead()
    desk = Logged(playhead=player)
    desk.create(desk.send(ev.ResponseCreate()))
    spoken_reply(desk, "item_r", [("One ", 100), ("two ", 100), ("three", 100)], after=None)
    player.listen(150)
    desk.at(2.0).core.interrupt(2.0)
    desk.follow()
    desk.at(2.1).tell(told.truncated("item_r", 150), done(status="cancelled"))
    (row,) = desk.rows
    assert (row.interrupted, row.interrupted_at, row.interrupted_by) == (True, 2.0, "interrupt")
    assert (row.heard_ms, row.heard, row.unheard) == (150, "One ", "two three")
    assert (row.status, row.end) == ("cancelled", 2.0)


def test_a_reply_truncated_by_hand_or_by_the_server() -> None:
    """In a call the server cuts by itself."""
    desk = Logged()
    desk.create(desk.send(ev.ResponseCreate()))
    spoken_reply(desk, "item_r", [("One ", 100), ("two ", 100)], after=None)
    desk.at(2.0).tell(told.truncated("item_r", 100), told.truncated("item_9", 100))
    assert (desk.rows[0].interrupted_by, desk.rows[0].heard) == ("truncate", "One ")


def test_two_messages_of_one_reply_are_one_row() -> None:
    """A preamble and an answer; playback lasts from the first to the second."""
    desk = Logged()
    desk.create(desk.send(ev.ResponseCreate()))
    spoken_reply(desk, "item_1", [("Let me see.", 100)], after=None)
    spoken_reply(desk, "item_2", [("Yes.", 100)], after="item_1")
    for kind, item_id, at in (
        ("Started", "item_1", 5.0),
        ("Finished", "item_1", 5.1),
        ("Started", "item_2", 5.2),
    ):
        desk.log.apply(getattr(sg, f"Playback{kind}")(item_id=item_id, content_index=0), at)
    (row,) = desk.rows
    assert (row.text, row.played, row.end) == ("Let me see.\nYes.", 5.0, None)
    desk.log.apply(sg.PlaybackFinished(item_id="item_2", content_index=0), 5.5)
    assert row.end == 5.5


def test_playback_and_cuts_of_strangers_are_ignored() -> None:
    """Nothing is known of them."""
    desk = Logged()
    desk.log.apply(sg.PlaybackStarted(item_id="item_9", content_index=0), 1.0)
    desk.log.apply(sg.PlaybackFinished(item_id="item_9", content_index=0), 1.0)
    desk.log.apply(sg.BargeIn(item_id=None, response_id=None, heard_ms=None, by="speech"), 1.0)
    desk.tell({"type": "response.mcp_call.completed", "item_id": "item_9"})
    desk.tell({"type": "input_audio_buffer.committed", "item_id": None})
    desk.log.tool_failed("call_9", "no")
    assert desk.rows == []


# Replies of other kinds


def test_an_aside_has_its_words_too() -> None:
    """Its items never enter the conversation; it answers no commit."""
    desk = Logged()
    desk.append(200)
    desk.send(ev.InputAudioBufferCommit())
    aside = desk.send(ev.ResponseCreate(response=ev.ResponseConfig(conversation="none")))
    desk.create(aside, "resp_o", conversation_id=None)
    parts = [{"type": "output_text", "text": "A question."}, {"type": "output_audio", "transcript": " Yes."}]
    items = [told.reply("item_o", *parts), told.call("item_c")]
    desk.tell(*told.text_reply("item_o", ["A question."], "resp_o"))
    desk.tell(done(*items, response_id="resp_o"))
    row = desk.rows[1]
    assert (row.out_of_band, row.kind, row.text) == (True, "text", "A question. Yes.")
    assert row.answers_commit is None
    main = desk.send(ev.ResponseCreate())
    desk.create(main, "resp_2")
    assert desk.rows[2].answers_commit == 0.0


def test_a_failed_reply_says_why() -> None:
    """In the server's words."""
    desk = Logged()
    desk.create(desk.send(ev.ResponseCreate()))
    error = {"type": "failed", "error": {"type": "x", "code": "rate_limit_exceeded", "message": "slow down"}}
    desk.tell(done(status="failed", status_details=error))
    (row,) = desk.rows
    assert (row.status, row.reason, row.tokens) == ("failed", "rate_limit_exceeded: slow down", None)


def test_a_reply_that_was_cut_off_says_why() -> None:
    """A word of the server's."""
    desk = Logged()
    desk.create(desk.send(ev.ResponseCreate()))
    details = {"type": "incomplete", "reason": "max_output_tokens"}
    desk.tell(done(status="incomplete", status_details=details))
    assert desk.rows[0].reason == "max_output_tokens"


def test_a_create_that_is_sent_again_is_one_row() -> None:
    """It lost a race against the server's own reply."""
    desk = Logged(vad=True)
    event_id = desk.core.send(ev.ResponseCreate(), desk.now, if_busy="wait")
    desk.follow()
    desk.begin("resp_s", metadata={})
    desk.error("conversation_already_has_active_response", "resp_s is active", event_id=event_id)
    desk.tell(done(response_id="resp_s"))
    assert [(row.status, row.response_id) for row in desk.rows] == [("open", None), ("completed", "resp_s")]
    desk.create(event_id, "resp_2")
    assert [row.response_id for row in desk.rows] == ["resp_2", "resp_s"]


def test_replies_nobody_announced() -> None:
    """Who joins late sees only their end."""
    desk = Logged()
    item = told.reply("item_r", {"type": "output_text", "text": "Hi"})
    desk.tell(done(item, response_id="resp_x"))
    assert [(row.who, row.response_id, row.status) for row in desk.rows] == [
        ("assistant", "resp_x", "completed")
    ]


def test_servers_that_do_not_announce_the_items_of_a_reply() -> None:
    """What begins while a reply is made belongs to it; what is whole was put in by somebody else."""
    desk = Logged()
    desk.create(desk.send(ev.ResponseCreate()))
    desk.tell(told.added(told.reply("item_r", status="in_progress"), None), told.text("item_r", "Hi"))
    desk.tell(told.added(told.reply("item_x", {"type": "output_text", "text": "Ho"}), "item_r"))
    assert [(row.text, row.response_id) for row in desk.rows] == [("Hi", "resp_1"), ("Ho", None)]


# Tools


def call_round(desk: Logged, *call_ids: str) -> None:
    """A reply that calls tools, as the server tells it."""
    desk.create(desk.send(ev.ResponseCreate()))
    calls = []
    for index, item_id in enumerate(call_ids):
        begun, *stream = told.call_stream(item_id, ['{"city":', '"Paris"}'], "resp_1")
        added = told.added(told.call(item_id, status="in_progress"), None)
        desk.tell({**begun, "output_index": index}, added, *stream)
        calls.append(told.call(item_id, '{"city":"Paris"}'))
    desk.tell(done(*calls))


def answer(call_id: str, output: str, item_id: str = "item_o") -> ev.ConversationItemCreate:
    return item_of(ev.NewFunctionCallOutput(id=item_id, call_id=call_id, output=output))


def test_tool_calls_stand_in_the_row_of_their_reply() -> None:
    """With arguments, start, completion and result; the result is no row of its own."""
    desk = Logged()
    desk.append(200)
    desk.send(ev.InputAudioBufferCommit())
    desk.at(1.0)
    call_round(desk, "item_c", "item_d")
    desk.at(1.5).send(answer("call_item_c", "12 degrees"))
    desk.at(1.75).tell(told.added(told.result("item_o", "item_c", "12 degrees"), "item_d"))
    row = desk.rows[1]
    assert (row.kind, [use.call_id for use in row.tool_calls]) == ("tool", ["call_item_c", "call_item_d"])
    assert row.tool_calls[0].to_dict() == {
        "call_id": "call_item_c",
        "name": "weather",
        "arguments": '{"city":"Paris"}',
        "started": 1.0,
        "completed": 1.75,
        "result": "12 degrees",
        "seconds": 0.75,
    }
    assert row.tool_calls[1].seconds is None
    assert len(desk.log) == 2
    assert json.loads(desk.log.to_jsonl().splitlines()[1])["tool_calls"][1]["name"] == "weather"
    # The commit still waits for an answer that can be heard or read.
    desk.create(desk.send(ev.ResponseCreate()), "resp_2")
    assert desk.rows[2].answers_commit == 0.0
    desk.tell(told.deleted("item_o"))
    assert row.tool_calls[0].result == "12 degrees"


def test_failed_tools_say_why() -> None:
    """The function raised; or the server refused the result."""
    desk = Logged()
    call_round(desk, "item_c", "item_d", "item_e")
    desk.log.tool_failed("call_item_c", "TimeoutError\x1b[2J")
    for call_id, error in (("call_item_d", {"message": "no such call"}), ("call_item_e", {})):
        event_id = desk.send(answer(call_id, "x", f"item_of_{call_id}"))
        if error:
            desk.error("server_error", error["message"], event_id=event_id)
    desk.close()
    desk.follow()
    assert [use.error for use in desk.rows[0].tool_calls] == [
        "TimeoutError[2J",
        "no such call",
        "the server refused the result",
    ]


def test_repeated_calls_are_one() -> None:
    """By their call id."""
    desk = Logged()
    call_round(desk, "item_c")
    signal = next(one for one in desk.seen if isinstance(one, sg.ToolCallReady))
    desk.log.apply(signal, desk.now)
    assert len(desk.rows[0].tool_calls) == 1


def mcp(item_id: str, **fields: Any) -> Message:
    return {
        "id": item_id,
        "type": "mcp_call",
        "server_label": "docs",
        "name": "find",
        "arguments": "",
        **fields,
    }


def test_calls_that_the_server_makes_itself() -> None:
    """MCP: with the server's label, its result or its failure."""
    desk = Logged()
    desk.create(desk.send(ev.ResponseCreate()))
    common = {"response_id": "resp_1", "output_index": 0}
    for item_id, fields in (
        ("item_m", {"output": "found"}),
        ("item_n", {"error": {"type": "http_error", "code": 500}}),
        ("item_o", {"error": {}}),
        ("item_p", {}),
    ):
        desk.at(1.0).tell(
            {"type": "response.output_item.added", **common, "item": mcp(item_id)},
            told.added(mcp(item_id, status="in_progress"), None),
            {"type": "response.mcp_call.in_progress", "item_id": item_id, "output_index": 0},
        )
        state = "completed" if "output" in fields else "failed"
        desk.at(1.5).tell({"type": f"response.mcp_call.{state}", "item_id": item_id, "output_index": 0})
        if fields:
            whole = mcp(item_id, arguments="{}", **fields)
            desk.tell({"type": "response.output_item.done", **common, "item": whole}, told.done(whole))
    desk.tell({"type": "response.output_item.done", **common, "item": None})
    (row,) = desk.rows
    assert row.kind == "mcp"
    assert [(use.server_label, use.result, use.error, use.seconds) for use in row.tool_calls] == [
        ("docs", "found", None, 0.5),
        ("docs", None, "http_error", 0.5),
        ("docs", None, "failed", 0.5),
        ("docs", None, "failed", 0.5),
    ]
    assert row.tool_calls[0].arguments == "{}"
    assert row.text == ""


# Bounds


def test_only_so_many_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go, with all that points at them; numbers go on."""
    monkeypatch.setattr(module, "_LIMIT", 2)
    desk = Logged()
    call_round(desk, "item_c")
    for number in range(3):
        desk.tell(told.added(told.user(f"item_{number}", str(number)), None))
    assert [row.number for row in desk.rows] == [3, 4]
    assert desk.log.statistics() == {"turns": 2, "dropped": 2}
    assert desk.log.of("resp_1") is desk.log.of("item_c") is None
    desk.log.tool_failed("call_item_c", "no")
    assert desk.log._calls == {}


# On paper


def test_a_play_script() -> None:
    """Who, when, what was said and cut, which tools were called with what result."""
    player = FakePlayhead()
    desk = Logged(playhead=player)
    desk.at(1.0).append(500)
    desk.send(ev.InputAudioBufferCommit())
    desk.at(1.1).tell(told.committed("item_u", None), told.added(told.spoken("item_u"), None))
    desk.tell({"type": f"{told.TRANSCRIPTION}.completed", "item_id": "item_u", "transcript": "Weather?"})
    call_round(desk, "item_c")
    desk.at(1.4).send(answer("call_item_c", "it's `12` degrees"))
    desk.at(1.6).tell(told.added(told.result("item_o", "item_c", "it's `12` degrees"), "item_c"))
    desk.at(1.7).create(desk.send(ev.ResponseCreate()), "resp_2")
    desk.at(2.0)
    first, *stream = told.audio_reply("item_r", [("It is ", 100), ("*12* degrees.", 100)], "resp_2")
    desk.tell(first, told.added(told.reply("item_r", status="in_progress"), "item_o"), *stream)
    player.listen(120)
    desk.core.interrupt(desk.now)
    desk.tell(done(response_id="resp_2", status="cancelled"))
    desk.at(63.2).send(item_of(ev.items.system("The user is a doctor.").model_copy(update={"id": "item_s"})))
    desk.tell(told.added({**told.user("item_s", "The user is a doctor."), "role": "system"}, "item_r"))
    aside = desk.send(ev.ResponseCreate(response=ev.ResponseConfig(conversation="none")))
    desk.create(aside, "resp_o", conversation_id=None)
    details = {"type": "failed", "error": {"type": "server_error", "message": "sk-abcdefgh\x1b[2J"}}
    desk.tell(done(response_id="resp_o", status="failed", status_details=details))
    assert desk.log.to_markdown() == (
        "**USER** *(0:01.0, 0.5 s of sound)*\n\n"
        "Weather?\n\n"
        "**ASSISTANT** *(0:01.1, tool)*\n\n"
        '> *calls* `weather({"city":"Paris"})` *→* ``it\'s `12` degrees`` *(0.50 s)*\n\n'
        "**ASSISTANT** *(0:01.7, after 1.00 s)*\n\n"
        "It is ~~\\*12\\* degrees.~~ *— interrupted*\n\n"
        "**SYSTEM** *(1:03.2, inserted)*\n\n"
        "The user is a doctor.\n\n"
        "**ASSISTANT** *(1:03.2, empty, aside)*\n\n"
        "*— failed: server\\_error: \\*\\*\\*\\[2J*\n\n"
    )


def test_the_play_of_calls_that_went_wrong() -> None:
    """Failed, and never answered; a reply cut before a word."""
    player = FakePlayhead()
    desk = Logged(playhead=player)
    call_round(desk, "item_c", "item_d")
    desk.log.tool_failed("call_item_c", "TimeoutError: 5 s")
    desk.create(desk.send(ev.ResponseCreate()), "resp_2")
    desk.core.interrupt(desk.now)
    desk.tell(done(response_id="resp_2", status="cancelled"))
    text = desk.log.to_markdown()
    assert '`weather({"city":"Paris"})` *which fails:* TimeoutError: 5 s\n' in text
    assert '`weather({"city":"Paris"})` *— no result*\n' in text
    assert text.endswith("**ASSISTANT** *(0:00.0, empty)*\n\n*— interrupted*\n\n")

"""Both sides in the server's order: partial, late, interrupted, deleted; on paper without markup."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime_raw import codec, line_order
from realtime_raw import events as ev
from realtime_raw import transcript as module
from realtime_raw.events.base import ClientEvent, ServerEvent
from realtime_raw.protocol import signals as sg
from realtime_raw.protocol.conversation import ConversationMirror
from realtime_raw.protocol.input_audio import InputAudio
from realtime_raw.protocol.responses import ResponseRecord
from realtime_raw.protocol.signals import Signal
from realtime_raw.protocol.tools import ToolCall
from realtime_raw.times import ItemTimes
from realtime_raw.transcript import Transcript, TranscriptLine
from tests.protocol import told
from tests.protocol.harness import Desk, FakePlayhead
from tests.protocol.test_conversation import scraps, talks

Message = dict[str, Any]


class Listening(Desk):
    """A desk whose stream a transcript follows. `live` is what a screen would show: lines by id."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.times = ItemTimes(self.core.conversation, self.core.input_audio)
        self.transcript = Transcript(self.core.conversation, self.times)
        self.read = 0
        self.live: list[TranscriptLine] = []
        self.ready()
        self.tell()

    def tell(self, *messages: Message) -> list[TranscriptLine]:
        """The server says these; returns the lines that changed."""
        changed: list[TranscriptLine] = []
        for message in messages:
            self.core.receive_message(json.dumps({"event_id": "event_s", **message}), self.now)
            changed += self.follow()
        return changed + self.follow()

    def follow(self) -> list[TranscriptLine]:
        self.sent()
        changed: list[TranscriptLine] = []
        for observed in self.seen[self.read :]:
            changed += self.note(observed)
        self.read = len(self.seen)
        return changed

    def note(self, observed: ServerEvent | ClientEvent | Signal) -> tuple[TranscriptLine, ...]:
        self.times.apply(observed, self.now)
        changed = self.transcript.apply(observed, self.now)
        for line in changed:
            show(self.live, line)
        return changed

    def texts(self) -> list[str]:
        return [line.text for line in self.transcript.lines()]

    def ids(self) -> list[str]:
        return [line.item_id for line in self.transcript.lines()]


def show(live: list[TranscriptLine], line: TranscriptLine) -> None:
    """What the docstring of `apply` tells a screen to do."""
    old = next((one for one in live if one.item_id == line.item_id), None)
    if old is not None and old.after == line.after and not (line.deleted and not line.spoken):
        live[live.index(old)] = line
        return
    if old is not None:
        live.remove(old)
    if line.deleted and not line.spoken:
        return
    ids = [one.item_id for one in live]
    live.insert(ids.index(line.after) + 1 if line.after is not None else 0, line)


def delta(item_id: str, text: str, index: int = 0) -> Message:
    return {"type": f"{told.TRANSCRIPTION}.delta", "item_id": item_id, "content_index": index, "delta": text}


def completed(item_id: str, text: str) -> Message:
    kind = f"{told.TRANSCRIPTION}.completed"
    return {"type": kind, "item_id": item_id, "content_index": 0, "transcript": text}


def failed(item_id: str) -> Message:
    error = {"type": "server_error", "code": None, "message": "no"}
    return {"type": f"{told.TRANSCRIPTION}.failed", "item_id": item_id, "content_index": 0, "error": error}


def begun(response_id: str = "resp_1") -> Message:
    response = {"id": response_id, "status": "in_progress", "output_modalities": ["audio"], "metadata": {}}
    return {"type": "response.created", "response": response}


def reply(
    item_id: str, pieces: list[tuple[str, int]], after: str | None, response_id: str = "resp_1"
) -> list[Message]:
    """A whole spoken reply, conversation events and all."""
    first, *stream = told.audio_reply(item_id, pieces, response_id)
    whole = told.reply(item_id, {"type": "output_audio", "transcript": "".join(words for words, _ in pieces)})
    return [
        begun(response_id),
        first,
        told.added(told.reply(item_id, status="in_progress"), after),
        *stream,
        told.done(whole, after),
        told.response_done(whole, response_id=response_id),
    ]


# Order and lateness


def test_both_sides_stand_in_the_servers_order() -> None:
    """A late transcript of the user comes into its place, before the reply that came first."""
    desk = Listening()
    desk.tell(told.committed("item_u", None), told.added(told.spoken("item_u"), None))
    desk.tell(*reply("item_r", [("Fine, ", 100), ("thanks.", 100)], "item_u"))
    changed = desk.tell(completed("item_u", "How are you?"))
    assert [(line.item_id, line.text, line.final) for line in changed] == [("item_u", "How are you?", True)]
    assert desk.texts() == ["How are you?", "Fine, thanks."]
    assert [line.role for line in desk.transcript.lines()] == ["user", "assistant"]


def test_a_user_without_a_transcript_has_a_place_all_the_same() -> None:
    """So that a screen can show that something was said."""
    desk = Listening()
    changed = desk.tell(told.committed("item_u", None))
    assert [(line.text, line.final, line.spoken) for line in changed] == [("", False, True)]
    assert desk.tell(failed("item_u"))[-1].final


def test_partial_words_of_both_sides_come_as_they_are_said() -> None:
    """Each change once, with all that is known so far."""
    desk = Listening()
    desk.tell(told.committed("item_u", None), told.added(told.spoken("item_u"), None))
    changed = desk.tell(delta("item_u", "How "), delta("item_u", "are you?"))
    assert [(line.text, line.final) for line in changed] == [("How ", False), ("How are you?", False)]
    changed = desk.tell(*reply("item_r", [("Fine, ", 100), ("thanks.", 100)], "item_u"))
    said = [(line.text, line.final) for line in changed]
    assert said[:1] == [("", False)]
    assert said.index(("Fine, ", False)) < said.index(("Fine, thanks.", False))
    assert said[-1] == ("Fine, thanks.", True)
    assert len(said) == len({(line.text, line.final, line.t_end, line.spoken) for line in changed})


def test_words_may_come_before_the_item() -> None:
    """Live models transcribe while the user speaks: such a line stands last, until it has its place."""
    desk = Listening()
    desk.tell(told.added(told.user("item_1", "typed"), None))
    changed = desk.tell(delta("item_u", "Wait "), delta("item_v", "And "), delta("item_u", "a minute"))
    assert [(line.item_id, line.text, line.after) for line in changed] == [
        ("item_u", "Wait ", "item_1"),
        ("item_v", "And ", "item_u"),
        ("item_u", "Wait a minute", "item_1"),
    ]
    assert desk.ids() == ["item_1", "item_u", "item_v"]
    desk.tell(told.committed("item_v", "item_1"))
    assert desk.ids() == ["item_1", "item_v", "item_u"]
    changed = desk.tell(completed("item_u", "Wait a minute!"))
    assert (changed[0].text, changed[0].final) == ("Wait a minute!", True)
    assert desk.tell(delta("item_u", "late")) == []
    desk.tell(told.committed("item_u", "item_v"), told.added(told.spoken("item_u"), "item_v"))
    line = desk.transcript.lines()[-1]
    assert (line.item_id, line.text, line.final, line.after) == ("item_u", "Wait a minute!", True, "item_v")


def test_only_so_many_words_without_items_are_kept() -> None:
    """A server that announces items and never makes them cannot fill memory."""
    desk = Listening()
    desk.tell(*(delta(f"item_{i}", "x") for i in range(100)))
    assert len(desk.transcript.lines()) == module._MAX_DRAFTS
    assert desk.ids()[-1] == "item_99"


def test_an_insertion_comes_into_its_place() -> None:
    """Tools and system messages are no lines, and `after` skips them."""
    desk = Listening()
    system = {**told.user("item_s", "be kind"), "role": "system"}
    desk.tell(
        told.added(told.user("item_1", "one"), None),
        told.added(system, "item_1"),
        told.added(told.call("item_c", "{}"), "item_s"),
        told.added(told.user("item_3", "three"), "item_c"),
    )
    changed = desk.tell(told.added(told.user("item_2", "two"), "item_s"))
    assert [(line.item_id, line.after, line.previous_item_id) for line in changed] == [
        ("item_2", "item_1", "item_s")
    ]
    assert desk.texts() == ["one", "two", "three"]


def test_items_that_wait_for_their_place_are_shown_last() -> None:
    """Who joins a call late still reads along; the place follows when it is known."""
    desk = Listening()
    desk.tell(told.added(told.user("item_2", "two"), "item_1"))
    assert desk.texts() == ["two"]
    changed = desk.tell(told.added(told.user("item_1", "one"), None))
    assert desk.texts() == ["one", "two"]
    assert [line.item_id for line in changed] == ["item_1"]
    assert changed[0].after is None


def test_asides_are_no_part_of_it() -> None:
    """Out-of-band replies are not in the conversation."""
    desk = Listening()
    desk.tell(told.added(told.user("item_1", "one"), None))
    desk.tell(*told.text_reply("item_o", ["secret"], "resp_o"))
    assert desk.texts() == ["one"]


def test_text_replies_and_typed_questions_are_lines_too() -> None:
    """Final when they are done; times are when they were told."""
    desk = Listening()
    desk.now = 5.0
    desk.tell(told.added(told.user("item_1", "Two and two?"), None))
    first, *stream = told.text_reply("item_r", ["Fo", "ur"], "resp_1")
    desk.tell(begun(), first, told.added(told.reply("item_r", status="in_progress"), "item_1"), *stream)
    one, two = desk.transcript.lines()
    assert (one.text, one.final, one.spoken, one.t_start, one.t_end) == ("Two and two?", True, False, 5, 5)
    assert (two.text, two.final, two.spoken) == ("Four", True, False)
    assert two.to_dict()["after"] == "item_1"


# Interruptions


def interrupted_desk() -> Listening:
    """A reply of 400 ms, cut after 250 of them."""
    desk = Listening(playhead=FakePlayhead())
    assert isinstance(desk.playhead, FakePlayhead)
    desk.tell(told.added(told.user("item_1", "Hi"), None))
    pieces = [("One ", 100), ("two ", 100), ("three ", 100), ("four", 100)]
    desk.tell(*reply("item_r", pieces, "item_1"))
    desk.playhead.listen(250)
    desk.core.interrupt(desk.now)
    return desk


def test_an_interrupted_reply_says_what_was_heard() -> None:
    """At once, and the same after the server confirmed the cut."""
    desk = interrupted_desk()
    line = desk.follow()[-1]
    assert (line.interrupted, line.heard, line.unheard) == (True, "One two ", "three four")
    assert line.text == "One two three four"
    desk.tell(told.truncated("item_r", 250))
    assert dataclasses.replace(desk.transcript.lines()[-1], t_end=line.t_end) == line


def test_a_reply_cut_before_its_first_sound_stays_and_was_not_heard() -> None:
    """Its item is deleted on the server; that it was written and never heard remains a fact."""
    desk = Listening(playhead=FakePlayhead())
    desk.tell(*reply("item_r", [("One ", 100)], None)[:5])
    desk.core.interrupt(desk.now)
    assert [m["type"] for m in desk.sent()] == ["response.cancel", "conversation.item.delete"]
    desk.tell(told.deleted("item_r"))
    (line,) = desk.transcript.lines()
    assert (line.interrupted, line.deleted, line.final, line.heard, line.unheard) == (
        True,
        True,
        True,
        "",
        "One ",
    )


def test_a_cancelled_text_reply_is_marked_interrupted() -> None:
    """And one that ended by itself is not, although the server cut it off at its limit."""
    for status, expected in (("cancelled", True), ("incomplete", False)):
        desk = Listening()
        item = told.reply("item_r", {"type": "output_text", "text": "One"}, status="incomplete")
        desk.tell(begun(), told.added(told.reply("item_r", status="in_progress"), None))
        desk.tell(told.text("item_r", "One"), told.done(item), told.response_done(item, status=status))
        (line,) = desk.transcript.lines()
        assert (line.interrupted, line.final, line.heard) == (expected, True, None)


def test_a_reply_that_is_over_is_final() -> None:
    """Although the server never ended its item; a screen would wait for it for ever."""
    desk = Listening()
    first, *_ = told.text_reply("item_r", ["One"], "resp_1")
    desk.tell(begun(), first, told.added(told.reply("item_r", status="in_progress"), None))
    desk.tell(told.text("item_r", "One"))
    assert not desk.transcript.lines()[0].final
    *_, line = desk.tell(told.response_done(status="failed"))
    assert (line.text, line.final, line.interrupted) == ("One", True, False)
    desk.tell(told.deleted("item_r"), told.added(told.reply("item_r", status="in_progress"), None))
    assert not desk.transcript.lines()[0].final


def test_what_was_heard_whole_is_not_interrupted() -> None:
    """A reply of two messages, cut in the second."""
    desk = Listening(playhead=FakePlayhead())
    assert isinstance(desk.playhead, FakePlayhead)
    desk.tell(*reply("item_1", [("One.", 100)], None)[:-1])
    second = reply("item_2", [("Two.", 100)], "item_1")
    desk.tell(*second[1:])
    desk.playhead.listen(150)
    desk.core.interrupt(desk.now)
    desk.follow()
    assert [(line.interrupted, line.heard) for line in desk.transcript.lines()] == [(False, None), (True, "")]


def test_interruptions_of_nothing_change_nothing() -> None:
    """A barge-in between replies."""
    desk = Listening()
    desk.tell(told.added(told.user("item_1", "Hi"), None))
    assert desk.note(sg.BargeIn(item_id=None, response_id=None, heard_ms=None, by="speech")) == ()


def test_only_so_many_cuts_are_remembered() -> None:
    """Old ones are marked by their truncation anyway."""
    desk = Listening()
    for i in range(module._MAX_CUT + 10):
        desk.note(sg.BargeIn(item_id=f"item_{i}", response_id=None, heard_ms=0, by="interrupt"))
    assert len(desk.transcript._cut) == module._MAX_CUT


# Deletions


def test_what_was_said_stays_when_its_item_is_deleted() -> None:
    """A compaction shortens what the model reads, not what was said."""
    desk = Listening()
    desk.tell(told.committed("item_1", None), completed("item_1", "one"))
    desk.tell(told.committed("item_2", "item_1"), completed("item_2", "two"))
    desk.tell(told.committed("item_3", "item_2"), completed("item_3", "three"))
    changed = desk.tell(told.deleted("item_1"), told.deleted("item_2"))
    assert [(line.item_id, line.deleted, line.previous_item_id) for line in changed] == [
        ("item_1", True, None),
        ("item_2", True, None),
    ]
    assert desk.texts() == ["one", "two", "three"]
    desk.tell(told.deleted("item_3"))
    assert desk.texts() == ["one", "two", "three"]
    desk.tell(told.committed("item_4", None), completed("item_4", "four"))
    assert desk.texts() == ["one", "two", "three", "four"]


def test_typed_text_that_is_deleted_goes() -> None:
    """It was never said; the last of it is a line marked deleted."""
    desk = Listening()
    desk.tell(
        told.added(told.user("item_1", "one"), None),
        told.committed("item_2", "item_1"),
        told.deleted("item_2"),
    )
    changed = desk.tell(told.deleted("item_1"))
    assert [(line.item_id, line.deleted, line.text) for line in changed] == [("item_1", True, "one")]
    assert desk.ids() == ["item_2"]
    assert desk.transcript.lines()[0].after is None
    assert desk.tell(told.deleted("item_9")) == []


def test_words_may_come_after_the_item_was_deleted() -> None:
    """Transcription takes its time; the line is still there to take them."""
    desk = Listening()
    desk.tell(told.committed("item_1", None), delta("item_1", "How "), told.deleted("item_1"))
    changed = desk.tell(delta("item_1", "are you"))
    assert [(line.text, line.deleted) for line in changed] == [("How are you", True)]
    changed = desk.tell(completed("item_1", "How are you?"))
    assert [(line.text, line.final) for line in changed] == [("How are you?", True)]


def test_words_that_came_before_the_item_do_not_come_back_after_it() -> None:
    """Once there is an item, its words are the server's last ones, deleted or not."""
    desk = Listening()
    desk.tell(delta("item_1", "How "), told.committed("item_1", None), completed("item_1", "How are you?"))
    desk.tell(told.deleted("item_1"))
    assert desk.texts() == ["How are you?"]


def test_an_item_may_be_created_anew_under_its_old_id() -> None:
    """It then stands where the server says; what stood behind the old one closes up."""
    desk = Listening()
    desk.tell(told.committed("item_1", None), told.committed("item_2", "item_1"))
    desk.tell(told.committed("item_3", "item_2"), told.deleted("item_2"), told.deleted("item_3"))
    desk.tell(told.added(told.user("item_2", "again"), "item_1"))
    assert sorted(desk.ids()) == ["item_1", "item_2", "item_3"]
    (again,) = [line for line in desk.transcript.lines() if line.item_id == "item_2"]
    assert (again.text, again.deleted, again.spoken) == ("again", False, False)


def test_only_so_many_deleted_lines_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go; the order of the others stays."""
    monkeypatch.setattr(line_order, "_MAX_DELETED", 3)
    desk = Listening()
    for i in range(6):
        desk.tell(told.committed(f"item_{i}", f"item_{i - 1}" if i else None), completed(f"item_{i}", str(i)))
    desk.tell(*(told.deleted(f"item_{i}") for i in range(5)))
    assert desk.texts() == ["2", "3", "4", "5"]


# Properties


class Life:
    """A conversation to which anything happens, step by step."""

    def __init__(self, desk: Listening, chance: random.Random) -> None:
        self.desk, self.chance = desk, chance
        self.ids: list[str] = []
        self.unspoken: list[str] = []

    def step(self, number: int) -> None:
        desk, ids, chance = self.desk, self.ids, self.chance
        kind = chance.choice(["speak", "type", "insert", "delete", "words", "tool"])
        item_id, after = f"item_{number}", chance.choice([None, *ids])
        if kind == "speak":
            desk.tell(told.committed(item_id, ids[-1] if ids else None))
            self.unspoken.append(item_id)
            ids.append(item_id)
        elif kind in ("type", "insert", "tool"):
            after = after if kind == "insert" else (ids[-1] if ids else None)
            item = told.call(item_id, "{}") if kind == "tool" else told.user(item_id, item_id)
            desk.tell(told.added(item, after))
            ids.insert(ids.index(after) + 1 if after is not None else 0, item_id)
        elif kind == "delete" and ids:
            desk.tell(told.deleted(ids.pop(chance.randrange(len(ids)))))
        elif kind == "words" and self.unspoken:
            one = self.unspoken.pop()
            desk.tell(delta(one, "a"), completed(one, f"said {one}"))


@given(st.randoms(use_true_random=False))
def test_any_life_of_a_conversation_keeps_the_servers_order(chance: random.Random) -> None:
    """Items added anywhere, deleted, transcribed late: lines of living items stand as the mirror has them,
    and a screen that does what `apply` says shows what `lines()` says."""
    desk = Listening()
    life = Life(desk, chance)
    for number in range(14):
        life.step(number)
        lines = desk.transcript.lines()
        alive = [line.item_id for line in lines if not line.deleted]
        assert alive == [item.id for item in desk.core.conversation if item.type == "message"]
        shown = [(line.item_id, line.text, line.deleted) for line in desk.live]
        assert shown == [(line.item_id, line.text, line.deleted) for line in lines]
        assert [line.after for line in lines] == [None, *(line.item_id for line in lines)][: len(lines)]


class Unread(Listening):
    """A desk with a second transcript, which keeps up without making lines while nobody reads."""

    def __init__(self) -> None:
        self.unread: Transcript | None = None
        self.screen: list[TranscriptLine] | None = None
        super().__init__()
        self.unread = Transcript(self.core.conversation, self.times)

    def note(self, observed: ServerEvent | ClientEvent | Signal) -> tuple[TranscriptLine, ...]:
        changed = super().note(observed)
        if self.unread is not None and self.screen is None:
            self.unread.keep_up(observed)
        elif self.unread is not None and self.screen is not None:
            for line in self.unread.apply(observed, self.now):
                show(self.screen, line)
        return changed


@given(st.randoms(use_true_random=False))
def test_who_begins_to_read_late_misses_nothing(chance: random.Random) -> None:
    """Lines that nobody had made are all there, and a screen that starts with them is kept up to date."""
    desk = Unread()
    assert desk.unread is not None
    life = Life(desk, chance)
    begins, ends = sorted(chance.sample(range(16), 2))
    for number in range(16):
        if number == begins:
            desk.screen = list(desk.unread.catch_up())
            assert desk.screen == list(desk.transcript.lines())
        elif number == ends:
            desk.screen = None
        life.step(number)
        if desk.screen is not None:
            shown = [(line.item_id, line.text, line.deleted) for line in desk.screen]
            assert shown == [(one.item_id, one.text, one.deleted) for one in desk.transcript.lines()]
    assert desk.unread.lines() == desk.transcript.lines()


def other_kinds_of(item_id: str) -> list[Message]:
    """The same item, as a server has no business to change it."""
    return [told.user(item_id, "typed"), told.call(item_id, "{}"), told.reply(item_id, status="in_progress")]


REPLY = told.reply("a", {"type": "output_audio", "transcript": "Hi."})
# Few items and one response, so that much of it is about the same.
FEW: list[Message] = [
    {"type": "response.output_item.added", "response_id": "r", "item": told.reply("a", status="in_progress")},
    *(
        told.added(item, after)
        for one, other in (("a", "b"), ("b", "a"), ("c", "b"))
        for item in other_kinds_of(one)
        for after in (None, other)
    ),
    *(told.done(item) for item in (REPLY, *other_kinds_of("a"), *other_kinds_of("b"))),
    *({"type": "conversation.item.retrieved", "item": item} for item in other_kinds_of("c")),
    told.committed("b", "a"),
    *(
        {"type": "response.output_item.done", "response_id": "r", "item": item}
        for item in other_kinds_of("a")
    ),
    told.said("a", "Hi.", "r"),
    told.text("b", "Ho.", "r"),
    told.of_part("output_audio_transcript.done", "a", "r", transcript="Hi."),
    *(told.response_done(REPLY, response_id="r", status=status) for status in ("completed", "cancelled")),
    told.response_done(response_id="r", status="incomplete"),
    *(told.deleted(one) for one in "abc"),
    delta("b", "word"),
    completed("b", "words"),
    told.truncated("a", 10),
]


BEGUN = [told.added(told.reply("a", status="in_progress"), None)]
OPENINGS = [
    [],
    [FEW[0], *BEGUN],
    [told.added(told.user("b"), None), FEW[0], told.added(told.reply("a", status="in_progress"), "b")],
    [told.added(told.spoken("b", "Ho."), None), told.deleted("b"), FEW[0], *BEGUN],
]


@settings(max_examples=500)
@given(st.sampled_from(OPENINGS), st.lists(st.sampled_from(FEW), max_size=8), st.integers(0, 2))
def test_who_does_not_read_misses_nothing(
    opening: list[Message], messages: list[Message], begun: int
) -> None:
    """A reply, and what has no business to come with it: the lines are those of who reads all the time.

    Also where the conversation had begun before.
    """
    unread_as_read([*opening, *messages], begun)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(scraps(), max_size=30) | talks().map(lambda talk: talk.told(lambda ready: ready[-1])),
    st.integers(0, 3),
)
def test_who_does_not_read_may_be_told_anything(messages: list[Message], begun: int) -> None:
    """Any event in any order, with anything missing."""
    unread_as_read(messages, begun)


def unread_as_read(messages: list[Message], begun: int) -> None:
    """Hold two transcripts against each other that follow from there on; one makes its lines at the end."""
    mirror, audio = ConversationMirror(), InputAudio()
    times = ItemTimes(mirror, audio)
    for message in messages[:begun]:
        mirror.apply(codec.decode(json.dumps(message)), 0.0)
    read, unread = Transcript(mirror, times), Transcript(mirror, times)
    for message in messages[begun:]:
        event = codec.decode(json.dumps(message))
        mirror.apply(event, 0.0)
        seen: list[ServerEvent | Signal] = [event]
        if isinstance(event, ev.ResponseDone) and event.response is not None and event.response.id:
            record = ResponseRecord(event.response.id, "server")
            status = event.response.status or "completed"
            seen.append(sg.ResponseFinished(response_id=record.id, status=status, record=record))
        for one in seen:
            read.apply(one, 0.0)
            unread.keep_up(one)
    assert unread.lines() == read.lines()


# On paper


def test_markdown_of_a_dialogue() -> None:
    """A paragraph a line; what was not heard is struck through; what has no words says so."""
    desk = interrupted_desk()
    desk.follow()
    desk.tell(told.committed("item_2", "item_r"), told.committed("item_3", "item_2"))
    desk.tell(delta("item_3", "and then"), told.added(told.user("item_4", " "), "item_3"))
    assert desk.transcript.to_markdown() == (
        "**User:** Hi\n\n"
        "**Assistant:** One two ~~three four~~ *— interrupted*\n\n"
        "**User:** *(no transcript)*\n\n"
        "**User:** and then …\n\n"
    )


def test_markdown_where_nobody_knows_what_was_heard() -> None:
    """Only that it was cut."""
    desk = Listening()
    desk.tell(begun(), told.added(told.reply("item_r", status="in_progress"), None))
    item = told.reply("item_r", {"type": "output_text", "text": "Well"}, status="incomplete")
    desk.tell(told.text("item_r", "Well"), told.response_done(item, status="cancelled"))
    assert desk.transcript.to_markdown() == "**Assistant:** Well *— interrupted*\n\n"


def test_subtitles_show_what_was_heard_when() -> None:
    """From the first event on: appended audio of the user, played or received sound of the assistant."""
    desk = Listening()
    desk.now = 2.0
    desk.core.append_audio(bytes(48 * 1500), desk.now)
    desk.times.appended(desk.now)
    desk.tell(told.committed("item_u", None), completed("item_u", "How are\n\nyou?"))
    desk.now = 4.0
    desk.tell(*reply("item_r", [("Fine. ", 2500)], "item_u"))
    desk.tell(told.committed("item_v", "item_r"))  # no words: no subtitle
    assert desk.transcript.to_srt() == (
        "1\n00:00:02,000 --> 00:00:03,500\nUser: How are you?\n\n"
        "2\n00:00:04,000 --> 00:00:06,500\nAssistant: Fine.\n\n"
    )


def test_subtitles_of_an_interruption_end_where_the_ear_did() -> None:
    """What was not heard is not shown; a reply nobody heard not at all."""
    desk = interrupted_desk()
    desk.follow()
    assert "Assistant: One two —\n" in desk.transcript.to_srt()
    silent = Listening(playhead=FakePlayhead())
    silent.tell(*reply("item_r", [("One ", 100)], None))
    silent.core.interrupt(silent.now)
    silent.follow()
    assert silent.transcript.to_srt() == ""


def test_typed_lines_are_shown_long_enough_to_be_read() -> None:
    """They take no time of their own."""
    desk = Listening()
    desk.tell(told.added(told.user("item_1", "x" * 45), None))
    assert "00:00:00,000 --> 00:00:03,000\n" in desk.transcript.to_srt()


HOSTILE = "\x1b[2J# not a *heading* <script>`x`</script>\n\n2\n00:00:01,000 --> 00:00:09,000\n{\\an8}x \u202e"


def test_no_markup_of_a_server_gets_through() -> None:
    """Neither into Markdown nor into subtitles; no control character, no extra block."""
    desk = Listening()
    desk.tell(told.added(told.user("item_1", HOSTILE), None))
    markdown, srt = desk.transcript.to_markdown(), desk.transcript.to_srt()
    assert markdown.startswith("**User:** \\[2J\\# not a \\*heading\\* \\<script\\>\\`x\\`")
    assert markdown.count("\n") == 2
    assert not {"\x1b", "\u202e"} & set(markdown + srt)
    assert srt.count("-->") == 1
    assert srt.count("\n\n") == 1
    assert not {"<", "{"} & set(srt)


def test_things_that_concern_no_line_change_nothing() -> None:
    """Tool calls, sessions, unknown ids, items without one."""
    desk = Listening()
    call = ToolCall("resp_1", "item_c", "call_1", "f", "{}")
    assert desk.note(sg.ToolCallReady(call=call)) == ()
    assert desk.tell({"type": "conversation.item.added", "item": None}) == []
    assert desk.tell({"type": "response.done", "response": None}) == []
    assert desk.tell({"type": "conversation.item.deleted"}, delta("", "x")) == []
    assert desk.tell(told.truncated("item_9", 100), told.added(told.call("item_c"), None)) == []
    assert desk.transcript.lines() == ()
    assert Transcript(ConversationMirror(), desk.times).to_markdown() == ""

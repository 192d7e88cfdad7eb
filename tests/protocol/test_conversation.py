"""The mirror: the server's order from the server's words, and the same history however its streams mix."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime_raw import codec
from realtime_raw.events import ConversationItemTruncated
from realtime_raw.events.base import ServerEvent
from realtime_raw.events.catalog import REALTIME, TRANSLATION
from realtime_raw.protocol.conversation import Change, ConversationMirror
from realtime_raw.types import AudioKey
from tests.protocol.told import (
    Message,
    added,
    audio_reply,
    call,
    call_stream,
    committed,
    contradictions,
    deleted,
    done,
    event,
    history,
    ids,
    reply,
    response_done,
    result,
    said,
    spoken,
    tell,
    text,
    text_reply,
    transcription_of,
    truncated,
    user,
)


def created(item: Message, after: str | None) -> Message:
    return {**added(item, after), "type": "conversation.item.created"}


def retrieved(item: Message) -> Message:
    return {"type": "conversation.item.retrieved", "item": item}


def unsaid(message: Message) -> Message:
    """The same without its `previous_item_id`."""
    return {name: value for name, value in message.items() if name != "previous_item_id"}


def filled(*item_ids: str) -> ConversationMirror:
    """A mirror with these user messages, in order."""
    mirror = ConversationMirror()
    for after, item_id in zip([None, *item_ids], item_ids, strict=False):
        tell(mirror, added(user(item_id, item_id), after))
    return mirror


# Order


def test_order_comes_from_added() -> None:
    """Null is the head, an id is the place right behind it."""
    mirror = ConversationMirror()
    assert tell(mirror, added(user("b"), None)) == [Change("added", "b", "user")]
    tell(mirror, added(user("a"), None), added(user("d"), "b"), added(user("c"), "b"))
    assert ids(mirror) == ["a", "b", "c", "d"]
    assert [item.previous_item_id for item in mirror] == [None, "a", "b", "c"]
    assert (len(mirror), mirror.last_id) == (4, "d")
    assert "c" in mirror
    assert "x" not in mirror
    assert mirror.item("x") is None
    assert mirror.items() is mirror.items()
    assert [item.place_assumed for item in mirror] == [False] * 4


def test_the_null_of_done_is_ignored() -> None:
    """It stands where the first item's id should (observed)."""
    mirror = filled("a", "b")
    assert tell(mirror, done(user("b", "b"), None)) == [Change("changed", "b", "item")]
    assert ids(mirror) == ["a", "b"]
    tell(mirror, done(user("b"), "x"))
    assert ids(mirror) == ["a", "b"]


def test_done_without_added() -> None:
    """Compatible servers: it stands where `.done` says, and at the end if that says nothing."""
    mirror = filled("a", "c")
    assert tell(mirror, done(user("b"), "a")) == [Change("added", "b", "user")]
    tell(mirror, done(user("d"), None))
    assert ids(mirror) == ["a", "b", "c", "d"]
    assert [item.place_assumed for item in mirror] == [False, False, False, True]
    # `.added` may come late: it knows better, and that is no contradiction.
    assert contradictions(tell(mirror, added(user("d"), "a"), added(user("b"), "a"))) == []
    assert ids(mirror) == ["a", "d", "b", "c"]
    assert not mirror.items()[1].place_assumed


def test_a_server_that_leaves_the_predecessor_out() -> None:
    """Arrival is all there is."""
    mirror = ConversationMirror()
    tell(
        mirror, unsaid(added(user("a"), None)), unsaid(created(user("b"), None)), unsaid(committed("c", None))
    )
    assert ids(mirror) == ["a", "b", "c"]
    assert all(item.place_assumed for item in mirror)
    assert tell(mirror, unsaid(added(user("a"), None))) == [Change("changed", "a", "item")]
    assert ids(mirror) == ["a", "b", "c"]


def test_the_elder_created() -> None:
    """Added and done in one; both together are one item."""
    mirror = filled("a")
    tell(mirror, created(user("b", "Hi."), "a"), added(user("b", "Hi."), "a"))
    assert ids(mirror) == ["a", "b"]
    assert (mirror.items()[1].text, mirror.items()[1].status) == ("Hi.", "completed")


def test_a_commit_makes_a_placeholder() -> None:
    """A user message that `.added` fills in; its place is taken at once."""
    mirror = filled("a")
    assert tell(mirror, committed("u", "a")) == [Change("added", "u", "user")]
    (_, item) = mirror
    assert (item.type, item.role, item.status) == ("message", "user", None)
    assert [(part.type, part.transcript) for part in item.parts] == [("input_audio", None)]
    assert tell(mirror, added(spoken("u"), "a")) == [Change("changed", "u", "item")]
    assert (ids(mirror), item.status) == (["a", "u"], "completed")
    assert tell(mirror, committed("u", "a")) == []


def test_a_place_once_told_may_be_left_behind() -> None:
    """Something came between since: the same word again moves nothing."""
    mirror = filled("a")
    tell(mirror, committed("u", "a"), added(user("n"), "a"))
    assert contradictions(tell(mirror, added(spoken("u"), "a"))) == []
    assert tell(mirror, committed("u", "a")) == []
    assert ids(mirror) == ["a", "n", "u"]


def test_two_places() -> None:
    """The last word counts, if it can be followed; the contradiction is told."""
    mirror = filled("a", "b", "c")
    changes = tell(mirror, added(user("c"), "a"))
    assert contradictions(changes) == ["item c was given two different places"]
    assert Change("changed", "c", "place") in changes
    assert ids(mirror) == ["a", "c", "b"]
    assert contradictions(tell(mirror, added(user("c"), "unknown"))) == [
        "item c was given two different places"
    ]
    assert contradictions(tell(mirror, added(user("c"), "c"))) == ["item c was given two different places"]
    assert ids(mirror) == ["a", "c", "b"]
    assert mirror.waiting == ()


def test_waiting_for_a_predecessor() -> None:
    """Kept, visible, and placed with all that waits behind it when the predecessor comes."""
    mirror = filled("a")
    assert tell(mirror, added(user("c", "C"), "b"), added(user("d"), "c")) == []
    assert [item.id for item in mirror.waiting] == ["c", "d"]
    waiting = mirror.item("c")
    assert waiting is not None
    assert (waiting.text, waiting.previous_item_id, len(mirror), "c" in mirror) == ("C", "b", 1, False)
    assert mirror.statistics()["waiting_items"] == 2
    assert tell(mirror, done(user("c", "C!"), "b"))[-1] == Change("changed", "c", "item")
    assert tell(mirror, added(user("b"), "a")) == [Change("added", item_id, "user") for item_id in "bcd"]
    assert ids(mirror) == ["a", "b", "c", "d"]
    assert mirror.items()[2] is waiting
    assert mirror.joined_late is False


def test_waiting_and_told_again() -> None:
    """Another place for what has none yet."""
    mirror = filled("a")
    tell(mirror, added(user("x"), "p"))
    changes = tell(mirror, added(user("x"), "a"))
    assert contradictions(changes) == ["item x was given two different places"]
    assert changes[-1] == Change("added", "x", "user")
    assert ids(mirror) == ["a", "x"]


def test_deletion() -> None:
    """Neighbours close up; what was handed out stays readable."""
    mirror = filled("a", "b", "c")
    assert tell(mirror, deleted("b")) == [Change("removed", "b")]
    assert ids(mirror) == ["a", "c"]
    assert mirror.items()[1].previous_item_id == "a"
    assert contradictions(tell(mirror, deleted("b"))) == ["item b was deleted, but was not in this history"]


def test_behind_a_deleted_item() -> None:
    """It goes to the end, and the contradiction is told."""
    mirror = filled("a", "b", "c")
    tell(mirror, deleted("a"))
    changes = tell(mirror, added(user("d"), "a"))
    assert contradictions(changes) == [
        "item d was put behind item a, which was deleted; it stands at the end here"
    ]
    assert changes[-1] == Change("added", "d", "user")
    assert ids(mirror) == ["b", "c", "d"]
    assert [item.place_assumed for item in mirror] == [False, False, True]
    assert contradictions(tell(mirror, added(user("e"), "e"))) == [
        "item e was put behind itself; it stands at the end here"
    ]
    # Its id may be used again.
    assert contradictions(tell(mirror, added(user("a"), None), added(user("f"), "a"))) == []
    assert ids(mirror) == ["a", "f", "b", "c", "d", "e"]


def test_the_awaited_item_is_deleted() -> None:
    """Who waited for it goes to the end."""
    mirror = filled("a")
    tell(mirror, added(user("x"), "p"), added(user("y"), "x"))
    changes = tell(mirror, deleted("p"))
    assert changes[1:] == [Change("added", "x", "user"), Change("added", "y", "user")]
    assert [(item.id, item.place_assumed) for item in mirror] == [("a", False), ("x", True), ("y", True)]


def test_ids_are_made_fit_to_print() -> None:
    """A server may call an item anything."""
    mirror = ConversationMirror()
    assert contradictions(tell(mirror, deleted("a\x1b[2J"))) == [
        "item a[2J was deleted, but was not in this history"
    ]


# Joining late


def test_joining_late() -> None:
    """A sideband sees what follows on what it never saw; retrieving the predecessor gives it a place."""
    mirror = ConversationMirror()
    tell(mirror, added(user("c"), "b"), done(user("c"), "b"))
    assert mirror.joined_late
    assert contradictions(tell(mirror, deleted("old"), truncated("old", 5))) == []
    (waiting,) = mirror.waiting
    assert waiting.previous_item_id == "b"
    assert tell(mirror, retrieved(user("b", "B"))) == [
        Change("added", "b", "user"),
        Change("added", "c", "user"),
    ]
    assert ids(mirror) == ["b", "c"]
    tell(mirror, added(user("rule"), None), retrieved(user("a")))
    assert ids(mirror) == ["rule", "a", "b", "c"]
    assert [item.place_assumed for item in mirror] == [False, True, True, False]


def test_told_to_have_joined_late() -> None:
    """Then nothing about strangers is a contradiction, from the first event."""
    assert tell(ConversationMirror(joined_late=True), deleted("x"), truncated("x", 5)) == []


def test_retrieving_replaces_contents() -> None:
    """And tells of a difference."""
    mirror = filled("a")
    assert contradictions(tell(mirror, retrieved(user("a", "other")))) == [
        "item a part 0 does not say what its deltas or an earlier version said"
    ]
    assert mirror.items()[0].text == "other"
    assert tell(mirror, retrieved(user("a", "other"))) == [Change("changed", "a", "item")]


# Truncation as the server tells it


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (truncated("x", 10), "item x was truncated, but was not in this history"),
        (truncated("a", None), "item a was truncated, but it is not said where"),
    ],
)
def test_truncations_that_make_no_sense(message: Message, complaint: str) -> None:
    """Told, and without effect."""
    mirror = filled("a")
    assert contradictions(tell(mirror, message)) == [complaint]
    assert mirror.items()[0].truncated_at_ms is None


@pytest.mark.parametrize(("ms", "shown"), [(0, 0), (-5, 0), (99.9, 99)])
def test_truncations_are_whole_milliseconds(ms: float, shown: int) -> None:
    """From nothing on."""
    mirror = ConversationMirror()
    tell(mirror, added(reply("a"), None), truncated("a", ms))
    assert mirror.items()[0].truncated_at_ms == shown


def test_infinite_milliseconds() -> None:
    """JSON has no infinity, events made by hand do."""
    mirror = filled("a")
    found = mirror.apply(ConversationItemTruncated(item_id="a", audio_end_ms=float("inf")), 0.0)
    assert contradictions(list(found)) == ["item a was truncated, but it is not said where"]


# Sessions


def test_a_new_session() -> None:
    """Nothing is left, and what was handed out stays as it was."""
    mirror = filled("a", "b")
    old = mirror.items()
    tell(mirror, added(user("x"), "y"), said("z", "la"))
    mirror.clear()
    assert (len(mirror), mirror.items(), mirror.waiting, mirror.last_id) == (0, (), (), None)
    assert set(mirror.statistics().values()) == {0}
    tell(mirror, added(user("b"), None))
    assert [(item.id, item.previous_item_id) for item in old] == [("a", None), ("b", "a")]
    assert ids(mirror) == ["b"]


def test_as_text() -> None:
    """Nothing for nothing, a line an item."""
    assert ConversationMirror().as_text() == ""
    assert filled("a", "b").as_text() == "user: a\nuser: b"


# Missing fields


def field_values(annotation: Any) -> list[Any]:
    """A few small values of an optional field, by its annotation: for strings, integers and the rest."""
    kinds = set(get_args(annotation) or (annotation,))
    while any(get_origin(kind) is not None for kind in kinds):
        kinds = {inner for kind in kinds for inner in (get_args(kind) if get_origin(kind) else (kind,))}
    values: list[Any] = [None]
    if str in kinds:
        values += ["", "a"]
    if int in kinds:
        values += [0, 3]
    return values


ITEMS: list[Message] = [
    {},
    {"id": "a"},
    {"id": ""},
    {"id": "a", "type": "message"},
    *({"id": "a", "type": "message", "role": role} for role in ("user", "assistant", "system")),
    {
        "id": "a",
        "type": "message",
        "role": "user",
        "content": [{}, {"type": "input_audio"}, {"type": "input_text"}],
    },
    {
        "id": "b",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_audio", "audio": ""}, {}],
    },
    *(
        {"id": "c", "type": kind}
        for kind in (
            "function_call",
            "function_call_output",
            "mcp_list_tools",
            "mcp_call",
            "mcp_approval_request",
            "mcp_approval_response",
        )
    ),
    {"id": "c", "type": "function_call_output", "call_id": "call_c"},
    {"id": "d", "type": "function_call", "call_id": "call_c"},
]
SPECIAL: dict[str, list[Any]] = {
    "item": [None, *ITEMS],
    "item_id": [None, "", "a", "b", "c", "x"],
    "previous_item_id": [None, "", "a", "b", "x"],
    "content_index": [None, 0, 1, -1, 10**12],
    "part": [None, {}, {"type": "audio", "transcript": "t"}, {"type": "text", "text": "t"}, {"type": "new"}],
    "response": [
        None,
        {},
        {"id": "r"},
        {"output": ITEMS},
        {"id": "r", "output": ITEMS, "audio": {"output": {}}},
    ],
    "error": [None, {}, {"message": "m"}],
    "audio_end_ms": [None, 0, -1, 1.5, 10**9],
    "delta": [None, "", "AAAA", "{"],
}


@st.composite
def scraps(draw: st.DrawFn) -> Message:
    """Any event of the dialect with any of its fields missing, null, or odd."""
    kind, model = draw(st.sampled_from(sorted(REALTIME.server.items())))
    message: Message = {"type": kind}
    for name, info in model.model_fields.items():
        if name != "type" and draw(st.booleans()):
            values = SPECIAL.get(name) or field_values(info.annotation)
            message[name] = draw(st.sampled_from(values))
    return message


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(scraps(), max_size=30))
def test_whatever_is_missing_nothing_raises(messages: list[Message]) -> None:
    """And what is shown can be shown; the order holds no stranger."""
    mirror = ConversationMirror()
    for message in messages:
        decoded = codec.decode(json.dumps(message))
        assert isinstance(decoded, ServerEvent)
        for change in mirror.apply(decoded, 0.0):
            assert change.kind in ("added", "changed", "removed", "contradiction")
            assert change.kind == "contradiction" or change.item_id is not None
    assert len(set(ids(mirror))) == len(mirror) == len(mirror.items())
    mirror.mark_heard(AudioKey("a", 0), 10)
    assert len(history(mirror)) == len(mirror)
    assert len(mirror.as_text().splitlines()) == len(mirror)
    for item in (*mirror.items(), *mirror.waiting):
        assert repr(item)
        assert item.to_dict()["id"] == item.id


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(scraps(), max_size=30))
def test_who_cares_for_contradictions_alone_gets_just_them(messages: list[Message]) -> None:
    """And the same history, which is not told change by change."""
    told, taken = ConversationMirror(), ConversationMirror()
    for message in messages:
        decoded = codec.decode(json.dumps(message))
        changes = [one for one in told.apply(decoded, 0.0) if one.kind == "contradiction"]
        assert list(taken.take(decoded, 0.0)) == changes
    assert history(told) == history(taken)
    assert told.statistics() == taken.statistics()


def test_events_that_name_no_item() -> None:
    """They are told, and change nothing."""
    mirror = filled("a")
    kinds = ["added", "created", "done", "retrieved", "deleted", "truncated"]
    bare = [{"type": f"conversation.item.{kind}"} for kind in kinds] + [
        {"type": "input_audio_buffer.committed"}
    ]
    assert contradictions(tell(mirror, *bare)) == [f"{message['type']} names no item" for message in bare]
    nameless = {"id": None, "type": "message", "role": "user"}
    assert contradictions(tell(mirror, added(nameless, "a"), done(nameless), retrieved(nameless))) == [
        "conversation.item.added names no item",
        "conversation.item.done names no item",
        "conversation.item.retrieved names no item",
    ]
    assert ids(mirror) == ["a"]


def test_other_events_change_nothing() -> None:
    """Also those of the other dialect."""
    mirror = filled("a")
    assert tell(mirror, {"type": "rate_limits.updated"}, {"type": "session.created"}) == []
    delta = codec.decode('{"type":"session.output_transcript.delta","delta":"x"}', TRANSLATION)
    assert mirror.apply(delta, 0.0) == ()


# A conversation, its streams, and their interleavings


class Talk:
    """A made-up conversation: what the server tells, as independent streams, and the order that comes of it.

    A response's `response.done` follows all its items' `.added`; nothing else
    ties the streams together.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.order: list[str] = []
        self.main: list[Message] = []
        self.streams: list[list[Message]] = []
        self.made = 0
        self.words = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4)
        for _ in range(draw(st.integers(min_value=0, max_value=8))):
            draw(
                st.sampled_from(
                    [self.insert, self.speak, self.answer, self.ask_tool, self.delete, self.aside]
                )
            )()

    def enter(self, item: Message, begun: Message, at: int) -> None:
        after = self.order[at - 1] if at else None
        self.order.insert(at, item["id"])
        self.main += [added(begun, after), done(item, after if self.draw(st.booleans()) else None)]

    def name(self) -> str:
        self.made += 1
        return f"i{self.made}"

    def insert(self) -> None:
        item = user(self.name(), *self.draw(self.words))
        self.enter(item, item, self.draw(st.integers(min_value=0, max_value=len(self.order))))

    def speak(self) -> None:
        item_id = self.name()
        self.main.append(committed(item_id, self.order[-1] if self.order else None))
        self.enter(spoken(item_id), spoken(item_id), len(self.order))
        self.streams.append(transcription_of(item_id, self.draw(self.words)))

    def answer(self) -> None:
        item_id, pieces = self.name(), self.draw(self.words)
        response_id = f"resp_{item_id}"
        if self.draw(st.booleans()):
            stream = text_reply(item_id, pieces, response_id)
        else:
            stream = audio_reply(item_id, [(piece, 20) for piece in pieces], response_id)
        self.respond(item_id, stream, response_id)

    def ask_tool(self) -> None:
        item_id = self.name()
        response_id = f"resp_{item_id}"
        self.respond(item_id, call_stream(item_id, self.draw(self.words), response_id), response_id)
        output = result(self.name(), item_id, "18")
        self.enter(output, output, len(self.order))

    def respond(self, item_id: str, stream: list[Message], response_id: str) -> None:
        self.enter(stream[-1]["item"], stream[0]["item"], len(self.order))
        self.streams.append([*stream, response_done(stream[-1]["item"], response_id=response_id)])

    def aside(self) -> None:
        item_id = self.name()
        response_id = f"resp_{item_id}"
        stream = text_reply(item_id, self.draw(self.words), response_id)
        self.streams.append([*stream, response_done(stream[-1]["item"], response_id=response_id)])

    def delete(self) -> None:
        if self.order:
            at = self.draw(st.integers(min_value=0, max_value=len(self.order) - 1))
            self.main.append(deleted(self.order.pop(at)))

    def told(self, pick: Callable[[list[list[Message]]], list[Message]]) -> list[Message]:
        """One interleaving; `pick` chooses the stream that goes on."""
        streams = [list(stream) for stream in (self.main, *self.streams)]
        told: list[Message] = []
        while ready := [stream for stream in streams if stream and not self.early(stream[0], streams[0])]:
            told.append(pick(ready).pop(0))
        assert not any(streams)
        return told

    @staticmethod
    def early(message: Message, main: list[Message]) -> bool:
        """Whether this is a `response.done` whose items are still to be added."""
        if message["type"] != "response.done":
            return False
        items = {item["id"] for item in message["response"]["output"]}
        return any(one["type"] == "conversation.item.added" and one["item"]["id"] in items for one in main)


talks = st.composite(Talk)


@given(talks(), st.data())
def test_any_interleaving_gives_the_same_history(talk: Talk, data: st.DataObject) -> None:
    """The server's streams are independent: how they mix is chance, and must not show."""
    plain, mixed = ConversationMirror(), ConversationMirror()
    assert contradictions(tell(plain, *talk.told(lambda ready: ready[0]))) == []
    told = talk.told(lambda ready: data.draw(st.sampled_from(ready)))
    assert contradictions(tell(mixed, *told)) == []
    assert ids(plain) == ids(mixed) == talk.order
    assert history(plain) == history(mixed)
    for mirror in (plain, mixed):
        statistics = mirror.statistics()
        assert statistics["waiting_items"] == statistics["draft_items"] == 0


@given(talks(), st.data())
def test_a_journal_applied_twice_gives_equal_mirrors(talk: Talk, data: st.DataObject) -> None:
    """From empty, and on top of a cleared one; nothing depends on what was there before."""
    told = talk.told(lambda ready: data.draw(st.sampled_from(ready)))
    first, second = ConversationMirror(), ConversationMirror()
    changes = tell(first, *told, now=3.0)
    assert tell(second, *told, now=3.0) == changes
    assert history(first) == history(second)
    first.clear()
    assert tell(first, *told, now=3.0) == changes
    assert history(first) == history(second)


@given(talks(), st.data())
def test_the_changes_tell_what_happened(talk: Talk, data: st.DataObject) -> None:
    """Who keeps a set by `added` and `removed` has the same items."""
    mirror, known = ConversationMirror(), set[str]()
    for message in talk.told(lambda ready: data.draw(st.sampled_from(ready))):
        for change in tell(mirror, message):
            assert change.item_id is not None
            if change.kind == "added":
                assert change.item_id not in known
                known.add(change.item_id)
            elif change.kind == "removed":
                known.remove(change.item_id)
            else:
                assert change.item_id in known
        assert known == set(ids(mirror))


@given(talks())
def test_deltas_concatenated_equal_the_final_text(talk: Talk) -> None:
    """With the final texts withheld, the deltas alone give the same words."""
    whole, pieces = ConversationMirror(), ConversationMirror()
    told = talk.told(lambda ready: ready[0])
    tell(whole, *told)
    for message in told:
        kind = message["type"]
        if "done" in kind.rsplit(".", 1)[-1] or kind.endswith(".completed"):
            continue
        tell(pieces, message)
    assert ids(whole) == ids(pieces)
    for one, other in zip(whole, pieces, strict=True):
        assert (one.generated, one.arguments) == (other.generated, other.arguments)


@given(talks(), st.data())
def test_events_told_twice_in_a_row(talk: Talk, data: st.DataObject) -> None:
    """Repeated objects change nothing; only deltas, which add up, must come once."""
    plain, twice = ConversationMirror(), ConversationMirror()
    for message in talk.told(lambda ready: data.draw(st.sampled_from(ready))):
        tell(plain, message)
        repeat = not message["type"].endswith((".delta", "item.deleted"))
        changes = tell(twice, *[message] * (2 if repeat else 1))
        assert contradictions(changes) == []
    assert history(plain) == history(twice)


# Cost


def lines_run(mirror: ConversationMirror, message: Message) -> int:
    """How many lines of our own code one event takes: a clock that knows no noise."""
    decoded, count = event(message), 0

    def local(frame: FrameType, kind: str, arg: object) -> Any:
        nonlocal count
        count += kind == "line"
        return local

    def trace(frame: FrameType, kind: str, arg: object) -> Any:
        return local if "realtime_raw" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        mirror.apply(decoded, 0.0)
    finally:
        sys.settrace(before)
    return count


def test_an_event_costs_the_same_however_long_the_conversation() -> None:
    """Of 100 items and of 10,000: deltas, insertions in the middle, deletions, waiting, truncation."""
    costs = []
    for size in (100, 10_000):
        mirror = filled(*(f"i{number}" for number in range(size)))
        middle = f"i{size // 2}"
        tell(mirror, added(reply("a", status="in_progress"), middle), added(call("c", "{}"), "a"))
        for _ in range(size):
            tell(mirror, text("a", "x"))
        costs.append(
            [
                lines_run(mirror, message)
                for message in (
                    text("a", "y"),
                    added(user("n"), middle),
                    added(user("m"), None),
                    deleted("n"),
                    added(user("w"), "unknown"),
                    committed("u", f"i{size - 1}"),
                    truncated("a", 10),
                    added(result("r", "c", "1"), "c"),
                    done(user("m"), None),
                    response_done(reply("a")),
                )
            ]
        )
    assert costs[0] == costs[1]
    assert all(cost > 3 for cost in costs[0])

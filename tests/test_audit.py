"""Our record against the server's: each kind of difference named exactly, and no other."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_raw import codec
from realtime_raw import events as ev
from realtime_raw.audit import Audit, AuditReport, Difference, Misplaced, OrderWitness, compare, marker, plan
from realtime_raw.audit_facts import ItemFacts
from realtime_raw.protocol import signals as sg
from realtime_raw.protocol.conversation import ConversationMirror
from realtime_raw.types import ErrorInfo
from tests.pair.link import Link
from tests.protocol import told

Message = dict[str, Any]
Answers = dict[str, ev.BaseItem | ItemFacts | ErrorInfo]

UNKNOWN = ErrorInfo("Error retrieving item: …", code="item_retrieve_invalid_item_id")


def wire(item: Message) -> ev.BaseItem:
    """An item as the codec reads it."""
    event = told.event({"type": "conversation.item.retrieved", "item": item})
    assert isinstance(event, ev.ConversationItemRetrieved)
    assert event.item is not None
    return event.item


def mirror_of(*items: Message) -> ConversationMirror:
    mirror = ConversationMirror()
    for after, item in zip([None, *(item["id"] for item in items)], items, strict=False):
        told.tell(mirror, told.added(item, after), told.done(item, after))
    return mirror


def compared(ours: list[Message], theirs: list[Message | ErrorInfo], **options: Any) -> AuditReport:
    """Our items against what the server answers for the same ids (or for the ids they have)."""
    answers: Answers = {}
    for item, answer in itertools.zip_longest(ours, theirs):
        if isinstance(answer, ErrorInfo):
            answers[item["id"]] = answer
        elif answer is not None:
            answers[answer["id"]] = wire(answer)
    return compare(mirror_of(*ours), answers, **options)


def the_one(report: AuditReport) -> tuple[str, str, object, object]:
    (one,) = report.differences
    assert not report.ok
    return one.kind, one.where, one.ours, one.theirs


def silent(role: str, transcript: str | None, ms: int = 100) -> Message:
    """A spoken item as it is retrieved: with its audio."""
    kind = {"user": "input_audio", "assistant": "output_audio"}[role]
    audio = base64.b64encode(bytes(48 * ms)).decode()
    part = {"type": kind, "audio": audio, "transcript": transcript}
    return {"id": "a", "type": "message", "role": role, "status": "completed", "content": [part]}


# Each kind of difference


def test_the_same_is_no_difference() -> None:
    """For each kind of item."""
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}
    tools = [{"name": "find", "input_schema": {}}, {"name": None}]
    items = [
        told.user("a", "one", "two"),
        {**told.user("b", "be kind"), "role": "system"},
        told.reply("c", {"type": "output_text", "text": "Yes"}),
        told.call("d", "{}"),
        told.result("e", "d", "12"),
        {**told.user("f", "look"), "content": [image]},
        {"id": "g", "type": "mcp_list_tools", "server_label": "docs", "tools": tools},
        {"id": "h", "type": "mcp_call", "name": "find", "arguments": "{}", "error": {"type": "http_error"}},
        {"id": "i", "type": "mcp_approval_request", "server_label": "docs", "name": "f", "arguments": "{}"},
        {"id": "j", "type": "mcp_approval_response", "approval_request_id": "i", "approve": True},
        {"id": "k", "type": "thought", "role": "sage", "depth": 3},
        told.spoken("l", "hello"),
    ]
    report = compared(items, [*items])
    assert report.ok
    assert report.checked == tuple(item["id"] for item in items)
    assert str(report) == "12 items checked: no difference"


TEXT = told.user("a", "one")

DIFFERENT: dict[str, tuple[Message, Message, tuple[str, str, object, object]]] = {
    "type": (TEXT, told.call("a"), ("type", "type", "message", "function_call")),
    "role": (TEXT, {**TEXT, "role": "system"}, ("role", "role", "user", "system")),
    "status": (
        TEXT,
        {**TEXT, "status": "incomplete"},
        ("status", "status", "completed", "incomplete"),
    ),
    "text": (TEXT, told.user("a", "ones"), ("content", "content[0].text", "one", "ones")),
    "parts": (TEXT, told.user("a", "one", "two"), ("content", "number of parts", 1, 2)),
    "part type": (
        TEXT,
        {**TEXT, "content": [{"type": "input_smell"}]},
        ("content", "content[0].type", "input_text", "input_smell"),
    ),
    "image": (
        {**TEXT, "content": [{"type": "input_image", "image_url": "data:a", "detail": "low"}]},
        {**TEXT, "content": [{"type": "input_image", "image_url": "data:b", "detail": "low"}]},
        ("content", "content[0].image_url", "data:a", "data:b"),
    ),
    "detail": (
        {**TEXT, "content": [{"type": "input_image", "image_url": "data:a"}]},
        {**TEXT, "content": [{"type": "input_image", "detail": "high"}]},
        ("content", "content[0].detail", None, "high"),
    ),
    "reply transcript": (
        told.reply("a", {"type": "output_audio", "transcript": "Yes"}),
        silent("assistant", None),
        ("transcript", "content[0].transcript", "Yes", None),
    ),
    "user transcript": (
        told.spoken("a", "Yes"),
        silent("user", "No"),
        ("transcript", "content[0].transcript", "Yes", "No"),
    ),
    "transcript we never got": (
        told.spoken("a"),
        silent("user", "No"),
        ("transcript", "content[0].transcript", None, "No"),
    ),
    "arguments": (told.call("a", "{}"), told.call("a", "[]"), ("tool", "arguments", "{}", "[]")),
    "name": (told.call("a", name="f"), told.call("a", name="g"), ("tool", "name", "f", "g")),
    "output": (told.result("a", "b", "1"), told.result("a", "b", "2"), ("tool", "output", "1", "2")),
    "call id": (
        told.result("a", "b", "1"),
        told.result("a", "c", "1"),
        ("tool", "call_id", "call_b", "call_c"),
    ),
    "approval": (
        {"id": "a", "type": "mcp_approval_response", "approval_request_id": "r", "approve": True},
        {"id": "a", "type": "mcp_approval_response", "approval_request_id": "r", "approve": False},
        ("tool", "approve", "true", "false"),
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "expected"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_named(
    ours: Message, theirs: Message, expected: tuple[str, str, object, object]
) -> None:
    """Its kind, where it is, and both values; once."""
    assert the_one(compared([ours], [theirs])) == expected


def test_lost_and_invented_items_are_named() -> None:
    """By the words they hold."""
    report = compared([TEXT], [UNKNOWN, told.user("z", "who?")])
    assert [(one.kind, one.item_id, one.ours, one.theirs) for one in report.differences] == [
        ("missing", "a", "user: one", None),
        ("extra", "z", None, "user: who?"),
    ]
    assert str(report).splitlines() == [
        "1 item checked: 2 differences",
        "- item a ('user: one') is in our record and not on the server",
        "- item z ('user: who?') is on the server and not in our record",
    ]
    assert report.of("extra") == report.differences[1:]


def test_the_length_of_a_reply_is_compared() -> None:
    """Up to one step of rounding; a user's audio not at all, as it comes back filtered."""
    for ms, expected in ((100, []), (101, []), (99, []), (102, [("audio_ms", 100, 102)])):
        mirror = ConversationMirror()
        begun = told.reply("a", status="in_progress")
        told.tell(mirror, told.added(begun, None), told.said("a", "Yes"), told.sound("a", 100))
        told.tell(mirror, told.done(told.reply("a", {"type": "output_audio", "transcript": "Yes"})))
        report = compare(mirror, {"a": wire(silent("assistant", "Yes", ms))})
        assert [(one.kind, one.ours, one.theirs) for one in report.differences] == expected
    assert compared([silent("user", "Yes", 100)], [silent("user", "Yes", 80)]).ok


def test_g711_is_measured_as_such() -> None:
    """A tenth of a second is 800 bytes of it."""
    report = compared(
        [silent("assistant", "Yes", 100)], [silent("assistant", "Yes", 100)], encoding="audio/pcmu"
    )
    assert the_one(report) == ("audio_ms", "content[0].audio_ms", 100, 600)


# What differs by design


def truncated_mirror() -> ConversationMirror:
    mirror = ConversationMirror()
    told.tell(mirror, told.added(told.reply("a", status="in_progress"), None))
    told.tell(
        mirror, told.said("a", "One "), told.sound("a", 100), told.said("a", "two"), told.sound("a", 100)
    )
    told.tell(mirror, told.done(told.reply("a", {"type": "output_audio", "transcript": "One two"})))
    told.tell(mirror, told.truncated("a", 120))
    return mirror


@pytest.mark.parametrize("transcript", [None, "", "One "])
def test_a_truncated_item_may_have_lost_its_transcript(transcript: str | None) -> None:
    """It is said, and is no difference."""
    report = compare(truncated_mirror(), {"a": wire(silent("assistant", transcript, 120))})
    assert report.ok
    assert report.expected == ("item a: a truncated item has lost its transcript",)


def test_a_truncated_item_must_not_say_something_else() -> None:
    """Nor be longer than it was cut."""
    report = compare(truncated_mirror(), {"a": wire(silent("assistant", "Two", 200))})
    assert [one.kind for one in report.differences] == ["transcript", "audio_ms"]


def test_a_users_transcript_may_be_missing_there_or_late_here() -> None:
    """It comes from another model, by events of its own."""
    report = compared([told.spoken("a", "Yes")], [silent("user", None)])
    assert report.ok
    assert str(report).endswith("\n  (item a: a user's transcript has its own events)")
    mirror = mirror_of(told.spoken("a"))
    delta = {"type": f"{told.TRANSCRIPTION}.delta", "item_id": "a", "content_index": 0, "delta": "Ye"}
    told.tell(mirror, delta)
    assert compare(mirror, {"a": wire(silent("user", "Yes"))}).ok


def test_beta_names_of_parts_count_as_todays() -> None:
    """Retrieved items and compatible servers still use them."""
    answers = [
        {**TEXT, "content": [{"type": "text", "text": "one"}]},
        {**told.reply("b"), "content": [{"type": "text", "text": "Yes"}]},
    ]
    assert compared([TEXT, told.reply("b", {"type": "output_text", "text": "Yes"})], [*answers]).ok


def test_a_status_that_is_left_out_is_none() -> None:
    """As of a function call's output."""
    assert compared([{**told.result("a", "b", "1"), "status": "completed"}], [told.result("a", "b", "1")]).ok
    assert compared([told.result("a", "b", "1")], [{**told.result("a", "b", "1"), "status": "completed"}]).ok


# What could not be checked


def test_items_still_being_written_are_not_judged() -> None:
    """They are not yet what they will be; and what could not be retrieved is not verified."""
    mirror = mirror_of(TEXT, told.user("b", "two"))
    told.tell(mirror, told.added(told.reply("r", status="in_progress"), "b"))
    assert plan(mirror) == ["a", "b"]
    error = ErrorInfo("try again\x1b[2J", code="server_error")
    report = compare(mirror, {"a": error})
    assert (report.ok, report.differences, report.open, report.checked) == (False, (), ("r",), ())
    assert report.unanswered == {"a": "try again[2J", "b": "no answer"}
    assert str(report).splitlines() == [
        "0 items checked: no difference",
        "- item a is not verified: try again[2J",
        "- item b is not verified: no answer",
        "- item r is still being written",
    ]
    assert compare(mirror, {"a": ErrorInfo(""), "b": wire(told.user("b", "two"))}).unanswered == {
        "a": "an error"
    }


# Order


def test_items_the_server_named_and_we_never_saw_are_looked_for() -> None:
    """One of them is there: extra. One is not: then nobody knows where its successor stands."""
    mirror = mirror_of(TEXT)
    told.tell(mirror, told.added(told.user("c", "three"), "b"), told.added(told.user("d", "four"), "c"))
    assert plan(mirror) == ["a", "c", "d", "b"]
    answers: Answers = {one: wire(told.user(one, said)) for one, said in (("a", "one"), ("c", "three"))}
    ours = [ItemFacts.of_mirror(item) for item in mirror]
    ours += [ItemFacts.of_mirror(item, waiting=True) for item in mirror.waiting]
    answers["d"] = wire(told.user("d", "four"))
    report = compare(ours, {**answers, "b": wire(told.user("b", "two"))})
    assert the_one(report) == ("extra", "item", None, "user: two")
    assert report.unplaced == ("c", "d")
    report = compare(ours, {**answers, "b": UNKNOWN})
    assert the_one(report) == ("order", "the item before it", None, "b")
    assert "the server never stated where these stand: c, d" in str(report)


def witnessed(*steps: ev.ClientEvent | Message) -> tuple[OrderWitness, ConversationMirror]:
    """A witness and a mirror that followed this stream."""
    witness, mirror = OrderWitness(), ConversationMirror()
    for step in steps:
        if isinstance(step, ev.ConversationItemCreate):
            witness.apply(step, 0.0)
        else:
            assert isinstance(step, dict)
            event = told.event(step)
            mirror.apply(event, 0.0)
            witness.apply(event, 0.0)
    return witness, mirror


def create(item_id: str, **fields: Any) -> ev.ConversationItemCreate:
    return ev.ConversationItemCreate(item=ev.NewUserMessage(id=item_id, content=[]), **fields)


def chain(*item_ids: str) -> list[Message]:
    """Items told one behind the other."""
    return [
        told.added(told.user(one, one), after)
        for after, one in zip([None, *item_ids], item_ids, strict=False)
    ]


def everything(mirror: ConversationMirror) -> Answers:
    """A server that has each of our items, alike."""
    return {item.id: ItemFacts.of_mirror(item) for item in mirror}


def test_an_append_names_the_servers_last_item() -> None:
    """A commit, or a create of ours without a place: if it is not our last item, the orders differ."""
    for append in ([told.committed("d", "b")], [create("d"), told.added(told.user("d"), "b")]):
        witness, mirror = witnessed(*chain("a", "b", "c"), *append)
        assert witness.found == (Misplaced("b", ("c",), "d"),)
        report = compare(mirror, everything(mirror), misplaced=witness.found)
        assert the_one(report) == ("order", "the last item (when d was added)", "c", "b")
        assert str(report.differences[0]) == (
            "item b: the last item (when d was added) is 'c' in our record and 'b' on the server"
        )


@given(
    st.lists(
        st.tuples(st.sampled_from("aaaacde"), st.sampled_from("pqrst"), st.sampled_from("pqrst")), max_size=50
    )
)
def test_a_witness_may_be_asked_at_any_time(steps: list[tuple[str, str, str]]) -> None:
    """After each statement, or once at the end: it found the same."""
    always, once = OrderWitness(), OrderWitness()
    for kind, item_id, after in steps:
        stated = None if after == "p" else after
        step: Any = {
            "a": told.event(told.added(told.user(item_id), stated)),
            "c": told.event(told.committed(item_id, stated)),
            "d": told.event(told.deleted(item_id)),
            "e": create(item_id),
        }[kind]
        for witness in (always, once):
            witness.apply(step, 0.0)
        assert len(always.found) <= 64
    assert always.found == once.found


def test_an_append_to_what_the_server_thinks_is_empty() -> None:
    """Null is the head, and it says the same."""
    witness, mirror = witnessed(*chain("a"), told.committed("d", None))
    report = compare(mirror, everything(mirror), misplaced=witness.found)
    assert the_one(report) == ("order", "the last item (when d was added)", "a", None)


def test_appends_in_order_say_nothing() -> None:
    """Nor do insertions at a place, items of the model, or the second telling of a commit."""
    witness, _ = witnessed(
        *chain("a", "b"),
        told.committed("c", "b"),
        told.added(told.spoken("c"), "b"),
        create("d", previous_item_id="a"),
        told.added(told.user("d"), "a"),
        create("e", previous_item_id="root"),
        told.added(told.user("e"), None),
        told.added(told.reply("r", status="in_progress"), "a"),
        told.deleted("c"),
        create("f"),
        told.added(told.user("f"), "b"),
        {"type": "conversation.item.added", "item": told.user("g")},
        {"type": "conversation.item.added", "previous_item_id": None},
        {"type": "conversation.item.deleted"},
        {"type": "input_audio_buffer.committed"},
        {"type": "response.done"},
    )
    assert witness.found == ()


def test_who_came_late_accuses_nobody() -> None:
    """What lies before is unknown, and so is what was last."""
    witness, _ = witnessed(told.committed("b", "a"), told.committed("c", "b"), told.committed("d", None))
    assert witness.found == ()


def test_a_place_that_is_stated_anew_counts() -> None:
    """The last word of the server is what its next ones are held to."""
    witness, _ = witnessed(
        *chain("a", "b", "c"),
        told.added(told.user("c"), "a"),
        told.committed("d", "b"),
    )
    assert witness.found == ()


def test_an_old_contradiction_ends_with_the_items_it_is_about() -> None:
    """Once what stood behind is deleted, both orders are the same again; once it is lost, it is just lost."""
    witness, mirror = witnessed(*chain("a", "b", "c"), told.committed("d", "b"))
    lost: Answers = {**everything(mirror), "c": UNKNOWN}
    assert [one.kind for one in compare(mirror, lost, misplaced=witness.found).differences] == ["missing"]
    told.tell(mirror, told.deleted("c"))
    assert compare(mirror, everything(mirror), misplaced=witness.found).ok
    told.tell(mirror, told.deleted("b"))
    assert compare(mirror, everything(mirror), misplaced=witness.found).ok


def test_memory_of_contradictions_and_appends_is_bounded() -> None:
    """The last ones are kept."""
    witness = OrderWitness()
    for step in chain("a", "b"):
        witness.apply(told.event(step), 0.0)
    for number in range(100):
        witness.apply(told.event(told.committed(f"x{number}", "a")), 0.0)
    assert len(witness.found) == 64
    assert witness.found[-1].by == "x99"
    for number in range(2000):
        witness.apply(create(f"y{number}"), 0.0)
    assert len(witness._appends) <= 1024


# Words


def test_lines_show_where_long_values_part() -> None:
    """Safely, and shortly."""
    long = "The quick brown fox jumps over the lazy dog and " * 3
    one = Difference("content", "a\x1b", "content[0].text", f"{long}runs.", f"{long}sleeps. sk-abcdefgh")
    assert str(one) == (
        "item a: content[0].text is '…er the lazy dog and runs.' in our record"
        " and '…er the lazy dog and sleeps. ***' on the server"
    )
    one = Difference("content", "a", "content[0].text", "x" * 100, "y" * 100)
    assert str(one).count("…") == 2
    assert str(Difference("transcript", "a", "t", None, 3)) == (
        "item a: t is nothing in our record and 3 on the server"
    )


def test_reports_are_plain_data() -> None:
    """Each difference with its line."""
    data = compared([TEXT], [told.user("a", "ones")]).to_dict()
    assert data["ok"] is False
    assert data["checked"] == ["a"]
    assert data["differences"] == [
        {
            "kind": "content",
            "item_id": "a",
            "where": "content[0].text",
            "ours": "one",
            "theirs": "ones",
            "line": "item a: content[0].text is 'one' in our record and 'ones' on the server",
        }
    ]


def test_facts_of_odd_items() -> None:
    """Without an id, a type, a content; with parts unknown: no reason to raise."""
    assert ItemFacts.of_wire(ev.UserMessage()).role == "user"
    assert ItemFacts.of_wire(ev.UnknownItem.model_validate({"type": "x", "role": 7})).role is None
    assert ItemFacts.of_wire(ev.McpCall(error=ev.McpError())).tool["error"] == "failed"
    assert ItemFacts.of_wire(ev.McpListTools()).tool == {"tools": ""}
    assert ItemFacts.of_mirror(mirror_of(told.call("a")).items()[0]).describe() == "function_call"


# An audit while the call goes on


class Followed:
    """A mirror with an audit that follows it."""

    def __init__(self, *items: Message, **options: Any) -> None:
        self.mirror = mirror_of(*items)
        self.audit = Audit(self.mirror, **options)

    def tell(self, *messages: Message) -> Followed:
        for message in messages:
            event = told.event(message)
            self.mirror.apply(event, 0.0)
            self.audit.apply(event, 0.0)
        return self

    def answer(self, *items: Message) -> AuditReport:
        for item in items:
            self.tell({"type": "conversation.item.retrieved", "item": item})
        return self.audit.report()


def test_the_mirror_learns_from_an_audit_and_the_audit_remembers() -> None:
    """What was retrieved is then in the mirror; the report says what it was before."""
    call = Followed(TEXT, told.user("b", "two"))
    assert set(call.audit.ids) == {"a", "b"}
    report = call.answer(told.user("a", "uno"), told.user("b", "two"))
    assert not call.audit.ids
    assert the_one(report) == ("content", "content[0].text", "one", "uno")
    assert [item.text for item in call.mirror] == ["uno", "two"]
    assert Audit(call.mirror).ids == ("a", "b")


def test_what_the_server_announces_meanwhile_is_ours() -> None:
    """A late transcript before the answer; after it, it changes nothing any more."""
    completed = {"type": f"{told.TRANSCRIPTION}.completed", "item_id": "a", "content_index": 0}
    call = Followed(told.spoken("a"))
    call.tell({**completed, "transcript": "Yes"})
    assert call.answer(silent("user", "Yes")).ok
    call = Followed(told.spoken("a"))
    report = call.answer(silent("user", "No"))
    call.tell({**completed, "transcript": "Yes"})
    assert (
        the_one(call.audit.report()) == the_one(report) == ("transcript", "content[0].transcript", None, "No")
    )


def test_items_that_come_and_go_meanwhile_are_not_asked_about() -> None:
    """They are nobody's mistake."""
    call = Followed(TEXT, told.user("b", "two"))
    call.tell(told.added(told.user("c", "three"), "b"), told.deleted("b"))
    assert call.audit.ids == ("a",)
    call.audit.refused("a", UNKNOWN)
    call.tell({"type": "conversation.item.retrieved", "item": None})
    report = call.answer(TEXT, told.user("c", "?"))
    assert [(one.kind, one.item_id) for one in report.differences] == [("missing", "a")]


def test_signals_and_commands_are_no_news() -> None:
    """Only the server's events are."""
    call = Followed(TEXT)
    call.audit.apply(sg.PlaybackStarted(item_id="a", content_index=0), 0.0)
    call.audit.apply(create("z"), 0.0)
    assert call.answer(TEXT).ok


def test_a_marker_proves_the_end() -> None:
    """Appended and deleted: the link the server states for it names its last item."""
    wanted = marker("m").to_wire()
    assert (wanted["item"]["id"], "previous_item_id" in wanted) == ("m", False)
    for last, proven, kinds in (("b", True, []), ("a", False, ["order"]), (None, False, ["order"])):
        call = Followed(TEXT, told.user("b", "two"), marker_id="m")
        call.tell(told.added(told.user("m"), last), told.done(told.user("m"), last), told.deleted("m"))
        report = call.answer(TEXT, told.user("b", "two"))
        assert (report.end_proven, [one.kind for one in report.differences]) == (proven, kinds)
    call = Followed(marker_id="m").tell(told.added(told.user("m"), None))
    assert call.audit.report().end_proven


def test_a_marker_finds_an_item_at_the_end_that_nobody_told_of() -> None:
    """It is retrieved like the others, and extra."""
    call = Followed(TEXT, marker_id="m").tell(told.added(told.user("m"), "z"), told.deleted("m"))
    assert call.audit.ids == ("a", "z")
    report = call.answer(TEXT, told.user("z", "boo"))
    assert the_one(report) == ("extra", "item", None, "user: boo")
    assert not report.end_proven


def test_a_marker_that_stands_behind_an_unplaced_item_proves_nothing() -> None:
    """Who came late does not know what lies before."""
    mirror = ConversationMirror()
    told.tell(mirror, told.added(told.user("b", "two"), "a"))
    audit = Audit(mirror, marker_id="m")
    for message in (
        told.added(told.user("m"), "b"),
        {"type": "conversation.item.added", "item": told.user("m")},
    ):
        event = told.event(message)
        mirror.apply(event, 0.0)
        audit.apply(event, 0.0)
    assert audit.ids == ("b", "a")
    assert not audit.report().end_proven


# Against the simulated server, and behind its back


class Audited(Link):
    """A call whose every event a witness (and an audit) follows, as the shell would have it."""

    def __init__(self, **server: Any) -> None:
        super().__init__(**server)
        self.witness = OrderWitness()
        self.audit: Audit | None = None
        self.connect()

    def _deliver(self, data: bytes) -> None:
        super()._deliver(data)
        self.follow()

    def follow(self) -> None:
        for observed in self.client.events_received():
            self.seen.append(observed)
            self.witness.apply(observed, self.now)
            if self.audit is not None:
                self.audit.apply(observed, self.now)

    def send(self, event: ev.ClientEvent) -> None:
        self.client.send(event, self.now, if_busy="wait")
        self.follow()
        self.settle()

    def verify(self, *, probe: bool = True) -> AuditReport:
        self.audit = Audit(self.client.conversation, witness=self.witness, marker_id="marker_1")
        if probe:
            self.send(marker("marker_1"))
            self.send(ev.ConversationItemDelete(item_id="marker_1"))
        while ids := self.audit.ids:
            self.send(ev.ConversationItemRetrieve(item_id=ids[0]))
            for one in self.of(sg.CommandRefused):
                if one.error is not None:
                    self.audit.refused(ids[0], one.error)
        report, self.audit = self.audit.report(), None
        return report

    def secretly(self, *events: ev.ClientEvent) -> None:
        """Somebody does this to the conversation, and the server tells our client nothing of it."""
        for event in events:
            self.server.receive_message(codec.encode(event), self.now)
            answers = [orjson.loads(data) for data in self.server.data_to_send()]
            assert answers
            assert "error" not in {answer["type"] for answer in answers}, answers

    def converse(self, plot: list[str]) -> None:
        """A conversation, step by step."""
        for number, step in enumerate(plot):
            _STEPS[step](self, number)
            self.run(0.01)


def _speak(link: Audited, number: int) -> None:
    link.client.append_audio(bytes(48 * (200 + number)), link.now)
    link.send(ev.InputAudioBufferCommit())


def _type(link: Audited, number: int) -> None:
    link.send(ev.ConversationItemCreate(item=ev.items.user(f"question {number}")))


def _insert(link: Audited, number: int) -> None:
    ids = ["root", *(item.id for item in link.client.conversation)]
    after = ids[number * 7 % len(ids)]
    link.send(ev.ConversationItemCreate(item=ev.items.system(f"note {number}"), previous_item_id=after))


def _answer(link: Audited, number: int) -> None:
    link.send(ev.ResponseCreate())
    link.run(60.0)


def _interrupt(link: Audited, number: int) -> None:
    link.send(ev.ResponseCreate())
    link.run(0.3)
    link.client.interrupt(link.now, heard_ms=40 * (number % 9))
    link.follow()
    link.run(1.0)


def _delete(link: Audited, number: int) -> None:
    items = link.client.conversation.items()
    if items and items[number * 5 % len(items)].status != "in_progress":
        link.send(ev.ConversationItemDelete(item_id=items[number * 5 % len(items)].id))


def _tool(link: Audited, number: int) -> None:
    call = ev.NewFunctionCall(name="weather", arguments="{}", call_id=f"call_{number}")
    link.send(ev.ConversationItemCreate(item=call))
    link.send(ev.ConversationItemCreate(item=ev.NewFunctionCallOutput(call_id=f"call_{number}", output="12")))


_STEPS: Mapping[str, Callable[[Audited, int], None]] = {
    "speak": _speak,
    "type": _type,
    "insert": _insert,
    "answer": _answer,
    "interrupt": _interrupt,
    "delete": _delete,
    "tool": _tool,
}


@pytest.mark.timeout(300)
@settings(max_examples=1000, deadline=None)
@given(st.lists(st.sampled_from(sorted(_STEPS)), max_size=8), st.booleans())
def test_honest_servers_show_no_difference(plot: list[str], probe: bool) -> None:
    """Whatever was said, put in, taken out, cut and called; and the end is proven."""
    link = Audited()
    link.converse(plot)
    before = [item["id"] for item in link.server.items]
    report = link.verify(probe=probe)
    assert report.differences == ()
    assert report.ok
    assert report.unplaced == ()
    assert report.end_proven is probe
    assert [item["id"] for item in link.server.items] == before, "the probe left no trace"


Tampering = Callable[[Sequence[Message]], Iterable[ev.ClientEvent]]


def tampered(tamper: Tampering, *, then: Sequence[str] = (), probe: bool = True) -> AuditReport:
    """A conversation of seven items, one thing done behind the client's back, and the report."""
    link = Audited()
    link.converse(["type", "answer", "speak", "tool", "insert", "type"])
    assert len(link.client.conversation) == 7
    link.secretly(*tamper(link.server.items))
    link.converse([*then])
    return link.verify(probe=probe)


def _again(item: Message, after: str | None, **changes: Any) -> Iterable[ev.ClientEvent]:
    """The same item, taken out and put in again: changed, or elsewhere."""
    yield ev.ConversationItemDelete(item_id=item["id"])
    fields = {**item, **changes}
    fields.pop("status", None)
    made = {"item": fields, "previous_item_id": after} if after is not None else {"item": fields}
    yield ev.ConversationItemCreate(**made)


def _place(items: Sequence[Message], kind: str) -> int:
    """Where the first item of a role or type stands."""
    return next(place for place, one in enumerate(items) if kind in (one.get("role"), one["type"]))


def _changed(kind: str, **changes: Any) -> Tampering:
    def tamper(items: Sequence[Message]) -> Iterable[ev.ClientEvent]:
        place = _place(items, kind)
        return _again(items[place], items[place - 1]["id"] if place else "root", **changes)

    return tamper


def _replaced(items: Sequence[Message]) -> Iterable[ev.ClientEvent]:
    place = _place(items, "function_call")
    item = {**told.user(items[place]["id"], "obey")}
    return _again(item, items[place - 1]["id"])


def _truncate(items: Sequence[Message]) -> Iterable[ev.ClientEvent]:
    item_id = items[_place(items, "assistant")]["id"]
    yield ev.ConversationItemTruncate(item_id=item_id, content_index=0, audio_end_ms=60)


def _lose(place: int) -> Tampering:
    return lambda items: [ev.ConversationItemDelete(item_id=items[place]["id"])]


def _add_at_end(items: Sequence[Message]) -> Iterable[ev.ClientEvent]:
    content = [ev.NewInputText(text="boo")]
    yield ev.ConversationItemCreate(item=ev.NewSystemMessage(id="item_ghost", content=content))


def _last_to_front(items: Sequence[Message]) -> Iterable[ev.ClientEvent]:
    return _again(items[-1], "root")


def _first_to_end(items: Sequence[Message]) -> Iterable[ev.ClientEvent]:
    return _again(items[0], None)


OBEY = [{"type": "input_text", "text": "obey"}]

TAMPERINGS: dict[str, tuple[Tampering, list[str]]] = {
    "text": (_changed("system", content=OBEY), ["content"]),
    "role": (_changed("system", role="user"), ["role"]),
    "kind": (_replaced, ["type"]),
    "arguments": (_changed("function_call", arguments='{"rm": "-rf"}'), ["tool"]),
    "output": (_changed("function_call_output", output="13"), ["tool"]),
    "truncated": (_truncate, ["transcript", "audio_ms"]),
    "lost in the middle": (_lose(2), ["missing"]),
    "lost at the end": (_lose(-1), ["missing"]),
    "added at the end": (_add_at_end, ["extra"]),
    "last to the front": (_last_to_front, ["order"]),
    "first to the end": (_first_to_end, ["order"]),
}


@pytest.mark.parametrize(("tamper", "kinds"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_what_is_done_behind_our_back_is_named_exactly(tamper: Tampering, kinds: list[str]) -> None:
    """One thing done, and its difference; no other."""
    assert [one.kind for one in tampered(tamper).differences] == kinds


@pytest.mark.parametrize("tamper", [_last_to_front, _first_to_end, _add_at_end, _lose(-1)])
def test_the_next_append_tells_it_too(tamper: Tampering) -> None:
    """Without a probe: the link of whatever is appended next."""
    report = tampered(tamper, then=["type", "speak"], probe=False)
    assert len(report.differences) == 1


def test_what_cannot_be_known_is_not_claimed() -> None:
    """An item in the middle changes its place: no answer of the server depends on it (docs/history.md)."""

    def move(items: Sequence[Message]) -> Iterable[ev.ClientEvent]:
        return _again(items[_place(items, "system")], items[-2]["id"])

    report = tampered(move)
    assert report.ok
    assert report.end_proven

"""Each invariant catches the journal that breaks it, and is quiet on honest ones."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from realtime_raw.conformance.invariants import INVARIANTS, Invariants, check_journal
from realtime_raw.conformance.lines import Tape
from realtime_raw.conformance.probe import Probe
from realtime_raw.conformance.report import InvariantBreach
from realtime_raw.conformance.simulated import SimulatedCaller
from realtime_raw.journal import Direction, JournalLine

Event = dict[str, Any]
Entry = tuple[Direction, Event]
Break = Callable[[list[Entry]], object]

GOLDEN = Path(__file__).parents[1] / "golden" / "lifecycles.json"
TOOL = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}


async def _talk(probe: Probe) -> None:
    """A conversation with a little of everything."""
    await probe.open()
    await probe.manual(tools=[TOOL])
    transcription = {"model": "whisper-1"}
    await probe.session(audio={"input": {"transcription": transcription}})
    await probe.append_tone(0.5)
    await probe.commit()
    await probe.expect("conversation.item.input_audio_transcription.completed")
    await probe.respond()
    await probe.user_text("say only: hello there, dear listener")
    await probe.respond(output_modalities=["text"])
    await probe.user_text("Use the tool look.")
    seen = await probe.respond(output_modalities=["text"])
    call_id = seen.calls[0]["call_id"]
    await probe.create_item({"type": "function_call_output", "call_id": call_id, "output": "nothing"})
    await probe.refused(await probe.send("conformance.unknown"))
    await probe.settle()
    await probe.close()


@cache
def _honest() -> tuple[Entry, ...]:
    probe = Probe(SimulatedCaller())
    asyncio.run(_talk(probe))
    return tuple((line.d, line.m) for line in probe.tape.lines)


def lines_of(entries: list[Entry]) -> list[JournalLine]:
    """Entries as the lines of a journal."""
    return [
        JournalLine(float(at), direction, message, orjson.dumps(message), at + 2)
        for at, (direction, message) in enumerate(entries)
    ]


def find(entries: list[Entry], kind: str, nth: int = 0) -> int:
    """Where the nth event of a type stands."""
    return [at for at, (d, m) in enumerate(entries) if d == "in" and m.get("type") == kind][nth]


def lost(kind: str, nth: int = 0) -> Break:
    """It does not come."""
    return lambda entries: entries.pop(find(entries, kind, nth))


def twice(kind: str, *, fresh: bool = True) -> Break:
    """It comes twice, with an id of its own each time if `fresh`."""

    def edit(entries: list[Entry]) -> None:
        at = find(entries, kind)
        again = copy.deepcopy(entries[at])
        if fresh:
            again[1]["event_id"] = "event_again"
        entries.insert(at + 1, again)

    return edit


def moved(kind: str, before: str, nth: int = 0) -> Break:
    """It comes before another."""

    def edit(entries: list[Entry]) -> None:
        entry = entries.pop(find(entries, kind, nth))
        entries.insert(find(entries, before), entry)

    return edit


def changed(kind: str, path: str, value: object, nth: int = 0) -> Break:
    """It says something else."""

    def edit(entries: list[Entry]) -> None:
        node: Any = entries[find(entries, kind, nth)][1]
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in way:
            node = node[step]
        node[last] = value

    return edit


def after_the_end(entries: list[Entry]) -> None:
    """A message behind the close."""
    entries.append(("in", {"type": "rate_limits.updated", "event_id": "event_late", "rate_limits": []}))


def binary(entries: list[Entry]) -> None:
    """A message that is binary."""
    entries.insert(5, ("note", {"binary": 4}))


def bad_command(entries: list[Entry]) -> None:
    """The client sends what the API does not accept."""
    entries.insert(5, ("out", {"type": "response.cancel", "event_id": "mine", "reason": "none"}))
    entries.insert(
        6,
        (
            "in",
            {"type": "error", "event_id": "e", "error": {"type": "x", "message": "y", "event_id": "mine"}},
        ),
    )


def two_at_once(entries: list[Entry]) -> None:
    """A second response begins while one is active."""
    at = find(entries, "response.created")
    second = copy.deepcopy(entries[at])
    second[1]["event_id"], second[1]["response"]["id"] = "event_second", "resp_second"
    entries.insert(at + 1, second)
    done = copy.deepcopy(entries[find(entries, "response.done")])
    done[1]["event_id"], done[1]["response"]["id"], done[1]["response"]["output"] = (
        "event_x",
        "resp_second",
        [],
    )
    entries.insert(find(entries, "response.done") + 1, done)


BROKEN: list[tuple[str, str, Break]] = [
    ("RT-INV-001", "a response is never done", lost("response.done")),
    ("RT-INV-001", "a response is done twice", twice("response.done")),
    ("RT-INV-001", "a response is created twice", twice("response.created")),
    ("RT-INV-001", "a response is never created", lost("response.created")),
    ("RT-INV-002", "an event comes behind its response", moved("response.done", "response.output_item.done")),
    (
        "RT-INV-002",
        "an event comes before its response",
        moved("response.output_item.added", "response.created"),
    ),
    ("RT-INV-003", "an item comes behind its parts", lost("response.output_item.added")),
    ("RT-INV-003", "an item is added twice", twice("response.output_item.added")),
    ("RT-INV-004", "a part comes behind its deltas", lost("response.content_part.added")),
    ("RT-INV-004", "a part is added twice", twice("response.content_part.added")),
    (
        "RT-INV-005",
        "a delta comes behind its end",
        moved("response.output_text.done", "response.output_text.delta"),
    ),
    ("RT-INV-005", "a part ends twice", twice("response.content_part.done")),
    ("RT-INV-006", "a part does not end", lost("response.content_part.done")),
    ("RT-INV-006", "an item does not end", lost("response.output_item.done")),
    ("RT-INV-007", "indexes begin at one", changed("response.output_item.added", "output_index", 1)),
    ("RT-INV-007", "an index changes", changed("response.output_text.delta", "output_index", 3)),
    ("RT-INV-008", "two responses at once", two_at_once),
    ("RT-INV-009", "a message behind the close", after_the_end),
    ("RT-INV-010", "a delta of text is lost", lost("response.output_text.delta", 1)),
    ("RT-INV-010", "the text is another", changed("response.output_text.done", "text", "goodbye")),
    ("RT-INV-011", "a delta of a transcript is lost", lost("response.output_audio_transcript.delta", 1)),
    (
        "RT-INV-012",
        "arguments are others",
        changed("response.function_call_arguments.done", "arguments", "[]"),
    ),
    (
        "RT-INV-013",
        "the item has another text",
        changed("response.output_item.done", "item.content.0.text", "x", 1),
    ),
    (
        "RT-INV-013",
        "the call has other arguments",
        changed("response.output_item.done", "item.arguments", "x", 2),
    ),
    (
        "RT-INV-013",
        "the response has another text",
        changed("response.done", "response.output.0.content.0.text", "x", 1),
    ),
    ("RT-INV-014", "an item changes its role", changed("response.output_item.done", "item.role", "user")),
    ("RT-INV-015", "audio is no base64", changed("response.output_audio.delta", "delta", "!")),
    ("RT-INV-015", "audio is empty", changed("response.output_audio.delta", "delta", "")),
    (
        "RT-INV-016",
        "a turn is transcribed twice",
        twice("conversation.item.input_audio_transcription.completed"),
    ),
    ("RT-INV-017", "the total is wrong", changed("response.done", "response.usage.total_tokens", 1)),
    (
        "RT-INV-017",
        "the details are wrong",
        changed("response.done", "response.usage.output_token_details.text_tokens", 999),
    ),
    (
        "RT-INV-017",
        "more is cached than was given",
        changed("response.done", "response.usage.input_token_details.cached_tokens", 10**6),
    ),
    ("RT-INV-020", "an event id is used twice", twice("rate_limits.updated", fresh=False)),
    ("RT-INV-021", "the session changes its id", changed("session.updated", "session.id", "sess_other")),
    ("RT-INV-022", "the greeting comes twice", twice("session.created")),
    ("RT-INV-022", "the greeting comes late", moved("session.updated", "session.created")),
    ("RT-INV-023", "an item is added twice", twice("conversation.item.added")),
    ("RT-INV-023", "an item is never added", lost("conversation.item.added", 1)),
    (
        "RT-INV-024",
        "an item follows one that is not there",
        changed("conversation.item.added", "previous_item_id", "item_none", 1),
    ),
    (
        "RT-INV-024",
        "an item is put to the front unasked",
        changed("conversation.item.added", "previous_item_id", None, 1),
    ),
    ("RT-INV-025", "an error has no message", changed("error", "error.message", "")),
    ("RT-INV-025", "an error has no object", changed("error", "error", "bad")),
    ("RT-INV-025", "an error's code is a number", changed("error", "error.code", 400)),
    ("RT-INV-026", "an update has no answer", lost("session.updated")),
    ("RT-INV-026", "a commit has no answer", lost("input_audio_buffer.committed")),
    ("RT-INV-030", "a message is binary", binary),
    ("RT-INV-030", "a message is no object", lambda entries: entries.insert(5, ("in", []))),  # type: ignore[arg-type]
    (
        "RT-INV-031",
        "a field is of another kind",
        changed("response.output_text.delta", "output_index", "first"),
    ),
    ("RT-INV-033", "the client sends a field there is not", bad_command),
    ("RT-INV-034", "the client sends no object", lambda entries: entries.insert(5, ("out", []))),  # type: ignore[arg-type]
    (
        "RT-INV-034",
        "the client sends a binary message",
        lambda entries: entries.insert(5, ("note", {"binary": 4, "side": "client"})),
    ),
]


def judged(entries: list[Entry]) -> tuple[InvariantBreach, ...]:
    return check_journal(lines_of(entries), sides=("server", "client"))


def test_an_honest_journal_is_quiet() -> None:
    """Nothing is found where nothing is broken, but for the event that is unknown on purpose."""
    assert {breach.id for breach in judged(list(_honest()))} == {"RT-INV-033"}
    assert check_journal(lines_of(list(_honest()))) == ()


@pytest.mark.parametrize(
    ("rule", "about", "edit"), BROKEN, ids=lambda each: each if isinstance(each, str) else ""
)
def test_a_broken_journal_is_caught(rule: str, about: str, edit: Break) -> None:
    """By the rule that is broken, at a line that there is."""
    entries = copy.deepcopy(list(_honest()))
    edit(entries)
    found = [breach for breach in judged(entries) if breach.id == rule]
    assert found, about
    assert all(2 <= breach.line <= len(entries) + 2 and breach.message for breach in found)


def test_every_invariant_is_broken_once() -> None:
    """None is left that nothing can break. The official bundle's has a test of its own."""
    assert {rule for rule, _, _ in BROKEN} | {"RT-INV-032"} == {each.id for each in INVARIANTS}
    assert len({each.id for each in INVARIANTS}) == len(INVARIANTS)


def test_a_schema_fault_is_named_with_its_path() -> None:
    """Which event, and where in it."""
    entries = copy.deepcopy(list(_honest()))
    changed("response.done", "response.usage.input_token_details.text_tokens", "many")(entries)
    (breach,) = [each for each in judged(entries) if each.id == "RT-INV-031"]
    assert breach.path == "response.usage.input_token_details.text_tokens"
    assert breach.message.startswith("response.done breaks its schema")


@pytest.mark.parametrize("name", json.loads(GOLDEN.read_text()))
def test_recorded_lifecycles_are_quiet(name: str) -> None:
    """Every recorded lifecycle keeps every rule that its record still shows."""
    events = json.loads(GOLDEN.read_text().replace('"<audio>"', '"AAAA"'))[name]
    for at, event in enumerate(events):
        event["event_id"] = f"event_{at}"
    # Inserted on request, and the record holds the answers only.
    asked: list[Entry] = [("out", {"type": "conversation.item.create", "previous_item_id": None})]
    entries: list[Entry] = [*asked, *(("in", event) for event in events)]
    found = check_journal(lines_of(entries), complete=False)
    # In the record stands the length of what was said, in place of the words.
    assert [each for each in found if each.id not in ("RT-INV-010", "RT-INV-011", "RT-INV-012")] == []


def test_what_is_not_complete_is_not_missed() -> None:
    """A journal that breaks off lacks nothing; one that does not, does."""
    entries = list(_honest())[: find(list(_honest()), "response.done")]
    assert check_journal(lines_of(entries), complete=False) == ()
    assert {each.id for each in check_journal(lines_of(entries))} >= {"RT-INV-001"}


def test_a_server_that_closes_owes_no_answers() -> None:
    """The fate of what was in flight is the close."""
    entries: list[Entry] = [
        ("out", {"type": "session.update", "event_id": "e1"}),
        ("note", {"closed": {"code": 1001, "reason": "", "by_us": False}}),
    ]
    assert check_journal(lines_of(entries)) == ()


def test_rules_may_be_shown_lines_as_they_come() -> None:
    """As a proxy does: a breach is told at its line."""
    entries = copy.deepcopy(list(_honest()))
    twice("response.output_item.added")(entries)
    rules, found = Invariants(), {}
    for line in lines_of(entries):
        for breach in rules.see(line):
            found[breach.id] = (breach.line, line.number)
    assert found["RT-INV-003"][0] == found["RT-INV-003"][1]
    assert rules.end() == []


def test_connections_are_judged_one_by_one() -> None:
    """Two greetings on two connections are no fault."""
    knock: Entry = ("note", {"knock": {}})
    created: Entry = ("in", {"type": "session.created", "event_id": "e1", "session": {"id": "s"}})
    assert check_journal(lines_of([knock, created, knock, created])) == ()
    assert check_journal(lines_of([knock, created, created])) != ()


def test_a_tape_is_a_journal() -> None:
    """Numbers are those of the file that it is saved to."""
    tape = Tape()
    tape.write("in", b'{"type":"session.created"}', 0.1)
    assert tape.write("in", b"garbage", 0.2).number == 3
    assert {each.id for each in check_journal(tape.lines)} == {"RT-INV-030"}

"""How findings read, for people and for machines; and that nothing breaks them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_raw.errors import RealtimeError
from realtime_raw.events import catalog
from realtime_raw.events.client import (
    ConversationItemCreate,
    ConversationItemRetrieve,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ResponseCreate,
)
from realtime_raw.events.items import user
from realtime_raw.explain import RULES, Finding, explain
from realtime_raw.protocol.patch import SessionPatch
from realtime_raw.types import CloseInfo
from tests.explain.case import Case
from tests.explain.scenes import (
    SPEECH,
    append,
    commit,
    failed,
    findings,
    later,
    ready,
    refused,
    write,
)
from tests.explain.test_rules import CASES
from tests.protocol.harness import Desk, FakePlayhead, session

DOCS = Path(__file__).resolve().parents[2] / "docs" / "explain.md"


# Words


def test_a_finding_is_two_readable_lines() -> None:
    desk = Desk()
    desk.now = 1000.0
    desk.ready()
    desk.now = 1002.5
    commit(append(desk))
    desk.now = 1005.0
    assert str(findings(desk)["never_asked"]) == (
        "warning: a turn was committed 2.5 s ago, and no reply asked for -> respond() [never_asked]\n"
        "    2.500 out input_audio_buffer.commit event_2; "
        "2.500 in input_audio_buffer.committed event_s item_u"
    )


def test_a_run_says_how_many_and_how_long() -> None:
    desk = ready()
    append(desk, 200)
    desk.now = 3.0
    append(desk, 100)
    desk.now = 9.0
    [proof] = findings(desk)["never_committed"].evidence
    assert str(proof) == "0.000-3.000 out input_audio_buffer.append x3"


def test_as_plain_data() -> None:
    found = findings(failed("server_error", "It broke."))["response_failed"].to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found == {
        "rule": "response_failed",
        "severity": "error",
        "says": "response resp_1 failed: server_error: It broke.",
        "evidence": [
            {
                "at": 0.0,
                "direction": "in",
                "type": "response.done",
                "event_id": "event_s",
                "response_id": "resp_1",
                "about": "failed",
                "count": 1,
            }
        ],
        "remedy": "ask again; if it fails again, look at what the code names",
    }


def test_errors_come_first_then_in_the_order_of_the_rules() -> None:
    desk = later(commit(append(refused())))
    desk.error("server_error", "The server had an error")
    found = explain(desk.core, desk.now)
    ranks = ["error", "warning", "note"]
    order = [(ranks.index(one.severity), [rule.id for rule in RULES].index(one.rule)) for one in found]
    assert order == sorted(order)
    assert [one.rule for one in found][:3] == ["command_refused", "server_error", "never_asked"]


def test_it_changes_nothing() -> None:
    desk = later(commit(append(refused())))
    before = (desk.core.statistics(), len(desk.core.trace), desk.core.next_deadline())
    first = explain(desk.core, desk.now)
    assert explain(desk.core, desk.now) == first != []
    assert (desk.core.statistics(), len(desk.core.trace), desk.core.next_deadline()) == before
    assert desk.sent() == []


def test_what_a_server_writes_is_safe_to_print() -> None:
    """No escape sequences, no key, no page of text."""
    desk = ready()
    desk.hear("response.\x1b[31msung")
    desk.error("bad\x1b[0m", "Incorrect API key provided: sk-abcdefgh12345678 \x1b[2J" + "x" * 5000)
    desk.close(1011, "\x1b[1mbold sk-abcdefgh12345678")
    for one in explain(desk.core, desk.now):
        text = str(one) + json.dumps(one.to_dict(), ensure_ascii=False)
        assert "\x1b" not in text
        assert "abcdefgh" not in text
        assert all(len(line) < 1500 for line in text.splitlines())


def test_only_a_few_proofs_are_cited() -> None:
    desk = ready()
    for n in range(50):
        event_id = desk.core.send(ConversationItemRetrieve(item_id=f"item_{n}"), desk.now)
        desk.error("x", f"no {n}", event_id=event_id)
    found = findings(desk)["command_refused"]
    assert 1 < len(found.evidence) <= 6
    assert "no 49" in found.says


def test_the_proof_is_the_command_and_its_fate() -> None:
    """And not what else went out or came in at the time."""
    desk = write(ready())
    desk.core.send(ConversationItemRetrieve(item_id="item_x"), desk.now)
    desk.core.cancel(desk.now, "resp_x")
    desk.later(5)
    proofs = findings(desk)["command_unanswered"].evidence
    assert [proof.type for proof in proofs] == ["conversation.item.retrieve", "response.cancel"]
    desk.later(6)
    proofs = findings(desk)["command_timed_out"].evidence
    fates = ["command.timed_out", "command.timed_out"]
    assert [proof.type for proof in proofs] == ["conversation.item.retrieve", "response.cancel", *fates]


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.rule)
def test_each_says_what_is_proven_and_what_to_do(one: Case) -> None:
    """Evidence lies in the past and in order; nothing is left empty."""
    desk = one.scene()
    for finding in explain(desk.core, desk.now):
        assert finding.says
        assert finding.remedy
        times = [proof.at for proof in finding.evidence]
        assert times == sorted(times)
        assert all(0 <= at <= desk.now for at in times)
        assert len(str(finding).splitlines()) <= 2


# The past


def test_the_proof_outlives_a_flood() -> None:
    """The session's settings were shown a thousand lines ago, and are still cited."""
    desk = write(ready(output_modalities=["text"]))
    desk.core.playhead = FakePlayhead()
    for n in range(1500):
        desk.hear("input_audio_buffer.cleared", event_id=f"event_{n}")
    assert "session.updated" in [proof.type for proof in findings(desk)["text_only"].evidence]


def test_a_replay_on_another_clock_says_the_same() -> None:
    def told(offset: float) -> list[Finding]:
        desk = Desk()
        desk.now = offset
        later(commit(append(desk.ready())))
        desk.error("server_error", "The server had an error")
        return explain(desk.core, desk.now)

    assert [str(one) for one in told(0.0)] == [str(one) for one in told(86400.0)]


# The documentation


def documented() -> list[list[str]]:
    """The rows of the table in the documentation."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", DOCS.read_text("utf-8"), re.MULTILINE)
    return [[rule, *(cell.strip() for cell in cells.split(" | "))] for rule, cells in rows]


def test_the_documentation_has_every_rule_as_it_is() -> None:
    """Print the rows with `python -m tests.explain.test_findings`."""
    assert documented() == [[r.id, r.severity, r.means, r.proof, r.remedy] for r in RULES]


def test_ids_are_unique_and_words_fit_a_table() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    for rule in RULES:
        for words in (rule.means, rule.proof, rule.remedy):
            assert words
            assert "|" not in words
            assert "\n" not in words


# Whatever the state


def test_before_anything_happened() -> None:
    [found] = explain(Desk().core, 0.0)
    assert found.rule == "not_ready"
    assert str(found).count("\n") == 0, "there is nothing to cite"


def test_a_session_heard_without_being_opened() -> None:
    """As in a journal that begins in the middle."""
    desk = Desk()
    desk.now = 50.0
    desk.error("server_error", "The server had an error")
    proofs = [proof for one in explain(desk.core, desk.now) for proof in one.evidence]
    assert {proof.at for proof in proofs} == {0.0}


def test_a_clock_that_stands_still_or_runs_back() -> None:
    desk = commit(append(ready()))
    assert explain(desk.core, -5.0) is not None


IDS = st.sampled_from(["item_a", "item_b", "resp_1", "resp_2", "call_1", "", None, 7])
TEXT = st.text(max_size=4) | st.sampled_from(
    ["completed", "cancelled", "failed", "incomplete", "in_progress"]
)
CODES = st.sampled_from(["insufficient_quota", "rate_limit_exceeded", "cannot_update_voice", "x", None])
ITEMS = st.fixed_dictionaries(
    {
        "id": IDS,
        "type": st.sampled_from(
            [
                "message",
                "function_call",
                "function_call_output",
                "mcp_call",
                "mcp_approval_request",
                "mcp_list_tools",
            ]
        ),
    },
    optional={"role": st.sampled_from(["user", "assistant", "system", None]), "status": TEXT, "call_id": IDS},
)
DETAILS = st.none() | st.fixed_dictionaries(
    {"type": TEXT},
    optional={"reason": TEXT, "error": st.fixed_dictionaries({"code": CODES, "message": TEXT})},
)
RESPONSES = st.fixed_dictionaries(
    {"id": IDS},
    optional={
        "status": TEXT,
        "status_details": DETAILS,
        "output": st.lists(ITEMS, max_size=2),
        "conversation_id": st.none() | st.just("conv_1"),
        "output_modalities": st.sampled_from([["text"], ["audio"], [], None]),
    },
)
DETECTION = st.sampled_from([None, {"type": "server_vad"}, {"type": "server_vad", "create_response": False}])
SESSIONS = st.builds(
    lambda detection, modalities, expires: session(
        audio__input__turn_detection=detection, output_modalities=modalities, expires_at=expires
    ),
    DETECTION,
    st.sampled_from([["text"], ["audio"], None]),
    st.sampled_from([None, 0, 1001, 10**12]),
)
MESSAGES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            [*catalog.REALTIME.server, "response.audio.delta", "connection.lost", "nonsense"]
        )
    },
    optional={
        "event_id": IDS,
        "item_id": IDS,
        "response_id": IDS,
        "content_index": st.integers(0, 2),
        "delta": st.sampled_from(["AAAA", "?", "hello", 5]),
        "item": ITEMS,
        "response": RESPONSES,
        "session": SESSIONS,
        "error": st.fixed_dictionaries({"code": CODES, "message": TEXT}, optional={"event_id": TEXT}),
        "previous_item_id": IDS,
    },
)
DEEDS = st.sampled_from(
    [
        "append",
        "zeros",
        "commit",
        "clear",
        "create",
        "wait",
        "item",
        "patch",
        "interrupt",
        "cancel",
        "time",
        "raw",
        "lose",
    ]
)


def do(desk: Desk, deed: str) -> None:
    """Something we might do."""
    core, now = desk.core, desk.now
    match deed:
        case "append":
            core.append_audio(SPEECH, now)
        case "zeros":
            core.append_audio(bytes(48000), now)
        case "commit":
            core.send(InputAudioBufferCommit(), now)
        case "clear":
            core.send(InputAudioBufferClear(), now)
        case "create" | "wait":
            core.send(ResponseCreate(), now, if_busy="wait" if deed == "wait" else "raise")
        case "item":
            core.send(ConversationItemCreate(item=user("x")), now)
        case "patch":
            core.patch(SessionPatch(voice="ash"), now)
        case "interrupt":
            core.interrupt(now)
        case "cancel":
            core.cancel(now)
        case "raw":
            core.send_raw(b"{}", now)
        case "time":
            desk.later(4.0)
        case _:
            core.disconnected(CloseInfo(1011, "keepalive"), now)


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.booleans(), st.lists(MESSAGES | DEEDS, max_size=25))
def test_it_never_raises(manual: bool, plays: bool, story: list[dict[str, Any] | str]) -> None:
    """Any messages, any deeds, in any order; and what it says can be printed and kept."""
    desk = Desk(manual_turns=manual, playhead=FakePlayhead() if plays else None)
    desk.core.connected(0.0, unix_time=1000.0)
    for one in story:
        if isinstance(one, dict):
            desk.core.receive_message(json.dumps(one), desk.now)
        else:
            try:
                do(desk, one)
            except RealtimeError:
                continue
    for now in (desk.now, desk.now + 100, desk.now + 10_000):
        for finding in explain(desk.core, now):
            assert str(finding)
            assert json.dumps(finding.to_dict())
            assert finding.rule == "not_ready" or finding.evidence or finding.severity == "note", finding


if __name__ == "__main__":
    for rule in RULES:
        print(f"| `{rule.id}` | {rule.severity} | {rule.means} | {rule.proof} | {rule.remedy} |")  # noqa: T201

"""Old journals judged again: the same verdict where the case asks the same, "stale" where it asks more."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from realtime_raw.conformance.case import Case, Violation, case
from realtime_raw.conformance.cases import case_of
from realtime_raw.conformance.lines import Knock, LineClosed, Stale, Tape
from realtime_raw.conformance.probe import Probe
from realtime_raw.conformance.replaying import ReplayCaller
from realtime_raw.conformance.simulated import SimulatedCaller
from realtime_raw.journal import JournalLine
from tests.conformance.harness import again, judged

# --- cases that have changed ------------------------------------------------------------------


def asking(*kinds: str, within: float = 1.0, knocks: int = 1) -> Case:
    """A case that sends these and then waits."""

    async def run(probe: Probe) -> None:
        for _ in range(knocks - 1):
            await probe.knock(Knock())
        for kind in kinds:
            await probe.send(kind)
        await probe.quiet(within, but_not=("error", "session.created"))

    return case(
        "RT-ERR-999",
        "A case",
        family="errors",
        level="may",
        rule="",
        source="",
        certainty="inferred",
        sends="",
        expects="",
    )(run)


@pytest.fixture
def tape() -> Tape:
    """What `asking("a", "b")` heard."""
    return judged(asking("a", "b")).tape


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (asking("a", "c"), "sends c where the journal has b"),
        (asking("a", "b", "c"), "sends c, and the journal has no more"),
        (asking("a", "b", within=5.0), "waits longer than the journal"),
        (asking("a", "b", knocks=2), "once more than the journal"),
    ],
)
def test_a_case_that_asks_more_is_stale(tape: Tape, changed: Case, words: str) -> None:
    """A journal cannot answer what was not asked."""
    result = again(changed, tape)
    assert result.verdict == "stale"
    assert words in result.message


def test_a_case_that_asks_less_is_judged(tape: Tape) -> None:
    """A shorter wait, or one event fewer, is in the journal."""
    assert again(asking("a", "b", within=0.5), tape).verdict == "pass"
    assert again(asking("a"), tape).verdict == "pass"


def test_another_way_of_connecting_is_stale(tape: Tape) -> None:
    """A journal of a right key says nothing of a wrong one."""

    async def ask() -> None:
        await ReplayCaller(tape.lines).call(Knock(key="wrong"), Tape())

    with pytest.raises(Stale, match="in another way"):
        asyncio.run(ask())
    without = [line for line in tape.lines if not (line.d == "note" and "answer" in line.m)]
    with pytest.raises(Stale, match="no answer"):
        asyncio.run(ReplayCaller(without).call(Knock(), Tape()))


def test_what_came_later_has_come() -> None:
    """A case that waits where it once sent finds what came behind that."""
    lines = [
        JournalLine(0.0, "note", {"knock": {}}, b"", 2),
        JournalLine(0.0, "note", {"answer": {"status": 101}}, b"", 3),
        JournalLine(0.2, "out", {"type": "x"}, b'{"type":"x"}', 4),
        JournalLine(0.4, "in", {"type": "y"}, b'{"type":"y"}', 5),
        JournalLine(0.5, "note", {"closed": {"code": 1001, "reason": "bye", "by_us": False}}, b"{}", 6),
    ]

    async def ask() -> None:
        answer = await ReplayCaller(lines).call(Knock(), Tape())
        line = answer.line
        assert line is not None
        assert await line.recv(0.1) is None
        data = await line.recv(1.0)
        assert data is not None
        assert orjson.loads(data)["type"] == "y"
        await line.send(b'{"type":"x"}')
        with pytest.raises(LineClosed, match="1001 bye"):
            await line.send(b'{"type":"z"}')
        with pytest.raises(LineClosed, match="1001 bye"):
            await line.recv(1.0)
        await line.close()

    asyncio.run(ask())


def test_garbage_is_sent_as_garbage() -> None:
    """What is no event has its own kinds."""
    tape = judged(case_of("RT-ERR-022")).tape
    assert again(case_of("RT-ERR-022"), tape).verdict == "pass"
    assert again(case_of("RT-ERR-020"), tape).verdict == "stale"


def test_a_probe_needs_a_line() -> None:
    """Nothing is sent into the void."""
    with pytest.raises(Violation, match="no connection"):
        _ = Probe(SimulatedCaller()).line

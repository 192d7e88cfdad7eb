"""Probing and running: what is absent is unsupported, what is dear is left out, what is broken is told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime_raw.conformance.case import Case
from realtime_raw.conformance.cases import case_of
from realtime_raw.conformance.planning import PROBING_TOKENS, Budget, Plan, Planned
from realtime_raw.conformance.probing import CAPABILITIES, Found, probe_capabilities
from realtime_raw.conformance.profiles import Profile, profile_of
from realtime_raw.conformance.report import CaseResult, Report
from realtime_raw.conformance.runner import run_plan
from realtime_raw.conformance.simulated import SimulatedCaller, Spoiled
from realtime_raw.errors import ConnectFailed
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Drop, Edit
from realtime_raw.loopback.handshake import AccessPolicy, HttpRefusal, InBandRefusal, Opened, Outcome, Request
from realtime_raw.loopback.refusals import MISSING_AUTHORIZATION, unknown
from tests.conformance.harness import every, set_

PROFILE = profile_of("compatible-core")


class Poor(SimulatedSession):
    """Has no tools, no truncation and no retrieving, and writes only."""

    def _check(self, event: Any) -> str:
        session = event.get("session", {})
        response = event.get("response", {})
        if event["type"].endswith((".retrieve", ".truncate")) or "tools" in session:
            raise unknown("that")
        if response.get("output_modalities") == ["audio"]:
            raise unknown("response.output_modalities")
        return super()._check(event)


def found(spoiled: Spoiled | None = None) -> Found:
    """What a simulated server has."""
    return asyncio.run(probe_capabilities(SimulatedCaller(spoiled)))


def run(
    *cases: Case, spoiled: Spoiled | None = None, profile: Profile = PROFILE, skip: str = "", **options: Any
) -> Report:
    """A run of these cases against a simulated server."""
    planned = Plan(tuple(Planned(each, skip) for each in cases))
    caller = SimulatedCaller(spoiled)
    return asyncio.run(run_plan(caller, planned, profile=profile, **options)).report


def test_the_honest_server_has_everything() -> None:
    """And each exchange that showed it is kept."""
    seen = found()
    assert seen.capabilities == dict.fromkeys(CAPABILITIES, True)
    assert {each.case_id for each in seen.evidence} == seen.tapes.keys()
    assert all(each.message.startswith("has ") and each.journal for each in seen.evidence)


def test_what_a_poor_server_lacks_is_found() -> None:
    """With the server's own words."""
    seen = found(Spoiled(session=Poor))
    lacks = {name for name, there in seen.capabilities.items() if not there}
    assert lacks == {"tools", "mcp", "retrieve", "audio_out", "truncate"}
    (session,) = [each for each in seen.evidence if each.case_id == "PROBE-SESSION"]
    assert "tools: session.update was refused: unknown_parameter" in session.message


def test_what_is_absent_is_unsupported() -> None:
    """Not a failure, and nothing is sent for it."""
    report = run(case_of("RT-SESS-012"), case_of("RT-ERR-001"), spoiled=Spoiled(session=Poor))
    tools, plain = report.results[1], report.results[0]
    assert (plain.verdict, tools.verdict) == ("pass", "unsupported")
    assert tools.message == "the server has no tools"
    assert tools.journal == ()
    assert report.exit_code == 0


def test_what_a_profile_requires_must_be_there() -> None:
    """Else the run fails, although no case does."""
    profile = Profile(name="p", about="", requires=("tools", "text_out"))
    report = run(case_of("RT-ERR-001"), spoiled=Spoiled(session=Poor), profile=profile)
    assert report.lacking == ("tools",)
    assert report.exit_code == 1


def test_a_server_that_does_not_greet_is_asked_all_the_same() -> None:
    """`session.created` is missing, and nothing waits for it."""
    report = run(
        case_of("RT-ERR-001"),
        case_of("RT-HAND-002"),
        spoiled=Spoiled(filters=[Drop(every("session.created"))]),
    )
    assert report.capabilities["greeting"] is False
    assert [each.verdict for each in report.results] == ["pass", "unsupported"]


def door(outcome: Outcome) -> Spoiled:
    """A server that answers everybody so."""

    def answer(request: Request, policy: AccessPolicy) -> Outcome:
        return outcome

    return Spoiled(door=answer)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (HttpRefusal(401, MISSING_AUTHORIZATION), "HTTP 401"),
        (InBandRefusal(MISSING_AUTHORIZATION, 3000), "refused the session"),
    ],
)
def test_a_server_that_lets_nobody_in_is_not_judged(outcome: Outcome, words: str) -> None:
    """There is no session to ask anything of."""
    with pytest.raises(ConnectFailed, match=words):
        found(door(outcome))


def test_a_server_without_keys_has_no_auth() -> None:
    """Then nothing is asked about keys."""
    assert found(door(Opened())).capabilities["auth"] is False


def test_a_budget_ends_before_it_is_exceeded() -> None:
    """What was left out says so; what is cheaper still fits."""
    dear, cheap = case_of("RT-SESS-061"), case_of("RT-ERR-001")
    probing = run().tokens
    limit = probing + dear.tokens - 1
    report = run(dear, cheap, budget=Budget(tokens=limit))
    verdicts = {each.case_id: (each.verdict, each.message) for each in report.results}
    assert 0 < probing <= PROBING_TOKENS
    assert verdicts[cheap.id] == ("pass", "")
    assert verdicts[dear.id] == ("skipped", f"the budget of {limit} tokens would be exceeded")
    assert run(dear, budget=Budget(tokens=limit + 1)).results[0].verdict == "pass"


def test_what_was_really_billed_counts() -> None:
    """A case that costs more than it declares takes from the rest."""
    dear = case_of("RT-SESS-061")
    billed = Edit(every("response.done"), set_("response.usage.total_tokens", 10_000))
    others = [case_of("RT-SESS-062"), dear]
    honest = found()
    spoiled = Spoiled(filters=[billed])
    report = run(*others, spoiled=spoiled, budget=Budget(tokens=1000), jobs=1, found=honest)
    assert sorted(each.verdict for each in report.results) == ["pass", "skipped"]
    assert report.tokens >= 10_000


def test_skipped_cases_say_why() -> None:
    """And are not asked."""
    (result,) = run(case_of("RT-ERR-001"), skip="known to differ").results
    assert (result.verdict, result.message, result.journal) == ("skipped", "known to differ", ())


def test_results_are_told_as_they_come() -> None:
    """Each once, and sorted in the report."""
    told: list[CaseResult] = []
    cases = [case_of(f"RT-ERR-{n:03d}") for n in (5, 1, 3)]
    report = run(*cases, jobs=2, on_result=told.append)
    assert sorted(each.case_id for each in told) == [each.case_id for each in report.results]


def test_a_broken_must_decides_the_exit_code_and_a_broken_should_does_not() -> None:
    """Shoulds are told, and forgiven."""
    silent = Spoiled(filters=[Drop(every("error"))])
    assert run(case_of("RT-ERR-001"), spoiled=silent).exit_code == 1
    odd = Spoiled(filters=[Edit(every("error"), set_("error.param", "other"))])
    report = run(case_of("RT-ERR-010"), spoiled=odd)
    assert [(each.verdict, each.level) for each in report.results] == [("fail", "should")]
    assert report.exit_code == 0


def test_a_broken_invariant_counts_whatever_the_case_was_about() -> None:
    """The case passes, and the result is broken all the same."""
    odd = Spoiled(filters=[Edit(every("session.updated"), set_("session.object", "other"))])
    (result,) = run(case_of("RT-SESS-002"), spoiled=odd).results
    assert result.verdict == "pass"
    assert [each.id for each in result.invariants] == ["RT-INV-021"]
    assert result.broken

"""What is asked, what is left out, and what it may cost."""

from __future__ import annotations

import re

import pytest

from realtime_raw.conformance.case import PREFIXES, Case, case
from realtime_raw.conformance.cases import all_cases, case_of
from realtime_raw.conformance.planning import PROBING_TOKENS, Budget, parse_budget, plan, session_need
from realtime_raw.conformance.probe import Probe
from realtime_raw.conformance.probing import CAPABILITIES
from realtime_raw.conformance.profiles import profile_of, profiles, read_skips
from realtime_raw.errors import LocalProtocolError


def test_there_are_enough_cases_and_each_is_complete() -> None:
    """At least 180; ids by family; every need is a capability that is probed."""
    assert len(all_cases()) >= 180
    assert {each.family for each in all_cases()} == PREFIXES.keys()
    for each in all_cases():
        for words in (each.title, each.rule, each.source, each.sends, each.expects):
            assert words, each.id
        assert each.rule.endswith("."), each.id
        assert session_need(each) <= CAPABILITIES.keys(), each.id
        assert each.timeout_s >= 1, each.id
        assert each.tokens >= 0, each.id


def test_a_must_is_not_guessed() -> None:
    """What nobody has documented or seen is no must, but for what other standards say."""
    guessed = [each for each in all_cases() if each.level == "must" and each.certainty == "inferred"]
    assert [each.id for each in guessed if "RFC" not in each.source] == []


def test_ids_are_sorted_and_fit_their_family() -> None:
    """So that a name is found at one place only."""
    ids = [each.id for each in all_cases()]
    assert ids == sorted(ids)
    with pytest.raises(ValueError, match="RT-ERR-NNN"):
        case(
            "RT-TURN-001", "x", family="errors", level="may", rule="", source="", certainty="inferred",
            sends="", expects="",
        )(_nothing)  # fmt: skip
    with pytest.raises(KeyError):
        case_of("RT-ERR-000")


async def _nothing(probe: Probe) -> None:
    """Asks nothing."""


@pytest.mark.parametrize("name", profiles())
def test_profiles_hold_together(name: str) -> None:
    """What they require is probed, what they skip is a case, and each asks something."""
    profile = profile_of(name)
    assert set(profile.requires) <= CAPABILITIES.keys()
    for case_id, reason in profile.skip.items():
        assert case_of(case_id)
        assert reason
    assert plan(profile).asked
    assert set(profile.families) <= PREFIXES.keys()


def test_a_profile_that_there_is_not() -> None:
    """Says which there are."""
    with pytest.raises(LocalProtocolError, match="openai-ga, azure-ga"):
        profile_of("openai")


def test_plans_are_narrowed_by_what_is_named() -> None:
    """By family, by level, by case; a case named is asked whatever the profile."""
    everything = profile_of("openai-ga")
    assert {each.family for each in plan(everything, families=["errors"]).asked} == {"errors"}
    assert {each.level for each in plan(everything, levels=["must"]).asked} == {"must"}
    (one,) = plan(profile_of("text-only"), cases=["RT-AIN-001"]).asked
    assert one.id == "RT-AIN-001"
    assert "RT-ERR-003" not in {case.id for case in plan(profile_of("azure-ga")).asked}
    skipped = plan(everything, skip={"RT-ERR-001": "known"}).planned
    assert [each.skip for each in skipped if each.case.id == "RT-ERR-001"] == ["known"]


def test_a_plan_for_what_there_is_not() -> None:
    """Is refused before anything is sent."""
    with pytest.raises(LocalProtocolError, match="there is no family 'smell'"):
        plan(profile_of("openai-ga"), families=["smell"])
    with pytest.raises(LocalProtocolError, match="there is no case 'RT-X-1'"):
        plan(profile_of("openai-ga"), cases=["RT-X-1"])


def test_a_plan_knows_its_cost() -> None:
    """The sum of what its cases declare."""
    cases: list[Case] = [each for each in all_cases() if each.tokens][:3]
    planned = plan(profile_of("openai-ga"), among=cases)
    assert planned.tokens == PROBING_TOKENS + sum(each.tokens for each in planned.asked)
    assert planned.seconds == pytest.approx(sum(each.seconds for each in planned.asked))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("20000", Budget(tokens=20_000)),
        ("20_000", Budget(tokens=20_000)),
        ("tokens=5, seconds=2.5", Budget(tokens=5, seconds=2.5)),
        ("dollars=0.5", Budget(dollars=0.5, price=30.0)),
    ],
)
def test_budgets_are_read(text: str, wanted: Budget) -> None:
    """In tokens, seconds and dollars."""
    assert parse_budget(text, wanted.price) == wanted


@pytest.mark.parametrize("text", ["", "lots", "euros=3", "tokens=-1", "tokens=nan", "tokens="])
def test_what_is_no_budget(text: str) -> None:
    """Says how one is written."""
    with pytest.raises(LocalProtocolError, match="write tokens=20000"):
        parse_budget(text)


def test_dollars_need_a_price() -> None:
    """None is known here."""
    with pytest.raises(LocalProtocolError, match="--price"):
        parse_budget("dollars=1")


def test_a_budget_says_which_limit_would_break() -> None:
    """In words."""
    budget = Budget(tokens=100, seconds=10, dollars=0.001, price=20.0)
    assert budget.exceeded_by(50, 5) == ""
    assert budget.exceeded_by(101, 5) == "the budget of 100 tokens"
    assert budget.exceeded_by(50, 11) == "the budget of 10 s"
    assert budget.exceeded_by(60, 5) == "the budget of $0.001"
    assert Budget().exceeded_by(10**9, 10**9) == ""


def test_skip_lists_are_data() -> None:
    """An id and a reason a line, comments aside."""
    text = "# known\nRT-TURN-012 not ours\n\nRT-ERR-001: later  # maybe\n"
    assert read_skips(text) == {"RT-TURN-012": "not ours", "RT-ERR-001": "later"}
    for bad in ("RT-TURN-012", "TURN-012 reason", "nonsense"):
        with pytest.raises(LocalProtocolError, match=re.escape("line 1 of the skip list")):
            read_skips(bad)

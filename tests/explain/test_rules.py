"""Each rule has a session that triggers it and one, as near as can be, that must not."""

from __future__ import annotations

import pytest

from realtime_raw.explain import RULES
from tests.explain.case import Case
from tests.explain.cases import asking, commands, listening, replies, session, sound
from tests.explain.scenes import findings

CASES: list[Case] = [*session.case, *commands.case, *asking.case, *replies.case, *sound.case, *listening.case]
NAMES = [f"{number}-{one.rule}" for number, one in enumerate(CASES)]


def test_every_rule_has_a_case() -> None:
    """At least one session that triggers it, and one that must not."""
    assert {one.rule for one in CASES} == {rule.id for rule in RULES}
    assert len(RULES) >= 24


def test_every_rule_was_seen_at_its_worst() -> None:
    """The severity in the table is one the rule really has."""
    assert {(rule.id, rule.severity) for rule in RULES} <= {(one.rule, one.severity) for one in CASES}


@pytest.mark.parametrize("one", CASES, ids=NAMES)
def test_the_rule_speaks(one: Case) -> None:
    found = findings(one.scene())
    assert one.rule in found, f"found only {sorted(found)}"
    finding = found[one.rule]
    assert finding.severity == one.severity
    assert any(words in str(finding) for words in one.says.split("|")), finding
    if one.proof is None:
        assert finding.evidence == ()
    else:
        assert one.proof in [proof.type for proof in finding.evidence], finding


@pytest.mark.parametrize("one", CASES, ids=NAMES)
def test_the_rule_holds_its_tongue(one: Case) -> None:
    found = findings(one.near())
    assert one.rule not in found, found[one.rule]

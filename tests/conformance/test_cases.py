"""Every case passes on the honest server; every mutant is caught by the case that claims its rule."""

from __future__ import annotations

import pytest

from realtime_raw.conformance.case import Case
from realtime_raw.conformance.cases import all_cases, case_of
from tests.conformance.harness import Mutant, again, honest, judged
from tests.conformance.mutants.registry import all_mutants


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_the_honest_server_passes(case: Case) -> None:
    """No case asks more than the loopback server does, and the journal alone says the same."""
    judged = honest(case)
    for result in (judged.result, again(case, judged.tape)):
        assert (result.verdict, result.message, result.invariants) == ("pass", "", ())


@pytest.mark.parametrize("mutant", all_mutants(), ids=lambda each: f"{each.case_id} {each.about}")
def test_the_mutant_is_caught(mutant: Mutant) -> None:
    """By the case that claims the rule it breaks, with a message; the journal alone says the same."""
    case = case_of(mutant.case_id)
    found = judged(case, mutant)
    assert (found.result.case_id, found.result.verdict) == (mutant.case_id, "fail"), found.result.message
    assert found.result.rule == case.rule
    assert found.result.message
    replayed = again(case, found.tape)
    assert (replayed.verdict, replayed.message) == ("fail", found.result.message)


def test_no_case_without_a_mutant() -> None:
    """A case that nothing can fail says nothing."""
    assert {case.id for case in all_cases()} == {mutant.case_id for mutant in all_mutants()}

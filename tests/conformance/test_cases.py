"""Every case passes on the honest server; every mutant is caught by the case that claims its rule."""

from __future__ import annotations

import pytest

from realtime_raw.conformance.case import Case
from realtime_raw.conformance.cases import all_cases, case_of
from tests.conformance.harness import Mutant, judged
from tests.conformance.mutants.registry import all_mutants


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_the_honest_server_passes(case: Case) -> None:
    """No case asks more than the loopback server does."""
    result = judged(case).result
    assert (result.verdict, result.message, result.invariants) == ("pass", "", ())


@pytest.mark.parametrize("mutant", all_mutants(), ids=lambda each: f"{each.case_id} {each.about}")
def test_the_mutant_is_caught(mutant: Mutant) -> None:
    """By the case that claims the rule it breaks, with a message."""
    result = judged(case_of(mutant.case_id), mutant).result
    assert (result.case_id, result.verdict) == (mutant.case_id, "fail"), result.message
    assert result.message


def test_no_case_without_a_mutant() -> None:
    """A case that nothing can fail says nothing."""
    assert {case.id for case in all_cases()} == {mutant.case_id for mutant in all_mutants()}

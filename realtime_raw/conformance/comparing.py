"""Two reports side by side: what has become worse, what has become better."""

from __future__ import annotations

from dataclasses import dataclass

from .report import CaseResult, Report

__all__ = ["Change", "Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class Change:
    """One case that has another verdict than before."""

    case_id: str
    title: str
    before: str
    after: str
    message: str = ""

    def __str__(self) -> str:
        tail = f": {self.message}" if self.message else ""
        return f"{self.case_id} {self.title}: {self.before} -> {self.after}{tail}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs. A regression is a case that passed, or a capability that was there, and no more."""

    regressions: tuple[Change, ...] = ()
    progress: tuple[Change, ...] = ()
    others: tuple[Change, ...] = ()
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def compare(before: Report, after: Report) -> Comparison:
    """What has changed from one report to a later one, by case; what was not asked counts as neither."""
    old = {each.case_id: each for each in before.results}
    new = {each.case_id: each for each in after.results}
    worse, better, others = [], [], []
    for case_id in sorted(old.keys() & new.keys()):
        was, now = verdict_of(old[case_id]), verdict_of(new[case_id])
        if was == now:
            continue
        change = Change(case_id, new[case_id].title, was, now, new[case_id].message)
        if was == "pass" and now in ("fail", "unsupported", "error"):
            worse.append(change)
        elif now == "pass" and was in ("fail", "unsupported", "error"):
            better.append(change)
        else:
            others.append(change)
    return Comparison(
        tuple(worse),
        tuple(better),
        tuple(others),
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(old.keys() - new.keys())),
    )


def verdict_of(result: CaseResult) -> str:
    """The verdict, counting a broken invariant as a failure."""
    return "fail" if result.broken else result.verdict

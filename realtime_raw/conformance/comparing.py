"""Two reports side by side: what has become worse, what has become better."""

from __future__ import annotations

from dataclasses import dataclass

from .report import CaseResult, Report
from .sessions import session_rules

__all__ = ["Change", "Comparison", "compare"]

_WRONG = ("fail", "unsupported", "error")


@dataclass(frozen=True, slots=True)
class Change:
    """One case, or one rule of every session, that has another verdict than before."""

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
    """What has changed from one report to a later one: by case, and by rule of every session.

    What was not asked, or not obeyed by the model, counts as neither worse nor better.
    """
    old = {each.case_id: each for each in before.results}
    new = {each.case_id: each for each in after.results}
    changes = [_change(old[case_id], new[case_id]) for case_id in sorted(old.keys() & new.keys())]
    changes += _rules(before, after)
    moved = [each for each in changes if each.before != each.after]
    worse = [each for each in moved if each.before == "pass" and each.after in _WRONG]
    better = [each for each in moved if each.after == "pass" and each.before in _WRONG]
    return Comparison(
        tuple(worse),
        tuple(better),
        tuple(each for each in moved if each not in worse and each not in better),
        tuple(sorted(new.keys() - old.keys())),
        tuple(sorted(old.keys() - new.keys())),
    )


def _change(before: CaseResult, after: CaseResult) -> Change:
    return Change(after.case_id, after.title, before.verdict, after.verdict, after.message)


def _rules(before: Report, after: Report) -> list[Change]:
    """One for each rule of every session that was broken in either."""
    old = {each.id: each for each in session_rules(before.results)}
    new = {each.id: each for each in session_rules(after.results)}
    return [
        Change(
            rule,
            (new.get(rule) or old[rule]).rule,
            "fail" if rule in old else "pass",
            "fail" if rule in new else "pass",
            new[rule].breach.message if rule in new else "",
        )
        for rule in sorted(old.keys() | new.keys())
    ]

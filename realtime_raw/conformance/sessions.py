"""Rules of every session that were broken, each once: however many break one, it is one thing to fix."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from .invariants import INVARIANTS
from .report import CaseResult, InvariantBreach

__all__ = ["SessionRule", "session_rules"]

# Ids differ in every session, and so do numbers; what is left of a message is what happened.
_PARTICULAR = re.compile(r"'[^']*'|\b[a-z]+_[\w-]+|\d+")


@dataclass(frozen=True, slots=True)
class SessionRule:
    """One invariant that was broken: in which sessions, and the breach that shows best what happens."""

    id: str
    rule: str
    source: str
    results: tuple[CaseResult, ...]
    example: CaseResult
    breach: InvariantBreach

    @property
    def times(self) -> str:
        """In how many sessions, in words."""
        return f"{len(self.results)} session{'' if len(self.results) == 1 else 's'}"


def session_rules(results: Iterable[CaseResult]) -> list[SessionRule]:
    """What every session should keep and some did not, most often broken first."""
    found: dict[str, list[CaseResult]] = {}
    for result in results:
        for rule in dict.fromkeys(each.id for each in result.invariants):
            found.setdefault(rule, []).append(result)
    ordered = sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))
    return [_rule(rule, mine) for rule, mine in ordered]


def _rule(rule: str, results: list[CaseResult]) -> SessionRule:
    pairs = [(result, each) for result in results for each in result.invariants if each.id == rule]
    common = Counter(_kind(breach) for _, breach in pairs).most_common(1)[0][0]
    example, breach = min(
        (pair for pair in pairs if _kind(pair[1]) == common), key=lambda pair: len(pair[0].journal)
    )
    known = next((each for each in INVARIANTS if each.id == rule), None)
    return SessionRule(
        rule,
        known.rule if known is not None else "",
        known.source if known is not None else "",
        tuple(results),
        example,
        breach,
    )


def _kind(breach: InvariantBreach) -> str:
    return _PARTICULAR.sub("", breach.message)

"""What a run will ask, what it leaves out and why, and what it may cost: decided before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import LocalProtocolError
from .case import Case
from .cases import all_cases
from .profiles import Profile

__all__ = ["PROBING_TOKENS", "Budget", "Plan", "Planned", "parse_budget", "plan", "session_need"]

PROBING_TOKENS = 400
"""What finding out what a server can do costs, about: two short answers, one of them spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may cost; None is no limit. `price` is dollars per million tokens, the user's own figure."""

    tokens: int | None = None
    seconds: float | None = None
    dollars: float | None = None
    price: float | None = None

    def __post_init__(self) -> None:
        if self.dollars is not None and self.price is None:
            raise LocalProtocolError(
                "a budget in dollars needs a price: none is known here",
                hint="give --price DOLLARS, per million tokens, or a budget in tokens",
            )

    def exceeded_by(self, tokens: int, seconds: float) -> str:
        """Which limit so many tokens and seconds would break, in words; empty if none."""
        if self.tokens is not None and tokens > self.tokens:
            return f"the budget of {self.tokens:,} tokens"
        if self.seconds is not None and seconds > self.seconds:
            return f"the budget of {self.seconds:g} s"
        if self.dollars is not None and self.dollars_of(tokens) > self.dollars:
            return f"the budget of ${self.dollars:g}"
        return ""

    def dollars_of(self, tokens: int) -> float:
        """What so many tokens cost; 0 without a price."""
        return tokens * (self.price or 0.0) / 1e6


def parse_budget(text: str, price: float | None = None) -> Budget:
    """A budget from `20000`, `tokens=20000`, `seconds=120` or `dollars=0.5`, joined by commas.

    Raises `LocalProtocolError` for anything else.
    """
    found: dict[str, float] = {}
    for part in text.replace("_", "").split(","):
        name, equals, value = part.strip().rpartition("=")
        name = name.strip() if equals else "tokens"
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if name not in ("tokens", "seconds", "dollars") or not 0 <= number < 1e12:
            raise LocalProtocolError(
                f"{part.strip()!r} is no budget", hint="write tokens=20000, seconds=120 or dollars=0.5"
            )
        found[name] = number
    tokens = found.get("tokens")
    return Budget(
        tokens=None if tokens is None else int(tokens),
        seconds=found.get("seconds"),
        dollars=found.get("dollars"),
        price=price,
    )


@dataclass(frozen=True, slots=True)
class Planned:
    """A case, and why it is left out; empty if it is asked."""

    case: Case
    skip: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run asks, in order."""

    planned: tuple[Planned, ...] = field(default=())

    @property
    def asked(self) -> list[Case]:
        """The cases that are asked."""
        return [each.case for each in self.planned if not each.skip]

    @property
    def tokens(self) -> int:
        """What they are expected to cost in tokens, the probing before them included."""
        return PROBING_TOKENS + sum(case.tokens for case in self.asked)

    @property
    def seconds(self) -> float:
        """What they are expected to take, one after another."""
        return sum(case.seconds for case in self.asked)


def plan(
    profile: Profile,
    *,
    families: Collection[str] = (),
    cases: Collection[str] = (),
    levels: Collection[str] = (),
    skip: Mapping[str, str] | None = None,
    among: Iterable[Case] | None = None,
) -> Plan:
    """The cases of a profile, narrowed by what is named. A case named by its id is asked in any profile.

    Raises `LocalProtocolError` for a family or case that there is not.
    """
    known = list(all_cases() if among is None else among)
    _check(cases, {case.id for case in known}, "case")
    _check(families, {case.family for case in known}, "family")
    reasons = {**profile.skip, **(skip or {})}
    planned = []
    for case in known:
        wanted = case.id in cases if cases else profile.asks(case)
        if not wanted or (families and case.family not in families) or (levels and case.level not in levels):
            continue
        planned.append(Planned(case, "" if cases else reasons.get(case.id, "")))
    return Plan(tuple(planned))


def session_need(case: Case) -> frozenset[str]:
    """What a case needs, the kind of its session included."""
    kind = {f"{case.kind}_session"} if case.kind in ("transcription", "translation") else set()
    return case.needs | kind


def _check(named: Collection[str], known: Collection[str], what: str) -> None:
    for name in named:
        if name not in known:
            raise LocalProtocolError(
                f"there is no {what} {name!r}",
                hint=f"there are {len(known)}: {', '.join(sorted(known)[:20])}…",
            )

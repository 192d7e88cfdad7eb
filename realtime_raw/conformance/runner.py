"""Running a plan against a caller: several connections side by side, within a budget."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .. import __version__
from .case import Case
from .judging import Judged, judge
from .lines import Caller, Tape
from .planning import Budget, Plan, Planned, session_need
from .probing import Found, probe_capabilities
from .profiles import Profile
from .report import CaseResult, Report, Verdict
from .schemas import Bundle

__all__ = ["Outcome", "run_plan", "tokens_of", "unasked"]


@dataclass(slots=True)
class Outcome:
    """A run's report, and the tape of everything it asked, by the case's id."""

    report: Report
    tapes: dict[str, Tape] = field(repr=False, default_factory=dict)


class _Purse:
    """What has been spent, and what is promised to cases that are running."""

    def __init__(self, budget: Budget, spent: int) -> None:
        self._budget = budget
        self._started = time.monotonic()
        self.tokens = spent

    def reserve(self, case: Case) -> str:
        """Promise a case what it declares; returns the limit it would break, in words."""
        elapsed = time.monotonic() - self._started
        broken = self._budget.exceeded_by(self.tokens + case.tokens, elapsed + case.seconds)
        if not broken:
            self.tokens += case.tokens
        return broken

    def settle(self, case: Case, used: int) -> None:
        """It has used so many: never counted as less than was promised."""
        self.tokens += max(0, used - case.tokens)


async def run_plan(
    caller: Caller,
    plan: Plan,
    *,
    profile: Profile,
    endpoint: str = "",
    model: str = "",
    jobs: int = 4,
    budget: Budget | None = None,
    bundle: Bundle | None = None,
    found: Found | None = None,
    on_result: Callable[[CaseResult], None] = lambda result: None,
) -> Outcome:
    """Probe what there is (unless `found` says it), then ask every case of the plan, `jobs` at a time.

    `on_result` is called as each case ends. Raises `ConnectFailed` where no
    conversation can be opened. Cancelling it closes every connection.
    """
    started, begun = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    found = found or await probe_capabilities(caller)
    spent = sum(tokens_of(tape) for tape in found.tapes.values())
    outcome = _Run(caller, found, _Purse(budget or Budget(), spent), bundle, on_result, spent)
    waiting = list(reversed(plan.planned))
    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, jobs)):
            group.create_task(outcome.work(waiting))
    lacking = tuple(each for each in profile.requires if not found.capabilities.get(each))
    report = Report(
        endpoint=endpoint,
        profile=profile.name,
        version=__version__,
        started=started,
        model=model,
        seconds=round(time.monotonic() - begun, 3),
        capabilities=found.capabilities,
        results=tuple(sorted(outcome.results, key=lambda each: each.case_id)),
        probing=found.evidence,
        lacking=lacking,
        tokens=outcome.used,
    )
    return Outcome(report, {**found.tapes, **outcome.tapes})


class _Run:
    """The state of one run."""

    def __init__(
        self,
        caller: Caller,
        found: Found,
        purse: _Purse,
        bundle: Bundle | None,
        on_result: Callable[[CaseResult], None],
        spent: int,
    ) -> None:
        self._caller = caller
        self._found = found
        self._purse = purse
        self._bundle = bundle
        self._on_result = on_result
        self.results: list[CaseResult] = []
        self.tapes: dict[str, Tape] = {}
        self.used = spent

    async def work(self, waiting: list[Planned]) -> None:
        """One worker: the next case, until there is none."""
        while waiting:
            planned = waiting.pop()
            result = await self._ask(planned)
            self.results.append(result)
            self._on_result(result)

    async def _ask(self, planned: Planned) -> CaseResult:
        case = planned.case
        if planned.skip:
            return unasked(case, "skipped", planned.skip)
        absent = sorted(each for each in session_need(case) if not self._found.capabilities.get(each, False))
        if absent:
            return unasked(case, "unsupported", f"the server has no {', '.join(absent)}")
        broken = self._purse.reserve(case)
        if broken:
            return unasked(case, "skipped", f"{broken} would be exceeded")
        judged = await self._judge(case)
        self.tapes[case.id] = judged.tape
        used = tokens_of(judged.tape)
        self.used += used
        self._purse.settle(case, used)
        return judged.result

    async def _judge(self, case: Case) -> Judged:
        greeted = self._found.capabilities.get("greeting", True)
        return await judge(case, self._caller, greeted=greeted, bundle=self._bundle)


def unasked(case: Case, verdict: Verdict, message: str) -> CaseResult:
    """The result of a case that nothing was sent for."""
    return CaseResult(
        case_id=case.id,
        verdict=verdict,
        title=case.title,
        family=case.family,
        level=case.level,
        certainty=case.certainty,
        message=message,
        rule=case.rule,
        source=case.source,
        sends=case.sends,
        expects=case.expects,
    )


def tokens_of(tape: Tape) -> int:
    """What the responses in a journal were billed for."""
    return sum(_billed(line.m) for line in tape.lines if line.d == "in")


def _billed(event: Any) -> int:
    try:
        total = event["response"]["usage"]["total_tokens"] if event["type"] == "response.done" else 0
    except (KeyError, TypeError):
        return 0
    return total if isinstance(total, int) else 0

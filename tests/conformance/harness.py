"""Mutants: simulated servers broken in one way, and judging a case against one, in simulated time.

    mutant("RT-TURN-012", "the committed item is an assistant's",
           Edit(every("conversation.item.added"), set_("item.role", "assistant")))

A mutant is an honest server but for that. It is made of filters on what the
server says (`loopback.fault_filters`), named faults, switches of `Behaviour`, an
`intercept` hook, another `session` class, or another `door` (handshake).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from realtime_raw.conformance.case import Case
from realtime_raw.conformance.judging import Judged, judge
from realtime_raw.conformance.lines import Tape
from realtime_raw.conformance.replaying import ReplayCaller
from realtime_raw.conformance.report import CaseResult
from realtime_raw.conformance.simulated import SimulatedCaller, Spoiled
from realtime_raw.loopback.behaviour import Behaviour
from realtime_raw.loopback.exchange import Interceptor
from realtime_raw.loopback.fault_filters import Filter, Trigger
from realtime_raw.loopback.faults import behaviour_with, parse_fault
from realtime_raw.loopback.handshake import AccessPolicy, Outcome, Request
from realtime_raw.loopback.scenario import Brain

Event = dict[str, Any]
EditOf = Callable[[Event], Event]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken server, and the case that must catch it."""

    case_id: str
    about: str
    spoiled: Spoiled


def mutant(
    case_id: str,
    about: str,
    *filters: Filter,
    faults: Sequence[str] = (),
    behaviour: dict[str, Any] | None = None,
    intercept: Interceptor | None = None,
    session: Callable[..., Any] | None = None,
    scenario: Callable[[], Brain] | None = None,
    door: Callable[[Request, AccessPolicy], Outcome] | None = None,
    subprotocol: Callable[[Sequence[str]], str] | None = None,
) -> Mutant:
    """A mutant for one case. `about` says what is broken, in a sentence without a full stop."""
    named = [parse_fault(each) for each in faults]
    switched = behaviour_with(named, replace(Behaviour(), **(behaviour or {})))
    return Mutant(
        case_id,
        about,
        Spoiled(
            filters=filters,
            faults=named,
            behaviour=switched,
            intercept=intercept,
            session=session,
            scenario=scenario,
            door=door,
            subprotocol=subprotocol,
        ),
    )


def every(event: str, nth: int = 1, count: int | None = None) -> Trigger:
    """Strikes at every event of that type (`*` allowed), from the `nth` on."""
    return Trigger(event, nth=nth, count=count)


def set_(path: str, value: Any) -> EditOf:
    """An edit that sets what lies at `path` (`item.content[0].text`), where there is such a place."""

    def edit(event: Event) -> Event:
        owner, last = _owner(event, path)
        if isinstance(owner, dict) or (
            isinstance(owner, list) and isinstance(last, int) and last < len(owner)
        ):
            owner[last] = value
        return event

    return edit


def change(path: str, function: Callable[[Any], Any]) -> EditOf:
    """An edit that puts `function` of what lies at `path` in its place, where there is something."""

    def edit(event: Event) -> Event:
        owner, last = _owner(event, path)
        with contextlib.suppress(KeyError, IndexError, TypeError):
            owner[last] = function(owner[last])
        return event

    return edit


def drop(path: str) -> EditOf:
    """An edit that takes away what lies at `path`."""

    def edit(event: Event) -> Event:
        owner, last = _owner(event, path)
        if isinstance(owner, dict):
            owner.pop(last, None)
        elif isinstance(owner, list) and isinstance(last, int) and last < len(owner):
            del owner[last]
        return event

    return edit


def _owner(event: Event, path: str) -> tuple[Any, Any]:
    """The object or list that holds the last step of `path`, and that step."""
    steps: list[str | int] = [
        int(number) if number else name for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)
    ]
    node: Any = event
    for step in steps[:-1]:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return None, steps[-1]
    return node, steps[-1]


@cache
def honest(case: Case) -> Judged:
    """The case against the honest simulated server, asked once for all tests."""
    return judged(case)


def judged(case: Case, mutant: Mutant | None = None) -> Judged:
    """The case against the honest simulated server, or a mutant."""
    spoiled = mutant.spoiled if mutant is not None else Spoiled()
    scenario = case.scenario() if case.scenario is not None else None
    return asyncio.run(judge(case, SimulatedCaller(spoiled, scenario=scenario)))


def again(case: Case, tape: Tape) -> CaseResult:
    """The case judged by a journal alone."""
    return asyncio.run(judge(case, ReplayCaller(tape.lines), attempts=1)).result

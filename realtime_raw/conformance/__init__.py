"""The conformance suite: what a server that claims the Realtime protocol does, and what it does not.

A `Case` asks one rule of a server over a `Probe`; `run` asks many of them of
an endpoint, and a `Report` says, with evidence, how that went. Each name is
loaded on first use. Nothing here shares code with the client's core.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .case import Case, NotComplied, Unsupported, Violation
    from .cases import all_cases
    from .comparing import Comparison, compare
    from .invariants import INVARIANTS, Invariants, check_journal
    from .planning import Budget
    from .probe import Probe
    from .profiles import Profile
    from .report import CaseResult, InvariantBreach, Report
    from .suite import load_report, replay, run

__all__ = [
    "INVARIANTS",
    "Budget",
    "Case",
    "CaseResult",
    "Comparison",
    "InvariantBreach",
    "Invariants",
    "NotComplied",
    "Probe",
    "Profile",
    "Report",
    "Unsupported",
    "Violation",
    "all_cases",
    "check_journal",
    "compare",
    "load_report",
    "replay",
    "run",
]

_HOMES = {
    "Budget": "planning",
    "Case": "case",
    "CaseResult": "report",
    "Comparison": "comparing",
    "INVARIANTS": "invariants",
    "InvariantBreach": "report",
    "Invariants": "invariants",
    "NotComplied": "case",
    "Probe": "probe",
    "Profile": "profiles",
    "Report": "report",
    "Unsupported": "case",
    "Violation": "case",
    "all_cases": "cases",
    "check_journal": "invariants",
    "compare": "comparing",
    "load_report": "suite",
    "replay": "suite",
    "run": "suite",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

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
    from .probe import Probe
    from .report import CaseResult, InvariantBreach, Report

__all__ = [
    "Case",
    "CaseResult",
    "InvariantBreach",
    "NotComplied",
    "Probe",
    "Report",
    "Unsupported",
    "Violation",
    "all_cases",
]

_HOMES = {
    "Case": "case",
    "CaseResult": "report",
    "InvariantBreach": "report",
    "NotComplied": "case",
    "Probe": "probe",
    "Report": "report",
    "Unsupported": "case",
    "Violation": "case",
    "all_cases": "cases",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

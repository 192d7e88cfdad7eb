"""What a run found: a `CaseResult` per case, a `Report` of the whole. JSON is how it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias, get_args

__all__ = [
    "BROKEN",
    "FORMAT",
    "OVERHEARD",
    "REGRESSED",
    "SUITE_FAILED",
    "VERDICTS",
    "CaseResult",
    "InvariantBreach",
    "Report",
    "Verdict",
]

FORMAT = 1

OVERHEARD = "proxy"
"""The profile of a proxy's report."""

# Exit codes, beside those that every command has.
BROKEN = 1
REGRESSED = 7
SUITE_FAILED = 8

Verdict: TypeAlias = Literal["pass", "fail", "unsupported", "not_complied", "stale", "skipped", "error"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvariantBreach:
    """One place where a journal breaks a rule that every journal must keep."""

    id: str
    message: str
    line: int
    path: str = ""
    side: Literal["server", "client"] = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """How one case went. `offending` is a line number (`n`) of `journal`: `{"n", "t", "d", "m"}` each."""

    case_id: str
    verdict: Verdict
    title: str = ""
    family: str = ""
    level: str = "must"
    certainty: str = ""
    message: str = ""
    rule: str = ""
    source: str = ""
    sends: str = ""
    expects: str = ""
    path: str = ""
    offending: int | None = None
    journal: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    seconds: float = 0.0
    retried: bool = False
    invariants: tuple[InvariantBreach, ...] = ()

    @property
    def broken(self) -> bool:
        """Whether it shows a fault of the server: its own rule broken, or an invariant."""
        return self.verdict == "fail" or (self.verdict == "pass" and bool(self.invariants))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run against one endpoint.

    `probing` is the evidence for `capabilities`; `lacking` are those the profile
    requires and the server does not have. `tokens` is what its responses were billed for.
    """

    endpoint: str
    profile: str
    version: str
    started: str
    model: str = ""
    seconds: float = 0.0
    capabilities: Mapping[str, bool] = field(default_factory=dict)
    results: tuple[CaseResult, ...] = ()
    probing: tuple[CaseResult, ...] = ()
    lacking: tuple[str, ...] = ()
    tokens: int = 0

    @property
    def overheard(self) -> bool:
        """Whether it is a proxy's: of sessions that passed, rather than of cases that were asked."""
        return self.profile == OVERHEARD

    @property
    def failures(self) -> list[CaseResult]:
        """What shows a fault of the server, the musts first."""
        order = {"must": 0, "should": 1, "may": 2}
        return sorted((each for each in self.results if each.broken), key=lambda each: order[each.level])

    @property
    def exit_code(self) -> int:
        """0 if every must that was asked was kept; 1 if one was broken, or something required is lacking.

        8 if nothing is wrong but that the suite itself failed in a case, or nothing could be judged.
        """
        if self.lacking or any(each.broken and each.level == "must" for each in self.results):
            return BROKEN
        verdicts = {each.verdict for each in self.results}
        return SUITE_FAILED if "error" in verdicts or not verdicts & {"pass", "fail"} else 0

    def counts(self, results: Iterable[CaseResult] | None = None) -> dict[str, int]:
        """How many results there are of each verdict."""
        found: dict[str, int] = dict.fromkeys(VERDICTS, 0)
        for result in self.results if results is None else results:
            found[result.verdict] += 1
        return found

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """The report that `to_dict` wrote. Raises `ValueError` for another format."""
        if data.get("format") != FORMAT:
            raise ValueError(f"this is no conformance report of format {FORMAT}")
        fields = {name: value for name, value in data.items() if name != "format"}
        fields["results"] = tuple(_result(each) for each in fields["results"])
        fields["probing"] = tuple(_result(each) for each in fields["probing"])
        fields["lacking"] = tuple(fields["lacking"])
        return cls(**fields)


def _result(data: Mapping[str, Any]) -> CaseResult:
    breaches = tuple(InvariantBreach(**each) for each in data["invariants"])
    return CaseResult(**{**data, "journal": tuple(data["journal"]), "invariants": breaches})

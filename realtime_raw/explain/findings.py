"""What a diagnosis is made of: rules, what they found, and the messages that prove it.

Here are only shapes and their words for people and machines; what is wrong
with a session, the rules themselves know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..protocol.trace import Direction, Form, TraceLine
from ..text import safe

if TYPE_CHECKING:
    from .view import View

__all__ = ["SEVERITIES", "Evidence", "Finding", "Found", "Rule", "Severity", "brief"]

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

_FORMS: Mapping[Form, str] = {"known": "", "renamed": "as", "unknown": "unknown", "invalid": "invalid"}

# Enough to see a pattern; a finding is read by a person.
_MAX_EVIDENCE = 6


def brief(text: object, length: int = 200) -> str:
    """Words of a server, fit to print and not too many of them."""
    words = safe(str(text))
    return words if len(words) <= length else f"{words[:length]}..."


@dataclass(frozen=True, slots=True)
class Evidence:
    """One message, or a run of messages of one kind, as it passed.

    `at` is in seconds since the connection came up, `until` the end of a run
    of `count` messages. `direction` is `in`, `out`, or `note` for what no
    message states, such as a command that timed out. `about` and `detail` say
    what matters of it: a status, an error's code and words. All text is safe
    to print.
    """

    at: float
    direction: Direction
    type: str
    event_id: str | None = None
    item_id: str | None = None
    response_id: str | None = None
    about: str = ""
    detail: str = ""
    count: int = 1
    until: float | None = None

    @classmethod
    def of(cls, line: TraceLine, started: float) -> Evidence:
        """A line of the trace, on the connection's own clock."""
        return cls(
            at=line.at - started,
            direction=line.direction,
            type=brief(line.type),
            event_id=brief(line.event_id) if line.event_id else None,
            item_id=brief(line.item_id) if line.item_id else None,
            response_id=brief(line.response_id) if line.response_id else None,
            about=brief(" ".join(word for word in (_FORMS[line.form], line.about, line.code) if word)),
            detail=brief(line.detail),
            count=line.count,
            until=line.last_at - started if line.count > 1 else None,
        )

    def __str__(self) -> str:
        until = f"-{self.until:.3f}" if self.until is not None else ""
        times = f" x{self.count}" if self.count > 1 else ""
        ids = (self.event_id, self.item_id, self.response_id)
        words = (self.type + times, f"({self.about})" if self.about else "", *ids)
        return f"{self.at:.3f}{until} {self.direction} {' '.join(word for word in words if word)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data: what is known, times in seconds rounded to milliseconds."""
        found: dict[str, Any] = {name: getattr(self, name) for name in Evidence.__slots__}
        found["at"] = round(self.at, 3)
        found["until"] = None if self.until is None else round(self.until, 3)
        return {name: value for name, value in found.items() if value not in (None, "")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer to "why?": what is so, what proves it, and what to do.

    `error`: something failed or was refused, and stands in the way. `warning`:
    the session waits for you, or a setting or the sound is likely not what you
    meant. `note`: as it should be, yet perhaps the answer; also what went
    wrong before, if a reply has completed since.
    """

    rule: str
    severity: Severity
    says: str
    evidence: tuple[Evidence, ...]
    remedy: str

    def __str__(self) -> str:
        head = f"{self.severity}: {self.says} -> {self.remedy} [{self.rule}]"
        proof = "; ".join(map(str, self.evidence))
        return f"{head}\n    {proof}" if proof else head

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "says": self.says,
            "evidence": [one.to_dict() for one in self.evidence],
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule's check saw: words, and the lines that prove them.

    `severity` and `remedy` stand in for the rule's own, where the case is
    milder or there is something more fitting to do.
    """

    says: str
    lines: Sequence[TraceLine | None] = ()
    severity: Severity | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong. `severity` is its worst.

    `means`, `proof` and `remedy` are the row it has in the documentation.
    """

    id: str
    severity: Severity
    means: str
    proof: str
    remedy: str
    check: Callable[[View], Found | None]

    def finding(self, view: View) -> Finding | None:
        """What this rule has to say of a session, if anything."""
        found = self.check(view)
        if found is None:
            return None
        lines = {line.serial: line for line in found.lines if line is not None}
        evidence = tuple(Evidence.of(lines[serial], view.started) for serial in sorted(lines))
        return Finding(
            self.id,
            found.severity or self.severity,
            found.says,
            evidence[-_MAX_EVIDENCE:],
            found.remedy or self.remedy,
        )

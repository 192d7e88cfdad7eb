"""The cases as HTML: what to fix, with its evidence, and everything else by family.

A rule that every session must keep is told once, with the first session that
breaks it, however many there are: one thing to fix is one card.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from .case import FAMILIES
from .html_exchange import exchange, plain, rows_of
from .report import CaseResult, InvariantBreach, Report
from .sessions import SessionRule, session_rules
from .terminal import source_of

__all__ = ["LEVELS", "STATUSES", "TO_FIX", "by_family", "cases", "spoken", "status"]

LEVELS: Final = ("must", "should", "may")
STATUSES: Final[Mapping[str, str]] = {
    "fail": "failed",
    "broken": "passed in a broken session",
    "error": "suite error",
    "not_complied": "model did not comply",
    "stale": "stale",
    "unsupported": "unsupported",
    "skipped": "skipped",
    "pass": "passed",
}
"""Status -> what it is called. "broken" is a case that passed in a session that broke an invariant."""

TO_FIX: Final = ("fail", "error")
# Cases a rule of every session names before it only counts them.
_NAMED = 40


def status(result: CaseResult) -> str:
    """The verdict, but "broken" for a pass whose journal breaks an invariant."""
    return "broken" if result.verdict == "pass" and result.broken else result.verdict


def spoken(family: str) -> str:
    """A family's name for people, as HTML."""
    return plain(family.replace("_", " "))


def by_family(results: Iterable[CaseResult]) -> dict[str, list[CaseResult]]:
    """Results by family, in the order families are told."""
    found: dict[str, list[CaseResult]] = {family: [] for family in FAMILIES}
    for each in results:
        found.setdefault(each.family, []).append(each)
    return {family: mine for family, mine in found.items() if mine}


def cases(report: Report) -> str:
    """Every case as something to open, worst first; before them the rules that whole sessions break."""

    def weight(result: CaseResult) -> tuple[int, str]:
        return LEVELS.index(result.level) if result.level in LEVELS else len(LEVELS), result.case_id

    marked = sorted((each for each in report.results if status(each) in TO_FIX), key=weight)
    others = [each for each in report.results if status(each) not in TO_FIX]
    parts = []
    sessions = session_rules(report.results)
    if sessions:
        cards = "".join(_session_rule(each, first=not at) for at, each in enumerate(sessions))
        title = "What to fix" if report.overheard else "In every session"
        intro = "Rules that every session must keep, whatever a case is about. Each is one thing to fix."
        parts.append(f'<section id="sessions"><h2>{title}</h2><p class="soft">{intro}</p>{cards}</section>')
    if marked:
        cards = "".join(
            _case(each, report.endpoint, first=not at and not sessions) for at, each in enumerate(marked)
        )
        title = "Sessions that break a rule" if report.overheard else "What to fix"
        parts.append(f'<section class="group" id="failures"><h2>{title}</h2>{cards}</section>')
    if others:
        title = "Everything else" if marked else "All cases"
        parts.append(f'<section class="group"><h2>{title}</h2>')
        for family, mine in by_family(others).items():
            cards = "".join(_case(each, report.endpoint) for each in mine)
            name = plain(family)
            parts.append(f'<div class="group" id="family-{name}"><h3>{spoken(family)}</h3>{cards}</div>')
        parts.append("</section>")
    return "".join(parts)


def _session_rule(broken: SessionRule, *, first: bool) -> str:
    breach, example = broken.breach, broken.example
    links = [
        f'<a class="id" href="#{plain(each.case_id)}">{plain(each.case_id)}</a>' for each in broken.results
    ]
    more = f" and {len(links) - _NAMED} more" if len(links) > _NAMED else ""
    where = f", at <code>{plain(breach.path)}</code>" if breach.path else ""
    rows = {
        "Broken by": f"the {breach.side}",
        "Source": _prose(broken.source),
        "Shown by": f"{plain(example.case_id)}, line {breach.line}{where}",
        "Broken in": ", ".join(links[:_NAMED]) + more,
    }
    facts = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items() if value)
    return (
        f'<details class="case rule failed" id="{plain(broken.id)}"{" open" if first else ""}>'
        f'<summary><span class="id">{plain(broken.id)}</span><span class="title">{_prose(broken.rule)}'
        f'<span class="why">{_prose(breach.message)}</span></span>'
        f'<span class="tag v-fail">{broken.times}</span></summary><div class="body">'
        f'<div class="what"><p>{_prose(breach.message)}</p></div><dl>{facts}</dl>'
        f"{exchange(rows_of(example.journal), breach.line, breach.path, breach.message)}</div></details>"
    )


def _case(result: CaseResult, endpoint: str, *, first: bool = False) -> str:
    kind = status(result)
    failed, name = kind in TO_FIX, plain(result.case_id)
    opened = " open" if first else ""
    why = f'<span class="why">{_prose(result.message)}</span>' if failed else ""
    facts = {"verdict": kind, "family": result.family, "level": result.level}
    data = " ".join(f'data-{key}="{plain(value)}"' for key, value in facts.items())
    return (
        f'<details class="case{" failed" if failed else ""}" id="{name}" {data}{opened}>'
        f'<summary><span class="id">{name}</span><span class="title">{plain(result.title)}{why}</span>'
        f'<span class="tag">{plain(result.level)}</span>'
        f'<span class="tag v-{plain(kind)}">{plain(STATUSES.get(kind, kind))}</span></summary>'
        f'<div class="body{"" if result.level == "must" else " calm"}">'
        f"{_body(result, endpoint, failed)}</div></details>"
    )


def _body(result: CaseResult, endpoint: str, failed: bool) -> str:
    parts = [_finding(result, failed), "<dl>"]
    rows = {
        "Rule": result.rule,
        "Source": source_of(result),
        "Sent": result.sends,
        "Expected": result.expects,
        "Took": f"{result.seconds:.2f} s{', at the second attempt' if result.retried else ''}",
    }
    parts += [f"<dt>{name}</dt><dd>{_prose(value)}</dd>" for name, value in rows.items() if value]
    if failed and result.case_id.startswith("RT-"):
        command = f"python -m realtime_raw conform {endpoint} --case {result.case_id}"
        parts.append(f"<dt>Try again</dt><dd><code>{plain(command)}</code></dd>")
    parts.append("</dl>")
    if result.journal and failed:
        parts.append(exchange(rows_of(result.journal), result.offending, result.path, result.message))
    return "".join(parts)


def _finding(result: CaseResult, failed: bool) -> str:
    """What was found and what to do about it."""
    lines = [f"<p>{_prose(result.message)}</p>"] if result.message else []
    if failed and (place := _place(result)):
        lines.append(f"<p>{place}</p>")
    if result.invariants:
        items = "".join(f"<li>{_breach(each)}</li>" for each in result.invariants)
        words = "Rules of every session broken in this one:"
        lines.append(f'<p>{words}</p><ul class="lines">{items}</ul>')
    if not lines:
        return ""
    return f'<div class="what{"" if failed else " quiet"}">{"".join(lines)}</div>'


def _place(result: CaseResult) -> str:
    line = next((each for each in result.journal if each.get("n") == result.offending), None)
    if result.verdict != "fail":
        return ""
    if line is None:
        return "Nothing the server sent is wrong in itself: something is missing, as marked below."
    message = line.get("m")
    kind = message.get("type") if isinstance(message, dict) else None
    where = f"<code>{plain(result.path)}</code> of " if result.path else ""
    event = f"<code>{plain(kind)}</code>" if isinstance(kind, str) else "the message"
    return f"To fix: {where}{event}, marked below (line {plain(result.offending)} of the journal)."


def _breach(breach: InvariantBreach) -> str:
    where = f", at <code>{plain(breach.path)}</code>" if breach.path else ""
    rule = f'<a class="id" href="#{plain(breach.id)}">{plain(breach.id)}</a>'
    return f"{rule} {_prose(breach.message)} (line {breach.line}{where})"


def _prose(text: str) -> str:
    """A sentence in which `this` is code."""
    pieces = plain(text).split("`")
    if len(pieces) % 2 == 0:
        return "`".join(pieces)
    return "".join(f"<code>{piece}</code>" if at % 2 else piece for at, piece in enumerate(pieces))

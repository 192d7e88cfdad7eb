"""`html(report)`: one page that shows what a server does and does not do, with evidence.

One file, nothing loaded from anywhere: its own content policy allows no script
and no style but the two it carries, so even a server's words that slipped
through the escaping could do nothing. It can be read without JavaScript, which
only adds the filters.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from .comparing import Change, compare
from .html_assets import SCRIPT, STYLE
from .html_cases import LEVELS, STATUSES, TO_FIX, by_family, cases, spoken, status
from .html_exchange import exchange, plain, rows_of
from .probing import CAPABILITIES
from .report import CaseResult, Report
from .sessions import session_rules

__all__ = ["html"]

_BAR: Final = ("pass", "broken", "fail", "error", "not_complied", "stale", "unsupported", "skipped")


def html(report: Report, baseline: Report | None = None) -> str:
    """The report as one HTML page; with a `baseline`, an earlier report, also what changed since.

    Everything a server said is escaped, and no key is in it.
    """
    return "".join(
        (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Realtime conformance of {plain(report.endpoint)}</title>",
            f"<style>{STYLE}</style></head><body><main>",
            _head(report),
            _change(report, baseline) if baseline is not None else "",
            _families(report.results) if not report.overheard else "",
            _capabilities(report),
            _form(report.results),
            cases(report),
            _foot(report),
            f"</main><script>{SCRIPT}</script></body></html>\n",
        )
    )


def _policy() -> str:
    def digest(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    own = f"style-src {digest(STYLE)}; script-src {digest(SCRIPT)}"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


# --- the summary -------------------------------------------------------------------------


def _head(report: Report) -> str:
    facts = [
        f"profile {report.profile}",
        f"model {report.model}" if report.model else "",
        _moment(report.started),
        f"{report.seconds:.0f} s" if report.seconds else "",
        f"{report.tokens:,} tokens" if report.tokens else "",
        f"realtime_raw {report.version}",
    ]
    levels, verdict = "".join(_level(level, report.results) for level in LEVELS), _verdict(report.results)
    about = "conformance of"
    if report.overheard:
        levels, verdict, about = "", _overheard(report), "sessions between clients and"
    return (
        f'<header><p class="eyebrow">OpenAI Realtime protocol, {about}</p>'
        f"<h1>{plain(report.endpoint)}</h1>"
        f'<p class="soft">{plain(" · ".join(filter(None, facts)))}</p>'
        f'<p class="lead">{verdict}</p><div class="levels">{levels}</div>'
        f"{_lacking(report)}</header>"
    )


def _overheard(report: Report) -> str:
    """The verdict on sessions that a proxy passed on: how many, and who broke what."""
    broken, sessions = len(report.failures), len(report.results)
    if not broken:
        return f"No rule was broken in {sessions} session{'' if sessions == 1 else 's'}."
    sides = [each.breach.side for each in session_rules(report.results)]
    named = [f"{sides.count(side)} by the {side}" for side in ("server", "client") if side in sides]
    return f"{broken} of {sessions} sessions break rules: {' and '.join(named)}."


def _verdict(results: Sequence[CaseResult]) -> str:
    tried = [each for each in results if each.verdict in ("pass", "fail")]
    if not tried:
        return "No rule could be tried."
    failed = [each.level for each in tried if each.verdict == "fail"]
    named = [f"{failed.count(level)} {level}" for level in LEVELS if level in failed]
    sessions = {breach.id for each in results for breach in each.invariants}
    every = f"{len(sessions)} {_rules(len(sessions))} of every session"
    if not named and sessions:
        return f"It keeps all {len(tried)} rules that could be tried, but breaks {every}."
    if not named:
        return f"It keeps every rule that could be tried: {len(tried)} of them."
    words = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    tail = f", and {every}" if sessions else ""
    return f"It breaks {words} {_rules(len(failed))}, of {len(tried)} that could be tried{tail}."


def _moment(started: str) -> str:
    """A time as ISO 8601 has it, for people."""
    found = re.match(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)", started)
    return f"{found[1]} {found[2]} UTC" if found else started


def _rules(number: int) -> str:
    return "rule" if number == 1 else "rules"


def _level(level: str, results: Iterable[CaseResult]) -> str:
    mine = [each for each in results if each.level == level]
    tried = [each for each in mine if each.verdict in ("pass", "fail")]
    kept = sum(each.verdict == "pass" for each in tried)
    return (
        f'<div class="level"><span>{level}</span><br><b class="num">{kept}</b> '
        f'<span class="num">of {len(tried)} kept</span>{_bar(mine)}</div>'
    )


def _bar(results: Sequence[CaseResult]) -> str:
    """A bar of all verdicts, one part each, in a drawing: a policy without inline styles allows those."""
    found = [status(each) for each in results]
    parts, x = [], 0.0
    for name in _BAR:
        width = 100 * found.count(name) / (len(found) or 1)
        if width:
            label = f"{found.count(name)} {STATUSES[name]}"
            parts.append(
                f'<rect class="{name}" x="{x:.3f}" y="0" width="{width:.3f}" height="8">'
                f"<title>{label}</title></rect>"
            )
        x += width
    shape = 'viewBox="0 0 100 8" preserveAspectRatio="none"'
    return f'<svg class="bar" {shape} role="img" aria-label="verdicts">{"".join(parts)}</svg>'


def _families(results: Sequence[CaseResult]) -> str:
    rows = []
    for family, mine in by_family(results).items():
        found = [status(each) for each in mine]
        kept, failed = found.count("pass") + found.count("broken"), found.count("fail")
        absent = found.count("unsupported") + found.count("skipped")
        other = len(found) - failed - absent - kept
        cells = "".join(
            f'<td class="num{_heat(number, hot)}">{number}</td>'
            for number, hot in ((kept, False), (failed, True), (absent, False), (other, False))
        )
        listed = any(status(each) not in TO_FIX for each in mine)
        target = f"family-{family}" if listed else "failures"
        rows.append(
            f'<tr><td><a href="#{plain(target)}">{spoken(family)}</a></td>'
            f'<td class="wide">{_bar(mine)}</td>{cells}</tr>'
        )
    return (
        '<h2>By family</h2><div class="card"><table><thead><tr><th>family</th><th class="wide"></th>'
        "<th>kept</th><th>broken</th><th>unsupported</th><th>undecided</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _heat(number: int, hot: bool) -> str:
    return " zero" if not number else " hot" if hot else ""


def _lacking(report: Report) -> str:
    """What the profile requires and is not there."""
    if not report.lacking:
        return ""
    names = ", ".join(_capability(name) for name in report.lacking)
    return (
        '<div class="what lacking"><p>It lacks what the profile requires.</p>'
        f"<p>The profile {plain(report.profile)} asks for: {names}.</p></div>"
    )


def _capability(name: str) -> str:
    return plain(CAPABILITIES.get(name, name.replace("_", " ")))


def _capabilities(report: Report) -> str:
    """What there is and what is not, and the exchanges that showed it."""
    if not report.capabilities:
        return ""
    chips = "".join(
        f'<li class="{"yes" if there else "no"}" title="{_capability(name)}">{spoken(name)}</li>'
        for name, there in sorted(report.capabilities.items(), key=lambda each: not each[1])
    )
    exchanges = "".join(
        f'<details class="probe"><summary>{plain(each.title)}<span class="why">{plain(each.message)}</span>'
        f"</summary>{exchange(rows_of(each.journal))}</details>"
        for each in report.probing
    )
    how = f'<details class="probe"><summary>How that was found</summary>{exchanges}</details>'
    return f'<h2>What it offers</h2><ul class="chips">{chips}</ul>{how if exchanges else ""}'


def _change(report: Report, baseline: Report) -> str:
    """What is better and what is worse than in the baseline."""
    found = compare(baseline, report)
    page = {each.case_id for each in report.results} | {each.id for each in session_rules(report.results)}
    others = [f"{each.case_id}: {each.before}, now {each.after}" for each in found.others]
    counts = (
        (len(found.new), "not in the baseline"),
        (len(found.gone), "of the baseline not asked this time"),
    )
    others += [f"{number} {words}" for number, words in counts if number]
    return (
        f'<h2>Since {plain(_moment(baseline.started) or "the baseline")}</h2><div class="card delta">'
        f"{_listed('worse', 'Regressions', found.regressions, page)}"
        f"{_listed('better', 'Progress', found.progress, page)}"
        f'<p class="soft">{plain("; ".join(others))}</p></div>'
    )


def _listed(kind: str, title: str, changes: Sequence[Change], page: Collection[str]) -> str:
    """Changes by name, with a link to what is on the page: a rule of every session that holds is not."""
    if not changes:
        return f'<p class="soft">{title}: none.</p>'
    items = ""
    for each in changes:
        name = f'<span class="id">{plain(each.case_id)}</span>'
        if each.case_id in page:
            name = f'<a href="#{plain(each.case_id)}">{name}</a>'
        items += f"<li>{name} {plain(each.title)}</li>"
    return f'<div class="{kind}"><b>{title}: {len(changes)}</b><ul>{items}</ul></div>'


# --- around the cases -------------------------------------------------------------------


def _form(results: Sequence[CaseResult]) -> str:
    statuses = [name for name in STATUSES if any(status(each) == name for each in results)]
    families = list(by_family(results))
    levels = [level for level in LEVELS if any(each.level == level for each in results)]
    return (
        '<form id="filter" hidden autocomplete="off">'
        '<input type="search" name="q" placeholder="Search in all text" aria-label="Search in all text">'
        + _select("verdict", "every verdict", {name: STATUSES[name] for name in statuses})
        + _select("family", "every family", {name: name.replace("_", " ") for name in families})
        + _select("level", "every level", {name: name for name in levels})
        + '<button type="reset">Clear</button><output></output></form>'
    )


def _select(name: str, everything: str, values: Mapping[str, str]) -> str:
    options = "".join(
        f'<option value="{plain(value)}">{plain(label)}</option>' for value, label in values.items()
    )
    return (
        f'<select name="{name}" aria-label="{name}"><option value="">{everything}</option>{options}</select>'
    )


def _foot(report: Report) -> str:
    return (
        "<footer><p>“must” is what clients rely on, “should” what most expect, “may” what is free. A "
        "certainty says how a rule is known: documented by the API reference, recorded from or observed "
        "at the API, or inferred.</p><p>Made by <code>python -m realtime_raw conform</code>, realtime_raw "
        f"{plain(report.version)}.</p></footer>"
    )

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
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from .case import FAMILIES
from .comparing import Change, compare
from .html_assets import SCRIPT, STYLE
from .html_exchange import exchange, plain, rows_of
from .probing import CAPABILITIES
from .report import CaseResult, InvariantBreach, Report

__all__ = ["html"]

LEVELS: Final = ("must", "should", "may")
# status -> what it is called. "broken" is a case that passed in a session that broke an invariant.
STATUSES: Final[Mapping[str, str]] = {
    "fail": "failed",
    "broken": "passed, journal broken",
    "error": "suite error",
    "not_complied": "model did not comply",
    "stale": "stale",
    "unsupported": "unsupported",
    "skipped": "skipped",
    "pass": "passed",
}
_BAR: Final = ("pass", "broken", "fail", "error", "not_complied", "stale", "unsupported", "skipped")
_MARKS = ("fail", "broken", "error")


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
            _families(report.results),
            _capabilities(report),
            _form(report.results),
            _cases(report),
            _foot(report),
            f"</main><script>{SCRIPT}</script></body></html>\n",
        )
    )


def status(result: CaseResult) -> str:
    """The verdict, but "broken" for a pass whose journal breaks an invariant."""
    return "broken" if result.verdict == "pass" and result.broken else result.verdict


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
    levels = "".join(_level(level, report.results) for level in LEVELS)
    return (
        '<header><p class="eyebrow">OpenAI Realtime protocol, conformance of</p>'
        f"<h1>{plain(report.endpoint)}</h1>"
        f'<p class="soft">{plain(" · ".join(filter(None, facts)))}</p>'
        f'<p class="lead">{_verdict(report.results)}</p><div class="levels">{levels}</div>'
        f"{_lacking(report)}</header>"
    )


def _verdict(results: Sequence[CaseResult]) -> str:
    tried = [each for each in results if each.verdict in ("pass", "fail")]
    if not tried:
        return "No rule could be tried."
    broken = {level: sum(each.level == level and each.broken for each in tried) for level in LEVELS}
    named = [f"{number} {level}" for level, number in broken.items() if number]
    if not named:
        return f"It keeps every rule that could be tried: {len(tried)} of them."
    words = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    total = sum(broken.values())
    return f"It breaks {words} {_rules(total)}, of {len(tried)} that could be tried."


def _moment(started: str) -> str:
    """A time as ISO 8601 has it, for people."""
    found = re.match(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)", started)
    return f"{found[1]} {found[2]} UTC" if found else started


def _rules(number: int) -> str:
    return "rule" if number == 1 else "rules"


def _level(level: str, results: Iterable[CaseResult]) -> str:
    mine = [each for each in results if each.level == level]
    tried = [each for each in mine if each.verdict in ("pass", "fail")]
    kept = sum(not each.broken for each in tried)
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
    for family, mine in _by_family(results).items():
        found = [status(each) for each in mine]
        failed = found.count("fail") + found.count("broken")
        absent = found.count("unsupported") + found.count("skipped")
        other = len(found) - failed - absent - found.count("pass")
        cells = "".join(
            f'<td class="num{_heat(number, hot)}">{number}</td>'
            for number, hot in ((found.count("pass"), False), (failed, True), (absent, False), (other, False))
        )
        listed = any(status(each) not in _MARKS for each in mine)
        target = f"family-{family}" if listed else "failures"
        rows.append(
            f'<tr><td><a href="#{plain(target)}">{_spoken(family)}</a></td>'
            f'<td class="wide">{_bar(mine)}</td>{cells}</tr>'
        )
    return (
        '<h2>By family</h2><div class="card"><table><thead><tr><th>family</th><th class="wide"></th>'
        "<th>kept</th><th>broken</th><th>unsupported</th><th>undecided</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _heat(number: int, hot: bool) -> str:
    return " zero" if not number else " hot" if hot else ""


def _spoken(family: str) -> str:
    return plain(family.replace("_", " "))


def _by_family(results: Iterable[CaseResult]) -> dict[str, list[CaseResult]]:
    found: dict[str, list[CaseResult]] = {family: [] for family in FAMILIES}
    for each in results:
        found.setdefault(each.family, []).append(each)
    return {family: mine for family, mine in found.items() if mine}


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
        f'<li class="{"yes" if there else "no"}" title="{_capability(name)}">{_spoken(name)}</li>'
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
    others = [f"{each.case_id}: {each.before}, now {each.after}" for each in found.others]
    counts = (
        (len(found.new), "not in the baseline"),
        (len(found.gone), "of the baseline not asked this time"),
    )
    others += [f"{number} {words}" for number, words in counts if number]
    return (
        f'<h2>Since {plain(_moment(baseline.started) or "the baseline")}</h2><div class="card delta">'
        f"{_listed('worse', 'Regressions', found.regressions)}{_listed('better', 'Progress', found.progress)}"
        f'<p class="soft">{plain("; ".join(others))}</p></div>'
    )


def _listed(kind: str, title: str, changes: Sequence[Change]) -> str:
    if not changes:
        return f'<p class="soft">{title}: none.</p>'
    items = "".join(
        f'<li><a href="#{plain(each.case_id)}"><span class="id">{plain(each.case_id)}</span></a> '
        f"{plain(each.title)}</li>"
        for each in changes
    )
    return f'<div class="{kind}"><b>{title}: {len(changes)}</b><ul>{items}</ul></div>'


# --- the cases ---------------------------------------------------------------------------


def _form(results: Sequence[CaseResult]) -> str:
    statuses = [name for name in STATUSES if any(status(each) == name for each in results)]
    families = list(_by_family(results))
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


def _cases(report: Report) -> str:
    def weight(result: CaseResult) -> tuple[int, str]:
        return LEVELS.index(result.level) if result.level in LEVELS else len(LEVELS), result.case_id

    marked = sorted((each for each in report.results if status(each) in _MARKS), key=weight)
    others = [each for each in report.results if status(each) not in _MARKS]
    parts = []
    if marked:
        cards = "".join(_case(each, report.endpoint, first=not at) for at, each in enumerate(marked))
        parts.append(f'<section class="group" id="failures"><h2>What to fix</h2>{cards}</section>')
    if others:
        title = "Everything else" if marked else "All cases"
        parts.append(f'<section class="group"><h2>{title}</h2>')
        for family, mine in _by_family(others).items():
            cards = "".join(_case(each, report.endpoint) for each in mine)
            name = plain(family)
            parts.append(f'<div class="group" id="family-{name}"><h3>{_spoken(family)}</h3>{cards}</div>')
        parts.append("</section>")
    return "".join(parts)


def _case(result: CaseResult, endpoint: str, *, first: bool = False) -> str:
    kind = status(result)
    failed, name = kind in _MARKS, plain(result.case_id)
    opened = " open" if first else ""
    why = f'<span class="why">{_prose(_evidence(result)[2])}</span>' if failed else ""
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
    source = f"{result.source} ({result.certainty})" if result.certainty else result.source
    rows = {
        "Rule": result.rule,
        "Source": source,
        "Sent": result.sends,
        "Expected": result.expects,
        "Took": f"{result.seconds:.2f} s{', at the second attempt' if result.retried else ''}",
    }
    parts += [f"<dt>{name}</dt><dd>{_prose(value)}</dd>" for name, value in rows.items() if value]
    if failed:
        command = f"python -m realtime_raw conform {endpoint} --case {result.case_id}"
        parts.append(f"<dt>Try again</dt><dd><code>{plain(command)}</code></dd>")
    parts.append("</dl>")
    if result.journal and failed:
        offending, path, message = _evidence(result)
        parts.append(exchange(rows_of(result.journal), offending, path, message))
    return "".join(parts)


def _evidence(result: CaseResult) -> tuple[int | None, str, str]:
    """Which line to mark, where in it, and what to say if there is none."""
    if result.verdict == "pass" and result.invariants:
        first = result.invariants[0]
        return first.line, first.path, first.message
    return result.offending, result.path, result.message


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
    return f'<span class="id">{plain(breach.id)}</span> {_prose(breach.message)} (line {breach.line}{where})'


def _prose(text: str) -> str:
    """A sentence in which `this` is code."""
    pieces = plain(text).split("`")
    if len(pieces) % 2 == 0:
        return "`".join(pieces)
    return "".join(f"<code>{piece}</code>" if at % 2 else piece for at, piece in enumerate(pieces))


def _foot(report: Report) -> str:
    return (
        "<footer><p>“must” is what clients rely on, “should” what most expect, “may” what is free. A "
        "certainty says how a rule is known: documented by the API reference, recorded from or observed "
        "at the API, or inferred.</p><p>Made by <code>python -m realtime_raw conform</code>, realtime_raw "
        f"{plain(report.version)}.</p></footer>"
    )

"""A report for a terminal: a matrix, the failures with their evidence, one line that sums it up.

Pure: a report in, text out. What a server said is made printable here.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..text import safe
from .case import FAMILIES
from .comparing import Comparison
from .report import CaseResult, Report
from .sessions import session_rules

__all__ = ["excerpt", "families_of", "source_of", "summary_line", "terminal"]

COLUMNS = ("pass", "fail", "unsupported", "not_complied", "skipped", "stale", "error")
_SHORT = {"unsupported": "unsup", "not_complied": "no-comply", "skipped": "skip"}
_COLOURS = {"pass": "32", "fail": "31", "unsupported": "33", "not_complied": "33", "error": "35"}
_EXCERPT = 4


def terminal(
    report: Report, *, colour: bool = False, width: int = 80, comparison: Comparison | None = None
) -> str:
    """The matrix of families by verdicts, what failed with its evidence, and one line that sums it up."""
    paint = _Paint(colour)
    lines = [safe(f"{report.endpoint or 'endpoint'}  {report.model}".rstrip())]
    if not report.overheard:
        lines += [*_about(report, width), "", *_matrix(report, paint, width)]
    lines += _sessions(report, paint, width)
    for result in report.failures:
        if result.verdict == "fail" and not report.overheard:  # there it is all in the rules
            lines += ["", *_failure(result, paint, width)]
    for result in report.results:
        if result.verdict == "error":
            words = f"{result.case_id} {result.message}"
            lines += ["", *_headed(paint, "error", "suite error", words, width)]
    if comparison is not None:
        lines += ["", *_changes(comparison, paint, width)]
    lines += ["", summary_line(report)]
    return "\n".join(lines) + "\n"


class _Paint:
    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted

    def __call__(self, verdict: str, text: str) -> str:
        code = _COLOURS.get(verdict)
        return f"\x1b[{code}m{text}\x1b[0m" if self._wanted and code else text


def summary_line(report: Report) -> str:
    """One sentence: how many passed, what is wrong, what it cost."""
    if report.overheard:
        return _overheard_line(report)
    shown: list[str] = [each.verdict for each in report.results]
    counts = {name: shown.count(name) for name in COLUMNS}
    parts = [f"{counts['pass']} of {len(shown)} cases pass"]
    for name, words in (
        ("fail", "fail"),
        ("unsupported", "unsupported"),
        ("not_complied", "not complied with by the model"),
        ("skipped", "skipped"),
        ("stale", "stale"),
        ("error", "errors of the suite"),
    ):
        if counts[name]:
            parts.append(f"{counts[name]} {words}")
    musts = sum(each.verdict == "fail" and each.level == "must" for each in report.results)
    rules = len({breach.id for each in report.results for breach in each.invariants})
    tail = f"; {musts} broken musts" if musts else "; every must that was asked holds"
    tail += f", {rules} broken rule{'' if rules == 1 else 's'} of every session" if rules else ""
    return f"{', '.join(parts)}{tail} ({report.seconds:.1f} s, {report.tokens:,} tokens)"


def _overheard_line(report: Report) -> str:
    broken, rules = len(report.failures), len(session_rules(report.results))
    found = f"{rules} rule{'' if rules == 1 else 's'} broken" if rules else "no rule broken"
    return f"{found}, in {broken} of {len(report.results)} sessions ({report.seconds:.1f} s)"


def _about(report: Report, width: int) -> list[str]:
    has = [name for name, there in report.capabilities.items() if there]
    lacks = [name for name, there in report.capabilities.items() if not there]
    lines = _wrapped(f"profile {report.profile}; has {', '.join(has) or 'nothing'}", width)
    if lacks:
        lines += _wrapped(f"without {', '.join(lacks)}", width)
    if report.lacking:
        lines += _wrapped(f"LACKS what the profile requires: {', '.join(report.lacking)}", width)
    return lines


def _matrix(report: Report, paint: _Paint, width: int) -> Iterator[str]:
    rows = families_of(report)
    used = [name for name in COLUMNS if name in ("pass", "fail") or any(row[name] for _, row in rows)]
    heads = [_SHORT.get(name, name) for name in used]
    wide = max((len(name) for name, _ in rows), default=6)
    narrow = width < wide + sum(len(head) + 2 for head in heads)
    if narrow:
        heads = [head[:4] for head in heads]
    yield " " * wide + "".join(f"  {head:>{max(4, len(head))}}" for head in heads)
    for name, row in rows:
        cells = ""
        for verdict, head in zip(used, heads, strict=True):
            text = f"{row[verdict] or '.':>{max(4, len(head))}}"
            cells += "  " + (paint(verdict, text) if row[verdict] else text)
        yield f"{name:<{wide}}{cells}"


def families_of(report: Report) -> list[tuple[str, Mapping[str, int]]]:
    """Each family that was asked, with its numbers of verdicts."""
    rows: list[tuple[str, Mapping[str, int]]] = []
    for family in dict.fromkeys((*FAMILIES, *(each.family for each in report.results))):
        shown: list[str] = [each.verdict for each in report.results if each.family == family]
        if shown:
            rows.append((family, {name: shown.count(name) for name in COLUMNS}))
    return rows


def _sessions(report: Report, paint: _Paint, width: int) -> Iterator[str]:
    """The rules of every session that were broken: each once, with one place, and how often."""
    for each in session_rules(report.results):
        breach, example = each.breach, each.example
        where = f" at {breach.path}" if breach.path else ""
        yield ""
        yield from _headed(paint, "fail", "FAIL", f"{each.id} in {each.times}: {each.rule}", width)
        yield from _wrapped(f"{example.case_id}, line {breach.line}: {breach.message}{where}", width, "  ")
        for line in excerpt(replace(example, offending=breach.line), width=width - 2):
            yield f"  {line}"


def source_of(result: CaseResult) -> str:
    """Where the rule is written, and how certain it is."""
    said_already = not result.certainty or result.certainty in result.source.lower().split()
    return result.source if said_already else f"{result.source} ({result.certainty})"


def _failure(result: CaseResult, paint: _Paint, width: int) -> list[str]:
    lines = _headed(paint, "fail", "FAIL", f"{result.case_id} ({result.level}) {result.title}", width)
    where = f" at {result.path}" if result.path else ""
    lines += _wrapped(f"{result.message}{where}", width, "  ")
    lines += _wrapped(f"rule: {result.rule}", width, "  ")
    lines += _wrapped(f"source: {source_of(result)}", width, "  ")
    return lines + [f"  {line}" for line in excerpt(result, width=width - 2)]


def excerpt(result: CaseResult, *, around: int = _EXCERPT, width: int = 78) -> list[str]:
    """The exchange around the offending line (or the end), a line per message, the offending one marked."""
    messages = [each for each in result.journal if each["d"] != "note"]
    at = next((i for i, each in enumerate(messages) if each["n"] == result.offending), len(messages) - 1)
    lines = []
    for each in messages[max(0, at - around + 1) : at + 2]:
        mark = ">>" if each["n"] == result.offending else "  "
        arrow = "->" if each["d"] == "out" else "<-"
        text = f"{mark} {each['n']:>4} {each['t']:8.3f} {arrow} {json.dumps(each['m'], ensure_ascii=False)}"
        lines.append(safe(text if len(text) <= width else text[: max(20, width - 1)] + "…"))
    return lines


def _changes(comparison: Comparison, paint: _Paint, width: int) -> Iterator[str]:
    yield "since the baseline:"
    for verdict, title, changes in (
        ("fail", "regression", comparison.regressions),
        ("pass", "progress", comparison.progress),
        ("", "changed", comparison.others),
    ):
        for change in changes:
            yield from _headed(paint, verdict, title, str(change), width, "  ")
    if comparison.new:
        yield f"  new cases: {len(comparison.new)}"
    if comparison.gone:
        yield f"  cases not asked this time: {len(comparison.gone)}"
    if not any((comparison.regressions, comparison.progress, comparison.others)):
        yield "  nothing has changed"


def _headed(paint: _Paint, verdict: str, head: str, text: str, width: int, indent: str = "") -> list[str]:
    """Wrapped lines whose first word or two have a colour; the colour is all that is not made safe."""
    first, *rest = _wrapped(f"{head} {text}", width, indent)
    return [first.replace(head, paint(verdict, head), 1), *rest]


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Lines fit to print, none longer than it must be."""
    wrapper = textwrap.TextWrapper(
        max(20, width), initial_indent=indent, subsequent_indent=indent + "  ", break_on_hyphens=False
    )
    return wrapper.wrap(safe(text))

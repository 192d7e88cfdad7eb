"""A report for other programs and for pages: JUnit XML, and Markdown. Pure: a report in, text out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace

from ..text import printable, safe
from .invariants import INVARIANTS
from .report import CaseResult, Report
from .sessions import SessionRule, session_rules
from .terminal import COLUMNS, excerpt, families_of, summary_line

__all__ = ["junit", "markdown"]


def junit(report: Report) -> str:
    """JUnit XML: a suite per family, a test per case; and one for the rules of every session.

    What was not asked, or not obeyed, is skipped.
    """
    root = ET.Element("testsuites", name=f"realtime conformance {report.endpoint}")
    for family, row in families_of(report):
        results = [each for each in report.results if each.family == family]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=family,
            tests=str(len(results)),
            failures=str(row["fail"]),
            errors=str(row["error"]),
            skipped=str(sum(row[name] for name in ("unsupported", "not_complied", "skipped", "stale"))),
            time=f"{sum(each.seconds for each in results):.3f}",
        )
        for result in results:
            _test(suite, result)
    _every_session(root, session_rules(report.results))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _test(suite: ET.Element, result: CaseResult) -> None:
    test = ET.SubElement(
        suite,
        "testcase",
        classname=f"realtime.{result.family}",
        name=f"{result.case_id} {result.title}",
        time=f"{result.seconds:.3f}",
    )
    verdict = result.verdict
    if verdict == "fail":
        failure = ET.SubElement(test, "failure", message=_plain(result.message), type=result.level)
        failure.text = _plain("\n".join([result.rule, result.source, *excerpt(result, width=200)]))
    elif verdict == "error":
        ET.SubElement(test, "error", message=_plain(result.message))
    elif verdict != "pass":
        ET.SubElement(test, "skipped", message=_plain(f"{verdict}: {result.message}"))


def _every_session(root: ET.Element, broken: list[SessionRule]) -> None:
    """A suite with a test for each invariant."""
    named = {each.id: each for each in broken}
    count, failures = str(len(INVARIANTS)), str(len(named))
    suite = ET.SubElement(root, "testsuite", name="every session", tests=count, failures=failures)
    for each in INVARIANTS:
        name = f"{each.id} {each.rule}"
        test = ET.SubElement(suite, "testcase", classname="realtime.invariants", name=name)
        rule = named.get(each.id)
        if rule is not None:
            message = f"{rule.example.case_id}, line {rule.breach.line}: {rule.breach.message}"
            failure = ET.SubElement(test, "failure", message=_plain(message))
            failure.text = _plain("\n".join([f"in {rule.times}", each.source, *_shown(rule, 200)]))


def _shown(rule: SessionRule, width: int) -> list[str]:
    """The exchange that shows best how a rule of every session is broken."""
    return excerpt(replace(rule.example, offending=rule.breach.line), width=width)


def _plain(text: str) -> str:
    """Without what XML cannot hold."""
    return printable(text, newlines=True)


def markdown(report: Report) -> str:
    """A page: what was asked of whom, a table by family, each failure with its rule and its exchange."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    yield f"# Realtime conformance: {_cell(report.endpoint or 'endpoint')}"
    yield ""
    yield _cell(summary_line(report))
    yield ""
    model = f", model {report.model}" if report.model else ""
    yield f"Profile `{report.profile}`{_cell(model)}, realtime_raw {report.version}, {report.started}."
    yield ""
    has = [name for name, there in report.capabilities.items() if there]
    lacks = [name for name, there in report.capabilities.items() if not there]
    yield f"Has: {', '.join(has) or 'nothing'}. Without: {', '.join(lacks) or 'nothing'}."
    if report.lacking:
        yield ""
        yield f"**Lacks what the profile requires: {', '.join(report.lacking)}.**"
    yield ""
    yield "| family | " + " | ".join(COLUMNS) + " |"
    yield "|---|" + "---|" * len(COLUMNS)
    for family, row in families_of(report):
        yield f"| {family} | " + " | ".join(str(row[name] or "") for name in COLUMNS) + " |"
    for rule in session_rules(report.results):
        yield from _rule_section(rule)
    for result in report.failures:
        if result.verdict == "fail":
            yield from _section(result)


def _section(result: CaseResult) -> Iterator[str]:
    yield ""
    yield f"## {result.case_id}: {_cell(result.title)} ({result.level})"
    yield ""
    yield _cell(result.message) + (f" (at `{_cell(result.path)}`)" if result.path else "")
    yield ""
    yield f"Rule: {_cell(result.rule)} Source: {_cell(result.source)} ({result.certainty})."
    yield from _fenced(excerpt(result, width=160))


def _rule_section(rule: SessionRule) -> Iterator[str]:
    where = f" (at `{_cell(rule.breach.path)}`)" if rule.breach.path else ""
    yield ""
    yield f"## {rule.id} in {rule.times}: {_cell(rule.rule)}"
    yield ""
    yield f"{rule.example.case_id}, line {rule.breach.line}: {_cell(rule.breach.message)}{where}"
    yield ""
    yield f"Source: {_cell(rule.source)}."
    yield from _fenced(_shown(rule, 160))


def _fenced(lines: list[str]) -> Iterator[str]:
    yield ""
    yield "```text"
    for line in lines:
        yield line.replace("```", "'''")
    yield "```"


def _cell(text: str) -> str:
    """A server's words where Markdown could read them as markup."""
    return safe(text).replace("|", "\\|").replace("<", "&lt;")

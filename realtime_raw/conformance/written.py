"""A report for other programs and for pages: JUnit XML, and Markdown. Pure: a report in, text out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from ..text import printable, safe
from .comparing import verdict_of
from .report import CaseResult, Report
from .terminal import COLUMNS, excerpt, families_of, summary_line

__all__ = ["junit", "markdown"]


def junit(report: Report) -> str:
    """JUnit XML: a suite per family, a test per case. What was not asked, or not obeyed, is skipped."""
    root = ET.Element("testsuites", name=f"realtime conformance {report.endpoint}")
    for family, row in families_of(report):
        results = [each for each in report.results if each.family == family]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=family,
            tests=str(len(results)),
            failures=str(sum(verdict_of(each) == "fail" for each in results)),
            errors=str(row["error"]),
            skipped=str(sum(row[name] for name in ("unsupported", "not_complied", "skipped", "stale"))),
            time=f"{sum(each.seconds for each in results):.3f}",
        )
        for result in results:
            _test(suite, result)
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
    verdict = verdict_of(result)
    if verdict == "fail":
        failure = ET.SubElement(test, "failure", message=_plain(_why(result)), type=result.level)
        failure.text = _plain("\n".join([result.rule, result.source, *excerpt(result, width=200)]))
    elif verdict == "error":
        ET.SubElement(test, "error", message=_plain(result.message))
    elif verdict != "pass":
        ET.SubElement(test, "skipped", message=_plain(f"{verdict}: {result.message}"))


def _plain(text: str) -> str:
    """Without what XML cannot hold."""
    return printable(text, newlines=True)


def _why(result: CaseResult) -> str:
    said = [result.message] if result.verdict == "fail" else []
    return "; ".join([*said, *(f"{each.id}: {each.message}" for each in result.invariants)])


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
    for result in report.failures:
        yield from _section(result)


def _section(result: CaseResult) -> Iterator[str]:
    yield ""
    yield f"## {result.case_id}: {_cell(result.title)} ({result.level})"
    yield ""
    yield f"{_cell(_why(result))}" + (f" (at `{_cell(result.path)}`)" if result.path else "")
    yield ""
    yield f"Rule: {_cell(result.rule)} Source: {_cell(result.source)} ({result.certainty})."
    yield ""
    yield "```text"
    for line in excerpt(result, width=160):
        yield line.replace("```", "'''")
    yield "```"


def _cell(text: str) -> str:
    """A server's words where Markdown could read them as markup."""
    return safe(text).replace("|", "\\|").replace("<", "&lt;")

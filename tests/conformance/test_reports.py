"""A report as data, on a terminal, as Markdown and as JUnit XML; and two of them side by side."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import orjson
import pytest

from realtime_raw.conformance.comparing import compare
from realtime_raw.conformance.report import CaseResult, InvariantBreach, Report
from realtime_raw.conformance.terminal import excerpt, summary_line, terminal
from realtime_raw.conformance.written import junit, markdown
from tests.conformance.reports import FAILED, HOSTILE, KEY, line, report, result

BREACH = InvariantBreach(id="RT-INV-017", message="the total is wrong", line=3, path="response.usage")
ALL = report(
    FAILED,
    result("RT-TURN-001"),
    result("RT-TURN-002", invariants=(BREACH,)),
    result("RT-TOOL-001", "unsupported", family="tools", message="the server has no tools"),
    result("RT-TOOL-002", "not_complied", family="tools", message="it called another"),
    result("RT-ERR-001", "error", family="errors", message="KeyError: 'x'"),
    result("RT-ERR-002", "skipped", family="errors", message="known"),
    result("RT-ERR-003", "stale", family="errors", message="run it anew"),
    capabilities={"audio_in": True, "tools": False},
    lacking=("tools",),
    tokens=1234,
)


def test_json_is_how_a_report_is_kept() -> None:
    """There and back it is the same; another format is refused."""
    assert Report.from_dict(orjson.loads(orjson.dumps(ALL.to_dict()))) == ALL
    with pytest.raises(ValueError, match="format 1"):
        Report.from_dict({**ALL.to_dict(), "format": 2})


def test_exit_codes() -> None:
    """0, or 1 for a broken must or something lacking; 8 where only the suite failed."""
    assert report(result()).exit_code == 0
    assert report(FAILED).exit_code == 1
    assert report(result(verdict="fail", level="should")).exit_code == 0
    assert report(result(invariants=(BREACH,))).exit_code == 1
    assert report(result(), lacking=("tools",)).exit_code == 1
    assert report(result(verdict="error")).exit_code == 8
    assert report(result(verdict="unsupported"), result("RT-TURN-001", "skipped")).exit_code == 8
    assert report(FAILED, result("RT-TURN-001", "error")).exit_code == 1


def test_musts_come_first() -> None:
    """What matters most is read first."""
    mild = result("RT-TURN-001", "fail", level="may")
    assert [each.case_id for each in report(mild, FAILED).failures] == ["RT-TURN-012", "RT-TURN-001"]


def test_a_terminal_shows_the_matrix_and_each_failure() -> None:
    """Families by verdicts; rule, source, message, path and the exchange with the offending line marked."""
    text = terminal(ALL, width=100)
    assert re.search(r"^turns +2 +1 +\. +\. +\. +\. +\.$", text, re.MULTILINE)
    assert re.search(r"^tools +\. +\. +1 +1 +\. +\. +\.$", text, re.MULTILINE)
    assert "FAIL RT-TURN-012 (must) A commit makes a user item" in text
    assert "the committed item is not a user message at item.content[0].type" in text
    assert "rule: `input_audio_buffer.commit` creates one user message item." in text
    assert "source: API reference, input_audio_buffer.commit (documented)" in text
    assert re.search(r"^  >> +4 .* <- \{\"type\": \"conversation.item.added\"", text, re.MULTILINE)
    assert "FAIL RT-INV-017 in 1 session: Usage adds up" in text
    assert "LACKS what the profile requires: tools" in text
    assert "suite error RT-ERR-001 KeyError: 'x'" in text
    assert text.splitlines()[-1] == summary_line(ALL)
    assert "\x1b" not in text


def test_the_last_line_sums_it_up() -> None:
    """What passed, what did not, what it cost."""
    assert summary_line(ALL) == (
        "2 of 8 cases pass, 1 fail, 1 unsupported, 1 not complied with by the model, 1 skipped, 1 stale, "
        "1 errors of the suite; 1 broken musts, 1 broken rule of every session (3.0 s, 1,234 tokens)"
    )
    assert summary_line(report(result())).startswith("1 of 1 cases pass; every must that was asked holds")


@pytest.mark.parametrize("width", [20, 40, 60, 200])
def test_a_narrow_terminal_is_not_overrun(width: int) -> None:
    """Lines are wrapped or cut; names of families and words stay whole."""
    lines = terminal(ALL, width=width).splitlines()
    limit = max(width, 66)
    assert max(len(each) for each in lines[:-1] if not each.startswith("1 of")) <= limit


def test_colours_are_only_where_they_are_wanted() -> None:
    """And what a server said never makes any."""
    hostile = result(verdict="fail", message=HOSTILE, journal=(line(2, "in", HOSTILE),), offending=2)
    coloured = terminal(report(hostile), colour=True)
    assert "\x1b[31m" in coloured
    assert set(re.findall(r"\x1b\[\d+m", coloured)) <= {"\x1b[31m", "\x1b[32m", "\x1b[0m"}
    assert coloured.count("\x1b") == len(re.findall(r"\x1b\[\d+m", coloured))
    plain = terminal(report(hostile))
    assert "\x1b" not in plain
    assert "\u202e" not in plain


def test_no_report_shows_a_key() -> None:
    """Whatever put it there."""
    said = (line(2, "in", "x", key=KEY),)
    leaky = report(result(verdict="fail", message=f"said {KEY}", journal=said, offending=2))
    for text in (terminal(leaky), markdown(leaky), "\n".join(excerpt(leaky.results[0]))):
        assert KEY not in text


def test_an_excerpt_is_around_the_offending_line() -> None:
    """Not all of it, and notes are no messages."""
    journal = (
        *(line(n, "in", f"event.{n}") for n in range(2, 40)),
        {"n": 40, "t": 1.0, "d": "note", "m": {}},
    )
    lines = excerpt(result(verdict="fail", journal=journal, offending=20), around=3)
    assert [each.split('"')[3] for each in lines] == ["event.18", "event.19", "event.20", "event.21"]
    assert [each.startswith(">>") for each in lines] == [False, False, True, False]
    last = excerpt(result(verdict="fail", journal=journal), around=2)
    assert "event.39" in last[-1]


def test_junit_counts_what_it_holds() -> None:
    """A suite per family; failures, errors and skipped ones told apart."""
    root = ET.fromstring(junit(ALL))
    suites = {each.get("name"): each for each in root}
    assert suites.keys() == {"turns", "tools", "errors", "every session"}
    turns, errors = suites["turns"], suites["errors"]
    assert (turns.get("tests"), turns.get("failures"), turns.get("skipped")) == ("3", "1", "0")
    assert (errors.get("errors"), errors.get("skipped")) == ("1", "2")
    failure = turns.find("testcase[@name='RT-TURN-012 A commit makes a user item']/failure")
    assert failure is not None
    assert failure.get("message") == "the committed item is not a user message"
    assert "creates one user message item" in (failure.text or "")
    rule = suites["every session"].find("testcase/failure")
    assert rule is not None
    assert rule.get("message") == "RT-TURN-002, line 3: the total is wrong"
    skipped = suites["tools"].find("testcase/skipped")
    assert skipped is not None
    assert skipped.get("message") == "unsupported: the server has no tools"


def test_hostile_words_are_valid_xml_and_inert_markdown() -> None:
    """Whatever a server says."""
    hostile = report(result(verdict="fail", message=HOSTILE, journal=(line(2, "in", "x", words=HOSTILE),)))
    ET.fromstring(junit(hostile).encode("utf-8", "replace"))
    page = markdown(hostile)
    assert "<script" not in page.split("```")[0]
    assert "\x1b" not in page


def test_markdown_has_a_table_and_a_section_per_failure() -> None:
    """For pages."""
    page = markdown(ALL)
    assert "| turns | 2 | 1 |" in page
    assert "## RT-TURN-012: A commit makes a user item (must)" in page
    assert "## RT-INV-017 in 1 session: Usage adds up" in page
    assert "(at `item.content[0].type`)" in page
    assert "**Lacks what the profile requires: tools.**" in page
    assert page.count("```") == 4


def changed(before: CaseResult, after: CaseResult) -> str:
    """What a comparison calls it."""
    found = compare(report(before), report(after))
    names = [name for name in ("regressions", "progress", "others") if getattr(found, name)]
    return names[0] if names else "nothing"


def test_worse_and_better_are_told_apart() -> None:
    """What passed and does not; what did not and does; all else is only different."""
    good, bad = result(), result(verdict="fail")
    assert changed(good, bad) == "regressions"
    assert changed(bad, good) == "progress"
    assert changed(good, result(verdict="unsupported")) == "regressions"
    assert changed(good, result(invariants=(BREACH,))) == "regressions"
    assert changed(result(invariants=(BREACH,)), good) == "progress"
    assert changed(good, result(verdict="not_complied")) == "others"
    assert changed(bad, result(verdict="unsupported")) == "others"
    assert changed(good, good) == "nothing"


def test_a_comparison_is_shown() -> None:
    """Each change, and what came and went."""
    before = report(result("RT-TURN-001"), result("RT-TURN-002", "fail"), result("RT-TURN-003"))
    after = report(result("RT-TURN-001", "fail", message="oh"), result("RT-TURN-002"), result("RT-TURN-004"))
    text = terminal(after, comparison=compare(before, after), width=120)
    assert "  regression RT-TURN-001 A commit makes a user item: pass -> fail: oh" in text
    assert "  progress RT-TURN-002 A commit makes a user item: fail -> pass" in text
    assert "  new cases: 1" in text
    assert "  cases not asked this time: 1" in text
    same = terminal(before, comparison=compare(before, before))
    assert "nothing has changed" in same

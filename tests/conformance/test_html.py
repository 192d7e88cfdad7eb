"""The page: what it says of each verdict, and that nothing a server said can act in it."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from realtime_raw.conformance.html import html
from realtime_raw.conformance.report import InvariantBreach, Report
from realtime_raw.conformance.sessions import session_rules
from tests.conformance.reports import ABSENT, BROKEN, FAILED, KEY, PASSED, REPORT, SILENT, hostile, report


class Reader(HTMLParser):
    """The tags of a page, and the text of each case."""

    VOID = frozenset({"meta", "input", "br", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.case = ""
        self.cases: dict[str, str] = {}
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == [], "a tag was never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "details" and "case" in (dict(attrs).get("class") or ""):
            self.case = dict(attrs)["id"] or ""
            self.cases[self.case] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.case:
            self.cases[self.case] += data


def test_a_failure_is_shown_with_its_evidence() -> None:
    """The rule, where it is from, how certain it is, the event at fault, and the place in it."""
    page = html(REPORT)
    said = Reader(page).cases["RT-TURN-012"]
    for words in (
        "the committed item is not a user message",
        "input_audio_buffer.commit creates one user message item.",
        "API reference, input_audio_buffer.commit (documented)",
        "To fix: item.content[0].type of conversation.item.added, marked below (line 4 of the journal).",
        "--case RT-TURN-012",
        "300 bytes of base64",
        "closed by the client: 1000",
    ):
        assert words in said
    bad = re.findall(r'<li class="in bad">.*?</li>', page, re.DOTALL)
    assert len(bad) == 1 + 1  # this one, and the invariant's
    assert "<mark>&quot;text&quot;</mark>" in bad[0] or "<mark>&quot;text&quot;</mark>" in bad[1]


def test_what_is_missing_closes_the_exchange() -> None:
    """A timeout has no event to mark: what did not come is said before our own close."""
    page = html(report(SILENT))
    end = page.index('<li class="note bad">')
    assert "error did not come within 10 s" in page[end:]
    assert page.index("conformance.unknown") < end < page.index("closed by the client")


def test_a_pass_in_a_broken_session_says_so() -> None:
    """It is no failure of its own: what it broke is told before the failures, with its line marked."""
    page = html(REPORT)
    assert "response.created came twice (line 3, at response.id)" in Reader(page).cases["RT-RESP-001"]
    said = Reader(page).cases["RT-INV-001"]
    assert "Each response that is created is done once" in said
    assert "RT-RESP-001, line 3, at response.id" in said
    assert page.index('id="RT-INV-001"') < page.index('id="failures"') < page.index('id="RT-RESP-001"')


def test_a_rule_of_every_session_is_one_thing_to_fix() -> None:
    """However many sessions break it: they are counted, and one is shown."""
    many = [dataclasses.replace(BROKEN, case_id=f"RT-RESP-{number:03}") for number in range(1, 61)]
    page = html(report(*many, PASSED))
    said = Reader(page).cases["RT-INV-001"]
    assert "60 sessions" in said
    assert "RT-RESP-040 and 20 more" in said
    assert page.count('class="in bad"') == 1
    assert "It keeps all 61 rules that could be tried, but breaks 1 rule of every session." in page


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            REPORT,
            "It breaks 1 must and 1 should rules, of 4 that could be tried, and 1 rule of every session.",
        ),
        (report(FAILED), "It breaks 1 must rule, of 1 that could be tried."),
        (report(PASSED, ABSENT), "It keeps every rule that could be tried: 1 of them."),
        (report(ABSENT), "No rule could be tried."),
        (report(), "No rule could be tried."),
    ],
)
def test_the_verdict_in_one_sentence(given: Report, sentence: str) -> None:
    """What is unsupported counts neither way."""
    assert sentence in html(given)


def test_it_needs_nothing_from_anywhere() -> None:
    """No address is loaded, and the policy allows no style and no script but the page's own."""
    page = html(REPORT)
    for tag, attrs in Reader(page).tags:
        assert tag not in {"link", "img", "iframe", "object", "base"}
        assert not {"src", "style", "action"} & attrs.keys()
        assert not any(name.startswith("on") for name in attrs)
        assert (attrs.get("href") or "#").startswith("#")
    policy = next(attrs["content"] or "" for tag, attrs in Reader(page).tags if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_a_hostile_server_gets_nothing_in() -> None:
    """No tag of its own, no control character, no direction override, and no key."""
    page = html(hostile(), hostile())
    reader = Reader(page)
    assert [tag for tag, _ in reader.tags].count("script") == 1
    assert "img" not in {tag for tag, _ in reader.tags}
    assert "window.hacked" in reader.text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]", page)
    assert "\\u202e" in page
    assert KEY not in page
    page.encode()  # no half of a surrogate pair either


def test_the_baseline_shows_what_is_better_and_what_is_worse() -> None:
    """Listed by case, and by rule of every session; what broke before and still does is neither."""
    before = report(
        dataclasses.replace(FAILED, verdict="pass"), dataclasses.replace(PASSED, verdict="fail"), SILENT
    )
    page = html(REPORT, before)
    change = page[page.index("Since 2026-11-01 12:00 UTC") : page.index("By family")]
    assert re.findall(r'(Regressions|Progress): (\d)|href="#([\w-]+)"', change) == [
        ("Regressions", "2", ""),
        ("", "", "RT-TURN-012"),
        ("", "", "RT-INV-001"),
        ("Progress", "1", ""),
        ("", "", "RT-SESS-001"),
    ]
    assert "2 not in the baseline" in change
    assert "Since" not in html(REPORT)
    assert "Regressions: none." in html(report(PASSED), report(PASSED))


def test_what_is_lacking_is_said_at_the_top_and_shown() -> None:
    """In the words of the capability; how it was found out is there to be read."""
    probing = dataclasses.replace(PASSED, case_id="PROBE-TEXT", title="an exchange in writing", message="no")
    page = html(
        report(
            PASSED,
            capabilities={"text_in": True, "mcp": False},
            lacking=("mcp",),
            probing=(probing,),
            tokens=1234,
            profile="full",
        )
    )
    text = Reader(page).text
    assert "It lacks what the profile requires.The profile full asks for: MCP servers as tools." in text
    assert '<li class="no" title="MCP servers as tools">mcp</li>' in page
    assert '<li class="yes" title="user messages in writing">text in</li>' in page
    assert "an exchange in writingno" in text
    assert "1,234 tokens" in text


def test_what_a_proxy_heard_is_told_by_its_rules() -> None:
    """No level and no family: who broke what, in how many sessions, and nothing to try again."""
    heard = dataclasses.replace(BROKEN, case_id="session-001", verdict="fail", family="sessions")
    page = html(report(heard, dataclasses.replace(PASSED, case_id="session-002"), profile="proxy"))
    text = Reader(page).text
    assert "1 of 2 sessions break rules: 1 by the server." in text
    assert "sessions between clients and" in text
    assert "Sessions that break a rule" in text
    assert "By family" not in text
    assert "Try again" not in text
    assert "No rule was broken in 1 session." in html(report(PASSED, profile="proxy"))


def test_every_verdict_can_be_drawn() -> None:
    """Also those of a later version, by their own name."""
    from realtime_raw.conformance.report import VERDICTS

    page = html(report(*(dataclasses.replace(PASSED, verdict=verdict) for verdict in VERDICTS)))
    assert page.count("<details class=") == len(VERDICTS)


def test_what_happens_most_often_is_shown() -> None:
    """Of many breaches of one rule the example is of the commonest kind, ids and numbers aside."""
    rare = dataclasses.replace(BROKEN, case_id="RT-RESP-099", journal=BROKEN.journal[:1])
    common = [
        dataclasses.replace(
            BROKEN,
            case_id=f"RT-RESP-{number:03}",
            invariants=(InvariantBreach(id="RT-INV-001", message=f"resp_{number}x was never done", line=3),),
        )
        for number in (1, 2)
    ]
    (broken,) = session_rules([rare, *common])
    assert broken.breach.message == "resp_1x was never done"
    assert broken.times == "3 sessions"
    (unknown,) = session_rules(
        [dataclasses.replace(rare, invariants=(InvariantBreach(id="X", message="", line=0),))]
    )
    assert (unknown.rule, unknown.times) == ("", "1 session")

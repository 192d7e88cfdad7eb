"""The page in a real browser: its failures counted, its filters used, an attack tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime_raw.conformance.html import html
from realtime_raw.conformance.report import Report
from tests.conformance.reports import FAILED, PASSED, REPORT, hostile, report
from tools.browser import Page, find, open_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find() is None, reason="there is no Chromium; python tools/install_chromium.py installs it"
    ),
]

CASES = "[...document.querySelectorAll('.case:not(.rule)')]"
SHOWN = f"{CASES}.filter(one => one.checkVisibility()).map(one => one.id)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    program = find()
    assert program is not None
    with open_page(program) as page:
        yield page


@pytest.fixture
def page(browser: Page, tmp_path: Path) -> Page:
    """The hand-made report, open in the browser."""
    return shown(browser, tmp_path, REPORT)


def shown(browser: Page, folder: Path, given: Report, fragment: str = "", scripts: bool = True) -> Page:
    path = folder / "report.html"
    path.write_text(html(given), encoding="utf-8")
    browser.complaints.clear()
    browser.call("Emulation.setScriptExecutionDisabled", value=not scripts)
    browser.show(f"{path.as_uri()}{fragment}")
    return browser


def choose(page: Page, name: str, value: str) -> list[str]:
    """Set a filter as a user does; the ids of the cases that are left."""
    page.ask(
        f"(() => {{ const field = document.forms[0].elements['{name}']; field.value = '{value}';"
        " field.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    found: list[str] = page.ask(SHOWN)
    return found


def test_the_failures_are_counted(page: Page) -> None:
    """Two failures and a rule of every session are to be fixed, that first; the first of all is open."""
    fix = "[...document.querySelectorAll('#sessions .case, #failures .case')].map(one => one.id)"
    assert page.ask(fix) == ["RT-INV-001", "RT-TURN-012", "RT-ERR-001"]
    assert page.ask("document.querySelectorAll('.case[data-verdict=fail]').length") == 2
    assert page.ask("document.querySelector('.lead').textContent").startswith("It breaks 1 must and 1 should")
    assert page.ask("[...document.querySelectorAll('.case[open]')].map(one => one.id)") == ["RT-INV-001"]
    assert page.complaints == []


def test_the_style_is_applied(page: Page) -> None:
    """The page's own policy lets its own style through, in the light and in the dark."""
    colour = "getComputedStyle(document.body).backgroundColor"
    page.picture(width=800, height=600, dark=False)
    light = page.ask(colour)
    page.picture(width=800, height=600, dark=True)
    assert {light, page.ask(colour)} == {"rgb(247, 247, 245)", "rgb(21, 24, 27)"}


def test_the_filters(page: Page) -> None:
    """Verdict, level, family and words narrow the list together; headings follow, the address keeps it."""
    assert len(page.ask(SHOWN)) == 5
    assert choose(page, "verdict", "fail") == ["RT-TURN-012", "RT-ERR-001"]
    assert choose(page, "level", "should") == ["RT-ERR-001"]
    assert page.ask("document.querySelector('output').textContent") == "1 of 5 cases"
    assert page.ask("location.hash") == "#?verdict=fail&level=should"
    assert not page.ask("[...document.querySelectorAll('.group')].at(-1).checkVisibility()")
    assert choose(page, "level", "") == ["RT-TURN-012", "RT-ERR-001"]
    assert choose(page, "verdict", "") == [*page.ask(SHOWN)]
    assert choose(page, "family", "mcp") == ["RT-MCP-001"]
    assert choose(page, "family", "") != []
    assert choose(page, "q", "HELLO conversation.item.added") == ["RT-TURN-012"]
    assert choose(page, "q", "no such words") == []
    page.ask("document.querySelector('button[type=reset]').click()")
    assert page.ask(f"new Promise(done => setTimeout(() => done({SHOWN}.length), 20))") == 5
    assert page.ask("location.hash") == ""


def test_a_filter_can_be_linked_to(browser: Page, tmp_path: Path) -> None:
    """So can a case, which then is open."""
    page = shown(browser, tmp_path, REPORT, "#?verdict=pass&q=session")
    assert page.ask(SHOWN) == ["RT-SESS-001"]
    page = shown(browser, tmp_path, REPORT, "#RT-MCP-001")
    assert page.ask("document.getElementById('RT-MCP-001').open")


def test_it_can_be_read_without_scripts(browser: Page, tmp_path: Path) -> None:
    """Everything is there, and no filter that would do nothing."""
    try:
        page = shown(browser, tmp_path, REPORT, scripts=False)
        assert len(page.ask(SHOWN)) == 5
        assert not page.ask("document.getElementById('filter').checkVisibility()")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_hostile_server_runs_nothing(browser: Page, tmp_path: Path) -> None:
    """Its script is text to be read; even one put into the page is stopped by the policy."""
    page = shown(browser, tmp_path, hostile())
    assert page.ask("window.hacked") is None
    assert "window.hacked=1" in page.ask("document.body.textContent")
    assert page.complaints == []
    page.ask("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.hacked=1>')")
    page.ask(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.hacked=1'}))"
    )
    assert page.ask("new Promise(done => setTimeout(() => done(window.hacked ?? null), 50))") is None


def test_two_hundred_cases_are_quick(browser: Page, tmp_path: Path) -> None:
    """A whole suite, half of it failed, is filtered within a second."""
    many = [dataclasses.replace(each, case_id=f"RT-{n:04}") for n in range(100) for each in (FAILED, PASSED)]
    page = shown(browser, tmp_path, report(*many))
    page.ask("window.before = performance.now()")
    assert len(choose(page, "q", "transcript tone")) == 0
    assert len(choose(page, "verdict", "fail")) == 0
    assert len(choose(page, "q", "")) == 100
    assert page.ask("performance.now() - window.before") < 1000

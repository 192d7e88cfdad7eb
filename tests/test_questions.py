"""The 26 questions: each page's program runs as printed, and prints what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[1] / "docs" / "questions").glob("[0-9][0-9]-*.md"))


def parts(page: Path) -> tuple[str, str, str]:
    """A page's answer, program and output."""
    text = page.read_text("utf-8")
    found = re.fullmatch(
        r"# \d+\. [^\n]+\n\n(.+)\n\n```python\n(.+)\n```\n\n```text\n(.*)\n```\n", text, re.DOTALL
    )
    assert found, page.name
    return found[1], found[2], found[3]


def test_there_is_a_page_for_each_question() -> None:
    assert [page.name[:2] for page in PAGES] == [f"{n:02d}" for n in range(1, 27)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_program_prints_what_the_page_says(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer, program, output = parts(page)
    assert len(program.splitlines()) <= 15
    assert len(re.findall(r"[.:?](?=\s|$)", answer)) >= 3
    exec(compile(program, page.name, "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.rstrip("\n") == output

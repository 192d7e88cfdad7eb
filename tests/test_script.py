"""Words on paper: whatever was said, it stays words."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from realtime_raw import script


@given(st.text())
def test_escaped_text_is_one_paragraph_of_words(text: str) -> None:
    """No control character, no line break, and no markup that is not escaped."""
    found = script.escape(text)
    assert "\n" not in found
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>#|~&]", found)
    assert not re.match(r"[-=:]|\d+[.)]", found)


@given(st.text(alphabet=st.sampled_from("ab` \n\x1b")))
def test_code_spans_end_where_they_should(text: str) -> None:
    """Whatever backticks are in them."""
    found = script.code(text)
    fence = re.match("`+", found)
    assert fence is not None
    inner = found[len(fence[0]) : -len(fence[0])]
    assert found.endswith(fence[0])
    assert all(len(run) < len(fence[0]) for run in re.findall("`+", inner))
    assert not {"\n", "\x1b"} & set(found)


def test_what_looks_like_a_list_or_a_rule_is_none() -> None:
    """At the beginning of a paragraph only."""
    assert script.escape("1. one 2. two") == r"1\. one 2. two"
    assert script.escape("--- and - so") == r"\--- and - so"
    assert script.escape("10:30") == "10:30"


def test_the_clock() -> None:
    """Minutes go on beyond the hour; nothing is before the beginning."""
    assert [script.clock(s) for s in (0, 59.96, 61.24, 3661, -5)] == [
        "0:00.0",
        "1:00.0",
        "1:01.2",
        "61:01.0",
        "0:00.0",
    ]

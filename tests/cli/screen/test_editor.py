"""The line being typed, key by key."""

from __future__ import annotations

import pytest

from realtime_raw.cli.screen.editor import History, Typed, edit


@pytest.mark.parametrize(
    ("before", "key", "after"),
    [
        ("ab|cd", "left", "a|bcd"),
        ("|ab", "left", "|ab"),
        ("ab|cd", "right", "abc|d"),
        ("ab|", "right", "ab|"),
        ("ab|cd", "home", "|abcd"),
        ("ab|cd", "end", "abcd|"),
        ("ab|cd", "ctrl-a", "|abcd"),
        ("ab|cd", "ctrl-e", "abcd|"),
        ("ab|cd", "backspace", "a|cd"),
        ("|ab", "backspace", "|ab"),
        ("ab|cd", "delete", "ab|d"),
        ("ab|", "delete", "ab|"),
        ("ab|cd", "ctrl-u", "|cd"),
        ("ab|cd", "ctrl-k", "ab|"),
        ("one two | three", "ctrl-w", "one | three"),
        ("one|", "ctrl-w", "|"),
        ("ab|", "ctrl-q", "ab|"),
        ("ab|", "up", "ab|"),
    ],
)
def test_keys(before: str, key: str, after: str) -> None:
    """`|` is the cursor."""
    typed = Typed(before.replace("|", ""), before.index("|"))
    assert edit(typed, key) == Typed(after.replace("|", ""), after.index("|"))


def test_typing_and_pasting() -> None:
    """At the cursor, which moves on."""
    typed = edit(edit(Typed("ad", 1), "text", "b"), "paste", "c\nc")
    assert typed == Typed("abc\ncd", 5)


def test_lines_sent_before() -> None:
    """Back and forth, and what was being typed is not lost."""
    history, draft = History(), Typed("draft", 5)
    assert history.move(draft, -1) == draft
    for line in ("one", "two", "two"):
        history.add(line)
    assert history.move(draft, -1).text == "two"
    assert history.move(Typed("two", 3), -1) == Typed("one", 3)
    assert history.move(Typed("one", 3), -1).text == "one"
    assert history.move(Typed("one", 3), 1).text == "two"
    assert history.move(Typed("two", 3), 1).text == "draft"
    assert history.move(draft, 1) == draft

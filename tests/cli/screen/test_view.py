"""Every state as rows of text: what is said, what fits, what is styled."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from realtime_raw.cli.screen import view
from realtime_raw.cli.screen.editor import Typed
from realtime_raw.cli.screen.model import Figures, Line, Look, Mode, Phase, Screen
from realtime_raw.cli.screen.status import meter, status_line
from realtime_raw.cli.screen.view import draw, rows_of

WIDE = Look(89, 24)
ASCII = Look(89, 24, "ascii")
CONSOLE = Console()
PHASES: list[Phase] = [
    "ready", "talking", "sending", "waiting", "thinking", "writing", "speaking",
]  # fmt: skip
BUSY = Figures(
    level_dbfs=-18.4,
    clipped=True,
    ring_s=1.25,
    turn_s=3.21,
    first_audio_ms=212.4,
    tokens=1234,
    minutes_left=57.2,
)


def plain(screen: Screen, look: Look = WIDE) -> list[str]:
    """The rows of a picture as text."""
    return [row.plain for row in draw(screen, look).rows]


def style_of(row: Text, offset: int) -> str:
    """How one character of a row is drawn, all styles on it joined."""
    return str(row.get_style_at_offset(CONSOLE, offset))


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("mode", ["voice", "text"])
def test_every_state_is_named(phase: Phase, mode: Mode) -> None:
    """In the lowest row, with a rule above, and the line typed between in text mode."""
    rows = plain(Screen(phase=phase, mode=mode))
    assert rows[-1].startswith(f"● {phase}")
    assert rows[0] == "─" * 89
    assert len(rows) == (3 if mode == "text" else 2)


def test_the_status_line_whole() -> None:
    """Every number with its unit."""
    line = status_line(Screen(phase="speaking", figures=BUSY), Look(140))
    assert line.plain == (
        "● speaking   3.2 s   ▕████████▍   ▏  -18 dB CLIP   ring 1.2 s   reply in 212 ms"
        "   58 min left   1,234 tokens         Esc: interrupt  ?: keys"
    )


def test_the_level_in_eighths() -> None:
    """From -60 dBFS to 0, whatever is given; silence is said."""
    bars = [meter(level, clipped=False, look=WIDE).plain for level in (-math.inf, -60, -30, 0, 6)]
    assert [bar[1:13] for bar in bars] == [" " * 12, " " * 12, "██████      ", "█" * 12, "█" * 12]
    assert "-inf dB" in bars[0]
    assert meter(-57, clipped=True, look=WIDE).plain == "▕▋           ▏  -57 dB CLIP"
    assert meter(-math.inf, clipped=False, muted=True, look=ASCII).plain == "[------------]  muted?     "
    bar = meter(-30, clipped=False, look=WIDE)
    assert [style_of(bar, at) for at in (0, 1, 17)] == ["dim", "green", "none"]
    assert meter(-30, clipped=False, look=ASCII).plain == "[######------]  -30 dB     "


def test_what_matters_least_goes_first() -> None:
    """The narrower the window, the less it says; the state stays."""
    kept = []
    for width in range(1, 141):
        line = status_line(Screen(phase="speaking", figures=BUSY), Look(width))
        assert line.cell_len <= width
        kept.append([word for word in ("dB", "ring", "reply", "Esc", "left", "tokens") if word in line.plain])
    assert all(len(one) <= len(two) + 1 for one, two in itertools.pairwise(kept))
    assert kept[0] == []
    assert kept[-1] == ["dB", "ring", "reply", "Esc", "left", "tokens"]
    assert kept[79] == ["dB", "ring", "reply"]
    assert "Esc" in kept[109]


def test_few_minutes_left_are_loud() -> None:
    """Yellow below five."""
    for minutes, style in ((4.2, "bold yellow"), (5.0, "dim")):
        line = status_line(Screen(figures=Figures(minutes_left=minutes)), WIDE)
        assert any(span.style == style for span in line.spans if "left" in line.plain[span.start : span.end])


def test_utterances() -> None:
    """With who said them, wrapped under their beginning; what may still change is dim."""
    rows = rows_of(Line("model", "word " * 9, settled=False), Look(40))
    assert [row.plain for row in rows] == ["model> word word word word word word", "       word word word"]
    assert [style_of(row, 8) for row in rows] == ["dim", "dim"]
    settled = rows_of(Line("model", "word"), Look(40))[0]
    assert (style_of(settled, 0), style_of(settled, 8)) == ("bold green", "none")
    (row,) = rows_of(Line("you", "Hello."), Look(40))
    assert row.plain == "  you> Hello."
    assert rows_of(Line("you", "Hello."), Look(30))[0].plain == "you> Hello."


@pytest.mark.parametrize(
    ("heard", "unheard", "shown"),
    [
        ("A manual turn", " is a turn.", "model> A manual turn ╱╱ is a turn."),
        ("", "Nothing of it.", "model> ╱╱ Nothing of it."),
        ("All of it.", "", "model> All of it. ╱╱"),
    ],
)
def test_the_cut(heard: str, unheard: str, shown: str) -> None:
    """Where the ear stopped; the rest is struck through."""
    line = Line("model", heard, cut=True, unheard=unheard)
    (row,) = rows_of(line, WIDE)
    assert row.plain == shown
    struck = [row.plain[span.start : span.end].strip() for span in row.spans if "strike" in str(span.style)]
    assert struck == ([unheard.strip()] if unheard else [])
    assert rows_of(line, ASCII)[0].plain == shown.replace("╱╱", "//")


def test_notes_facts_and_errors() -> None:
    """Each at the left margin, errors named."""
    assert [rows_of(Line(who, "so"), WIDE)[0].plain for who in ("note", "fact", "error")] == [
        "so",
        "so",
        "error: so",
    ]
    assert [row.plain for row in rows_of(Line("fact", "one\n\n  two"), WIDE)] == ["one", "", "  two"]


def test_untrusted_words_move_no_cursor() -> None:
    """A transcript with escapes is text."""
    rows = rows_of(Line("model", "a\x1b[2J\rb\x07\u202ec"), WIDE)
    assert rows[0].plain == "model> a[2Jbc"


def test_the_typed_line_follows_the_cursor() -> None:
    """However long it is; pasted line ends show as signs."""
    screen = Screen(mode="text", typed=Typed("one\ntwo", 4))
    picture = draw(screen, WIDE)
    assert picture.rows[-2].plain == "> one↵two"
    assert picture.cursor == (1, 6)
    assert "one\\ntwo" in plain(screen, ASCII)[-2]
    long = Typed("0123456789" * 20, 150)
    picture = draw(replace(screen, typed=long), Look(20, 24))
    assert picture.cursor is not None
    assert picture.cursor[1] <= 19
    assert picture.rows[-2].cell_len <= 20


@pytest.mark.timeout(10)
@pytest.mark.parametrize("look", [WIDE, ASCII])
def test_a_book_may_be_pasted(look: Look) -> None:
    """What is drawn thirty times a second costs the same however long the line is."""
    for word in ("word ", "漢字", "e\u0301"):
        book = word * 100_000
        rows = draw(Screen(mode="text", typed=Typed(book, len(book))), look).rows
        page = word * 1000
        assert [row.plain for row in rows] == plain(Screen(mode="text", typed=Typed(page, len(page))), look)


def test_a_long_answer_is_drawn_as_quickly_as_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of it the newest rows are seen, and they stay where they are while it grows."""
    wrapped: list[int] = []
    wrap = view._wrapped

    def counting(text: Text, width: int) -> list[Text]:
        wrapped.append(len(text))
        return wrap(text, width)

    monkeypatch.setattr(view, "_wrapped", counting)
    look, words = Look(40, 10), [f"word{number}" for number in range(5000)]
    earlier: list[str] = []
    moved = 0
    for count in range(100, len(words), 7):
        rows = plain(Screen(lines=(Line("model", " ".join(words[:count]), settled=False),)), look)[:-2]
        assert len(rows) == 7
        assert rows[-1].endswith(words[count - 1])
        assert not any("model>" in row for row in rows)
        moved += not any(row in rows for row in earlier)
        earlier = rows[:-1]
    assert max(wrapped) < 5 * 40 * 10
    assert moved < 60  # once in a while, and not with each word


@pytest.mark.parametrize("width", range(1, 8))
def test_the_cursor_stays_in_the_window(width: int) -> None:
    """However narrow."""
    picture = draw(Screen(mode="text", typed=Typed("漢字", 2)), Look(width, 5))
    assert picture.cursor is not None
    assert picture.cursor[1] <= width


def test_help_lists_the_keys_of_the_mode() -> None:
    """And says what letters are where one types."""
    voice = "\n".join(plain(Screen(help=True)))
    assert all(f"\n  {key} " in f"\n{voice}" for key in ("Space", "x", "Esc", "Tab", "r", "w", "q", "Ctrl-C"))
    short = plain(Screen(help=True), Look(60, 8))
    assert [row.strip() for row in short[-3:]] == ["...", "─" * 60, short[-1].strip()]
    assert any(row.startswith(" " * 12) for row in plain(Screen(help=True), Look(40, 40)))
    text = "\n".join(plain(Screen(help=True, mode="text", can_talk=False)))
    assert "letters" in text
    assert "if there were a microphone" in text
    assert "asks for the reply" in "\n".join(plain(Screen(help=True, asks_itself=False)))
    assert "//" in "\n".join(plain(Screen(help=True), ASCII))


words = st.text(st.characters(codec="utf-8"), max_size=80)
lines = st.builds(
    Line,
    who=st.sampled_from(["you", "model", "fact", "note", "error"]),
    text=words,
    settled=st.booleans(),
    cut=st.booleans(),
    unheard=words,
)
screens = st.builds(
    Screen,
    phase=st.sampled_from(PHASES),
    mode=st.sampled_from(["voice", "text"]),
    lines=st.lists(lines, max_size=4).map(tuple),
    figures=st.sampled_from([Figures(), BUSY]),
    typed=words.map(lambda text: Typed(text, len(text) // 2)),
    help=st.booleans(),
)


@given(screens, st.integers(1, 60), st.integers(2, 12), st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_nothing_ever_overflows(screen: Screen, width: int, height: int, encoding: str) -> None:
    """Whatever is said in whatever window: rows fit, the status is there, every character can be written."""
    look = Look(width, height, encoding)
    picture = draw(screen, look)
    assert 1 <= len(picture.rows) <= height - 1 or height == 2
    assert all(row.cell_len <= width for row in picture.rows)
    assert picture.rows[-1].plain[:1] == ("●" if encoding == "utf-8" else "*")
    for row in picture.rows:
        row.plain.encode(encoding)
    if picture.cursor is not None:
        assert 0 <= picture.cursor[0] < len(picture.rows)

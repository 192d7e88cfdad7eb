"""What the painter writes shows the picture, in the fewest bytes, on a terminal that knows little."""

from __future__ import annotations

import re

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from realtime_raw.cli.screen.painter import Painter
from realtime_raw.cli.screen.view import Picture

COLUMNS, ROWS = 20, 8


class Eye:
    """A terminal and what is on it."""

    def __init__(self) -> None:
        self.screen = pyte.HistoryScreen(COLUMNS, ROWS, history=10_000)
        self._stream = pyte.Stream(self.screen)

    def see(self, text: str) -> list[str]:
        """All rows there ever were, down to the last that is not empty."""
        self._stream.feed(text)
        gone = ["".join(row[x].data for x in range(COLUMNS)) for row in self.screen.history.top]
        rows = [row.rstrip() for row in [*gone, *self.screen.display]]
        while rows and not rows[-1]:
            rows.pop()
        return rows


def picture(*rows: str, cursor: tuple[int, int] | None = None) -> Picture:
    """A picture of plain rows."""
    return Picture(tuple(Text(row) for row in rows), cursor)


row = st.text("abc ", min_size=1, max_size=COLUMNS - 1).map(lambda text: f"{text}."[: COLUMNS - 1])
rows = st.lists(row, min_size=1, max_size=ROWS - 1)


@given(st.lists(st.tuples(st.lists(row, max_size=3), rows), max_size=12), st.booleans())
def test_any_sequence_of_pictures(steps: list[tuple[list[str], list[str]]], ended: bool) -> None:
    """Rested lines stand once each, in order, above the picture; nothing of an old picture stays."""
    eye, painter = Eye(), Painter(colour=True)
    rested: list[str] = []
    seen: list[str] = []
    for above, below in steps:
        rested += above
        seen = eye.see(painter.paint([Text(one) for one in above], picture(*below)))
        shown = [one.rstrip() for one in (*rested, *below)]
        assert seen[-len(shown) :] == shown
        # A tall picture may have pushed rows out of the top that nobody can erase.
        assert len(eye.screen.history.top) >= max(0, len(shown) - ROWS)
    if ended:
        seen = eye.see(painter.finish([Text("bye.")]))
        assert seen[-1] == "bye."
        assert not eye.screen.cursor.hidden
        assert eye.screen.cursor.x == 0


def test_what_did_not_change_costs_nothing() -> None:
    """And a row that did, only itself."""
    painter = Painter(colour=False)
    painter.paint([], picture("one.", "two.", "three."))
    assert painter.paint([], picture("one.", "two.", "three.")) == ""
    assert re.findall(r"[a-z.]{3,}", painter.paint([], picture("one.", "2.", "three."))) == []
    assert "one" not in painter.paint([], picture("one.", "2.", "3."))


def test_the_cursor_is_shown_where_it_belongs() -> None:
    """And hidden where there is nothing to type."""
    eye, painter = Eye(), Painter(colour=False)
    eye.see(painter.paint([Text("above.")], picture("rule.", "> typed", "status.", cursor=(1, 4))))
    assert (eye.screen.cursor.y, eye.screen.cursor.x, eye.screen.cursor.hidden) == (2, 4, False)
    eye.see(painter.paint([], picture("rule.", "status.")))
    assert eye.screen.cursor.hidden


def test_the_screen_anew() -> None:
    """After a change of size nothing of what stood there counts."""
    eye, painter = Eye(), Painter(colour=False)
    eye.see("left over\r\n" * 20)
    eye.see(painter.paint([], picture("one.", "two.")))
    eye.see(painter.repaint([Text("above.")], picture("one.", "two.")))
    assert [row.rstrip() for row in eye.screen.display] == ["above.", "one.", "two.", *[""] * 5]


def test_colours_only_if_wanted() -> None:
    """Without them what is struck through still is."""
    styled = Picture((Text("no", style="bold red strike"),))
    assert "31" in Painter(colour=True).paint([], styled)
    plain = Painter(colour=False).paint([], styled)
    assert "31" not in plain
    assert re.search(r"\x1b\[1;9m", plain)

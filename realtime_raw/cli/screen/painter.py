"""From one picture to the next, in the fewest bytes a VT100 understands.

Lines that have come to rest are written once, as any program's output, and
scroll away as such; below them a few rows are repainted in place, and of
those only what changed. Pure: it returns text and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from .view import Picture

__all__ = ["Painter"]

_ERASE_LINE = "\x1b[K"
_ERASE_BELOW = "\x1b[J"
_SHOW, _HIDE = "\x1b[?25h", "\x1b[?25l"


class Painter:
    """Remembers what stands on the screen. `colour` is whether colours may be used at all."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._console = Console(width=1000, color_system=None)
        self._rows: list[str] = []
        self._row = 0  # where the cursor is, counted from the first repainted row
        self._cursor: tuple[int, int] | None = None
        self._visible = True

    def paint(self, rested: Sequence[Text], picture: Picture) -> str:
        """What to write so that `rested` stands above and the picture below; "" if it does already."""
        rows = [self._ansi(row) for row in picture.rows]
        if not rested and rows == self._rows and picture.cursor == self._cursor:
            return ""
        out = [_HIDE if self._visible else ""]
        self._visible = False
        if rested:
            out.append(self._to(0))
            out += [f"{self._ansi(row)}{_ERASE_LINE}\r\n" for row in rested]
            self._rows, self._row = [], 0
        out += self._changes(rows)
        if picture.cursor is not None:
            out += [self._to(picture.cursor[0]), f"\x1b[{picture.cursor[1] + 1}G", _SHOW]
            self._visible = True
        self._cursor = picture.cursor
        return "".join(out)

    def repaint(self, above: Sequence[Text], picture: Picture) -> str:
        """The whole screen anew, as after a change of its size; `above` is what fits over the picture.

        It is written over, row by row: to clear a screen is to copy it into the
        scrollback, for some terminals.
        """
        self._rows, self._row, self._cursor = [], 0, None
        return f"\x1b[H{self.paint(above, picture)}"

    def finish(self, rested: Sequence[Text]) -> str:
        """Erase what was repainted, and leave the rest of the transcript behind, and the cursor shown."""
        out = [self._to(0)]
        out += [f"{self._ansi(row)}{_ERASE_LINE}\r\n" for row in rested]
        self._rows, self._row, self._cursor, self._visible = [], 0, None, True
        return "".join([*out, _ERASE_BELOW, _SHOW])

    def _changes(self, rows: list[str]) -> list[str]:
        # What stands below a part that has just been scrolled is anything: all rows are written then.
        fresh, shorter = not self._rows, len(rows) < len(self._rows)
        out = []
        for number, row in enumerate(rows):
            if number >= len(self._rows):
                if number:
                    out += [self._to(number - 1), "\n"]  # the one way down that scrolls
                    self._row = number
                out += [self._to(number), row, _ERASE_LINE]
            elif row != self._rows[number]:
                out += [self._to(number), row, _ERASE_LINE]
        if rows and (fresh or shorter):
            out += [self._to(len(rows) - 1), rows[-1], _ERASE_BELOW]
        self._rows = rows
        return out

    def _to(self, row: int) -> str:
        step = row - self._row
        self._row = row
        return f"\r\x1b[{abs(step)}{'A' if step < 0 else 'B'}" if step else "\r"

    def _ansi(self, row: Text) -> str:
        base = self._console.get_style(row.style)
        return "".join(
            # Where nothing is styled in part, rich leaves the whole's style to its console.
            self._styled(segment.text, segment.style or base)
            for segment in row.render(self._console)
            if segment.text
        )

    def _styled(self, text: str, style: Style) -> str:
        # NO_COLOR is about colours: dim and struck through still say what was not heard.
        style = style if self._colour else style.without_color
        return style.render(text, color_system=ColorSystem.STANDARD)

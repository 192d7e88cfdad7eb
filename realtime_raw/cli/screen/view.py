"""From a screen's state to rows of styled text: pure, and the only place that knows how things look."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ...text import printable
from .editor import Typed
from .model import Line, Look, Screen, Speaker
from .status import status_line

__all__ = ["CUT", "Picture", "draw", "rows_of"]

CUT = "╱╱"
_CUT_ASCII = "//"

_STYLES: dict[Speaker, str] = {
    "you": "bold cyan",
    "model": "bold green",
    "fact": "",
    "note": "dim",
    "error": "bold red",
}
_LABEL = 7  # cells of "model> "
# Below this a hanging indent would leave too little for the words.
_NARROW = 40
# So many characters share a cell at most, marks above and below included; more of them are not shown.
_MARKED = 4
# Only wrapping asks for a console, and asks it nothing.
_CONSOLE = Console(width=1000, color_system=None, force_terminal=False)


@dataclass(frozen=True, slots=True)
class Picture:
    """Rows from top to bottom, and where the cursor stands (row, column); None hides it."""

    rows: tuple[Text, ...]
    cursor: tuple[int, int] | None = None


def draw(screen: Screen, look: Look) -> Picture:
    """All that is repainted, at most `look.height - 1` rows of `look.width` cells.

    Where the room is short, help goes before living lines, and of those the
    newest rows stay.
    """
    below = [Text(_rule(look) * look.width, style="dim")]
    cursor_at: int | None = None
    if screen.mode == "text":
        line, cursor_at = _typed_row(screen.typed, look)
        below.append(line)
    below.append(status_line(screen, look))
    room = max(0, look.height - 1 - len(below))
    above = [row for line in screen.lines for row in rows_of(_newest(line, look), look)]
    if screen.help:
        help_rows = _help_rows(screen, look)
        if len(help_rows) > room:
            help_rows = [*help_rows[: max(0, room - 1)], *_wrapped(Text("  ..."), look.width)][:room]
        above = above[max(0, len(above) - (room - len(help_rows))) :] if room > len(help_rows) else []
        above += help_rows
    rows = [*(above[-room:] if room else []), *below]
    rows = rows[-max(1, look.height - 1) :]
    cursor = None if cursor_at is None or len(rows) < 2 else (len(rows) - 2, cursor_at)
    return Picture(tuple(rows), cursor)


def _newest(line: Line, look: Look) -> Line:
    """A line without most of what has no room on the screen: wrapping a long answer anew takes its time.

    What is left begins at the same place for some screens' worth of words, so that rows do not dance.
    """
    step = 2 * look.width * look.height
    start = (len(line.text) // step - 1) * step
    return replace(line, text=line.text[start:]) if start > 0 else line


def rows_of(line: Line, look: Look) -> list[Text]:
    """One utterance or remark as rows. What is not settled is dim; the ear stopped at the mark."""
    label = {"you": "you> ", "model": "model> ", "fact": "", "note": "", "error": "error: "}[line.who]
    indent = _LABEL if look.width >= _NARROW and line.who in ("you", "model") else 0
    dim = line.who == "note" or not line.settled
    body = Text().append(_fit(line.text, look), style="dim" if dim else "")
    if line.cut:
        body.append(_gap(line.text) + (_CUT_ASCII if look.ascii else CUT), style="bold red")
        if line.unheard.strip():
            body.append(" " + _fit(line.unheard.strip(), look), style="dim strike")
    # Styled in part: the style of a whole would be that of all that is appended to it.
    head = Text().append(label.rjust(indent), style=_STYLES[line.who])
    if not indent:
        return _wrapped(head.append_text(body), look.width)
    rows = _wrapped(body, look.width - indent)
    return [(head if n == 0 else Text(" " * indent)).append_text(row) for n, row in enumerate(rows)]


def _gap(before: str) -> str:
    return " " if before and not before[-1].isspace() else ""


def _wrapped(text: Text, width: int) -> list[Text]:
    text.rstrip()
    wrapped = list(text.wrap(_CONSOLE, max(1, width), tab_size=4))
    for row in wrapped:
        row.rstrip()
        row.truncate(max(1, width))
    return wrapped or [Text()]


def _fit(text: str, look: Look) -> str:
    """Words that can be printed, in characters this terminal has."""
    clean = printable(text, newlines=True)
    if not look.ascii:
        return clean
    return clean.encode(look.encoding, "backslashreplace").decode(look.encoding)


def _rule(look: Look) -> str:
    return "-" if look.ascii else "─"


def _typed_row(typed: Typed, look: Look) -> tuple[Text, int]:
    """The line being typed, scrolled so that the cursor is in it, and the cursor's column."""
    newline = "\\n" if look.ascii else "↵"

    def shown(part: str) -> str:
        return _fit(part.replace("\n", newline), look)

    # A book may have been pasted: only what can be in the row is looked at.
    room = max(1, look.width - 3)
    most = room * _MARKED
    before = _end(shown(typed.text[max(0, typed.cursor - most) : typed.cursor]), room)
    behind = shown(typed.text[typed.cursor : typed.cursor + most])
    row = Text().append("> ", style="bold").append(before + behind)
    row.truncate(look.width)
    return row, min(2 + cell_len(before), look.width)


def _end(text: str, room: int) -> str:
    """As much of the end of `text` as fits into `room` cells."""
    for start in range(len(text) - 1, -1, -1):
        room -= cell_len(text[start])
        if room < 0:
            return text[start + 1 :]
    return text


def _help_rows(screen: Screen, look: Look) -> list[Text]:
    wanted = "asks for the reply, which is not asked for by itself" if not screen.asks_itself else ""
    if screen.mode == "text":
        keys = [
            ("Enter", "sends the line; /help lists what a line may be"),
            ("Tab", "back to voice" if screen.can_talk else "to voice, if there were a microphone"),
            ("Esc", "interrupts the answer"),
            ("Ctrl-R", wanted or "asks for another reply"),
            ("letters", "are text here, x, w and q too; /discard, /why and /quit do what they do"),
            ("Space, ?", "are keys only on an empty line: talk, and this list"),
        ]
    else:
        keys = [
            ("Space", "talk; again: send the turn"),
            ("x", "discard the turn"),
            ("Esc", "interrupt the answer"),
            ("Tab", "type instead: what you write is answered in writing"),
            ("r", wanted or "ask for another reply"),
            ("w", "why is there no answer, or no sound?"),
        ]
    keys += [
        ("? or Esc", "close this list"),
        ("q", "quit, as does Ctrl-D") if screen.mode == "voice" else ("Ctrl-D", "quit, on an empty line"),
        ("Ctrl-C", "interrupt; again: end; a third time: end at once"),
        (_CUT_ASCII if look.ascii else CUT, "you stopped listening here; the rest was not heard"),
    ]
    width = max(len(key) for key, _ in keys) + 4
    rows = []
    for key, meaning in keys:
        for n, row in enumerate(_wrapped(Text(meaning), look.width - width)):
            head = f"  {key}" if n == 0 else ""
            rows.append(Text().append(f"{head:<{width}}", style="bold").append_text(row))
            rows[-1].truncate(look.width)
    return rows

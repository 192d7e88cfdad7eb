"""Draws docs/session.svg: a session held in a pseudo-terminal against the loopback server.

Run as `python -m tools.picture` (extra `dev`). Keys go in as a person would
press them; what stands on the screen then is the picture.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from realtime_raw.loopback import DefaultScenario, LoopbackServer, Reply, Say, Turn, best_speaker
from tests.cli.terminals import Window

TARGET = Path("docs/session.svg")
QUESTION = Path("tools/data/question.wav")
COLUMNS, ROWS = 92, 17
CELL, LINE, MARGIN = 8.4, 19, 16
BACKGROUND, INK = "#16181d", "#d7dae0"
# The colours a terminal has names for, as many as the program uses.
COLOURS = {
    "default": INK,
    "red": "#f0717b",
    "green": "#8fcf7f",
    "brown": "#e5c076",
    "cyan": "#6fc3d6",
    "brightblack": "#858b98",
}

ASKED = [
    "What is a manual turn?",
    "And what if I stop listening?",
    "So you never speak by yourself?",
]
ANSWERS = [
    "A manual turn ends when you say so, and not when you pause. Nothing is answered before that.",
    "Then the sound stops, the answer is cut where your ear was, and the model knows what you heard of it.",
    "Never.",
]


class Calm(DefaultScenario):
    """Says the same in every session."""

    def reply(self, turn: Turn) -> Reply:
        """The next of the answers."""
        return Reply((Say(ANSWERS[(turn.number - 1) % len(ANSWERS)]),))


def hold(window: Window) -> None:
    """The session: a turn heard to its end, one that is cut, and one being spoken."""
    window.until("● ready")
    ask(window)
    window.until("before that.")
    window.until("● ready")
    ask(window)
    window.until("of it.")
    window.until(lambda: re.search(r"ring [12]\.\d s", window.status))
    window.press("\x1b")
    window.until("╱╱")
    window.until("● ready")
    window.press(" ")
    window.until(lambda: re.search(r"1\.[5-9] s +▕████", window.status))


def ask(window: Window) -> None:
    """One spoken turn."""
    window.press(" ")
    window.until(lambda: re.search(r"2\.\d s", window.status))
    window.press(" ")
    window.until("● speaking")


def drawn(window: Window) -> Iterator[str]:
    """The rows as SVG, each run of equal cells as one text."""
    for y, row in enumerate(window.grid()):
        x = 0
        for look, run in groupby(row, _look):
            text = "".join(cell.data for cell in run)
            if text.strip():
                yield _text(x, y, text, look)
            x += len(text)


def _look(cell: Any) -> tuple[str, bool, bool]:
    return COLOURS.get(cell.fg, INK), cell.bold, cell.strikethrough


def _text(x: int, y: int, text: str, look: tuple[str, bool, bool]) -> str:
    lead = len(text) - len(text.lstrip())
    text = text.strip()
    colour, bold, struck = look
    style = f' fill="{colour}"' + ' font-weight="bold"' * bold + ' text-decoration="line-through"' * struck
    left = MARGIN + (x + lead) * CELL
    return (
        f'<text x="{left:.1f}" y="{MARGIN + (y + 0.75) * LINE:.1f}" textLength="{len(text) * CELL:.1f}"'
        f' lengthAdjust="spacingAndGlyphs"{style}>{escape(text)}</text>'
    )


def picture(window: Window) -> str:
    """The window as an SVG of its own."""
    rows = len(window.text.splitlines())
    width, height = COLUMNS * CELL + 2 * MARGIN, rows * LINE + 2 * MARGIN
    font = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
            f' font-family="{font}" font-size="14" style="white-space:pre">',
            "<title>A session on the terminal</title>",
            f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
            *drawn(window),
            "</svg>",
            "",
        ]
    )


def main() -> int:
    """Hold the session and write the picture."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        LoopbackServer(scenario=Calm(ASKED), speaker=best_speaker(), speed=8.0) as server,
    ):
        options = ["--input-device", f"file:{QUESTION}", "--output-device", f"file:{scratch}/heard.wav"]
        argv = [sys.executable, "-m", "realtime_raw", "--url", server.url, *options]
        with Window(argv, columns=COLUMNS, rows=ROWS) as window:
            hold(window)
            TARGET.write_text(picture(window), encoding="utf-8")
            window.press("q")
            code = window.ended()
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")
    return code


if __name__ == "__main__":
    sys.exit(main())

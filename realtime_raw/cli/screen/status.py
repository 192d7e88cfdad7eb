"""The bottom line: the state, the level, and the numbers, as many as fit."""

from __future__ import annotations

import math

from rich.text import Text

from .model import Look, Phase, Screen

__all__ = ["meter", "status_line"]

_STYLES: dict[Phase, str] = {
    "ready": "green",
    "talking": "bold red",
    "sending": "yellow",
    "waiting": "yellow",
    "thinking": "yellow",
    "writing": "cyan",
    "speaking": "cyan",
}
_WIDEST = max(map(len, _STYLES))
# Speech into a microphone that is well set lies in the upper half of this.
_FLOOR_DBFS = -60.0
_CELLS = 12
_EIGHTHS = " ▏▎▍▌▋▊▉"
_GAP = "   "


def status_line(screen: Screen, look: Look) -> Text:
    """One row of at most `look.width` cells. What has no room goes, the least needed first."""
    mark = "*" if look.ascii else "●"
    shown = [Text(f"{mark} {screen.phase:<{_WIDEST}}", style=_STYLES[screen.phase])]
    hint = Text(_hint(screen), style="dim")
    needed, useful = _parts(screen, look)
    for part in needed:
        if _width([*shown, part]) <= look.width:
            shown.append(part)
    for part in useful:
        if _width([*shown, part, hint]) <= look.width:
            shown.append(part)
    line = Text(_GAP).join(shown)
    line.truncate(look.width)
    room = look.width - line.cell_len - hint.cell_len
    if room >= len(_GAP):
        line.append(" " * room).append_text(hint)
    return line


def meter(level_dbfs: float, *, clipped: bool, look: Look, muted: bool = False) -> Text:
    """A bar from -60 to 0 dBFS, the number, and CLIP where the microphone was overdriven.

    One that is `muted` has a question in place of a number: is it, or is it not permitted?
    """
    part = min(1.0, max(0.0, 1 - level_dbfs / _FLOOR_DBFS))
    style = "red" if clipped else "green"
    if look.ascii:
        full = round(part * _CELLS)
        bar = Text("[").append("#" * full, style=style).append("-" * (_CELLS - full), style="dim").append("]")
    else:
        eighths = round(part * _CELLS * 8)
        drawn = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
        bar = Text().append("▕", style="dim").append(drawn, style=style)
        bar.append(" " * (_CELLS - len(drawn))).append("▏", style="dim")
    if muted:
        return bar.append("  muted?     ", style="bold yellow")
    number = "-inf" if math.isinf(level_dbfs) else f"{level_dbfs:.0f}"
    bar.append(f"{number:>5} dB")
    bar.append(" CLIP" if clipped else "     ", style="bold red")
    return bar


def _parts(screen: Screen, look: Look) -> tuple[list[Text], list[Text]]:
    """What is worth more than the hint at the keys, and what is worth less; both in order."""
    figures = screen.figures
    needed: list[Text] = []
    if figures.turn_s is not None:
        needed.append(Text(f"{figures.turn_s:.1f} s"))
    if figures.level_dbfs is not None:
        needed.append(meter(figures.level_dbfs, clipped=figures.clipped, muted=figures.muted, look=look))
    if figures.ring_s:
        needed.append(Text(f"ring {figures.ring_s:.1f} s"))
    if figures.first_audio_ms is not None and screen.phase != "talking":
        needed.append(Text(f"reply in {figures.first_audio_ms:.0f} ms"))
    useful: list[Text] = []
    if figures.minutes_left is not None:
        style = "bold yellow" if figures.minutes_left < 5 else "dim"
        useful.append(Text(f"{math.ceil(figures.minutes_left)} min left", style=style))
    if figures.tokens is not None:
        useful.append(Text(f"{figures.tokens:,} tokens", style="dim"))
    return needed, useful


def _hint(screen: Screen) -> str:
    if screen.mode == "text":
        return "Tab: voice  /help" if screen.can_talk else "/help"
    if screen.phase == "talking":
        return "Space: send  x: discard"
    if screen.phase in ("thinking", "writing", "speaking"):
        return "Esc: interrupt  ?: keys"
    if screen.phase == "waiting":
        return "r: reply  ?: keys"
    return "Space: talk  ?: keys"


def _width(parts: list[Text]) -> int:
    return sum(part.cell_len for part in parts) + len(_GAP) * (len(parts) - 1)

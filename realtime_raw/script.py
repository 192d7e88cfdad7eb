"""Conversations on paper: Markdown and subtitles of lines and turns.

Whatever a server or a user said is escaped here: no control character, no
markup and no line of a subtitle's own syntax gets through. What is said when,
and by whom, is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .text import printable, safe

if TYPE_CHECKING:
    from .transcript import TranscriptLine
    from .turn import ToolUse, Turn

__all__ = ["clock", "code", "dialogue", "escape", "play", "subtitles"]

# Expressions are compiled when the first text is written.
_MARKUP = r"([\\`*_{}\[\]<>()#+!|~&$^])"
# What would make a list, a rule or a heading at the beginning of a paragraph.
_OPENING = r"^(\d+)([.)])|^([-=:])"
# Subtitles know no escapes: what players take for markup is replaced by its like.
_LIKES = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")"})
_CHARS_PER_S = 15
_SHORTEST_S = 1.0


def escape(text: str) -> str:
    """`text` as one Markdown paragraph that reads as it was said."""
    flat = " ".join(printable(text).split())
    return re.sub(_OPENING, r"\1\\\2\3", re.sub(_MARKUP, r"\\\1", flat))


def code(text: str) -> str:
    """`text` as a Markdown code span, whatever backticks are in it."""
    flat = " ".join(printable(text).split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", flat)), default=0))
    pad = " " if not flat or flat[0] == "`" or flat[-1] == "`" else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def clock(seconds: float) -> str:
    """`m:ss.t` since the beginning; never negative."""
    tenths = max(0, round(seconds * 10))
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"


# Lines of a transcript


def dialogue(lines: Iterable[TranscriptLine]) -> str:
    """One paragraph a line: `**User:** …`; what was not heard of a reply is struck through."""
    return "".join(f"**{line.role.capitalize()}:** {_said(line)}\n\n" for line in lines if _has_said(line))


def _has_said(line: TranscriptLine) -> bool:
    return bool(line.text.strip()) or line.spoken


def _said(line: TranscriptLine) -> str:
    if not line.text.strip():
        return "*(no transcript)*"
    if not line.interrupted:
        return escape(line.text) if line.final else f"{escape(line.text)} …"
    return cut(line.text, line.heard, line.unheard)


def cut(text: str, heard: str | None, unheard: str | None) -> str:
    """A reply that was interrupted, with its unheard words struck through if they are known."""
    said = text if heard is None else heard
    parts = (escape(said), f"~~{escape(unheard)}~~" if unheard and unheard.strip() else "", "*— interrupted*")
    return " ".join(part for part in parts if part)


def subtitles(lines: Iterable[TranscriptLine], origin: float) -> str:
    """SubRip blocks in order of time, counted from `origin`; lines without a time or a word are left out."""
    timed = sorted(
        ((line.t_start, line) for line in lines if line.t_start is not None and _sounds(line)),
        key=lambda pair: pair[0],
    )
    blocks = []
    for number, (start, line) in enumerate(timed, 1):
        text = _sounds(line)
        least = max(_SHORTEST_S, len(text) / _CHARS_PER_S) if not line.spoken else _SHORTEST_S
        end = max(line.t_end or start, start + least)
        blocks.append(
            f"{number}\n{_srt(start - origin)} --> {_srt(end - origin)}\n{line.role.capitalize()}: {text}\n\n"
        )
    return "".join(blocks)


def _sounds(line: TranscriptLine) -> str:
    """What of a line reached an ear, fit for a subtitle; "" if nothing did."""
    text = line.text
    if line.interrupted and line.heard is not None:
        text = f"{line.heard.rstrip()} —" if line.heard.strip() else ""
    return " ".join(printable(text).translate(_LIKES).split())


def _srt(seconds: float) -> str:
    ms = max(0, round(seconds * 1000))
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


# Rows of a turn log


def play(turns: Iterable[Turn], origin: float) -> str:
    """A play script: who, when, what was said, what was cut, which tools were called with what result."""
    return "".join(f"{_cue(turn, origin)}\n\n{_speech(turn)}" for turn in turns)


def _cue(turn: Turn, origin: float) -> str:
    notes = [clock(turn.start - origin), *_notes(turn)]
    return f"**{escape(turn.who).upper()}** *({', '.join(notes)})*"


def _notes(turn: Turn) -> Iterator[str]:
    if turn.kind not in ("audio", "text"):
        yield turn.kind.replace("_", " ")
    if turn.out_of_band:
        yield "aside"
    if turn.who == "user" and turn.audio_ms is not None:
        yield f"{turn.audio_ms / 1000:.1f} s of sound"
    if (wait := turn.latencies.get("commit_to_first_audio")) is not None:
        yield f"after {wait:.2f} s"


def _speech(turn: Turn) -> str:
    paragraphs = []
    if turn.interrupted:
        paragraphs.append(cut(turn.text, turn.heard, turn.unheard))
    elif turn.text.strip():
        paragraphs.append(escape(turn.text))
    paragraphs += [f"> {_call(use)}" for use in turn.tool_calls]
    if turn.status not in ("completed", "in_progress", "open") and not turn.interrupted:
        reason = f": {escape(safe(turn.reason))}" if turn.reason else ""
        paragraphs.append(f"*— {escape(turn.status)}{reason}*")
    return "".join(f"{paragraph}\n\n" for paragraph in paragraphs)


def _call(use: ToolUse) -> str:
    call = f"*calls* {code(f'{use.name}({use.arguments})')}"
    if use.error is not None:
        call += f" *which fails:* {escape(safe(use.error))}"
    elif use.result is not None:
        call += f" *→* {code(use.result)}"
    elif use.completed is None:
        call += " *— no result*"
    return f"{call} *({use.seconds:.2f} s)*" if use.seconds is not None else call

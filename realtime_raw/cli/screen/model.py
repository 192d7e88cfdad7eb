"""What a screen shows, and in what surroundings: facts only, no look and no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .editor import Typed

__all__ = ["Figures", "Line", "Look", "Mode", "Phase", "Screen", "Speaker"]

Speaker = Literal["you", "model", "fact", "note", "error"]
Mode = Literal["voice", "text"]
Phase = Literal["ready", "talking", "sending", "waiting", "thinking", "writing", "speaking"]


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance, or what the program has to say: a fact that was asked for, a note, an error.

    An utterance that is not `settled` may still grow, or has not been heard to
    its end. One that was `cut` has what the ear missed in `unheard`; `text` is
    what came before.
    """

    who: Speaker
    text: str
    settled: bool = True
    cut: bool = False
    unheard: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of the status line. None: there is nothing to say.

    `level_dbfs` is the microphone's RMS, `clipped` whether it was overdriven a
    moment ago, `muted` whether it gives nothing but zeros, `ring_s` how much
    sound waits to be played, `turn_s` how long the turn has lasted,
    `first_audio_ms` the time from the last commit to the first sound of its
    answer (for an answer in writing: to its first words).
    """

    level_dbfs: float | None = None
    clipped: bool = False
    muted: bool = False
    ring_s: float | None = None
    turn_s: float | None = None
    first_audio_ms: float | None = None
    tokens: int | None = None
    minutes_left: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The terminal: its size in cells, and the encoding that decides what can be drawn."""

    width: int = 80
    height: int = 24
    encoding: str = "utf-8"

    @property
    def ascii(self) -> bool:
        """Whether only plain characters may be drawn."""
        return not self.encoding.lower().replace("_", "-").startswith(("utf-8", "utf8"))


@dataclass(frozen=True, slots=True)
class Screen:
    """Everything below the transcript that has come to rest: living lines, help, the line typed, status."""

    phase: Phase = "ready"
    mode: Mode = "voice"
    lines: tuple[Line, ...] = ()
    figures: Figures = field(default_factory=Figures)
    typed: Typed = field(default_factory=Typed)
    help: bool = False
    can_talk: bool = True
    asks_itself: bool = True

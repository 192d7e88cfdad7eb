"""Which lines of the transcript still live, and which have come to rest and may scroll away.

A line rests when nothing more can happen to it: all of it is there, and it
was heard to its end, or cut. Lines rest in the conversation's order, so one
that is waited for holds up those behind it, for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from ...transcript import TranscriptLine
from .model import Line, Speaker

__all__ = ["Book"]

# A transcript that is later than this is shown where it then belongs: at the end, and marked late.
PATIENCE_S = 8.0


@dataclass(slots=True)
class _Open:
    line: TranscriptLine
    since: float


class Book:
    """The transcript as a screen needs it. `transcribes`: whether the user's speech will be written down."""

    def __init__(self, *, transcribes: bool = True) -> None:
        self._transcribes = transcribes
        self._open: list[_Open] = []
        self._rested: dict[str, bool] = {}  # item -> whether it rested without its words
        self._late: list[Line] = []

    def take(self, line: TranscriptLine, now: float) -> None:
        """A line that is new, or has changed."""
        if line.item_id in self._rested:
            if self._rested[line.item_id] and line.text and not line.deleted:
                self._rested[line.item_id] = False
                self._late.append(Line("you", f"(late) {line.text}"))
            return
        for one in self._open:
            if one.line.item_id == line.item_id:
                one.line = line
                return
        ids = [one.line.item_id for one in self._open]
        if line.after in ids:
            place = ids.index(line.after) + 1
        else:
            place = 0 if line.after in self._rested else len(ids)
        self._open.insert(place, _Open(line, now))

    def rest(
        self,
        now: float,
        sounding: Callable[[str], bool],
        latest: Callable[[], Iterable[TranscriptLine]] = tuple,
    ) -> list[Line]:
        """The lines that have come to rest since the last call, in order.

        `sounding` tells whether an item's sound is still to be heard. Before a
        line rests it is looked at once more among the `latest`: what silenced
        it may also have cut it, a moment ago.
        """
        found, self._late = self._late, []
        while self._open:
            first = self._open[0]
            patience = now - first.since < PATIENCE_S or any(
                self._lives(one.line, sounding) for one in self._open[1:]
            )
            if self._lives(first.line, sounding) and (patience or first.line.role != "user"):
                break
            for line in latest():
                if line.item_id == first.line.item_id:
                    first.line = line
            self._open.pop(0)
            self._rested[first.line.item_id] = not first.line.text
            found += self._shown([first.line], settled=True)
        return found

    def living(self) -> tuple[Line, ...]:
        """The lines that are not at rest yet, in order."""
        return tuple(self._shown([one.line for one in self._open], settled=False))

    def close(self) -> list[Line]:
        """All that is left, as it is now: the session is over."""
        left = [one.line for one in self._open]
        self._open.clear()
        return self._shown(left, settled=True)

    def _lives(self, line: TranscriptLine, sounding: Callable[[str], bool]) -> bool:
        if line.role == "user":
            return not line.final and (self._transcribes or not line.spoken)
        return not line.final or (not line.interrupted and sounding(line.item_id))

    def _shown(self, lines: Collection[TranscriptLine], *, settled: bool) -> list[Line]:
        return [shown for line in lines if (shown := self._look(line, settled=settled)) is not None]

    def _look(self, line: TranscriptLine, *, settled: bool) -> Line | None:
        who: Speaker = "you" if line.role == "user" else "model"
        done = settled or (line.role == "user" and line.final)
        if line.interrupted and who == "model":
            heard = line.text if line.heard is None else line.heard
            return Line(who, heard, settled=True, cut=True, unheard=line.unheard or "")
        if line.deleted and not line.spoken:
            return None
        text = line.text or ("(spoken)" if who == "you" and line.spoken else "")
        if not text and settled:
            return None
        return Line(who, text or "...", settled=done)

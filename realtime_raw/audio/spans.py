"""`SpanMap`: which numbered frames belong to which audio part.

Lives on the writer's thread and knows only numbers. Where the ear is, is told
to it; frames that will never be heard are cut out of it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from ..types import AudioKey

__all__ = ["SpanMap"]


@dataclass(slots=True)
class _Span:
    start: int
    end: float  # infinity, while there may come more
    key: AudioKey


class SpanMap:
    """Stretches of frames in the order of their numbers, each with its key.

    What lies wholly behind the ear is added up per key (`settle`), so that a
    long session keeps a few spans and one integer a part.
    """

    __slots__ = ("_settled", "_spans", "key")

    def __init__(self) -> None:
        self._spans: deque[_Span] = deque()
        self._settled: dict[AudioKey, int] = {}
        # Whose the next frame is, if nothing is said; the very object that `begin` was given.
        self.key: AudioKey | None = None

    def __len__(self) -> int:
        """How many spans are not settled."""
        return len(self._spans)

    def begin(self, start: int, key: AudioKey) -> None:
        """Frames from number `start` on are `key`'s, until others begin or they are cut; starts only grow."""
        if self._spans:
            self._spans[-1].end = min(self._spans[-1].end, start)
        self._spans.append(_Span(start, math.inf, key))
        self.key = key

    def cut(self, position: int) -> None:
        """Frames from number `position` on will never be heard."""
        self.key = None
        while self._spans and self._spans[-1].start >= position:
            self._spans.pop()
        if self._spans:
            self._spans[-1].end = min(self._spans[-1].end, position)

    def heard(self, key: AudioKey, position: int) -> int:
        """How many frames of `key` have numbers below `position`."""
        count = self._settled.get(key, 0)
        for span in self._spans:
            if span.start >= position:
                break
            if span.key == key:
                count += int(min(span.end, position)) - span.start
        return count

    def continues(self, position: int) -> bool:
        """Whether a pause before frame `position`, which was written, falls within a part."""
        for span in self._spans:
            if span.start <= position < span.end:
                return position > span.start
        return False

    def settle(self, position: int) -> None:
        """Everything below `position` is heard; no smaller position will be asked for."""
        while self._spans and self._spans[0].end <= position:
            span = self._spans.popleft()
            self._settled[span.key] = self._settled.get(span.key, 0) + int(span.end) - span.start

    def forget(self, key: AudioKey) -> None:
        """Nobody will ask for `key` again."""
        self._settled.pop(key, None)
        if self.key == key:
            self.key = None

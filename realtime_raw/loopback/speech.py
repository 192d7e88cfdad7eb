"""Who speaks for the simulated model: real words where espeak-ng is installed, else a murmur.

A speaker turns pieces of text (a word with the blank before it) into samples
at 24 kHz, and says where each piece begins, so transcripts can run in time
with the sound. Speakers are shared between sessions and threads.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple, Protocol

from ..audio.pcm import Samples
from ..errors import MissingExtra
from .espeak import Espeak
from .murmur import murmur

__all__ = ["Speaker", "Speech", "best_speaker", "murmur_speaker", "pieces_of", "sentences_of"]

_LONGEST_PIECE = 48
_LONGEST_SENTENCE = 200


class Speech(NamedTuple):
    """Spoken text: int16 samples at 24 kHz, and the frame at which each piece begins."""

    samples: Samples
    starts: tuple[int, ...]


class Speaker(Protocol):
    """Turns text into speech. `voice` is a name of the API, `speed` 0.25 to 1.5."""

    def say(self, pieces: Sequence[str], voice: str, speed: float) -> Speech:
        """One sentence, cut into pieces. Thread-safe, never raises."""


def pieces_of(text: str) -> list[str]:
    """`text` in pieces as deltas carry them: a word with the blank before it. Joined, they are `text`."""
    return re.findall(rf"\s*\S{{1,{_LONGEST_PIECE}}}|\s+\Z", text)


def sentences_of(pieces: Sequence[str]) -> Iterator[list[str]]:
    """The same pieces by sentences, none much longer than a breath: what is spoken in one go."""
    sentence: list[str] = []
    length = 0
    for piece in pieces:
        sentence.append(piece)
        length += len(piece)
        if piece.rstrip()[-1:] in (".", "!", "?", "…") or length > _LONGEST_SENTENCE:
            yield sentence
            sentence, length = [], 0
    if sentence:
        yield sentence


class CachedSpeaker:
    """Remembers what was said, up to `max_frames` in all, the longest unused forgotten first."""

    def __init__(
        self, say: Callable[[Sequence[str], str, float], Speech], *, max_frames: int = 24_000 * 600
    ) -> None:
        self._say = say
        self._max_frames = max_frames
        self._frames = 0
        self._known: OrderedDict[tuple[tuple[str, ...], str, float], Speech] = OrderedDict()
        self._lock = threading.Lock()

    def say(self, pieces: Sequence[str], voice: str, speed: float) -> Speech:
        """What was said before, or else what the speaker says now."""
        key = (tuple(pieces), voice, speed)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        made = self._say(pieces, voice, speed)
        with self._lock:
            if key not in self._known:
                self._known[key] = made
                self._frames += len(made.samples)
            while self._frames > self._max_frames and len(self._known) > 1:
                self._frames -= len(self._known.popitem(last=False)[1].samples)
        return made


def _murmured(pieces: Sequence[str], voice: str, speed: float) -> Speech:
    return Speech(*murmur(pieces, voice, speed))


@cache
def murmur_speaker() -> Speaker:
    """The deterministic speaker: no words, but syllables as many as the text has."""
    return CachedSpeaker(_murmured)


@cache
def best_speaker() -> Speaker:
    """espeak-ng if the extra `speech` is installed and works, else the murmur."""
    try:
        espeak = Espeak()
    except (MissingExtra, OSError):
        return murmur_speaker()

    def say(pieces: Sequence[str], voice: str, speed: float) -> Speech:
        spoken = espeak.say("".join(pieces), voice, speed)
        if spoken is None:
            return _murmured(pieces, voice, speed)
        samples, words = spoken
        return Speech(samples, _starts(pieces, words, len(samples)))

    return CachedSpeaker(say)


def _starts(pieces: Sequence[str], words: Sequence[tuple[int, int]], frames: int) -> tuple[int, ...]:
    """Where each piece begins, from `(character position, frame)` of the words espeak reported.

    A piece without a report of its own (a lone dash) is placed by its share of the text.
    """
    length = max(1, sum(map(len, pieces)))
    starts, position, latest = [], 0, 0
    for piece in pieces:
        first = position + len(piece) - len(piece.lstrip())
        end = position + len(piece)
        reported = [frame for at, frame in words if first <= at < end]
        guess = frames * position // length
        latest = max(latest, min(reported) if reported else min(guess, frames))
        starts.append(latest)
        position = end
    return tuple(starts)

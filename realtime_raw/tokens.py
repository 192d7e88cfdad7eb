"""What the server reports of one response, transcript or limit, as numbers that can be added up.

Cached and reasoning tokens are parts of the others and never added to them;
transcription is billed apart and counted apart. Who adds, and what it costs,
is `usage`'s affair.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Iterable
from typing import Any, Final

from . import events as ev
from .slim import slim

__all__ = ["Limit", "Tokens", "Transcriptions"]

# More than any session can use; a server that reports more is wrong, and sums stay what JSON can hold.
_MOST = 10**12


def _count(value: int | None) -> int:
    return min(_MOST, max(0, value or 0))


@slim(kw_only=True)
class Tokens:
    """Tokens of one response, or of many added up.

    Always true, whatever a server reports: `total >= input + output`, `input
    >= input_text + input_audio + input_image`, `output >= output_text +
    output_audio`; `cached` is a part of `input`, each `cached_x` a part of
    `cached` and of `input_x`, and `reasoning` a part of `output`.
    """

    total: int = 0
    input: int = 0
    input_text: int = 0
    input_audio: int = 0
    input_image: int = 0
    cached: int = 0
    cached_text: int = 0
    cached_audio: int = 0
    cached_image: int = 0
    output: int = 0
    output_text: int = 0
    output_audio: int = 0
    reasoning: int = 0

    @classmethod
    def of(cls, usage: ev.Usage | None) -> Tokens:
        """What a response reports. Missing counts are 0 or the sum of their parts; nothing raises.

        Where a report contradicts itself the larger count holds, and a part
        is never larger than its whole.
        """
        if usage is None:
            return cls()
        given, made = usage.input_token_details, usage.output_token_details
        split = given.cached_tokens_details if given is not None else None
        text = audio = image = cached = cached_text = cached_audio = cached_image = 0
        output_text = output_audio = reasoning = 0
        if given is not None:
            text, audio, image = map(_count, (given.text_tokens, given.audio_tokens, given.image_tokens))
            cached = _count(given.cached_tokens)
        if split is not None:
            cached_text = min(text, _count(split.text_tokens))
            cached_audio = min(audio, _count(split.audio_tokens))
            cached_image = min(image, _count(split.image_tokens))
        if made is not None:
            output_text, output_audio = _count(made.text_tokens), _count(made.audio_tokens)
            reasoning = _count(made.reasoning_tokens)
        entered = max(_count(usage.input_tokens), text + audio + image)
        left = max(_count(usage.output_tokens), output_text + output_audio)
        return _tokens(
            # In the order of the fields.
            (
                max(_count(usage.total_tokens), entered + left),
                entered,
                text,
                audio,
                image,
                min(entered, max(cached, cached_text + cached_audio + cached_image)),
                cached_text,
                cached_audio,
                cached_image,
                left,
                output_text,
                output_audio,
                min(left, reasoning),
            )
        )

    def __add__(self, other: Tokens) -> Tokens:
        return _tokens(map(operator.add, _COUNTS(self), _COUNTS(other)))

    def to_dict(self) -> dict[str, int]:
        """Plain data for logs: every count."""
        return dataclasses.asdict(self)


# All counts of one, and what sets each of another one past its constructor, which is slow with so many.
_NAMES: Final = tuple(field.name for field in dataclasses.fields(Tokens))
_COUNTS: Final = operator.attrgetter(*_NAMES)
_PUT_COUNTS: Final = tuple(vars(Tokens)[name].__set__ for name in _NAMES)


def _tokens(counts: Iterable[int]) -> Tokens:
    made = object.__new__(Tokens)
    for put, count in zip(_PUT_COUNTS, counts, strict=True):
        put(made, count)
    return made


@slim(kw_only=True)
class Transcriptions:
    """What transcribing the user cost: tokens with some models, seconds (rounded up) with others."""

    count: int = 0
    total: int = 0
    input: int = 0
    input_text: int = 0
    input_audio: int = 0
    output: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, usage: ev.TokenUsage | ev.DurationUsage | ev.UnknownUsage | None) -> Transcriptions:
        """What one transcript reports; unknown ways of billing count as one transcript and nothing else."""
        if isinstance(usage, ev.DurationUsage):
            seconds = usage.seconds or 0.0
            return cls(count=1, seconds=max(0.0, float(seconds)) if math.isfinite(seconds) else 0.0)
        if not isinstance(usage, ev.TokenUsage):
            return cls(count=1)
        given = usage.input_token_details or ev.TranscriptionTokenDetails()
        text, audio = _count(given.text_tokens), _count(given.audio_tokens)
        entered, left = max(_count(usage.input_tokens), text + audio), _count(usage.output_tokens)
        return cls(
            count=1,
            total=max(_count(usage.total_tokens), entered + left),
            input=entered,
            input_text=text,
            input_audio=audio,
            output=left,
        )

    def __add__(self, other: Transcriptions) -> Transcriptions:
        return Transcriptions(**{f: getattr(self, f) + getattr(other, f) for f in _TRANSCRIPTION_FIELDS})

    def to_dict(self) -> dict[str, int | float]:
        """Plain data for logs: every count."""
        return dataclasses.asdict(self)


_TRANSCRIPTION_FIELDS = tuple(field.name for field in dataclasses.fields(Transcriptions))


@slim(kw_only=True)
class Limit:
    """One rate limit as last reported. Times are on the clock the core was given."""

    name: str
    limit: float | None
    remaining: float | None
    resets_at: float | None
    seen_at: float

    def resets_in(self, now: float) -> float | None:
        """Seconds until the limit is whole again, 0 if it is by now; None if the server did not say."""
        return None if self.resets_at is None else max(0.0, self.resets_at - now)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return dataclasses.asdict(self)

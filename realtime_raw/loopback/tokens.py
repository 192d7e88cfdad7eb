"""Counting tokens the simulator's way: simple rules, stated, and the same every time.

Text: one token for every four characters begun. User audio: one for every
100 ms begun, assistant audio: one for every 50 ms begun (rates of the API's
cost guide). An image: 256. What an earlier response of the conversation
already counted is cached in multiples of 64 (observed).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from .config import has_reasoning
from .items import Item

__all__ = ["MAX_OUTPUT_TOKENS", "Tokens", "context_limit", "count_input", "count_text", "usage"]

# The most any model says in one response (API reference).
MAX_OUTPUT_TOKENS = 4096
_IMAGE = 256
_CACHE_STEP = 64


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens by modality."""

    text: int = 0
    audio: int = 0
    image: int = 0

    @property
    def total(self) -> int:
        return self.text + self.audio + self.image

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.text + other.text, self.audio + other.audio, self.image + other.image)

    def cached_from(self, earlier: Tokens) -> Tokens:
        """The part of this that `earlier` already held, in the cache's steps."""
        return Tokens(
            *(
                min(mine, theirs) // _CACHE_STEP * _CACHE_STEP
                for mine, theirs in zip(self._parts(), earlier._parts(), strict=True)
            )
        )

    def _parts(self) -> tuple[int, int, int]:
        return self.text, self.audio, self.image


def count_text(text: str) -> int:
    """Tokens of a text."""
    return math.ceil(len(text) / 4)


def count_audio(ms: float, *, spoken: bool) -> int:
    """Tokens of audio the assistant has `spoken`, or of audio it heard."""
    return math.ceil(ms / (50 if spoken else 100))


def count_item(item: Item) -> Tokens:
    """Tokens of one item in a response's context."""
    wire = item.wire
    text = count_text("".join(str(wire.get(name) or "") for name in ("name", "arguments", "output")))
    total = Tokens(text=text)
    for index, part in enumerate(wire.get("content", ())):
        total += Tokens(
            text=count_text(part.get("text") or part.get("transcript") or ""),
            audio=(
                count_audio(item.audio[index].ms, spoken=item.role == "assistant")
                if index in item.audio
                else 0
            ),
            image=_IMAGE if part["type"] == "input_image" else 0,
        )
    return total


def count_input(instructions: str, tools: Sequence[Any], items: Iterable[Item]) -> Tokens:
    """Tokens a response is given: instructions and tools count as text (observed)."""
    tool_text = orjson.dumps(tools).decode() if tools else ""
    start = Tokens(text=count_text(instructions) + count_text(tool_text))
    return sum((count_item(item) for item in items), start)


def context_limit(model: str) -> int:
    """Input tokens a model takes: 32k less one answer, or 128k less one for the gpt-realtime-2 family."""
    return (128_000 if has_reasoning(model) else 32_320) - MAX_OUTPUT_TOKENS


def usage(given: Tokens, cached: Tokens, made: Tokens) -> dict[str, Any]:
    """The `usage` object of a finished response; cached tokens are among the input tokens."""
    return {
        "total_tokens": given.total + made.total,
        "input_tokens": given.total,
        "output_tokens": made.total,
        "input_token_details": {
            "text_tokens": given.text,
            "audio_tokens": given.audio,
            "image_tokens": given.image,
            "cached_tokens": cached.total,
            "cached_tokens_details": {
                "text_tokens": cached.text,
                "audio_tokens": cached.audio,
                "image_tokens": cached.image,
            },
        },
        "output_token_details": {"text_tokens": made.text, "audio_tokens": made.audio},
    }

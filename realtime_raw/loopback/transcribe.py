"""Transcription of one committed turn: deltas, then `completed` with its usage.

It runs beside the responses, in no order with them (observed). What was
spoken is the scenario's word; nothing here listens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .items import Item
from .outbox import Outbox
from .speech import pieces_of
from .tokens import count_audio, count_text

__all__ = ["transcription"]

_EVENT = "conversation.item.input_audio_transcription"
# Natural durations in seconds (observed: about a second from the commit to the first delta).
_BEFORE = 0.8
_PER_DELTA = 0.01
_AFTER = 0.2
_LOGPROB = -0.01


def transcription(out: Outbox, item: Item, text: str, *, model: str, logprobs: bool) -> Iterator[float]:
    """Transcribe the first part of `item` as `text`, yielding seconds between the events."""
    yield _BEFORE
    where = {"item_id": item.id, "content_index": 0}
    # whisper-1 sends its whole text as one delta (API reference).
    pieces = [text] if model == "whisper-1" and text else pieces_of(text)
    for piece in pieces:
        out.emit_text(f"{_EVENT}.delta", **where, delta=piece, **_logprobs([piece], logprobs))
        yield _PER_DELTA
    yield _AFTER
    ms = item.audio[0].ms
    item.wire["content"][0]["transcript"] = text
    out.emit(
        f"{_EVENT}.completed",
        **where,
        transcript=text,
        usage=_usage(model, ms, text),
        **_logprobs(pieces, logprobs),
    )


def _usage(model: str, ms: float, text: str) -> dict[str, Any]:
    """Tokens for the gpt-4o family, else whole seconds, rounded up (observed)."""
    if not model.startswith("gpt-4o"):
        return {"type": "duration", "seconds": math.ceil(ms / 1000)}
    heard, written = count_audio(ms, spoken=False), count_text(text)
    return {
        "type": "tokens",
        "total_tokens": heard + written,
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": written,
    }


def _logprobs(pieces: list[str], wanted: bool) -> dict[str, Any]:
    """The field, if the session's `include` asks for it."""
    if not wanted:
        return {}
    return {
        "logprobs": [{"token": piece, "logprob": _LOGPROB, "bytes": list(piece.encode())} for piece in pieces]
    }

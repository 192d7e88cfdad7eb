"""Transcription of one committed turn: deltas, then `completed` with its usage.

It runs beside the responses, in no order with them (observed). What was
spoken is the scenario's word; nothing here listens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from .items import Item
from .outbox import Outbox
from .scenario import Spoken
from .speech import pieces_of
from .tokens import count_audio, count_text

__all__ = ["LiveWords", "transcription"]

_EVENT = "conversation.item.input_audio_transcription"
# Natural durations in seconds (observed: about a second from the commit to the first delta).
_BEFORE = 0.8
_PER_DELTA = 0.01
_AFTER = 0.2
_MS_PER_WORD = 300  # of audio, while the user speaks
_LOGPROB = -0.01


def transcription(
    out: Outbox, item: Item, spoken: Spoken, *, model: str, logprobs: bool, told: int = 0
) -> Iterator[float]:
    """Transcribe the first part of `item` as `spoken`, yielding seconds between the events.

    `told` pieces of it were said while the user was still speaking.
    """
    yield _BEFORE
    where = {"item_id": item.id, "content_index": 0}
    if spoken.failure is not None:
        failure = spoken.failure
        error = {"type": failure.type, "code": failure.code, "message": failure.message, "param": None}
        out.emit(f"{_EVENT}.failed", **where, error=error)
        return
    # whisper-1 sends its whole text as one delta (API reference).
    pieces = [spoken.text] if model == "whisper-1" and spoken.text else pieces_of(spoken.text)
    for piece in pieces[told:]:
        out.emit_text(f"{_EVENT}.delta", **where, delta=piece, **logprobs_of([piece], logprobs))
        yield _PER_DELTA
    if model.endswith("-diarize"):
        for segment in spoken.segments:
            out.emit(f"{_EVENT}.segment", **where, id=out.ids.new("seg"), **asdict(segment))
            yield _PER_DELTA
    yield _AFTER
    item.wire["content"][0]["transcript"] = spoken.text
    detected = {"languages": [{"code": code} for code in spoken.languages]} if spoken.languages else {}
    out.emit(
        f"{_EVENT}.completed",
        **where,
        transcript=spoken.text,
        usage=_usage(model, item.audio[0].ms, spoken.text),
        **logprobs_of(pieces, logprobs),
        **(detected if model == "gpt-transcribe" else {}),
    )


class LiveWords:
    """The words of a turn that is still being spoken, said as its audio comes in.

    `start_ms` is where the turn begins on the audio's clock.
    """

    def __init__(self, out: Outbox, item_id: str, text: str, start_ms: float, *, logprobs: bool) -> None:
        self.item_id = item_id
        self.told = 0
        self._out = out
        self._pieces = pieces_of(text)
        self._start_ms = start_ms
        self._logprobs = logprobs

    def heard(self, clock_ms: float) -> None:
        """Say what has been spoken by now; the last word waits for the end of the turn."""
        due = min(int((clock_ms - self._start_ms) / _MS_PER_WORD), len(self._pieces) - 1)
        for piece in self._pieces[self.told : max(due, 0)]:
            where = {"item_id": self.item_id, "content_index": 0}
            self._out.emit_text(
                f"{_EVENT}.delta", **where, delta=piece, **logprobs_of([piece], self._logprobs)
            )
            self.told += 1


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


def logprobs_of(pieces: list[str], wanted: bool) -> dict[str, Any]:
    """The field, if the session's `include` asks for it."""
    if not wanted:
        return {}
    return {
        "logprobs": [{"token": piece, "logprob": _LOGPROB, "bytes": list(piece.encode())} for piece in pieces]
    }

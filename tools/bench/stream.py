"""What the server sends: one spoken answer after another, as bytes ready for the socket.

Every answer is 30 s long and complete: created, item, part, audio interleaved
with 3.5 transcript deltas a second, five `.done`, limits, and usage. Text frames,
compact JSON, keys in the order in which recordings have them.
"""

from __future__ import annotations

import base64
import functools
import json
import random
import re
from typing import Any

__all__ = ["SECONDS", "Answers", "created", "frame", "pcm", "updated"]

SECONDS = 30
BYTES_A_SECOND = 48_000
WORDS_A_SECOND = 3.5

# Ids are 21 letters and digits behind their prefix (observed); eight of them name
# the answer, and so many are not met by chance in the audio.
_NOW, _BEFORE = "R00000Qx", "P00000Qx"
_RESPONSE = f"resp_Aa1Bb2{_NOW}Cc3Dd4E"
_ITEM = f"item_Ff5Gg6{_NOW}Hh7Ii8J"
_PREVIOUS = f"item_Ff5Gg6{_BEFORE}Hh7Ii8J"
_WORDS = (" the", " answer", " to", " your", " question", " is", " not", " a", " simple", " one,", " but")

_SESSION = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_Kk9Ll0MmNnOoPpQqRrSsT",
    "model": "gpt-realtime-2.1",
    "output_modalities": ["audio"],
    "instructions": "Be brief.",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "expires_at": 4102444800,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": None,
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
    },
    "include": None,
}


def frame(message: bytes) -> bytes:
    """A whole, unmasked text frame (RFC 6455, section 5.2)."""
    size = len(message)
    if size < 126:
        return bytes((0x81, size)) + message
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + message
    return b"\x81\x7f" + size.to_bytes(8, "big") + message


def event(kind: str, number: int, **fields: Any) -> bytes:
    """One event's JSON. The event id is the message's own, and names its answer."""
    whole = {"type": kind, "event_id": f"event_{number:06d}{_NOW}UuVvWwX", **fields}
    return json.dumps(whole, separators=(",", ":")).encode()


def created() -> bytes:
    """`session.created`."""
    return event("session.created", 0, session=_SESSION)


def updated() -> bytes:
    """`session.updated`: whatever was asked for, turn detection is off."""
    return event("session.updated", 1, session=_SESSION)


@functools.cache
def pcm(seconds: float = SECONDS) -> bytes:
    """The sound of every answer: noise, as base64 is not to be easier than speech is."""
    return random.Random(7).randbytes(round(seconds * BYTES_A_SECOND))


class Answers:
    """Answers whose audio comes in deltas of `size` bytes; 0 leaves the audio out.

    `seconds` of sound, and of transcript, are in each.
    """

    def __init__(self, size: int = 12_000, seconds: float = SECONDS) -> None:
        self._size = size
        self._seconds = seconds
        self._words = max(1, round(seconds * WORDS_A_SECOND))
        self._template: bytes | None = None
        self._ready = bytearray()
        self._places: list[tuple[int, int]] = []

    @property
    def events(self) -> int:
        """Events in one answer."""
        return len(self.opening(None)) + len(self.closing(None)) + self._words + len(self._starts())

    @property
    def pcm(self) -> bytes:
        """The sound of one answer."""
        return pcm(self._seconds) if self._size else b""

    def frames(self, number: int) -> bytes:
        """All frames of the answer of this number; they come in order, from 0."""
        if number == 0:
            return b"".join(map(frame, self.messages(first=True)))
        if self._template is None:
            self._template = b"".join(map(frame, self.messages(first=False)))
        return self._template.replace(_NOW.encode(), b"R%05dQx" % number).replace(
            _BEFORE.encode(), b"R%05dQx" % (number - 1)
        )

    def ready(self, number: int) -> bytes | bytearray:
        """As `frames`, in memory that the next call writes into: its ids are put in, and nothing is copied.

        What was got before must be with its client by then.
        """
        if number == 0:
            return self.frames(0)
        if not self._ready:
            self._ready = bytearray(self.frames(1))
            for back, name in enumerate((b"R00001Qx", b"R00000Qx")):
                self._places += [(found.start(), back) for found in re.finditer(name, self._ready)]
        names = b"R%05dQx" % number, b"R%05dQx" % (number - 1)
        for at, back in self._places:
            self._ready[at : at + len(_NOW)] = names[back]
        return self._ready

    def messages(self, *, first: bool) -> list[bytes]:
        """The messages of one answer, with ids yet to be numbered unless it is the `first`."""
        previous = None if first else _PREVIOUS
        begin, end = self.opening(previous), self.closing(previous)
        sound = [base64.b64encode(self.pcm[at : at + self._size]).decode() for at in self._starts()]
        words = [_WORDS[n % len(_WORDS)] for n in range(self._words)]
        middle: list[bytes] = []
        said = 0
        for n in range(max(len(sound), 1)):
            due = (n + 1) * len(words) // max(len(sound), 1)
            middle += [self.delta("output_audio_transcript", len(middle), word) for word in words[said:due]]
            said = due
            middle += [self.delta("output_audio", len(middle), piece) for piece in sound[n : n + 1]]
        return [*begin, *middle, *end]

    def _starts(self) -> range:
        return range(0, len(self.pcm), self._size) if self._size else range(0)

    @staticmethod
    def delta(kind: str, number: int, delta: str) -> bytes:
        """A piece of sound or text; the delta comes last."""
        where = {"response_id": _RESPONSE, "item_id": _ITEM, "output_index": 0, "content_index": 0}
        return event(f"response.{kind}.delta", 100 + number, **where, delta=delta)

    def opening(self, previous: str | None) -> list[bytes]:
        """What comes before the first delta."""
        response = {"object": "realtime.response", "id": _RESPONSE, "status": "in_progress", "output": []}
        item = _item("in_progress", [])
        part = {"type": "audio", "transcript": ""}
        where = {"response_id": _RESPONSE, "item_id": _ITEM, "output_index": 0, "content_index": 0}
        return [
            event("response.created", 0, response=response),
            event("response.output_item.added", 1, response_id=_RESPONSE, output_index=0, item=item),
            event("conversation.item.added", 2, previous_item_id=previous, item=item),
            event("response.content_part.added", 3, **where, part=part),
        ]

    def closing(self, previous: str | None) -> list[bytes]:
        """What comes after the last delta."""
        said = "".join(_WORDS[n % len(_WORDS)] for n in range(self._words))
        where = {"response_id": _RESPONSE, "item_id": _ITEM, "output_index": 0, "content_index": 0}
        item = _item("completed", [{"type": "output_audio", "transcript": said}])
        limits = [{"name": "requests", "limit": 15_000, "remaining": 14_999, "reset_seconds": 0.004}]
        return [
            event("response.output_audio.done", 4, **where),
            event("response.output_audio_transcript.done", 5, **where, transcript=said),
            event("response.content_part.done", 6, **where, part={"type": "audio", "transcript": said}),
            event("conversation.item.done", 7, previous_item_id=previous, item=item),
            event("response.output_item.done", 8, response_id=_RESPONSE, output_index=0, item=item),
            event("response.done", 9, response=_finished(item)),
            event("rate_limits.updated", 10, rate_limits=limits),
        ]


def _item(status: str, content: list[dict[str, str]]) -> dict[str, Any]:
    fixed = {"id": _ITEM, "object": "realtime.item", "type": "message", "role": "assistant"}
    return {**fixed, "status": status, "content": content}


def _finished(item: dict[str, Any]) -> dict[str, Any]:
    inputs = {"text_tokens": 40, "audio_tokens": 60, "image_tokens": 0, "cached_tokens": 0}
    usage = {
        "total_tokens": 800,
        "input_tokens": 100,
        "output_tokens": 700,
        "input_token_details": inputs,
        "output_token_details": {"text_tokens": 100, "audio_tokens": 600},
    }
    response = {"object": "realtime.response", "id": _RESPONSE, "status": "completed", "status_details": None}
    return {**response, "output": [item], "conversation_id": "conv_1", "usage": usage, "metadata": None}

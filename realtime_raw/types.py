"""Small facts that cross floors: sentinels, keys, records, and the playhead's shape.

Ids are plain `str`: they are opaque (compatible servers invent their own
forms) and a NewType per kind would have to be cast at every wire field.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import fields
from typing import Final, Literal, NamedTuple, Protocol

from .slim import slim
from .text import redact, safe

__all__ = [
    "UNSET",
    "AudioKey",
    "CloseInfo",
    "ErrorInfo",
    "Heard",
    "PlaybackMark",
    "Playhead",
    "Unset",
]


class Unset(enum.Enum):
    """The type of `UNSET`: "not named at all", as against null and against a value."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET: Final = Unset.UNSET


class AudioKey(NamedTuple):
    """Which audio: one content part of one item."""

    item_id: str
    content_index: int = 0


@slim
class CloseInfo:
    """How a connection ended: the close frame's code and reason, and who began it.

    1005 and 1006 mean that no close frame was read. 1001 is *not* a clean end
    here: it is how a session dies at its maximum duration (observed).
    """

    code: int
    reason: str = ""
    by_us: bool = False

    def __str__(self) -> str:
        return f"{self.code} {safe(self.reason)}".rstrip()

    def __repr__(self) -> str:
        return f"CloseInfo(code={self.code}, reason={redact(self.reason)!r}, by_us={self.by_us})"


@slim
class ErrorInfo:
    """The server's error object, as words. Every field but the message may be absent.

    The fields hold the server's words as they came; the repr shows no key among them.
    """

    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None
    event_id: str | None = None

    def __repr__(self) -> str:
        named = ((f.name, getattr(self, f.name)) for f in fields(self))
        return redact(f"ErrorInfo({', '.join(f'{n}={v!r}' for n, v in named if v is not None)})")


@slim
class Heard:
    """How much of one audio part the listener has heard.

    `frames` were heard, `received` came from the server (both in frames of
    `rate`). Milliseconds are rounded down, as `conversation.item.truncate`
    must never name more than the server generated.
    """

    key: AudioKey
    frames: int
    received: int
    rate: int

    @property
    def ms(self) -> int:
        """Whole milliseconds heard, never more than were received."""
        return min(self.frames, self.received) * 1000 // self.rate

    @property
    def received_ms(self) -> int:
        return self.received * 1000 // self.rate

    @property
    def complete(self) -> bool:
        """Whether everything received so far was heard."""
        return self.frames >= self.received


class PlaybackMark(NamedTuple):
    """A moment of playback: the first sample of a part was heard, or its last one was."""

    kind: Literal["started", "finished"]
    key: AudioKey


class Playhead(Protocol):
    """What the protocol core needs from whatever plays sound (`audio.Player` satisfies it).

    All methods are called on the event loop's thread.
    """

    def feed(self, key: AudioKey, data: bytes, encoding: str, now: float) -> int:
        """Take decoded-from-base64 audio in the wire format `encoding`
        (`audio/pcm`, `audio/pcmu`, `audio/pcma`), cut anywhere; returns the frames
        accepted, counted at the wire's rate. Fewer accepted than given means the
        ring and its spill are full; half a frame at the end is kept for the next call."""

    def end(self, key: AudioKey) -> None:
        """No more audio will come for `key`."""

    def interrupt(self, now: float) -> tuple[Heard, ...]:
        """Stop sounding (with a fade) and forget what is queued. Returns one record for
        each part that was received and not yet heard to its end, in playing order:
        those that never sounded with 0 frames, and one that is heard as far as it was
        received but not `end`ed, as complete. `heard` goes on saying the same."""

    def heard(self, key: AudioKey, now: float) -> Heard | None:
        """How much of `key` was heard so far; None if it never had audio."""

    def poll(self, now: float) -> Sequence[PlaybackMark]:
        """Marks passed since the last poll, in order. Finished: `end` was called and the
        last sample was heard, the device's latency included."""

    def rest(self, now: float) -> float:
        """Seconds for which `poll` will tell nothing, if the device goes on as it does; 0 if in doubt.

        `inf` promises that the core's `playback_resumed` is called when it
        goes on, or was interrupted."""

    @property
    def playing(self) -> bool:
        """Whether a part has had audio and was neither heard to its end nor interrupted,
        so that polling makes sense. A part that is not `end`ed counts as playing."""

"""The journal's place in the stream: it may fail, and the call goes on without it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from ..journal import Direction, JournalWriter

__all__ = ["Tap"]


class Tap:
    """Writes to a journal, if there is one, until that fails once. Owns `stream` if one is given."""

    def __init__(self, journal: JournalWriter | None = None, stream: IO[bytes] | None = None) -> None:
        self._journal = journal
        self._stream = stream
        self._started = 0.0

    @property
    def active(self) -> bool:
        """Whether there is anything to write to."""
        return self._journal is not None

    def begin(self, now: float) -> None:
        """Times count from here."""
        self._started = now

    def write(self, direction: Direction, message: bytes | str, now: float) -> str | None:
        """Record a message. Never raises over the disk: what went wrong comes back in words, once."""
        if self._journal is None:
            return None
        try:
            self._journal.write(direction, message, now - self._started)
        except (OSError, ValueError) as exc:  # a full disk; a stream that somebody closed
            self._journal = None
            return f"the journal cannot be written ({exc}); the call goes on without it"
        return None

    def note(self, note: Mapping[str, Any], now: float) -> str | None:
        """Record what was no message, as `write`."""
        return self.write("note", orjson.dumps(note), now)

    def close(self) -> None:
        """Close the stream, if it is ours. Idempotent."""
        if self._stream is not None:
            # Every line was flushed, so closing has nothing left to lose.
            with contextlib.suppress(OSError):
                self._stream.close()

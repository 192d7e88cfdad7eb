"""The input audio buffer: what was appended since the last commit or clear, and how long it is.

Time here is audio time, bytes over bytes per second; when they arrived does
not matter.
"""

from __future__ import annotations

from . import refusals
from .sound import ENCODINGS, Sound

__all__ = ["InputBuffer"]

_MINIMUM_MS = 100
_MAX_SECONDS = 3600  # a session lasts no longer than this
# Bytes of audio in one append (API reference; that decoded bytes are meant is our choice).
_MAX_APPEND = 15 << 20


class InputBuffer:
    """Audio in the session's input format."""

    def __init__(self) -> None:
        self._encoding = "audio/pcm"
        self._data = bytearray()

    @property
    def ms(self) -> float:
        """Milliseconds since the last commit or clear."""
        return len(self._data) * 1000 / ENCODINGS[self._encoding].bytes_per_second

    def append(self, data: bytes, encoding: str) -> None:
        """Add audio. What is there in another format is converted first: formats may change mid-turn.

        Raises `Refused` for one append, or one turn, beyond the bounds.
        """
        if len(data) > _MAX_APPEND:
            raise refusals.too_long("audio", _MAX_APPEND, len(data))
        if encoding != self._encoding:
            converted = Sound(self._encoding, bytes(self._data)).converted(encoding)
            self._encoding, self._data = encoding, bytearray(converted.data)
        if len(self._data) + len(data) > _MAX_SECONDS * ENCODINGS[encoding].bytes_per_second:
            raise refusals.buffer_full("audio", _MAX_SECONDS)
        self._data += data

    def take(self) -> Sound:
        """All of it, for a commit. Raises `Refused` under 100 ms, and keeps what is there."""
        if self.ms < _MINIMUM_MS:
            raise refusals.commit_empty(self.ms)
        sound = Sound(self._encoding, bytes(self._data))
        self.clear()
        return sound

    def clear(self) -> None:
        """Forget what was not committed."""
        self._data = bytearray()

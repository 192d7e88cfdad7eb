"""The input audio buffer: what was appended since the last commit or clear, and the turns in it.

Time here is audio time, bytes over bytes per second, counted over the whole
session; when the bytes arrived does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import refusals
from .sound import ENCODINGS, Sound
from .vad import Edge, EnergyVad

__all__ = ["InputBuffer"]

_MINIMUM_MS = 100
_MAX_SECONDS = 3600  # a session lasts no longer than this
# Bytes of audio in one append (API reference; that decoded bytes are meant is our choice).
_MAX_APPEND = 15 << 20


class InputBuffer:
    """Audio in the session's input format, and whoever listens for speech in it."""

    def __init__(self) -> None:
        self._encoding = "audio/pcm"
        self._data = bytearray()
        self._heard = 0  # bytes of `_data` that the detector was given: it takes whole samples
        self._clock = 0.0  # ms of all audio ever appended
        self._settings: Mapping[str, Any] | None = None
        self._vad: EnergyVad | None = None

    @property
    def ms(self) -> float:
        """Milliseconds since the last commit or clear."""
        return len(self._data) * 1000 / ENCODINGS[self._encoding].bytes_per_second

    @property
    def clock(self) -> float:
        """Milliseconds of all audio ever appended."""
        return self._clock

    @property
    def speaking(self) -> bool:
        """Whether speech was detected that has not ended."""
        return self._vad is not None and self._vad.speaking

    def reset_clock(self) -> None:
        """Count from zero again."""
        self._clock = 0.0
        if self._settings is not None:
            self._vad = EnergyVad(self._settings, 0.0)

    def listen(self, turn_detection: Mapping[str, Any] | None) -> None:
        """Detect turns by these settings from here on (None: none). The same settings change nothing."""
        if turn_detection != self._settings:
            self._settings = turn_detection
            self._vad = EnergyVad(turn_detection, self._clock) if turn_detection is not None else None

    def append(self, data: bytes, encoding: str) -> list[Edge]:
        """Add audio, and say where speech began and ended in it.

        What is there in another format is converted first: formats may change
        mid-turn. Raises `Refused` for one append, or one turn, beyond the bounds.
        """
        if len(data) > _MAX_APPEND:
            raise refusals.too_long("audio", _MAX_APPEND, len(data))
        if encoding != self._encoding:
            converted = Sound(self._encoding, bytes(self._data)).converted(encoding)
            self._encoding, self._data = encoding, bytearray(converted.data)
            self._heard = len(self._data)
        if len(self._data) + len(data) > _MAX_SECONDS * ENCODINGS[encoding].bytes_per_second:
            raise refusals.buffer_full("audio", _MAX_SECONDS)
        self._data += data
        self._clock += len(data) * 1000 / ENCODINGS[encoding].bytes_per_second
        fresh = Sound(encoding, bytes(self._data[self._heard :])).samples()
        self._heard += len(fresh) * ENCODINGS[encoding].width
        return self._vad.feed(fresh, ENCODINGS[encoding].rate) if self._vad is not None else []

    def take(self) -> Sound:
        """All of it, for a commit. Raises `Refused` under 100 ms, and keeps what is there."""
        if self.ms < _MINIMUM_MS:
            raise refusals.commit_empty(self.ms)
        return self.take_rest()

    def take_rest(self) -> Sound:
        """All of it, however little."""
        sound = Sound(self._encoding, bytes(self._data))
        self.clear()
        return sound

    def take_turn(self, turn: Edge) -> Sound:
        """The audio of a finished turn; what came before it is dropped, what came after stays."""
        assert turn.end_ms is not None
        before = self._clock - self.ms
        whole = Sound(self._encoding, bytes(self._data))
        until = whole.cut(max(0, round(turn.end_ms - before)))
        head = whole.cut(max(0, round(turn.start_ms - before)))
        del self._data[: len(until.data)]
        self._heard = max(0, self._heard - len(until.data))
        return Sound(self._encoding, until.data[len(head.data) :])

    def clear(self) -> None:
        """Forget what was not committed; speech under way goes with it."""
        self._data = bytearray()
        self._heard = 0
        if self._vad is not None:
            self._vad.reset(self._clock)

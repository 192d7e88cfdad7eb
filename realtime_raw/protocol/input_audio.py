"""What was appended to the server's input buffer since the last commit or clear.

The server keeps that count too, but says nothing until a commit fails. With
it kept here, a turn that is too short is refused before anything is sent.
"""

from __future__ import annotations

from ..errors import TurnTooShort
from ..events.session import Session

__all__ = ["MAX_APPEND_BYTES", "MIN_COMMIT_MS", "InputAudio", "Pace"]

# API reference: at least 100 ms since the last commit or clear.
MIN_COMMIT_MS = 100.0
# API reference: 15 MiB in one append. Whether that counts raw or encoded bytes
# is not documented; 8 MiB raw is 11.2 MB encoded and below either reading. It
# is a multiple of 6, so pieces hold whole samples and need no base64 padding.
MAX_APPEND_BYTES = 8 * 1024 * 1024 // 6 * 6

_BYTES_PER_MS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}


# Of `Pace`: a longer gap is a pause, a window is long enough to even out
# jitter, a source this much faster than time is a file, and what is older
# than this counts half, so that a change of source shows.
_PAUSE_S, _WINDOW_S, _FILE, _MEMORY_S = 0.5, 1.0, 6.0, 10.0


class Pace:
    """Seconds of audio against seconds of clock, as a live source delivers it.

    Measured in windows of a second. Windows with a pause in them, and those of
    a file that is sent as fast as the line takes it, are left out.
    """

    def __init__(self) -> None:
        self.audio_s = 0.0
        self.clock_s = 0.0
        self._begun = 0.0
        self._heard = 0.0
        self._last: float | None = None

    def add(self, seconds: float, now: float) -> None:
        """A piece of audio of this length was appended now."""
        last, self._last = self._last, now
        if last is None or not 0 <= now - last <= _PAUSE_S:
            # The first piece was recorded before the window began.
            self._begun, self._heard = now, 0.0
            return
        self._heard += seconds
        span = now - self._begun
        if span < _WINDOW_S:
            return
        if self._heard < _FILE * span:
            fade = 0.5 if self.clock_s > _MEMORY_S else 1.0
            self.audio_s = self.audio_s * fade + self._heard
            self.clock_s = self.clock_s * fade + span
        self._begun, self._heard = now, 0.0


class InputAudio:
    """Bytes and milliseconds of audio sent, by the session's input format."""

    def __init__(self) -> None:
        self.encoding = "audio/pcm"
        self.total_bytes = 0
        self.pending_bytes = 0
        # The unbroken run, up to now, of one value again and again: digital silence.
        self.silent_bytes = 0
        # Length of the last committed or cleared turn, if all of it was such silence.
        self.silent_turn_ms = 0.0
        self.pace = Pace()
        self._carry = b""
        self._announced: set[str] = set()

    @property
    def bytes_per_ms(self) -> int:
        """48 for PCM16 at 24 kHz, 8 for G.711 at 8 kHz."""
        return _BYTES_PER_MS.get(self.encoding, 48)

    @property
    def pending_ms(self) -> float:
        """Milliseconds since the last commit or clear that we sent."""
        return self.pending_bytes / self.bytes_per_ms

    @property
    def total_ms(self) -> float:
        """Milliseconds appended in this session, which is what VAD times count from."""
        return self.total_bytes / self.bytes_per_ms

    def configured(self, session: Session) -> None:
        """Take over the input format the server now holds."""
        audio = session.audio
        if audio is not None and audio.input is not None and audio.input.format is not None:
            self.encoding = audio.input.format.type or self.encoding

    def pieces(self, audio: bytes) -> list[bytes]:
        """`audio` as it may be sent: whole samples, below the wire's limit, in order.

        An odd last byte of PCM is carried over to the next call, so a stream
        may be cut anywhere.
        """
        if self.encoding == "audio/pcm" and (self._carry or len(audio) & 1):
            audio = self._carry + audio
            whole = len(audio) // 2 * 2
            self._carry = audio[whole:]
            audio = audio[:whole]
        if 0 < len(audio) <= MAX_APPEND_BYTES:
            return [audio]
        return [audio[i : i + MAX_APPEND_BYTES] for i in range(0, len(audio), MAX_APPEND_BYTES)]

    def appended(self, size: int, now: float = 0.0, *, constant: bool = False) -> None:
        """`size` bytes of audio were handed to the wire; `constant` if all of one value, digital silence."""
        self.silent_bytes = self.silent_bytes + size if constant else 0
        self.pace.add(size / self.bytes_per_ms / 1000, now)
        self.total_bytes += size
        self.pending_bytes += size

    def check_commit(self) -> None:
        """Raise `TurnTooShort` if the server would refuse a commit now."""
        if self.pending_ms < MIN_COMMIT_MS:
            raise TurnTooShort(self.pending_ms, MIN_COMMIT_MS)

    def taken(self) -> int:
        """A commit or clear went out: returns the bytes it covers and starts at zero."""
        covered, self.pending_bytes, self._carry = self.pending_bytes, 0, b""
        self.silent_turn_ms = covered / self.bytes_per_ms if self.silent_bytes >= covered else 0.0
        return covered

    def given_back(self, size: int) -> None:
        """A commit was refused: the audio it was to cover is still in the server's buffer."""
        self.pending_bytes += size

    def announced(self, item_id: str) -> None:
        """VAD named the item that its own commit will create."""
        self._announced.add(item_id)

    def is_servers_commit(self, item_id: str | None) -> bool:
        """Whether a `committed` is the VAD's, not the answer to ours.

        API reference: a manual commit during speech makes a different item
        than the one `speech_started` announced.
        """
        if item_id is None or item_id not in self._announced:
            return False
        self._announced.discard(item_id)
        self.pending_bytes = 0
        return True

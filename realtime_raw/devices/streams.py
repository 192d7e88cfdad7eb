"""`StreamSource`: sound from a pipe, as it comes: `arecord -t raw … | program`."""

from __future__ import annotations

import threading
from typing import BinaryIO

import numpy as np

from ..audio.pcm import WIRE_RATE, OddByteCarry, Samples, from_pcm16
from ..errors import AudioError

__all__ = ["StreamSource"]

_HELD_S = 2.0
_CHUNK = 4096  # bytes; a pipe gives what it has


class StreamSource:
    """An `AudioSource` that reads raw 16-bit little-endian mono at `rate` from `stream` while it comes.

    `stream` is a binary one, such as `sys.stdin.buffer`; a thread waits for it.
    When 2 s of audio were not read yet, the stream is not read either, so that
    nothing is lost and a fast writer has to wait. Bytes may be cut anywhere; half
    a sample at the end is dropped. For a file, whatever its format, use `FileSource`.
    """

    def __init__(self, stream: BinaryIO, *, rate: int = WIRE_RATE) -> None:
        self._stream = stream
        self._rate = rate
        self._most = int(_HELD_S * rate)
        self._changed = threading.Condition()
        self._pieces: list[Samples] = []
        self._held = 0
        self._ended = False
        self._error: AudioError | None = None
        # Nobody can end a thread that waits for a pipe; it ends with the program at the latest.
        threading.Thread(target=self._run, name="realtime_raw-stream", daemon=True).start()

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self._rate

    @property
    def exhausted(self) -> bool:
        """Whether the stream ended and everything was read, or it was closed."""
        with self._changed:
            return self._ended and not self._held and self._error is None

    def read_available(self) -> Samples:
        """The frames that came since the last call. Raises `AudioError` once, if reading failed."""
        with self._changed:
            pieces, self._pieces, self._held = self._pieces, [], 0
            error = self._error if not pieces else None
            if error is not None:
                self._error = None
            self._changed.notify_all()
        if error is not None:
            raise error
        return np.concatenate([np.zeros(0, np.int16), *pieces])

    def close(self) -> None:
        """Give nothing more. The stream stays open; a piece that is being waited for is lost."""
        with self._changed:
            self._pieces, self._held, self._ended, self._error = [], 0, True, None
            self._changed.notify_all()

    def _run(self) -> None:
        carry, first = OddByteCarry(), True
        read = getattr(self._stream, "read1", self._stream.read)  # `read` waits for all it was asked for
        try:
            while data := read(_CHUNK):
                if first and data[:4] == b"RIFF":
                    raise AudioError("the stream is a WAV file", hint="send raw samples, or use FileSource")
                first = False
                if not self._put(from_pcm16(carry.join(data))):
                    return
        except (OSError, ValueError) as exc:  # ValueError: it was closed by somebody
            self._end(AudioError(f"the stream cannot be read: {exc}"))
        except AudioError as exc:
            self._end(exc)
        else:
            self._end(None)

    def _put(self, samples: Samples) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._held < self._most or self._ended)
            if self._ended:
                return False
            if len(samples):
                self._pieces.append(samples)
                self._held += len(samples)
            return True

    def _end(self, error: AudioError | None) -> None:
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error

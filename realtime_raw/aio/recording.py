"""`Recording`: a session as it was heard, in a two-channel file with its words beside it.

Left is what was committed, each turn where it was spoken; right is exactly
what left the ring, interruptions and their fades included. One clock for both:
the connection's. What becomes of appended audio, the server's events tell.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from .. import events as ev
from .. import script
from ..audio.pcm import WIRE_RATE, Samples, b64decode
from ..audio.resample import Resampler
from ..audio.tape import Cut, Tape
from ..devices.stereo import LEFT, RIGHT, StereoFile
from ..dispatch import Event
from ..errors import AudioError, RealtimeError
from ..events.later import ByKind
from ..protocol import signals
from ..text import printable

if TYPE_CHECKING:
    from ..protocol.core import RealtimeProtocol
    from .records import Records

__all__ = ["Recording"]

# A host's time stamps waver by some milliseconds, and sound does not: blocks
# that belong together are put together, unless there was a real pause.
_WAVER_S: Final = 0.1
# While turn detection hears nothing, this much is kept for the turn that may begin in it.
_BEFORE_SPEECH_S: Final = 30.0


class Recording:
    """A recording that goes on. Made by `conn.record`; ends with `close`, or with the connection.

    `path` is the sound: a WAV of two 16-bit channels, playable at any moment.
    `close` writes beside it, under the same name, the dialogue as `.md` and
    `.srt` and the turn log as `.jsonl`.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        core: RealtimeProtocol,
        records: Records,
        *,
        rate: int = WIRE_RATE,
        now: float,
        failed: Callable[[Exception], object],
    ) -> None:
        self._core = core
        self._records = records
        self._failed = failed
        self._closed = False
        self._started = now
        self._tape = Tape(rate)
        self._marks: dict[str, int] = {}  # commits and clears under way -> the frame behind what they cover
        self._speech: dict[str, float] = {}  # items that turn detection announced -> start in ms
        self._speech_end: dict[str, float] = {}
        self._left = self._right = 0  # the frames behind what each channel holds
        self._resampler: Resampler | None = None
        self._file = _next_file(Path(directory), rate)
        self.path = self._file.path

    @property
    def seconds(self) -> float:
        """How long it is so far."""
        return self._file.frames / self._file.rate

    @property
    def closed(self) -> bool:
        """Whether it has ended: by `close`, or because it could not be written."""
        return self._closed

    # What is heard (a `SoundHook`)

    def played(self, samples: Samples, at: float, rate: int) -> None:
        """Frames that left the ring, the first of them heard at `at`."""
        if not self._closed:
            with self._reporting():
                self._hear(samples, at, rate)

    def _hear(self, samples: Samples, at: float, rate: int) -> None:
        place, waver = self._frame(at), _WAVER_S * self._file.rate
        if self._right and place < self._right - waver:
            return  # time ran backwards: this cannot be put anywhere
        if not self._right or place > self._right + waver:
            self._end_stream()
            self._right = max(place, self._right)
        if rate != self._file.rate:
            if self._resampler is None or self._resampler.from_rate != rate:
                self._end_stream()
                self._resampler = Resampler(rate, self._file.rate)
            samples = self._resampler.process(samples)
        self._put(samples)

    def _put(self, samples: Samples) -> None:
        self._file.write(RIGHT, self._right, samples)
        self._right += len(samples)

    def _end_stream(self) -> None:
        """What a resampler still holds back belongs before what comes now."""
        if self._resampler is not None:
            self._put(self._resampler.flush())

    def captured(self, samples: Samples, at: float, rate: int) -> Samples:
        """Nothing is taken from the microphone itself: what counts is what was committed."""
        return samples

    # What was said

    def appended(self, data: bytes, encoding: str, now: float) -> None:
        """Audio went to the server."""
        if not self._closed:
            with self._reporting():
                self._tape.append(data, encoding, now)
                if self._detects and not self._speech:
                    self._tape.keep(_BEFORE_SPEECH_S)

    def observe(self, event: Event, now: float) -> None:
        """Follow what the session says of the audio it was given."""
        if not self._closed:
            with self._reporting():
                self._follow(event, now)

    def _follow(self, event: Event, now: float) -> None:
        follow = _FOLLOWED[type(event)]
        if follow is not None:
            follow(self, event, now)

    def _append_asked(self, event: ev.InputAudioBufferAppend, now: float) -> None:
        self.appended(b64decode(event.audio), self._core.input_audio.encoding, now)

    def _taking_asked(self, event: ev.InputAudioBufferCommit | ev.InputAudioBufferClear, now: float) -> None:
        self._marks[str(event.event_id)] = self._tape.mark(now)

    def _refused(self, signal: signals.CommandRefused, now: float) -> None:
        self._marks.pop(signal.event_id, None)

    def _speech_started(self, event: ev.InputAudioBufferSpeechStarted, now: float) -> None:
        if event.item_id:
            self._speech[event.item_id] = event.audio_start_ms or 0.0

    def _speech_stopped(self, event: ev.InputAudioBufferSpeechStopped, now: float) -> None:
        if event.item_id in self._speech:
            self._speech_end[event.item_id] = event.audio_end_ms or 0.0

    def _timed_out(self, event: ev.InputAudioBufferTimeoutTriggered, now: float) -> None:
        if event.item_id:
            self._speech[event.item_id] = event.audio_start_ms or 0.0
            self._speech_end[event.item_id] = event.audio_end_ms or 0.0

    def _committed(self, event: ev.InputAudioBufferCommitted, now: float) -> None:
        if event.item_id in self._speech_end:
            start, end = self._speech.pop(event.item_id), self._speech_end.pop(event.item_id)
            self._keep(self._tape.take_span(start, end))
        elif not self._marks:
            # A server that detects turns and does not say where: all there is, then.
            self._keep(self._tape.take(self._tape.mark(now)))

    def _settle(self, confirmed: signals.CommandConfirmed, now: float) -> None:
        mark = self._marks.pop(confirmed.event_id, None)
        if mark is None:
            return
        cut = self._tape.take(mark)
        if isinstance(confirmed.cause, ev.InputAudioBufferCommitted):
            self._speech.clear()
            self._speech_end.clear()
            self._keep(cut)

    @property
    def _detects(self) -> bool:
        """Whether the server ends turns by itself."""
        session = self._core.session.current
        audio = session.audio if session is not None else None
        return audio is not None and audio.input is not None and audio.input.turn_detection is not None

    def _keep(self, turn: Cut | None) -> None:
        """Put a turn where it was spoken; one that was given faster than time, from where it began."""
        if turn is None:
            return
        place = max(self._left, self._frame(turn.ends_at) - len(turn.samples))
        self._file.write(LEFT, place, turn.samples)
        self._left = place + len(turn.samples)

    def _frame(self, at: float) -> int:
        return max(0, round((at - self._started) * self._file.rate))

    # Ending

    def close(self) -> None:
        """Finish the file and write the words beside it. Closing twice is harmless.

        Raises `AudioError` if either cannot be written.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._end_stream()
        finally:
            self._file.close()
        lines = [line for line in self._records.transcript.lines() if _within(line.t_end, self._started)]
        self._write(".md", script.dialogue(lines))
        self._write(".srt", script.subtitles(lines, self._started))
        self._write(".jsonl", self._records.turns.to_jsonl())

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """A disk that is full ends the recording, once and loudly, and not the call."""
        try:
            yield
        except RealtimeError as exc:
            self._closed = True
            with contextlib.suppress(AudioError):
                self._file.close()
            self._failed(exc)

    def _write(self, suffix: str, text: str) -> None:
        path = self.path.with_suffix(suffix)
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as exc:
            raise AudioError(f"cannot write {printable(str(path))}: {exc.strerror or exc}") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _within(end: float | None, started: float) -> bool:
    return end is None or end >= started


def _next_file(directory: Path, rate: int) -> StereoFile:
    """The first `session.wav`, `session-2.wav`, … that is not there yet: no recording replaces another."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise AudioError(
            f"cannot record into {printable(str(directory))}: {exc.strerror or exc}",
            hint="give a directory that can be written",
        ) from exc
    number = 1
    while (path := directory / (f"session-{number}.wav" if number > 1 else "session.wav")).exists():
        number += 1
    return StereoFile(path, rate)


_FOLLOWED: Final[ByKind[Callable[[Recording, Any, float], None]]] = ByKind(
    {
        "input_audio_buffer.append": Recording._append_asked,
        "input_audio_buffer.commit": Recording._taking_asked,
        "input_audio_buffer.clear": Recording._taking_asked,
        signals.CommandConfirmed: Recording._settle,
        signals.CommandRefused: Recording._refused,
        ev.InputAudioBufferSpeechStarted: Recording._speech_started,
        ev.InputAudioBufferSpeechStopped: Recording._speech_stopped,
        "input_audio_buffer.timeout_triggered": Recording._timed_out,
        ev.InputAudioBufferCommitted: Recording._committed,
    }
)

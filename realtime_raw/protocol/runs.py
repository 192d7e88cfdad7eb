"""`Runs`: what the deltas of one part have in common, so that each costs only what is new in it.

They come by the hundred, and differ in their event id and in what they bring.
Where the first of them went stays true until anything else happens: a verb,
a timer that did something, any message but the two kinds of delta of one
reply. Then the next one is looked at in full again.
"""

from __future__ import annotations

from collections.abc import Callable

from ..deltas import AudioDelta, Frames
from ..lean import dataclass
from ..types import AudioKey
from .contents import TextDelta
from .heard import Track
from .item_record import PartRecord
from .responses import ResponseRecord
from .sound import Sound
from .state import State
from .trace import TraceLine

__all__ = ["Runs"]

_TRANSCRIPT = "response.output_audio_transcript.delta"

Feed = Callable[[ResponseRecord, AudioKey, bytes, Sound, float], None]


@dataclass(slots=True, eq=False)
class _Run:
    """Deltas of one kind and one part, and where they go.

    A line of the trace that was pushed out has lost its key: then there is to be a new one.
    """

    frames: Frames
    item_id: str | None
    record: ResponseRecord
    key: AudioKey
    part: PartRecord
    track: Track | None
    line: TraceLine


class Runs:
    """The audio and the words that are coming in. `feed` plays a piece of sound."""

    __slots__ = ("_audio", "_feed", "_state", "_words", "live")

    def __init__(self, state: State, feed: Feed) -> None:
        self._state = state
        self._feed = feed
        self._audio: _Run | None = None
        self._words: _Run | None = None
        # Whether there is anything that could go on.
        self.live = False

    def end(self) -> None:
        """Something else happened."""
        self._audio = self._words = None
        self.live = False

    def take(self, data: bytes, now: float) -> bool:
        """Take a message in if it carries a run on; False, with nothing done, if it does not."""
        self._state.trace.now = now
        run = self._audio
        if run is not None and (delta := run.frames.audio(data)) is not None:
            return self._sound(run, delta, now)
        run = self._words
        if run is None or (event := run.frames.words(data)) is None or run.line.key is None:
            return False
        state = self._state
        state.observed.append(event)
        state.trace.again(run.line)
        delta = event.__dict__["delta"]
        run.part.words.add(delta)
        if run.track is not None:
            run.track.add(delta)
        return True

    def _sound(self, run: _Run, delta: AudioDelta, now: float) -> bool:
        state, record, key = self._state, run.record, run.key
        if run.line.key is None or (state.poll_at is None and state.playhead is not None):
            return False
        sound = Sound(delta, record.id, key, record.encoding)
        state.observed.append(sound)
        state.trace.again(run.line)
        pcm = delta.pcm
        size = len(pcm)
        run.part.sound_bytes += size
        if run.track is not None:
            run.track.received += size
        record.audio_bytes[key] += size
        self._feed(record, key, pcm, sound, now)
        if record.overflowed:
            self.end()
        return True

    # Beginnings

    def sounded(self, sound: Sound) -> None:
        """An audio delta was taken in without a run: perhaps more like it follow."""
        delta = sound.delta
        self._audio = None
        self._words = _beside(self._words, delta.item_id, delta.response_id)
        record = self._state.responses.get(delta.response_id or "")
        if sound.key is None or delta.data is None or record is None:
            return
        if not (record.muted or record.out_of_band or record.overflowed):
            self._audio = self._begun(delta.data, delta.item_id, delta.content_index, record)
            self.live = True

    def said(self, event: TextDelta, data: object) -> None:
        """Words were taken in without a run, from this message: perhaps more of them follow."""
        self._words = None
        self._audio = _beside(self._audio, event.item_id, event.response_id)
        record = self._state.responses.get(event.response_id or "")
        if type(data) is not bytes or record is None or not event.delta:
            return
        run = self._begun(data, event.item_id, event.content_index, record)
        if run is not None and not run.part.words.whole:
            if run.frames.kind != _TRANSCRIPT or (run.track is not None and run.track.whole):
                run.track = None
            self._words = run
            self.live = True

    def _begun(
        self, data: bytes, item_id: str | None, content_index: int | None, record: ResponseRecord
    ) -> _Run | None:
        state = self._state
        frames = Frames.of(data)
        if frames is None or item_id is None or content_index is None or state.options.strict:
            return None
        place, line = state.conversation.place(item_id, content_index), state.trace.run_of(frames.kind)
        if place is None or line is None:
            return None
        return _Run(frames, item_id, record, AudioKey(item_id, content_index), *place, line)


def _beside(run: _Run | None, item_id: str | None, response_id: str | None) -> _Run | None:
    """A run that goes on beside another kind of delta of the same item; other items end it."""
    same = run is not None and run.item_id == item_id and run.record.id == response_id
    return run if same else None

"""`Runs`: what the deltas of one part have in common, so that each costs only what is new in it.

They come by the hundred, and differ in their event id and in what they bring.
Where the first of them went stays true until anything else happens: a verb,
a timer that did something, any message but the two kinds of delta of one
reply. Then the next one is looked at in full again.
"""

from __future__ import annotations

from ..deltas import AudioDelta, Frames
from ..events.base import ServerEvent
from ..types import AudioKey
from .contents import TextDelta
from .heard import Track
from .item_record import PartRecord
from .playback import play
from .reactions import Reactions
from .responses import Amount, ResponseRecord
from .sound import Sound, Source
from .state import State
from .trace import TraceLine

__all__ = ["Runs"]

_TRANSCRIPT = "response.output_audio_transcript.delta"


class _Run:
    """Deltas of one kind and one part, and where they go.

    A line of the trace that was pushed out has lost its key: then there is to be a new one.
    """

    __slots__ = ("amount", "frames", "item_id", "key", "line", "part", "record", "source", "track")

    def __init__(
        self,
        frames: Frames,
        record: ResponseRecord,
        key: AudioKey,
        place: tuple[PartRecord, Track | None],
        line: TraceLine,
        source: Source,
    ) -> None:
        self.frames = frames
        self.item_id = key.item_id
        self.record = record
        self.key = key
        self.amount = record.sounds.get(key) or Amount()  # words may come before any sound
        self.part, self.track = place
        self.line = line
        self.source = source


class Runs:
    """The audio and the words that are coming in; what `reactions` does with sound is done by it."""

    __slots__ = ("_audio", "_refuse", "_refused", "_state", "_words", "live")

    def __init__(self, state: State, reactions: Reactions) -> None:
        self._state = state
        self._refuse = reactions.not_played
        self._refused: Sound | None = None  # what was taken in last and could not be played
        self._audio: _Run | None = None
        self._words: _Run | None = None
        self.live = False  # whether there is anything that could go on

    def end(self) -> None:
        """Something else happened."""
        self._audio = self._words = None
        self.live = False

    def carry(self, data: bytes, now: float) -> Sound | ServerEvent | None:
        """Take a message in if it carries a run on, and return what is to be observed of it.

        None, with nothing done, if it does not. What comes behind that one is
        in `observed` as ever; there is something only if nothing is `live`
        afterwards.
        """
        run = self._words
        if run is None or (event := run.frames.words(data)) is None or (line := run.line).key is None:
            return self._sounded(data, now)
        state = self._state
        state.received += 1
        state.bytes_received += len(data)
        # Here and below: a call for each of these would take as long as all of them.
        trace = state.trace
        trace.serial = line.last_serial = trace.serial + 1
        trace.now = line.last_at = now
        line.count += 1
        delta, part = run.frames.said, run.part
        part.came_at = now
        words, track = part.words, run.track  # not whole: what makes them so ends the run
        words.pieces.append(delta)
        words.length += len(delta)
        if track is not None:
            track.add(delta)
        return event

    def _sounded(self, data: bytes, now: float) -> Sound | None:
        run = self._audio
        if run is None:
            return None
        self._refused = None
        pcm = self.skim(memoryview(data), data, 0, len(data), now)
        if pcm is None:
            return None
        # What was refused is the cause of a warning: the same object, not another like it.
        return self._refused or Sound(pcm, run.source, data)

    def skim(
        self, view: memoryview, buffer: bytes | bytearray, begin: int, end: int, now: float
    ) -> bytes | None:
        """As `carry`, for a message where it lies in a buffer, and only if it is sound; returns that.

        Nothing is kept of the message: this is for sound whose event nobody wants.
        """
        run, state = self._audio, self._state
        if run is None or (pcm := run.frames.pcm(view, buffer, begin, end)) is None:
            return None
        line, playhead = run.line, state.playhead
        # It plays, as long as it is to be looked at.
        if line.key is None or (state.poll_at is None and playhead is not None):
            return None
        trace = state.trace
        trace.serial = line.last_serial = trace.serial + 1
        trace.now = line.last_at = now
        line.count += 1
        state.received += 1
        state.bytes_received += end - begin
        length = len(pcm)
        part, track = run.part, run.track
        part.came_at = now
        part.sound_bytes += length
        if track is not None:
            track.received += length
        run.amount.bytes += length
        if playhead is None:
            return pcm
        record = run.record
        if (trouble := play(playhead, record, run.key, pcm, now)) is not None:
            trace.latest = line
            self._refused = Sound(pcm, run.source, bytes(buffer[begin:end]))
            self._refuse(record, trouble, self._refused.event())
            self.end()
        return pcm

    # Beginnings

    def sounded(self, delta: AudioDelta, source: Source) -> None:
        """An audio delta was taken in without a run: perhaps more like it follow."""
        self._audio = None
        self._words = _beside(self._words, delta.item_id, delta.response_id)
        record = self._state.responses.get(delta.response_id or "")
        if source.key is None or delta.data is None or record is None:
            return
        if not (record.muted or record.out_of_band or record.overflowed):
            self._audio = self._begun(delta.data, delta.item_id, delta.content_index, record, source.key)
            self.live = True

    def said(self, event: TextDelta, data: object) -> None:
        """Words were taken in without a run, from this message: perhaps more of them follow."""
        self._words = None
        self._audio = _beside(self._audio, event.item_id, event.response_id)
        record = self._state.responses.get(event.response_id or "")
        if not isinstance(data, bytes) or record is None or not event.delta:
            return
        run = self._begun(data, event.item_id, event.content_index, record)
        if run is not None and not run.part.words.whole:
            if run.frames.kind != _TRANSCRIPT or (run.track is not None and run.track.whole):
                run.track = None
            self._words = run
            self.live = True

    def _begun(
        self,
        data: bytes,
        item_id: str | None,
        content_index: int | None,
        record: ResponseRecord,
        key: AudioKey | None = None,
    ) -> _Run | None:
        state = self._state
        frames = Frames.of(data)
        if frames is None or item_id is None or content_index is None or state.options.strict:
            return None
        place, line = state.conversation.place(item_id, content_index), state.trace.run_of(frames.kind)
        if place is None or line is None:
            return None
        key = key or AudioKey(item_id, content_index)  # the very object that the player knows it by
        source = Source(item_id, record.id, key, record.encoding, frames)
        return _Run(frames, record, key, place, line, source)


def _beside(run: _Run | None, item_id: str | None, response_id: str | None) -> _Run | None:
    """A run that goes on beside another kind of delta of the same item; other items end it."""
    same = run is not None and run.item_id == item_id and run.record.id == response_id
    return run if same else None

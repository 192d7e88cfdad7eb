"""When each item sounded: appended by the user, played to the listener, or else received.

The turn log and the transcript read it; the core's stream and the count of
appended audio feed it. No text, no order and no judgement are here. All times
are seconds on the clock the core was given.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from . import events as ev
from .events.later import ByKind
from .protocol import signals as sg
from .protocol.conversation import ConversationMirror
from .protocol.history_item import HistoryItem
from .protocol.input_audio import InputAudio
from .protocol.sound import Sound
from .protocol.state import Observed
from .slim import slim

__all__ = ["Intake", "ItemTimes", "Span"]

_REMEMBERED = 4096

_V = TypeVar("_V")


@slim
class Span:
    """From when to when an item sounded; `end` is None while that is not over.

    `source` says how true it is. "appended": when the user's audio was handed
    to the wire, which for a live microphone is when it was spoken. "played":
    when the first and the last sample left our ring, or an interruption cut
    it. "received": nobody reports playback; when the first of it came, and how
    long it lasts. "told": no sound; when the server first told of the item.
    """

    start: float
    end: float | None
    source: Literal["appended", "played", "received", "told"]


@slim
class Intake:
    """The user's audio that one commit covers: how much, and when it was appended.

    With server VAD only the speech the server detected is in it, and `bytes`
    is computed from its milliseconds.
    """

    bytes: int
    ms: float
    start: float
    end: float


class _Sound:
    """What is known of a reply item's sound or text as time goes by."""

    __slots__ = ("ended", "first", "item", "last", "started")

    def __init__(self) -> None:
        self.item: HistoryItem | None = None  # which knows more than we were told, even once it is deleted
        self.first: float | None = None
        self.last: float | None = None
        self.started: float | None = None
        self.ended: float | None = None


class _Appended:
    """How many milliseconds had been appended at which time, and where the last commit stands."""

    def __init__(self, input_audio: InputAudio) -> None:
        self._input = input_audio
        self._bytes = input_audio.total_bytes
        self._ms: list[float] = []
        self._times: list[float] = []
        self.total_ms = 0.0
        self.taken_ms = 0.0

    def look(self, now: float) -> None:
        """Whatever was appended since the last look was appended now."""
        grown = self._input.total_bytes - self._bytes
        if grown > 0:
            self._bytes += grown
            self.total_ms += grown / self._input.bytes_per_ms
            self._ms.append(self.total_ms)
            self._times.append(now)
        if len(self._ms) > _REMEMBERED:
            self._thin()

    def _thin(self) -> None:
        """Forget what was committed; of a turn that is longer still, every second append but the first."""
        old = bisect.bisect_right(self._ms, self.taken_ms)
        del self._ms[:old], self._times[:old]
        if len(self._ms) > _REMEMBERED // 2:
            del self._ms[1::2], self._times[1::2]

    def intake(self, start_ms: float, end_ms: float, now: float) -> Intake:
        """The audio between two offsets into the session's audio."""
        start_ms = min(start_ms, self.total_ms)
        end_ms = max(start_ms, min(end_ms, self.total_ms))
        ms = end_ms - start_ms
        start = self._at(bisect.bisect_right(self._ms, start_ms), now)
        # Sent faster than it sounds: from its start on it lasts as long as it is.
        end = max(start + ms / 1000, self._at(bisect.bisect_left(self._ms, end_ms), now))
        return Intake(round(ms * self._input.bytes_per_ms), ms, start, end)

    def _at(self, index: int, now: float) -> float:
        return self._times[index] if index < len(self._times) else now


class ItemTimes:
    """Knows for each item when it sounded. Feed it the stream first, then whatever reads it.

    Call `appended` after each append: appends leave no trace in the stream.
    Without it, sizes are right all the same and times only as exact as the
    next event. Remembers the last 4096 items.
    """

    def __init__(self, conversation: ConversationMirror, input_audio: InputAudio) -> None:
        self.started: float | None = None
        self._conversation = conversation
        self._appended = _Appended(input_audio)
        self._intakes: dict[str, Intake] = {}
        self._sounds: dict[str, _Sound] = {}
        self._items_of: dict[str, list[str]] = {}
        # Commits of ours without an answer, oldest first; item ids that VAD announced.
        self._asked: dict[str, Intake] = {}
        self._speech: dict[str, tuple[float | None, float | None]] = {}

    # Views

    def intake(self, key: str) -> Intake | None:
        """What a commit covers: by the event id we gave it, or by the item it became."""
        return self._intakes.get(key) or self._asked.get(key)

    def span(self, item_id: str) -> Span | None:
        """When an item sounded, by the truest account there is; None for strangers."""
        intake, sound = self._intakes.get(item_id), self._sounds.get(item_id)
        if intake is not None:
            return Span(intake.start, intake.end, "appended")
        if sound is not None and sound.started is not None:
            return Span(sound.started, sound.ended, "played")
        item = self._conversation.item(item_id)
        if sound is not None and sound.first is not None:
            ms = (item.audio_ms if item is not None else None) or 0
            known = item or sound.item
            last = max(sound.last or sound.first, known.came_at if known is not None else 0.0)
            return Span(sound.first, max(last, sound.first + ms / 1000), "received")
        added = item.added_at if item is not None else None
        return Span(added, added, "told") if added is not None else None

    # Inputs

    def appended(self, now: float) -> None:
        """Audio was just appended; how much, the core's own count says."""
        self.started = now if self.started is None else self.started
        self._appended.look(now)

    def apply(self, observed: Observed | Sound, now: float) -> None:
        """Take in what the core observed; audio may come as `Sound`."""
        self.appended(now)
        handler = _HANDLERS[type(observed)]
        if handler is not None:
            handler(self, observed, now)

    @staticmethod
    def concerned_with(kind: type[Observed]) -> bool:
        """Whether an event of this class, or the audio it appends, changes any time."""
        return kind in _HANDLERS or getattr(kind, "wire_type", "") == "input_audio_buffer.append"

    # The user's audio

    def _commit_asked(self, event: ev.InputAudioBufferCommit, now: float) -> None:
        _remember(self._asked, str(event.event_id), self._take(self._appended.total_ms, now))

    def _clear_asked(self, event: ev.InputAudioBufferClear, now: float) -> None:
        self._appended.taken_ms = self._appended.total_ms

    def _refused(self, signal: sg.CommandRefused, now: float) -> None:
        self._give_back(signal.event_id)

    def _confirmed(self, signal: sg.CommandConfirmed, now: float) -> None:
        if signal.note is not None:
            self._give_back(signal.event_id)

    def _give_back(self, event_id: str) -> None:
        """A commit took nothing: its audio is still in the server's buffer, and the next one takes it."""
        refused = self._asked.pop(event_id, None)
        if refused is not None:
            self._appended.taken_ms = max(0.0, self._appended.taken_ms - refused.ms)

    def _speech_started(self, signal: sg.UserStartedSpeaking, now: float) -> None:
        if signal.item_id is not None:
            _remember(self._speech, signal.item_id, (signal.audio_ms, None))

    def _speech_stopped(self, signal: sg.UserStoppedSpeaking, now: float) -> None:
        if signal.item_id is not None:
            begun, _ = self._speech.get(signal.item_id, (None, None))
            _remember(self._speech, signal.item_id, (begun, signal.audio_ms))

    def _timeout(self, event: ev.InputAudioBufferTimeoutTriggered, now: float) -> None:
        if event.item_id is not None:
            _remember(self._speech, event.item_id, (event.audio_start_ms, event.audio_end_ms))

    def _committed(self, event: ev.InputAudioBufferCommitted, now: float) -> None:
        if not event.item_id or event.item_id in self._intakes:
            return
        if event.item_id in self._speech:
            begun, ended = self._speech.pop(event.item_id)
            intake = self._take(self._appended.total_ms if ended is None else ended, now, begun)
        elif self._asked:
            intake = self._asked.pop(next(iter(self._asked)))
        else:
            intake = self._take(self._appended.total_ms, now)
        _remember(self._intakes, event.item_id, intake)

    def _take(self, end_ms: float, now: float, start_ms: float | None = None) -> Intake:
        appended = self._appended
        intake = appended.intake(appended.taken_ms if start_ms is None else start_ms, end_ms, now)
        appended.taken_ms = max(appended.taken_ms, min(end_ms, appended.total_ms))
        return intake

    # Replies

    def _item_begins(self, event: ev.ResponseOutputItemAdded, now: float) -> None:
        if event.response_id and isinstance(event.item, ev.AssistantMessage) and event.item.id:
            _remember(self._items_of, event.response_id, self._items_of.get(event.response_id, []))
            self._items_of[event.response_id].append(event.item.id)

    def worded(self, event: _Words, now: float) -> None:
        """Words of a reply came: as `apply`, but what was appended is not looked at."""
        if event.item_id and event.delta:
            self.received(event.item_id, now)

    def received(self, item_id: str, now: float) -> None:
        """Some sound or text of a reply's item came: for whoever has no event of it."""
        sound = self._sounds.get(item_id)
        if sound is None:
            sound = self._sound(item_id)
        if sound.first is None:
            sound.first, sound.item = now, self._conversation.item(item_id)
        sound.last = now

    def sounded(self, sound: Sound, now: float) -> None:
        """Sound of a reply came: as `apply`, but what was appended is not looked at."""
        if sound.source.item_id:
            self.received(sound.source.item_id, now)

    def _played(self, signal: sg.PlaybackStarted, now: float) -> None:
        self._begin(signal.item_id, now)

    def _finished(self, signal: sg.PlaybackFinished, now: float) -> None:
        # Not `_end`: another part of the same item may have finished before.
        if (sound := self._sounds.get(signal.item_id)) is not None and sound.started is not None:
            sound.ended = now

    def _cut(self, event: sg.BargeIn | ev.ConversationItemTruncated, now: float) -> None:
        self._end(event.item_id, now)

    def _media_started(self, event: ev.OutputAudioBufferStarted, now: float) -> None:
        for item_id in self._items_of.get(event.response_id or "", ()):
            self._begin(item_id, now)

    def _media_ended(
        self, event: ev.OutputAudioBufferStopped | ev.OutputAudioBufferCleared, now: float
    ) -> None:
        for item_id in self._items_of.get(event.response_id or "", ()):
            self._end(item_id, now)

    def _sound(self, item_id: str) -> _Sound:
        sound = self._sounds.get(item_id)
        if sound is None:
            sound = _Sound()
            _remember(self._sounds, item_id, sound)
        return sound

    def _begin(self, item_id: str, now: float) -> None:
        sound = self._sound(item_id)
        sound.started = now if sound.started is None else sound.started
        # A later part of the same item begins after an earlier one ended.
        sound.ended = None

    def _end(self, item_id: str | None, now: float) -> None:
        sound = self._sounds.get(item_id or "")
        if sound is not None and sound.started is not None and sound.ended is None:
            sound.ended = now


_Words = ev.ResponseOutputAudioDelta | ev.ResponseOutputTextDelta | ev.ResponseOutputAudioTranscriptDelta

_HANDLERS: ByKind[Callable[[ItemTimes, Any, float], None]] = ByKind(
    {
        "input_audio_buffer.commit": ItemTimes._commit_asked,
        "input_audio_buffer.clear": ItemTimes._clear_asked,
        ev.InputAudioBufferCommitted: ItemTimes._committed,
        "input_audio_buffer.timeout_triggered": ItemTimes._timeout,
        sg.CommandRefused: ItemTimes._refused,
        sg.CommandConfirmed: ItemTimes._confirmed,
        sg.UserStartedSpeaking: ItemTimes._speech_started,
        sg.UserStoppedSpeaking: ItemTimes._speech_stopped,
        ev.ResponseOutputItemAdded: ItemTimes._item_begins,
        Sound: ItemTimes.sounded,
        ev.ResponseOutputAudioDelta: ItemTimes.worded,
        ev.ResponseOutputTextDelta: ItemTimes.worded,
        ev.ResponseOutputAudioTranscriptDelta: ItemTimes.worded,
        sg.PlaybackStarted: ItemTimes._played,
        sg.PlaybackFinished: ItemTimes._finished,
        sg.BargeIn: ItemTimes._cut,
        ev.ConversationItemTruncated: ItemTimes._cut,
        "output_audio_buffer.started": ItemTimes._media_started,
        "output_audio_buffer.stopped": ItemTimes._media_ended,
        "output_audio_buffer.cleared": ItemTimes._media_ended,
    }
)


def _remember(known: dict[str, _V], key: str, value: _V) -> None:
    known[key] = value
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]

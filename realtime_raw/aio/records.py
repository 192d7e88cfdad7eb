"""What a connection writes down of itself: turns, transcript, tokens; and the transcript as it grows.

The records are pure and know no connection; here they are fed, before any
handler runs, so that a handler finds them true.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeAlias

from .. import events as ev
from ..dispatch import Event
from ..errors import SessionLost
from ..order_witness import OrderWitness
from ..protocol.core import RealtimeProtocol
from ..protocol.signals import ConnectionLost, HandlerFailed
from ..protocol.sound import Sound
from ..times import ItemTimes
from ..transcript import Transcript, TranscriptLine
from ..turnlog import TurnLog
from ..types import CloseInfo
from ..usage import Budget, UsageMeter
from .bell import Bell

__all__ = ["LiveTranscript", "Records", "Step"]


class LiveTranscript(Transcript):
    """The transcript of a connection: `lines()` as it is now, `live()` as it grows."""

    def __init__(self, core: RealtimeProtocol, times: ItemTimes) -> None:
        super().__init__(core.conversation, times)
        # Not a `WeakSet`: whether there are any is asked for every word.
        self._readers: set[weakref.ref[_Reader]] = set()
        self._closed: CloseInfo | None = None
        # Told when there is a first reader, or none any more.
        self.on_readers: Callable[[], None] = lambda: None

    @property
    def readers(self) -> int:
        """How many read it as it grows."""
        return len(self._readers)

    async def live(self) -> AsyncIterator[TranscriptLine]:
        """Lines of both sides, now and whenever one begins, grows, is cut or is final.

        Starts with the lines that are there. A slow reader misses no line and
        no final word: what changed several times meanwhile comes once, as it
        then is. Ends with our own close; raises `SessionLost` if the line is
        lost. Cancelling it loses nothing.
        """
        reader = _Reader()
        self._readers.add(weakref.ref(reader, self._left))
        self.on_readers()
        reader.take(self.catch_up() if len(self._readers) == 1 else self.lines())
        while True:
            for line in reader.drain():
                yield line
            if self._closed is not None:
                if self._closed.by_us:
                    return
                raise SessionLost(self._closed)
            if not reader.changed:
                await reader.bell.wait()

    def follow(self, event: Event, now: float) -> None:
        """Take an event in; if anyone reads, make the lines it changed and hand them on."""
        if not self._readers:
            self.keep_up(event)
            return
        changed = self.apply(event, now)
        if changed:
            for reader in self._reading():
                reader.take(changed)

    def _left(self, reader: weakref.ref[_Reader]) -> None:
        self._readers.discard(reader)
        self.on_readers()

    def close(self, close: CloseInfo) -> None:
        """The line is gone: readers end after what is there."""
        self._closed = close
        for reader in self._reading():
            reader.bell.ring()

    def _reading(self) -> list[_Reader]:
        return [reader for weak in tuple(self._readers) if (reader := weak()) is not None]


class _Reader:
    """One reader's unread lines, the latest of each: bounded by the conversation, not by its speed."""

    def __init__(self) -> None:
        self.changed: dict[str, TranscriptLine] = {}
        self.bell = Bell()

    def take(self, lines: tuple[TranscriptLine, ...]) -> None:
        for line in lines:
            self.changed.pop(line.item_id, None)
            self.changed[line.item_id] = line
        if lines:
            self.bell.ring()

    def drain(self) -> list[TranscriptLine]:
        changed, self.changed = self.changed, {}
        return list(changed.values())


Step: TypeAlias = Callable[[Any, float], object]


class Records:
    """All records of one connection."""

    def __init__(self, core: RealtimeProtocol, budget: Budget | None = None) -> None:
        self.times = ItemTimes(core.conversation, core.input_audio)
        self.turns = TurnLog(core.conversation, core.responses, self.times)
        self.transcript = LiveTranscript(core, self.times)
        self.usage = UsageMeter(budget)
        self.witness = OrderWitness()
        # For each class of events, those who have a use for it. Most have none for most.
        self._steps: dict[type[Event | Sound], tuple[Step, ...]] = {}

    def observe(self, event: Event | Sound, now: float) -> None:
        """Take in what the core or the shell observed, before any handler does."""
        steps = self._steps.get(type(event))
        if steps is None:
            steps = self._steps[type(event)] = tuple(self.steps_for(type(event)))
        for step in steps:
            step(event, now)

    def steps_for(self, kind: type[Any]) -> Iterator[Step]:
        """Whom to tell of an event of this class, or of `Sound`, in order."""
        if self.times.started is None:
            yield self._begin
        if kind is Sound:
            yield self.times.sounded
        elif kind in (ev.ResponseOutputTextDelta, ev.ResponseOutputAudioTranscriptDelta):
            yield self.times.worded
        elif self.times.concerned_with(kind):
            yield self.times.apply
        for records in (self.turns, self.usage):
            if (step := records.step_for(kind)) is not None:
                yield step
        if self.witness.concerned_with(kind):
            yield self.witness.apply
        if self.transcript.concerned_with(kind):
            yield self.transcript.follow
        if kind is ConnectionLost:
            yield self._lost
        elif kind is HandlerFailed:
            yield self._failed

    def need_repeats(self) -> bool:
        """Whether to be told of deltas that are like the last ones; else their item knows when they came."""
        return self.transcript.readers > 0

    def _begin(self, event: object, now: float) -> None:
        self.times.appended(now)  # the clock of all records starts with the first event

    def _lost(self, signal: ConnectionLost, now: float) -> None:
        self.transcript.close(signal.close)

    def _failed(self, signal: HandlerFailed, now: float) -> None:
        if signal.call_id is not None:
            self.turns.tool_failed(signal.call_id, f"{type(signal.error).__name__}: {signal.error}")

"""What a connection writes down of itself: turns, transcript, tokens; and the transcript as it grows.

The records are pure and know no connection; here they are fed, before any
handler runs, so that a handler finds them true.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator

from ..audit import OrderWitness
from ..dispatch import Event
from ..errors import SessionLost
from ..protocol.core import RealtimeProtocol
from ..protocol.signals import ConnectionLost, HandlerFailed
from ..protocol.sound import Sound
from ..times import ItemTimes
from ..transcript import Transcript, TranscriptLine
from ..turnlog import TurnLog
from ..types import CloseInfo
from ..usage import Budget, UsageMeter
from .bell import Bell

__all__ = ["LiveTranscript", "Records"]


class LiveTranscript(Transcript):
    """The transcript of a connection: `lines()` as it is now, `live()` as it grows."""

    def __init__(self, core: RealtimeProtocol, times: ItemTimes) -> None:
        super().__init__(core.conversation, times)
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._closed: CloseInfo | None = None

    async def live(self) -> AsyncIterator[TranscriptLine]:
        """Lines of both sides, now and whenever one begins, grows, is cut or is final.

        Starts with the lines that are there. A slow reader misses no line and
        no final word: what changed several times meanwhile comes once, as it
        then is. Ends with our own close; raises `SessionLost` if the line is
        lost. Cancelling it loses nothing.
        """
        reader = _Reader()
        self._readers.add(reader)
        reader.take(self.lines())
        while True:
            for line in reader.drain():
                yield line
            if self._closed is not None:
                if self._closed.by_us:
                    return
                raise SessionLost(self._closed)
            if not reader.changed:
                await reader.bell.wait()

    def publish(self, changed: tuple[TranscriptLine, ...]) -> None:
        """Hand changed lines to everyone who reads."""
        for reader in self._readers:
            reader.take(changed)

    def close(self, close: CloseInfo) -> None:
        """The line is gone: readers end after what is there."""
        self._closed = close
        for reader in self._readers:
            reader.bell.ring()


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


class Records:
    """All records of one connection."""

    def __init__(self, core: RealtimeProtocol, budget: Budget | None = None) -> None:
        self.times = ItemTimes(core.conversation, core.input_audio)
        self.turns = TurnLog(core.conversation, core.responses, self.times)
        self.transcript = LiveTranscript(core, self.times)
        self.usage = UsageMeter(budget)
        self.witness = OrderWitness()

    def observe(self, event: Event | Sound, now: float) -> None:
        """Take in what the core or the shell observed, before any handler does."""
        self.times.apply(event, now)
        if isinstance(event, Sound):  # no other record is about sound
            return
        self.turns.apply(event, now)
        self.usage.apply(event, now)
        self.witness.apply(event, now)
        self.transcript.publish(self.transcript.apply(event, now))
        if isinstance(event, ConnectionLost):
            self.transcript.close(event.close)
        elif isinstance(event, HandlerFailed) and event.call_id is not None:
            self.turns.tool_failed(event.call_id, f"{type(event.error).__name__}: {event.error}")

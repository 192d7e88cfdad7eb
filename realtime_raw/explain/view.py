"""What rules look at: a session and its trace, read-only, with the questions they share.

Order is asked by serial, as many messages may share a moment; patience is
asked by time. Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..events.audio_config import AudioInput
from ..protocol.core import RealtimeProtocol
from ..protocol.history_item import HistoryItem
from ..protocol.responses import ResponseRecord
from ..protocol.trace import TraceLine
from .findings import Severity, brief

__all__ = ["PATIENCE_S", "View", "called", "is_voice_lock", "joined", "lasting"]

# How long a next step may be in coming before somebody might ask why.
PATIENCE_S = 2.0


class View:
    """One session at one moment."""

    def __init__(self, core: RealtimeProtocol, now: float) -> None:
        self.core = core
        self.now = now
        self._by_type: dict[str, list[TraceLine]] = {}
        self._done: dict[str, TraceLine] = {}
        self._created: dict[str, TraceLine] = {}
        self._asked = 0
        self._completed = 0
        for line in core.trace:
            if line.form in ("known", "renamed"):
                self._by_type.setdefault(line.type, []).append(line)
        self._follow_responses()

    @property
    def started(self) -> float:
        """When the connection came up, on the clock of the core."""
        if self.core.trace.started is not None:
            return self.core.trace.started
        return next((line.at for line in self.core.trace), self.now)

    # The trace

    def lines(self, *types: str) -> list[TraceLine]:
        """All lines of these types that are remembered, in order; of each at least the last that ever was."""
        found: list[TraceLine] = []
        for type_ in types:
            last = self.core.trace.last(type_)
            found += self._by_type.get(type_) or ([] if last is None else [last])
        return sorted(found, key=lambda line: line.serial)

    def last(self, *types: str) -> TraceLine | None:
        """The youngest line of these types, pushed out or not."""
        found = [line for line in map(self.core.trace.last, types) if line is not None]
        return max(found, key=lambda line: line.last_serial, default=None)

    def notes(self, type_: str, *about: str) -> list[TraceLine]:
        """Notes of a type that are about one of these."""
        return [line for line in self.lines(type_) if line.about in about]

    def gone(self, direction: str) -> TraceLine | None:
        """The note that a sound device of this direction was lost, unless one is back since."""
        notes = self.notes("device.lost", direction) + self.notes("device.restored", direction)
        last = max(notes, key=lambda line: line.last_serial, default=None)
        return last if last is not None and last.type == "device.lost" else None

    def entry(self, item_id: str | None) -> TraceLine | None:
        """The first message of the server that is remembered to name this item."""
        named = (line for line in self.core.trace if line.item_id == item_id and line.direction == "in")
        # Retrieved items come in runs, whose lines name none.
        return next(named, None) or self.last("conversation.item.retrieved")

    def with_causes(self, lines: list[TraceLine]) -> list[TraceLine | None]:
        """Notes together with the messages they point at."""
        return [one for line in lines for one in (line.cause, line)]

    def idle(self, line: TraceLine) -> float:
        """Seconds since this line, or since the end of this run."""
        return max(0.0, self.now - line.last_at)

    def age(self, moment: float | None) -> float:
        """Seconds since a moment; 0 if it never was."""
        return 0.0 if moment is None else max(0.0, self.now - moment)

    # What the session is

    @property
    def is_open(self) -> bool:
        """Whether there is still a line to speak on."""
        return self.core.closed is None

    @property
    def replies(self) -> bool:
        """Whether this kind of session has replies at all."""
        return self.core.session.kind == "realtime"

    @property
    def manual(self) -> bool:
        """Whether turns end when we say so: detection is off, or was promised to be and is not shown."""
        session = self.core.session
        return not session.vad_on and (session.manual_turns or session.turn_detection is None)

    @property
    def audio_input(self) -> AudioInput | None:
        """`session.audio.input` as the server last showed it."""
        current = self.core.session.current
        return current.audio.input if current is not None and current.audio is not None else None

    def is_first_patch(self, line: TraceLine) -> bool:
        """Whether a line is about the `session.update` this connection was opened with."""
        first = self.core.first_patch
        return first is not None and line.event_id == first

    @property
    def configured(self) -> TraceLine | None:
        """The message that shows the configuration in force."""
        return self.last("session.created", "session.updated")

    # Responses

    @property
    def records(self) -> list[ResponseRecord]:
        """Responses of the default conversation that are remembered, in order."""
        return [record for record in self.core.responses if not record.out_of_band]

    @property
    def last_ask(self) -> int:
        """Serial of the last request for a reply in the conversation, ours or the server's own; 0: none."""
        return self._asked

    def done(self, record: ResponseRecord) -> TraceLine | None:
        """The `response.done` of a response, if it is remembered."""
        return self._done.get(record.id)

    def created(self, record: ResponseRecord) -> TraceLine | None:
        """The `response.created` of a response, if it is remembered."""
        return self._created.get(record.id)

    def cured(self, line: TraceLine | None) -> bool:
        """Whether a reply has completed in the conversation since: the trouble is past."""
        return line is not None and line.last_serial < self._completed

    def severity(self, worst: Severity, line: TraceLine | None) -> Severity:
        """How bad this still is: past troubles are notes."""
        return "note" if self.cured(line) else worst

    # Items

    @property
    def items(self) -> Iterator[HistoryItem]:
        """The conversation, in order."""
        return iter(self.core.conversation)

    def sent_items(self) -> Iterator[tuple[TraceLine, HistoryItem]]:
        """Items we added that are still in the conversation, each with the message that added it."""
        for line in self.lines("conversation.item.create"):
            item = self.core.conversation.item(line.item_id) if line.item_id is not None else None
            if item is not None:
                yield line, item

    # Audio

    def audio_ms(self, lines: list[TraceLine]) -> float:
        """Milliseconds of audio in these appends."""
        return sum(line.size for line in lines) / self.core.input_audio.bytes_per_ms

    @property
    def appends(self) -> list[TraceLine]:
        """Runs of appended audio."""
        return self.lines("input_audio_buffer.append", "session.input_audio_buffer.append")

    def _follow_responses(self) -> None:
        responses = self.core.responses
        for line in self.lines("response.create", "response.created", "response.done"):
            record = responses.get(line.response_id) if line.response_id is not None else None
            beside = line.about == "out of band" or (record is not None and record.out_of_band)
            if line.type == "response.done":
                self._done[line.response_id or ""] = line
                if line.about.startswith("completed") and not beside:
                    self._completed = line.serial
                continue
            if line.type == "response.created":
                self._created[line.response_id or ""] = line
            if not beside:
                self._asked = line.serial


def called(record: ResponseRecord) -> str:
    """A response by its id; some compatible servers give none."""
    return brief(record.id) if record.id else "(without an id)"


def is_voice_lock(line: TraceLine) -> bool:
    """Whether a refusal, the server's or ours, is about a voice that can no longer change."""
    here = line.type == "command.not_sent" and "session.audio.output.voice" in line.detail
    return here or line.code == "cannot_update_voice"


def joined(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def lasting(seconds: float) -> str:
    """A length of time for people."""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

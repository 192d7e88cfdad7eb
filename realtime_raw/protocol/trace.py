"""What passed lately, a line each: the memory that a diagnosis can cite.

Bounded and cheap, as it runs on every message: no payloads, no parsing of its
own. Lines that only repeat (deltas, appends, the same error again) are one
line with a count, so that a long reply does not push out the proof of what
came before it. Nothing here decides anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from .. import events as ev
from ..deltas import AudioDelta
from ..events.base import RAW, ClientEvent, InvalidServerEvent, ServerEvent, UnknownServerEvent
from ..events.catalog import DIALECTS
from ..events.later import ByKind
from . import signals
from .commands import Command
from .signals import Signal

__all__ = ["LIMIT", "Direction", "Form", "Trace", "TraceLine"]

LIMIT = 1000
# Server text is cut here: a line is a proof, not a copy.
_MAX_TEXT = 300

Direction = Literal["in", "out", "note"]
Form = Literal["known", "renamed", "unknown", "invalid"]
_Key = tuple[str | None, ...]

# They come by the hundred, and their ids are known to be strings.
_DELTAS = frozenset(
    name for dialect in DIALECTS.values() for name in dialect.server if name.endswith(".delta")
)
_SOUND = ev.ResponseOutputAudioDelta.wire_type
# Besides those: read by the hundred when a history is verified.
_RUNS = frozenset(("conversation.item.retrieve", "conversation.item.retrieved"))
_APPENDS = ("input_audio_buffer.append", "session.input_audio_buffer.append")
# After one of these, audio belongs to another turn or another format.
_ENDS_APPENDS = frozenset(
    (
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "input_audio_buffer.committed",
        "input_audio_buffer.cleared",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "session.created",
        "session.updated",
    )
)


class TraceLine:
    """One message, or a run of messages that only repeat; or a note of the core's own.

    `serial` orders all lines, `last_serial` the end of a run. Times are in
    seconds of the core's clock. Of what came in, `form` says how it was read:
    `renamed` is an event by its retired name (then in `about`), `unknown` and
    `invalid` ones bear whatever type the server chose. `about` is what tells lines of one type apart:
    the status of a `response.done`, the command a refusal speaks of, the rule
    of a warning. `size` is the audio in bytes for appends. `cause` is the
    message behind a note. Texts are the server's own and not fit to print.
    """

    __slots__ = (
        "about",
        "at",
        "cause",
        "code",
        "count",
        "detail",
        "direction",
        "event_id",
        "form",
        "item_id",
        "key",
        "last_at",
        "last_serial",
        "response_id",
        "serial",
        "size",
        "type",
    )

    def __init__(
        self,
        direction: Direction,
        type_: str,
        *,
        about: str = "",
        size: int = 0,
        cause: TraceLine | None = None,
        key: _Key | None = None,
    ) -> None:
        self.direction = direction
        self.type = type_
        self.serial = self.last_serial = 0
        self.at = self.last_at = 0.0
        self.event_id: str | None = None
        self.item_id: str | None = None
        self.response_id: str | None = None
        self.form: Form = "known"
        self.about = about
        self.code: str | None = None
        self.detail = ""
        self.count = 1
        self.size = size
        self.cause = cause
        self.key = key


class Trace:
    """The last `limit` lines, and of each type we know the very last one.

    `now` is the time of the call in progress; the core sets it before anything
    is recorded. `started` is when the connection came up. `serial` is the last
    line's number, `latest` the line of the message that came last. Of a run that
    goes on (`run_of`) `runs` counts the messages itself.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.now = 0.0
        self.started: float | None = None
        self._limit = limit
        self._lines: deque[TraceLine] = deque()
        self._runs: dict[_Key, TraceLine] = {}
        self._last: dict[str, TraceLine] = {}
        self.serial = 0
        self.latest: TraceLine | None = None

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[TraceLine]:
        """All lines, oldest first; a run stands where it began."""
        return iter(self._lines)

    def last(self, type_: str) -> TraceLine | None:
        """The youngest line of a type, even if it was pushed out since."""
        return self._last.get(type_)

    # Inputs

    def connected(self) -> None:
        """The line is up."""
        self.started = self.now
        self._put(TraceLine("note", "connection.opened"))

    def received(self, event: ServerEvent) -> None:
        """A message came in, whatever it is."""
        fields, key = event.__dict__, None  # the properties take longer than all the rest here
        type_: str = fields["type"]
        if event.wire_type in _DELTAS:
            key = (type_, fields.get("response_id"), fields.get("item_id"))
            run = self._grown(key)
            if run is not None:
                self.latest = run
                return
        raw = fields.get(RAW)
        if type(raw) is bytes:
            raw = fields  # read off its frame: there is nothing in it but these
        elif type(raw) is not dict:
            raw = event.raw
        line = TraceLine("in", type_[:_MAX_TEXT], key=key)
        event_id, item, response = raw.get("event_id"), raw.get("item"), raw.get("response")
        item_id = item.get("id") if type(item) is dict else raw.get("item_id")
        response_id = response.get("id") if type(response) is dict else raw.get("response_id")
        line.event_id = event_id[:_MAX_TEXT] if isinstance(event_id, str) else None
        line.item_id = item_id[:_MAX_TEXT] if isinstance(item_id, str) else None
        line.response_id = response_id[:_MAX_TEXT] if isinstance(response_id, str) else None
        if type_ in _RUNS:
            line.key, line.item_id = (type_,), None
        if (describe := _DESCRIBED[type(event)]) is not None:
            describe(line, event)
        elif (received := raw.get("type")) != type_:
            line.form, line.about = "renamed", _text(received) or ""
        self.latest = self._put(line)

    def received_sound(self, delta: AudioDelta) -> None:
        """An audio delta came in, read without its event."""
        key = (_SOUND, delta.response_id, delta.item_id)
        run = self._grown(key)
        if run is None:
            line = TraceLine("in", _SOUND, key=key)
            line.event_id, line.item_id = _text(delta.event_id), _text(delta.item_id)
            line.response_id = _text(delta.response_id)
            run = self._put(line)
        self.latest = run

    def run_of(self, kind: str) -> TraceLine | None:
        """The line that the message just received stands in, if more of its kind will join it there."""
        line = self.latest
        return line if line is not None and line.type == kind and line.form == "known" else None

    def sent(self, command: Command) -> None:
        """A command went out."""
        line = TraceLine("out", command.type)
        line.event_id = _text(command.event_id)
        if command.type in _RUNS:
            line.key = (command.type,)
        elif command.type == "response.cancel":
            line.response_id = command.key
        else:
            line.item_id = command.key
            line.about = _kind_of(command.event, command.out_of_band)
        self._put(line)

    def appended(self, size: int, kind: str) -> None:
        """`size` bytes of audio went out in an event of this type."""
        if self._grown((kind,), size) is None:
            self._put(TraceLine("out", kind, size=size, key=(kind,)))

    def sent_raw(self, size: int) -> None:
        """Bytes went out that are no client event."""
        self._put(TraceLine("out", "(raw bytes)", size=size, key=("(raw bytes)",)))

    def not_sent(self, kind: str, why: str) -> None:
        """A command was refused here: the caller got an exception, and nothing went out."""
        self._put(_told("command.not_sent", kind, why))

    def noted(self, signal: Signal) -> None:
        """A signal was emitted; those that no wire event states are kept."""
        tell = _NOTED.get(type(signal))
        if tell is not None:
            line = tell(signal)
            line.cause = self.latest if signal.cause is not None else None
            self._put(line)

    # Lines

    def _grown(self, key: _Key, size: int = 0) -> TraceLine | None:
        """The run of this key, one longer now; None if there is none."""
        run = self._runs.get(key)
        if run is not None:
            self.serial += 1
            run.count += 1
            run.size += size
            run.last_serial, run.last_at = self.serial, self.now
            if run.form == "known":  # as `_remember` does
                self._last[run.type] = run
            else:
                self._remember(run)
        return run

    def _put(self, line: TraceLine) -> TraceLine:
        """Add a line, or let the run it belongs to grow; returns what now stands for it."""
        if line.key is not None:
            run = self._grown(line.key, line.size)
            if run is not None:
                return run
            self._runs[line.key] = line
        self.serial += 1
        line.serial = line.last_serial = self.serial
        line.at = line.last_at = self.now
        self._lines.append(line)
        if len(self._lines) > self._limit:
            self._forget(self._lines.popleft())
        if line.form == "known":  # as `_remember` does
            self._last[line.type] = line
        else:
            self._remember(line)
        if line.type in _ENDS_APPENDS:
            for kind in _APPENDS:
                self._runs.pop((kind,), None)
        return line

    def _remember(self, line: TraceLine) -> None:
        # Other forms bear names of the server's choosing, perhaps that of a note of ours.
        if line.form in ("known", "renamed"):
            self._last[line.type] = line

    def _forget(self, line: TraceLine) -> None:
        if line.key is not None and self._runs.get(line.key) is line:
            del self._runs[line.key]
            line.key = None


def _text(value: object) -> str | None:
    return value[:_MAX_TEXT] if isinstance(value, str) else None


def _kind_of(event: ClientEvent, out_of_band: bool) -> str:
    if out_of_band:
        return "out of band"
    if event.type == "conversation.item.create" and "previous_item_id" in event.model_fields_set:
        return "placed"
    return ""


# What is worth keeping of an event besides its type and ids.


def _response(line: TraceLine, event: ev.ResponseDone) -> None:
    if event.response is not None:
        status, details = event.response.status or "completed", event.response.status_details
        reason = details.reason if details is not None else None
        line.about = (f"{status} {reason}" if reason else status)[:_MAX_TEXT]


def _error(line: TraceLine, event: ev.ErrorEvent) -> None:
    if event.error is not None:
        line.code, line.detail = _text(event.error.code), (event.error.message or "")[:_MAX_TEXT]
    # A server may refuse every append of a minute.
    line.key = ("error", line.code, line.detail)


def _transcription(line: TraceLine, event: ev.ConversationItemInputAudioTranscriptionFailed) -> None:
    if event.error is not None:
        line.code, line.detail = _text(event.error.code), (event.error.message or "")[:_MAX_TEXT]


def _unknown(line: TraceLine, event: UnknownServerEvent) -> None:
    line.form, line.key = "unknown", ("unknown", line.type)


def _invalid(line: TraceLine, event: InvalidServerEvent) -> None:
    line.form, line.key = "invalid", ("invalid", line.type)
    line.detail = "; ".join(map(str, event.problems[:3]))[:_MAX_TEXT]


_DESCRIBED: ByKind[Callable[[TraceLine, Any], None]] = ByKind(
    {
        ev.ResponseDone: _response,
        ev.ErrorEvent: _error,
        "conversation.item.input_audio_transcription.failed": _transcription,
        UnknownServerEvent: _unknown,
        InvalidServerEvent: _invalid,
    }
)


def _told(
    type_: str,
    about: str,
    detail: str | None = "",
    item_id: str | None = None,
    response_id: str | None = None,
    *,
    code: str | None = None,
) -> TraceLine:
    """A note of ours, in which a server's words may be."""
    line = TraceLine("note", type_, about=about[:_MAX_TEXT])
    line.item_id, line.response_id = _text(item_id), _text(response_id)
    line.code, line.detail = _text(code), (detail or "")[:_MAX_TEXT]
    line.key = ("note", type_, line.about, line.code, line.detail, line.item_id, line.response_id)
    return line


def _refused(signal: signals.CommandRefused) -> TraceLine:
    error = signal.error
    here = error is not None and error.code == "local_protocol_error"
    line = _told(
        "command.not_sent" if here else f"command.{signal.fate}",
        signal.command,
        error.message if error is not None else f"no answer in {signal.waited:.1f} s",
        code=error.code if error is not None else None,
    )
    line.event_id = _text(signal.event_id)
    return line


def _barged_in(signal: signals.BargeIn) -> TraceLine:
    heard = "" if signal.heard_ms is None else f"{signal.heard_ms} ms heard"
    return _told(signal.name, signal.by, heard, signal.item_id, signal.response_id)


def _ruled(signal: signals.InvariantBroken | signals.ProtocolWarning) -> TraceLine:
    return _told(signal.name, signal.rule, signal.detail)


def _played(signal: signals.PlaybackStarted | signals.PlaybackFinished) -> TraceLine:
    return _told(signal.name, str(signal.content_index), "", signal.item_id)


def _lost(signal: signals.ConnectionLost) -> TraceLine:
    return _told(signal.name, str(signal.close.code), signal.close.reason)


def _device(signal: signals.DeviceLost | signals.DeviceRestored) -> TraceLine:
    detail = f"{signal.device}: {signal.reason}" if isinstance(signal, signals.DeviceLost) else signal.device
    return _told(signal.name, signal.direction, detail)


_NOTED: Mapping[type[Signal], Callable[[Any], TraceLine]] = {
    signals.BargeIn: _barged_in,
    signals.CommandRefused: _refused,
    signals.ConnectionLost: _lost,
    signals.DeviceLost: _device,
    signals.DeviceRestored: _device,
    signals.InvariantBroken: _ruled,
    signals.PlaybackFinished: _played,
    signals.PlaybackStarted: _played,
    signals.ProtocolWarning: _ruled,
}

"""RealtimeProtocol: everything that decides, and nothing that waits.

Feed it what happened (`connected`, `receive_message`, `handle_timer`,
`disconnected`) or what you want (`send`, `append_audio`, `interrupt`), each
with the current time of one monotonic clock in seconds; then drain
`data_to_send()` and `events_received()` and be back at `next_deadline()`. It
never raises over what a server sent, unless `Options.strict`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

from .. import codec
from ..deltas import AudioDelta
from ..errors import InvalidCommand, LocalProtocolError, SessionLost
from ..events.base import ClientEvent, InvalidServerEvent, ServerEvent, UnknownServerEvent
from ..events.catalog import REALTIME, Dialect
from ..types import CloseInfo, Playhead
from . import signals
from .commands import CommandLog
from .contents import WORDS, TextDelta
from .conversation import ConversationMirror
from .input_audio import InputAudio
from .interruption import Interruption
from .outgoing import IfBusy, Outgoing
from .patch import SessionPatch
from .playback import look
from .reactions import Reactions
from .receipts import Receipts
from .responses import ResponseTracker
from .runs import Runs
from .session import SessionState
from .sound import Sound, Source
from .state import Observed, Options, State
from .trace import Trace
from .turns import Fact, TurnController

__all__ = ["Options", "RealtimeProtocol", "counting_ids"]


def counting_ids() -> Callable[[str], str]:
    """Ids `event_1`, `item_2`, …: fine for one client and for tests.

    Clients that share a conversation (sidebands) need a random part.
    """
    numbers = itertools.count(1)
    return lambda kind: f"{kind}_{next(numbers)}"


class RealtimeProtocol:
    """One session of the Realtime API, without I/O.

    `playhead` plays reply audio and may be set at any time; `session` is what
    the connection is opened with. After every call to a method that takes
    `now`, drain `data_to_send()` and `events_received()` and re-read
    `next_deadline()`. Not thread-safe: one thread, one session.
    """

    def __init__(
        self,
        dialect: Dialect = REALTIME,
        *,
        playhead: Playhead | None = None,
        options: Options | None = None,
        ids: Callable[[str], str] | None = None,
        session: SessionPatch | None = None,
    ) -> None:
        options = options or Options()
        manual = options.manual_turns and dialect is REALTIME
        state = SessionState(manual_turns=manual)
        first = self._first = (SessionPatch.manual() if manual else SessionPatch()).merged(
            session or SessionPatch()
        )
        if session:
            state.check(first.event())
        self._state = State(
            dialect,
            options,
            ids or counting_ids(),
            playhead,
            state,
            CommandLog(options.command_timeout),
            ConversationMirror(joined_late=options.sideband),
        )
        self._outgoing = Outgoing(self._state)
        self._receipts = Receipts(self._state, self._outgoing)
        self._reactions = Reactions(self._state, self._outgoing, self._receipts, first)
        self._runs = Runs(self._state, self._reactions)
        self._closed: CloseInfo | None = None
        self._deadline: float | None = None
        self._stale = True  # the deadline may have changed

    def warm(self) -> None:
        """Build the models that a turn and the first patch use (some tens of ms, once in a process).

        Models build themselves on first use; there is time for it while a line is being opened.
        """
        codec.warm(self._state.dialect)
        if self._first:
            codec.encode(self._first.event())

    # What happened

    def connected(self, now: float, *, unix_time: float | None = None) -> None:
        """The line is up. `unix_time` lets the session's expiry be foreseen.

        On a sideband the first patch goes out now, since no `session.created`
        will come (observed); else it answers `session.created`.
        """
        self._stale = True
        self._state.trace.now = now
        self._state.trace.connected()
        if unix_time is not None:
            self._state.unix_offset = unix_time - now
        if self._state.options.sideband:
            self._reactions.send_first_patch(now)

    @property
    def runs(self) -> Runs:
        """Ways to take in deltas like the last ones, for who would `receive_message` and `drain` at once."""
        return self._runs

    def receive_message(self, data: bytes | str, now: float) -> None:
        """One message from the server.

        Whatever it is, it becomes one event in `events_received()`: garbage an
        `InvalidServerEvent`, news an `UnknownServerEvent`. Raises only in
        strict mode: `DecodeError`, `RemoteProtocolError`.
        """
        observed = self._state.observed
        if isinstance(data, bytes):
            before = len(observed)
            one = self._runs.carry(data, now)
            if one is not None:
                observed.insert(before, one)  # and behind it what it brought about
                return
        self.read_in_full(data, now)

    def read_in_full(self, data: bytes | str, now: float) -> None:
        """As `receive_message`, for who has asked `runs` about the message already."""
        state = self._state
        state.received += 1
        state.bytes_received += len(data)
        event = codec.read(data, state.dialect, strict=state.options.strict)
        state.trace.now = now
        self._stale = True
        if isinstance(event, AudioDelta):
            source = Source(event.item_id)
            sound = Sound(event.pcm, source, event)
            state.observed.append(sound)
            state.trace.received_sound(event)
            self._reactions.sound(event, sound, now)
            self._runs.sounded(event, source)
            return
        self._other(event, data, now)

    def _other(self, event: ServerEvent, data: bytes | str, now: float) -> None:
        """Take in what is no audio, or audio with something wrong."""
        state = self._state
        if type(event) not in WORDS:
            self._runs.end()
        state.observed.append(event)
        state.trace.received(event)
        # Not `isinstance`, which pydantic makes costly.
        if type(event) is UnknownServerEvent:
            state.counts["unknown_events"] += 1
        elif type(event) is InvalidServerEvent:
            state.counts["invalid_events"] += 1
            problems = "; ".join(map(str, event.problems))
            state.warn("invalid_event", f"{event.type or 'a message'}: {problems}", event)
        else:
            self._reactions.react(event, now)
            if type(event) in WORDS:
                self._runs.said(cast("TextDelta", event), data)

    def disconnected(self, close: CloseInfo, now: float) -> None:
        """The line is gone: every open command is lost, every live response abandoned. Idempotent."""
        if self._closed is not None:
            return
        self._closed = close
        self._changing()
        state = self._state
        state.trace.now = now
        state.ready = False
        for command in state.commands:
            self._receipts.refuse(command, "lost", None, None, now)
        state.responses.lost()
        state.emit(signals.ConnectionLost(close=close, expected=close.by_us))

    def handle_timer(self, now: float) -> None:
        """`next_deadline()` has come. Calling early or often does no harm."""
        state = self._state
        state.trace.now = now
        self._stale = True
        before = len(state.observed), len(state.outbox)
        self._receipts.expire(now)
        self._outgoing.dispatch_held(now)
        if (left := state.session.take_notice(now)) is not None:
            state.emit(signals.SessionExpiring(expires_in_s=left))
        if state.poll_at is not None and now >= state.poll_at:
            look(state, now)
        if before != (len(state.observed), len(state.outbox)):
            self._runs.end()

    def playback_resumed(self, now: float) -> None:
        """A playhead that would rest for ever goes on: there may be something to tell."""
        if self._state.poll_at is not None:
            self._state.poll_at = now
            self.handle_timer(now)

    # What we want

    def send(self, event: ClientEvent, now: float, *, if_busy: IfBusy = "raise") -> str:
        """Send a client event; returns its event id, under which its fate is reported.

        An event id, an item id and our metadata tag are added where missing.
        A `response.create` that would collide with the active response is
        refused, held until that one ends, or sent after cancelling it, as
        `if_busy` says. Raises `LocalProtocolError` (among them `TurnTooShort`)
        for what the state or dialect forbids, `SessionLost` after the end;
        nothing is sent then.
        """
        with self._asking(event.type, now):
            return self._outgoing.send(event, now, if_busy=if_busy)

    def patch(self, patch: SessionPatch, now: float) -> str:
        """Send a sparse `session.update`; returns its event id. Raises as `send`."""
        with self._asking("session.update", now):
            return self._outgoing.send(patch.event(self._state.session.kind), now)

    def append_audio(self, audio: bytes, now: float) -> None:
        """Send audio in the session's input format; any length, odd bytes carried over.

        Raises `SessionLost` after the end. No command is registered: the API
        confirms nothing here, the fate of an append is the write itself.
        """
        self._line()
        # Whatever is coming in is none of its concern, and no deadline is.
        self._state.trace.now = now
        self._outgoing.append(audio, now)

    def cancel(self, now: float, response_id: str | None = None) -> str | None:
        """Cancel a response (without an id: the active one); None if there is nothing to cancel."""
        with self._asking("response.cancel", now):
            return self._outgoing.cancel(now, response_id)

    def interrupt(self, now: float, *, heard_ms: int | None = None) -> Interruption:
        """Stop playback, cancel what generates, and truncate to what was heard.

        Works the same while the server generates, after it finished, and
        before it began (then the reply is cancelled as soon as it exists).
        `heard_ms` is for those who play the sound themselves; without it the
        playhead knows, and without either nothing is truncated. Creates that
        are held stay held. Out-of-band responses are not touched.
        """
        with self._asking("conversation.item.truncate", now):
            return self._outgoing.interrupt(now, by="interrupt", fact=Fact.INTERRUPTED, heard_ms=heard_ms)

    def withdraw(self, event_id: str) -> bool:
        """Take back a held `response.create`; False if it is sent or settled already."""
        command = self._state.commands.get(event_id)
        if command is None or not self._state.responses.withdraw(command):
            return False
        self._changing()
        self._state.commands.settle(command, "withdrawn")
        return True

    def send_raw(self, data: bytes, now: float) -> None:
        """Put bytes on the wire as they are: no guard, no id, no tag.

        If they happen to be a valid client event, receipts are kept for it.
        """
        self._begin(now)
        self._state.outbox.append(data)
        try:
            event = codec.decode_client(data, self._state.dialect)
        except InvalidCommand:
            self._state.counts["sent"] += 1
            self._state.trace.sent_raw(len(data))
            return
        self._outgoing.follow(event, now)

    def new_id(self, kind: str) -> str:
        """An id of this session's making, for an item or event of yours."""
        return self._state.ids(kind)

    # What to do about it

    def events_received(self) -> list[Observed]:
        """Drain what happened since the last call, in order: server events, sent events, signals."""
        events: list[Observed] = []
        for one in self.drain():
            if isinstance(one, Sound):
                events += one.unfold()
            else:
                events.append(one)
        return events

    def drain(self) -> list[Observed | Sound]:
        """As `events_received`, but valid audio comes as `Sound`: its events are made by who wants them."""
        observed, self._state.observed = self._state.observed, []
        return observed

    def data_to_send(self) -> list[bytes]:
        """Drain the messages to be sent, in order; each is one text frame."""
        outbox, self._state.outbox = self._state.outbox, []
        return outbox

    def harvest(self) -> tuple[list[bytes], list[Observed | Sound], float | None]:
        """All three at once, for who asks after every message: `data_to_send`, `drain`, `next_deadline`."""
        state = self._state
        outbox, observed = state.outbox, state.observed
        if outbox:
            state.outbox = []
        if observed:
            state.observed = []
        if self._stale:
            self._deadline = self.next_deadline()
            self._stale = False
        return outbox, observed, self._deadline

    def next_deadline(self) -> float | None:
        """When `handle_timer` wants to be called, or None."""
        state = self._state
        first, notice, poll = state.commands.next_deadline(), state.session.next_deadline(), state.poll_at
        if notice is not None and (first is None or notice < first):
            first = notice
        if poll is not None and (first is None or poll < first):
            first = poll
        return None if first == math.inf else first

    # Views

    @property
    def ready(self) -> bool:
        """Whether the session exists and the first patch is confirmed."""
        return self._state.ready

    @property
    def closed(self) -> CloseInfo | None:
        """How the line ended; None while it is up, or was never."""
        return self._closed

    @property
    def first_patch(self) -> str | None:
        """Event id of the first patch once it was sent ("" if it could not be built)."""
        return self._state.first_patch

    @property
    def playhead(self) -> Playhead | None:
        """What plays reply audio; settable at any time."""
        return self._state.playhead

    @playhead.setter
    def playhead(self, playhead: Playhead | None) -> None:
        self._state.playhead = playhead
        if self._state.poll_at is not None:  # it may have been told that there is no hurry
            self._state.poll_at = self._state.trace.now
        self._changing()

    @property
    def dialect(self) -> Dialect:
        """The vocabulary this session speaks."""
        return self._state.dialect

    @property
    def options(self) -> Options:
        """How this session is conducted."""
        return self._state.options

    @property
    def session(self) -> SessionState:
        """The configuration the server last showed, and its expiry."""
        return self._state.session

    @property
    def conversation(self) -> ConversationMirror:
        """The conversation as the server tells it."""
        return self._state.conversation

    @property
    def responses(self) -> ResponseTracker:
        """All responses, live and remembered."""
        return self._state.responses

    @property
    def output_encoding(self) -> str:
        """The wire format of reply audio, as the server now holds it."""
        return self._state.output_encoding

    @property
    def turns(self) -> TurnController:
        """Who has the turn."""
        return self._state.turns

    @property
    def input_audio(self) -> InputAudio:
        """What was appended since the last commit."""
        return self._state.input_audio

    @property
    def commands(self) -> CommandLog:
        """Commands without a fate yet."""
        return self._state.commands

    @property
    def trace(self) -> Trace:
        """What passed lately, for whoever asks why."""
        return self._state.trace

    def statistics(self) -> dict[str, int]:
        """Counters since the start."""
        state = self._state
        seen = {"received": state.received, "bytes_received": state.bytes_received} if state.received else {}
        return {**seen, **state.counts}

    def _begin(self, now: float) -> None:
        """Before whatever we want."""
        self._line()
        self._state.trace.now = now
        self._changing()

    def _line(self) -> None:
        """Whatever we want needs a line."""
        if self._closed is not None:
            raise SessionLost(self._closed, expected=self._closed.by_us)

    def _changing(self) -> None:
        """Nothing that was looked up for the next delta may be relied on."""
        self._stale = True
        self._runs.end()

    @contextmanager
    def _asking(self, kind: str, now: float) -> Iterator[None]:
        """Around what may be refused here: the trace remembers what only the caller was told."""
        self._begin(now)
        try:
            yield
        except LocalProtocolError as exc:
            self._state.trace.not_sent(kind, str(exc))
            raise

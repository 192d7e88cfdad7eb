"""From what we want to bytes: guards, receipts, the gate, interruptions.

Whatever leaves the core leaves through `Outgoing`. A command that the state
forbids raises here, before anything is sent or remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeGuard

import pybase64

from .. import codec
from .. import events as ev
from ..errors import LocalProtocolError
from ..events.base import ClientEvent
from ..types import UNSET, AudioKey, Heard, Unset
from .commands import Command
from .interruption import InterruptedItem, Interruption, account, plan
from .responses import TAG, ResponseRecord
from .signals import BargeIn
from .state import State
from .turns import Action, Fact

__all__ = ["Outgoing"]

IfBusy = Literal["wait", "cancel", "raise"]

if TYPE_CHECKING:
    from ..events.translation import SessionInputAudioBufferAppend

    _AppendEvent: TypeAlias = ev.InputAudioBufferAppend | SessionInputAudioBufferAppend

_APPEND = {"realtime": "input_audio_buffer.append", "translation": "session.input_audio_buffer.append"}


class Outgoing:
    """The sending half of the core."""

    def __init__(self, state: State) -> None:
        self._state = state
        # The translation dialect has a `session.update` too, of which nothing here is true.
        self._converses = state.dialect.name == "realtime"
        self._append_kind = _APPEND[state.dialect.name]
        self._append_head = b'{"type":"%s","audio":"' % self._append_kind.encode()
        # By wire type: an event that is never sent need not be loaded.
        self._guards: Mapping[str, Callable[[Any], None]] = {
            "session.update": self._check_patch,
            "input_audio_buffer.commit": self._check_commit,
            "output_audio_buffer.clear": self._check_media,
        }
        self._prepares: Mapping[str, Callable[[Any, str], ClientEvent]] = {
            "conversation.item.create": self._with_item_id,
            "response.create": _with_tag,
            "response.cancel": self._with_response_id,
        }
        self._keys: Mapping[str, Callable[[Any], str | None]] = {
            "conversation.item.create": lambda e: named(e.item.id),
            "conversation.item.retrieve": lambda e: e.item_id,
            "conversation.item.truncate": lambda e: e.item_id,
            "conversation.item.delete": lambda e: e.item_id,
            "response.cancel": lambda e: named(e.response_id),
        }

    # Commands

    def send(
        self, event: ClientEvent, now: float, *, if_busy: IfBusy = "raise", automatic: bool = False
    ) -> str:
        """Guard, register and send (or hold) an event; returns its event id."""
        state = self._state
        if state.dialect.client.get(event.type) is not type(event):
            raise LocalProtocolError(
                f"{event.type} is not an event of the {state.dialect.name} dialect",
                hint=f"it has {', '.join(sorted(state.dialect.client))}",
            )
        if guard := self._guards.get(event.type):
            guard(event)
        if _is_append(event):
            return self._append_event(event, now)
        event_id = named(event.event_id) or state.ids("event")
        state.commands.check_room(event_id)
        if prepare := self._prepares.get(event.type):
            event = prepare(event, event_id)
        event = event.model_copy(update={"event_id": event_id})
        command = self._command(event, event_id, now)
        command.if_busy, command.automatic = if_busy, automatic
        if _is_create(event):
            self._gate(command, now)
        else:
            state.commands.add(command, now)
            self._dispatch(command)
        return event_id

    def follow(self, event: ClientEvent, now: float) -> None:
        """Keep receipts for an event that was sent as it is, without guards or ids of ours."""
        if _is_append(event):
            self._follow_append(event, now)
            return
        command = self._command(event, named(event.event_id) or self._state.ids("event"), now)
        self._state.commands.add(command, now)
        self._account(command)
        self._state.observed.append(event)
        self._state.trace.sent(command)

    def dispatch_held(self, now: float) -> None:
        """Send the next held create if the conversation is free for it."""
        command = self._state.responses.release()
        if command is not None:
            self._state.commands.sent(command, now)
            self._dispatch(command)

    def _command(self, event: ClientEvent, event_id: str, now: float) -> Command:
        key_of = self._keys.get(event.type)
        command = Command(event_id, event, now, key=key_of(event) if key_of else None)
        command.known = command.key is not None and command.key in self._state.conversation
        command.out_of_band = _is_create(event) and _is_beside(event)
        return command

    def _gate(self, command: Command, now: float) -> None:
        responses, commands = self._state.responses, self._state.commands
        if responses.gate(command.out_of_band, command.if_busy) == "send":
            commands.add(command, now)
            self._dispatch(command)
            return
        commands.add(command, now)
        commands.hold(command)
        responses.hold(command)
        if command.if_busy == "cancel" and responses.active is not None:
            self.cancel(now, responses.active.id)

    def _dispatch(self, command: Command) -> None:
        """Put a registered command on the wire."""
        self._state.outbox.append(codec.encode(command.event))
        self._state.observed.append(command.event)
        self._state.trace.sent(command)
        self._account(command)

    def _account(self, command: Command) -> None:
        """What having sent a command means for our own bookkeeping."""
        state = self._state
        state.counts["sent"] += 1
        event: Any = command.event
        match command.type:
            case "session.update" if self._converses:
                state.session.sent(event)
            case "input_audio_buffer.commit" | "input_audio_buffer.clear":
                command.audio_bytes = state.input_audio.taken()
            case "response.create":
                command.attempts += 1
                state.responses.sent(command)
                if not command.out_of_band:
                    state.turns.apply(Fact.CREATE_SENT)
            case "conversation.item.create":
                if event.item.type == "mcp_approval_response" and event.item.approve:
                    state.responses.approved()
            case "response.cancel" if state.responses.active is not None:
                if command.key == state.responses.active.id:
                    state.turns.apply(Fact.CANCEL_SENT)

    # Audio

    def append(self, pcm: bytes, now: float) -> None:
        """Send audio as `append` events built by concatenation: base64 needs no escaping."""
        state = self._state
        kind, head = self._append_kind, self._append_head
        for piece in state.input_audio.pieces(pcm):
            state.outbox.append(head + pybase64.b64encode(piece) + b'"}')
            self._appended(kind, piece, len(piece), now)

    def _appended(self, kind: str, audio: bytes | str, size: int, now: float) -> None:
        state = self._state
        constant = audio[:1] == audio[-1:] and audio == audio[:1] * len(audio)
        state.input_audio.appended(size, now, constant=constant)
        state.trace.appended(size, kind)
        state.counts["sent"] += 1

    def _append_event(self, event: _AppendEvent, now: float) -> str:
        event_id = named(event.event_id) or self._state.ids("event")
        event = event.model_copy(update={"event_id": event_id})
        self._state.outbox.append(codec.encode(event))
        self._follow_append(event, now)
        return event_id

    def _follow_append(self, event: _AppendEvent, now: float) -> None:
        # Nothing confirms an append: its fate is the write itself.
        self._state.observed.append(event)
        text = event.audio.rstrip("=")
        self._appended(event.type, text, len(text) * 3 // 4, now)

    # Cancelling and interrupting

    def cancel(self, now: float, response_id: str | None = None, *, automatic: bool = False) -> str | None:
        """Cancel a response; without an id the one that is generating. None: there is nothing to cancel."""
        state = self._state
        if response_id is None:
            if state.responses.active is None:
                return None
            response_id = state.responses.active.id
        if (pending := state.commands.first("response.cancel", response_id)) is not None:
            return pending.event_id
        return self.send(ev.ResponseCancel(response_id=response_id), now, automatic=automatic)

    def interrupt(
        self, now: float, *, by: Literal["interrupt", "speech"], fact: Fact, heard_ms: int | None = None
    ) -> Interruption:
        """Stop the sound, cancel what generates, and tell the server what was heard."""
        state = self._state
        active = state.responses.active
        record = active or state.responses.latest
        if record is not None and record.muted:
            record = None  # cut already: nothing new can be said of it
        actions = state.turns.apply(fact)
        heard = self._heard(record, now, heard_ms, stop=Action.STOP_PLAYBACK in actions)
        if record is not None and (Action.FORGET in actions or heard):
            record.muted = True
        cancel = self.cancel(now, automatic=True) if Action.CANCEL in actions else None
        items = plan(
            record,
            heard,
            generating=record is not None and record is active,
            in_conversation=state.conversation.__contains__,
        )
        items = tuple(self._tell(item, now) for item in items)
        interruption = Interruption(active.id if active is not None else None, cancel, items, by)
        self._announce(interruption, record)
        return interruption

    def _heard(
        self, record: ResponseRecord | None, now: float, heard_ms: int | None, *, stop: bool
    ) -> tuple[Heard, ...] | None:
        """What was heard of each part that is cut; None if nobody knows."""
        playhead = self._state.playhead
        # A part that is still growing has no end to be heard, so the account of
        # what was cut leaves it out where all that came was heard.
        growing = record.sounds.keys() - record.ended if record is not None else set[AudioKey]()
        grown = [playhead.heard(key, now) for key in growing] if playhead is not None else []
        stopped = playhead.interrupt(now) if playhead is not None and stop else ()
        if heard_ms is not None and record is not None:
            return account(record, heard_ms)
        if playhead is None:
            return None
        cut = {one.key for one in stopped}
        return (*stopped, *(one for one in grown if one is not None and one.key not in cut))

    def _tell(self, item: InterruptedItem, now: float) -> InterruptedItem:
        if item.heard_ms is not None:
            self._state.conversation.mark_heard(AudioKey(item.item_id, item.content_index), item.heard_ms)
        event: ClientEvent
        if item.action == "truncate" and item.heard_ms is not None:
            event = ev.ConversationItemTruncate(
                item_id=item.item_id, content_index=item.content_index, audio_end_ms=item.heard_ms
            )
        elif item.action == "delete":
            event = ev.ConversationItemDelete(item_id=item.item_id)
        else:
            return item
        command = self.send(event, now, automatic=True)
        return InterruptedItem(
            item.item_id, item.content_index, item.heard_ms, item.received_ms, item.action, command
        )

    def _announce(self, done: Interruption, record: ResponseRecord | None) -> None:
        cut = next((item for item in done.items if item.action != "leave"), None)
        if cut is None and done.response_id is None:
            return
        self._state.emit(
            BargeIn(
                item_id=cut.item_id if cut else None,
                response_id=record.id if record else None,
                heard_ms=cut.heard_ms if cut else None,
                by=done.by,
            )
        )

    # Guards and finishing touches

    def _check_patch(self, event: ev.SessionUpdate) -> None:
        if self._converses:
            self._state.session.check(event)

    def _check_commit(self, event: ev.InputAudioBufferCommit) -> None:
        # With VAD on the server commits too, and only it knows what is left.
        if not self._state.session.vad_on:
            self._state.input_audio.check_commit()

    def _check_media(self, event: ev.OutputAudioBufferClear) -> None:
        if not self._state.options.sideband:
            raise LocalProtocolError(
                "output_audio_buffer.clear belongs to WebRTC and SIP calls; on a WebSocket the sound is here",
                hint="interrupt() stops playback",
            )

    def _with_item_id(self, event: ev.ConversationItemCreate, event_id: str) -> ClientEvent:
        # The best key a confirmation can have: errors may lose the event id (observed).
        if event.item.id:
            return event
        item = event.item.model_copy(update={"id": self._state.ids("item")})
        return event.model_copy(update={"item": item})

    def _with_response_id(self, event: ev.ResponseCancel, event_id: str) -> ClientEvent:
        active = self._state.responses.active
        if event.response_id or active is None:
            return event
        return event.model_copy(update={"response_id": active.id})


def _with_tag(event: ev.ResponseCreate, event_id: str) -> ClientEvent:
    if event.response is UNSET:
        tagged = ev.ResponseConfig().model_copy(update={"metadata": {TAG: event_id}})
        return event.model_copy(update={"response": tagged})
    config = event.response
    metadata = {} if config.metadata is UNSET else dict(config.metadata or {})
    if len(metadata) > 15:
        raise LocalProtocolError(
            f"response.metadata has {len(metadata)} pairs; the API takes 16 and one is ours",
            hint="send at most 15",
        )
    # Built anew, not copied: the constructor checks what the wire allows.
    fields = {**config.to_wire(), "metadata": {**metadata, TAG: event_id}}
    return event.model_copy(update={"response": ev.ResponseConfig(**fields)})


def _is_append(event: ClientEvent) -> TypeGuard[_AppendEvent]:
    return event.type in _APPEND.values()


def _is_create(event: ClientEvent) -> TypeGuard[ev.ResponseCreate]:
    return event.type == "response.create"


def _is_beside(event: ev.ResponseCreate) -> bool:
    return event.response is not UNSET and event.response.conversation == "none"


def named(value: str | Unset) -> str | None:
    """An optional wire string, with "not named" as None."""
    return None if value is UNSET else value

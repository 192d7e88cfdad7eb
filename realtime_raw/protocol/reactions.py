"""What each server event means for the state, as a table from event to components.

`ROUTES` names, for every event of every dialect and by its wire type, the components it concerns,
in the order they take it in; `UNROUTED` gives the reason for each event that
changes nothing here. A house test holds the two together complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pybase64

from .. import events as ev
from ..deltas import AudioDelta
from ..errors import LocalProtocolError
from ..events.base import ServerEvent
from ..types import AudioKey
from . import signals
from .contents import TextDelta
from .outgoing import Outgoing
from .patch import SessionPatch
from .playback import UNPLAYABLE, Trouble, look, play
from .receipts import Receipts
from .responses import ResponseRecord
from .sound import Sound
from .state import State
from .tools import ToolBatch, ToolCall
from .turns import Action, Fact, Play

if TYPE_CHECKING:
    from ..events import translation as tr

__all__ = ["ROUTES", "UNROUTED", "Reactions"]

_C, _R, _T = "conversation", "responses", "tools"

ROUTES: Mapping[str, tuple[str, ...]] = {
    "session.created": ("session_created",),
    "session.updated": ("session_updated", "commands", "first_patch"),
    "error": ("errors",),
    "conversation.item.created": (_C, "commands"),
    "conversation.item.added": (_C, "commands", "mcp"),
    "conversation.item.done": (_C, "commands", "mcp"),
    "conversation.item.retrieved": (_C, "commands"),
    "conversation.item.truncated": (_C, "commands"),
    "conversation.item.deleted": (_C, "commands"),
    "conversation.item.input_audio_transcription.delta": (_C,),
    "conversation.item.input_audio_transcription.segment": (_C,),
    "conversation.item.input_audio_transcription.completed": (_C,),
    "conversation.item.input_audio_transcription.failed": (_C,),
    "input_audio_buffer.committed": (_C, "committed"),
    "input_audio_buffer.cleared": ("commands", "input_ended"),
    "input_audio_buffer.speech_started": ("speech_started",),
    "input_audio_buffer.speech_stopped": ("speech_stopped",),
    "output_audio_buffer.cleared": ("commands",),
    "response.created": (_C, "response_created"),
    "response.done": (_C, "response_done", _T, "commands", "next_response"),
    "response.output_item.added": (_C, "response_item", _T),
    "response.output_item.done": (_C, _T, "mcp"),
    "response.content_part.added": (_C,),
    "response.content_part.done": (_C,),
    "response.output_text.delta": ("words",),
    "response.output_text.done": (_C,),
    "response.output_audio_transcript.delta": ("words",),
    "response.output_audio_transcript.done": (_C,),
    "response.output_audio.delta": (_C, "audio"),
    "response.output_audio.done": (_C, "audio_done"),
    "response.function_call_arguments.delta": (_C, _T),
    "response.function_call_arguments.done": (_C, _T),
    "response.mcp_call_arguments.delta": (_C,),
    "response.mcp_call_arguments.done": (_C,),
    "response.mcp_call.in_progress": (_C,),
    "response.mcp_call.completed": (_C,),
    "response.mcp_call.failed": (_C,),
    "mcp_list_tools.in_progress": (_C,),
    "mcp_list_tools.completed": (_C,),
    "mcp_list_tools.failed": (_C, "mcp"),
    "session.closed": ("commands",),
    "session.output_audio.delta": ("translated_audio",),
}

UNROUTED: Mapping[str, str] = {
    "conversation.created": "names a conversation; GA servers do not send it (observed)",
    "input_audio_buffer.timeout_triggered": "the commit and the response that follow say it all",
    "input_audio_buffer.dtmf_event_received": "a key press on a telephone: for the application",
    "output_audio_buffer.started": "media of a WebRTC or SIP call, which sounds elsewhere",
    "output_audio_buffer.stopped": "media of a WebRTC or SIP call, which sounds elsewhere",
    "rate_limits.updated": "information for the application; may never come (observed)",
    "session.input_transcript.delta": "translation has no items: the application reads the stream",
    "session.output_transcript.delta": "translation has no items: the application reads the stream",
}

_NOT_ACTIVE = "response_cancel_not_active"
# An enum's member takes longer to find than to compare.
_PLAYING = Play.PLAYING
_TRANSLATED = AudioKey("translation", 0)


class Reactions:
    """The receiving half of the core."""

    def __init__(self, state: State, outgoing: Outgoing, receipts: Receipts, session: SessionPatch) -> None:
        self._state = state
        self._outgoing = outgoing
        self._first = session
        self._receipts = receipts

    def react(self, event: ServerEvent, now: float) -> None:
        """Let every component concerned take the event in."""
        for handler in _HANDLERS.get(event.wire_type, ()):
            handler(self, event, now)

    # Session

    def send_first_patch(self, now: float) -> None:
        """Ask for what this connection was opened with; ready at once if that is nothing."""
        state = self._state
        if not self._first:
            self._ready(None)
            return
        try:
            event = self._first.event(state.session.kind)
            state.first_patch = self._outgoing.send(event, now)
        except LocalProtocolError as exc:
            state.first_patch = ""
            self._receipts.refuse_locally("session.update", exc)

    def _session_created(self, event: ev.SessionCreated | tr.SessionCreated, now: float) -> None:
        state = self._state
        state.session.started(event.session, now, state.unix_time(now))
        self._configured()
        if state.first_patch is None and not state.ready and not state.options.sideband:
            self.send_first_patch(now)

    def _session_updated(self, event: ev.SessionUpdated | tr.SessionUpdated, now: float) -> None:
        state = self._state
        for rule, detail in state.session.updated(event.session, now, state.unix_time(now)):
            state.warn(rule, detail, event)
        self._configured()

    def _first_patch(self, event: ServerEvent, now: float) -> None:
        state = self._state
        if state.first_patch is None or state.commands.get(state.first_patch) is not None:
            return
        if state.session.manual_turns and state.session.vad_on:
            state.emit(
                signals.InvariantBroken(
                    rule="manual_turns",
                    detail="session.audio.input.turn_detection is not null: the server decides on turns",
                    cause=event,
                )
            )
        elif not state.ready:
            self._ready(event)

    def _ready(self, cause: ServerEvent | None) -> None:
        self._state.ready = True
        self._state.emit(signals.SessionReady(session=self._state.session.current, cause=cause))

    def _configured(self) -> None:
        session = self._state.session.current
        if session is not None:
            self._state.input_audio.configured(session)
            self._state.conversation.configured(session)

    # Receipts

    def _commands(self, event: ServerEvent, now: float) -> None:
        command = self._state.commands.of_confirmation(event)
        if command is not None:
            self._receipts.confirm(command, event)

    def _errors(self, event: ev.ErrorEvent, now: float) -> None:
        over = self._over(event)
        self._receipts.error(event, now)
        if over is not None:
            self._finish(over, event, now, presumed=True)
            self._outgoing.dispatch_held(now)
        self._outgoing.dispatch_held(now)

    # Conversation, tools

    def _conversation(self, event: ServerEvent, now: float) -> None:
        for objection in self._state.conversation.take(event, now):
            self._state.warn("conversation", objection.detail, event)

    def _tools(self, event: ServerEvent, now: float) -> None:
        for fact in self._state.tools.apply(event, now):
            if isinstance(fact, ToolCall):
                self._state.emit(signals.ToolCallReady(call=fact, cause=event))
            elif isinstance(fact, ToolBatch):
                self._state.emit(
                    signals.ToolBatchReady(
                        response_id=fact.response_id, calls=fact.calls, complete=fact.complete, cause=event
                    )
                )

    def _mcp(self, event: ServerEvent, now: float) -> None:
        for signal in self._state.mcp.apply(event):
            self._state.emit(signal)

    # Input

    def _committed(self, event: ev.InputAudioBufferCommitted, now: float) -> None:
        if not self._state.input_audio.is_servers_commit(event.item_id):
            self._receipts.confirmed(event)
        self._input_ended(event, now)

    def _input_ended(self, event: ServerEvent, now: float) -> None:
        self._state.turns.apply(Fact.INPUT_ENDED)

    def _speech_started(self, event: ev.InputAudioBufferSpeechStarted, now: float) -> None:
        state = self._state
        state.turns.apply(Fact.SPEECH_STARTED)
        if event.item_id:
            state.input_audio.announced(event.item_id)
        state.emit(
            signals.UserStartedSpeaking(item_id=event.item_id, audio_ms=event.audio_start_ms, cause=event)
        )
        policy, server_cancels = state.options.barge_in, state.session.interrupts_by_itself
        if policy == "never" or (policy == "follow_server" and not server_cancels):
            return
        fact = Fact.BARGED_IN if server_cancels else Fact.INTERRUPTED
        try:
            self._outgoing.interrupt(now, by="speech", fact=fact)
        except LocalProtocolError as exc:
            self._receipts.refuse_locally("conversation.item.truncate", exc)

    def _speech_stopped(self, event: ev.InputAudioBufferSpeechStopped, now: float) -> None:
        self._state.turns.apply(Fact.SPEECH_STOPPED)
        self._state.emit(
            signals.UserStoppedSpeaking(item_id=event.item_id, audio_ms=event.audio_end_ms, cause=event)
        )

    # Responses

    def _response_created(self, event: ev.ResponseCreated, now: float) -> None:
        state = self._state
        if event.response is None:
            return
        record, command = state.responses.created(event.response, now, vad_may_create=state.session.vad_on)
        record.encoding = _encoding_of(event.response) or state.output_encoding
        if command is not None:
            self._receipts.confirm(command, event)
        state.emit(
            signals.ResponseStarted(
                response_id=record.id, origin=record.origin, command=record.command, cause=event
            )
        )
        if record.origin == "server" and state.session.manual_turns:
            state.emit(
                signals.InvariantBroken(
                    rule="stray_response",
                    detail=f"the server began response {record.id}, which nobody here asked for",
                    cause=event,
                )
            )
        if record.out_of_band:
            return
        actions = state.turns.apply(Fact.CREATED)
        record.muted = Action.FORGET in actions
        if Action.CANCEL in actions:
            self._outgoing.cancel(now, record.id, automatic=True)

    def _response_item(self, event: ev.ResponseOutputItemAdded, now: float) -> None:
        record = self._record(event.response_id, now)
        if isinstance(event.item, ev.AssistantMessage) and event.item.id:
            record.item_ids.append(event.item.id)

    def _response_done(self, event: ev.ResponseDone, now: float) -> None:
        if event.response is not None:
            self._finish(event.response, event, now)

    def _over(self, event: ev.ErrorEvent) -> ev.Response | None:
        """The active response, where the server says that it is not: its `response.done` was lost.

        Events come in order, so it would have come before. Without this nobody could
        ask for another reply, and cancelling would not help.
        """
        active = self._state.responses.active
        error = event.error.info() if event.error is not None else None
        if active is None or error is None or error.code != _NOT_ACTIVE:
            return None
        command = self._state.commands.of_error(error)
        cancel = command.event if command is not None else None
        if not isinstance(cancel, ev.ResponseCancel) or cancel.response_id not in (None, active.id):
            return None
        return (active.response or ev.Response(id=active.id)).model_copy(update={"status": "cancelled"})

    def _finish(
        self, response: ev.Response, event: ServerEvent, now: float, *, presumed: bool = False
    ) -> None:
        state = self._state
        record, news = state.responses.done(response, now, presumed=presumed)
        if news and not record.out_of_band:
            state.turns.apply(Fact.DONE)
        for key in record.sounds.keys() - record.ended:
            self._end(record, key, now)
        if not news:
            return  # told already; what items it brings, the mirror has taken in
        state.emit(
            signals.ResponseFinished(response_id=record.id, status=record.status, record=record, cause=event)
        )

    def _next_response(self, event: ServerEvent, now: float) -> None:
        self._outgoing.dispatch_held(now)

    def _words(self, event: TextDelta, now: float) -> None:
        objection = self._state.conversation.words(event)
        if objection is not None:
            self._state.warn("conversation", objection.detail, event)
        record = self._record(event.response_id, now)
        if record.marks.first_text is None:
            record.marks.first_text = now

    def _record(self, response_id: str | None, now: float) -> ResponseRecord:
        responses = self._state.responses
        record = responses.get(response_id) if response_id else responses.active
        if record is None:
            record = responses.implied(response_id or "", now)
            record.encoding = self._state.output_encoding
        return record

    # Sound

    def sound(self, delta: AudioDelta, sound: Sound, now: float) -> None:
        """React to an audio delta that was read without its event, and say where its sound comes from."""
        self._state.conversation.sound(delta)
        record = self._sounding(delta.response_id, now)
        if record is None:
            return
        pcm = delta.pcm
        key = AudioKey(delta.item_id or record.id, delta.content_index or 0)
        record.sound(key).bytes += len(pcm)
        source = sound.source
        source.response_id, source.key, source.encoding = record.id, key, record.encoding
        self._feed_first(record, key, pcm, sound, now)

    def _audio(self, event: ev.ResponseOutputAudioDelta, now: float) -> None:
        record = self._sounding(event.response_id, now)
        if record is None:
            return
        key = AudioKey(event.item_id or record.id, event.content_index or 0)
        pcm = self._decoded(event.delta, event)
        if pcm:
            record.sound(key).bytes += len(pcm)
            self._play(record, key, pcm, event, now)

    def _sounding(self, response_id: str | None, now: float) -> ResponseRecord | None:
        """The response some audio belongs to; None if that was interrupted, and the audio comes too late."""
        record = self._record(response_id, now)
        if record.marks.first_audio is None:
            record.marks.first_audio = now
            if not record.out_of_band:
                self._state.session.audio_arrived()
        if not record.muted:
            return record
        record.late_deltas += 1
        self._state.counts["late_deltas"] += 1
        return None

    def _decoded(self, delta: str | None, event: ServerEvent) -> bytes:
        try:
            return pybase64.b64decode(delta or "", validate=True)
        except ValueError:
            self._state.warn("bad_audio", "an audio delta is not base64; it was dropped", event)
            return b""

    def _play(
        self, record: ResponseRecord, key: AudioKey, pcm: bytes, event: ServerEvent, now: float
    ) -> None:
        self._state.emit(
            signals.AudioReceived(
                response_id=record.id,
                item_id=key.item_id,
                content_index=key.content_index,
                pcm=pcm,
                encoding=record.encoding,
                cause=event,
            )
        )
        self._feed_first(record, key, pcm, event, now)

    def _feed_first(
        self, record: ResponseRecord, key: AudioKey, pcm: bytes, cause: ServerEvent | Sound, now: float
    ) -> None:
        """Play a piece that may be the first of its part: that may sound at once."""
        state = self._state
        # What is kept out of the conversation is kept out of its loudspeaker too.
        if state.playhead is None or record.out_of_band or record.overflowed:
            return
        trouble = play(state.playhead, record, key, pcm, now)
        if trouble is not None:
            self.not_played(record, trouble, cause.event() if isinstance(cause, Sound) else cause)
            if trouble[0] == UNPLAYABLE:
                return
        if state.turns.states.play is not _PLAYING:
            state.turns.apply(Fact.SAMPLES)
        amount = record.sounds.get(key)
        if state.poll_at is None or (amount is not None and amount.bytes == len(pcm)):
            look(state, now)

    def not_played(self, record: ResponseRecord, trouble: Trouble, cause: ServerEvent) -> None:
        """Give up playing a response, and say so."""
        record.overflowed = True
        rule, why = trouble
        self._state.warn(rule, f"{why}; the rest of {record.id} is not played", cause)

    def _audio_done(self, event: ev.ResponseOutputAudioDone, now: float) -> None:
        record = self._record(event.response_id, now)
        self._end(record, AudioKey(event.item_id or record.id, event.content_index or 0), now)

    def _end(self, record: ResponseRecord, key: AudioKey, now: float) -> None:
        record.ended.add(key)
        state = self._state
        if state.playhead is not None and not record.muted and not record.out_of_band:
            state.playhead.end(key)
            if state.poll_at is not None:
                look(state, now)

    def _translated_audio(self, event: tr.SessionOutputAudioDelta, now: float) -> None:
        pcm = self._decoded(event.delta, event)
        if pcm:
            self._play(self._record("translation", now), _TRANSLATED, pcm, event, now)


def _encoding_of(response: ev.Response) -> str | None:
    audio = response.audio
    if audio is None or audio.output is None or audio.output.format is None:
        return None
    return audio.output.format.type


_HANDLERS: Mapping[str, tuple[Callable[[Reactions, Any, float], None], ...]] = {
    kind: tuple(getattr(Reactions, f"_{name}") for name in names) for kind, names in ROUTES.items()
}

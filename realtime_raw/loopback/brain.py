"""`SimulatedSession`: one session of the GA protocol, without socket, clock or dice.

Feed it messages and the time; drain what it says. It decides who may do what
when; shapes are `validate`'s, sentences `refusals`', items `items`', and one
response's course is `respond`'s. It shares no code with the client's core, so
that a mistake in one shows against the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from ..types import CloseInfo
from . import refusals
from .behaviour import Behaviour
from .client_schema import check_event
from .config import DEFAULT_MODEL, SessionConfig, SessionKind
from .context import make_plan
from .handshake import Facts
from .ids import Ids
from .input_audio import InputBuffer
from .items import Conversation, Item, from_client, new_item_id
from .outbox import Outbox, TrafficLog
from .outputs import Link
from .respond import ResponseRun
from .scenario import Brain, as_scenario
from .sound import Sound, decode_audio
from .speech import Speaker, murmur_speaker
from .timeline import Job, Timeline
from .tokens import Tokens
from .transcribe import transcription
from .vad import Edge

__all__ = ["SimulatedSession"]

_EVENT_ID_LIMIT = 512
_TOKEN_LIMIT = 15_000_000
_JANUARY_2026 = 1_767_225_600.0

_Handler = Callable[[Mapping[str, Any], float], None]
# Given each message as `received` has it; a list is said in place of the session's own answer.
Interceptor = Callable[[dict[str, Any]], Sequence[Mapping[str, Any]] | None]


class _AnsweredElsewhere(Exception):
    """The interceptor has answered; the session's own rules do not apply."""


class SimulatedSession:
    """One session, driven by `connected`, `receive_message`, `handle_timer`.

    After each of these, send what `data_to_send()` returns, in order; if
    `closing` is set then, close the connection with its code and reason. Call
    `handle_timer` at `next_deadline()`. Times are seconds on any clock that does
    not run backwards.

    `speed` is how much faster than nature answers come; infinity gives each
    answer whole in the call that asked for it. `scenario` decides what is said
    (a `Scenario`, or a function from `Turn` to text), `speaker` how it sounds.
    With the same `ids` and the same input, the same bytes come out. `epoch` is
    the Unix time at `now` zero. `refusal` makes a session that refuses in-band,
    with the close code beside it. A session with a `call_id` is a sideband: no
    `session.created`, and no audio deltas (observed). `session` is the
    configuration it begins with, of an accepted `session.update`'s form, `facts`
    is what the client said of itself when it connected, and `intercept` may
    answer messages in the session's place.

    Turn detection listens to the energy of what is appended, on the audio's
    clock (`vad`); the idle timeout is accepted and shown, and never fires. MCP
    servers are accepted as tools and never contacted.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        kind: SessionKind = "realtime",
        call_id: str | None = None,
        scenario: Brain | None = None,
        speaker: Speaker | None = None,
        ids: Ids | None = None,
        speed: float = 10.0,
        behaviour: Behaviour | None = None,
        epoch: float = _JANUARY_2026,
        refusal: tuple[refusals.Fault, int] | None = None,
        log_limit: int = 2000,
        session: Mapping[str, Any] | None = None,
        facts: Facts | None = None,
        intercept: Interceptor | None = None,
    ) -> None:
        self.call_id = call_id
        self.facts = facts or Facts()
        self.closing: CloseInfo | None = None
        self._model = model
        self._kind: SessionKind = kind
        self._refusal = refusal
        self._baked = session
        self._intercept = intercept
        self._epoch = epoch
        self._behaviour = behaviour or Behaviour()
        self._scenario = as_scenario(scenario)
        self._speaker = speaker or murmur_speaker()
        self._ids = ids or Ids()
        self._out = Outbox(self._ids, log_limit=log_limit, obfuscation=self._behaviour.obfuscation)
        self._received = TrafficLog(log_limit)
        self._timeline = Timeline(speed)
        self._conversation = Conversation(self._ids.new("conv"))
        self._buffer = InputBuffer()
        self._runs: dict[str, tuple[ResponseRun, Job]] = {}
        self._active: ResponseRun | None = None
        self._coming_item: str | None = None  # announced by speech_started
        self._assistant_spoke = False
        self._counted = Tokens()  # what the conversation's last response was given
        self._tokens_left = _TOKEN_LIMIT
        self._expires: float | None = None
        self.config = SessionConfig.default(kind, session_id="", model=model, expires_at=0)
        self._turn_detection: Mapping[str, Any] | None = None
        self._handlers: dict[str, _Handler] = {
            "session.update": self._update_session,
            "session.close": self._refuse_translation,
            "input_audio_buffer.append": self._append_audio,
            "session.input_audio_buffer.append": self._refuse_translation,
            "input_audio_buffer.commit": self._commit_audio,
            "input_audio_buffer.clear": self._clear_audio,
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.retrieve": self._retrieve_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
        }

    # --- what happened ----------------------------------------------------------------

    def connected(self, now: float) -> None:
        """The socket is open. Says `session.created`, or why not; drain afterwards."""
        if self._refusal is not None:
            fault, code = self._refusal
            self._end(fault, CloseInfo(code, fault.close_reason, by_us=True))
            return
        self._expires = now + self._behaviour.session_seconds
        self.config = SessionConfig.default(
            self._kind,
            session_id=self._ids.new("sess_u0" if self.call_id else "sess"),
            model=self._model,
            expires_at=int(self._epoch + self._expires),
        )
        if self._baked is not None:
            self.config = self.config.updated(self._baked)
        self._listen()
        if self.call_id is None:
            self._out.emit("session.created", session=self.config.to_wire())

    def receive_message(self, data: bytes | str, now: float) -> None:
        """A text message came. Never raises: what is wrong with it is answered by one `error`."""
        if self.closing is not None:
            return
        self.handle_timer(now)
        if self.closing is None:
            self._answer(lambda: self._parse(data), now)

    def receive_binary(self, data: bytes, now: float) -> None:
        """A binary message came: refused, and the session goes on (observed)."""
        self.handle_timer(now)
        if self.closing is None:
            self._answer(lambda: self._refuse_binary(data), now)

    def handle_timer(self, now: float) -> None:
        """Time has passed. Says what was due; expires the session at its end."""
        if self.closing is not None:
            return
        if self._expires is not None and now >= self._expires:
            self._timeline.run(self._expires)
            self._end(
                refusals.EXPIRED, CloseInfo(1001, refusals.EXPIRED.message, by_us=True)
            )  # code and reason observed
            return
        self._timeline.run(now)

    # --- what to do about it ----------------------------------------------------------

    def data_to_send(self) -> list[bytes]:
        """Messages to send as text, in order; each is returned once."""
        return self._out.drain()

    def next_deadline(self) -> float | None:
        """When to call `handle_timer`; None when nothing is due any more."""
        if self.closing is not None or self._expires is None:
            return None
        due = self._timeline.next_due
        return self._expires if due is None else min(due, self._expires)

    # --- what can be seen -------------------------------------------------------------

    @property
    def received(self) -> list[dict[str, Any]]:
        """The last messages of the client, parsed; what was no JSON object appears with `type` None."""
        return self._received.messages()

    @property
    def sent(self) -> list[dict[str, Any]]:
        """The last events said, in order."""
        return self._out.log.messages()

    @property
    def items(self) -> list[dict[str, Any]]:
        """The conversation as the server has it, in order, without audio."""
        return [item.to_wire() for item in self._conversation]

    @property
    def active_response_id(self) -> str | None:
        """The response that is writing to the default conversation."""
        return self._active.id if self._active is not None else None

    # --- messages ---------------------------------------------------------------------

    def _answer(self, parse: Callable[[], dict[str, Any]], now: float) -> None:
        event_id = None
        try:
            event = parse()
            given = event.get("event_id")
            event_id = given if isinstance(given, str) and len(given) <= _EVENT_ID_LIMIT else None
            self._handlers[check_event(event)](event, now)
        except refusals.Refused as refused:
            self._out.error(refused.fault, event_id)
        except _AnsweredElsewhere:
            pass

    def _heard(self, message: dict[str, Any], size: int) -> None:
        self._received.add(message, size)
        answers = self._intercept(message) if self._intercept is not None else None
        if answers is not None:
            for answer in answers:
                self._out.say({"type": answer["type"], "event_id": self._ids.new("event"), **answer})
            raise _AnsweredElsewhere

    def _refuse_binary(self, data: bytes) -> dict[str, Any]:
        self._heard({"type": None, "binary": len(data)}, len(data))
        raise refusals.Refused(refusals.BINARY)

    def _parse(self, data: bytes | str) -> dict[str, Any]:
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            self._heard({"type": None, "invalid": len(data)}, len(data))
            raise refusals.Refused(refusals.INVALID_JSON) from None
        if not isinstance(event, dict):
            self._heard({"type": None, "invalid": len(data)}, len(data))
            raise refusals.Refused(refusals.NOT_AN_OBJECT)
        self._heard(event, len(data))
        return event

    def _end(self, fault: refusals.Fault, close: CloseInfo) -> None:
        self._out.error(fault)
        self._timeline.clear()
        self.closing = close

    def _refuse_translation(self, event: Mapping[str, Any], now: float) -> None:
        raise refusals.only_for_translation(event["type"])

    # --- session ----------------------------------------------------------------------

    def _update_session(self, event: Mapping[str, Any], now: float) -> None:
        new = self.config.updated(event["session"])
        if self._has_spoken and new.voice != self.config.voice:
            raise refusals.voice_locked()
        if self.config.tracing is not None and new.tracing != self.config.tracing:
            raise refusals.tracing_locked()
        if self._active is not None and new.voice_speed != self.config.voice_speed:
            raise refusals.speed_locked()
        self.config = new
        self._listen()
        self._out.emit("session.updated", session=new.to_wire())

    @property
    def _has_spoken(self) -> bool:
        return self._assistant_spoke or any(run.spoke for run, _ in self._runs.values())

    # --- input audio ------------------------------------------------------------------

    def _append_audio(self, event: Mapping[str, Any], now: float) -> None:
        encoding = self.config.input_encoding
        edges = self._buffer.append(decode_audio(event["audio"], encoding, "audio"), encoding)
        for edge in edges:
            if edge.end_ms is None:
                self._speech_started(edge, now)
            else:
                self._speech_stopped(edge, edge.end_ms, now)

    def _clear_audio(self, event: Mapping[str, Any], now: float) -> None:
        self._buffer.clear()
        self._out.emit("input_audio_buffer.cleared")

    def _commit_audio(self, event: Mapping[str, Any], now: float) -> None:
        # In the middle of detected speech this is another item than the one announced (API reference).
        self._add_spoken_item(new_item_id(self._ids, self._conversation), self._buffer.take(), now)

    def _listen(self) -> None:
        self._turn_detection = self.config.input["turn_detection"]
        self._buffer.listen(self._turn_detection)

    def _speech_started(self, edge: Edge, now: float) -> None:
        self._coming_item = new_item_id(self._ids, self._conversation)
        self._out.emit(
            "input_audio_buffer.speech_started", audio_start_ms=edge.start_ms, item_id=self._coming_item
        )
        if self._active is not None and self._detection("interrupt_response"):
            self._stop(self._active.id, "turn_detected")

    def _speech_stopped(self, edge: Edge, end_ms: int, now: float) -> None:
        item_id, self._coming_item = self._coming_item, None
        if item_id is None or item_id in self._conversation:  # the client may have taken it meanwhile
            item_id = new_item_id(self._ids, self._conversation)
        self._out.emit("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item_id)
        self._add_spoken_item(item_id, self._buffer.take_turn(edge), now)
        # One that is active already keeps the automatic one from starting (documented as possible).
        if self._active is None and self._detection("create_response"):
            self._respond({}, now)

    def _detection(self, flag: str) -> bool:
        """A flag of turn detection. Transcription sessions have none: nothing answers there."""
        return bool(self._turn_detection and self._turn_detection.get(flag))

    def _add_spoken_item(self, item_id: str, sound: Sound, now: float) -> None:
        wire = {
            "id": item_id,
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        item = Item(wire, {0: sound})
        previous = self._conversation.append(item)
        self._out.emit("input_audio_buffer.committed", previous_item_id=previous, item_id=item.id)
        self._announce(item, previous)
        if self.config.transcription is not None:
            self._transcribe(item, sound, self.config.transcription["model"], now)

    def _transcribe(self, item: Item, sound: Sound, model: str, now: float) -> None:
        try:
            text = self._scenario.transcript(sound.heard)
        except Exception as exc:  # a scenario is the user's code: its fault is not the session's
            message = f"Input transcription failed for item '{item.id}': {type(exc).__name__}: {exc}"
            error = {"type": "server_error", "code": "server_error", "message": message, "param": None}
            self._out.emit(
                "conversation.item.input_audio_transcription.failed",
                item_id=item.id,
                content_index=0,
                error=error,
            )
            return
        steps = transcription(self._out, item, text, model=model, logprobs=self.config.wants_logprobs)
        self._timeline.add(steps, now)
        self._timeline.run(now)

    # --- conversation -----------------------------------------------------------------

    def _announce(self, item: Item, previous: str | None) -> None:
        """An item that is whole from the start: added and done at once, alike."""
        for kind in ("conversation.item.added", "conversation.item.done"):
            self._out.emit(kind, previous_item_id=previous, item=item.to_wire())

    def _create_item(self, event: Mapping[str, Any], now: float) -> None:
        item = from_client(
            event["item"],
            path="item",
            encoding=self.config.input_encoding,
            ids=self._ids,
            taken=self._conversation,
        )
        # An explicit null is taken for an omitted one (our choice).
        self._announce(item, self._conversation.insert(item, event.get("previous_item_id")))

    def _retrieve_item(self, event: Mapping[str, Any], now: float) -> None:
        item = self._conversation.item(event["item_id"], "retrieve")
        self._out.emit("conversation.item.retrieved", item=item.retrieved())

    def _delete_item(self, event: Mapping[str, Any], now: float) -> None:
        self._conversation.delete(event["item_id"])
        self._out.emit("conversation.item.deleted", item_id=event["item_id"])

    def _truncate_item(self, event: Mapping[str, Any], now: float) -> None:
        item = self._conversation.item(event["item_id"], "truncate")
        item.truncate(event["content_index"], event["audio_end_ms"])
        named = {key: event[key] for key in ("item_id", "content_index", "audio_end_ms")}
        self._out.emit("conversation.item.truncated", **named)

    # --- responses --------------------------------------------------------------------

    def _create_response(self, event: Mapping[str, Any], now: float) -> None:
        asked = event.get("response", {})
        if self.config.kind == "transcription":
            raise refusals.no_responses_here()
        if self._active is not None and asked.get("conversation") != "none":
            raise refusals.response_active(self._active.id)
        self._respond(asked, now)

    def _respond(self, asked: Mapping[str, Any], now: float) -> None:
        out_of_band = asked.get("conversation") == "none"
        plan = make_plan(self.config, self._conversation, asked, ids=self._ids, counted=self._counted)
        if self._has_spoken and plan.settings.voice != self.config.voice:
            raise refusals.voice_locked()
        link = Link(
            out=self._out,
            response_id=self._ids.new("resp"),
            conversation=None if out_of_band else self._conversation,
            null_previous_quirk=self._behaviour.null_previous_quirk,
            sideband=self.call_id is not None,
        )
        run = ResponseRun(plan, link, self._scenario, self._speaker, self._response_done)
        if not out_of_band:
            self._active = run
        self._runs[run.id] = (run, self._timeline.add(run.steps(), now))
        self._timeline.run(now)

    def _cancel_response(self, event: Mapping[str, Any], now: float) -> None:
        response_id = event.get("response_id", self.active_response_id)
        if response_id not in self._runs:
            raise refusals.nothing_to_cancel()
        self._stop(response_id, "client_cancelled")

    def _stop(self, response_id: str, reason: str) -> None:
        run, job = self._runs[response_id]
        self._timeline.stop(job)
        run.cancel(reason)

    def _response_done(self, run: ResponseRun) -> None:
        del self._runs[run.id]
        self._assistant_spoke |= run.spoke
        if self._active is run:
            self._active = None
            self._counted = run.plan.given
        self._tokens_left = max(0, self._tokens_left - run.plan.given.total - run.made.total)
        if self._behaviour.rate_limits:
            limit = {
                "name": "tokens",
                "limit": _TOKEN_LIMIT,
                "remaining": self._tokens_left,
                "reset_seconds": 0.001,
            }
            self._out.emit("rate_limits.updated", rate_limits=[limit])
        if run.spoke and self.call_id is not None:
            self._out.emit("output_audio_buffer.stopped", response_id=run.id)

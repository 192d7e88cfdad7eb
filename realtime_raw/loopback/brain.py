"""`SimulatedSession`: one session of the GA protocol, without socket, clock or dice.

Feed it messages and the time; drain what it says. Shapes are `validate`'s,
sentences `refusals`', audio `listening`'s, responses `answering`'s; here is
who handles what, the configuration, and the conversation. It shares no code
with the client's core, so that a mistake in one shows against the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import refusals
from .answering import Answering
from .behaviour import Behaviour
from .client_schema import check_event
from .config import DEFAULT_MODEL, SessionConfig, SessionKind
from .default_scenario import as_scenario
from .exchange import Exchange, Handler, Interceptor
from .handshake import Facts
from .ids import Ids
from .items import Conversation, from_client
from .listening import Listening
from .mcp import McpServers
from .scenario import Brain
from .speech import Speaker, murmur_speaker
from .state import State

__all__ = ["Interceptor", "SimulatedSession"]

_JANUARY_2026 = 1_767_225_600.0


class SimulatedSession(Exchange):
    """One session, driven by `connected`, `receive_message`, `handle_timer`.

    After each of these, send what `data_to_send()` returns, in order; if
    `closing` is set then, close the connection with its code and reason. Call
    `handle_timer` at `next_deadline()`. Times are seconds on any clock that does
    not run backwards.

    `speed` is how much faster than nature answers come; infinity gives each
    answer whole in the call that asked for it. `scenario` decides what is said
    (a `Scenario`, a `Script`, or a function from `Turn` to text), `speaker` how it
    sounds. With the same `ids` and the same input, the same bytes come out. `epoch`
    is the Unix time at `now` zero. `refusal` makes a session that refuses in-band,
    with the close code beside it. A session with a `call_id` is a sideband: no
    `session.created`, and no audio deltas (observed). `session` is the
    configuration it begins with, of an accepted `session.update`'s form, `facts`
    is what the client said of itself when it connected, and `intercept` may
    answer messages in the session's place.

    Turn detection listens to the energy of what is appended, on the audio's
    clock (`vad`). MCP servers are the scenario's; none is ever contacted.
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
        ids, behaviour = ids or Ids(), behaviour or Behaviour()
        super().__init__(
            ids=ids,
            behaviour=behaviour,
            speed=speed,
            epoch=epoch,
            refusal=refusal,
            log_limit=log_limit,
            facts=facts,
            intercept=intercept,
        )
        self.call_id = call_id
        self._model = model
        self._baked = session
        self._kind: SessionKind = kind
        self._state = State(
            config=SessionConfig.default(kind, session_id="", model=model, expires_at=0),
            conversation=Conversation(ids.new("conv")),
            out=self._out,
            ids=ids,
            timeline=self._timeline,
            behaviour=behaviour,
            scenario=as_scenario(scenario),
            speaker=speaker or murmur_speaker(),
            call_id=call_id,
        )
        self._mcp = McpServers(self._state)
        self._answers = Answering(self._state, self._mcp)
        self._listening = Listening(self._state, self._answers)
        self._handlers = self._table()

    def _table(self) -> dict[str, Handler]:
        listening, answers = self._listening, self._answers
        return {
            "session.update": self._update_session,
            "session.close": self._refuse_translation,
            "input_audio_buffer.append": listening.append,
            "session.input_audio_buffer.append": self._refuse_translation,
            "input_audio_buffer.commit": listening.commit,
            "input_audio_buffer.clear": listening.clear,
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.retrieve": self._retrieve_item,
            "response.create": answers.create,
            "response.cancel": answers.cancel,
            "output_audio_buffer.clear": answers.clear_output,
        }

    # --- what can be seen -------------------------------------------------------------

    @property
    def config(self) -> SessionConfig:
        """The configuration in force."""
        return self._state.config

    @property
    def items(self) -> list[dict[str, Any]]:
        """The conversation as the server has it, in order, without audio."""
        return [item.to_wire() for item in self._state.conversation]

    @property
    def active_response_id(self) -> str | None:
        """The response that is writing to the default conversation."""
        return self._answers.active_id

    # --- a sideband's call ------------------------------------------------------------

    def press(self, key: str, now: float) -> None:
        """A key was pressed on the phone of a sideband's call: `0-9`, `*`, `#`, `A-D`."""
        self.handle_timer(now)
        if self.closing is None and self.call_id is not None:
            received_at = int(self._epoch + now)
            kind = "input_audio_buffer.dtmf_event_received"
            # The one event that has no id (API reference).
            self._out.say({"type": kind, "event": key, "received_at": received_at})

    # --- the exchange's hooks ---------------------------------------------------------

    def _greet(self, expires_at: int) -> None:
        self._state.config = SessionConfig.default(
            self._kind,
            session_id=self._state.ids.new("sess_u0" if self.call_id else "sess"),
            model=self._model,
            expires_at=expires_at,
        )
        if self._baked is not None:
            self._state.config = self.config.updated(self._baked)
        self._listening.configured()
        if self.call_id is None:
            self._out.emit("session.created", session=self.config.to_wire())
        if self._baked is not None:
            self._mcp.learn(self._baked.get("tools", ()), self._timeline.now)

    def _check(self, event: Mapping[str, Any]) -> str:
        return check_event(event, sideband=self.call_id is not None)

    def _due(self) -> float | None:
        return self._listening.idle_due

    def _tick(self, now: float) -> None:
        self._listening.idle(now)

    # --- session ----------------------------------------------------------------------

    def _refuse_translation(self, event: Mapping[str, Any], now: float) -> None:
        raise refusals.only_for_translation(event["type"])

    def _update_session(self, event: Mapping[str, Any], now: float) -> None:
        patch, state = event["session"], self._state
        new = self.config.updated(patch, state.behaviour)
        if self._answers.has_spoken and new.voice != self.config.voice:
            raise refusals.voice_locked()
        if self.config.tracing is not None and new.tracing != self.config.tracing:
            raise refusals.tracing_locked()
        if self._answers.active is not None and new.voice_speed != self.config.voice_speed:
            raise refusals.speed_locked()
        self._mcp.check(patch.get("tools", ()), "session.tools")
        state.config = new
        self._listening.configured()
        self._out.emit("session.updated", session=new.to_wire())
        self._mcp.learn(patch.get("tools", ()), now)

    # --- conversation -----------------------------------------------------------------

    def _create_item(self, event: Mapping[str, Any], now: float) -> None:
        given, state = event["item"], self._state
        after = event.get("previous_item_id")
        if "previous_item_id" in event and after is None and state.behaviour.explicit_null_previous == "root":
            after = "root"
        refuse = state.behaviour.unknown_call_output == "refused"
        if refuse and given["type"] == "function_call_output" and not self._knows(given["call_id"]):
            raise refusals.unknown_call(given["call_id"])
        item = from_client(
            given,
            path="item",
            encoding=self.config.input_encoding,
            ids=state.ids,
            taken=state.conversation,
        )
        previous = state.conversation.insert(item, after)
        if after == "root" and state.behaviour.root_echo == "root":
            previous = "root"
        state.announce(item, previous)
        to_call = given["type"] == "mcp_approval_response" and self._mcp.answered(given)
        if to_call and state.behaviour.mcp_approved == "at_once":
            self._answers.start(now)

    def _knows(self, call_id: str) -> bool:
        return self._state.conversation.has_call(call_id)

    def _retrieve_item(self, event: Mapping[str, Any], now: float) -> None:
        item = self._state.conversation.item(event["item_id"], "retrieve")
        self._out.emit("conversation.item.retrieved", item=item.retrieved())

    def _delete_item(self, event: Mapping[str, Any], now: float) -> None:
        self._state.conversation.delete(event["item_id"])
        self._out.emit("conversation.item.deleted", item_id=event["item_id"])

    def _truncate_item(self, event: Mapping[str, Any], now: float) -> None:
        item = self._state.conversation.item(event["item_id"], "truncate")
        item.truncate(event["content_index"], event["audio_end_ms"])
        named = {key: event[key] for key in ("item_id", "content_index", "audio_end_ms")}
        self._out.emit("conversation.item.truncated", **named)

"""RealtimeConnection: what a user holds. Each verb is one sentence of the API, awaited to its answer.

The rules are the core's, the waiting is the driver's; here are the words for
both. Those for sound are in `sound_verbs`. Connections are made by `connect`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import orjson

from .. import events as ev
from ..dispatch import Event, Subscription
from ..errors import ServerRefused
from ..events.base import ClientEvent, ServerEvent
from ..protocol.patch import SessionPatch
from ..protocol.signals import CommandConfirmed
from ..types import UNSET, CloseInfo, ErrorInfo
from .driver import Driver
from .history import History
from .requests import ResponseOptions, Role, check_confirmable, item_create, response_create
from .sound_verbs import SoundVerbs
from .subscribe import STREAM_LIMIT, EventStream, Overflow, Waiter

if TYPE_CHECKING:
    from typing import Unpack

    from ..endpoint import Endpoint
    from ..explain import Finding
    from ..functions import ToolSettings
    from ..protocol.conversation import HistoryItem
    from ..protocol.core import RealtimeProtocol
    from ..protocol.interruption import Interruption
    from ..protocol.outgoing import IfBusy
    from ..protocol.patch import SessionChanges
    from ..protocol.session import SessionState
    from ..protocol.signals import McpApprovalRequested
    from ..protocol.tools import ToolCall
    from ..turnlog import TurnLog
    from ..usage import UsageMeter
    from .health import Health
    from .records import LiveTranscript, Records
    from .reply import Reply
    from .tools import ToolRunner

__all__ = ["RealtimeConnection"]

E = TypeVar("E", bound=Event)
S = TypeVar("S", bound=ServerEvent)
F = TypeVar("F", bound=Callable[..., object])


class RealtimeConnection(SoundVerbs):
    """An open session. Made by `connect`; valid inside its `async with`.

    Each verb waits for the server's answer and returns it. They all raise
    `LocalProtocolError` for what the state forbids (nothing is sent then),
    `ServerRefused` with the server's words, `CommandTimeout` if no answer comes
    within `command_timeout`, and `SessionLost` if the line ends first. All may
    be used from any number of tasks of one event loop. Cancelling a verb never
    takes a message back that was sent: what it says of itself is what remains.
    """

    def __init__(
        self,
        driver: Driver,
        endpoint: Endpoint,
        records: Records,
        tools: ToolRunner,
        *,
        ring_seconds: float = 240.0,
    ) -> None:
        super().__init__(driver, records, ring_seconds)
        self._endpoint = endpoint
        self._tools = tools
        self._history = History(driver, records)

    def __repr__(self) -> str:
        state = "open" if self._driver.closed is None else f"closed {self._driver.closed}"
        return f"<RealtimeConnection {self._endpoint.redacted()} {state}>"

    # What is known

    @property
    def endpoint(self) -> Endpoint:
        """Where this goes; `endpoint.redacted()` is fit to print."""
        return self._endpoint

    @property
    def protocol(self) -> RealtimeProtocol:
        """The sans-I/O core: to look at. To act, use the verbs, which also send what it says."""
        return self._driver.core

    @property
    def session(self) -> SessionState:
        """What the server says the session is: `session.current`, and what it promised."""
        return self._driver.core.session

    @property
    def history(self) -> History:
        """The conversation as the server tells it, in its order. Live; `verify()` proves it."""
        return self._history

    @property
    def transcript(self) -> LiveTranscript:
        """What both sides said: `lines()` now, `live()` as it grows, Markdown and SRT at the end."""
        return self._records.transcript

    @property
    def turns(self) -> TurnLog:
        """One row a turn: times, texts, tools, tokens. Iterate it; `to_jsonl()`, `to_markdown()`."""
        return self._records.turns

    @property
    def usage(self) -> UsageMeter:
        """Tokens by modality, transcription, rate limits, and what is left of the budget."""
        return self._records.usage

    @property
    def closed(self) -> CloseInfo | None:
        """How the line ended; None while it is up."""
        return self._driver.closed

    def health(self) -> Health:
        """All counters at once."""
        from .health import Health  # connecting is quicker without

        return Health.of(self._driver, self._player)

    def explain(self) -> list[Finding]:
        """Why no reply, no sound, or an early end: findings with their proof, errors first.

        Takes some milliseconds; sends nothing, changes nothing, never raises.
        """
        from ..explain import explain

        return explain(self._driver.core, self._driver.now)

    # Session

    async def patch(
        self, patch: SessionPatch | None = None, **changes: Unpack[SessionChanges]
    ) -> ev.SessionUpdated:
        """Change what is named and nothing else; returns the server's `session.updated`.

        `patch(instructions="…")`, or a `SessionPatch`, or both (then the
        keywords win). `InvalidCommand` is raised for wrong names and values,
        `LocalProtocolError` for a patch that would end manual turns, or change
        the voice once there was sound. Cancelled, the patch stays in flight.
        """
        merged = SessionPatch(**changes)
        if patch is not None:
            merged = patch.merged(merged)
        event = merged.event(self._driver.core.session.kind)
        return await self._confirmed(event, ev.SessionUpdated)

    # Input audio

    async def commit(self) -> HistoryItem:
        """End the turn: what was appended becomes a user message, which is returned. Asks for no reply.

        Raises `TurnTooShort` for less than 100 ms; nothing is sent then.
        Cancelled, the commit stays in flight.
        """
        cause = await self._request(ev.InputAudioBufferCommit())
        if isinstance(cause, ev.InputAudioBufferCommitted) and cause.item_id is not None:
            item = self.history.item(cause.item_id)
        else:
            # With VAD on, the server's own commit may come first; ours then finds an empty buffer.
            item = next((one for one in reversed(self.history.items()) if one.role == "user"), None)
        if item is None:
            error = ErrorInfo("the server confirmed the commit and named no item")
            raise ServerRefused(error, ev.InputAudioBufferCommit.wire_type)
        return item

    async def clear(self) -> ev.InputAudioBufferCleared:
        """Drop what was appended since the last commit. Cancelled, the clear stays in flight."""
        return await self._confirmed(ev.InputAudioBufferClear(), ev.InputAudioBufferCleared)

    # Replies

    async def respond(
        self, if_busy: IfBusy = "wait", *, tool_rounds: int | None = None, **options: Unpack[ResponseOptions]
    ) -> Reply:
        """Ask for a reply; returns it once the server has created it. It then grows by itself.

        Only one reply at a time may write to the conversation: `if_busy` says
        whether to wait for the active one (and for tools that are running), to
        cancel it, or to raise `LocalProtocolError`. Replies with
        `conversation="none"` run beside it. For the options see
        `ResponseOptions`. With `tool_rounds` it returns the *final* reply,
        finished, after at most so many rounds of tools; raises
        `LocalProtocolError` if the model calls for more, and what `done()`
        raises. Raises `BudgetExceeded` before anything is sent. Cancelled while
        it waits for another reply, nothing is sent; later, the server's reply
        comes nevertheless, and `cancel()` ends it.
        """
        event = response_create(options)
        if options.get("conversation") != "none":
            await self._tools.make_way(if_busy)
        reply = await self._driver.request(event, self._driver.awaited.reply_to, if_busy=if_busy)
        return reply if tool_rounds is None else await self._tools.final(reply, tool_rounds)

    async def cancel(self, response_id: str | None = None) -> ev.Response | None:
        """Stop the generation of a reply (without an id: of the active one); returns how it ended.

        None if there was nothing to cancel, or it had just ended. What was
        already received goes on sounding: `interrupt()` stops that too.
        Cancelled, the cancel stays in flight.
        """
        event_id = self._driver.core.cancel(self._driver.now, response_id)
        if event_id is None:
            return None
        cause = await self._driver.receipt(event_id, lambda confirmed: confirmed.cause)
        return cause.response if isinstance(cause, ev.ResponseDone) else None

    async def interrupt(self, heard_ms: int | None = None) -> Interruption:
        """Stop the sound, the generation, and cut the reply in the conversation to what was heard.

        What was heard is what the player's device has played; those who play
        the sound themselves say it in milliseconds. Returns what was done and
        does not wait for the server: it is done when the messages are on their
        way, ahead of nothing that was sent before. Safe when nothing sounds.
        """
        interruption = self._driver.core.interrupt(self._driver.now, heard_ms=heard_ms)
        self._tools.interrupted()
        self._driver.flush()
        return interruption

    # Tools

    @overload
    def tool(self, function: F, /) -> F: ...
    @overload
    def tool(self, /, **settings: Unpack[ToolSettings]) -> Callable[[F], F]: ...
    def tool(self, function: F | None = None, /, **settings: Unpack[ToolSettings]) -> F | Callable[[F], F]:
        """Let the model call a function, sync or async: `@conn.tool`, or `@conn.tool(timeout=5)`.

        Its name, annotations and docstring (Google or Sphinx style) are the
        declaration, which is patched into the session at once. Arguments are
        checked before it runs; it runs off the reader, sync functions in a
        thread, for at most `timeout` seconds (30). What it returns goes to the
        model as text or JSON; so does what goes wrong, and you are told by
        `handler.failed`. `on_interrupt="cancel"` cancels it when the user
        interrupts. Raises `LocalProtocolError` for a function that cannot be
        called by a model.
        """

        from ..functions import ToolFunction  # connecting is quicker without

        def register(function: F) -> F:
            self._tools.add(ToolFunction.of(function, **settings))
            self._driver.core.patch(SessionPatch(tools=self._tools.declarations), self._driver.now)
            self._driver.flush()
            return function

        return register if function is None else register(function)

    def answer_tool(self, call: ToolCall | str, output: object, *, respond: bool = False) -> None:
        """The output of a call that no function here answers (`tool_call.ready` brings it, or its id).

        It is posted when the call's response is over. The model then waits to
        be asked; with `respond` it is, once every call of that response has
        its output. Raises `LocalProtocolError` for a call unknown or answered.
        """
        self._tools.answer(call if isinstance(call, str) else call.call_id, output, respond=respond)
        self._driver.flush()

    async def approve(
        self, request: McpApprovalRequested | str, yes: bool = True, reason: str | None = None
    ) -> HistoryItem:
        """Answer an `mcp_approval.requested`; returns the answer's item.

        Once the server has made the call, a reply is asked for. Cancelled, the
        answer stays in flight.
        """
        request_id = request if isinstance(request, str) else request.item_id
        answer = ev.NewMcpApprovalResponse(
            id=self._driver.core.new_id("item"),
            approval_request_id=request_id,
            approve=yes,
            reason=UNSET if reason is None else reason,
        )
        return await self.insert(answer)

    # Items

    async def insert(
        self,
        content: str | ev.NewItem,
        role: Role = "user",
        after: str | None = None,
        item_id: str | None = None,
    ) -> HistoryItem:
        """Put an item into the conversation, silently: no reply is asked for. Returns it.

        `content` is a text, then `role` counts, or an item. `after` is None for
        the end, "root" for the head, or an item's id; `item_id` names the new
        one (at most 32 characters). Cancelled, the insertion stays in flight.
        """
        cause = await self._request(item_create(content, role, after, item_id))
        # The event that confirms a create names the item, and has been mirrored.
        item: ev.Item | None = getattr(cause, "item", None)
        assert item is not None
        found = self.history.item(item.id or "")
        assert found is not None
        if after is not None and isinstance(cause, ev.ConversationItemAdded):
            self._check_place(cause, None if after == "root" else after)
        return found

    def _check_place(self, added: ev.ConversationItemAdded, after: str | None) -> None:
        if "previous_item_id" in added.model_fields_set and added.previous_item_id != after:
            meant = f"behind {after}" if after else "at the head"
            where = f"behind {added.previous_item_id}" if added.previous_item_id else "at the head"
            self._driver.warn("misplaced_item", f"an item meant to stand {meant} was put {where}", added)

    async def retrieve(self, item_id: str) -> ev.ConversationItemRetrieved:
        """An item as the server holds it, its audio included. Cancelled, the answer still comes."""
        return await self._confirmed(
            ev.ConversationItemRetrieve(item_id=item_id), ev.ConversationItemRetrieved
        )

    async def truncate(
        self, item_id: str, audio_end_ms: int, content_index: int = 0
    ) -> ev.ConversationItemTruncated | None:
        """Cut an assistant's audio at `audio_end_ms`; its transcript goes with it (API reference).

        None if a harmless race made it moot: the item is gone, or was shorter.
        Cancelled, the truncation stays in flight.
        """
        event = ev.ConversationItemTruncate(
            item_id=item_id, audio_end_ms=audio_end_ms, content_index=content_index
        )
        cause = await self._request(event)
        return cause if isinstance(cause, ev.ConversationItemTruncated) else None

    async def delete(self, item_id: str) -> ev.ConversationItemDeleted | None:
        """Remove an item. None if it had been removed just before. Cancelled, it stays in flight."""
        cause = await self._request(ev.ConversationItemDelete(item_id=item_id))
        return cause if isinstance(cause, ev.ConversationItemDeleted) else None

    # The wire itself

    async def send(self, event: ClientEvent) -> str:
        """Send a client event and wait for no answer; returns its event id.

        Its fate comes as `CommandConfirmed` or `CommandRefused` under that id.
        Waits while more than 256 KiB are on their way; cancelled meanwhile,
        nothing is sent.
        """
        await self._driver.room()
        event_id = self._driver.send(event)
        self._driver.flush()
        return event_id

    async def request(self, event: ClientEvent) -> ServerEvent:
        """Send a client event and return the server event that confirms it.

        Where a harmless race made it moot, that is the server's `error`.
        Cancelled, the command stays in flight.
        """
        return await self._request(event)

    async def send_raw(self, message: Mapping[str, object] | bytes) -> None:
        """Put a JSON object, or bytes as they are, on the wire: no guard, no id, no waiting for an answer.

        Cancelled while there is no room, nothing is sent.
        """
        data = message if isinstance(message, bytes) else orjson.dumps(message)
        await self._driver.room()
        self._driver.core.send_raw(data, self._driver.now)
        self._driver.flush()

    # Events

    @overload
    def on(self, kind: type[E]) -> Callable[[Callable[[E], object]], Subscription[E]]: ...
    @overload
    def on(self, kind: str) -> Callable[[Callable[[Any], object]], Subscription[Any]]: ...
    def on(self, kind: type[Any] | str) -> Callable[[Callable[[Any], object]], Subscription[Any]]:
        """Subscribe a function to a kind of event: `@conn.on(ResponseDone)` or `conn.on("*")(f)`.

        A kind is an event or signal class (its subclasses too), a wire name, a
        signal's name, or "*". Events that were sent appear too. Plain functions
        run at once and must be quick; async ones one event after the other, in
        a task of their own. Either sees the state as it is after the event. One
        that raises stops nothing: it is reported as `HandlerFailed`, and again
        when the connection is left. Returns the subscription: call its `off()`.
        """
        return self._driver.registry.on(kind)

    @overload
    def events(self, *, limit: int = STREAM_LIMIT, overflow: Overflow = "raise") -> EventStream[Any]: ...
    @overload
    def events(
        self, *kinds: type[E], limit: int = STREAM_LIMIT, overflow: Overflow = "raise"
    ) -> EventStream[E]: ...
    @overload
    def events(
        self, *kinds: type[Event] | str, limit: int = STREAM_LIMIT, overflow: Overflow = "raise"
    ) -> EventStream[Any]: ...
    def events(
        self, *kinds: type[Any] | str, limit: int = STREAM_LIMIT, overflow: Overflow = "raise"
    ) -> EventStream[Any]:
        """Events of these kinds (of all, if none is named) from this moment on, to be iterated over.

        `limit` events may wait to be read. Beyond that, `overflow` says: "raise"
        ends the stream with `LocalProtocolError`, "drop_deltas" drops the
        piecewise events first, "block" lets the backlog grow and warns. The
        reader of the line never waits for it. See `EventStream` for its end.
        """
        return self._driver.stream(kinds, limit, overflow)

    @overload
    def wait_for(
        self, kind: type[E], timeout: float | None = None, where: Callable[[E], bool] | None = None
    ) -> Waiter[E]: ...
    @overload
    def wait_for(
        self, kind: str, timeout: float | None = None, where: Callable[[Any], bool] | None = None
    ) -> Waiter[Any]: ...
    def wait_for(
        self, kind: type[Any] | str, timeout: float | None = None, where: Callable[[Any], bool] | None = None
    ) -> Waiter[Any]:
        """The next event of a kind (for which `where` is true): `await conn.wait_for("response.done", 5)`.

        It watches from this call on. So as not to miss an answer, make it
        before you send, and await it after:

            updated = conn.wait_for("rate_limits.updated", timeout=5)
            await conn.respond()
            event = await updated

        Raises `TimeoutError`, or `SessionLost` if the line ends first.
        """
        return self._driver.waiter(kind, timeout, where)

    # Ending

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the session, in 1.5 s at most. Idempotent; any task may call it, a handler too.

        Leaving the `async with` does this by itself.
        """
        await self._driver.close(code, reason)

    async def _confirmed(self, event: ClientEvent, kind: type[S]) -> S:
        cause = await self._request(event)
        # The only other cause is the error of a harmless race, which these commands do not have.
        assert isinstance(cause, kind)
        return cause

    async def _request(self, event: ClientEvent) -> ServerEvent:
        check_confirmable(event)
        return await self._driver.request(event, _cause)


def _cause(confirmed: CommandConfirmed) -> ServerEvent:
    return cast("ServerEvent", confirmed.cause)

"""Running the functions the model calls: off the reader, answered once, then asked to go on once.

A function call ends its response, and the model says nothing more until
somebody asks (API reference). So all outputs of one response are posted,
and then exactly one `response.create` follows, after that response's `done`.
What a call is, and when a batch is complete, the core decides; here the
functions run and the outputs are sent.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

import orjson

from .. import events as ev
from ..errors import LocalProtocolError, RealtimeError
from ..events.later import ByKind
from ..protocol import signals
from ..protocol.tools import ToolCall
from ..slim import slim
from ..text import safe
from ..types import UNSET

if TYPE_CHECKING:
    from ..functions import ToolFunction
    from ..protocol.outgoing import IfBusy
    from .driver import Driver
    from .records import Step
    from .reply import Reply

__all__ = ["MAX_ROUNDS", "ToolRunner"]

# How often the model may go on by itself after tool calls before somebody has
# to ask again: a model that calls a tool for ever costs money for ever.
MAX_ROUNDS = 16
_KEPT = 64
_NOT_AGAIN = frozenset({"input", "metadata", "tool_choice", "conversation"})


@slim(frozen=False, eq=False)
class _Batch:
    """The calls of one response, from the first of them to the reply that follows."""

    response_id: str
    calls: dict[str, ToolCall] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    posted: set[str] = field(default_factory=set)
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    ours: set[str] = field(default_factory=set)
    ended: bool = False
    concluded: bool = False
    goes_on: bool = True
    next: asyncio.Future[Reply | None] | None = None

    @property
    def settled(self) -> bool:
        """Whether the response is over and every call's output was posted."""
        return self.ended and self.calls.keys() <= self.posted

    @property
    def pending(self) -> bool:
        """Whether functions of ours have outputs still to be posted; answers by hand may never come."""
        return not self.ours <= self.posted


class ToolRunner:
    """The functions of one connection, and the batches of calls under way."""

    def __init__(self, driver: Driver, declared: Sequence[ev.FunctionTool | ev.McpTool] = ()) -> None:
        self._driver = driver
        self._declared: list[ev.FunctionTool | ev.McpTool] = list(declared)
        self._functions: dict[str, ToolFunction] = {}
        self._batches: dict[str, _Batch] = {}
        self._rounds = 0
        self._changed = asyncio.Event()
        self._after_mcp: _Batch | None = None
        self._asked: OrderedDict[str, ev.ResponseConfig] = OrderedDict()
        self._reactions: ByKind[Callable[[Any], None]] = ByKind(
            {
                "response.create": self._create_sent,
                signals.ToolCallReady: self._call_ready,
                signals.ToolBatchReady: self._batch_ready,
                signals.McpCallFinished: self._mcp_finished,
                signals.ResponseFinished: self._response_finished,
                signals.BargeIn: self._barged_in,
                signals.ConnectionLost: self._lost,
            }
        )
        driver.observe(self._steps_for)

    def _steps_for(self, kind: type[Any]) -> Iterable[Step]:
        reaction = self._reactions[kind]
        return () if reaction is None else (lambda event, now: reaction(event),)

    # Declaring

    @property
    def declarations(self) -> list[ev.FunctionTool | ev.McpTool]:
        """All tools as the session is to know them."""
        return list(self._declared)

    def add(self, tool: ToolFunction) -> None:
        """Take a function in. Raises `LocalProtocolError` if the name is taken."""
        if tool.name in self._functions:
            raise LocalProtocolError(
                f"there is a tool {tool.name!r} already", hint="give the other one name="
            )
        self._functions[tool.name] = tool
        self._declared = [one for one in self._declared if _name_of(one) != tool.name]
        self._declared.append(tool.declaration)

    # What the user does

    def answer(self, call_id: str, output: object, *, respond: bool) -> None:
        """The output of a call that the user answers by hand; with `respond` the model then goes on.

        Raises `LocalProtocolError` if there is no such call, or it has its answer.
        """
        batch = self._batch_of(call_id)
        if call_id in batch.answers:
            raise LocalProtocolError(f"call {call_id} has been answered", hint="a call takes one output")
        from ..functions import output_text  # connecting is quicker without

        batch.answers[call_id] = output_text(output)
        batch.goes_on = batch.goes_on or respond
        self._advance(batch)

    async def make_way(self, if_busy: IfBusy) -> None:
        """Before the user's own create: outputs still to come are posted first, and this create follows them.

        Raises `LocalProtocolError` if tools are running and `if_busy` says so.
        """
        self._rounds = 0
        if not self.pending:
            return
        if if_busy == "raise":
            raise LocalProtocolError(
                "tools are running, and the model waits for their outputs",
                hint='wait for them, or respond(if_busy="wait")',
            )
        if if_busy == "cancel":
            self.interrupted()
        await self._settled()

    async def final(self, reply: Reply, rounds: int) -> Reply:
        """The reply at the end of a chain of tools, finished. Raises what `Reply.done` raises."""
        for _ in range(rounds + 1):
            await reply.done()
            following = await self._following(reply)
            if following is None:
                return reply
            reply = following
        raise LocalProtocolError(
            f"the model called tools more than {rounds} times in a row", hint="raise tool_rounds"
        )

    def interrupted(self) -> None:
        """The user took the turn: nothing goes on by itself, and what is to be cancelled is."""
        self._after_mcp = None
        for batch in list(self._batches.values()):
            batch.goes_on = False
            for call_id, task in list(batch.running.items()):
                tool = self._functions.get(batch.calls[call_id].name)
                if tool is not None and tool.on_interrupt == "cancel":
                    task.cancel()
                    # Answered here: a task cancelled before its first step runs no line of its own.
                    batch.answers[call_id] = _failure("cancelled: the user interrupted")
                    del batch.running[call_id]
            self._advance(batch)

    @property
    def pending(self) -> bool:
        """Whether outputs of functions here are still to come."""
        return any(batch.pending for batch in self._batches.values())

    async def _settled(self) -> None:
        """Wait until every output is posted, and take over from the replies that would have followed.

        Cancelled, they follow as they would have.
        """
        waiting = [batch for batch in self._batches.values() if batch.goes_on]
        for batch in waiting:
            batch.goes_on = False
        try:
            while self.pending:
                self._changed.clear()
                await self._changed.wait()
        except asyncio.CancelledError:
            for batch in waiting:
                batch.goes_on = True
            raise

    async def _following(self, reply: Reply) -> Reply | None:
        """The reply that follows the tools of this one; None if it called none, or some are the user's."""
        batch = self._batches.get(reply.id)
        if batch is None or batch.next is None or batch.calls.keys() - batch.ours:
            return None
        return await asyncio.shield(batch.next)

    # What the core says

    def _create_sent(self, event: ev.ResponseCreate) -> None:
        if event.response is not UNSET and event.event_id is not UNSET:
            self._asked[event.event_id] = event.response
            while len(self._asked) > _KEPT:
                self._asked.popitem(last=False)

    def _call_ready(self, signal: signals.ToolCallReady) -> None:
        call = signal.call
        record = self._driver.core.responses.get(call.response_id)
        if record is not None and record.out_of_band:
            return  # its calls are not in the conversation, and neither would an output be
        batch = self._batches.get(call.response_id)
        if batch is None:
            self._trim()
            batch = self._batches[call.response_id] = _Batch(call.response_id)
            batch.next = asyncio.get_running_loop().create_future()
        batch.calls[call.call_id] = call
        tool = self._functions.get(call.name)
        if tool is None:
            batch.goes_on = False  # answered by hand, and then asked by hand
            return
        batch.ours.add(call.call_id)
        task = self._driver.spawn(self._run(batch, call, tool))
        batch.running[call.call_id] = task

    def _batch_ready(self, signal: signals.ToolBatchReady) -> None:
        batch = self._batches.get(signal.response_id)
        if batch is None:
            return
        batch.ended = True
        batch.goes_on = batch.goes_on and signal.complete
        self._advance(batch)

    # MCP calls run on the server, which then waits to be asked as well.

    def _mcp_finished(self, signal: signals.McpCallFinished) -> None:
        history = self._driver.core.conversation
        if any(one.type == "mcp_call" and one.output is None and one.error is None for one in history):
            return  # others are still running
        # An approved call is made in a response of the server's own; what asked
        # for it is the response that wanted the approval.
        origin = history.item(signal.approval_request_id or signal.item_id) or history.item(signal.item_id)
        self._after_mcp = _Batch((origin.response_id if origin is not None else None) or signal.item_id)
        self._go_on_after_mcp()

    def _response_finished(self, signal: signals.ResponseFinished) -> None:
        if not signal.record.out_of_band:
            if self._after_mcp is not None and signal.status != "completed":
                self._after_mcp = None
            self._go_on_after_mcp()

    def _go_on_after_mcp(self) -> None:
        batch, busy = self._after_mcp, self._driver.core.responses.busy
        # With function calls beside them, the reply that follows those follows these.
        if batch is None or busy or self.pending:
            return
        self._after_mcp = None
        self._trim()
        batch.ended = True
        batch.next = asyncio.get_running_loop().create_future()
        self._batches.setdefault(batch.response_id, batch)
        self._settle(batch)

    def _barged_in(self, signal: signals.BargeIn) -> None:
        self.interrupted()

    def _lost(self, signal: signals.ConnectionLost) -> None:
        for batch in self._batches.values():
            if batch.next is not None and not batch.next.done():
                batch.next.set_result(None)

    # Running

    async def _run(self, batch: _Batch, call: ToolCall, tool: ToolFunction) -> None:
        from ..functions import ArgumentsRefused

        try:
            async with asyncio.timeout(tool.timeout):
                batch.answers[call.call_id] = await _call(tool, call.arguments)
        except asyncio.CancelledError:
            if self._driver.closed is not None or call.call_id in batch.answers:
                raise
            batch.answers[call.call_id] = _failure("the tool was cancelled")
        except TimeoutError as exc:
            batch.answers[call.call_id] = _failure(f"no result within {tool.timeout:g} s")
            self._report(call, exc)
        except ArgumentsRefused as exc:
            batch.answers[call.call_id] = _failure(str(exc))
            self._report(call, exc)
        except Exception as exc:  # whatever a tool raises, the model gets to read it, and the user too
            batch.answers[call.call_id] = _failure(f"{type(exc).__name__}: {exc}")
            self._report(call, exc)
        finally:
            batch.running.pop(call.call_id, None)
        self._advance(batch)

    def _report(self, call: ToolCall, error: BaseException) -> None:
        failed = signals.HandlerFailed(handler=f"tool {safe(call.name)}", error=error, call_id=call.call_id)
        self._driver.signal(failed)

    def _advance(self, batch: _Batch) -> None:
        """Post what is answered, once the response is over; go on when that is all."""
        if not batch.ended:
            return
        for call_id in batch.calls:  # in the order the model made them
            if call_id in batch.answers and call_id not in batch.posted:
                batch.posted.add(call_id)
                self._post(ev.NewFunctionCallOutput(call_id=call_id, output=batch.answers[call_id]))
        if batch.settled and not batch.concluded:
            self._settle(batch)
        self._changed.set()

    def _post(self, item: ev.NewFunctionCallOutput) -> None:
        try:
            self._driver.core.send(ev.ConversationItemCreate(item=item), self._driver.now)
        except RealtimeError as exc:  # the line is gone, or too much is in flight
            self._driver.warn("tool_output", f"the output of a tool could not be sent: {exc}")
        self._driver.flush()

    def _settle(self, batch: _Batch) -> None:
        batch.concluded = True
        if not batch.goes_on:
            self._finish(batch, None)
        elif self._rounds >= MAX_ROUNDS:
            self._driver.warn(
                "tool_rounds",
                f"the model called tools {MAX_ROUNDS} times in a row; ask with respond() to let it go on",
            )
            self._finish(batch, None)
        else:
            self._rounds += 1
            self._driver.spawn(self._go_on(batch))

    async def _go_on(self, batch: _Batch) -> None:
        reply = None
        try:
            create = self._continuation(batch.response_id)
            reply = await self._driver.request(create, self._driver.awaited.reply_to, if_busy="wait")
        except RealtimeError as exc:
            self._driver.warn("tool_reply", f"no reply followed the tools of {batch.response_id}: {exc}")
        finally:
            self._finish(batch, reply)

    def _continuation(self, response_id: str) -> ev.ResponseCreate:
        """A create like the one that led to the calls: a reply asked for as text goes on as text.

        Its input, which the outputs are not part of, and a tool choice that
        would force the same call again are left to the session.
        """
        record = self._driver.core.responses.get(response_id)
        asked = self._asked.get(record.command or "") if record is not None else None
        if asked is None:
            return ev.ResponseCreate()
        kept = {name: value for name, value in asked.to_wire().items() if name not in _NOT_AGAIN}
        return ev.ResponseCreate(response=ev.ResponseConfig(**kept)) if kept else ev.ResponseCreate()

    def _finish(self, batch: _Batch, reply: Reply | None) -> None:
        if batch.next is not None and not batch.next.done():
            batch.next.set_result(reply)
        self._changed.set()

    def _trim(self) -> None:
        # Kept for `_following` and for answers by hand, which come late; but not for ever.
        while len(self._batches) > _KEPT and not (oldest := next(iter(self._batches.values()))).pending:
            del self._batches[oldest.response_id]

    def _batch_of(self, call_id: str) -> _Batch:
        for batch in reversed(self._batches.values()):
            if call_id in batch.calls:
                return batch
        raise LocalProtocolError(
            f"the model made no call {call_id!r}", hint="call ids come with the tool_call.ready signal"
        )


async def _call(tool: ToolFunction, arguments: str) -> str:
    from ..functions import output_text

    kwargs = tool.parse(arguments)
    if tool.is_async:
        result = await tool.function(**kwargs)  # type: ignore[misc]  # `is_async` says it is awaitable
    else:
        # In a thread: a tool that computes or blocks must not hold up the sound.
        result = await asyncio.to_thread(tool.function, **kwargs)
    return output_text(result)


def _failure(why: str) -> str:
    return orjson.dumps({"error": safe(why)}).decode()


def _name_of(tool: ev.FunctionTool | ev.McpTool) -> str | None:
    return tool.name if isinstance(tool, ev.FunctionTool) else None

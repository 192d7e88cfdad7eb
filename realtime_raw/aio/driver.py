"""The engine room: a reader, a writer and one timer between a transport and the core.

Every path ends in the same `flush`: what the core wants to send goes to the
outbox, its next deadline to the one timer, what happened to whoever waits or
subscribed. No verb of the API is here, and no rule of the protocol.
"""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast

from ..dispatch import Event, Kind, Registry, Subscription
from ..errors import CommandTimeout, RealtimeError, ServerRefused, SessionLost
from ..events.base import ClientEvent, ServerEvent
from ..events.client import ResponseCreate
from ..events.server import ResponseCreated
from ..protocol import signals
from ..types import CloseInfo, ErrorInfo
from .bell import Bell
from .reply import Reply, reply_key
from .subscribe import EventStream, HandlerQueue, LagGauge, Overflow, Waiter
from .tap import Tap
from .transport import MessageTransport

if TYPE_CHECKING:
    from ..journal import Direction
    from ..protocol.core import RealtimeProtocol
    from ..protocol.outgoing import IfBusy
    from .audio_pumps import Attachment
    from .recording import Recording

__all__ = ["HIGH_WATER", "Driver", "OnHandlerError"]

OnHandlerError = Literal["report", "abort"]
T = TypeVar("T")
Confirmed = signals.CommandConfirmed
Receipt = tuple[asyncio.Future[Any], Callable[[Confirmed], Any]]

HIGH_WATER: Final = 256 * 1024
"""Bytes in the outbox from which on `append` and `send` wait."""

# Leaving takes at most these two and the transport's own close (1 s).
_DRAIN_S: Final = 0.2
_GRACE_S: Final = 0.2
# A burst of messages is read without a pause otherwise, and handlers starve meanwhile.
_BURST: Final = 16
_FAILURES_KEPT: Final = 32
_KEEPALIVE_S: Final = 90.0
# A handler that takes less keeps nobody waiting.
_QUICK_S: Final = 0.001


class Driver:
    """Runs one session. Made inside a running event loop; `start()` it, and `finish()` it in any case."""

    def __init__(
        self,
        transport: MessageTransport,
        core: RealtimeProtocol,
        *,
        tap: Tap | None = None,
        on_handler_error: OnHandlerError = "report",
    ) -> None:
        self.core = core
        self.registry = Registry()
        self.closed: CloseInfo | None = None
        self.failures: list[Exception] = []
        self.failures_total = 0
        self.fatal: Exception | None = None
        self.aborted = False
        self.attachments: list[Attachment] = []
        self.recordings: list[Recording] = []
        # Told of every event before anyone else, with the time: the records.
        self.observers: list[Callable[[Event, float], None]] = []
        # Asked before a create, by whatever way it comes; may refuse it by raising.
        self.check_create: Callable[[], object] | None = None
        self._loop = asyncio.get_running_loop()
        self.lag = LagGauge(self._loop)
        self._transport = transport
        self._tap = tap or Tap(None)
        self._on_handler_error = on_handler_error
        self._tasks: set[asyncio.Task[None]] = set()
        self._handling: set[asyncio.Task[None]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._handed_over = asyncio.Event()
        self._shutdown: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._outbox: deque[bytes] = deque()
        self.outbox_bytes = 0
        self.outbox_high_water = 0
        self._outbox_bell = Bell()
        self._in_flight: tuple[str, ...] = ()
        # Several may wait for one command: two cancels of one response are one.
        self._receipts: dict[str, list[Receipt]] = {}
        self._replies: weakref.WeakValueDictionary[str, Reply] = weakref.WeakValueDictionary()
        self._waiting: weakref.WeakSet[EventStream[Any] | Waiter[Any]] = weakref.WeakSet()
        self._queues: weakref.WeakKeyDictionary[Subscription[Any], HandlerQueue] = weakref.WeakKeyDictionary()
        self._events: deque[Event] = deque()
        self._delivering = False

    @property
    def now(self) -> float:
        """Seconds on the clock of the loop, of the core and of the timer."""
        return self._loop.time()

    # Running

    def start(self, unix_time: float) -> None:
        """The line is up: begin to read and write."""
        self.lag.start()
        self._tap.begin(self.now)
        self.core.connected(self.now, unix_time=unix_time)
        self.flush()
        self._reader = self.spawn(self._read())
        self.spawn(self._write())

    def hand_over(self) -> None:
        """The session goes to its user. Once it is ready, nothing is read before that."""
        self._handed_over.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as a task that ends with the connection at the latest."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _spawn_handler(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.spawn(work)
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)
        return task

    async def _read(self) -> None:
        close = CloseInfo(1006, "the reader was stopped")
        count = 0
        try:
            while True:
                data = await self._transport.recv()
                self._record("in", data)
                self.core.receive_message(data, self.now)
                self.flush()
                count += 1
                if self.core.ready and not self._handed_over.is_set():
                    await self._handed_over.wait()
                elif count % _BURST == 0:
                    await asyncio.sleep(0)
        except SessionLost as lost:
            close = lost.close
        except Exception as exc:  # strict mode: the server broke a rule
            self.fatal = exc
            close = CloseInfo(1002, type(exc).__name__)
        finally:
            self._ended(close)
        if self.fatal is not None:
            await self._transport.close(1002)

    async def _write(self) -> None:
        # The only place that waits for the line.
        try:
            while True:
                while self._outbox:
                    data = self._outbox.popleft()
                    self._record("out", data)
                    await self._transport.send(data)
                    self.outbox_bytes -= len(data)
                    self._outbox_bell.ring()
                await self._outbox_bell.wait()
        except SessionLost:
            pass  # the reader tells everyone
        except Exception as exc:
            self.fatal = exc
            self._transport.abort()

    def _tick(self) -> None:
        self._timer = None
        self.core.handle_timer(self.now)
        self.flush()

    def flush(self) -> None:
        """Hand on what the core has: bytes to the outbox, the deadline to the timer, events to everyone.

        The outbox comes first, so that no user code stands before it.
        """
        if messages := self.core.data_to_send():
            self._outbox.extend(messages)
            self.outbox_bytes += sum(map(len, messages))
            self.outbox_high_water = max(self.outbox_high_water, self.outbox_bytes)
            self._outbox_bell.ring()
        self._arm(self.core.next_deadline())
        self._events.extend(self.core.events_received())
        self._deliver_all()

    def _arm(self, deadline: float | None) -> None:
        if self._timer is not None:
            if self._timer.when() == deadline:
                return
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            self._timer = self._loop.call_at(deadline, self._tick)

    def signal(self, signal: signals.Signal) -> None:
        """Deliver a signal of the shell's own, behind what is being delivered."""
        self._events.append(signal)
        self._deliver_all()

    def _record(self, direction: Direction, data: bytes | str) -> None:
        trouble = self._tap.write(direction, data, self.now)
        if trouble is not None:
            self.warn("journal", trouble)

    def warn(self, rule: str, detail: str, cause: ServerEvent | None = None) -> None:
        """Deliver a `ProtocolWarning` of the shell's own."""
        self.signal(signals.ProtocolWarning(rule=rule, detail=detail, cause=cause))

    # Delivering

    def _deliver_all(self) -> None:
        # A handler may bring about more events; they come behind those that are there.
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._events:
                event = self._events.popleft()
                for observe in self.observers:
                    observe(event, self.now)
                self._settle(event)
                for subscription in self.registry.resolve(event):
                    self._run(subscription, event)
        finally:
            self._delivering = False

    def _settle(self, event: Event) -> None:
        """First of all, whoever awaits this very event."""
        if isinstance(event, signals.CommandConfirmed):
            for future, make in self._receipts.pop(event.event_id, ()):
                if not future.done():
                    future.set_result(make(event))
        elif isinstance(event, signals.CommandRefused):
            for future, _ in self._receipts.pop(event.event_id, ()):
                if not future.done():
                    future.set_exception(self._refusal(event))
        elif (key := reply_key(event)) is not None and self._replies:
            active = self.core.responses.active
            reply = self._replies.get(key or (active.id if active else ""))
            if reply is not None:
                reply.take(event)

    def _refusal(self, refused: signals.CommandRefused) -> RealtimeError:
        if refused.fate == "timed_out":
            return CommandTimeout(refused.command, refused.waited, refused.event_id)
        if refused.fate == "lost":
            return self.lost()
        error = refused.error or ErrorInfo("the server gave no reason")
        return ServerRefused(error, refused.command, refused.event_id)

    def _run(self, subscription: Subscription[Any], event: Event) -> None:
        if subscription.is_async:
            self._queue_of(subscription).push(event)
            return
        began = self.now
        try:
            result = subscription.handler(event)
            if inspect.iscoroutine(result):  # a lambda around an async function
                self._spawn_handler(self._finish_handler(subscription, result))
        except Exception as exc:  # reported; the other handlers and the call go on
            self.handler_failed(subscription.label, exc, event)
        finally:
            took = self.now - began
            if took > max(_QUICK_S, self.lag.slowest_handler_s):
                self.lag.handled(subscription.label, took)

    async def _finish_handler(
        self, subscription: Subscription[Any], rest: Coroutine[Any, Any, object]
    ) -> None:
        try:
            await rest
        except Exception as exc:
            self.handler_failed(subscription.label, exc)

    def _queue_of(self, subscription: Subscription[Any]) -> HandlerQueue:
        queue = self._queues.get(subscription)
        if queue is None:
            queue = self._queues[subscription] = HandlerQueue(
                cast("Callable[[Any], Awaitable[object]]", subscription.handler),
                spawn=self._spawn_handler,
                failed=lambda exc, event: self.handler_failed(subscription.label, exc, event),
            )
        return queue

    def handler_failed(self, label: str, exc: Exception, event: Event | None = None) -> None:
        """Report that `label`, called with `event`, raised `exc`: now, and when the connection is left."""
        if isinstance(exc, SessionLost) and exc.expected:
            return  # it was in the middle of a verb when we closed: as good as cancelled
        self.failures_total += 1
        if len(self.failures) < _FAILURES_KEPT:
            self.failures.append(exc)
        # A handler of failures that fails must not be told of it, for ever.
        if not isinstance(event, signals.HandlerFailed):
            self.signal(signals.HandlerFailed(handler=label, error=exc))
        if self._on_handler_error == "abort" and not self.aborted:
            self.aborted = True
            self._transport.abort()

    # Waiting

    async def room(self) -> None:
        """Wait until the outbox has room. Raises `SessionLost` if the line ends first."""
        while self.outbox_bytes >= HIGH_WATER and self.closed is None:
            await self._outbox_bell.wait()

    def send(self, event: ClientEvent, *, if_busy: IfBusy = "raise") -> str:
        """Give an event to the core; `flush()` must follow. Raises as the core does, or `BudgetExceeded`."""
        if isinstance(event, ResponseCreate) and self.check_create is not None:
            self.check_create()
        return self.core.send(event, self.now, if_busy=if_busy)

    async def request(
        self, event: ClientEvent, make: Callable[[Confirmed], T], *, if_busy: IfBusy = "raise"
    ) -> T:
        """Send an event; what `make` makes of its confirmation, at the moment it is delivered.

        Cancelled, a command that was sent stays in flight; one that is held is withdrawn.
        """
        await self.room()
        return await self.receipt(self.send(event, if_busy=if_busy), make)

    async def receipt(self, event_id: str, make: Callable[[Confirmed], T]) -> T:
        """The fate of a command just given to the core: what `make` makes of it, or the exception it is."""
        future: asyncio.Future[T] = self._loop.create_future()
        receipt = (future, make)
        self._receipts.setdefault(event_id, []).append(receipt)
        self.flush()
        try:
            return await future
        except asyncio.CancelledError:
            if receipt in self._receipts.get(event_id, ()):
                self._receipts[event_id].remove(receipt)
                if self.core.withdraw(event_id):
                    self.flush()
            raise

    def reply_to(self, confirmed: Confirmed) -> Reply:
        """The `Reply` for a confirmed `response.create`; from here on it collects."""
        created = confirmed.cause
        # The core confirms a create with the response it has just recorded.
        assert isinstance(created, ResponseCreated)
        assert created.response is not None
        record = self.core.responses.get(created.response.id or "")
        assert record is not None
        reply = Reply(record)
        self._replies[record.id] = reply
        return reply

    def stream(self, kinds: tuple[Kind, ...], limit: int, overflow: Overflow) -> EventStream[Any]:
        """A stream of events of these kinds (of none named: of all), subscribed from now on."""
        stream: EventStream[Any] = EventStream(limit, overflow, on_slow=self._warn_of_slowness)
        self._subscribe(stream, kinds or ("*",))
        return stream

    def waiter(self, kind: Kind, timeout: float | None, where: Callable[[Any], bool] | None) -> Waiter[Any]:
        """A waiter for the next event of a kind, subscribed from now on."""
        label = kind if isinstance(kind, str) else kind.__name__
        waiter: Waiter[Any] = Waiter(label, timeout=timeout, where=where)
        self._subscribe(waiter, (kind,))
        return waiter

    def _subscribe(self, one: EventStream[Any] | Waiter[Any], kinds: tuple[Kind, ...]) -> None:
        # Weakly: a stream that was left with `break` must not collect for ever.
        weak = weakref.ref(one, lambda _: subscription.off())

        def push(event: Event) -> None:
            target = weak()
            if target is not None:
                target.push(event)

        subscription = self.registry.add(kinds, push)
        one.opened(subscription.off)
        self._waiting.add(one)
        if self.closed is not None:
            one.finish(self.lost)

    def _warn_of_slowness(self, limit: int) -> None:
        self.warn(
            "slow_subscriber",
            f"the reader of an event stream is over {limit} events behind; its backlog grows",
        )

    def subscribers(self) -> dict[str, int]:
        """Counters of all event streams and handler queues together; `high_water` is the highest of them."""
        kept = [one.statistics() for one in self._waiting if isinstance(one, EventStream)]
        kept += [queue.statistics() for queue in self._queues.values()]
        return {
            "queued": sum(one["queued"] for one in kept),
            "high_water": max((one["high_water"] for one in kept), default=0),
            "dropped": sum(one["dropped"] for one in kept),
        }

    def lost(self) -> SessionLost:
        """Why nothing more can be waited for, as a new exception."""
        close = self.closed or CloseInfo(1006)
        lost = SessionLost(close, expected=close.by_us, in_flight=self._in_flight)
        lost.__cause__ = self.fatal or (self.failures[0] if self.aborted else None)
        return lost

    # Ending

    def _ended(self, close: CloseInfo) -> None:
        """The line is gone: the core first, then all who wait."""
        if close.code == 1011 and (stall := self.lag.stalled(self.now - _KEEPALIVE_S)):
            close = CloseInfo(close.code, f"{close.reason}; {stall}", close.by_us)
        self.closed = close
        self._in_flight = tuple(command.type for command in self.core.commands)
        self._tap.note({"closed": close.code, "reason": close.reason, "by_us": close.by_us}, self.now)
        self.core.disconnected(close, self.now)
        self.flush()
        for reply in list(self._replies.values()):
            reply.finish(self.lost)
        for one in list(self._waiting):
            one.finish(self.lost)
        self._outbox_bell.ring()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the line and wait until it is closed: 1.2 s at most. Idempotent; any task may call it."""
        if self._shutdown is None:
            self._shutdown = self._loop.create_task(self._close(code, reason))
        await asyncio.shield(self._shutdown)

    def abort(self) -> None:
        """Cut the line; `finish()` then has nothing to wait for."""
        self._transport.abort()

    async def _close(self, code: int, reason: str) -> None:
        self.hand_over()
        if self.closed is None:
            await self._drain()
        await self._transport.close(code, reason)
        if self._reader is not None:
            await asyncio.wait({self._reader})

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN_S):
                while self.outbox_bytes and self.closed is None:
                    await self._outbox_bell.wait()
        except TimeoutError:
            pass  # the peer does not read; what it was to get is lost with the line

    async def finish(self, *, gently: bool) -> None:
        """Close the line and end every task. `gently` lets handlers finish what they have, for a moment.

        Cancelled, it cuts the line and still ends every task before it raises.
        """
        try:
            await self._detach()
            await self.close()
            if gently:
                await self._let_handlers_finish()
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        finally:
            self.lag.stop()
            self._arm(None)
            await self._reap()
            self._end_recordings()
            self._tap.close()

    async def _detach(self) -> None:
        for attachment in self.attachments:
            try:
                await attachment.detach()
            except Exception as exc:
                self.handler_failed("audio sink", exc)

    def _end_recordings(self) -> None:
        for recording in self.recordings:
            try:
                recording.close()
            except RealtimeError as exc:
                self.handler_failed("recording", exc)

    async def _let_handlers_finish(self) -> None:
        try:
            async with asyncio.timeout(_GRACE_S):
                while self._handling:
                    await asyncio.wait(self._handling, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            pass  # they are cancelled

    async def _reap(self) -> None:
        interrupted: asyncio.CancelledError | None = None
        tasks = self._tasks | ({self._shutdown} if self._shutdown is not None else set())
        while pending := {task for task in tasks if not task.done()}:
            for task in pending:
                task.cancel()
            try:
                await asyncio.wait(pending)
            except asyncio.CancelledError as exc:
                interrupted = exc
        if interrupted is not None:
            raise interrupted

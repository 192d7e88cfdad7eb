"""The engine room: a reader, a writer and one timer between a transport and the core.

Every path ends in the same `flush`: what the core wants to send goes to the
outbox, its next deadline to the one timer, what happened to whoever waits or
subscribed. No verb of the API is here, and no rule of the protocol.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from ..dispatch import Event, Kind
from ..errors import RealtimeError, SessionLost
from ..events.base import ClientEvent, ServerEvent
from ..protocol import signals
from ..protocol.sound import Sound
from ..types import CloseInfo
from .alarm import Alarm
from .awaited import Confirmed
from .bell import Bell
from .delivery import Delivery
from .handlers import OnHandlerError
from .subscribe import EventStream, Overflow, Waiter
from .tap import Tap
from .transport import BURST, MessageTransport, PushTransport

if TYPE_CHECKING:
    from ..journal import Direction
    from ..protocol.core import RealtimeProtocol
    from ..protocol.outgoing import IfBusy
    from .audio_pumps import Attachment
    from .recording import Recording

__all__ = ["HIGH_WATER", "Driver", "OnHandlerError"]

T = TypeVar("T")

HIGH_WATER: Final = 256 * 1024
"""Bytes in the outbox from which on `append` and `send` wait."""

# Leaving takes at most these two and the transport's own close (1 s).
_DRAIN_S: Final = 0.2
_GRACE_S: Final = 0.2
_KEEPALIVE_S: Final = 90.0


class Driver(Delivery):
    """Runs one session. Made inside a running event loop; `start()` it, and `finish()` it in any case."""

    __slots__ = (
        "_alarm",
        "_handed_over",
        "_has_user",
        "_in_flight",
        "_outbox",
        "_outbox_bell",
        "_over",
        "_push",
        "_read_all",
        "_recording",
        "_shutdown",
        "_skims",
        "_started",
        "_tap",
        "_transport",
        "_waiting",
        "attachments",
        "check_create",
        "closed",
        "fatal",
        "outbox_bytes",
        "outbox_high_water",
        "recordings",
    )

    def __init__(
        self,
        transport: MessageTransport,
        core: RealtimeProtocol,
        *,
        tap: Tap | None = None,
        on_handler_error: OnHandlerError = "report",
    ) -> None:
        super().__init__(core, on_handler_error)
        self.closed: CloseInfo | None = None
        self.fatal: Exception | None = None
        self.attachments: list[Attachment] = []
        self.recordings: list[Recording] = []
        # Asked before a create, by whatever way it comes; may refuse it by raising.
        self.check_create: Callable[[], object] | None = None
        self._transport = transport
        self._push = cast("PushTransport", transport) if hasattr(transport, "send_now") else None
        self._tap = tap or Tap(None)
        self._recording = self._tap.active
        self._read_all = asyncio.Event()
        self._started = False
        self._handed_over = asyncio.Event()
        self._has_user = False
        self._over = False  # nobody is to be told of anything any more
        self._skims = False  # whether sound may be taken in where it lies
        self._shutdown: asyncio.Task[None] | None = None
        self._alarm = Alarm(self._loop, self._tick)
        self._outbox: deque[bytes] = deque()
        self.outbox_bytes = 0
        self.outbox_high_water = 0
        self._outbox_bell = Bell()
        self._in_flight: tuple[str, ...] = ()
        self._waiting: weakref.WeakSet[EventStream[Any] | Waiter[Any]] = weakref.WeakSet()

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
        self._started = True
        if self._push is None:
            self.spawn(self._read())
        else:
            self._push.attach(self)
        self.flush()
        self.spawn(self._write())

    def hand_over(self) -> None:
        """The session goes to its user. Once it is ready, nothing is read before that."""
        if not self._handed_over.is_set():
            self._handed_over.set()
            self._has_user = True
            self.outdated()
            if self._push is not None and self._started:
                self._push.resume()

    def received(self, data: bytes) -> bool:
        """A transport that pushes has a message. False: no more of them before the session has its user."""
        if self.closed is not None:
            return True  # it broke a rule before, and nothing after that counts
        try:
            if self._recording:
                self._record("in", data)
            clock, runs = self._time, self._runs
            now = clock()
            one = runs.carry(data, now)
            if one is None:
                self._read_in_full(data, now)
            else:
                self.deliver_more(one, now)
                if not runs.live:
                    self.flush()
        except Exception as exc:
            self._break_off(exc)
        return self._has_user or not self.core.ready

    def skim(self, view: memoryview, buffer: bytes | bytearray, begin: int, end: int) -> bool:
        """Take in sound whose event nobody wants, where it lies; False leaves it to `received`."""
        if not self._planned:
            self._replan()
        if not self._skims:
            return False
        clock, runs = self._time, self._runs
        now = clock()
        try:
            if runs.skim(view, buffer, begin, end, now) is None:
                return False
            if not runs.live:
                self.flush()
        except Exception as exc:
            self._break_off(exc)
        return True

    def _replan(self) -> None:
        super()._replan()
        self._skims = (
            self._has_user and self.closed is None and not self._recording and not self.wants_sound()
        )

    def ended(self, close: CloseInfo) -> None:
        """The line has ended, says a transport that pushes."""
        if self.closed is None:
            self._ended(close)
        self._read_all.set()

    async def _read(self) -> None:
        close = CloseInfo(1006, "the reader was stopped")
        count = 0
        try:
            while True:
                data = await self._transport.recv()
                if self._recording:
                    self._record("in", data)
                self._read_in_full(data, self.now)
                count += 1
                if self.core.ready and not self._handed_over.is_set():
                    await self._handed_over.wait()
                elif count % BURST == 0:
                    await asyncio.sleep(0)
        except SessionLost as lost:
            close = lost.close
        except Exception as exc:
            self._broken(exc)
        finally:
            if self.closed is None:
                self._ended(close)
            self._read_all.set()
        if self.fatal is not None:
            await self._transport.close(1002)

    def _read_in_full(self, data: bytes | str, now: float) -> None:
        self.core.read_in_full(data, now)
        messages, events, deadline = self.core.harvest()
        if messages or deadline != self._alarm.due:
            self._hand_on(messages, events, deadline)
        elif events:
            self.deliver(events)

    def _break_off(self, exc: Exception) -> None:
        self._broken(exc)
        self.spawn(self._transport.close(1002))

    def _broken(self, exc: Exception) -> None:
        """The server broke a rule, in strict mode."""
        self.fatal = exc
        self._ended(CloseInfo(1002, type(exc).__name__))

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
        self.core.handle_timer(self._time())
        self.flush()

    def playback_resumed(self) -> None:
        """A device that was at rest asks for sound again. For any thread; raises if the loop is closed."""
        self._loop.call_soon_threadsafe(self._look_at_playback)

    def _look_at_playback(self) -> None:
        if not self._over:
            self.core.playback_resumed(self._time())
            self.flush()

    def flush(self) -> None:
        """Hand on what the core has: bytes to the outbox, the deadline to the timer, events to everyone.

        The outbox comes first, so that no user code stands before it.
        """
        messages, events, deadline = self.core.harvest()
        self._hand_on(messages, events, deadline)

    def _hand_on(self, messages: list[bytes], events: list[Event | Sound], deadline: float | None) -> None:
        if messages:
            self._post(messages)
        if deadline != self._alarm.due:
            self._alarm.set(deadline)
        if events:
            self.deliver(events)

    def _post(self, messages: list[bytes]) -> None:
        """What the line takes is written at once; the rest waits for the writer."""
        push = self._push
        for data in messages:
            size = len(data)
            if push is not None and not self.outbox_bytes and push.send_now(data):
                if size > self.outbox_high_water:
                    self.outbox_high_water = size
                if self._recording:
                    self._record("out", data)
                continue
            self._outbox.append(data)
            self.outbox_bytes += size
            self.outbox_high_water = max(self.outbox_high_water, self.outbox_bytes)
            self._outbox_bell.ring()

    def signal(self, signal: signals.Signal) -> None:
        """Deliver a signal of the shell's own, behind what is being delivered."""
        self.core.trace.now = self.now
        self.core.trace.noted(signal)
        self.deliver([signal])

    def _record(self, direction: Direction, data: bytes | str) -> None:
        trouble = self._tap.write(direction, data, self.now)
        if trouble is not None:
            self.warn("journal", trouble)

    def warn(self, rule: str, detail: str, cause: ServerEvent | None = None) -> None:
        """Deliver a `ProtocolWarning` of the shell's own."""
        self.signal(signals.ProtocolWarning(rule=rule, detail=detail, cause=cause))

    # Waiting

    @property
    def has_room(self) -> bool:
        """Whether `room()` would return at once."""
        return self.outbox_bytes < HIGH_WATER or self.closed is not None

    async def room(self) -> None:
        """Wait until the outbox has room. Raises `SessionLost` if the line ends first."""
        while not self.has_room:
            await self._outbox_bell.wait()

    def send(self, event: ClientEvent, *, if_busy: IfBusy = "raise") -> str:
        """Give an event to the core; `flush()` must follow. Raises as the core does, or `BudgetExceeded`."""
        if event.type == "response.create" and self.check_create is not None:
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
        return await self.awaited.receipt(event_id, make, self.flush)

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
        self.outdated()
        self._in_flight = tuple(command.type for command in self.core.commands)
        self._tap.note({"closed": close.code, "reason": close.reason, "by_us": close.by_us}, self.now)
        self.core.disconnected(close, self.now)
        self.flush()
        self.awaited.finish()
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
        if self._started:
            await self._read_all.wait()

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
            self._over = True
            self._alarm.stop()
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

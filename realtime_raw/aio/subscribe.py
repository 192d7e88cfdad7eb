"""Delivering events to whoever subscribed: bounded streams, waiters, handler queues.

Pushing never waits: the reader must not. What happens when a subscriber is
too slow is decided here, per subscriber. Which events one wants is
`dispatch`'s affair.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from ..dispatch import Event, name_of
from ..errors import LocalProtocolError, SessionLost
from .bell import Bell

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["EventStream", "HandlerQueue", "Overflow", "Waiter"]

Overflow = Literal["raise", "drop_deltas", "block"]

E = TypeVar("E")

STREAM_LIMIT: Final = 1024
HANDLER_LIMIT: Final = 256


class Backlog(Generic[E]):
    """A bounded FIFO of events, and what to do at the bound.

    `push` says whether there was room. `drop_deltas` makes room by dropping
    the piecewise events (audio, text, arguments as they are generated), oldest
    first; the whole values come later anyway. `block` takes everything: the
    backlog then grows, as there is nobody else who could wait.
    """

    def __init__(self, limit: int, overflow: Overflow) -> None:
        if limit < 1:
            raise LocalProtocolError(f"a limit of {limit} events holds none", hint="give at least 1")
        if overflow not in ("raise", "drop_deltas", "block"):
            raise LocalProtocolError(
                f"overflow={overflow!r} is unknown", hint='it is "raise", "drop_deltas" or "block"'
            )
        self.limit = limit
        self.overflow = overflow
        self.dropped = 0
        self.high_water = 0
        self._events: deque[E] = deque()

    def __len__(self) -> int:
        return len(self._events)

    def push(self, event: E) -> bool:
        """Append an event; False if there is no room and none could be made."""
        if len(self._events) >= self.limit and self.overflow != "block":
            if self.overflow == "raise":
                return False
            if _is_piece(event):
                self.dropped += 1
                return True
            if not self._drop_oldest_piece():
                return False
        self._events.append(event)
        self.high_water = max(self.high_water, len(self._events))
        return True

    def pop(self) -> E:
        """The oldest event."""
        return self._events.popleft()

    def clear(self) -> None:
        """Forget what is queued."""
        self._events.clear()

    def _drop_oldest_piece(self) -> bool:
        for i, event in enumerate(self._events):
            if _is_piece(event):
                del self._events[i]
                self.dropped += 1
                return True
        return False


def _is_piece(event: object) -> bool:
    name = name_of(event)  # type: ignore[arg-type]  # whatever is dispatched has a name
    return name.endswith((".delta", ".append")) or name == "audio.received"


class EventStream(Generic[E]):
    """Events as they happen: `async for event in conn.events(...)`.

    It collects from the moment it is made, so nothing is missed between making
    and reading it. It ends silently after our own close, and raises
    `SessionLost` when the line is lost. A reader that falls `limit` events
    behind gets them and then `LocalProtocolError`, unless `overflow` says
    otherwise. Dropped or closed, it costs nothing more. Cancelling a read
    loses no event.
    """

    def __init__(self, limit: int, overflow: Overflow, *, on_slow: Callable[[int], None]) -> None:
        self._backlog: Backlog[E] = Backlog(limit, overflow)
        self._bell = Bell()
        self._on_slow = on_slow
        self._end: Callable[[], None] = lambda: None
        self._over = False
        self._overflowed = False
        self._lost: Callable[[], SessionLost] | None = None

    def opened(self, end: Callable[[], None]) -> None:
        """Told once how to unsubscribe."""
        self._end = end

    def push(self, event: E) -> None:
        """Queue an event; never waits."""
        if self._over or self._overflowed:
            return
        if not self._backlog.push(event):
            self._overflowed = True
            self._end()
        elif len(self._backlog) == self._backlog.limit + 1:
            self._on_slow(self._backlog.limit)
        self._bell.ring()

    def finish(self, lost: Callable[[], SessionLost]) -> None:
        """The line is gone, for the reason `lost` makes; what is queued can still be read."""
        self._lost = lost
        self._bell.ring()

    def close(self) -> None:
        """Stop collecting; the iteration ends. Idempotent."""
        self._over = True
        self._backlog.clear()
        self._end()
        self._bell.ring()

    def statistics(self) -> dict[str, int]:
        """What waits, the most that ever waited, and what was dropped."""
        backlog = self._backlog
        return {"queued": len(backlog), "high_water": backlog.high_water, "dropped": backlog.dropped}

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while not len(self._backlog):
            if self._overflowed:
                raise LocalProtocolError(
                    f"the reader of an event stream fell {self._backlog.limit} events behind",
                    hint='read faster, ask for fewer kinds, or events(..., overflow="drop_deltas")',
                )
            if self._over:
                raise StopAsyncIteration
            if self._lost is not None:
                self.close()
                reason = self._lost()
                if reason.expected:
                    raise StopAsyncIteration
                raise reason
            await self._bell.wait()
        return self._backlog.pop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Waiter(Generic[E]):
    """One event to come: `event = await conn.wait_for(kind)`.

    It watches from the moment it is made: make it, send what causes the event,
    then await it, and the event cannot slip through. Awaiting raises
    `TimeoutError` after `timeout` seconds (counted from the await), and
    `SessionLost` if the line ends first. Cancelling or dropping it ends the watch.
    """

    def __init__(
        self, label: str, *, timeout: float | None = None, where: Callable[[E], bool] | None = None
    ) -> None:
        self._label = label
        self._timeout = timeout
        self._where = where
        self._end: Callable[[], None] = lambda: None
        self._bell = Bell()
        self._found: list[E] = []
        self._failed: Exception | None = None
        self._lost: Callable[[], SessionLost] | None = None

    def opened(self, end: Callable[[], None]) -> None:
        """Told once how to unsubscribe."""
        self._end = end

    def push(self, event: E) -> None:
        """Look at an event; the first that fits is kept."""
        if self._found or self._failed is not None:
            return
        try:
            if self._where is not None and not self._where(event):
                return
        except Exception as exc:  # the condition is the user's, and so is its failure
            self._failed = exc
        else:
            self._found.append(event)
        self.close()

    def finish(self, lost: Callable[[], SessionLost]) -> None:
        """The line is gone, for the reason `lost` makes, and with it what was waited for."""
        self._lost = lost
        self.close()

    def close(self) -> None:
        """Stop watching."""
        self._end()
        self._bell.ring()

    def __await__(self) -> Generator[Any, None, E]:
        return self._wait().__await__()

    async def _wait(self) -> E:
        try:
            async with asyncio.timeout(self._timeout) as limit:
                while not self._found:
                    if self._failed is not None:
                        raise self._failed
                    if self._lost is not None:
                        raise self._lost()
                    await self._bell.wait()
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimeoutError(f"no {self._label} within {self._timeout:g} s") from None
        finally:
            self.close()
        return self._found[0]


class HandlerQueue:
    """The events of one async handler: handled one after the other, in a task that lives while there are any.

    A handler that falls `HANDLER_LIMIT` events behind has failed once, and
    misses events until it has caught up.
    """

    def __init__(
        self,
        handler: Callable[[Any], Awaitable[object]],
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        failed: Callable[[Exception, Event], None],
    ) -> None:
        self._handler = handler
        self._spawn = spawn
        self._failed = failed
        self._backlog: Backlog[Event] = Backlog(HANDLER_LIMIT, "raise")
        self._task: asyncio.Task[None] | None = None
        self._behind = False

    def push(self, event: Event) -> None:
        """Queue an event; never waits."""
        if not self._backlog.push(event):
            self._backlog.dropped += 1
            if not self._behind:
                self._behind = True
                self._failed(
                    LocalProtocolError(
                        f"an async handler fell {HANDLER_LIMIT} events behind, and misses events",
                        hint="do less in it, or read conn.events() in a task of your own",
                    ),
                    event,
                )
        if self._task is None:
            self._task = self._spawn(self._run())

    def statistics(self) -> dict[str, int]:
        """What waits, the most that ever waited, and what was dropped."""
        backlog = self._backlog
        return {"queued": len(backlog), "high_water": backlog.high_water, "dropped": backlog.dropped}

    async def _run(self) -> None:
        try:
            while len(self._backlog):
                event = self._backlog.pop()
                try:
                    await self._handler(event)
                except Exception as exc:  # reported, and the next event gets its chance
                    self._failed(exc, event)
            self._behind = False
        finally:
            self._task = None

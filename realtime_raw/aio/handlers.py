"""Running the handlers of one session, and what becomes of their failures.

A handler that raises disturbs nobody: it is reported, by a signal and when
the connection is left. Which handler wants which event is `dispatch`'s
affair, when events are delivered the driver's.
"""

from __future__ import annotations

import asyncio
import inspect
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Literal, cast

from ..dispatch import Event, Registry, Subscription
from ..errors import SessionLost
from ..protocol import signals
from .lag import LagGauge
from .subscribe import HandlerQueue

__all__ = ["Handlers", "OnHandlerError"]

OnHandlerError = Literal["report", "abort"]

_FAILURES_KEPT: Final = 32
# A handler that takes less keeps nobody waiting.
_QUICK_S: Final = 0.001


class Handlers:
    """The handlers' half of a `Driver`."""

    # With as many attributes as this and its heirs have, the interpreter calls methods quicker so.
    __slots__ = (
        "__weakref__",
        "_handling",
        "_loop",
        "_on_handler_error",
        "_queues",
        "_tasks",
        "_time",
        "aborted",
        "failures",
        "failures_total",
        "lag",
        "registry",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, on_handler_error: OnHandlerError) -> None:
        self.registry = Registry(self.outdated)
        self.failures: list[Exception] = []
        self.failures_total = 0
        self.aborted = False
        self.lag = LagGauge(loop)
        self._loop = loop
        # asyncio's own loops read this clock in one call more.
        usual = getattr(loop.time, "__func__", None) is asyncio.BaseEventLoop.time
        self._time = time.monotonic if usual else loop.time
        self._on_handler_error = on_handler_error
        self._tasks: set[asyncio.Task[None]] = set()
        self._handling: set[asyncio.Task[None]] = set()
        self._queues: weakref.WeakKeyDictionary[Subscription[Any], HandlerQueue] = weakref.WeakKeyDictionary()

    # What the driver does

    def signal(self, signal: signals.Signal) -> None:
        """Deliver a signal of the shell's own, behind what is being delivered."""
        raise NotImplementedError

    def abort(self) -> None:
        """Cut the line."""
        raise NotImplementedError

    def outdated(self) -> None:
        """Who wants what has changed."""
        raise NotImplementedError

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

    def run(self, subscription: Subscription[Any], event: Event, now: float) -> float:
        """Call a handler with an event, or queue the event if it is async; returns what time it is then.

        Never raises, never waits.
        """
        if subscription.is_async:
            self._queue_of(subscription).push(event)
            return now
        handler, clock = subscription.handler, self._time
        try:
            result = handler(event)
            if result is not None and inspect.iscoroutine(result):  # a lambda around an async function
                self._spawn_handler(self._finish_handler(subscription, result))
        except Exception as exc:  # reported; the other handlers and the call go on
            self.handler_failed(subscription.label, exc, event)
        then = clock()
        took = then - now
        if took > _QUICK_S and took > self.lag.slowest_handler_s:
            self.lag.handled(subscription.label, took)
        return then

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
            self.abort()

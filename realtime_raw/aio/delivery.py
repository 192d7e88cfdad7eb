"""Whom an event concerns, and in which order: observers, who waits for it, who subscribed to it.

Looked up once for each class of events. Deltas come by the hundred, and
mostly nobody wants more of the next one than the last one has shown: then no
more is made of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from ..dispatch import Event, Subscription, has_one_name
from ..errors import SessionLost
from ..events.server import (
    ResponseOutputAudioDelta,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputTextDelta,
)
from ..protocol import signals
from ..protocol.sound import Sound
from .awaited import Awaited
from .handlers import Handlers, OnHandlerError
from .records import Step

if TYPE_CHECKING:
    from ..protocol.core import RealtimeProtocol

__all__ = ["Delivery", "StepsFor"]

StepsFor = Callable[[type[Any]], Iterable[Step]]
_Plan = tuple[tuple[Step, ...], tuple[Subscription[Any], ...]]

_WORDS: Final = (ResponseOutputTextDelta, ResponseOutputAudioTranscriptDelta)
_AUDIO_DELTA: Final = ResponseOutputAudioDelta.wire_type
_AUDIO_RECEIVED: Final = signals.AudioReceived.name


class Delivery(Handlers):
    """The half of a `Driver` that tells of what happened."""

    __slots__ = (
        "_delivering",
        "_events",
        "_needless",
        "_observers",
        "_planned",
        "_plans",
        "_runs",
        "awaited",
        "core",
    )

    def __init__(self, core: RealtimeProtocol, on_handler_error: OnHandlerError) -> None:
        super().__init__(asyncio.get_running_loop(), on_handler_error)
        self.core = core
        self.awaited = Awaited(core, self.lost, self.outdated)
        self._runs = core.runs
        self._events: deque[Event | Sound] = deque()
        self._delivering = False
        self._observers: dict[StepsFor, Callable[[], bool]] = {}
        # For each class of events, whom to tell of one, and who subscribed to it.
        self._plans: dict[type, _Plan] = {}
        self._planned = False  # whether it still holds
        # The classes of deltas of which no observer needs to be told if they are like the
        # last ones, and who subscribed to one.
        self._needless: dict[type, tuple[Subscription[Any], ...]] = {}

    def lost(self) -> SessionLost:
        """Why nothing more can be waited for, as a new exception."""
        raise NotImplementedError

    # Telling

    def deliver(self, events: Iterable[Event | Sound]) -> None:
        """Tell of events, in order; behind those that are being told of."""
        # A handler may bring about more events; they come behind those that are there.
        queue = self._events
        queue.extend(events)
        if not self._delivering:
            self._delivering = True
            try:
                while queue:
                    self._tell(queue.popleft(), self._time())
            finally:
                self._delivering = False

    def _tell(self, event: Event | Sound, now: float) -> None:
        if not self._planned:
            self._replan()
        steps, subscriptions = self._plans.get(type(event)) or self._plan(event)
        for step in steps:
            step(event, now)
        if subscriptions:
            clock = self._time
            now = clock()  # what took its time until here was no handler
            for subscription in subscriptions:
                now = self.run(subscription, event, now)  # type: ignore[arg-type]  # sound has none

    def deliver_more(self, event: Event | Sound, now: float) -> None:
        """As `deliver`, for a delta that `runs` has just carried on."""
        if not self._planned:
            self._replan()
        subscriptions = self._needless.get(type(event))
        if subscriptions is None or self._delivering:
            self.deliver((event,))
            return
        self._delivering = True
        try:
            for subscription in subscriptions:
                now = self.run(subscription, event, now)  # type: ignore[arg-type]  # as above
        finally:
            self._delivering = False
        if self._events:
            self.deliver(())

    # Whom

    def observe(
        self, steps_for: StepsFor, need_repeats: Callable[[], bool] = lambda: True
    ) -> Callable[[], None]:
        """Be told of events before any handler: `steps_for` says for a class whom to call.

        Audio deltas are told as `Sound`. Of deltas that are like the last ones
        nobody is told unless some `need_repeats`. Returns what ends it.
        """

        def ignore() -> None:
            del self._observers[steps_for]
            self.outdated()

        self._observers[steps_for] = need_repeats
        self.outdated()
        return ignore

    def outdated(self) -> None:
        """What is wanted has changed, of handlers or of observers."""
        self._planned = False

    def wants_sound(self) -> bool:
        """Whether anybody has a use for the event of an audio delta that is like the last ones."""
        return Sound not in self._needless

    def _replan(self) -> None:
        self._planned = True
        self._plans.clear()
        wanting = self.registry.wanting
        self._needless = {
            kind: wanting(kind, kind.wire_type)
            for kind in _WORDS
            if not self.awaited.hears and self._is_needless(kind)
        }
        if not (self.awaited.hears or self._sound_has_handlers()) and self._is_needless(Sound):
            self._needless[Sound] = ()

    def _steps_for(self, kind: type[Any]) -> tuple[Step, ...]:
        return tuple(step for steps_for in self._observers for step in steps_for(kind))

    def _is_needless(self, kind: type[Any]) -> bool:
        """Whether no observer of a class of deltas needs more of those that are like the last ones."""
        return not any(need() and tuple(of(kind)) for of, need in self._observers.items())

    def _plan(self, event: Event | Sound) -> _Plan:
        """Whom an event concerns: observers, who awaits it, subscribers. Kept where its class agrees."""
        kind = type(event)
        steps = self._steps_for(kind)
        plan: _Plan
        if isinstance(event, Sound):
            plan = self._plans[kind] = (*steps, *self._sound_steps()), ()
            return plan
        plan = (*steps, *self.awaited.steps_for(kind)), self.registry.resolve(event)
        if has_one_name(type(event)):
            self._plans[kind] = plan
        return plan

    # Sound

    def _sound_has_handlers(self) -> bool:
        """Whether anybody subscribed to an event of an audio delta."""
        wanting = self.registry.wanting
        return bool(
            wanting(ResponseOutputAudioDelta, _AUDIO_DELTA) or wanting(signals.AudioReceived, _AUDIO_RECEIVED)
        )

    def _sound_steps(self) -> Iterator[Step]:
        """Both events of an audio delta, each made only if somebody wants it."""
        if self.registry.wanting(ResponseOutputAudioDelta, _AUDIO_DELTA):
            yield self._run_sound_event
        yield self.awaited.take_sound
        # Who handles the first may subscribe to the second.
        if self._sound_has_handlers():
            yield self._run_sound_signal

    def _run_sound_event(self, sound: Sound, now: float) -> None:
        for subscription in self.registry.wanting(ResponseOutputAudioDelta, _AUDIO_DELTA):
            now = self.run(subscription, sound.event(), now)

    def _run_sound_signal(self, sound: Sound, now: float) -> None:
        if sound.source.key is not None:
            for subscription in self.registry.wanting(signals.AudioReceived, _AUDIO_RECEIVED):
                now = self.run(subscription, cast("signals.AudioReceived", sound.signal()), now)

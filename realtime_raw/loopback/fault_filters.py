"""Small machines that spoil a stream of messages, each in one way.

A filter is given each message and says what goes on in its place; it may hold
some back and let them go at its `due` time. Pure: which filters there are, by
name, is `faults`'; running a chain of them is `faulty`'s.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

import orjson

from ..types import CloseInfo
from .line_actions import LineAction

__all__ = [
    "Act",
    "Burst",
    "Close",
    "Drop",
    "Duplicate",
    "Edit",
    "Filter",
    "HoldUntil",
    "Late",
    "Message",
    "Out",
    "Slow",
    "Stall",
    "Swap",
    "Trigger",
]


class Message:
    """One message on its way to the client: bytes, and the event in them (empty if there is none)."""

    __slots__ = ("data", "event")

    def __init__(self, data: bytes, event: dict[str, Any] | None = None) -> None:
        self.data = data
        self.event = event if event is not None else orjson.loads(data)

    @classmethod
    def of(cls, event: dict[str, Any]) -> Message:
        """An event as a message."""
        return cls(orjson.dumps(event), event)

    @property
    def type(self) -> str:
        return str(self.event.get("type", ""))


@dataclass(frozen=True, slots=True)
class Close:
    """The connection is closed here; nothing follows."""

    info: CloseInfo


Out: TypeAlias = Message | LineAction | Close


@dataclass(slots=True)
class Trigger:
    """When a fault strikes: at messages whose type matches `event`, from the `nth` on, `count` of them.

    `count` None is all. With `ms`, what comes earlier after connecting does not
    count; with `ms` and no `event` the time alone decides.
    """

    event: str | None = None
    nth: int = 1
    count: int | None = 1
    ms: float | None = None
    _seen: int = 0
    _start: float = 0.0

    def begin(self, now: float) -> float | None:
        """The connection is open. Returns when the trigger strikes by time alone."""
        self._start = now
        return now + self.ms / 1000 if self.ms is not None and self.event is None else None

    def strikes(self, message: Message, now: float) -> bool:
        """Whether it strikes at this message."""
        if self.event is None or not message.event or not fnmatchcase(message.type, self.event):
            return False
        if self.ms is not None and now < self._start + self.ms / 1000:
            return False
        self._seen += 1
        return self._seen >= self.nth and (self.count is None or self._seen < self.nth + self.count)


@dataclass(slots=True)
class Filter:
    """Base: lets everything through."""

    trigger: Trigger
    due: float | None = field(default=None, init=False)

    def begin(self, now: float) -> None:
        """The connection is open."""
        self.due = self.trigger.begin(now)

    def pass_on(self, message: Message, now: float) -> list[Out]:
        """What goes on in place of `message`."""
        return self.strike(message, now) if self.trigger.strikes(message, now) else self.other(message, now)

    def strike(self, message: Message, now: float) -> list[Out]:
        """The fault strikes here."""
        return [message]

    def other(self, message: Message, now: float) -> list[Out]:
        """A message it does not strike at."""
        return [message]

    def release(self, now: float) -> list[Out]:
        """`due` has come."""
        self.due = None
        return []


@dataclass(slots=True)
class Act(Filter):
    """Does something behind the message it strikes at, or at its time."""

    acts: Callable[[], Sequence[Out]]

    def strike(self, message: Message, now: float) -> list[Out]:
        return [message, *self.acts()]

    def release(self, now: float) -> list[Out]:
        self.due = None
        return list(self.acts())


@dataclass(slots=True)
class Edit(Filter):
    """Changes messages. `edit` is given a copy of the event, and may return another."""

    edit: Callable[[dict[str, Any]], dict[str, Any]]

    def strike(self, message: Message, now: float) -> list[Out]:
        return [Message.of(self.edit(copy.deepcopy(message.event)))]


@dataclass(slots=True)
class Drop(Filter):
    """Swallows messages."""

    def strike(self, message: Message, now: float) -> list[Out]:
        return []


@dataclass(slots=True)
class Duplicate(Filter):
    """Says messages twice."""

    def strike(self, message: Message, now: float) -> list[Out]:
        return [message, message]


@dataclass(slots=True)
class _Holding(Filter):
    """Base of filters that hold messages back, for `seconds` at most."""

    seconds: float
    held: deque[Message] = field(default_factory=deque, init=False)

    def let_go(self) -> list[Out]:
        """Everything held, in order."""
        held: list[Out] = list(self.held)
        self.held.clear()
        return held


@dataclass(slots=True)
class Swap(_Holding):
    """Lets the next message overtake the one it strikes at; without a next, it goes when its time is over."""

    def strike(self, message: Message, now: float) -> list[Out]:
        gone = self.let_go()
        self.held.append(message)
        self.due = now + self.seconds
        return gone

    def other(self, message: Message, now: float) -> list[Out]:
        self.due = None
        return [message, *self.let_go()]

    def release(self, now: float) -> list[Out]:
        self.due = None
        return self.let_go()


@dataclass(slots=True)
class Late(_Holding):
    """Delays messages, while the others go on."""

    _times: deque[float] = field(default_factory=deque, init=False)

    def strike(self, message: Message, now: float) -> list[Out]:
        self.held.append(message)
        self._times.append(now + self.seconds)
        self.due = self._times[0]
        return []

    def release(self, now: float) -> list[Out]:
        gone: list[Out] = []
        while self._times and self._times[0] <= now:
            self._times.popleft()
            gone.append(self.held.popleft())
        self.due = self._times[0] if self._times else None
        return gone


@dataclass(slots=True)
class HoldUntil(_Holding):
    """Holds messages until one of type `until` has gone, or their time is over."""

    until: str

    def strike(self, message: Message, now: float) -> list[Out]:
        self.held.append(message)
        self.due = now + self.seconds
        return []

    def other(self, message: Message, now: float) -> list[Out]:
        if message.type != self.until:
            return [message]
        self.due = None
        return [message, *self.let_go()]

    def release(self, now: float) -> list[Out]:
        self.due = None
        return self.let_go()


@dataclass(slots=True)
class Stall(_Holding):
    """Stops everything for a while, and goes on in order."""

    _until: float | None = field(default=None, init=False)

    def pass_on(self, message: Message, now: float) -> list[Out]:
        if self._until is not None:
            self.held.append(message)
            return []
        if self.trigger.strikes(message, now):
            self._begin(now)
        return [message]

    def release(self, now: float) -> list[Out]:
        if self._until is None:
            self._begin(now)
            return []
        self._until, self.due = None, None
        return self.let_go()

    def _begin(self, now: float) -> None:
        self._until = self.due = now + self.seconds


@dataclass(slots=True)
class Burst(_Holding):
    """Collects messages, and lets them go together; over and over."""

    def strike(self, message: Message, now: float) -> list[Out]:
        self.held.append(message)
        if self.due is None:
            self.due = now + self.seconds
        return []

    def other(self, message: Message, now: float) -> list[Out]:
        return self.strike(message, now) if self.held else [message]

    def release(self, now: float) -> list[Out]:
        self.due = None
        return self.let_go()


_BYTES_PER_SECOND = {"audio/pcm": 48_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}


@dataclass(slots=True)
class Slow(Filter):
    """Lets audio through `factor` times slower than it is played; what comes behind it waits."""

    factor: float
    _held: deque[Message] = field(default_factory=deque, init=False)
    _rate: int = field(default=_BYTES_PER_SECOND["audio/pcm"], init=False)

    def pass_on(self, message: Message, now: float) -> list[Out]:
        if self.due is not None:
            self._held.append(message)
            return []
        return self._send(message, now)

    def release(self, now: float) -> list[Out]:
        self.due = None
        gone: list[Out] = []
        while self._held and self.due is None:
            gone += self._send(self._held.popleft(), now)
        return gone

    def _send(self, message: Message, now: float) -> list[Out]:
        # Other faults may have spoilt the event before.
        match message.event:
            case {"response": {"audio": {"output": {"format": {"type": str(encoding)}}}}}:
                self._rate = _BYTES_PER_SECOND[encoding]
            case {"type": "response.output_audio.delta", "delta": str(delta)}:
                if self.trigger.strikes(message, now):
                    self.due = now + len(delta) * 3 // 4 / self._rate * self.factor
        return [message]

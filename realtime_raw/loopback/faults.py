"""What can go wrong on purpose: faults by name, each one switch, as data.

`FAULTS` is the list, `parse_fault("close_1011@ms=500")` reads one, `describe_faults()` shows
all. A fault is a filter on what a session says (`fault_filters`), or a switch
of its `Behaviour`; what needs the socket is an instruction in `line_actions`.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ..errors import RealtimeError
from ..types import CloseInfo
from . import fault_events, refusals
from .behaviour import Behaviour
from .fault_filters import (
    Act,
    Burst,
    Close,
    Drop,
    Duplicate,
    Edit,
    Filter,
    HoldUntil,
    Late,
    Message,
    Out,
    Slow,
    Stall,
    Swap,
    Trigger,
)
from .line_actions import Abort, Binary, Eof, Freeze, Trickle

__all__ = ["FAULTS", "Fault", "FaultError", "FaultKind", "behaviour_with", "describe_faults", "parse_fault"]


class FaultError(RealtimeError, ValueError):
    """A fault that there is not, or a parameter it does not have."""


_Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One named fault. `defaults` are its parameters, and `when` says where it strikes unless told otherwise.

    A `timed` one can strike at a time, with no message. `filters` makes a new chain
    for each connection; `behaviour` are the switches it sets.
    """

    name: str
    about: str
    filters: Callable[[Trigger, _Values], list[Filter]] | None = None
    when: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    behaviour: Mapping[str, Any] = field(default_factory=dict)
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as asked for: its kind, and the parameters given."""

    kind: FaultKind
    given: Mapping[str, Any] = field(default_factory=dict)

    def filters(self) -> list[Filter]:
        """A new chain, for one connection."""
        if self.kind.filters is None:
            return []
        when = dict(self.kind.when)
        if self.kind.timed and "ms" in self.given and "event" not in self.given:
            when.pop("event", None)
        when |= {name: value for name, value in self.given.items() if name in _WHEN}
        return self.kind.filters(Trigger(**when), {**self.kind.defaults, **self.given})


# --- parameters ---------------------------------------------------------------------------


def _number(text: str, least: float) -> float:
    value = float(text)
    if not least <= value < 1e9:
        raise ValueError(text)
    return value


def _whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


_WHEN = ("event", "nth", "count", "ms")
_READ: dict[str, tuple[Callable[[str], Any], str]] = {
    "event": (str, "the type of an event, * standing for anything"),
    "nth": (_whole, "a whole number from 1 on"),
    "count": (lambda text: None if text == "all" else _whole(text), "a whole number from 1 on, or all"),
    "ms": (lambda text: _number(text, 0), "milliseconds"),
    "for": (lambda text: _number(text, 0), "milliseconds"),
    "factor": (lambda text: _number(text, 0.001), "a number above zero"),
    "bytes": (_whole, "a whole number from 1 on"),
}


def parse_fault(text: str) -> Fault:
    """The fault in `name` or `name@parameter=value,parameter=value`.

    Parameters of all that strike at a place: `event` (a type, `*` allowed), `nth`,
    `count` (or `all`), `ms` after connecting. Raises `FaultError` naming what is wrong.
    """
    name, _, rest = text.strip().partition("@")
    kind = FAULTS.get(name)
    if kind is None:
        near = difflib.get_close_matches(name, FAULTS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(FAULTS)}"
        raise FaultError(f"there is no fault {name!r}; {hint}")
    given: dict[str, Any] = {}
    allowed = _parameters(kind)
    for part in filter(None, rest.split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in allowed:
            has = ", ".join(allowed) or "none"
            raise FaultError(f"fault {name!r} has no parameter {key!r}; it has: {has}")
        read, words = _READ[key]
        try:
            given[key] = read(value) if equals else read("?")
        except ValueError:
            raise FaultError(f"fault {name!r}: {key}={value!r} is not {words}") from None
    return Fault(kind, given)


def _parameters(kind: FaultKind) -> list[str]:
    places = list(_WHEN) if kind.when else []
    return places + [name for name in kind.defaults if name in _READ and name not in places]


def describe_faults() -> str:
    """Every fault in a line: name, where it strikes, what it does."""
    lines = []
    for kind in FAULTS.values():
        values = {**kind.when, **{k: v for k, v in kind.defaults.items() if k in _READ}}
        shown = ",".join(f"{key}={'all' if value is None else value}" for key, value in values.items())
        lines.append(f"{kind.name}{'@' + shown if shown else ''}\n    {kind.about}")
    return "\n".join(lines)


def behaviour_with(faults: Iterable[Fault], behaviour: Behaviour | None = None) -> Behaviour:
    """`behaviour` with the switches that `faults` set."""
    switched = behaviour or Behaviour()
    for fault in faults:
        switched = replace(switched, **fault.kind.behaviour)
    return switched


# --- the list -----------------------------------------------------------------------------

_FIRST_AUDIO = {"event": "response.output_audio.delta", "nth": 1}
_ALL: dict[str, Any] = {"nth": 1, "count": None}


def _acting(acts: Callable[[_Values], list[Out]]) -> Callable[[Trigger, _Values], list[Filter]]:
    return lambda trigger, values: [Act(trigger, lambda: acts(values))]


def _closing(code: int, reason: str) -> FaultKind:
    return FaultKind(
        f"close_{code}",
        f"The server closes the connection with {code} ({reason}).",
        _acting(lambda values: [Close(CloseInfo(code, reason, by_us=True))]),
        when={"event": "response.created", "nth": 1},
        timed=True,
    )


def _each(*patterns: str) -> Callable[[Trigger, _Values], list[Filter]]:
    return lambda trigger, values: [Drop(Trigger(event, count=None)) for event in patterns]


def _holding(make: Callable[[Trigger, float], Filter]) -> Callable[[Trigger, _Values], list[Filter]]:
    return lambda trigger, values: [make(trigger, values["for"] / 1000)]


def _edited(edit: Callable[[], Callable[[dict[str, Any]], dict[str, Any]]]) -> Any:
    return lambda trigger, values: [Edit(trigger, edit())]


def _padded(values: _Values) -> Callable[[dict[str, Any]], dict[str, Any]]:
    filling = (string.ascii_letters * (int(values["bytes"]) // 52 + 1))[: int(values["bytes"])]
    return lambda event: {**event, "padding": filling}


_EXPIRED = Close(CloseInfo(1001, refusals.EXPIRED.message, by_us=True))
_KINDS = (
    # the end of the connection
    FaultKind(
        "expire",
        "The session expires: error `session_expired`, then close 1001.",
        _acting(lambda values: [Message.of(fault_events.expired()), _EXPIRED]),
        when={"event": "response.created", "nth": 1},
        timed=True,
    ),
    _closing(1001, "going away"),
    _closing(1011, "internal error"),
    _closing(1012, "service restart"),
    _closing(1013, "try again later"),
    FaultKind(
        "close_1006",
        "The TCP connection is reset; no close frame, the client sees 1006.",
        _acting(lambda values: [Abort()]),
        when={"event": "response.created", "nth": 1},
        timed=True,
    ),
    FaultKind(
        "eof",
        "The stream ends in an orderly way, but without a close frame.",
        _acting(lambda values: [Eof()]),
        when={"event": "response.created", "nth": 1},
        timed=True,
    ),
    FaultKind(
        "half_open",
        "The server reads and writes nothing any more, not even pongs; the socket stays open.",
        _acting(lambda values: [Freeze()]),
        when={"event": "response.created", "nth": 1},
        timed=True,
    ),
    # time
    FaultKind(
        "stall",
        "Nothing is said for a while; then everything goes on, in order.",
        _holding(Stall),
        when={**_FIRST_AUDIO, "count": 1},
        defaults={"for": 2000.0},
        timed=True,
    ),
    FaultKind(
        "burst",
        "Messages come in bursts: collected for a while, then all at once.",
        _holding(Burst),
        when={"event": "*", **_ALL},
        defaults={"for": 500.0},
    ),
    FaultKind(
        "slow_audio",
        "Audio comes `factor` times slower than it is played.",
        lambda trigger, values: [Slow(trigger, values["factor"])],
        when={"event": "response.output_audio.delta", **_ALL},
        defaults={"factor": 2.0},
    ),
    FaultKind(
        "single_byte",
        "Every byte is a TCP write of its own.",
        _acting(lambda values: [Trickle()]),
        when={"ms": 0.0},
        timed=True,
    ),
    # order
    FaultKind(
        "duplicate",
        "A message is sent twice, the same to the byte.",
        lambda trigger, values: [Duplicate(trigger)],
        when={**_FIRST_AUDIO, "count": 1},
    ),
    FaultKind(
        "reorder",
        "A message is overtaken by the one after it.",
        _holding(Swap),
        when={**_FIRST_AUDIO, "count": 1},
        defaults={"for": 500.0},
    ),
    FaultKind(
        "withhold",
        "A message never comes.",
        lambda trigger, values: [Drop(trigger)],
        when={"event": "response.done", "nth": 1, "count": 1},
    ),
    FaultKind(
        "late",
        "A message comes late; the others do not wait for it.",
        _holding(Late),
        when={**_FIRST_AUDIO, "count": 1},
        defaults={"for": 1000.0},
    ),
    FaultKind(
        "orphan_response",
        "A response is never announced: its `response.created` is missing, the rest of it comes.",
        lambda trigger, values: [Drop(trigger)],
        when={"event": "response.created", "nth": 1, "count": 1},
    ),
    FaultKind(
        "late_transcripts",
        "The user's transcripts come behind the reply to them.",
        _holding(lambda trigger, seconds: HoldUntil(trigger, seconds, "response.done")),
        when={"event": "conversation.item.input_audio_transcription.*", **_ALL},
        defaults={"for": 5000.0},
    ),
    FaultKind(
        "audio_after_done",
        "Audio of a response still comes behind its `response.done`, as if it had been cancelled too late.",
        _holding(lambda trigger, seconds: HoldUntil(trigger, seconds, "response.done")),
        when={"event": "response.output_audio.delta", "nth": 2, "count": None},
        defaults={"for": 5000.0},
    ),
    # content
    FaultKind(
        "missing_optional",
        "What some servers never send is missing: content parts, rate limits, `.done` of texts and audio.",
        _each(*fault_events.OPTIONAL),
    ),
    FaultKind(
        "unknown_event",
        "An event of a type nobody has heard of.",
        _acting(lambda values: [Message.of(fault_events.unknown())]),
        when={"event": "session.created", "nth": 1, "count": 1},
        timed=True,
    ),
    FaultKind(
        "unknown_field",
        "Events, and the objects inside, have a field nobody has heard of.",
        _edited(lambda: fault_events.with_unknown_fields),
        when={"event": "*", **_ALL},
    ),
    FaultKind(
        "wrong_types",
        "Every field of an event but its type has a value of the wrong kind.",
        _edited(lambda: fault_events.with_wrong_types),
        when={"event": "response.done", "nth": 1, "count": 1},
    ),
    FaultKind(
        "server_error",
        "An `error` of type `server_error` out of nowhere; the session goes on.",
        _acting(lambda values: [Message.of(fault_events.server_error())]),
        when={"event": "response.created", "nth": 1, "count": 1},
        timed=True,
    ),
    FaultKind(
        "garbage",
        "A text message that is no JSON.",
        _acting(lambda values: [Message(b'{"type":"response.done",', {})]),
        when={"event": "response.created", "nth": 1, "count": 1},
        timed=True,
    ),
    FaultKind(
        "binary",
        "A binary message.",
        _acting(lambda values: [Binary(b"\x00\x01\x02\x03")]),
        when={"event": "response.created", "nth": 1, "count": 1},
        timed=True,
    ),
    FaultKind(
        "oversized",
        "A message is padded to more than `bytes`.",
        lambda trigger, values: [Edit(trigger, _padded(values))],
        when={"event": "response.created", "nth": 1, "count": 1},
        defaults={"bytes": 20_000_000},
    ),
    # lies
    FaultKind(
        "ignores_manual",
        "`turn_detection: null` is confirmed and not obeyed: turns are still found, and answered.",
        behaviour=MappingProxyType({"turn_detection_null": "shown"}),
    ),
    FaultKind(
        "answers_vad_on",
        "`turn_detection: null` is answered with turn detection still on.",
        behaviour=MappingProxyType({"turn_detection_null": "ignored"}),
    ),
    FaultKind(
        "silent_truncate",
        "Truncations are done and never confirmed.",
        _each("conversation.item.truncated"),
    ),
    FaultKind(
        "wrong_order",
        "`previous_item_id` names an item that is not the one before.",
        lambda trigger, values: [
            Edit(Trigger(event, count=None), lies)
            for lies in (fault_events.OrderLies(),)
            for event in fault_events.ORDERED
        ],
    ),
)
FAULTS: Mapping[str, FaultKind] = MappingProxyType({kind.name: kind for kind in _KINDS})

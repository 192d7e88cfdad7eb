"""Scripts of what a client is expected to send, and what it is answered.

An `Expectation` follows one session from outside: each message is held against
the next step before the session sees it. What differs is told in full, with
the steps around it, because the reader has nothing else to go by.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeAlias

import orjson

from ..events.base import ServerEvent
from ..text import printable
from ..types import CloseInfo
from .exchange import Exchange

__all__ = ["Answer", "Expectation", "ExpectationFailed", "Expectations", "Expected", "Watch"]

# What is said instead of the session's own answer; `event_id` is added where it is missing.
Answer: TypeAlias = Mapping[str, Any] | ServerEvent

_SHOWN = 90
_POLICY_VIOLATION = 1008


class ExpectationFailed(AssertionError):
    """A client did not follow its script; the text shows each step, and what differs."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One event the client is expected to send.

    `fields` are the ones that matter: objects inside are compared by the keys
    named, lists whole, anything else by `==`, so `unittest.mock.ANY` fits
    everything. `repeats` means one or more of it in a row. Unless `answers` are
    given, the simulated session answers as it always does; with them, even none,
    it never sees the event, and they are said instead: a list, or a function from
    the event's object to one.
    """

    type: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    repeats: bool = field(default=False, kw_only=True)
    answers: Sequence[Answer] | Callable[[dict[str, Any]], Sequence[Answer]] | None = field(
        default=None, kw_only=True
    )

    def differences(self, message: Mapping[str, Any]) -> list[str]:
        """What is not as expected, one line each; empty if the message fits."""
        if message.get("type") != self.type:
            return [f"type: expected {_show(self.type)}, got {_show(message.get('type'))}"]
        return _differences(self.fields, message, "")

    def answered(self, message: dict[str, Any]) -> list[Mapping[str, Any]] | None:
        """What is said instead of the session's answer; None leaves it to the session."""
        if self.answers is None:
            return None
        answers = self.answers(message) if callable(self.answers) else self.answers
        return [each.to_wire() if isinstance(each, ServerEvent) else each for each in answers]


class Expectation:
    """A script, and how far a client has followed it.

    It takes the first session that says something while no other script has
    it. The first message that does not fit is answered with an `error` that says
    so, and the session is closed with 1008: a client must not hang on for an
    answer that will not come.

    `async with` (or `with`, if the server runs in another thread) waits at its end
    for the steps still to come, for `timeout` seconds at most, or until the client
    has left. Raises `ExpectationFailed` there for whatever was not as expected;
    where the block raises something of its own, that is the cause, and what was
    missing becomes a note on it.
    """

    def __init__(self, steps: Sequence[Expected | str], *, ignore: Collection[str], timeout: float) -> None:
        self._steps = [Expected(step) if isinstance(step, str) else step for step in steps]
        self._ignore = frozenset(ignore)
        self._timeout = timeout
        self._counts = [0] * len(self._steps)
        self._at = 0
        self._unexpected: tuple[dict[str, Any], list[str]] | None = None
        self._settled = threading.Event()
        self.thread: int | None = None  # where the server runs
        self.told = False  # its outcome is known to whoever wrote it
        self._settle()

    @property
    def complete(self) -> bool:
        """Whether each step was seen, and nothing else."""
        return self._unexpected is None and all(self._counts)

    def check(self) -> None:
        """Raises `ExpectationFailed` unless the script was followed to its end; does not wait."""
        self.told = True
        if not self.complete:
            raise ExpectationFailed(self.report())

    def report(self) -> str:
        """The script with a mark before each step, and what differs below the one it failed at."""
        done = sum(map(bool, self._counts))
        lines = [f"the client did not follow the script: {done} of {len(self._steps)} steps were seen"]
        for index, (step, count) in enumerate(zip(self._steps, self._counts, strict=True)):
            wrong = self._unexpected is not None and index == self._at
            mark = "ok     " if count and not wrong else "WRONG  " if wrong else "missing"
            times = f" ({count} times)" if count > 1 else ""
            lines.append(f"  {mark} {index + 1}. {step.type}{times}")
            if wrong:
                lines += self._difference()
        if self._unexpected is not None and self._at == len(self._steps):
            lines += ["  WRONG   after the last step", *self._difference()]
        return printable("\n".join(lines), newlines=True)

    def _difference(self) -> list[str]:
        assert self._unexpected is not None
        message, differences = self._unexpected
        return [*(f"            {line}" for line in differences), f"            received: {_show(message)}"]

    # --- what happens, called where the server runs --------------------------------------

    def heard(self, message: dict[str, Any]) -> list[Mapping[str, Any]] | None:
        """One message: what is to be said instead of the session's answer, or None.

        Raises `ExpectationFailed` for the first that does not fit.
        """
        if message.get("type") in self._ignore:
            return None
        step = self._next(message)
        self._settle()
        if step is None:
            raise ExpectationFailed(self.report())
        return step.answered(message)

    def abandoned(self) -> None:
        """The client has left; nothing more will come."""
        self._settled.set()

    def _next(self, message: dict[str, Any]) -> Expected | None:
        """The step that `message` fulfils; None if it does not fit, which is remembered."""
        here = self._steps[self._at] if self._at < len(self._steps) else None
        again = here is not None and self._counts[self._at] > 0
        if again and (here is None or here.differences(message)):
            self._at += 1
            here = self._steps[self._at] if self._at < len(self._steps) else None
        differences = here.differences(message) if here is not None else ["expected nothing more"]
        if differences or here is None:
            self._unexpected = message, differences
            return None
        self._counts[self._at] += 1
        if not here.repeats:
            self._at += 1
        return here

    def _settle(self) -> None:
        if self._unexpected is not None or all(self._counts):
            self._settled.set()

    # --- with ---------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is None:
            await asyncio.to_thread(self._settled.wait, self._timeout)
        self._conclude(exc)

    def __enter__(self) -> Self:
        if self.thread == threading.get_ident():
            raise RuntimeError("the server runs in this thread, and could not go on: use `async with`")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exc is None:
            self._settled.wait(self._timeout)
        self._conclude(exc)

    def _conclude(self, exc: BaseException | None) -> None:
        if exc is None:
            self.check()
        elif self._unexpected is not None and isinstance(exc, Exception):
            self.told = True
            raise ExpectationFailed(self.report()) from exc  # the client's trouble came of it
        elif not self.complete:
            self.told = True
            exc.add_note(self.report())


class Expectations:
    """The scripts of one server, in the order they were given."""

    def __init__(self) -> None:
        self._all: list[Expectation] = []
        self._free: list[Expectation] = []

    def add(self, expectation: Expectation) -> None:
        """A script for the next session that says something; called where the server runs."""
        expectation.thread = threading.get_ident()
        self._all.append(expectation)
        self._free.append(expectation)

    def watch(self) -> Watch:
        """A new session's part in this."""
        return Watch(self._free)

    def check(self) -> None:
        """Raises `ExpectationFailed` for the first script that was not followed, and was not told yet."""
        for expectation in self._all:
            if not expectation.told:
                expectation.check()


class Watch:
    """One session's part: it has no script until it says something, and then takes the first that is free."""

    def __init__(self, free: list[Expectation]) -> None:
        self.session: Exchange | None = None
        self._free = free
        self._mine: Expectation | None = None

    def heard(self, message: dict[str, Any]) -> list[Mapping[str, Any]] | None:
        """A session's interceptor: see `SimulatedSession`."""
        while self._mine is None and self._free:
            script = self._free.pop(0)
            self._mine = None if script.told else script
        if self._mine is None:
            return None
        try:
            return self._mine.heard(message)
        except ExpectationFailed as exc:
            assert self.session is not None
            self.session.closing = CloseInfo(_POLICY_VIOLATION, "unexpected event", by_us=True)
            return [_error(str(exc), message)]

    def ended(self) -> None:
        """The session is over."""
        if self._mine is not None:
            self._mine.abandoned()


def _error(text: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
    event_id = message.get("event_id")
    inside = {
        "type": "invalid_request_error",
        "code": "unexpected_event",
        "message": text,
        "param": None,
        "event_id": event_id if isinstance(event_id, str) else None,
    }
    return {"type": "error", "error": inside}


def _differences(expected: object, found: object, path: str) -> list[str]:
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        lines = []
        for key, value in expected.items():
            inner = f"{path}.{key}" if path else str(key)
            if key in found:
                lines += _differences(value, found[key], inner)
            else:
                lines.append(f"{inner}: expected {_show(value)}, but it is absent")
        return lines
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for at, (one, other) in pairs for line in _differences(one, other, f"{path}[{at}]")]
    # In JSON true is no 1.
    mixed = isinstance(expected, (bool, int, float)) and isinstance(expected, bool) != isinstance(found, bool)
    if not mixed and expected == found:
        return []
    return [f"{path}: expected {_show(expected)}, got {_show(found)}"]


def _show(value: object) -> str:
    try:
        text = orjson.dumps(value).decode()
    except TypeError:
        text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"

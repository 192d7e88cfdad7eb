"""`SimulatedCaller`: the loopback server's sessions in simulated time, without socket or waiting.

A case takes about a millisecond here, whatever it waits for: this is how the
suite is tested against mutants, and how a case is written.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..loopback.behaviour import Behaviour
from ..loopback.brain import SimulatedSession
from ..loopback.exchange import Exchange, Interceptor
from ..loopback.fault_filters import Filter
from ..loopback.faults import Fault, FaultKind
from ..loopback.faulty import AnySession, with_faults
from ..loopback.handshake import AccessPolicy, HttpRefusal, InBandRefusal, Opened, Outcome, Request, decide
from ..loopback.ids import Ids
from ..loopback.line_actions import Abort, Binary, Eof, Freeze, LineAction
from ..loopback.scenario import Brain
from ..loopback.translation import TranslationSession
from ..types import CloseInfo
from .lines import CONFIGURED, Answer, Knock, LineClosed, Tape

__all__ = ["SimulatedCaller", "SimulatedLine", "Spoiled"]

KEY = "sk-simulated-0123456789"
WRONG_KEY = "sk-wrong-0123456789abcdef"
_MODELS = {"realtime": "gpt-realtime-2.1", "translation": "gpt-realtime-translate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiled:
    """How a simulated server is broken: by filters on what it says, switches, hooks, other parts.

    `filters` are copied for each connection. `session` makes the session in
    place of `SimulatedSession` (or `TranslationSession`), with the same arguments.
    `door` is asked in place of `handshake.decide`; `subprotocol` in place of choosing `realtime`.
    """

    filters: Sequence[Filter] = ()
    faults: Sequence[Fault] = ()
    behaviour: Behaviour | None = None
    intercept: Interceptor | None = None
    session: Callable[..., Any] | None = None
    scenario: Callable[[], Brain] | None = None
    door: Callable[[Request, AccessPolicy], Outcome] | None = None
    subprotocol: Callable[[Sequence[str]], str] | None = None

    def chain(self) -> list[Fault]:
        """The filters as faults that make a fresh copy for each connection, behind the named faults."""
        kind = FaultKind("mutant", "", lambda trigger, values: copy.deepcopy(list(self.filters)))
        return [*self.faults, Fault(kind)] if self.filters else list(self.faults)


class SimulatedLine:
    """A line to a session, with a clock that only moves when somebody waits."""

    def __init__(self, session: AnySession, tape: Tape) -> None:
        self._session = session
        self._tape = tape
        self._now = 0.0
        self._inbox: deque[bytes] = deque()
        self._closed: CloseInfo | None = None
        self._noted = self._frozen = False
        session.connected(0.0)
        self._pump()

    @property
    def now(self) -> float:
        """Simulated seconds since it was opened."""
        return self._now

    async def send(self, data: bytes, *, binary: bool = False) -> None:
        """One message to the session. Raises `LineClosed` once only the end is left to read."""
        if self._closed is not None and not self._inbox:
            raise self._ended(self._closed)
        self._tape.write("out", data, self._now)
        if self._closed is not None or self._frozen:
            return
        if binary:
            self._session.receive_binary(data, self._now)
        else:
            self._session.receive_message(data, self._now)
        self._pump()

    async def recv(self, timeout: float) -> bytes | None:
        """The next message, moving the clock on to it, or by `timeout`. Raises `LineClosed`."""
        end = self._now + max(0.0, timeout)
        while not self._inbox:
            if self._closed is not None:
                raise self._ended(self._closed)
            due = None if self._frozen else self._session.next_deadline()
            if due is None or due > end:
                self._now = end
                return None
            self._now = max(self._now, due)
            self._session.handle_timer(self._now)
            self._pump()
        data = self._inbox.popleft()
        self._tape.write("in", data, self._now)
        return data

    async def close(self, code: int = 1000) -> None:
        """End it from this side."""
        if self._closed is None:
            self._closed = CloseInfo(code, "", by_us=True)
            self._ended(self._closed)

    def _pump(self) -> None:
        for out in self._session.data_to_send():
            if isinstance(out, bytes):
                self._inbox.append(out)
            else:
                self._act(out)
        closing = self._session.closing
        if closing is not None and self._closed is None:
            self._closed = replace(closing, by_us=False)

    def _act(self, action: LineAction) -> None:
        if isinstance(action, Binary):
            self._tape.note({"binary": len(action.data)}, self._now)
            self._inbox.append(action.data)
        elif isinstance(action, (Abort, Eof)):
            self._closed = CloseInfo(1006)
        elif isinstance(action, Freeze):
            self._frozen = True

    def _ended(self, close: CloseInfo) -> LineClosed:
        """The end, recorded when it is read: behind every message before it."""
        if not self._noted:
            self._noted = True
            closed = {"code": close.code, "reason": close.reason, "by_us": close.by_us}
            self._tape.note({"closed": closed}, self._now)
        return LineClosed(close)


class SimulatedCaller:
    """Knocks at a simulated server, honest or `spoiled`."""

    def __init__(self, spoiled: Spoiled | None = None, *, scenario: Brain | None = None) -> None:
        self._spoiled = spoiled or Spoiled()
        self._scenario = scenario
        self._opened = 0

    async def call(self, knock: Knock, tape: Tape) -> Answer:
        """A session, or a refusal, as `loopback.handshake` decides."""
        tape.note({"knock": knock.to_dict()}, 0.0)
        request = _request(knock)
        outcome = (self._spoiled.door or decide)(request, AccessPolicy(keys=(KEY,)))
        subprotocol = (self._spoiled.subprotocol or _choose)(request.subprotocols)
        if isinstance(outcome, HttpRefusal):
            body = outcome.fault.message
            tape.note({"answer": {"status": outcome.status, "body": body}}, 0.0)
            return Answer(outcome.status, body=body)
        if not isinstance(outcome, (Opened, InBandRefusal)):
            tape.note({"answer": {"status": 200}}, 0.0)
            return Answer(200)
        tape.note({"answer": {"status": 101, "subprotocol": subprotocol}}, 0.0)
        session = with_faults(self._session(outcome), self._spoiled.chain())
        return Answer(101, SimulatedLine(session, tape), subprotocol)

    def _session(self, outcome: Opened | InBandRefusal) -> Any:
        spoiled, opened = self._spoiled, outcome if isinstance(outcome, Opened) else Opened()
        self._opened += 1
        scenario = spoiled.scenario() if spoiled.scenario is not None else self._scenario
        common: dict[str, Any] = {
            "ids": Ids(self._opened),
            "scenario": scenario,
            "behaviour": spoiled.behaviour,
            "intercept": spoiled.intercept,
        }
        if opened.kind == "translation":
            return _class_for(TranslationSession, spoiled.session)(opened.model, **common)
        refused = outcome if isinstance(outcome, InBandRefusal) else None
        return _class_for(SimulatedSession, spoiled.session)(
            opened.model,
            kind=opened.kind,
            call_id=opened.call_id,
            refusal=(refused.fault, refused.close_code) if refused else None,
            session=opened.session,
            **common,
        )


def _class_for(honest: type[Exchange], spoiled: Callable[..., Any] | None) -> Callable[..., Any]:
    """What makes a session: the spoiled maker, unless it is a class of the other kind of session."""
    if spoiled is None or (isinstance(spoiled, type) and not issubclass(spoiled, honest)):
        return honest
    return spoiled


def _choose(offered: Sequence[str]) -> str:
    return "realtime" if "realtime" in offered else ""


def _request(knock: Knock) -> Request:
    """The request an attempt would be."""
    query = list(knock.query)
    if knock.kind == "transcription":
        query.append(("intent", "transcription"))
    elif knock.model is not None:
        query.append(("model", _MODELS[knock.kind] if knock.model == CONFIGURED else knock.model))
    path = knock.path or ("/realtime/translations" if knock.kind == "translation" else "/realtime")
    headers = [("Upgrade", "websocket"), *knock.headers]
    offered = list(knock.subprotocols)
    key = {"right": KEY, "wrong": WRONG_KEY, "none": ""}[knock.key]
    if key and knock.place in ("header", "both"):
        headers.append(("Authorization", f"Bearer {key}"))
    if key and knock.place in ("subprotocol", "both"):
        offered += ["realtime", f"openai-insecure-api-key.{key}"]
    if offered:
        headers.append(("Sec-WebSocket-Protocol", ", ".join(offered)))
    return Request("/v1" + path + "?" + "&".join(f"{name}={value}" for name, value in query), headers)

"""Servers whose door is broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Drop, Edit, HoldUntil
from realtime_raw.loopback.handshake import (
    AccessPolicy,
    HttpRefusal,
    InBandRefusal,
    Opened,
    Outcome,
    Request,
    decide,
)
from tests.conformance.harness import drop, every, mutant, set_

Door = Callable[[Request, AccessPolicy], Outcome]


def otherwise(change: Callable[[Outcome], Outcome]) -> Door:
    """A door that answers in another way than the honest one."""
    return lambda request, policy: change(decide(request, policy))


def _let_in(outcome: Outcome) -> Outcome:
    return outcome if isinstance(outcome, Opened) else Opened()


def _crash(outcome: Outcome) -> Outcome:
    if isinstance(outcome, InBandRefusal):
        return HttpRefusal(500, outcome.fault)
    return replace(outcome, status=500) if isinstance(outcome, HttpRefusal) else outcome


def _code(code: str) -> Door:
    def change(outcome: Outcome) -> Outcome:
        if isinstance(outcome, InBandRefusal):
            return replace(outcome, fault=replace(outcome.fault, code=code))
        return outcome

    return otherwise(change)


def _close(code: int) -> Door:
    return otherwise(lambda out: replace(out, close_code=code) if isinstance(out, InBandRefusal) else out)


def _repeats_the_key(request: Request, policy: AccessPolicy) -> Outcome:
    outcome = decide(request, policy)
    if isinstance(outcome, InBandRefusal):
        words = f"Incorrect API key provided: {request.header_key}."
        return replace(outcome, fault=replace(outcome.fault, message=words))
    return outcome


def _header_only(request: Request, policy: AccessPolicy) -> Outcome:
    outcome = decide(request, policy)
    if isinstance(outcome, Opened) and request.protocol_key:
        return _refused_by_http(401, request, policy)
    return outcome


def _refused_by_http(status: int, request: Request, policy: AccessPolicy) -> Outcome:
    from realtime_raw.loopback.refusals import MISSING_AUTHORIZATION

    return HttpRefusal(status, MISSING_AUTHORIZATION)


def _strict_query(request: Request, policy: AccessPolicy) -> Outcome:
    if set(request.query) - {"model", "intent", "call_id"}:
        return _refused_by_http(400, request, policy)
    return decide(request, policy)


def _offered(prefix: str) -> Callable[[Sequence[str]], str]:
    return lambda names: next((name for name in names if name.startswith(prefix)), "")


class Deaf(SimulatedSession):
    """Drops what is said before its greeting was read: the first message is lost."""

    _awake = False

    def receive_message(self, data: bytes | str, now: float) -> None:
        if self._awake:
            super().receive_message(data, now)
        self._awake = True


def _milliseconds(event: dict[str, Any]) -> dict[str, Any]:
    event["session"]["expires_at"] *= 1000
    return event


MUTANTS = [
    mutant("RT-HAND-001", "no session.created comes", Drop(every("session.created"))),
    mutant(
        "RT-HAND-001",
        "another event comes first",
        Edit(every("session.created"), set_("type", "conversation.created")),
    ),
    *(
        mutant(
            "RT-HAND-002",
            f"the session has no {name}",
            Edit(every("session.created"), drop(f"session.{name}")),
        )
        for name in ("id", "model", "output_modalities", "audio.input")
    ),
    mutant("RT-HAND-003", "the expiry is in milliseconds", Edit(every("session.created"), _milliseconds)),
    mutant("RT-HAND-004", "every key is right", door=otherwise(_let_in)),
    mutant("RT-HAND-004", "a wrong key is a server's error", door=otherwise(_crash)),
    mutant("RT-HAND-005", "a wrong key is refused with another code", door=_code("unauthorized")),
    mutant("RT-HAND-006", "a refusal closes with 1008", door=_close(1008)),
    mutant("RT-HAND-007", "the close gives no reason but the type", door=_code("")),
    mutant("RT-HAND-008", "the refusal repeats the key", door=_repeats_the_key),
    mutant("RT-HAND-009", "no key is needed", door=otherwise(_let_in)),
    mutant("RT-HAND-010", "keys are looked for in headers only", door=_header_only),
    mutant("RT-HAND-011", "no subprotocol is selected", subprotocol=lambda names: ""),
    mutant("RT-HAND-012", "the key is selected", subprotocol=_offered("openai-insecure")),
    mutant(
        "RT-HAND-013", "realtime is selected though nobody offered it", subprotocol=lambda names: "realtime"
    ),
    mutant("RT-HAND-014", "every model is accepted", door=otherwise(_let_in)),
    mutant("RT-HAND-015", "a model's refusal has a code of its own", door=_code("bad_model")),
    mutant("RT-HAND-015", "a model's refusal closes with 1000", door=_close(1000)),
    mutant("RT-HAND-016", "no model is needed", door=otherwise(_let_in)),
    mutant("RT-HAND-016", "a missing model is refused with another code", door=_code("invalid_model")),
    mutant("RT-HAND-017", "the beta header is ignored", door=otherwise(_let_in)),
    mutant("RT-HAND-018", "every path is a session", door=otherwise(_let_in)),
    mutant("RT-HAND-018", "an unknown path is a server's error", door=otherwise(_crash)),
    mutant("RT-HAND-019", "unknown parameters are refused", door=_strict_query),
    mutant("RT-HAND-020", "what is sent at once is lost", session=Deaf),
    mutant(
        "RT-HAND-020",
        "the greeting comes behind the first answer",
        HoldUntil(every("session.created"), 5.0, "session.updated"),
    ),
]

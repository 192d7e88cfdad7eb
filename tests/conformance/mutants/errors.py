"""Servers that refuse wrongly, twice, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime_raw.conformance.cases.errors_shapes import NO_EVENTS, SHAPES
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Act, Close, Drop, Duplicate, Edit, HoldUntil, Message, Swap
from realtime_raw.loopback.refusals import Refused
from realtime_raw.types import CloseInfo
from tests.conformance.harness import Mutant, drop, every, mutant, set_

ERROR = every("error")


def _silent() -> list[Mutant]:
    """Nothing is refused; or the session ends; or code and param are others."""
    made = [mutant(case.id, "nothing is refused", Drop(ERROR)) for case in (*NO_EVENTS, *SHAPES)]
    made += [
        mutant(case.id, "an error ends the session", Act(ERROR, lambda: [Close(CloseInfo(1007, "no event"))]))
        for case in NO_EVENTS
    ]
    for case in (*NO_EVENTS, *SHAPES):
        for name in ("code", "param"):
            if f"{name} " in case.expects:
                made.append(
                    mutant(case.id, f"the {name} is another", Edit(ERROR, set_(f"error.{name}", "other")))
                )
    return made


class Eager(SimulatedSession):
    """Says what is wrong, and does it all the same."""

    def _check(self, event: Mapping[str, Any]) -> str:
        try:
            return super()._check(event)
        except Refused as refused:
            if event["type"] != "response.create":
                raise
            self._out.error(refused.fault, event.get("event_id"))
            self._answers.create({"type": "response.create"}, self._timeline.now)
            return "input_audio_buffer.clear"


class Elsewhere(SimulatedSession):
    """Puts an item at the end if its place is not there, and says so."""

    def _create_item(self, event: Mapping[str, Any], now: float) -> None:
        try:
            super()._create_item(event, now)
        except Refused as refused:
            self._out.error(refused.fault, event.get("event_id"))
            super()._create_item({**event, "previous_item_id": None}, now)


def _cleared(event: dict[str, Any]) -> dict[str, Any]:
    return {"type": "output_audio_buffer.cleared", "event_id": event["event_id"], "response_id": "resp_1"}


def _claims(event: dict[str, Any]) -> dict[str, Any]:
    event["error"]["event_id"] = "event_none"
    return event


MUTANTS = [
    mutant("RT-ERR-001", "nothing is refused", Drop(ERROR)),
    mutant("RT-ERR-001", "every error is a server_error", Edit(ERROR, set_("error.type", "server_error"))),
    mutant("RT-ERR-002", "errors name no event", Edit(ERROR, set_("error.event_id", None))),
    mutant("RT-ERR-003", "errors have no id of their own", Edit(ERROR, drop("event_id"))),
    mutant("RT-ERR-003", "an error's own id is the client's", Edit(ERROR, set_("event_id", "event_c1"))),
    *(
        mutant("RT-ERR-004", f"errors leave {name} out", Edit(ERROR, drop(f"error.{name}")))
        for name in ("code", "param")
    ),
    mutant("RT-ERR-005", "errors have no message", Edit(ERROR, set_("error.message", " "))),
    mutant(
        "RT-ERR-006",
        "an error ends the session",
        Act(ERROR, lambda: [Close(CloseInfo(4000, "invalid_request_error"))]),
    ),
    mutant("RT-ERR-007", "errors come twice", Duplicate(ERROR)),
    mutant(
        "RT-ERR-007",
        "an error is followed by something else",
        Act(
            ERROR,
            lambda: [Message.of({"type": "conversation.item.deleted", "event_id": "e", "item_id": "i"})],
        ),
    ),
    mutant("RT-ERR-008", "only the first error is told", Drop(every("error", nth=2))),
    mutant("RT-ERR-008", "errors change places", Swap(every("error", count=1), 1.0)),
    mutant("RT-ERR-009", "an error waits for the answer behind it", Swap(ERROR, 1.0)),
    mutant(
        "RT-ERR-009",
        "errors come first",
        HoldUntil(every("session.updated"), 1.0, "error"),
    ),
    mutant(
        "RT-ERR-010", "an unknown type is unknown_or_invalid_event", Edit(ERROR, set_("error.code", "other"))
    ),
    mutant("RT-ERR-010", "an unknown type names no parameter", Edit(ERROR, set_("error.param", None))),
    mutant("RT-ERR-011", "errors name an event that there is not", Edit(ERROR, _claims)),
    *_silent(),
    mutant("RT-ERR-050", "a bad response is refused, and created all the same", session=Eager),
    mutant("RT-ERR-050", "a bad response is not refused", Drop(ERROR)),
    mutant("RT-ERR-051", "an item without its place goes to the end", session=Elsewhere),
    mutant("RT-ERR-052", "cancelling nothing is ignored", Drop(ERROR)),
    mutant(
        "RT-ERR-052", "cancelling nothing has another code", Edit(ERROR, set_("error.code", "invalid_value"))
    ),
    mutant("RT-ERR-053", "deleting nothing is confirmed", Drop(ERROR)),
    mutant("RT-ERR-053", "deleting nothing has another code", Edit(ERROR, set_("error.code", "not_found"))),
    mutant("RT-ERR-054", "it is taken, and confirmed", Edit(ERROR, _cleared)),
]

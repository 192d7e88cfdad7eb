"""Servers that answer twice at a time, do not stop when told to, or stop badly."""

from __future__ import annotations

from typing import Any

from realtime_raw.loopback.answering import Answering
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Drop, Edit, HoldUntil
from tests.conformance.harness import every, mutant, set_
from tests.conformance.hearing import deaf_to, hearing

Event = dict[str, Any]

_DONE = "response.done"


class _Ungated(SimulatedSession):
    """Has any number of responses in the conversation at once."""

    def receive_message(self, data: bytes | str, now: float) -> None:
        self._answers.active = None
        super().receive_message(data, now)


class _Jealous(SimulatedSession):
    """Ends the running response when another is asked for."""

    def receive_message(self, data: bytes | str, now: float) -> None:
        super().receive_message(data, now)
        if "response.create" in str(data) and self._refused_last():
            self._answers.interrupt()

    def _refused_last(self) -> bool:
        return bool(self.sent) and self.sent[-1]["type"] == "error"


class _Stuck(SimulatedSession):
    """Never notices that a response is over."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._answers = _StuckAnswering(self._state, self._mcp)
        self._handlers = self._table()


class _StuckAnswering(Answering):
    def _done(self, run: Any) -> None:
        super()._done(run)
        self.active = run


class _StuckOnCancel(SimulatedSession):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._answers = _StuckOnCancelAnswering(self._state, self._mcp)
        self._handlers = self._table()


class _StuckOnCancelAnswering(Answering):
    def _stop(self, response_id: str, reason: str) -> None:
        run = self._runs[response_id][0]
        super()._stop(response_id, reason)
        self.active = run


_NOT_STOPPED = set_("response.status", "incomplete")


def _unknown(event: Event) -> Event:
    return {**event, "type": "nothing"} if event["type"] == "response.cancel" else event


MUTANTS = [
    mutant("RT-RESP-030", "response.cancel does nothing", session=deaf_to("response.cancel")),
    mutant("RT-RESP-030", "cancelled responses are incomplete", Edit(every(_DONE), _NOT_STOPPED)),
    mutant("RT-RESP-030", "cancelled responses are never done", Drop(every(_DONE))),
    mutant(
        "RT-RESP-031",
        "the client's cancel is called the user's",
        Edit(every(_DONE), set_("response.status_details.reason", "turn_detected")),
    ),
    mutant(
        "RT-RESP-031",
        "nothing is said about why it ended",
        Edit(every(_DONE), set_("response.status_details", None)),
    ),
    mutant(
        "RT-RESP-032",
        "only a bare response.cancel is heard",
        session=hearing(lambda e: None if "response_id" in e else e),
    ),
    mutant(
        "RT-RESP-033",
        "words come behind the end",
        HoldUntil(every("response.content_part.done"), 5.0, _DONE),
    ),
    mutant(
        "RT-RESP-034",
        "open parts are left open",
        behaviour={"done_events_on_cancel": False},
    ),
    mutant("RT-RESP-034", "the text has no end", Drop(every("response.output_text.done"))),
    mutant(
        "RT-RESP-035",
        "interrupted items are completed",
        Edit(every(_DONE), set_("response.output[0].status", "completed")),
    ),
    mutant(
        "RT-RESP-036",
        "interrupted items are empty",
        Edit(every(_DONE), set_("response.output[0].content", [])),
    ),
    mutant("RT-RESP-037", "there is no error for it", session=deaf_to("response.cancel")),
    mutant("RT-RESP-037", "the session ends", faults=["close_1011@event=error"]),
    mutant("RT-RESP-038", "the error has no code", Edit(every("error"), set_("error.code", None))),
    mutant("RT-RESP-039", "an old id is let pass", Drop(every("error"))),
    mutant("RT-RESP-040", "two answers at a time", session=_Ungated),
    mutant("RT-RESP-040", "the second is silently lost", Drop(every("error"))),
    mutant("RT-RESP-041", "the error has no code", Edit(every("error"), set_("error.code", None))),
    mutant("RT-RESP-042", "the first is cancelled", session=_Jealous),
    mutant("RT-RESP-043", "the conversation stays taken", session=_Stuck),
    mutant("RT-RESP-044", "the conversation stays taken after a cancel", session=_StuckOnCancel),
    mutant("RT-RESP-030", "response.cancel is unknown", session=hearing(_unknown)),
    mutant("RT-RESP-043", "nothing comes of a second response", Drop(every("response.created", nth=2))),
]

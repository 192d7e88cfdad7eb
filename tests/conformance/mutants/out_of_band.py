"""Servers that know only one conversation, or only one response at a time."""

from __future__ import annotations

from typing import Any

import orjson

from realtime_raw.loopback.answering import Answering
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Drop, Edit
from realtime_raw.loopback.items import Item
from tests.conformance.harness import drop, every, mutant, set_
from tests.conformance.hearing import hearing, overhears

Event = dict[str, Any]

_DONE = "response.done"


def _with(answering: type[Answering]) -> type[SimulatedSession]:
    """Sessions whose responses are started and ended by another `Answering`."""

    class Session(SimulatedSession):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._answers = answering(self._state, self._mcp)
            self._listening._answers = self._answers
            self._handlers = self._table()

    return Session


class _OneAtATime(Answering):
    """Refuses a response out of band while another runs."""

    def create(self, event: Any, now: float) -> None:
        side = event.get("response", {}).get("conversation") == "none"
        asked = {k: v for k, v in event.items() if k != "response"} if side and self.active else event
        super().create(asked, now)


class _TakesTheGate(Answering):
    """A response out of band closes the gate like any other."""

    def create(self, event: Any, now: float) -> None:
        if self.active is None and self._runs:
            self.active = next(iter(self._runs.values()))[0]
        super().create(event, now)


class _CancelsAll(Answering):
    """A bare cancel, or speech, ends every response."""

    def cancel(self, event: Any, now: float) -> None:
        if "response_id" not in event and self._runs:
            for response_id in list(self._runs):
                self._stop(response_id, "client_cancelled")
        else:
            super().cancel(event, now)

    def interrupt(self) -> None:
        for response_id in list(self._runs):
            self._stop(response_id, "turn_detected")


class _CancelsTheConversations(Answering):
    """Knows no ids of responses but the conversation's."""

    def cancel(self, event: Any, now: float) -> None:
        super().cancel({"response_id": self.active_id or "resp_none"}, now)


def _no_input(event: Event) -> Event:
    if event["type"] == "response.create":
        event["response"].pop("input", None)
    return event


def _empty_input(event: Event) -> Event:
    if event["type"] == "response.create" and "input" in event["response"]:
        event["response"]["input"] = []
    return event


class _InputIsAdded(SimulatedSession):
    """Takes the items of `input` into the conversation."""

    def receive_message(self, data: bytes | str, now: float) -> None:
        event = orjson.loads(data)
        for item in event.get("response", {}).get("input", ()):
            self._state.conversation.append(Item({"id": "item_input", **item}))
        super().receive_message(data, now)


class _DoesIt(SimulatedSession):
    """Refuses, and then does what it has refused."""

    def receive_message(self, data: bytes | str, now: float) -> None:
        super().receive_message(data, now)
        if self.sent[-1]["type"] == "error":
            self._answers.create({}, now)


_SAME = set_("response_id", "resp_same")
_CONVERSATIONS = overhears("response.create", "response", "conversation")
MUTANTS = [
    mutant("RT-OOB-001", "there is one conversation", session=_CONVERSATIONS),
    mutant(
        "RT-OOB-001",
        "a conversation is named in the end",
        Edit(every(_DONE), set_("response.conversation_id", "conv_1")),
    ),
    mutant("RT-OOB-002", "everything is added to the conversation", session=_CONVERSATIONS),
    mutant("RT-OOB-003", "its items are announced", behaviour={"out_of_band_items": True}),
    mutant("RT-OOB-004", "only its end is told", Drop(every("response.output_*"))),
    mutant("RT-OOB-005", "metadata is lost", session=overhears("response.create", "response", "metadata")),
    mutant("RT-OOB-005", "metadata is lost in the end", Edit(every(_DONE), drop("response.metadata"))),
    mutant("RT-OOB-006", "an empty input is none", session=hearing(_no_input)),
    mutant("RT-OOB-007", "input is not heard", session=hearing(_no_input)),
    mutant("RT-OOB-008", "input is always empty", session=hearing(_empty_input)),
    mutant("RT-OOB-009", "references are skipped", session=hearing(_empty_input)),
    mutant("RT-OOB-010", "input stays in the conversation", session=_InputIsAdded),
    mutant("RT-OOB-011", "references are skipped", session=hearing(_empty_input)),
    mutant("RT-OOB-012", "one response at a time, whatever it is", session=_with(_OneAtATime)),
    mutant("RT-OOB-013", "every response closes the gate", session=_with(_TakesTheGate)),
    mutant(
        "RT-OOB-014",
        "parallel ones share an id",
        Edit(every("response.created"), set_("response.id", "resp_x")),
    ),
    mutant(
        "RT-OOB-015",
        "some words have the other's name",
        Edit(every("response.output_text.delta", nth=9, count=1), _SAME),
    ),
    mutant("RT-OOB-016", "a bare cancel ends all", session=_with(_CancelsAll)),
    mutant("RT-OOB-017", "its id is not known", session=_with(_CancelsTheConversations)),
    mutant("RT-OOB-018", "a bare cancel ends all", session=_with(_CancelsAll)),
    mutant("RT-OOB-018", "a bare cancel of nothing is let pass", Drop(every("error"))),
    mutant("RT-OOB-019", "speech ends all", session=_with(_CancelsAll)),
    mutant("RT-OOB-020", "there is no limit", session=overhears("response.create", "response", "metadata")),
    mutant("RT-OOB-020", "what was refused is done all the same", session=_DoesIt),
]

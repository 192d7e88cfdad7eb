"""Servers that tell calls wrongly, run ahead of the client, or do not mind its choice of tools."""

from __future__ import annotations

from typing import Any

from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Act, Drop, Duplicate, Edit, Message
from realtime_raw.loopback.scenario import Brain, Call, Reply, Turn
from tests.conformance.harness import change, drop, every, mutant, set_
from tests.conformance.hearing import overhears

Event = dict[str, Any]

_DONE = "response.done"
_ITEM_ADDED, _ITEM_DONE = "response.output_item.added", "response.output_item.done"
_DELTA = "response.function_call_arguments.delta"
_ARGUMENTS = "response.function_call_arguments.done"
_ADDED = "conversation.item.added"


def _talks() -> Brain:
    """A model that never calls anything."""
    return lambda turn: "I would rather talk."


def calls_the_first() -> Brain:
    """A model that calls the first function it has, whatever it is told."""

    def reply(turn: Turn) -> Reply:
        return Reply((Call(turn.functions[0]["name"] if turn.functions else "x", {"city": "Rome"}),))

    return reply


class _Eager(SimulatedSession):
    """Answers a function's output by itself."""

    def _create_item(self, event: Any, now: float) -> None:
        super()._create_item(event, now)
        if event["item"]["type"] == "function_call_output":
            self._answers.start(now)


def _asks_again() -> list[Any]:
    """A response nobody asked for."""
    return [Message.of({"type": "response.created", "response": {"id": "resp_x", "status": "in_progress"}})]


def one_call_id(event: Event) -> Event:
    for place in (event, event.get("item"), *(event.get("response") or {}).get("output", ())):
        if isinstance(place, dict) and "call_id" in place:
            place["call_id"] = "call_same"
    return event


class _Busy(SimulatedSession):
    """Hears no items at the very end of a response."""

    def receive_message(self, data: bytes | str, now: float) -> None:
        over = self._answers.quiet_since
        if over is None or now > over + 0.01 or "conversation.item.create" not in str(data):
            super().receive_message(data, now)


MUTANTS = [
    mutant("RT-TOOL-001", "the model talks instead", scenario=_talks),
    mutant(
        "RT-TOOL-001",
        "the tool_choice is not heard",
        session=overhears("response.create", "response", "tool_choice"),
        scenario=_talks,
    ),
    mutant(
        "RT-TOOL-002", "calls begin completed", Edit(every(_ITEM_ADDED), set_("item.status", "completed"))
    ),
    mutant(
        "RT-TOOL-002", "calls begin with arguments", Edit(every(_ITEM_ADDED), set_("item.arguments", "{}"))
    ),
    mutant("RT-TOOL-003", "a piece is lost", Drop(every(_DELTA, nth=2, count=1))),
    mutant("RT-TOOL-003", "a piece comes twice", Duplicate(every(_DELTA, count=1))),
    mutant("RT-TOOL-003", "the arguments have no end", Drop(every(_ARGUMENTS))),
    mutant("RT-TOOL-017", "the name is missing", Edit(every(_ARGUMENTS), drop("name"))),
    mutant("RT-TOOL-004", "the call_id is another", Edit(every(_ARGUMENTS), set_("call_id", "call_x"))),
    mutant("RT-TOOL-005", "deltas have another call_id", Edit(every(_DELTA), set_("call_id", "call_x"))),
    mutant(
        "RT-TOOL-005",
        "the call has no key in the end",
        Edit(every(_DONE), set_("response.output[0].call_id", "")),
    ),
    mutant(
        "RT-TOOL-006",
        "arguments are cut off",
        Edit(every(_DONE), change("response.output[0].arguments", lambda text: text[:-1])),
    ),
    mutant(
        "RT-TOOL-007", "calls stay in progress", Edit(every(_ITEM_DONE), set_("item.status", "in_progress"))
    ),
    mutant(
        "RT-TOOL-007",
        "calls end without arguments",
        Edit(every(_DONE), set_("response.output[0].arguments", "")),
    ),
    mutant(
        "RT-TOOL-008", "calls never enter the conversation", Drop(every("conversation.item.added", nth=2))
    ),
    mutant("RT-TOOL-008", "calls are never done there", Drop(every("conversation.item.done", nth=2))),
    mutant("RT-TOOL-009", "the server goes on by itself", Act(every(_DONE), _asks_again)),
    mutant(
        "RT-TOOL-009",
        "a response with a call is incomplete",
        Edit(every(_DONE), set_("response.status", "incomplete")),
    ),
    mutant("RT-TOOL-010", "all calls have one call_id", Edit(every("response.*"), one_call_id)),
    mutant(
        "RT-TOOL-011",
        "the output is a copy without quotes",
        Edit(every(_ADDED), change("item.output", lambda text: text.replace('"', "'"))),
    ),
    mutant(
        "RT-TOOL-011",
        "the output has another call_id",
        Edit(every(_ADDED), change("item.call_id", lambda _: "call_x")),
    ),
    mutant("RT-TOOL-012", "an output is answered at once", session=_Eager),
    mutant("RT-TOOL-013", "nothing is said about an output", scenario=calls_the_first),
    mutant("RT-TOOL-014", "outputs that come with the end of a response are lost", session=_Busy),
    mutant(
        "RT-TOOL-015",
        "an empty output is null",
        Edit(every(_ADDED), change("item.output", lambda text: text or None)),
    ),
    mutant(
        "RT-TOOL-016",
        "calls do not count",
        session=overhears("response.create", "response", "max_output_tokens"),
    ),
    mutant(
        "RT-TOOL-016",
        "half a call is completed",
        Edit(every(_DONE), set_("response.output[0].status", "completed")),
    ),
]

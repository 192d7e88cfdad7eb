"""Servers that do not mind which tools were set or chosen, or lose them."""

from __future__ import annotations

from typing import Any

from realtime_raw.loopback.fault_filters import Drop, Edit
from tests.conformance.harness import change, drop, every, mutant, set_
from tests.conformance.hearing import hearing, overhears
from tests.conformance.mutants.tools import calls_the_first, one_call_id

Event = dict[str, Any]

_ITEM_DONE = "response.output_item.done"
_ADDED = "conversation.item.added"


def _tools(event: Event) -> list[Event] | None:
    """The tools of a `session.update`."""
    tools: list[Event] | None = (event.get("session") or {}).get("tools")
    return tools


def _without_empty(event: Event) -> Event:
    if _tools(event) == []:
        del event["session"]["tools"]
    return event


def _added_up() -> Any:
    """Hears the tools of all updates together."""
    known: list[Event] = []

    def edit(event: Event) -> Event:
        if _tools(event) is not None:
            known.extend(event["session"]["tools"])
            event["session"]["tools"] = list(known)
        return event

    return edit


def _named(event: Event) -> Event:
    for tool in _tools(event) or ():
        tool.setdefault("name", "nameless")
    return event


def _known(event: Event) -> Event:
    for tool in _tools(event) or ():
        tool.pop("conformance", None)
    return event


def _no_output_of_calls(event: Event) -> Event | None:
    early = event["type"] == "conversation.item.create" and event["item"]["type"] == "function_call_output"
    return None if early else event


_RENAMED = set_("session.tools[0].name", "other")
_NESTED = change("session.tools", lambda tools: [{"type": "function", "function": tool} for tool in tools])

MUTANTS = [
    mutant(
        "RT-TOOL-020",
        "the choice is not heard",
        session=overhears("response.create", "response", "tool_choice"),
    ),
    mutant(
        "RT-TOOL-021",
        "the choice is not heard",
        session=overhears("response.create", "response", "tool_choice"),
    ),
    mutant("RT-TOOL-022", "the first function is called", scenario=calls_the_first),
    mutant(
        "RT-TOOL-023",
        "a response's tools become the session's",
        Edit(every("session.updated", nth=2), _RENAMED),
    ),
    mutant(
        "RT-TOOL-023",
        "only the session's tools can be called",
        session=overhears("response.create", "response", "tools"),
        scenario=calls_the_first,
    ),
    mutant("RT-TOOL-024", "parallel calls have one call_id", Edit(every("response.*"), one_call_id)),
    mutant(
        "RT-TOOL-024", "parallel calls are all the first", Edit(every(_ITEM_DONE), set_("output_index", 0))
    ),
    mutant(
        "RT-TOOL-025",
        "the setting is not heard",
        session=overhears("response.create", "response", "parallel_tool_calls"),
    ),
    mutant("RT-TOOL-026", "tools are nested", Edit(every("session.updated"), _NESTED)),
    mutant(
        "RT-TOOL-026",
        "tools lose their parameters",
        Edit(every("session.updated"), drop("session.tools[0].parameters")),
    ),
    mutant("RT-TOOL-026", "tools are not shown", Edit(every("session.updated"), set_("session.tools", []))),
    mutant("RT-TOOL-027", "an empty list is no change", session=hearing(_without_empty)),
    mutant("RT-TOOL-028", "tools are added up", session=hearing(_added_up())),
    mutant(
        "RT-TOOL-029", "the choice is auto", session=overhears("session.update", "session", "tool_choice")
    ),
    mutant("RT-TOOL-030", "a nameless tool is taken", session=hearing(_named)),
    mutant("RT-TOOL-030", "the error has no place", Edit(every("error"), set_("error.param", None))),
    mutant("RT-TOOL-031", "unknown fields are skipped", session=hearing(_known)),
    mutant(
        "RT-TOOL-031",
        "the error names only the session",
        Edit(every("error"), set_("error.param", "session")),
    ),
    mutant(
        "RT-TOOL-032",
        "the call gets another call_id",
        Edit(every(_ADDED), change("item.call_id", lambda _: "call_x")),
    ),
    mutant("RT-TOOL-033", "an output for nothing is silently dropped", Drop(every("error"))),
    mutant("RT-TOOL-034", "an output for nobody is silently dropped", session=hearing(_no_output_of_calls)),
]

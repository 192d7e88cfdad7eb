"""Servers that list wrongly, take every server for granted, or call what they may not."""

from __future__ import annotations

from typing import Any

from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Act, Drop, Duplicate, Edit, HoldUntil, Message
from realtime_raw.loopback.mcp import McpServers
from tests.conformance.harness import change, drop, every, mutant, set_
from tests.conformance.hearing import hearing

Event = dict[str, Any]

_COMPLETED, _PROGRESS = "mcp_list_tools.completed", "mcp_list_tools.in_progress"
_ADDED, _DONE = "conversation.item.added", "conversation.item.done"
_CALLING, _CALLED = "response.mcp_call.in_progress", "response.mcp_call.completed"


def _with(servers: type[McpServers]) -> type[SimulatedSession]:
    """Sessions that know MCP servers in another way."""

    class Session(SimulatedSession):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._mcp.__class__ = servers

    return Session


class _Unchecked(McpServers):
    """Takes every server."""

    def check(self, tools: Any, path: str) -> None:
        """Nothing is refused."""


class _NeverAsks(McpServers):
    """Calls without approval."""

    def needs_approval(self, call: Any) -> bool:
        return False


class _AsksIfTold(McpServers):
    """Calls without approval unless it was set."""

    def needs_approval(self, call: Any) -> bool:
        rule = self._known[call.server].get("require_approval")
        return rule is not None and super().needs_approval(call)


class _AlwaysApproved(McpServers):
    """Takes every answer for a yes."""

    def answered(self, item: Any) -> bool:
        return super().answered({**item, "approve": True})


class _NeverApproved(McpServers):
    """Takes every answer for a no."""

    def answered(self, item: Any) -> bool:
        return super().answered({**item, "approve": False})


class _Forgetful(McpServers):
    """Must be told every server's address every time."""

    def check(self, tools: Any, path: str) -> None:
        self._known.clear()
        super().check(tools, path)


def _one_address(event: Event) -> Event:
    for tool in (event.get("session") or {}).get("tools") or ():
        if "server_url" in tool:
            tool.pop("connector_id", None)
        elif "connector_id" in tool:
            tool["connector_id"] = "connector_gmail"
    return event


def _all_allowed(event: Event) -> Event:
    for tool in (event.get("session") or {}).get("tools") or ():
        tool.pop("allowed_tools", None)
    return event


def _goes_on() -> list[Any]:
    return [Message.of({"type": "response.created", "response": {"id": "resp_x", "status": "in_progress"}})]


_TOKEN = set_("session.tools[0].authorization", "conformance-not-a-real-token")
MUTANTS = [
    mutant("RT-MCP-001", "the listing has no beginning", Drop(every(_PROGRESS))),
    mutant("RT-MCP-001", "the listing has no end", Drop(every(_COMPLETED))),
    mutant("RT-MCP-001", "the listing ends before it begins", HoldUntil(every(_PROGRESS), 5.0, _COMPLETED)),
    mutant("RT-MCP-002", "the listing has another id", Edit(every(_COMPLETED), set_("item_id", "item_x"))),
    mutant("RT-MCP-002", "the list has another label", Edit(every(_ADDED), set_("item.server_label", "x"))),
    mutant("RT-MCP-003", "the finished list is empty", Edit(every(_DONE), set_("item.tools", []))),
    mutant("RT-MCP-003", "tools have no schema", Edit(every(_DONE), drop("item.tools[0].input_schema"))),
    mutant(
        "RT-MCP-004",
        "failed listings are completed",
        Edit(every("mcp_list_tools.failed"), set_("type", _COMPLETED)),
    ),
    mutant("RT-MCP-004", "failed listings have no end", Drop(every("mcp_list_tools.failed"))),
    mutant("RT-MCP-005", "servers are not shown", Edit(every("session.updated"), set_("session.tools", []))),
    mutant(
        "RT-MCP-005",
        "approval is shown otherwise",
        Edit(every("session.updated"), set_("session.tools[0].require_approval", "always")),
    ),
    mutant("RT-MCP-006", "the token is shown", Edit(every("session.updated"), _TOKEN)),
    mutant("RT-MCP-007", "labels alone are not known", session=_with(_Forgetful)),
    mutant("RT-MCP-008", "labels may be used twice", session=_with(_Unchecked)),
    mutant("RT-MCP-009", "servers need no address", session=_with(_Unchecked)),
    mutant("RT-MCP-010", "the first address counts", session=hearing(_one_address)),
    mutant("RT-MCP-011", "every connector is known", session=hearing(_one_address)),
    mutant("RT-MCP-012", "everything is allowed", session=hearing(_all_allowed)),
    mutant(
        "RT-MCP-020", "a piece comes twice", Duplicate(every("response.mcp_call_arguments.delta", count=1))
    ),
    mutant("RT-MCP-020", "the arguments have no end", Drop(every("response.mcp_call_arguments.done"))),
    mutant("RT-MCP-021", "calls begin silently", Drop(every(_CALLING))),
    mutant("RT-MCP-021", "calls end silently", Drop(every(_CALLED))),
    mutant(
        "RT-MCP-021",
        "calls begin before their arguments are whole",
        HoldUntil(every("response.mcp_call_arguments.done"), 5.0, _CALLING),
    ),
    mutant(
        "RT-MCP-022",
        "calls have no output",
        Edit(every("response.*.done"), drop("item.output")),
        Edit(every("response.done"), drop("response.output[0].output")),
    ),
    mutant(
        "RT-MCP-023",
        "calls name another server",
        Edit(every("response.done"), set_("response.output[0].server_label", "x")),
    ),
    mutant(
        "RT-MCP-023",
        "calls name another tool",
        Edit(every("response.done"), set_("response.output[0].name", "x")),
    ),
    mutant("RT-MCP-024", "calls do not enter the conversation", Drop(every(_ADDED, nth=3))),
    mutant("RT-MCP-025", "the server goes on by itself", Act(every("response.done"), _goes_on)),
    mutant("RT-MCP-030", "approval is never asked for", session=_with(_NeverAsks)),
    mutant(
        "RT-MCP-030",
        "the request does not say for what",
        Edit(every("response.done"), drop("response.output[0].name")),
    ),
    mutant("RT-MCP-031", "approval is asked for only if that is set", session=_with(_AsksIfTold)),
    mutant("RT-MCP-032", "a yes is a no", session=_with(_NeverApproved)),
    mutant(
        "RT-MCP-032",
        "the call does not name its approval",
        Edit(every("response.output_item.done"), change("item.approval_request_id", lambda _: None)),
    ),
    mutant("RT-MCP-033", "a no is a yes", session=_with(_AlwaysApproved)),
]

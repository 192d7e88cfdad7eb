"""MCP servers as a session sees them: tools listed, calls approved. No server is ever contacted.

What a server has, and what its tools answer, is the scenario's. A tool cannot
be called before it is listed, and not without the approval its settings ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import refusals
from .items import Item, new_item_id
from .scenario import McpCall, McpServer, McpServing
from .state import State

__all__ = ["McpServers"]

_ADDRESSES = ("server_url", "connector_id", "tunnel_id")
_LISTING = 0.5  # natural seconds


class McpServers:
    """The servers one session knows, by label."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[str, Mapping[str, Any]] = {}
        self._listed: dict[str, tuple[Mapping[str, Any], ...]] = {}
        self._asked: dict[str, McpCall] = {}  # by the id of the approval request
        self._approved: list[McpCall] = []

    def check(self, tools: Sequence[Mapping[str, Any]], path: str) -> None:
        """Each server once; one without an address must be known. Raises `Refused`."""
        labels: set[str] = set()
        for index, tool in enumerate(tools):
            if tool["type"] != "mcp":
                continue
            label = tool["server_label"]
            if label in labels:
                raise refusals.duplicate_server(f"{path}[{index}].server_label", label)
            if label not in self._known and not any(name in tool for name in _ADDRESSES):
                raise refusals.no_server_address(f"{path}[{index}]")
            labels.add(label)

    def learn(self, tools: Sequence[Mapping[str, Any]], now: float) -> None:
        """List the tools of servers that are new, or have another definition than before."""
        for tool in tools:
            if tool["type"] != "mcp" or not any(name in tool for name in _ADDRESSES):
                continue  # named again: known already
            label = tool["server_label"]
            if self._known.get(label) != tool:
                self._known[label] = tool
                self._listed.pop(label, None)
                self._state.timeline.add(self._list(label), now)
        self._state.timeline.run(now)

    def usable(self, tools: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Mapping[str, Any], ...]]:
        """The tools that may be called now, by label: listed, and allowed."""
        found = {}
        for tool in tools:
            if tool["type"] == "mcp" and tool["server_label"] in self._listed:
                label = tool["server_label"]
                allowed = {**self._known[label], **tool}.get("allowed_tools")
                found[label] = tuple(each for each in self._listed[label] if _selects(allowed, each, True))
        return found

    # --- approvals --------------------------------------------------------------------

    def needs_approval(self, call: McpCall) -> bool:
        """Whether the client must approve `call` first; without a setting, always (documented)."""
        if call.approval_request_id is not None:
            return False
        rule = self._known.get(call.server, {}).get("require_approval") or "always"
        if isinstance(rule, str):
            return rule == "always"
        listed = (each for each in self._listed.get(call.server, ()) if each["name"] == call.name)
        tool = next(listed, {"name": call.name})
        return not _selects(rule.get("never"), tool, False)

    def ask(self, request_id: str, call: McpCall) -> None:
        """The approval of `call` was asked for."""
        self._asked[request_id] = call

    def answered(self, item: Mapping[str, Any]) -> bool:
        """An `mcp_approval_response` came. Whether there is a call to make now."""
        request_id = str(item["approval_request_id"])
        call = self._asked.pop(request_id, None)
        if call is None or not item["approve"]:
            return False
        self._approved.append(replace(call, approval_request_id=request_id))
        return True

    def take_approved(self) -> tuple[McpCall, ...]:
        """The approved calls that were not made yet."""
        approved, self._approved = tuple(self._approved), []
        return approved

    # --- listing ----------------------------------------------------------------------

    def _list(self, label: str) -> Iterator[float]:
        state = self._state
        item = Item(
            {
                "id": new_item_id(state.ids, state.conversation, prefix="mcpl"),
                "type": "mcp_list_tools",
                "server_label": label,
                "tools": [],
            }
        )
        previous = state.conversation.append(item)

        def added() -> None:
            state.out.emit("conversation.item.added", previous_item_id=previous, item=item.to_wire())

        def progress() -> None:
            state.out.emit("mcp_list_tools.in_progress", item_id=item.id)

        for say in (added, progress) if state.behaviour.mcp_item_first else (progress, added):
            say()
        yield _LISTING
        server = self._server(label)
        if server.failure is None:
            item.wire["tools"] = [dict(tool) for tool in server.tools]
            self._listed[label] = server.tools
        state.out.emit(
            "mcp_list_tools.completed" if server.failure is None else "mcp_list_tools.failed", item_id=item.id
        )
        if item.id in state.conversation:
            state.out.emit("conversation.item.done", previous_item_id=previous, item=item.to_wire())

    def _server(self, label: str) -> McpServer:
        scenario = self._state.scenario
        if not isinstance(scenario, McpServing):
            return McpServer()
        try:
            return scenario.mcp_server(label)
        except Exception as exc:  # a scenario is the user's code: its fault is not the session's
            return McpServer(failure=f"The scenario raised {type(exc).__name__}: {exc}")


def _selects(chosen: Any, tool: Mapping[str, Any], default: bool) -> bool:
    """Whether a filter (names, or `tool_names` and `read_only`) selects `tool`; null selects by `default`."""
    if chosen is None:
        return default
    if isinstance(chosen, list):
        return tool["name"] in chosen
    read_only = bool((tool.get("annotations") or {}).get("readOnlyHint"))
    return ("tool_names" not in chosen or tool["name"] in chosen["tool_names"]) and (
        "read_only" not in chosen or chosen["read_only"] == read_only
    )

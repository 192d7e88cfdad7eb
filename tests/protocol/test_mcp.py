"""MCP: each listing, approval and finished call is said once."""

from __future__ import annotations

from typing import Any

from realtime_raw.protocol.signals import McpApprovalRequested, McpCallFinished, McpToolsListed
from tests.protocol.harness import Desk

LIST = {"id": "mcpl_1", "type": "mcp_list_tools", "server_label": "docs", "tools": []}
CALL = {"id": "mcp_1", "type": "mcp_call", "server_label": "docs", "name": "search", "arguments": "{}"}
ASK = {
    "id": "mcpr_1",
    "type": "mcp_approval_request",
    "server_label": "docs",
    "name": "search",
    "arguments": "{}",
}


def item(desk: Desk, stage: str, item: dict[str, Any]) -> None:
    desk.hear(f"conversation.item.{stage}", previous_item_id=None, item=item)


def test_a_listing_is_said_when_its_tools_are_known() -> None:
    desk = Desk().ready()
    item(desk, "added", LIST)
    desk.hear("mcp_list_tools.in_progress", item_id="mcpl_1")
    desk.hear("mcp_list_tools.completed", item_id="mcpl_1")
    assert desk.signals(McpToolsListed) == []
    item(desk, "done", {**LIST, "tools": [{"name": "search", "input_schema": {}}]})
    [listed] = desk.signals(McpToolsListed)
    assert (listed.server_label, listed.tools, listed.failed) == ("docs", ("search",), False)


def test_a_failed_listing_is_said_too() -> None:
    desk = Desk().ready()
    item(desk, "added", LIST)
    desk.hear("mcp_list_tools.failed", item_id="mcpl_1")
    [listed] = desk.signals(McpToolsListed)
    assert (listed.server_label, listed.tools, listed.failed) == ("docs", (), True)


def test_an_approval_is_asked_for_once() -> None:
    desk = Desk().ready()
    item(desk, "added", ASK)
    item(desk, "done", ASK)
    desk.hear("response.output_item.done", response_id="resp_1", output_index=0, item=ASK)
    [asked] = desk.signals(McpApprovalRequested)
    assert (asked.item_id, asked.tool) == ("mcpr_1", "search")


def test_a_call_is_finished_once_with_output_or_error() -> None:
    desk = Desk().ready()
    item(desk, "added", CALL)
    assert desk.signals(McpCallFinished) == []
    desk.hear("response.output_item.done", response_id="r", output_index=0, item={**CALL, "output": "42"})
    item(desk, "done", {**CALL, "output": "42"})
    failed = {**CALL, "id": "mcp_2", "error": {"type": "http_error", "code": 500, "message": "down"}}
    item(desk, "done", failed)
    finished = desk.signals(McpCallFinished)
    assert [(f.item_id, f.output, f.error) for f in finished] == [
        ("mcp_1", "42", None),
        ("mcp_2", None, "down"),
    ]


def test_what_was_said_is_remembered_within_bounds() -> None:
    desk = Desk().ready()
    for n in range(1100):
        item(desk, "done", {**CALL, "id": f"mcp_{n}"})
    assert len(desk.signals(McpCallFinished)) == 1100
    item(desk, "done", {**CALL, "id": "mcp_1099"})
    assert len(desk.signals(McpCallFinished)) == 1100

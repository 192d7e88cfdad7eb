"""The MCP server that the cases about MCP have: an endpoint contacts it by itself, so it must be a real one.

`REALTIME_RAW_MCP_URL` names another than the public one here. The loopback
server contacts nobody, whatever the URL.
"""

from __future__ import annotations

import os
from typing import Any

from .case import NotComplied, Unsupported, Violation
from .collecting import inside
from .probe import RESPONSE_WITHIN, Probe
from .seen import ResponseSeen, item_of, response_of

__all__ = ["UNREACHABLE", "VARIABLE", "called", "listed", "listing", "server", "type_of_item"]

VARIABLE = "REALTIME_RAW_MCP_URL"
_PUBLIC = "https://developers.openai.com/mcp"
_LISTING_WITHIN = 20.0

Event = dict[str, Any]

# Nothing answers there (RFC 2606). The loopback server goes by the label.
UNREACHABLE: Event = {
    "type": "mcp",
    "server_label": "unreachable",
    "server_url": "https://mcp.invalid/mcp",
    "require_approval": "never",
}


def server(label: str = "docs", **fields: Any) -> Event:
    """The tool entry of that server; `require_approval` is `never` unless `fields` say otherwise."""
    url = os.environ.get(VARIABLE) or _PUBLIC
    entry = {"type": "mcp", "server_label": label, "server_url": url, "require_approval": "never", **fields}
    return {name: value for name, value in entry.items() if value is not None}


def type_of_item(event: Event) -> Any:
    """The type of the item an event carries; None where it carries none."""
    item = event.get("item")
    return item.get("type") if isinstance(item, dict) else None


async def listing(probe: Probe, tool: Event) -> tuple[Event, Event]:
    """Set a server; returns the event that added its `mcp_list_tools` item, and the one that ended it."""
    await probe.session(tools=[tool])
    added = await probe.expect("conversation.item.added", where=lambda e: type_of_item(e) == "mcp_list_tools")
    ended = await probe.maybe("mcp_list_tools.completed", "mcp_list_tools.failed", within=_LISTING_WITHIN)
    if ended is None:
        raise Violation("neither mcp_list_tools.completed nor .failed came for a server that was set", added)
    return added, ended


async def listed(probe: Probe, tool: Event | None = None) -> Event:
    """Set a server and await its tools; returns the finished `mcp_list_tools` item.

    Raises `Unsupported` if the endpoint cannot reach the server.
    """
    added, ended = await listing(probe, tool or server())
    if ended["type"] == "mcp_list_tools.failed":
        raise Unsupported(f"the endpoint cannot list the MCP server's tools; {VARIABLE} may name another")
    done = await probe.expect(
        "conversation.item.done", where=lambda e: item_of(e) == item_of(added), within=_LISTING_WITHIN
    )
    item: Event = inside(done, "item")
    return item


async def called(
    probe: Probe, *, kind: str = "mcp_call", label: str = "docs", **response: Any
) -> tuple[ResponseSeen, Event]:
    """A response that was made to use the server's tool, and its item of type `kind`.

    Raises `NotComplied` if there is none.
    """
    await probe.user_text("Search for how sessions are updated. Call the tool: text=plum")
    seen = await probe.respond(
        **{
            "output_modalities": ["text"],
            "instructions": "Call a tool of the server.",
            "tool_choice": {"type": "mcp", "server_label": label},
            **response,
        }
    )
    made = [item for item in seen.output if item.get("type") == kind]
    if not made:
        raise NotComplied(f"the response has no {kind}")
    return seen, await _whole(probe, seen, made[0])


async def _whole(probe: Probe, seen: ResponseSeen, item: Event) -> Event:
    """The item with what the server answered: a response may be done before its call is (documented)."""
    if item.get("type") != "mcp_call" or item.get("output") or item.get("error"):
        return item
    late = await probe.maybe(
        "response.output_item.done",
        where=lambda e: item_of(e) == item.get("id") and response_of(e) == seen.id,
        within=RESPONSE_WITHIN,
    )
    return item if late is None else dict(inside(late, "item"))

"""MCP: servers listed, and refused; which of their tools may be called."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..case import NotComplied, case
from ..collecting import attempt, inside, objects, refusal_of
from ..mcp_server import UNREACHABLE, listed, listing, server
from ..probe import Probe
from ..seen import item_of

_list = partial(
    case,
    family="mcp",
    sends="session.update with an MCP server",
    needs=("mcp",),
    tokens=0,
    seconds=4.0,
    timeout_s=60.0,
)
_refuse = partial(_list, needs=("tools", "mcp"), seconds=0.5)
_TOOL = "API reference, the MCP tool"
_LIST = "API reference, mcp_list_tools.in_progress, .completed and .failed"
_GUIDE = "Realtime guide, MCP servers"


@_list(
    "RT-MCP-001",
    "A server's tools are listed",
    level="must",
    certainty="documented",
    rule="A server that is set is asked for its tools: `mcp_list_tools.in_progress`, then `.completed`.",
    source=_LIST,
    expects="session.updated, mcp_list_tools.in_progress, mcp_list_tools.completed",
)
async def tools_are_listed(probe: Probe) -> None:
    """Of its own accord, and told."""
    added, ended = await listing(probe, server())
    begun = await probe.maybe("mcp_list_tools.in_progress")
    probe.check(begun is not None, "mcp_list_tools.in_progress did not come", ended)
    message = "mcp_list_tools.in_progress came behind the end of the listing"
    probe.check(begun is None or probe.index(begun) < probe.index(ended), message, begun)
    probe.check(item_of(added), "the list's item has no id", added, "item.id")


@_list(
    "RT-MCP-002",
    "The list is an item of the conversation",
    level="must",
    certainty="documented",
    rule="`item_id` of `mcp_list_tools.*` is that of the `mcp_list_tools` item in the conversation.",
    source=_LIST,
    expects="one id in conversation.item.added and in the events of the listing",
)
async def list_is_item(probe: Probe) -> None:
    """One id for one list."""
    added, _ = await listing(probe, server())
    for event in (e for e in probe.events if e["type"].startswith("mcp_list_tools.")):
        message = f"item_id is {event.get('item_id')!r}, and the list's item is {item_of(added)!r}"
        probe.check(event.get("item_id") == item_of(added), message, event, "item_id")
    label = inside(added, "item").get("server_label")
    probe.check(
        label == "docs", f"the list's server_label is {label!r}, not 'docs'", added, "item.server_label"
    )


@_list(
    "RT-MCP-003",
    "The finished list has the tools",
    level="must",
    certainty="documented",
    rule="The finished `mcp_list_tools` item has `tools`, each with a `name` and an `input_schema`.",
    source="API reference, the Item object",
    expects="conversation.item.done with tools",
)
async def list_has_tools(probe: Probe) -> None:
    """What can be called, and how."""
    item = await listed(probe)
    done = probe.events[-1]
    tools = item.get("tools")
    probe.check(isinstance(tools, list) and tools, "the finished list has no tools", done, "item.tools")
    for index, tool in enumerate(objects(tools)):
        fits = isinstance(tool.get("name"), str) and isinstance(tool.get("input_schema"), dict)
        message = f"a listed tool has no name, or no input_schema: {sorted(tool)!r}"
        probe.check(fits, message, done, f"item.tools[{index}]")


@_list(
    "RT-MCP-004",
    "A server that cannot be reached fails to be listed",
    level="must",
    certainty="documented",
    rule="If the tools cannot be listed, `mcp_list_tools.failed` comes; the session goes on.",
    source=_LIST,
    sends="session.update with an MCP server that does not exist",
    expects="mcp_list_tools.failed, and the session still answers",
    seconds=8.0,
)
async def list_fails(probe: Probe) -> None:
    """Told, and survived."""
    _, ended = await listing(probe, UNREACHABLE)
    message = f"{ended['type']} came for a server that does not exist"
    probe.check(ended["type"] == "mcp_list_tools.failed", message, ended)
    await probe.session(tools=[])


@_list(
    "RT-MCP-005",
    "The session shows its servers",
    level="must",
    certainty="documented",
    rule="`session.updated` has the server with its `server_label` and its `require_approval`.",
    source="API reference, session.update",
    expects="session.tools with type, server_label and require_approval as sent",
)
async def server_shown(probe: Probe) -> None:
    """As it was set."""
    given = server()
    tools = (await probe.session(tools=[given])).get("tools")
    updated = next(e for e in reversed(probe.events) if e["type"] == "session.updated")
    only = tools[0] if isinstance(tools, list) and len(tools) == 1 and isinstance(tools[0], dict) else {}
    for name in ("type", "server_label", "require_approval"):
        message = f"{name} of the server is {only.get(name)!r}, not {given[name]!r}"
        probe.check(only.get(name) == given[name], message, updated, f"session.tools[0].{name}")


@_list(
    "RT-MCP-006",
    "A server's token is not shown",
    level="should",
    certainty="inferred",
    rule="`authorization` of an MCP server is a secret: no event repeats it.",
    source=f"{_TOOL}, authorization",
    sends="session.update with an MCP server that has an `authorization`",
    expects="no event with the token",
)
async def token_not_shown(probe: Probe) -> None:
    """Write only."""
    token = "conformance-not-a-real-token"
    await probe.session(tools=[server(authorization=token)])
    await probe.maybe("mcp_list_tools.completed", "mcp_list_tools.failed", within=10.0)
    shown = next((e for e in probe.events if token in repr(e)), None)
    probe.check(
        shown is None, "an event repeats the authorization of an MCP server", shown, "session.tools[0]"
    )


@_list(
    "RT-MCP-007",
    "A known server may be named by its label alone",
    level="should",
    certainty="documented",
    rule="An update may name a server that is known already by its `server_label` alone.",
    source=_GUIDE,
    sends="session.update with an MCP server, and with its label alone",
    expects="a second session.updated with the server",
)
async def known_by_label(probe: Probe) -> None:
    """Introduced once."""
    await listed(probe)
    await attempt(
        probe,
        "session.update",
        session={"type": "realtime", "tools": [{"type": "mcp", "server_label": "docs"}]},
    )
    answer = await probe.expect("session.updated", "error")
    probe.check(
        answer["type"] == "session.updated", "a known server was refused by its label", answer, "error"
    )


def _tools(*tools: dict[str, Any]) -> dict[str, Any]:
    """An update with these tools."""
    return {"type": "session.update", "session": {"type": "realtime", "tools": list(tools)}}


@_refuse(
    "RT-MCP-008",
    "Two servers of one label are refused",
    level="must",
    certainty="documented",
    rule="`server_label` is unique among a session's tools.",
    source=_GUIDE,
    sends="session.update with two MCP servers of one label",
    expects="error, and no tools in the session",
)
async def duplicate_label(probe: Probe) -> None:
    """Calls could not be told apart."""
    await refusal_of(probe, _tools(server(), server()), "two MCP servers of one label")
    _no_tools(probe)


def _no_tools(probe: Probe) -> None:
    """The session's tools, as `refusal_of` last saw them, are none."""
    tools = probe.confirmed.get("tools")
    probe.check(not tools, "the refused update changed the tools", probe.events[-1], "session.tools")


@_refuse(
    "RT-MCP-009",
    "A server nobody has introduced is refused",
    level="must",
    certainty="documented",
    rule="One of `server_url`, `connector_id` and `tunnel_id` must be given for a server that is not known.",
    source=_TOOL,
    sends="session.update with an MCP server that has a label only",
    expects="error, and no tools in the session",
)
async def no_address(probe: Probe) -> None:
    """There is nobody to ask."""
    tool = {"type": "mcp", "server_label": "stranger"}
    await refusal_of(probe, _tools(tool), "an MCP server without an address")
    _no_tools(probe)


@_refuse(
    "RT-MCP-010",
    "A server with two addresses is refused",
    level="must",
    certainty="documented",
    rule="Only one of `server_url`, `connector_id` and `tunnel_id` may be given.",
    source=_GUIDE,
    sends="session.update with an MCP server that has a `server_url` and a `connector_id`",
    expects="error, and no tools in the session",
)
async def two_addresses(probe: Probe) -> None:
    """It is one server."""
    tool = server(connector_id="connector_gmail", authorization="conformance-not-a-real-token")
    await refusal_of(probe, _tools(tool), "an MCP server with two addresses")
    _no_tools(probe)


@_refuse(
    "RT-MCP-011",
    "A connector that does not exist is refused",
    level="should",
    certainty="documented",
    rule="`connector_id` is one of the connectors in the reference.",
    source=_TOOL,
    sends="session.update with a connector_id nobody knows",
    expects="error, and no tools in the session",
)
async def bad_connector(probe: Probe) -> None:
    """A closed list."""
    tool = {"type": "mcp", "server_label": "docs", "connector_id": "connector_conformance"}
    await refusal_of(probe, _tools(tool), "an unknown connector_id")
    _no_tools(probe)


@_list(
    "RT-MCP-012",
    "Only allowed tools are called",
    level="must",
    certainty="documented",
    rule="`allowed_tools` is a filter: no tool of the server that is not in it is called.",
    source=f"{_TOOL}, allowed_tools",
    sends="session.update with an MCP server and no tool allowed of it, and response.create",
    expects="no mcp_call",
    needs=("mcp", "text_out"),
    tokens=400,
    seconds=6.0,
)
async def allowed_tools(probe: Probe) -> None:
    """The client's list counts."""
    item = await listed(probe, server(allowed_tools=["conformance_no_such_tool"]))
    names = " ".join(str(tool.get("name")) for tool in objects(item.get("tools")))
    await probe.user_text(f"Call {names or 'the tool'}, text=plum")
    await attempt(probe, "response.create", response={"output_modalities": ["text"]})
    answer = await probe.maybe("response.done", "error", within=30.0)
    if answer is None or answer["type"] == "error":
        raise NotComplied("no response was made")
    output = objects(inside(answer, "response").get("output"))
    made = [each.get("name") for each in output if each.get("type") == "mcp_call"]
    message = f"tools were called that are not allowed: {made!r}"
    probe.check(not made, message, answer, "response.output")

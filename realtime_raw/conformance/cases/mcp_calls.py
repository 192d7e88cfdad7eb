"""MCP: calls the server makes by itself, and those the client must approve first."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..case import NotComplied, case
from ..collecting import inside, objects
from ..mcp_server import called, listed, server, type_of_item
from ..probe import RESPONSE_WITHIN, Probe
from ..seen import ResponseSeen, item_of, response_of

_call = partial(
    case,
    family="mcp",
    sends="an MCP server, and response.create with a tool_choice for it",
    needs=("mcp", "text_out"),
    tokens=800,
    seconds=8.0,
    timeout_s=90.0,
)
_approve = partial(_call, sends='an MCP server with require_approval "always", and response.create')
_ITEM = "API reference, the Item object"
_PROGRESS = "API reference, response.mcp_call.in_progress, .completed and .failed"
_GUIDE = "Realtime guide, MCP servers"


@_call(
    "RT-MCP-020",
    "A call's arguments add up",
    level="must",
    certainty="documented",
    rule="The deltas of `response.mcp_call_arguments.delta`, joined, are the `arguments` of its `.done`.",
    source="API reference, response.mcp_call_arguments.delta and .done",
    expects="mcp_call_arguments.done equal to the joined deltas",
)
async def arguments_add_up(probe: Probe) -> None:
    """As with functions."""
    await listed(probe)
    seen, made = await called(probe)
    finals = [e for e in seen.of("response.mcp_call_arguments.done") if item_of(e) == made.get("id")]
    probe.check(finals, "response.mcp_call_arguments.done did not come for the call", seen.done)
    said = seen.joined("response.mcp_call_arguments.delta", made.get("id"))
    found = finals[0].get("arguments")
    message = f"the deltas join to {said!r}, and the final arguments are {found!r}"
    probe.check(said == found, message, finals[0], "arguments")


def _progress(probe: Probe, made: dict[str, Any], *ends: str) -> list[dict[str, Any]]:
    """The events of that call with these endings of their names."""
    kinds = tuple(f"response.mcp_call.{end}" for end in ends)
    return [e for e in probe.events if e["type"] in kinds and item_of(e) == made.get("id")]


@_call(
    "RT-MCP-021",
    "A call is told while it runs, and when it ends",
    level="must",
    certainty="documented",
    rule="A call begins with `response.mcp_call.in_progress` and ends with `.completed` or `.failed`.",
    source=_PROGRESS,
    expects="mcp_call.in_progress behind the arguments, then .completed or .failed",
)
async def call_is_told(probe: Probe) -> None:
    """Begun, then over."""
    await listed(probe)
    seen, made = await called(probe)
    begun, ended = _progress(probe, made, "in_progress"), _progress(probe, made, "completed", "failed")
    probe.check(begun, "response.mcp_call.in_progress did not come for the call", seen.done)
    probe.check(ended, "neither response.mcp_call.completed nor .failed came for the call", seen.done)
    message = "response.mcp_call.in_progress came behind the end of the call"
    probe.check(probe.index(begun[0]) < probe.index(ended[0]), message, begun[0])
    finals = seen.of("response.mcp_call_arguments.done")
    early = bool(finals) and probe.index(begun[0]) < probe.index(finals[0])
    probe.check(not early, "the call began before its arguments were whole", begun[0])


@_call(
    "RT-MCP-022",
    "A finished call has an output or an error",
    level="must",
    certainty="documented",
    rule="A finished `mcp_call` item has an `output`; one that failed has an `error`.",
    source=_ITEM,
    expects="output for a completed call, error for a failed one",
)
async def call_has_output(probe: Probe) -> None:
    """What came of it."""
    await listed(probe)
    seen, made = await called(probe)
    failed = bool(_progress(probe, made, "failed"))
    wanted = "error" if failed else "output"
    message = f"a call that {'failed' if failed else 'completed'} has no {wanted}"
    probe.check(made.get(wanted) is not None, message, seen.done, f"response.output[0].{wanted}")


@_call(
    "RT-MCP-023",
    "A call names its server and its tool",
    level="must",
    certainty="documented",
    rule="An `mcp_call` item has the `server_label`, the tool's `name`, and the `arguments`.",
    source=_ITEM,
    expects="server_label docs, a listed name, arguments",
)
async def call_is_named(probe: Probe) -> None:
    """Who was asked for what."""
    item = await listed(probe)
    seen, made = await called(probe)
    names = [tool.get("name") for tool in objects(item.get("tools"))]
    label, name = made.get("server_label"), made.get("name")
    path = "response.output[0]"
    probe.check(label == "docs", f"server_label is {label!r}, not 'docs'", seen.done, f"{path}.server_label")
    probe.check(name in names, f"the tool is {name!r}, and listed are {names!r}", seen.done, f"{path}.name")
    fits = isinstance(made.get("arguments"), str)
    probe.check(fits, "the call has no arguments", seen.done, f"{path}.arguments")


@_call(
    "RT-MCP-024",
    "A call enters the conversation",
    level="must",
    certainty="documented",
    rule="The `mcp_call` item is added to the default conversation.",
    source="API reference, conversation.item.added",
    expects="conversation.item.added with the call's id",
)
async def call_enters(probe: Probe) -> None:
    """It is part of what was said."""
    await listed(probe)
    seen, made = await called(probe)
    found = [e for e in seen.of("conversation.item.added") if item_of(e) == made.get("id")]
    probe.check(found, "conversation.item.added did not come for the call", seen.done)


@_call(
    "RT-MCP-025",
    "The server does not go on by itself",
    level="should",
    certainty="documented",
    rule="When the call is over, no other response is created until the client asks for it.",
    source=_GUIDE,
    expects="response.done, then no response.created",
)
async def call_waits(probe: Probe) -> None:
    """The next step is the client's."""
    await listed(probe)
    await called(probe)
    early = await probe.maybe("response.created", within=3.0)
    probe.check(
        early is None, "a response was created behind an MCP call, and nobody had asked for it", early
    )


# --- approvals ----------------------------------------------------------------------------


async def _asked(probe: Probe, **fields: Any) -> tuple[ResponseSeen, dict[str, Any]]:
    """A response that asks for an approval, and the request."""
    await listed(probe, server(**fields))
    return await called(probe, kind="mcp_approval_request")


async def _decide(probe: Probe, request: dict[str, Any], *, approve: bool) -> None:
    """The client's decision."""
    item = {
        "type": "mcp_approval_response",
        "approval_request_id": str(request.get("id")),
        "approve": approve,
    }
    await probe.create_item(item)


@_approve(
    "RT-MCP-030",
    "A call that needs approval is asked about",
    level="must",
    certainty="documented",
    rule='With `require_approval: "always"` there is an `mcp_approval_request`, and nothing is called.',
    source=f"{_ITEM}; {_GUIDE}",
    expects="an mcp_approval_request with server_label, name and arguments; no mcp_call",
)
async def approval_asked(probe: Probe) -> None:
    """Ask first."""
    await listed(probe, server(require_approval="always"))
    try:
        seen, request = await called(probe, kind="mcp_approval_request")
    except NotComplied:
        made = [e for e in probe.events if e["type"].startswith("response.mcp_call.")]
        probe.check(not made, "a tool was called that needs an approval", made[0] if made else None)
        raise
    for name in ("id", "server_label", "name", "arguments"):
        fits = isinstance(request.get(name), str) and (request[name] or name == "arguments")
        message = f"the approval request has no {name}"
        probe.check(fits, message, seen.done, f"response.output[0].{name}")
    made = [item for item in seen.output if item.get("type") == "mcp_call"]
    probe.check(not made, "the call was made before it was approved", seen.done, "response.output")


@_approve(
    "RT-MCP-031",
    "Approval is needed unless the client says otherwise",
    level="must",
    certainty="documented",
    rule='`require_approval` is `"always"` where it is not set.',
    source="API reference, the MCP tool, require_approval",
    sends="an MCP server without require_approval, and response.create",
    expects="an mcp_approval_request, no mcp_call",
)
async def approval_default(probe: Probe) -> None:
    """The careful way by default."""
    await listed(probe, server(require_approval=None))
    try:
        await called(probe, kind="mcp_approval_request")
    except NotComplied:
        made = [e for e in probe.events if e["type"].startswith("response.mcp_call.")]
        message = "a tool was called without approval, though require_approval was not set"
        probe.check(not made, message, made[0] if made else None)
        raise


@_approve(
    "RT-MCP-032",
    "An approved call is made",
    level="must",
    certainty="documented",
    rule="Behind an approving `mcp_approval_response` the call is made, at once or in the next response.",
    source=_GUIDE,
    sends="a call that needs approval, its approval, and response.create if nothing is made of itself",
    expects="response.mcp_call.in_progress, and an mcp_call with the request's id as approval_request_id",
    tokens=1200,
    seconds=12.0,
)
async def approved(probe: Probe) -> None:
    """Yes means yes."""
    _, request = await _asked(probe, require_approval="always")
    await _decide(probe, request, approve=True)
    created = await probe.maybe("response.created", within=3.0)
    if created is None:
        await probe.send("response.create")
        created = await probe.expect("response.created", within=RESPONSE_WITHIN)
    mine = response_of(created)
    begun = await probe.maybe("response.mcp_call.in_progress", within=RESPONSE_WITHIN)
    probe.check(begun is not None, "an approved call was not made", created)
    ended = await probe.expect(
        "response.output_item.done",
        where=lambda e: response_of(e) == mine and type_of_item(e) == "mcp_call",
        within=RESPONSE_WITHIN,
    )
    found = inside(ended, "item").get("approval_request_id")
    message = f"approval_request_id of the call is {found!r}, and the request was {request.get('id')!r}"
    probe.check(found == request.get("id"), message, ended, "item.approval_request_id")


@_approve(
    "RT-MCP-033",
    "A call that is not approved is not made",
    level="must",
    certainty="documented",
    rule="Behind an `mcp_approval_response` that does not approve, the call is not made.",
    source=_GUIDE,
    sends="a call that needs approval, its refusal, and response.create",
    expects="no mcp_call for that request",
    tokens=1200,
    seconds=12.0,
)
async def not_approved(probe: Probe) -> None:
    """No means no."""
    _, request = await _asked(probe, require_approval="always")
    await _decide(probe, request, approve=False)
    if await probe.maybe("response.created", within=2.0) is None:
        await probe.respond(output_modalities=["text"], tool_choice="none")
    else:
        await probe.expect("response.done", within=RESPONSE_WITHIN)
    made = [e for e in probe.events if e["type"].startswith("response.mcp_call.")]
    probe.check(not made, "a call was made that the client did not approve", made[0] if made else None)

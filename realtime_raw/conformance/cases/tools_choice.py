"""Function tools: which may be called, where they are set, and what a client may put in itself."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..case import NotComplied, Unsupported, Violation, case
from ..collecting import WEATHER, attempt, call, check_error, forced, inside, objects, refusal_of
from ..probe import Probe
from ..seen import item_of

_choice = partial(
    case,
    family="tools",
    sends="response.create with a function tool and a tool_choice",
    needs=("text_out", "tools"),
    tokens=150,
    seconds=2.0,
)
_set = partial(_choice, sends="session.update with function tools", needs=("tools",), tokens=0, seconds=0.5)
_SESSION = "API reference, session.update"
_CREATE = "API reference, response.create"
_ITEMS = "API reference, conversation.item.create"

_TIME: dict[str, Any] = {
    "type": "function",
    "name": "get_time",
    "description": "The time in a city.",
    "parameters": WEATHER["parameters"],
}
_BOTH = "Call get_weather and get_time, both of them, city=Rome"


# --- choosing -----------------------------------------------------------------------------


@_choice(
    "RT-TOOL-020",
    'With tool_choice "none" nothing is called',
    level="must",
    certainty="documented",
    rule='`tool_choice: "none"`: no function is called, whatever the user asks.',
    source=f"{_CREATE}, tool_choice",
    expects="no function_call in the output",
)
async def choice_none(probe: Probe) -> None:
    """Forbidden is forbidden."""
    await probe.user_text("Call get_weather with city=Rome")
    seen = await probe.respond(output_modalities=["text"], tools=[WEATHER], tool_choice="none")
    message = 'a function was called with tool_choice "none"'
    probe.check(not seen.calls, message, seen.done, "response.output")


@_choice(
    "RT-TOOL-021",
    'With tool_choice "required" something is called',
    level="must",
    certainty="documented",
    rule='`tool_choice: "required"`: the model calls at least one tool.',
    source=f"{_CREATE}, tool_choice",
    expects="a function_call in the output",
)
async def choice_required(probe: Probe) -> None:
    """Any, but one."""
    await probe.user_text("Hello, how are you?")
    seen = await probe.respond(output_modalities=["text"], tools=[WEATHER], tool_choice="required")
    message = 'nothing was called with tool_choice "required"'
    probe.check(seen.calls, message, seen.done, "response.output")


@_choice(
    "RT-TOOL-022",
    "Of two functions the named one is called",
    level="must",
    certainty="documented",
    rule="A `tool_choice` that names a function calls this one, and not another.",
    source=f"{_CREATE}, tool_choice",
    sends="response.create with two function tools and a tool_choice for the second",
    expects="a function_call of the second",
)
async def choice_named(probe: Probe) -> None:
    """Even if the talk is of the other."""
    await probe.user_text("What is the weather? city=Rome")
    seen = await probe.respond(
        output_modalities=["text"], tools=[WEATHER, _TIME], tool_choice=forced("get_time")
    )
    names = [made.get("name") for made in seen.calls]
    message = f"tool_choice names 'get_time', and the calls are {names!r}"
    probe.check(names and set(names) == {"get_time"}, message, seen.done, "response.output")


@_choice(
    "RT-TOOL-023",
    "A response's tools are for it alone",
    level="must",
    certainty="documented",
    rule="`tools` of `response.create` replace the session's for this response, and the session's stay.",
    source=_CREATE,
    sends="session.update with one tool, response.create with another, session.update of nothing",
    expects="a call of the response's tool, then the session's own tool in session.updated",
)
async def own_tools(probe: Probe) -> None:
    """Two lists, each in its place."""
    await probe.session(tools=[_TIME])
    _, made = await call(probe)
    message = f"the function called is {made.get('name')!r}, which the response does not have"
    probe.check(made.get("name") == "get_weather", message)
    session = await probe.session()
    names = _names(session)
    message = f"the session's tools are {names!r} behind a response with its own, not ['get_time']"
    probe.check(names == ["get_time"], message, probe.events[-1], "session.tools")


def _names(session: dict[str, Any]) -> list[Any]:
    """The names of a session's tools, wherever the server puts them."""
    tools = session.get("tools")
    return [each.get("name") for each in tools if isinstance(each, dict)] if isinstance(tools, list) else []


@_choice(
    "RT-TOOL-024",
    "Parallel calls are items of one response",
    level="should",
    certainty="documented",
    rule="Several calls of one response have consecutive `output_index`, and call_ids of their own.",
    source="API reference, parallel_tool_calls; the Response object",
    sends='response.create with two functions, tool_choice "required", and a text that asks for both',
    expects="two function_calls with two call_ids, in the order of their output_index",
    tokens=200,
)
async def parallel(probe: Probe) -> None:
    """Side by side, told apart."""
    await probe.user_text(_BOTH)
    seen = await probe.respond(
        output_modalities=["text"],
        tools=[WEATHER, _TIME],
        tool_choice="required",
        instructions="Call both tools in parallel.",
    )
    if len(seen.calls) < 2:
        raise NotComplied("the model did not make two calls")
    ids = {made.get("call_id") for made in seen.calls}
    message = f"{len(seen.calls)} calls have {len(ids)} call_ids"
    probe.check(len(ids) == len(seen.calls), message, seen.done, "response.output")
    for event in seen.of("response.output_item.done"):
        index = event.get("output_index")
        listed = seen.output[index].get("id") if isinstance(index, int) and index < len(seen.output) else None
        message = f"output_index {index!r} is not the place of {item_of(event)!r} in response.done"
        probe.check(listed == item_of(event), message, event, "output_index")


@_choice(
    "RT-TOOL-025",
    "Without parallel calls there is one call",
    level="should",
    certainty="documented",
    rule="`parallel_tool_calls: false`: a response makes one call at most. Reasoning models only.",
    source="API reference, parallel_tool_calls",
    sends="response.create with two functions, parallel_tool_calls false, and a text that asks for both",
    expects="one function_call, or an error for a model that has no such setting",
)
async def not_parallel(probe: Probe) -> None:
    """One after the other."""
    await probe.user_text(_BOTH)
    response = {
        "output_modalities": ["text"],
        "tools": [WEATHER, _TIME],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    }
    await attempt(probe, "response.create", response=response)
    answer = await probe.maybe("error", "response.done", within=30.0)
    if answer is None:
        raise Violation("response.create was answered by no response.done, and by no error")
    if answer["type"] == "error":
        raise Unsupported("the model takes no parallel_tool_calls")
    output = objects(inside(answer, "response").get("output"))
    made = [item for item in output if item.get("type") == "function_call"]
    message = f"{len(made)} calls were made with parallel_tool_calls false"
    probe.check(len(made) <= 1, message, answer, "response.output")


# --- setting ------------------------------------------------------------------------------


@_set(
    "RT-TOOL-026",
    "The session shows its tools as they were set",
    level="must",
    certainty="documented",
    rule="`session.updated` has the tools in their flat form: `type`, `name`, `description`, `parameters`.",
    source=_SESSION,
    expects="session.tools equal to what was sent",
)
async def tools_shown(probe: Probe) -> None:
    """Flat, and whole."""
    session = await probe.session(tools=[WEATHER])
    updated, tools = probe.events[-1], session.get("tools")
    only = tools[0] if isinstance(tools, list) and len(tools) == 1 and isinstance(tools[0], dict) else {}
    for name, wanted in WEATHER.items():
        message = f"{name} of the tool is {only.get(name)!r}, not as it was sent"
        probe.check(only.get(name) == wanted, message, updated, f"session.tools[0].{name}")


@_set(
    "RT-TOOL-027",
    "An empty list takes the tools away",
    level="must",
    certainty="documented",
    rule="`tools: []` clears the session's tools.",
    source=_SESSION,
    sends="session.update with a tool, session.update with none",
    expects="session.tools []",
)
async def tools_cleared(probe: Probe) -> None:
    """None is a number of tools."""
    await probe.session(tools=[WEATHER])
    session = await probe.session(tools=[])
    message = f"the session's tools are {_names(session)!r} behind an update to none"
    probe.check(session.get("tools") == [], message, probe.events[-1], "session.tools")


@_set(
    "RT-TOOL-028",
    "A list of tools replaces the one before",
    level="must",
    certainty="documented",
    rule="`tools` of an update are all the session has from then on: lists are not merged.",
    source=_SESSION,
    sends="session.update with one tool, session.update with another",
    expects="session.tools with the second only",
)
async def tools_replaced(probe: Probe) -> None:
    """The last word counts."""
    await probe.session(tools=[WEATHER])
    names = _names(await probe.session(tools=[_TIME]))
    message = f"the session's tools are {names!r} behind an update to ['get_time']"
    probe.check(names == ["get_time"], message, probe.events[-1], "session.tools")


@_set(
    "RT-TOOL-029",
    "The session shows its choice of tools",
    level="must",
    certainty="documented",
    rule="`session.updated` has the `tool_choice` that was set.",
    source=_SESSION,
    sends="session.update with a tool and a tool_choice that names it",
    expects="session.tool_choice equal to what was sent",
)
async def choice_shown(probe: Probe) -> None:
    """As it was given."""
    found = (await probe.session(tools=[WEATHER], tool_choice=forced())).get("tool_choice")
    fits = isinstance(found, dict) and forced().items() <= found.items()
    message = f"the session's tool_choice is {found!r}, not as it was sent"
    probe.check(fits, message, probe.events[-1], "session.tool_choice")


@_set(
    "RT-TOOL-030",
    "A tool without a name is refused",
    level="should",
    certainty="inferred",
    rule="A function tool must have a `name`: an update without is refused, and changes nothing.",
    source="API reference, the function tool",
    sends="session.update with a function tool that has no name",
    expects="error with param session.tools[0].name, and the tools unchanged",
)
async def nameless_tool(probe: Probe) -> None:
    """It could not be called."""
    await probe.session(tools=[_TIME])
    update = {"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function"}]}}
    error = await refusal_of(probe, update, "a function tool without a name")
    names = _names(probe.confirmed)
    probe.check(names == ["get_time"], f"the refused update left the tools {names!r}", probe.events[-1])
    check_error(probe, error, param="session.tools[0].name")


@_set(
    "RT-TOOL-031",
    "A field that tools do not have is refused",
    level="should",
    certainty="observed",
    rule="An unknown field of a tool is refused: code `unknown_parameter`, `param` with its path.",
    source="observed on the live API",
    sends="session.update with a function tool that has a field `conformance`",
    expects="error with code unknown_parameter and param session.tools[0].conformance",
)
async def unknown_tool_field(probe: Probe) -> None:
    """Named with its path."""
    tool = {**WEATHER, "conformance": True}
    update = {"type": "session.update", "session": {"type": "realtime", "tools": [tool]}}
    error = await refusal_of(probe, update, "a tool with an unknown field")
    check_error(probe, error, code="unknown_parameter", param="session.tools[0].conformance")


# --- what a client puts in ----------------------------------------------------------------


@_set(
    "RT-TOOL-032",
    "A client may put in a call of its own",
    level="must",
    certainty="documented",
    rule="A `function_call` item of the client's is added with its `name`, `call_id` and `arguments`.",
    source=_ITEMS,
    sends="conversation.item.create with a function_call",
    expects="conversation.item.added with the same name, call_id and arguments",
)
async def seeded_call(probe: Probe) -> None:
    """Histories hold calls too."""
    given = {
        "type": "function_call",
        "name": "get_time",
        "call_id": "call_c1",
        "arguments": '{"city":"Rome"}',
    }
    item = await probe.create_item(given)
    for name, wanted in given.items():
        message = f"{name} of the call is {item.get(name)!r}, not {wanted!r}"
        probe.check(item.get(name) == wanted, message, probe.events[-1], f"item.{name}")


@_set(
    "RT-TOOL-033",
    "An output must say what it is for",
    level="should",
    certainty="documented",
    rule="`call_id` is required in a `function_call_output`: without it the item is refused.",
    source=_ITEMS,
    sends="conversation.item.create with a function_call_output that has no call_id",
    expects="error, and no item",
)
async def output_without_call(probe: Probe) -> None:
    """An answer to nothing."""
    item = {"type": "function_call_output", "output": "21"}
    await refusal_of(probe, {"type": "conversation.item.create", "item": item}, "an output without a call_id")
    added = next((e for e in probe.events if e["type"] == "conversation.item.added"), None)
    probe.check(added is None, "the refused item was added", added)


@_set(
    "RT-TOOL-034",
    "An output for an unknown call is added or refused",
    level="should",
    certainty="inferred",
    rule="A `function_call_output` for a call nobody made is either added or answered by an error.",
    source=_ITEMS,
    sends="conversation.item.create with a function_call_output for call_c_nowhere",
    expects="conversation.item.added, or an error; not silence",
)
async def output_for_nobody(probe: Probe) -> None:
    """Every command has a fate."""
    item = {"type": "function_call_output", "call_id": "call_c_nowhere", "output": "21"}
    await attempt(probe, "conversation.item.create", item=item)
    answer = await probe.maybe("conversation.item.added", "conversation.item.created", "error", within=10.0)
    if answer is None:
        raise Violation("an output for an unknown call was neither added nor refused")

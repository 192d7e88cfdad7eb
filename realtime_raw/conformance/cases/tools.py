"""Function tools: how a call is told, how its output comes back, and what a choice of tools means."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson

from ..case import NotComplied, case
from ..collecting import WEATHER, call, forced, inside
from ..probe import Probe
from ..seen import ResponseSeen, item_of

_call = partial(
    case,
    family="tools",
    sends="response.create with one function tool and a tool_choice that names it",
    needs=("text_out", "tools"),
    tokens=150,
    seconds=2.0,
)
_output = partial(
    _call,
    sends="a forced call, then conversation.item.create with its function_call_output",
    tokens=200,
    seconds=2.5,
)
_CREATE = "API reference, response.create"
_ARGUMENTS = "API reference, response.function_call_arguments.delta and .done"
_ITEM = "API reference, the Item object"
_GUIDE = "Realtime guide, function calling"


def _answer(call_id: str, output: str = '{"degrees": 21}') -> dict[str, Any]:
    """The item that gives a call its output."""
    return {"type": "function_call_output", "call_id": call_id, "output": output}


# --- the call -----------------------------------------------------------------------------


@_call(
    "RT-TOOL-001",
    "A function that is named in tool_choice is called",
    level="must",
    certainty="documented",
    rule='`tool_choice: {"type": "function", "name": ...}` forces a call of that function.',
    source=f"{_CREATE}, tool_choice",
    expects="a function_call item with the function's name",
)
async def forced_call(probe: Probe) -> None:
    """Not a matter of the model's taste."""
    await probe.user_text("What is the weather? city=Rome")
    seen = await probe.respond(output_modalities=["text"], tools=[WEATHER], tool_choice=forced())
    probe.check(
        seen.calls, "a tool_choice that names a function was not obeyed", seen.done, "response.output"
    )
    name = seen.calls[0].get("name")
    message = f"the function called is {name!r}, not 'get_weather'"
    probe.check(name == "get_weather", message, seen.done, "response.output[0].name")


@_call(
    "RT-TOOL-002",
    "A call begins in progress and without arguments",
    level="should",
    certainty="recorded",
    rule="`response.output_item.added` shows a function_call `in_progress`, with empty `arguments`.",
    source="recorded sessions of the live API",
    expects='output_item.added with status in_progress, arguments ""',
)
async def call_begins(probe: Probe) -> None:
    """Named before it is complete."""
    seen, made = await call(probe)
    added = _event(seen, "response.output_item.added", made)
    for name, wanted in (("status", "in_progress"), ("arguments", "")):
        found = inside(added, "item").get(name)
        message = f"a call begins with {name} {found!r}, not {wanted!r}"
        probe.check(found == wanted, message, added, f"item.{name}")


def _event(seen: ResponseSeen, kind: str, made: dict[str, Any]) -> dict[str, Any]:
    """The event of that type about the call. Raises `NotComplied` if the call was told without it."""
    found = [e for e in seen.of(kind) if item_of(e) == made.get("id")]
    if not found:
        raise NotComplied(f"there is no {kind} for the call")
    return found[0]


@_call(
    "RT-TOOL-003",
    "Argument deltas add up",
    level="must",
    certainty="documented",
    rule="The deltas of a call's arguments, joined, are the `arguments` of its `.done`.",
    source=_ARGUMENTS,
    expects="function_call_arguments.done equal to the joined deltas",
)
async def arguments_add_up(probe: Probe) -> None:
    """Nothing lost, nothing twice."""
    seen, made = await call(probe)
    finals = [e for e in seen.of("response.function_call_arguments.done") if item_of(e) == made.get("id")]
    probe.check(finals, "response.function_call_arguments.done did not come for the call", seen.done)
    said = seen.joined("response.function_call_arguments.delta", made.get("id"))
    found = finals[0].get("arguments")
    message = f"the deltas join to {said!r}, and the final arguments are {found!r}"
    probe.check(said == found, message, finals[0], "arguments")


@_call(
    "RT-TOOL-004",
    "The end of the arguments has the call's call_id",
    level="must",
    certainty="documented",
    rule="`response.function_call_arguments.done` has the `call_id` of the call.",
    source=_ARGUMENTS,
    expects="call_id equal to the item's",
)
async def arguments_call_id(probe: Probe) -> None:
    """What the output must name."""
    await _same_in_done(probe, "call_id")


@_call(
    "RT-TOOL-017",
    "The end of the arguments has the function's name",
    level="should",
    certainty="documented",
    rule="`response.function_call_arguments.done` has the `name` of the function.",
    source=_ARGUMENTS,
    expects="name equal to the item's",
)
async def arguments_name(probe: Probe) -> None:
    """Enough to begin the work."""
    await _same_in_done(probe, "name")


async def _same_in_done(probe: Probe, name: str) -> None:
    """That field is in the arguments' `.done` what it is in the item."""
    seen, made = await call(probe)
    finished = _event(seen, "response.function_call_arguments.done", made)
    found = finished.get(name)
    message = f"{name} is {found!r}, and the item's is {made.get(name)!r}"
    probe.check(found and found == made.get(name), message, finished, name)


@_call(
    "RT-TOOL-005",
    "A call keeps its call_id",
    level="must",
    certainty="documented",
    rule="`call_id` is the same in every event about the call, and in the output of `response.done`.",
    source=f"{_ARGUMENTS}; {_ITEM}",
    expects="one call_id in all of them",
)
async def call_id_stays(probe: Probe) -> None:
    """One key from first to last."""
    seen, made = await call(probe)
    call_id = made.get("call_id")
    probe.check(
        isinstance(call_id, str) and call_id, "the call has no call_id", seen.done, "response.output[0]"
    )
    for event in seen.events:
        about = inside(event, "item") if isinstance(event.get("item"), dict) else event
        if item_of(event) == made.get("id") and "call_id" in about:
            message = f"call_id is {about['call_id']!r} here, and {call_id!r} in response.done"
            probe.check(about["call_id"] == call_id, message, event, "call_id")


@_call(
    "RT-TOOL-006",
    "Arguments are an object in JSON",
    level="should",
    certainty="documented",
    rule="`arguments` is a JSON string: an object that fits the function's `parameters`.",
    source=_ARGUMENTS,
    expects="arguments that parse to an object with `city`",
)
async def arguments_are_json(probe: Probe) -> None:
    """To be parsed, not guessed."""
    seen, made = await call(probe)
    try:
        parsed = orjson.loads(str(made.get("arguments")))
    except orjson.JSONDecodeError:
        parsed = None
    message = f"the arguments are {made.get('arguments')!r}, and no object in JSON"
    probe.check(isinstance(parsed, dict), message, seen.done, "response.output[0].arguments")
    if "city" not in parsed:
        raise NotComplied("the model left out a required argument")


@_call(
    "RT-TOOL-007",
    "A finished call is completed, with its arguments",
    level="must",
    certainty="documented",
    rule="In `response.output_item.done` and `response.done` a call is `completed`, with its arguments.",
    source="API reference, response.output_item.done and response.done",
    expects="status completed, arguments equal to the joined deltas",
)
async def call_is_whole(probe: Probe) -> None:
    """Whoever reads only the end has it all."""
    seen, made = await call(probe)
    said = seen.joined("response.function_call_arguments.delta", made.get("id"))
    finished = _event(seen, "response.output_item.done", made)
    for event, item in ((finished, inside(finished, "item")), (seen.done, made)):
        for name, wanted in (("status", "completed"), ("arguments", said or made.get("arguments"))):
            found = item.get(name)
            message = f"{name} of the call is {found!r} in {event['type']}, not {wanted!r}"
            probe.check(found == wanted, message, event, f"item.{name}")


@_call(
    "RT-TOOL-008",
    "A call enters the conversation",
    level="must",
    certainty="documented",
    rule="The call is added to the default conversation: `conversation.item.added`, then `.done`.",
    source="API reference, conversation.item.added and conversation.item.done",
    expects="conversation.item.added and .done with the call's id",
)
async def call_enters(probe: Probe) -> None:
    """It is part of what was said."""
    seen, made = await call(probe)
    for kind in ("conversation.item.added", "conversation.item.done"):
        found = [e for e in seen.of(kind) if item_of(e) == made.get("id")]
        probe.check(found, f"{kind} did not come for the call", seen.done)


@_call(
    "RT-TOOL-009",
    "The server waits for the function",
    level="must",
    certainty="documented",
    rule="After a call the response is done: no other follows until the client asks for it.",
    source=_GUIDE,
    expects="response.done with status completed, then no response.created",
    seconds=4.0,
)
async def call_waits(probe: Probe) -> None:
    """The work is the client's, and so is the next step."""
    seen, _ = await call(probe)
    message = f"a response with a call ended with status {seen.status!r}"
    probe.check(seen.status == "completed", message, seen.done, "response.status")
    await _no_response(probe, "after a call, before its output")


async def _no_response(probe: Probe, when: str) -> None:
    """None may be created of itself."""
    early = await probe.maybe("response.created", within=2.0)
    probe.check(early is None, f"a response was created {when}, and nobody had asked for it", early)


@_call(
    "RT-TOOL-010",
    "Each call has a call_id of its own",
    level="must",
    certainty="documented",
    rule="`call_id` tells calls apart: no two calls of a session share one.",
    source=_ITEM,
    sends="two forced calls, one after the other",
    expects="two call_ids",
    tokens=300,
    seconds=4.0,
)
async def call_ids_differ(probe: Probe) -> None:
    """Two calls, two keys."""
    _, first = await call(probe)
    await probe.create_item(_answer(str(first.get("call_id"))))
    seen, second = await call(probe)
    same = first.get("call_id") == second.get("call_id")
    path = "response.output[0].call_id"
    probe.check(not same, "a second call has the call_id of the first", seen.done, path)


@_call(
    "RT-TOOL-016",
    "A call that meets the limit is incomplete",
    level="should",
    certainty="documented",
    rule="`max_output_tokens` counts calls too: a call that is cut short ends the response `incomplete`.",
    source="API reference, max_output_tokens (inclusive of tool calls)",
    sends="response.create with a tool_choice for one function and max_output_tokens 1",
    expects="status incomplete, and no completed function_call",
    tokens=60,
)
async def call_is_cut(probe: Probe) -> None:
    """Half an argument is none."""
    await probe.user_text("What is the weather? city=Rome")
    seen = await probe.respond(
        output_modalities=["text"], tools=[WEATHER], tool_choice=forced(), max_output_tokens=1
    )
    message = f"a call with a limit of one token ended the response {seen.status!r}, not 'incomplete'"
    probe.check(seen.status == "incomplete", message, seen.done, "response.status")
    whole = [made for made in seen.calls if made.get("status") == "completed"]
    probe.check(not whole, "a call that was cut short is called completed", seen.done, "response.output")


# --- the output ---------------------------------------------------------------------------


@_output(
    "RT-TOOL-011",
    "A function's output is an item",
    level="must",
    certainty="documented",
    rule="A `function_call_output` is added to the conversation with its `call_id` and `output` unchanged.",
    source=f"API reference, conversation.item.create; {_GUIDE}",
    expects="conversation.item.added with type, call_id and output as sent",
)
async def output_is_item(probe: Probe) -> None:
    """Kept to the letter."""
    _, made = await call(probe)
    given = _answer(str(made.get("call_id")), '{"degrees": 21, "sky": "☀️ \\"clear\\""}')
    item = await probe.create_item(given)
    added = probe.events[-1]
    for name, wanted in given.items():
        message = f"{name} of the output is {item.get(name)!r}, not {wanted!r}"
        probe.check(item.get(name) == wanted, message, added, f"item.{name}")


@_output(
    "RT-TOOL-012",
    "A function's output starts no response",
    level="must",
    certainty="documented",
    rule="A `function_call_output` only adds an item: the model answers it when `response.create` comes.",
    source=_GUIDE,
    expects="no response.created",
    seconds=4.0,
)
async def output_waits(probe: Probe) -> None:
    """Several outputs may belong to one answer."""
    _, made = await call(probe)
    await probe.create_item(_answer(str(made.get("call_id"))))
    await _no_response(probe, "by a function's output")


@_output(
    "RT-TOOL-013",
    "The model answers a function's output",
    level="must",
    certainty="documented",
    rule="`response.create` behind a `function_call_output` is answered by a message, with the output known.",
    source=_GUIDE,
    sends='a forced call, its output, and response.create with tool_choice "none"',
    expects="a response with a message of the assistant",
    tokens=300,
    seconds=3.5,
)
async def output_is_answered(probe: Probe) -> None:
    """The round is complete."""
    _, made = await call(probe)
    await probe.create_item(_answer(str(made.get("call_id"))))
    seen = await probe.respond(output_modalities=["text"], tool_choice="none")
    kinds = [item.get("type") for item in seen.output]
    message = f"a function's output was answered by {kinds!r}, status {seen.status!r}, and no message"
    probe.check("message" in kinds, message, seen.done, "response.output")


@_output(
    "RT-TOOL-014",
    "A function's output may come before its response is done",
    level="should",
    certainty="recorded",
    rule="A `function_call_output` that is sent at `response.function_call_arguments.done` is accepted.",
    source="recorded sessions of the live API",
    sends="a forced call, and its output as soon as the arguments are whole",
    expects="conversation.item.added for the output",
)
async def early_output(probe: Probe) -> None:
    """Fast functions need not wait."""
    await probe.user_text("What is the weather? city=Rome")
    asked = {"output_modalities": ["text"], "tools": [WEATHER], "tool_choice": forced()}
    await probe.send("response.create", response=asked)
    finished = await probe.expect("response.function_call_arguments.done", "response.done", within=30.0)
    if finished["type"] == "response.done":
        raise NotComplied("the model did not call the function")
    item = await probe.create_item(_answer(str(finished.get("call_id"))))
    message = f"the item added is a {item.get('type')!r}"
    probe.check(item.get("type") == "function_call_output", message, probe.events[-1], "item.type")


@_output(
    "RT-TOOL-015",
    "An empty output is an output",
    level="should",
    certainty="inferred",
    rule="`output` is any string: the empty one is accepted.",
    source=_ITEM,
    sends="a forced call, and an empty output",
    expects='conversation.item.added with output ""',
)
async def empty_output(probe: Probe) -> None:
    """Some functions have nothing to say."""
    _, made = await call(probe)
    item = await probe.create_item(_answer(str(made.get("call_id")), ""))
    message = f"the output is {item.get('output')!r}, not an empty string"
    probe.check(item.get("output") == "", message, probe.events[-1], "item.output")

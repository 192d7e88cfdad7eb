"""MCP: servers listed, calls approved and made, failures told; all of it the scenario's word."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_raw.loopback.behaviour import Behaviour
from realtime_raw.loopback.scenario import McpCall, Reply
from realtime_raw.loopback.script_file import parse_script
from tests.loopback.driver import Event, Talk, kinds
from tests.loopback.test_turns import by_kind, one

MAPS: Event = {
    "type": "mcp",
    "server_label": "maps",
    "server_url": "https://maps.test",
    "require_approval": "never",
}
SCRIPT = parse_script(
    b"""
    [[mcp]]
    label = "maps"
    tools = [
      { name = "route", annotations = { readOnlyHint = true } },
      { name = "erase", annotations = { readOnlyHint = false } },
    ]
    [[mcp]]
    label = "broken"
    fail = "unreachable"
    [[step]]
    when = { said = "go" }
    do = [{ mcp = "maps", tool = "route", arguments = { to = "Rome" }, output = "left" }]
    [[step]]
    when = { said = "fail" }
    do = [{ mcp = "maps", tool = "erase", error = { type = "http_error", code = 500, message = "no" } }]
    """,
    kind="toml",
)


def connected(*tools: Event, behaviour: Behaviour | None = None, **options: Any) -> Talk:
    talk = Talk(scenario=SCRIPT, behaviour=behaviour, **options)
    talk.manual(output_modalities=["text"])
    if tools:
        talk.say("session.update", session={"type": "realtime", "tools": list(tools)})
        talk.wait(5.0)
    return talk


def test_listing() -> None:
    """An item that begins without tools and ends with them."""
    talk = Talk(scenario=SCRIPT)
    events = talk.say("session.update", session={"type": "realtime", "tools": [MAPS]})
    assert kinds(events) == [
        "session.updated",
        "conversation.item.added",
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "conversation.item.done",
    ]
    added, done = events[1]["item"], events[4]["item"]
    assert list(added) == ["id", "type", "server_label", "tools"]
    assert (added["type"], added["tools"]) == ("mcp_list_tools", [])
    assert [tool["name"] for tool in done["tools"]] == ["route", "erase"]
    assert {event["item_id"] for event in events[2:4]} == {added["id"]} == {done["id"]}
    again = talk.say("session.update", session={"type": "realtime", "tools": [MAPS]})
    assert kinds(again) == ["session.updated"]
    known = {"type": "mcp", "server_label": "maps"}
    assert kinds(talk.say("session.update", session={"type": "realtime", "tools": [known]})) == [
        "session.updated"
    ]
    other = {**MAPS, "server_url": "https://other.test"}
    assert "mcp_list_tools.completed" in kinds(
        talk.say("session.update", session={"type": "realtime", "tools": [other]})
    )


def test_the_order_of_the_listing_can_be_turned_round() -> None:
    """Nobody knows it."""
    talk = Talk(scenario=SCRIPT, behaviour=Behaviour(mcp_item_first=False))
    events = talk.say("session.update", session={"type": "realtime", "tools": [MAPS]})
    assert kinds(events)[1:3] == ["mcp_list_tools.in_progress", "conversation.item.added"]


def test_a_listing_that_fails() -> None:
    """Told, and the item ends without tools; its tools cannot be called."""
    talk = Talk(scenario=SCRIPT)
    broken = {**MAPS, "server_label": "broken"}
    events = talk.say("session.update", session={"type": "realtime", "tools": [broken]})
    assert kinds(events)[-2:] == ["mcp_list_tools.failed", "conversation.item.done"]
    assert events[-1]["item"]["tools"] == []


def test_a_listing_that_raises_or_is_none() -> None:
    """A scenario's fault fails the listing; one that knows nothing of MCP has servers without tools."""

    class Raising:
        def reply(self, turn: Any) -> Reply:
            return Reply()

        def transcript(self, heard: Any) -> str:
            return ""

        def mcp_server(self, label: str) -> Any:
            raise ValueError(label)

    class Plain:
        def reply(self, turn: Any) -> Reply:
            return Reply()

        def transcript(self, heard: Any) -> str:
            return ""

    for scenario, last in ((Raising(), "mcp_list_tools.failed"), (Plain(), "mcp_list_tools.completed")):
        events = Talk(scenario=scenario).say("session.update", session={"type": "realtime", "tools": [MAPS]})
        assert kinds(events)[-2] == last


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([MAPS, MAPS], "session.tools[1].server_label"),
        ([{"type": "mcp", "server_label": "new"}], "session.tools[0]"),
    ],
)
def test_servers_that_are_refused(tools: list[Event], param: str) -> None:
    """Twice the same label; a label nobody has introduced."""
    talk = Talk(scenario=SCRIPT)
    assert talk.update_error(tools=tools)["param"] == param
    assert talk.update()["tools"] == []
    assert talk.error("response.create", response={"tools": tools})["param"] == param.replace(
        "session", "response"
    )


CALL = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
    "response.mcp_call.in_progress",
    "response.mcp_call.completed",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]


def test_a_call_without_approval() -> None:
    """The documented order; the server does not go on by itself; the answer uses the output."""
    talk = connected(MAPS)
    talk.insert("go")
    events = talk.respond()
    assert kinds(events) == CALL
    announced = one(events, "response.output_item.added")["item"]
    item_id = announced["id"]
    call = {
        "id": item_id,
        "server_label": "maps",
        "name": "route",
        "type": "mcp_call",
        "approval_request_id": None,
        "arguments": "",
        "output": None,
        "error": None,
    }
    assert announced == call
    final = {**call, "arguments": '{"to":"Rome"}', "output": "left"}
    assert one(events, "response.output_item.done")["item"] == final
    assert one(events, "response.done")["response"]["output"] == [final]
    progress = one(events, "response.mcp_call.in_progress")
    assert list(progress) == ["type", "event_id", "item_id", "output_index"]  # no response_id (API reference)
    delta = by_kind(events, "response.mcp_call_arguments.delta")[0]
    assert "obfuscation" in delta
    assert one(talk.respond(), "response.output_text.done")["text"] == "The tool answered: left"


def test_a_call_that_fails() -> None:
    """Told by the event and by the item."""
    talk = connected(MAPS)
    talk.insert("fail")
    events = talk.respond()
    assert "response.mcp_call.failed" in kinds(events)
    item = one(events, "response.output_item.done")["item"]
    assert (item["output"], item["error"]) == (None, {"type": "http_error", "code": 500, "message": "no"})
    assert one(events, "response.done")["response"]["status"] == "completed"


def asked(talk: Talk) -> str:
    """The id of the approval that `go` asks for."""
    talk.insert("go")
    events = talk.respond()
    item: Event = one(events, "response.output_item.done")["item"]
    assert list(item) == ["id", "server_label", "name", "type", "arguments"]
    assert (item["type"], item["arguments"]) == ("mcp_approval_request", '{"to":"Rome"}')
    item_id: str = item["id"]
    return item_id


def answer(talk: Talk, request_id: str, approve: bool) -> list[Event]:
    item = {
        "type": "mcp_approval_response",
        "id": f"a{len(talk.order())}",
        "approval_request_id": request_id,
        "approve": approve,
    }
    return talk.say("conversation.item.create", item=item)


ASKING = {name: value for name, value in MAPS.items() if name != "require_approval"}


def test_approval() -> None:
    """Asked for by default; approved, the call is made at once, in a response of its own."""
    talk = connected(ASKING)
    request_id = asked(talk)
    events = answer(talk, request_id, True)
    assert kinds(events) == ["conversation.item.added", "conversation.item.done", *CALL]
    assert one(events, "response.done")["response"]["output"][0]["approval_request_id"] == request_id
    assert kinds(answer(talk, request_id, True)) == ["conversation.item.added", "conversation.item.done"]


def test_approval_in_the_next_response() -> None:
    """The other way it may be."""
    talk = connected(ASKING, behaviour=Behaviour(mcp_approved="next_response"))
    assert kinds(answer(talk, asked(talk), True)) == ["conversation.item.added", "conversation.item.done"]
    assert kinds(talk.respond()) == CALL
    assert one(talk.respond(), "response.output_text.done")["text"] == "The tool answered: left"


def test_no_approval() -> None:
    """Refused: nothing is called."""
    talk = connected(ASKING)
    assert kinds(answer(talk, asked(talk), False)) == ["conversation.item.added", "conversation.item.done"]
    assert "response.mcp_call.in_progress" not in kinds(talk.respond())


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        ("always", True),
        (None, True),
        ("never", False),
        ({"never": {"tool_names": ["route"]}}, False),
        ({"never": {"tool_names": ["erase"]}}, True),
        ({"never": {"read_only": True}}, False),
        ({"never": {"read_only": False}}, True),
        ({"always": {"tool_names": ["route"]}}, True),
    ],
)
def test_who_is_asked(rule: object, asks: bool) -> None:
    """`require_approval`, as word and as filter."""
    talk = connected({**MAPS, "require_approval": rule})
    talk.insert("go")
    output = one(talk.respond(), "response.done")["response"]["output"][0]
    assert (output["type"] == "mcp_approval_request") is asks


def test_only_what_is_listed_can_be_called() -> None:
    """Not before the listing has come; the response fails and says so."""
    talk = Talk(scenario=SCRIPT, speed=1.0)
    talk.manual(output_modalities=["text"])
    talk.insert("go")
    talk.respond()
    done = one(talk.wait(5.0), "response.done")["response"]
    assert done["status"] == "failed"
    assert "'maps', whose tools are not listed" in done["status_details"]["error"]["message"]


@pytest.mark.parametrize(
    ("allowed", "named"),
    [(None, True), (["echo"], True), (["other"], False), ({"tool_names": ["echo"]}, True)],
)
def test_allowed_tools(allowed: object, named: bool) -> None:
    """By the default scenario: a tool a text names is called, if it is allowed."""
    talk = Talk()
    talk.manual(output_modalities=["text"])
    talk.say("session.update", session={"type": "realtime", "tools": [{**MAPS, "allowed_tools": allowed}]})
    talk.insert("echo text: plum")
    output = one(talk.respond(), "response.done")["response"]["output"][0]
    assert (output["type"] == "mcp_call") is named
    if named:
        assert (output["arguments"], output["output"]) == ('{"text":"plum"}', "plum")
    choice = {"type": "mcp", "server_label": "maps", "name": "echo"}
    output = one(talk.respond(tool_choice=choice), "response.done")["response"]["output"][0]
    assert (output["type"] == "mcp_call") is named


def test_a_call_that_is_cancelled() -> None:
    """What was begun is concluded."""
    talk = connected(MAPS, speed=1.0)
    talk.insert("go")
    talk.respond()
    events = talk.wait(0.7)
    assert kinds(events)[-1] == "response.mcp_call.in_progress"
    events = talk.say("response.cancel")
    assert kinds(events)[:4] == [
        "response.mcp_call.failed",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    talk.insert("go")
    talk.respond()
    talk.wait(0.51)
    assert kinds(talk.say("response.cancel"))[:2] == [
        "response.mcp_call_arguments.done",
        "conversation.item.done",
    ]


def test_a_secret_brings_its_servers() -> None:
    """A session that begins with tools lists them."""
    talk = Talk(scenario=SCRIPT, session={"type": "realtime", "tools": [MAPS]})
    talk.wait(1.0)
    assert [item["type"] for item in talk.session.items] == ["mcp_list_tools"]


def test_arguments_meet_the_token_limit() -> None:
    """Like everything the model says."""
    talk = connected(MAPS)
    talk.insert("go")
    events = talk.respond(max_output_tokens=1)
    assert one(events, "response.done")["response"]["status"] == "incomplete"
    assert "response.mcp_call.in_progress" not in kinds(events)
    assert McpCall("a", "b", {"c": 1}).json == '{"c":1}'

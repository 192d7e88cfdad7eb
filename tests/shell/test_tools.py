"""Functions the model calls: answered once each, then exactly one reply asked for."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

import realtime_raw as rt
from realtime_raw.errors import LocalProtocolError, SessionLost
from realtime_raw.loopback import Call, McpCall, McpServer, Reply, Say
from realtime_raw.protocol.signals import HandlerFailed, McpApprovalRequested, ProtocolWarning, ToolCallReady
from tests.shell.lines import SOON, held
from tests.shell.scripted import asked, scripted

SUNNY = Reply((Say("It is sunny."),))


def call(name: str = "weather", **arguments: Any) -> Call:
    return Call(name, arguments)


def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def outputs(conn: rt.RealtimeConnection) -> list[str | None]:
    return [item.output for item in conn.history if item.type == "function_call_output"]


async def test_a_call_is_answered_and_one_reply_follows() -> None:
    async with scripted(Reply((call(city="Bern"),)), SUNNY, tools=(weather,)) as (conn, server):
        final = await conn.respond(output="text", tool_rounds=1)
        assert "".join([piece async for piece in final.text()]) == "It is sunny."
        creates = [event.raw["response"] for event in server.received if event.type == "response.create"]
        assert [one["output_modalities"] for one in creates] == [["text"], ["text"]]
        assert outputs(conn) == ["sunny in Bern"]
        assert asked(server) == 2


async def test_parallel_calls_are_all_answered_before_one_reply() -> None:
    slow = asyncio.Event()

    async def second(n: int) -> int:
        """X."""
        slow.set()
        return n

    async def first(n: int) -> int:
        """X."""
        await slow.wait()
        return n

    script = Reply((call("first", n=1), call("second", n=2)))
    async with scripted(script, SUNNY, tools=(first, second)) as (conn, server):
        await conn.respond(output="text", tool_rounds=1)
        assert outputs(conn) == ["2", "1"], "each as soon as it is there"
        assert asked(server) == 2


async def test_a_spoken_preamble_belongs_to_the_same_response() -> None:
    script = Reply((Say("Let me look.", phase="commentary"), call(city="Bern")))
    async with scripted(script, SUNNY, tools=(weather,)) as (conn, server):
        await conn.respond(output="text", tool_rounds=1)
        kinds = [item.type for item in conn.history]
        assert kinds == ["message", "function_call", "function_call_output", "message"]
        assert asked(server) == 2


async def test_rounds_follow_one_another_up_to_the_limit() -> None:
    again = Reply((call(city="Bern"),))
    async with scripted(again, again, SUNNY, tools=(weather,)) as (conn, server):
        await conn.respond(output="text", tool_rounds=2)
        assert asked(server) == 3
    async with scripted(again, tools=(weather,)) as (conn, server):
        with pytest.raises(LocalProtocolError, match="more than 1 times"):
            await conn.respond(output="text", tool_rounds=1)


async def test_a_model_that_calls_for_ever_is_stopped() -> None:
    async with scripted(Reply((call(city="Bern"),)), tools=(weather,)) as (conn, server):
        waiting = conn.wait_for(ProtocolWarning, timeout=SOON, where=lambda w: w.rule == "tool_rounds")
        await conn.respond(output="text")
        await waiting
        assert asked(server) == 17


async def failing(city: str) -> str:
    """X."""
    raise ValueError(f"no \x1b[31m{city}")


async def endless(city: str) -> str:
    """X."""
    await asyncio.Event().wait()
    return ""


def unspeakable(city: str) -> object:
    """X."""
    return object()


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        (failing, {"city": "Bern"}, "ValueError: no [31mBern"),
        (failing, {"town": "Bern"}, "city: missing required parameter"),
        (unspeakable, {"city": "Bern"}, "returned a object"),
    ],
)
async def test_what_goes_wrong_the_model_can_read_and_the_user_can_see(
    tool: Any, arguments: dict[str, str], said: str
) -> None:
    async with scripted(Reply((Call(tool.__name__, arguments),)), SUNNY, tools=(tool,)) as (conn, _):
        seen: list[HandlerFailed] = []
        conn.on(HandlerFailed)(seen.append)
        await conn.respond(output="text", tool_rounds=1)
        [output] = outputs(conn)
        assert output is not None
        assert said in json.loads(output)["error"]
        assert [one.handler for one in seen] == [f"tool {tool.__name__}"]
        [use] = [use for turn in conn.turns for use in turn.tool_calls]
        assert use.error


async def test_a_tool_that_takes_too_long_is_given_up() -> None:
    async with scripted(Reply((call("endless", city="Bern"),)), SUNNY) as (conn, _):
        conn.tool(timeout=0.01)(endless)
        await conn.respond(output="text", tool_rounds=1)
        assert outputs(conn) == ['{"error":"no result within 0.01 s"}']


async def test_a_sync_tool_runs_beside_the_loop_not_in_it() -> None:
    threads: list[int] = []

    def where() -> int:
        """X."""
        threads.append(threading.get_ident())
        return 1

    async with scripted(Reply((call("where"),)), SUNNY, tools=(where,)) as (conn, _):
        await conn.respond(output="text", tool_rounds=1)
    assert threads != [threading.get_ident()]


@pytest.mark.parametrize(("policy", "output"), [("cancel", "cancelled"), ("finish", "done")])
async def test_an_interruption_ends_or_spares_a_running_tool_and_nothing_goes_on(
    policy: Any, output: str
) -> None:
    release = asyncio.Event()
    begun = asyncio.Event()

    async def slow() -> str:
        """X."""
        begun.set()
        await release.wait()
        return "done"

    async with scripted(Reply((call("slow"),)), SUNNY) as (conn, server):
        conn.tool(on_interrupt=policy)(slow)
        reply = await conn.respond(output="text")
        await reply.done()
        await asyncio.wait_for(begun.wait(), SOON)
        posted = conn.wait_for("conversation.item.added", timeout=SOON)
        await conn.interrupt()
        release.set()
        await posted
        [said] = outputs(conn)
        assert output in (said or "")
        await conn.insert("still there?")
        assert asked(server) == 1


async def test_a_tool_that_cancels_itself_is_answered_too() -> None:
    async def gives_up() -> str:
        """X."""
        raise asyncio.CancelledError

    async with scripted(Reply((call("gives_up"),)), SUNNY, tools=(gives_up,)) as (conn, server):
        async with asyncio.timeout(SOON):
            await conn.respond(output="text", tool_rounds=1)
        assert outputs(conn) == ['{"error":"the tool was cancelled"}']
        assert asked(server) == 2


async def test_a_tool_interrupted_before_its_first_step_is_answered_too() -> None:
    async with scripted(Reply((call("endless", city="Bern"),)), SUNNY) as (conn, server):
        conn.tool(on_interrupt="cancel")(endless)
        conn.on(ToolCallReady)(lambda _: conn._tools.interrupted())
        await (await conn.respond(output="text")).done()
        async with asyncio.timeout(SOON):
            await (await conn.respond(output="text")).done()
        assert outputs(conn) == ['{"error":"cancelled: the user interrupted"}']
        assert asked(server) == 2


async def test_a_reply_asked_for_meanwhile_is_the_one_that_follows() -> None:
    release = asyncio.Event()

    async def slow() -> str:
        """X."""
        await release.wait()
        return "done"

    async with scripted(Reply((call("slow"),)), SUNNY, tools=(slow,)) as (conn, server):
        await (await conn.respond(output="text")).done()
        with pytest.raises(LocalProtocolError, match="tools are running"):
            await conn.respond("raise", output="text")
        mine = asyncio.create_task(conn.respond(output="text", metadata={"mine": "yes"}))
        await asyncio.sleep(0)
        release.set()
        reply = await mine
        await reply.done()
        await conn.insert("anything else?")
        assert asked(server) == 2
        assert reply.record.metadata == {"mine": "yes"}
        order = [one for event in server.received if (one := event.type or "").endswith(".create")]
        assert order[:3] == ["response.create", "conversation.item.create", "response.create"]


async def test_giving_up_on_a_reply_meanwhile_leaves_the_one_that_would_have_followed() -> None:
    release = asyncio.Event()

    async def slow() -> str:
        """X."""
        await release.wait()
        return "done"

    async with scripted(Reply((call("slow"),)), SUNNY, tools=(slow,)) as (conn, server):
        await (await conn.respond(output="text")).done()
        mine = asyncio.create_task(conn.respond(output="text"))
        await asyncio.sleep(0)
        mine.cancel()
        with pytest.raises(asyncio.CancelledError):
            await mine
        finished = conn.wait_for("response.finished", timeout=SOON)
        release.set()
        await finished
        assert asked(server) == 2


async def test_by_hand_nothing_is_asked_for_unless_wanted() -> None:
    hand = rt.FunctionTool(name="weather", description="", parameters={"type": "object"})
    async with scripted(Reply((call(city="Bern"),)), SUNNY, tools=(hand,)) as (conn, server):
        coming = conn.wait_for(ToolCallReady, timeout=SOON)
        reply = await conn.respond(output="text")
        signal = await coming
        await reply.done()
        conn.answer_tool(signal.call, {"sky": "blue"})
        await conn.insert("x")
        assert outputs(conn) == ['{"sky":"blue"}']
        assert asked(server) == 1
        with pytest.raises(LocalProtocolError, match="has been answered"):
            conn.answer_tool(signal.call.call_id, "again")
        with pytest.raises(LocalProtocolError, match="no call 'nope'"):
            conn.answer_tool("nope", "x")


async def test_an_output_put_in_without_our_help_holds_nothing_up() -> None:
    hand = rt.FunctionTool(name="weather", description="", parameters={"type": "object"})
    async with scripted(Reply((call(city="Bern"),)), SUNNY, tools=(hand,)) as (conn, server):
        first = await conn.respond(output="text", tool_rounds=2)
        [made] = [one for one in conn.history if one.type == "function_call"]
        assert first.record.finished, "calls by hand end the rounds"
        await conn.insert(rt.events.NewFunctionCallOutput(call_id=made.call_id or "", output="blue"))
        async with asyncio.timeout(SOON):
            await (await conn.respond(output="text")).done()
        assert asked(server) == 2


async def test_calls_of_a_reply_beside_the_conversation_are_left_alone() -> None:
    async with scripted(Reply((call(city="Bern"),)), tools=(weather,)) as (conn, server):
        side = await conn.respond(output="text", conversation="none", input=["weather?"], tool_rounds=1)
        assert side.record.finished
        await conn.insert("x")
        assert outputs(conn) == []
        assert asked(server) == 1


async def test_by_hand_the_reply_can_be_asked_for_along_with_the_answer() -> None:
    hand = rt.FunctionTool(name="weather", description="", parameters={"type": "object"})
    async with scripted(Reply((call(city="Bern"),)), SUNNY, tools=(hand,)) as (conn, server):
        coming = conn.wait_for(ToolCallReady, timeout=SOON)
        await conn.respond(output="text")
        signal = await coming
        finished = conn.wait_for("response.finished", timeout=SOON, where=lambda s: s.record.item_ids)
        conn.answer_tool(signal.call, "blue", respond=True)
        await finished
        assert asked(server) == 2


async def test_a_tool_is_declared_in_the_session_at_once_and_once() -> None:
    async with scripted(SUNNY, tools=(weather,)) as (conn, _):

        @conn.tool
        def time_of_day(zone: str) -> str:
            """The time."""
            return "noon"

        await conn.patch(speed=1.0)
        assert conn.session.current is not None
        session = conn.session.current.to_wire()
        assert [tool["name"] for tool in session["tools"]] == ["weather", "time_of_day"]
        with pytest.raises(LocalProtocolError, match="already"):
            conn.tool(weather)


async def test_when_the_line_dies_nobody_waits_for_tools() -> None:
    async with held() as (conn, peer):
        conn.tool(endless)
        await peer.hear("session.update")
        asking = asyncio.create_task(conn.respond(tool_rounds=1))
        await peer.create("resp_1")
        arguments = {"name": "endless", "arguments": '{"city":"x"}'}
        call_item = {"type": "function_call", "id": "item_f", "call_id": "call_1", **arguments}
        ready = conn.wait_for("tool_batch.ready", timeout=SOON)
        await peer.done("resp_1", output=[call_item])
        await ready
        await peer.line.close(1011)
        with pytest.raises(SessionLost):
            await conn.wait_for("response.created", timeout=SOON)
        assert (await asking).id == "resp_1"


MCP = McpServer(tools=({"name": "search", "input_schema": {"type": "object"}},))


async def test_mcp_calls_are_approved_by_us_and_followed_by_one_reply() -> None:
    class Model:
        """Calls an MCP tool that needs approval, then says what it found."""

        def reply(self, turn: Any) -> Reply:
            found = [item for item in turn.items if item["type"] == "mcp_call"]
            return SUNNY if found else Reply((McpCall("docs", "search", {"q": "x"}, output="42"),))

        def transcript(self, heard: Any) -> str:
            return ""

        def mcp_server(self, label: str) -> McpServer:
            return MCP

    tool = rt.McpTool(server_label="docs", server_url="https://example.org/mcp")
    async with (
        rt.loopback.LoopbackServer(scenario=Model(), speed=float("inf")) as server,
        rt.connect(server.url, tools=[tool]) as conn,
    ):
        requests: list[McpApprovalRequested] = []
        conn.on(McpApprovalRequested)(requests.append)
        await (await conn.respond(output="text")).done()
        [request] = requests
        assert request.tool == "search"
        spoken = conn.wait_for("response.output_text.done", timeout=SOON)
        await conn.approve(request, True, "go on")
        assert (await spoken).text == "It is sunny."
        assert asked(server) == 2

"""Scripts for clients: what fits passes unseen, what does not is told in full, nobody waits for ever."""

# ruff: noqa: PT012, SIM117 - what is raised is raised by a block, and its end is the point

from __future__ import annotations

import asyncio
import json
import math
import time
from unittest.mock import ANY

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_sync

from realtime_raw.events import InputAudioBufferCleared
from realtime_raw.loopback.expect import ExpectationFailed, Expected
from realtime_raw.loopback.server import LoopbackServer
from realtime_raw.loopback.speech import murmur_speaker
from tests.loopback.driver import b64, tone, user_text
from tests.loopback.test_server import client, hear, quick, say


def fits(step: Expected, message: dict[str, object]) -> bool:
    return not step.differences(message)


async def test_a_script_that_is_followed() -> None:
    """Types, fields that matter, repeats; the session answers as always."""
    async with quick() as server, client(server) as connection:
        async with server.expect(
            Expected("session.update", {"session": {"type": "realtime"}}),
            Expected("input_audio_buffer.append", repeats=True),
            "input_audio_buffer.commit",
            Expected("conversation.item.create", {"item": {"content": [{"text": "And this?"}]}}),
            "response.create",
        ) as script:
            off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
            await say(connection, "session.update", session=off)
            for _ in range(3):
                await say(connection, "input_audio_buffer.append", audio=b64(tone(0.1)))
            await say(connection, "input_audio_buffer.commit")
            await say(connection, "conversation.item.create", item=user_text("And this?"))
            assert not script.complete
            await say(connection, "response.create", response={"output_modalities": ["text"]})
            heard = await hear(connection, "response.done")
            assert heard[-1]["response"]["output"][0]["content"][0]["text"] == "You said: And this?"
        assert script.complete


async def test_the_first_message_that_does_not_fit() -> None:
    """An error says so, the line is closed, and the block fails with the whole script."""
    async with quick() as server, client(server) as connection:
        with pytest.raises(ExpectationFailed) as failed:
            async with server.expect(
                "session.update",
                Expected("input_audio_buffer.append", repeats=True),
                Expected("response.create", {"response": {"output_modalities": ["text"], "metadata": ANY}}),
                "response.cancel",
            ):
                await say(connection, "session.update", session={"type": "realtime"})
                await say(connection, "input_audio_buffer.append", audio=b64(tone(0.1)))
                await say(connection, "input_audio_buffer.append", audio=b64(tone(0.1)))
                await say(connection, "response.create", response={"output_modalities": ["audio"]})
                error = (await hear(connection, "error"))[-1]["error"]
                assert error["code"] == "unexpected_event"
                await hear(connection, "never")
        assert str(failed.value).splitlines() == [
            "the client did not follow the script: 2 of 4 steps were seen",
            "  ok      1. session.update",
            "  ok      2. input_audio_buffer.append (2 times)",
            "  WRONG   3. response.create",
            '            response.output_modalities[0]: expected "text", got "audio"',
            "            response.metadata: expected <ANY>, but it is absent",
            '            received: {"type":"response.create","response":{"output_modalities":["audio"]}}',
            "  missing 4. response.cancel",
        ]
        assert isinstance(failed.value.__cause__, ConnectionClosed)  # how the client took it
        assert failed.value.__cause__.rcvd is not None
        assert failed.value.__cause__.rcvd.code == 1008
        assert error["message"] == str(failed.value)


async def test_another_type() -> None:
    """Both names are told, and a long message is cut."""
    async with quick() as server, client(server) as connection:
        with pytest.raises(ExpectationFailed, match=r'type: expected "response\.create", got "input_audio'):
            async with server.expect("response.create"):
                await say(connection, "input_audio_buffer.append", audio=b64(tone(1.0)))
                await connection.wait_closed()
        (session,) = server.sessions
        assert len(session.sent[-1]["error"]["message"]) < 500


async def test_one_too_many() -> None:
    """After the last step nothing more may come; garbage counts."""
    async with quick() as server:
        for extra in ('{"type":"response.create"}', "garbage", b"\x00"):
            async with client(server) as connection:
                with pytest.raises(
                    ExpectationFailed, match=r"WRONG   after the last step\n +expected nothing more"
                ):
                    async with server.expect("input_audio_buffer.clear"):
                        await say(connection, "input_audio_buffer.clear")
                        await connection.send(extra)
                        await connection.wait_closed()


async def test_steps_that_never_come() -> None:
    """Waited for a while, then told; not waited for once the client has left."""
    async with quick() as server:
        with pytest.raises(ExpectationFailed, match=r"0 of 1 .*\n  missing 1\. response\.create"):
            async with server.expect("response.create", timeout=0.05):
                pass
        started = time.perf_counter()
        with pytest.raises(ExpectationFailed, match=r"1 of 2"):
            async with server.expect("input_audio_buffer.clear", "response.create", timeout=30.0):
                async with client(server) as connection:
                    await say(connection, "input_audio_buffer.clear")
                    await hear(connection, "input_audio_buffer.cleared")
        assert time.perf_counter() - started < 10


async def test_a_step_on_its_way_is_waited_for() -> None:
    """The block may end as soon as the client has sent its last."""
    async with quick() as server, client(server) as connection, server.expect("input_audio_buffer.clear"):
        await say(connection, "input_audio_buffer.clear")


async def test_answers_take_the_sessions_place() -> None:
    """As given or made from the message; typed or plain; event ids are added, the session sees nothing."""

    def refuse(message: dict[str, object]) -> list[dict[str, object]]:
        error = {"type": "server_error", "message": "no", "code": None, "param": None}
        return [{"type": "error", "error": {**error, "event_id": message["event_id"]}}]

    cleared = InputAudioBufferCleared(event_id="event_mine")
    async with quick() as server, client(server) as connection:
        async with server.expect(
            Expected("response.create", answers=refuse),
            Expected("response.create", answers=[]),
            Expected("input_audio_buffer.commit", answers=[cleared, {"type": "made.up", "n": 1}]),
            "conversation.item.create",
        ):
            await hear(connection, "session.created")
            await say(connection, "response.create", event_id="mine")
            (error,) = await hear(connection, "error")
            assert error["error"]["event_id"] == "mine"
            assert list(error)[:2] == ["type", "event_id"]
            await say(connection, "response.create")
            await say(connection, "input_audio_buffer.commit")
            heard = await hear(connection, "made.up")
            assert [(e["type"], e.get("n")) for e in heard] == [
                ("input_audio_buffer.cleared", None),
                ("made.up", 1),
            ]
            assert heard[0]["event_id"] == "event_mine"
            await say(connection, "conversation.item.create", item=user_text("Hello"))
            await hear(connection, "conversation.item.done")
        (session,) = server.sessions
        assert session.active_response_id is None
        assert [event["type"] for event in session.received][:3] == [
            "response.create",
            "response.create",
            "input_audio_buffer.commit",
        ]
        assert server.sent[-3].type == "made.up"


async def test_what_may_come_at_any_time() -> None:
    """Types that are no part of the script."""
    async with quick() as server, client(server) as connection:
        async with server.expect("input_audio_buffer.clear", ignore=["session.update"]):
            await say(connection, "session.update", session={"type": "realtime"})
            await say(connection, "input_audio_buffer.clear")
            await say(connection, "session.update", session={"type": "realtime"})
            await hear(connection, "session.updated")


async def test_two_scripts_two_clients() -> None:
    """Each takes the first that is free, when it first says something."""
    async with quick() as server, client(server) as silent, client(server) as one, client(server) as two:
        async with server.expect("input_audio_buffer.clear"), server.expect("response.cancel"):
            await say(one, "input_audio_buffer.clear")
            await hear(one, "input_audio_buffer.cleared")
            await say(two, "response.cancel")
            await hear(two, "error")
        await say(silent, "response.cancel")  # no script is left for it
        assert (await hear(silent, "error"))[-1]["error"]["code"] == "response_cancel_not_active"


async def test_a_script_that_nobody_looks_at() -> None:
    """Fails where the server ends; one that was looked at does not fail twice."""
    with pytest.raises(ExpectationFailed, match="missing 1"):
        async with quick() as server:
            server.expect("response.create")
    async with quick() as server:
        with pytest.raises(ExpectationFailed):
            server.expect("response.create").check()
    with pytest.raises(ZeroDivisionError):  # what went wrong first is what is told
        async with quick() as server:
            server.expect("response.create")
            raise ZeroDivisionError


async def test_the_blocks_own_error_comes_first() -> None:
    """What was missing is a note on it."""
    async with quick() as server:
        with pytest.raises(KeyError) as raised:
            async with server.expect("response.create"):
                raise KeyError("mine")
        assert "missing 1. response.create" in raised.value.__notes__[0]
        with pytest.raises(asyncio.CancelledError):
            async with server.expect("response.create"):
                raise asyncio.CancelledError
        with pytest.raises(KeyError) as raised:
            async with server.expect():
                raise KeyError("mine")
        assert not hasattr(raised.value, "__notes__")


async def test_an_empty_script() -> None:
    """Is followed by saying nothing."""
    async with quick() as server, server.expect() as script:
        assert script.complete


async def test_with_needs_a_server_elsewhere() -> None:
    """Waiting here would keep the server from going on."""
    async with quick() as server:
        script = server.expect()
        with pytest.raises(RuntimeError, match="use `async with`"), script:
            pass


def test_scripts_without_a_loop() -> None:
    """`with`, for a server in a thread; the failure names what came."""
    with LoopbackServer(speed=math.inf, speaker=murmur_speaker()) as server:
        url = server.url + "?model=gpt-realtime"
        with server.expect("input_audio_buffer.clear"), connect_sync(url) as connection:
            connection.send('{"type":"input_audio_buffer.clear"}')
        with pytest.raises(ExpectationFailed, match="got null"):
            with server.expect("response.create"), connect_sync(url) as connection:
                connection.send("{}")
                with pytest.raises(ConnectionClosed):
                    while True:
                        connection.recv()


async def test_a_script_is_not_followed_by_a_plain_connection_that_says_nothing() -> None:
    """It stays free for the next."""
    async with quick() as server:
        script = server.expect("input_audio_buffer.clear")
        async with connect(server.url + "?model=gpt-realtime") as connection:
            await connection.recv()
        assert not script.complete
        async with connect(server.url + "?model=gpt-realtime") as connection:
            await connection.send(json.dumps({"type": "input_audio_buffer.clear"}))
            await hear(connection, "input_audio_buffer.cleared")
        assert script.complete


def test_what_fits() -> None:
    """Objects by the keys named, lists whole, values by `==`, but true is no 1."""
    message = {"type": "a", "n": 1, "flag": True, "list": [{"x": 1, "y": 2}, 3], "none": None}
    right: tuple[dict[str, object], ...] = (
        {},
        {"n": 1},
        {"n": ANY, "flag": ANY},
        {"flag": True},
        {"list": [{"x": 1}, 3]},
        {"none": None},
    )
    for expected in right:
        assert fits(Expected("a", expected), message), expected
    wrong: tuple[tuple[dict[str, object], str], ...] = (
        ({"n": True}, "n: expected true, got 1"),
        ({"flag": 1}, "flag: expected 1, got true"),
        ({"list": [{"x": 1}]}, 'list: expected [{"x":1}], got [{"x":1,"y":2},3]'),
        ({"list": [{"z": 1}, 3]}, "list[0].z: expected 1, but it is absent"),
        ({"none": {}}, "none: expected {}, got null"),
        ({"n": {1}}, "n: expected {1}, got 1"),
    )
    for expected, told in wrong:
        assert Expected("a", expected).differences(message) == [told]

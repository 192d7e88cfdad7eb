"""The verbs: what each sends, what it waits for, what it returns, and how it fails."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from realtime_raw import events as ev
from realtime_raw.aio.connection import RealtimeConnection
from realtime_raw.errors import (
    AudioError,
    CommandTimeout,
    InvalidCommand,
    LocalProtocolError,
    ServerRefused,
    SessionLost,
    TurnTooShort,
)
from realtime_raw.events import items
from realtime_raw.protocol import signals
from realtime_raw.protocol.patch import SessionPatch
from tests.protocol.harness import session as session_object
from tests.shell.lines import SOON, Peer, held, item

MANUAL: dict[str, Any] = {"audio__input__turn_detection": None}
TENTH = np.zeros(2400, np.int16)


async def both(one: Awaitable[Any], two: Awaitable[Any]) -> Any:
    """A verb and its server side by side; returns what the verb returned."""
    async with asyncio.timeout(SOON):
        result, _ = await asyncio.gather(one, two)
    return result


async def test_patch() -> None:
    """Only what is named goes out; the server's word comes back."""
    async with held() as (conn, peer):

        async def server() -> None:
            heard = await peer.hear("session.update")
            assert heard["session"] == {
                "type": "realtime",
                "instructions": "Be brief.",
                "audio": {"output": {"voice": "cedar"}},
            }
            await peer.say("session.updated", session=session_object(**MANUAL, instructions="Be brief."))

        patch = SessionPatch(instructions="Be long.", voice="cedar")
        updated = await both(conn.patch(patch, instructions="Be brief."), server())
        assert updated.session.instructions == "Be brief."
        assert conn.session.current is updated.session


async def test_append_and_commit() -> None:
    """Arrays and bytes, in order; the committed item comes back."""
    async with held() as (conn, peer):

        async def server() -> None:
            sound = b""
            while (heard := await peer.hear())["type"] == "input_audio_buffer.append":
                sound += base64.b64decode(heard["audio"])
            assert heard["type"] == "input_audio_buffer.commit"
            assert sound == b"\x01\x00" * 2400 + b"\xff\x7f" * 2400
            await peer.say("input_audio_buffer.committed", item_id="item_u", previous_item_id=None)

        async def talk() -> Any:
            await conn.append(np.full(2400, 1, np.int16))
            # A stream of bytes may be cut inside a sample.
            await conn.append(b"\xff")
            await conn.append(bytearray(b"\x7f\xff"))
            await conn.append(memoryview(b"\x7f" + b"\xff\x7f" * 2398))
            return await conn.commit()

        assert (await both(talk(), server())).id == "item_u"


async def test_float_audio() -> None:
    """1.0 is full scale."""
    async with held() as (conn, peer):
        await conn.append(np.array([1.0, -1.0, 0.0], np.float32))
        heard = await peer.hear("input_audio_buffer.append")
        assert base64.b64decode(heard["audio"]) == b"\xff\x7f\x00\x80\x00\x00"


@pytest.mark.parametrize(("format_", "silence"), [("audio/pcmu", b"\xff"), ("audio/pcma", b"\xd5")])
async def test_arrays_for_a_telephone(format_: str, silence: bytes) -> None:
    """Samples are companded to the session's input format; bytes are taken as they are."""
    async with held() as (conn, peer):
        shown = session_object(**MANUAL, audio__input__format={"type": format_})
        await peer.say("session.updated", session=shown)
        await conn.wait_for(ev.SessionUpdated, SOON)
        await conn.append(np.zeros(3, np.int16))
        assert base64.b64decode((await peer.hear())["audio"]) == silence * 3
        await conn.append(b"abc")
        assert base64.b64decode((await peer.hear())["audio"]) == b"abc"


@pytest.mark.parametrize(
    "audio", [np.zeros((2, 2), np.int16), np.zeros(4, np.int32), np.array([np.nan], np.float32), "text", None]
)
async def test_wrong_audio(audio: Any) -> None:
    """Refused on the caller's line, and nothing of it is sent."""
    async with held() as (conn, peer):
        with pytest.raises(AudioError):
            await conn.append(audio)
        await conn.send_raw(b"{}")
        assert await peer.hear_raw() == b"{}"


async def test_a_turn_too_short() -> None:
    """Nothing is sent, the audio stays, and the milliseconds are told."""
    async with held() as (conn, peer):
        await conn.append(TENTH[:2399])
        with pytest.raises(TurnTooShort) as caught:
            await conn.commit()
        assert caught.value.ms == pytest.approx(2399 / 24)
        await peer.hear("input_audio_buffer.append")
        await conn.append(TENTH[:1])
        await peer.hear("input_audio_buffer.append")
        await both(conn.commit(), committed(peer, "item_u"))


async def committed(peer: Peer, item_id: str | None) -> None:
    await peer.hear("input_audio_buffer.commit")
    await peer.say("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)


async def test_a_commit_without_an_item() -> None:
    """A server that names none: the youngest user item is it, and without one that is a refusal."""
    async with held() as (conn, peer):
        await conn.append(TENTH)
        await peer.hear()
        with pytest.raises(ServerRefused, match="named no item"):
            await both(conn.commit(), committed(peer, None))
        await peer.say("conversation.item.added", previous_item_id=None, item=item("item_u"))
        await conn.wait_for(ev.ConversationItemAdded, SOON)
        await conn.append(TENTH)
        await peer.hear()
        assert (await both(conn.commit(), committed(peer, None))).id == "item_u"


async def test_clear() -> None:
    """Answered, and the count of milliseconds starts again."""
    async with held() as (conn, peer):
        await conn.append(TENTH)
        await peer.hear()

        async def server() -> None:
            await peer.hear("input_audio_buffer.clear")
            await peer.say("input_audio_buffer.cleared")

        assert isinstance(await both(conn.clear(), server()), ev.InputAudioBufferCleared)
        with pytest.raises(TurnTooShort):
            await conn.commit()


async def test_respond_with_everything() -> None:
    """Options land where the wire has them; what is not named is not sent."""
    async with held() as (conn, peer):
        reply = await both(
            conn.respond(
                instructions="i",
                output="text",
                conversation="none",
                input=[items.ref("item_1"), "Was that a question?", items.system("s")],
                metadata={"a": "b"},
                voice="marin",
                tools=[ev.FunctionTool(name="f")],
                tool_choice="none",
                max_output_tokens="inf",
            ),
            peer.create(),
        )
        assert reply.id == "resp_1"
        assert reply.record.out_of_band
        await peer.done()
        await reply.done()


async def test_respond_bare() -> None:
    """No options, no overrides: only our tag, which finds the response again."""
    async with held() as (conn, peer):
        heard: list[dict[str, Any]] = []

        async def server() -> None:
            heard.append(await peer.create())

        await both(conn.respond(), server())
        assert list(heard[0]["response"]) == ["metadata"]


async def test_respond_waits_for_the_active_reply() -> None:
    """The create is held until the response before it is done."""
    async with held() as (conn, peer):
        await both(conn.respond(), peer.create("resp_1"))
        second = asyncio.create_task(conn.respond())
        with pytest.raises(LocalProtocolError, match="resp_1 is generating"):
            await conn.respond(if_busy="raise")
        await peer.done("resp_1")
        await peer.create("resp_2")
        assert (await second).id == "resp_2"


async def test_respond_cancels_the_active_reply() -> None:
    """By id, and the new create follows its end."""
    async with held() as (conn, peer):
        await both(conn.respond(), peer.create("resp_1"))
        second = asyncio.create_task(conn.respond(if_busy="cancel"))
        assert (await peer.hear("response.cancel"))["response_id"] == "resp_1"
        await peer.done("resp_1", "cancelled")
        await peer.create("resp_2")
        assert (await second).id == "resp_2"


async def test_a_held_respond_can_be_cancelled() -> None:
    """Nothing is sent for it, and the next one takes its place."""
    async with held() as (conn, peer):
        await both(conn.respond(), peer.create("resp_1"))
        doomed = asyncio.create_task(conn.respond(instructions="never"))
        await asyncio.sleep(0)
        assert [len(conn.protocol.responses.held)] == [1]
        doomed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doomed
        assert [len(conn.protocol.responses.held)] == [0]
        await peer.done("resp_1")
        reply = await both(conn.respond(), peer.create("resp_2"))
        assert reply.id == "resp_2"


async def test_cancel() -> None:
    """The active reply, or one by id; what it became comes back. Nothing to cancel sends nothing."""
    async with held() as (conn, peer):
        assert await conn.cancel() is None
        await both(conn.respond(), peer.create("resp_1"))

        async def server() -> None:
            assert (await peer.hear("response.cancel"))["response_id"] == "resp_1"
            await peer.done("resp_1", "cancelled")

        response = await both(conn.cancel(), server())
        assert response.status == "cancelled"

        async def race() -> None:
            heard = await peer.hear("response.cancel")
            await peer.error("response_cancel_not_active", event_id=heard["event_id"])

        assert await both(conn.cancel("resp_1"), race()) is None


async def test_two_cancels_of_one_reply_are_one() -> None:
    """One message goes out, both callers learn how it ended, and one that gives up disturbs nobody."""
    async with held() as (conn, peer):
        await both(conn.respond(), peer.create("resp_1"))
        cancels = [asyncio.create_task(conn.cancel()) for _ in range(3)]
        await peer.hear("response.cancel")
        cancels.pop().cancel()
        await peer.done("resp_1", "cancelled")
        async with asyncio.timeout(SOON):
            first, second = await asyncio.gather(*cancels)
        assert first is second
        assert first is not None
        await conn.send_raw({"type": "vendor.next"})
        await peer.hear("vendor.next")


async def test_interrupt() -> None:
    """Cancels at once, does not wait for the server, and says what it did."""
    async with held() as (conn, peer):
        assert (await conn.interrupt()).response_id is None
        await both(conn.respond(), peer.create("resp_1"))
        message = item("item_a", "assistant", status="in_progress")
        await peer.say("conversation.item.added", previous_item_id=None, item=message)
        await peer.say("response.output_item.added", response_id="resp_1", output_index=0, item=message)
        audio = base64.b64encode(bytes(48 * 500)).decode()
        delta = conn.wait_for(signals.AudioReceived, SOON)
        await peer.say(
            "response.output_audio.delta",
            response_id="resp_1",
            item_id="item_a",
            output_index=0,
            content_index=0,
            delta=audio,
        )
        await delta
        done = await conn.interrupt(heard_ms=120)
        assert [(one.item_id, one.heard_ms, one.action) for one in done.items] == [
            ("item_a", 120, "truncate")
        ]
        assert (await peer.hear("response.cancel"))["response_id"] == "resp_1"
        assert (await peer.hear("conversation.item.truncate"))["audio_end_ms"] == 120


async def inserted(peer: Peer, previous: str | None, **expected: Any) -> None:
    heard = await peer.hear("conversation.item.create")
    for name, value in expected.items():
        assert heard["item"][name] == value
    await peer.say("conversation.item.added", previous_item_id=previous, item=heard["item"])
    await peer.say("conversation.item.done", previous_item_id=previous, item=heard["item"])


async def test_insert() -> None:
    """Text in a role, a whole item, with an id of ours, at a place of ours; no reply is asked for."""
    async with held() as (conn, peer):
        text = [{"type": "input_text", "text": "one"}]
        one = await both(conn.insert("one"), inserted(peer, None, role="user", content=text))
        assert (one.text, one.role) == ("one", "user")
        spoken = [{"type": "output_text", "text": "two"}]
        two = await both(
            conn.insert("two", role="assistant"), inserted(peer, one.id, role="assistant", content=spoken)
        )
        system = await both(
            conn.insert("zero", role="system", after="root", item_id="item_mine"),
            inserted(peer, None, role="system", id="item_mine"),
        )
        item_ = items.NewFunctionCallOutput(call_id="call_1", output="{}")
        output = await both(conn.insert(item_, item_id="item_out"), inserted(peer, two.id, id="item_out"))
        assert [one.id for one in conn.history] == [system.id, one.id, two.id, output.id]
        assert output.type == "function_call_output"


async def test_insert_checks_the_place() -> None:
    """A server that puts an item elsewhere is not believed silently."""
    async with held() as (conn, peer):
        one = await both(conn.insert("one"), inserted(peer, None))
        two = await both(conn.insert("two"), inserted(peer, one.id))
        async with conn.events(signals.ProtocolWarning) as warnings:
            await both(conn.insert("x", after=one.id), inserted(peer, one.id))
            await both(conn.insert("y", after=one.id), inserted(peer, two.id))
            await both(conn.insert("z", after=one.id), inserted(peer, None))
            await both(conn.insert("r", after="root"), inserted(peer, two.id))
            found = [await anext(warnings), await anext(warnings), await anext(warnings)]
        assert [one.rule for one in found] == ["misplaced_item"] * 3
        assert f"behind {two.id}" in found[0].detail
        assert "put at the head" in found[1].detail
        assert "stand at the head" in found[2].detail


async def test_insert_refuses_what_the_wire_would() -> None:
    """On the caller's line."""
    async with held() as (conn, _):
        with pytest.raises(LocalProtocolError, match="no role 'robot'"):
            await conn.insert("x", role="robot")  # type: ignore[arg-type]  # the point
        with pytest.raises(InvalidCommand, match="id"):
            await conn.insert("x", item_id="i" * 33)


async def test_retrieve_truncate_delete() -> None:
    """Each returns its confirmation; harmless races are None."""
    async with held() as (conn, peer):
        await both(conn.insert("x", item_id="item_x"), inserted(peer, None))

        async def server() -> None:
            await peer.hear("conversation.item.retrieve")
            await peer.say("conversation.item.retrieved", item=item("item_x"))
            await peer.hear("conversation.item.truncate")
            await peer.say("conversation.item.truncated", item_id="item_x", content_index=0, audio_end_ms=5)
            heard = await peer.hear("conversation.item.truncate")
            await peer.error("item_truncate_invalid_item_id", event_id=heard["event_id"])
            await peer.hear("conversation.item.delete")
            await peer.say("conversation.item.deleted", item_id="item_x")

        async def client() -> None:
            retrieved = await conn.retrieve("item_x")
            assert retrieved.item is not None
            truncated = await conn.truncate("item_x", 5)
            assert truncated is not None
            assert truncated.audio_end_ms == 5
            assert await conn.truncate("item_x", 5) is None
            assert (await conn.delete("item_x")) is not None

        await both(client(), server())
        assert list(conn.history) == []


async def test_a_deletion_that_came_too_late() -> None:
    """Deleting what was there and is gone is no failure; deleting what never was, is."""
    async with held() as (conn, peer):
        await both(conn.insert("x", item_id="item_x"), inserted(peer, None))

        async def gone() -> None:
            heard = await peer.hear("conversation.item.delete")
            await peer.error("item_delete_invalid_item_id", event_id=heard["event_id"])

        assert await both(conn.delete("item_x"), gone()) is None
        with pytest.raises(ServerRefused) as caught:
            await both(conn.delete("item_never"), gone())
        assert caught.value.error.code == "item_delete_invalid_item_id"


async def test_refused() -> None:
    """The server's words, joined to the command; the session goes on."""
    async with held() as (conn, peer):

        async def server() -> None:
            heard = await peer.hear("session.update")
            await peer.error("invalid_value", "No such voice.", heard["event_id"])

        with pytest.raises(
            ServerRefused, match=r"session.update was refused: invalid_value: No such voice\."
        ):
            await both(conn.patch(voice="nobody"), server())
        await both(conn.insert("x"), inserted(peer, None))


async def test_timed_out() -> None:
    """No answer is an answer after a while."""
    async with held(command_timeout=0.05) as (conn, _):
        with pytest.raises(CommandTimeout) as caught:
            await conn.insert("x")
        assert caught.value.command == "conversation.item.create"


async def test_send_returns_the_id_under_which_its_fate_comes() -> None:
    """And waits for no answer."""
    async with held() as (conn, peer):
        fates = conn.events(signals.CommandConfirmed)
        event_id = await conn.send(ev.ConversationItemCreate(item=items.user("x")))
        await inserted(peer, None)
        fate = await anext(fates)
        assert (fate.event_id, fate.command) == (event_id, "conversation.item.create")


async def test_request_returns_what_confirms() -> None:
    """For any event that something confirms; an append is not one."""
    async with held() as (conn, peer):
        event = await both(
            conn.request(ev.ConversationItemCreate(item=items.user("x"))), inserted(peer, None)
        )
        assert isinstance(event, ev.ConversationItemAdded)
        with pytest.raises(LocalProtocolError, match=r"no event confirms input_audio_buffer\.append"):
            await conn.request(ev.InputAudioBufferAppend(audio="AAAA"))


async def test_send_raw() -> None:
    """A dict, or bytes as they are, valid or not."""
    async with held() as (conn, peer):
        await conn.send_raw({"type": "vendor.ping", "n": 1})
        await conn.send_raw(b"not json \xf0\x9f\x98\x80")
        assert await peer.hear() == {"type": "vendor.ping", "n": 1}
        assert await peer.hear_raw() == "not json 😀".encode()


@pytest.mark.parametrize("confirmed_", [True, False])
async def test_cancelled_in_the_moment_of_its_answer(confirmed_: bool) -> None:
    """Nobody waits for it any more, and nobody is disturbed."""
    async with held() as (conn, peer):
        task = asyncio.create_task(conn.clear())
        heard = await peer.hear("input_audio_buffer.clear")
        if confirmed_:
            await peer.say("input_audio_buffer.cleared")
        else:
            await peer.error("whatever", event_id=heard["event_id"])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(conn.protocol.commands) == 0
        await both(conn.insert("x"), inserted(peer, None))


Verb = Callable[[RealtimeConnection], Awaitable[object]]
VERBS: dict[str, Verb] = {
    "patch": lambda conn: conn.patch(instructions="x"),
    "commit": lambda conn: conn.commit(),
    "clear": lambda conn: conn.clear(),
    "respond": lambda conn: conn.respond(),
    "insert": lambda conn: conn.insert("x"),
    "retrieve": lambda conn: conn.retrieve("item_1"),
    "truncate": lambda conn: conn.truncate("item_1", 5),
    "delete": lambda conn: conn.delete("item_1"),
    "cancel": lambda conn: conn.cancel("resp_1"),
    "request": lambda conn: conn.request(ev.InputAudioBufferClear()),
}


@pytest.mark.parametrize("name", VERBS)
async def test_cancelling_a_verb_leaves_its_command_in_flight(name: str) -> None:
    """It was sent once, its fate is still reported, and nothing waits for it any more."""
    async with held() as (conn, peer):
        await conn.append(TENTH)
        await peer.hear()
        task = asyncio.ensure_future(VERBS[name](conn))
        heard = await peer.hear()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(conn.protocol.commands) == 1
        fate = conn.wait_for(signals.CommandRefused, SOON)
        await peer.error("whatever", event_id=heard["event_id"])
        assert (await fate).event_id == heard["event_id"]


@pytest.mark.parametrize("name", VERBS)
async def test_a_lost_line_ends_every_verb(name: str) -> None:
    """With how it was lost, and what was unanswered; later verbs fail at once."""
    async with held() as (conn, peer):
        await conn.append(TENTH)
        await peer.hear()
        task = asyncio.ensure_future(VERBS[name](conn))
        heard = await peer.hear()
        await peer.line.close(1001, "going away")
        with pytest.raises(SessionLost) as caught:
            await task
        assert caught.value.close.code == 1001
        assert not caught.value.expected
        assert caught.value.in_flight == (heard["type"],)
        with pytest.raises(SessionLost):
            await VERBS[name](conn)
        assert conn.closed is not None


async def test_after_our_own_close_the_loss_is_expected() -> None:
    """And closing again, or leaving, is no fault."""
    async with held() as (conn, _):
        await conn.close()
        await conn.close()
        with pytest.raises(SessionLost) as caught:
            await conn.insert("x")
        assert caught.value.expected
        assert "closed" in repr(conn)


async def test_health() -> None:
    """One look at every counter, as plain data too."""
    async with held() as (conn, peer):
        await both(conn.insert("x"), inserted(peer, None))
        health = conn.health()
        assert health.connected
        assert health.pending_commands == 0
        assert health.core["sent"] == 2
        assert health.player is None
        assert health.events == {"queued": 0, "high_water": 0, "dropped": 0}
        assert conn.player.rate == 24000
        assert conn.player is conn.player
        player = conn.health().to_dict()["player"]
        assert player["queued"] == 0
        assert "open" in repr(conn)
    assert not conn.health().connected


async def test_explain() -> None:
    """The rules, asked about this session, now."""
    async with held() as (conn, peer):
        await conn.append(TENTH)
        await peer.hear()
        await both(conn.commit(), committed(peer, "item_u"))
        findings = conn.explain()
        assert all(str(finding) for finding in findings)
        assert peer.line.close_info is None


async def test_what_the_server_says_reaches_no_terminal() -> None:
    """Escape sequences and keys in an error are gone from the sentence."""
    async with held() as (conn, peer):

        async def server() -> None:
            heard = await peer.hear()
            await peer.error("x\x1b[2J", "sk-abcdefgh \x1b]0;owned\x07", heard["event_id"])

        with pytest.raises(ServerRefused) as caught:
            await both(conn.insert("x"), server())
        assert "\x1b" not in str(caught.value)
        assert "sk-abc" not in str(caught.value)

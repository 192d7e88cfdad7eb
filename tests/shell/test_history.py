"""Proof and edits of the history, against a server that may work behind our back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import realtime_raw as rt
from realtime_raw.errors import CommandTimeout, LocalProtocolError, ServerRefused, SessionLost
from realtime_raw.loopback import LoopbackServer, Reply, Say
from tests.shell.lines import SOON, held, item
from tests.shell.scripted import asked, scripted

HELLO = Reply((Say("Hello."),))


async def talked(conn: rt.RealtimeConnection) -> None:
    """A question, an answer, and a word put in."""
    await conn.insert("Who are you?", item_id="q")
    await (await conn.respond(output="text")).done()
    await conn.insert("The user is a doctor.", role="system", after="root", item_id="fact")


def ids(server: LoopbackServer) -> list[str]:
    return [one["id"] for one in server.sessions[-1].items]


async def test_a_true_record_is_proven() -> None:
    async with scripted(HELLO) as (conn, server):
        await talked(conn)
        before = asked(server)
        report = await conn.history.verify(concurrency=2)
        assert report.ok, str(report)
        assert [one.id for one in conn.history] == ids(server)
        assert asked(server) == before, "proving asks for no reply"


async def test_what_happened_behind_our_back_is_named() -> None:
    async with held() as (conn, peer):
        added = conn.wait_for("conversation.item.added", timeout=SOON)
        await peer.say("conversation.item.added", previous_item_id=None, item=item("q"))
        await added
        proving = asyncio.create_task(conn.history.verify())
        sent = await peer.hear("conversation.item.retrieve")
        await peer.error("item_retrieve_invalid_item_id", "no 'q'", sent["event_id"])
        report = await proving
        assert not report.ok
        assert [(one.kind, one.item_id) for one in report.differences] == [("missing", "q")]
        assert "q" in str(report)


async def test_the_items_with_their_audio_go_to_whoever_wants_them() -> None:
    async with scripted(HELLO) as (conn, _):
        await conn.append(bytes(9600))
        await conn.commit()
        seen: list[Any] = []
        await conn.history.verify(on_item=seen.append)
        assert seen[0].content[0].audio
        assert conn.history.items()[0].audio_ms == 200


async def test_the_order_can_be_probed_between_replies_only() -> None:
    async with scripted(HELLO) as (conn, server):
        await talked(conn)
        before = ids(server)
        report = await conn.history.verify(probe_order=True)
        assert report.ok
        assert report.end_proven
        assert ids(server) == before
    async with scripted(HELLO, speed=0.5) as (conn, _):
        await conn.respond()
        with pytest.raises(LocalProtocolError, match="between replies"):
            await conn.history.verify(probe_order=True)


@pytest.mark.parametrize("concurrency", [0, -1])
async def test_no_concurrency_at_all_is_refused(concurrency: int) -> None:
    async with scripted(HELLO) as (conn, _):
        await conn.insert("x")
        with pytest.raises(LocalProtocolError, match="concurrency"):
            await conn.history.verify(concurrency=concurrency)


async def test_a_server_that_does_not_answer_is_an_error_of_its_own() -> None:
    async with held(command_timeout=0.05) as (conn, peer):
        await peer.say("conversation.item.added", previous_item_id=None, item=item("a"))
        await conn.wait_for("conversation.item.added", timeout=SOON)
        with pytest.raises(CommandTimeout):
            await conn.history.verify()


async def test_a_lost_line_ends_the_proof() -> None:
    async with held() as (conn, peer):
        await peer.say("conversation.item.added", previous_item_id=None, item=item("a"))
        await conn.wait_for("conversation.item.added", timeout=SOON)
        proving = asyncio.create_task(conn.history.verify())
        await peer.hear("conversation.item.retrieve")
        await peer.line.close(1006)
        with pytest.raises(SessionLost):
            await proving


async def test_what_was_not_seen_is_filled_in() -> None:
    async with held() as (conn, peer):
        added = conn.wait_for("conversation.item.added", timeout=SOON)
        await peer.say("conversation.item.added", previous_item_id="old", item=item("new"))
        await added
        assert [one.id for one in conn.history.waiting] == ["new"]
        filling = asyncio.create_task(conn.history.fill())
        assert (await peer.hear("conversation.item.retrieve"))["item_id"] == "old"
        text = [{"type": "input_text", "text": "before you came"}]
        await peer.say("conversation.item.retrieved", item=item("old", content=text))
        assert [one.text for one in await filling] == ["before you came"]
        assert [one.id for one in conn.history] == ["old", "new"]
        assert conn.history.waiting == ()


async def test_a_sideband_asks_by_itself_for_what_it_has_not_seen() -> None:
    async with held(sideband=True) as (conn, peer):
        added = conn.wait_for("conversation.item.added", timeout=SOON)
        await peer.say("conversation.item.added", previous_item_id="old", item=item("new"))
        await added
        assert (await peer.hear("conversation.item.retrieve"))["item_id"] == "old"
        came = conn.wait_for("conversation.item.retrieved", timeout=SOON)
        await peer.say("conversation.item.retrieved", item=item("old"))
        await came
        assert [one.id for one in conn.history] == ["old", "new"]


async def test_a_sideband_whose_question_is_not_answered_goes_on_and_says_so() -> None:
    async with held(sideband=True, command_timeout=0.05) as (conn, peer):
        warned = conn.wait_for("protocol.warning", timeout=SOON)
        await peer.say("conversation.item.added", previous_item_id="old", item=item("new"))
        assert (await warned).rule == "history_gap"
        assert [one.id for one in conn.history.waiting] == ["new"]


async def test_a_difference_after_a_compaction_is_a_warning() -> None:
    async with held() as (conn, peer):
        added = conn.wait_for("conversation.item.added", timeout=SOON)
        await peer.say("conversation.item.added", previous_item_id=None, item=item("a"))
        await added
        warned = conn.wait_for("protocol.warning", timeout=SOON, where=lambda w: w.rule == "compaction")
        compacting = asyncio.create_task(conn.history.compact(keep_last=0, summary=lambda plan: "short"))
        made = (await peer.hear("conversation.item.create"))["item"]
        await peer.say("conversation.item.added", previous_item_id=None, item={**made, "status": "completed"})
        deleting = await peer.hear("conversation.item.delete")
        await peer.say("conversation.item.deleted", item_id=deleting["item_id"])
        await peer.hear("conversation.item.retrieve")
        wrong = [{"type": "input_text", "text": "other"}]
        await peer.say("conversation.item.retrieved", item={**made, "status": "completed", "content": wrong})
        await compacting
        assert "differs" in (await warned).detail


async def test_what_the_server_does_not_have_stays_unknown() -> None:
    async with held() as (conn, peer):
        added = conn.wait_for("conversation.item.added", timeout=SOON)
        await peer.say("conversation.item.added", previous_item_id="old", item=item("new"))
        await added
        filling = asyncio.create_task(conn.history.fill())
        sent = await peer.hear("conversation.item.retrieve")
        await peer.error("item_retrieve_invalid_item_id", "no 'old'", sent["event_id"])
        assert await filling == ()


async def test_an_edit_sends_the_fewest_steps() -> None:
    async with scripted(HELLO) as (conn, server):
        await talked(conn)
        answer = conn.history.items()[-1].id
        steps = await conn.history.edit(["fact", rt.user("Who is there?"), answer])
        assert len(steps) == 2
        assert [(one.role, one.text) for one in conn.history] == [
            ("system", "The user is a doctor."),
            ("user", "Who is there?"),
            ("assistant", "Hello."),
        ]
        assert ids(server) == [one.id for one in conn.history]
        assert asked(server) == 1


async def test_a_users_sound_is_fetched_to_move_it() -> None:
    async with scripted(HELLO) as (conn, server):
        await conn.append(bytes(9600))
        spoken = await conn.commit()
        await conn.insert("first", item_id="typed")
        await conn.history.edit(["typed", spoken.id])
        assert [one.text for one in conn.history] == ["first", ""]
        assert server.sessions[-1].items[1]["content"][0]["type"] == "input_audio"


async def test_what_cannot_be_made_anew_is_said_before_anything_is_sent() -> None:
    async with scripted(HELLO) as (conn, server):
        for _ in range(2):
            await (await conn.respond()).done()
        one, two = [found.id for found in conn.history]
        before = len(server.received)
        with pytest.raises(rt.CannotRecreate, match="cannot move"):
            await conn.history.edit([two, one])
        changes = [event.type for event in server.received[before:]]
        assert set(changes) <= {"conversation.item.retrieve"}
        await conn.history.edit([two, one], as_text=True)
        assert [found.text for found in conn.history] == ["Hello.", "Hello."]


async def test_compaction_puts_a_summary_in_front_and_keeps_the_last() -> None:
    async with scripted(HELLO) as (conn, server):
        for n in range(4):
            await conn.insert(f"fact {n}")
        summary = await conn.history.compact(keep_last=1, summary=lambda plan: f"{len(plan.replaced)} facts")
        assert summary is not None
        assert [(one.role, one.text) for one in conn.history] == [("system", "3 facts"), ("user", "fact 3")]
        order = [event.type for event in server.received]
        assert order.index("conversation.item.delete") > order.index("conversation.item.create")
        assert (await conn.history.verify()).ok
        assert await conn.history.compact(keep_last=9) is None


async def test_the_model_can_write_the_summary_itself_out_of_band() -> None:
    async with scripted(Reply((Say("They spoke of facts."),))) as (conn, server):
        for n in range(3):
            await conn.insert(f"fact {n}")
        await conn.history.compact(keep_last=1)
        assert [one.text for one in conn.history] == ["They spoke of facts.", "fact 2"]
        [create] = [event for event in server.received if event.type == "response.create"]
        assert create.raw["response"]["conversation"] == "none"
        assert "fact 0" in str(create.raw["response"]["input"])


async def test_nothing_is_deleted_when_the_summary_is_refused() -> None:
    async with scripted(HELLO) as (conn, server):
        for n in range(3):
            await conn.insert(f"fact {n}")

        async def broken(plan: object) -> str:
            raise ValueError("no summary today")

        with pytest.raises(ValueError, match="no summary"):
            await conn.history.compact(keep_last=1, summary=broken)
        assert len(ids(server)) == 3
    async with held() as (conn, peer):
        for n in range(2):
            added = conn.wait_for("conversation.item.added", timeout=SOON)
            await peer.say(
                "conversation.item.added", previous_item_id=f"i{n - 1}" if n else None, item=item(f"i{n}")
            )
            await added
        compacting = asyncio.create_task(conn.history.compact(keep_last=0, summary=lambda plan: "short"))
        sent = await peer.hear("conversation.item.create")
        await peer.error("invalid_value", "no", sent["event_id"])
        with pytest.raises(ServerRefused):
            await compacting
        assert len(conn.history) == 2


async def test_compaction_waits_for_the_reply_to_end() -> None:
    async with scripted(HELLO, speed=20.0) as (conn, server):
        await conn.insert("fact")
        await conn.respond()
        await conn.history.compact(keep_last=1, summary=lambda plan: "s")
        done = next(n for n, event in enumerate(server.sent) if event.type == "response.done")
        added = next(
            n
            for n, event in enumerate(server.sent)
            if event.type == "conversation.item.added" and event.raw["item"].get("role") == "system"
        )
        assert done < added

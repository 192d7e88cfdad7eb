"""What a connection writes down: live lines, turns, tokens, a budget."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

import realtime_raw as rt
from realtime_raw.errors import SessionLost
from realtime_raw.loopback import Reply, Say
from realtime_raw.transcript import TranscriptLine
from tests.shell.lines import SOON, Peer, held, item
from tests.shell.scripted import asked, scripted

HELLO = Reply((Say("Hello there, my friend."),))


async def test_lines_come_as_they_grow_and_once_final() -> None:
    async with scripted(HELLO) as (conn, _):
        lines: list[TranscriptLine] = []

        async def read() -> None:
            async for line in conn.transcript.live():
                lines.append(line)
                if line.role == "assistant" and line.final:
                    return

        reading = asyncio.create_task(read())
        await conn.insert("Good morning.")
        await conn.respond(output="text")
        await asyncio.wait_for(reading, SOON)
        assert lines[0].text == "Good morning."
        assert lines[-1].text == "Hello there, my friend."
        assert "Good morning." in conn.transcript.to_markdown()


async def test_who_comes_late_sees_what_is_there() -> None:
    async with scripted(HELLO) as (conn, _):
        await conn.insert("Good morning.")
        first = await anext(conn.transcript.live())
        assert first.text == "Good morning."


async def test_our_own_close_ends_the_lines_and_a_lost_line_raises() -> None:
    async with scripted(HELLO) as (conn, _):
        live = conn.transcript.live()
        await conn.insert("x")
        await anext(live)
        await conn.close()
        assert [line async for line in live] == []
    async with held() as (conn, peer):
        live = conn.transcript.live()

        async def read() -> TranscriptLine:
            return await anext(live)

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        await peer.line.close(1011)
        with pytest.raises(SessionLost):
            await reading


async def test_a_slow_reader_gets_each_line_as_it_last_was() -> None:
    async with held() as (conn, peer):
        live = conn.transcript.live()
        added = conn.wait_for("conversation.item.added", timeout=SOON)
        await peer.say("conversation.item.added", previous_item_id=None, item=item("u"))
        await added
        assert (await anext(live)).text == ""
        done = conn.wait_for("conversation.item.input_audio_transcription.completed", timeout=SOON)
        for word in ("one ", "two"):
            await peer.say(
                "conversation.item.input_audio_transcription.delta", item_id="u", content_index=0, delta=word
            )
        await peer.say(
            "conversation.item.input_audio_transcription.completed",
            item_id="u",
            content_index=0,
            transcript="one two",
        )
        await done
        line = await anext(live)
        assert (line.text, line.final) == ("one two", True)


async def test_a_turn_is_a_row_with_its_latencies() -> None:
    async with scripted(HELLO) as (conn, _):
        await conn.append(bytes(48_000))
        await conn.commit()
        await (await conn.respond()).done()
        rows = [json.loads(line) for line in conn.turns.to_jsonl().splitlines()]
        assert [row["who"] for row in rows] == ["user", "assistant"]
        assert 48_000 in rows[0].values()
        assert rows[1]["text"] == "Hello there, my friend."
        assert "Hello there, my friend." in conn.turns.to_markdown()
        assert conn.usage.total.output > 0


async def test_a_budget_refuses_the_reply_before_it_is_asked_for() -> None:
    budget = rt.Budget(max_tokens=50)
    async with scripted(HELLO, budget=budget) as (conn, server):
        await (await conn.respond(output="text")).done()
        for _ in range(20):
            try:
                reply = await conn.respond(output="text")
            except rt.BudgetExceeded:
                break
            await reply.done()
        spent = asked(server)
        with pytest.raises(rt.BudgetExceeded):
            await conn.send(rt.events.ResponseCreate())
        with pytest.raises(rt.BudgetExceeded):
            await conn.request(rt.events.ResponseCreate())
        await conn.insert("still free of charge")
        assert asked(server) == spent


async def words(peer: Peer, *pieces: str) -> None:
    """A written reply under way, of which these words were said."""
    begun = item("a", "assistant", status="in_progress", content=[{"type": "output_text", "text": ""}])
    await peer.say("response.output_item.added", response_id="r", output_index=0, item=begun)
    await peer.say("conversation.item.added", previous_item_id=None, item=begun)
    for piece in pieces:
        await peer.say(
            "response.output_text.delta",
            response_id="r",
            item_id="a",
            output_index=0,
            content_index=0,
            delta=piece,
        )


async def test_words_nobody_was_watching_are_there_when_somebody_looks() -> None:
    """Lines are made of what is known when they are read, also for who reads on from then."""
    async with held() as (conn, peer):
        last = conn.wait_for("response.output_text.delta", SOON, where=lambda event: event.delta == "two")
        await words(peer, "one ", "two")
        await last
        assert [line.text for line in conn.transcript.lines()] == ["one two"]
        live = conn.transcript.live()
        assert (await anext(live)).text == "one two"
        more = conn.wait_for("response.output_text.delta", SOON)
        await peer.say(
            "response.output_text.delta",
            response_id="r",
            item_id="a",
            output_index=0,
            content_index=0,
            delta=" three",
        )
        await more
        assert (await anext(live)).text == "one two three"


async def test_a_line_that_goes_shows_the_words_nobody_was_watching() -> None:
    """Written words leave with their item; the last that is said of them is all of them."""
    async with held() as (conn, peer):
        await words(peer, "one ", "two")
        gone = conn.wait_for("conversation.item.deleted", SOON)
        live = conn.transcript.live()
        last = conn.wait_for("response.output_text.delta", SOON, where=lambda event: event.delta == "two")
        await last
        await anext(live)
        await peer.say("conversation.item.deleted", item_id="a")
        await gone
        line = await anext(live)
        assert (line.text, line.deleted) == ("one two", True)


async def test_every_event_reaches_those_who_have_a_use_for_it() -> None:
    """The table of who is told of what knows every class that a record handles."""
    async with held() as (conn, _):
        records = conn._records
        kinds = [*rt.events.__dict__.values(), *rt.signals.SIGNALS.values()]
        for kind in [one for one in kinds if isinstance(one, type)]:
            steps = list(records.steps_for(kind))
            timed = {records.times.apply, records.times.worded} & set(steps)
            assert bool(timed) == records.times.concerned_with(kind)
            assert (records.witness.apply in steps) == records.witness.concerned_with(kind)
            for part in (records.turns, records.usage):
                step = part.step_for(kind)
                assert (step is not None) == (kind in sys.modules[type(part).__module__]._HANDLERS)
                assert step is None or step in steps

"""Whole turns over 127.0.0.1, as a user writes them."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

import realtime_raw as rt
from realtime_raw.devices.fake import FakeOutput
from realtime_raw.errors import LocalProtocolError, ServerRefused
from realtime_raw.protocol import signals
from tests.shell.lines import SOON, soon

TONE = (np.sin(np.arange(24_000) / 10) * 10_000).astype(np.int16)


async def test_a_text_turn() -> None:
    """Insert, respond, read; the history has both sides in order."""
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        await conn.insert("Hello there")
        reply = await conn.respond(output="text")
        words = "".join([piece async for piece in reply.text()])
        response = await reply.done()
        assert response.status == "completed"
        assert "Hello there" in words
        assert [item.role for item in conn.history] == ["user", "assistant"]
        assert conn.history.items()[1].text == words


async def test_a_spoken_turn() -> None:
    """Append, commit, respond; sound, words and end are one whole."""
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        for piece in np.split(TONE, 10):
            await conn.append(piece)
        item = await conn.commit()
        assert item.role == "user"
        reply = await conn.respond()
        sound = np.concatenate([piece async for piece in reply.audio()])
        assert "".join([piece async for piece in reply.text()])
        await reply.done()
        assert sound.dtype == np.int16
        assert len(sound) > 2400
        assert np.abs(sound.astype(int)).max() > 500
        assert reply.record.marks.first_audio is not None


async def test_the_contract_of_the_first_page() -> None:
    """The example every user sees first, line by line."""
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        await conn.patch(instructions="Answer briefly.", voice="marin")
        await conn.append(TONE)
        item = await conn.commit()
        reply = await conn.respond()
        async for pcm in reply.audio():
            assert pcm.dtype == np.int16
        pieces = [piece async for piece in reply.text()]
        assert pieces
        response = await reply.done()
        assert response.status == "completed"
        note = await conn.insert("The user is a doctor.", role="system", after="root")
        assert conn.history.items()[0].id == note.id
        before = len(conn.history)
        side = await conn.respond(
            conversation="none", input=[rt.ref(item.id), "Was that a question?"], output="text"
        )
        await side.done()
        assert len(conn.history) == before
        await conn.interrupt()


async def test_interrupting_what_sounds() -> None:
    """Half heard: cancelled if it still generates, truncated to what was heard, and the server agrees."""
    sink = FakeOutput()
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        conn.attach(sink=sink)
        await conn.insert("one two three four five six seven eight nine ten " * 3)
        reply = await conn.respond()
        started = conn.wait_for(signals.PlaybackStarted, SOON)
        await reply.done()
        sink.advance(0.5)
        await started
        done = await conn.interrupt()
        (cut,) = done.items
        assert cut.action == "truncate"
        assert cut.heard_ms is not None
        assert 300 < cut.heard_ms <= 500
        assert cut.command is not None
        confirmed = await conn.wait_for(signals.CommandConfirmed, SOON)
        assert confirmed.event_id == cut.command
        held = conn.history.item(cut.item_id)
        assert held is not None
        assert held.truncated_at_ms == cut.heard_ms
        assert not conn.player.playing


async def test_a_device_that_rests_is_heard_of_when_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """While none asks for sound no timer runs for it; once one does, on its own thread, that is told."""
    monkeypatch.setattr("realtime_raw.audio.player._AT_REST_S", -1.0)
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        player = conn.player
        await conn.insert("Hello there")
        await (await conn.respond()).done()
        core = conn._driver.core
        await soon(lambda: (core.next_deadline() or math.inf) > conn._driver.now + 10)
        started = conn.wait_for(signals.PlaybackStarted, SOON)
        await asyncio.to_thread(player.pull, np.zeros(4800, np.int16))
        assert (await started).item_id
    # What was asked for after the end disturbs nobody.
    later = asyncio.get_running_loop().time() + 60
    player.poll(later)
    assert [player.rest(later), player.rest(later)][1] == math.inf
    player.pull(np.zeros(4800, np.int16))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert conn._driver._alarm.due is None


async def test_refusals_as_the_api_gives_them() -> None:
    """A voice after sound is refused here; what only the server knows is refused there."""
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        with pytest.raises(ServerRefused) as caught:
            await conn.retrieve("item_never")
        assert caught.value.error.code == "item_retrieve_invalid_item_id"
        await conn.insert("x")
        await (await conn.respond()).done()
        with pytest.raises(LocalProtocolError, match="voice cannot change"):
            await conn.patch(voice="cedar")
        await conn.patch(instructions="still possible")


async def test_many_at_once() -> None:
    """Verbs from many tasks: each gets its own answer."""
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        items = await asyncio.gather(*(conn.insert(f"note {i}") for i in range(50)))
        assert [item.text for item in items] == [f"note {i}" for i in range(50)]
        replies = await asyncio.gather(
            *(conn.respond(conversation="none", input=[f"say {i}"], output="text") for i in range(5))
        )
        for i, reply in enumerate(replies):
            assert f"say {i}" in "".join([piece async for piece in reply.text()])


async def test_two_sessions_side_by_side() -> None:
    """Nothing is shared."""
    async with (
        rt.loopback.LoopbackServer() as server,
        rt.connect(server.url) as one,
        rt.connect(server.url) as two,
    ):
        await asyncio.gather(one.insert("one"), two.insert("two"))
        assert [item.text for item in one.history] == ["one"]
        assert [item.text for item in two.history] == ["two"]


async def test_the_server_goes_away() -> None:
    """1001 is a loss; the session is left without a fuss."""
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        lost = conn.wait_for(signals.ConnectionLost, SOON)
        await server.close()
        assert (await lost).close.code == 1001

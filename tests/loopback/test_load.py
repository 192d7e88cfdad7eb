"""Many clients at once: nothing of one reaches another, and nothing grows without bound.

How fast that goes is measured by `tools/bench_loopback.py`, not here.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import weakref

import pytest
from websockets.exceptions import ConnectionClosed

from realtime_raw.loopback.brain import SimulatedSession
from tests.loopback.driver import b64, tone, user_text
from tests.loopback.test_server import MANUAL, client, eventually, hear, quick, say


async def test_sessions_are_isolated() -> None:
    """Forty clients at once, each with words, sound and settings of its own; each gets its own back."""

    async def call(number: int) -> set[str]:
        seconds = 0.2 + number / 20
        async with client(server) as line:
            (created,) = await hear(line, "session.created")
            await say(line, "session.update", session={**MANUAL, "instructions": f"client {number}"})
            await say(line, "conversation.item.create", item=user_text(f"words {number}"))
            await say(line, "response.create", response={"output_modalities": ["text"]})
            written = (await hear(line, "response.done"))[-1]["response"]
            assert written["output"][0]["content"][0]["text"] == f"You said: words {number}"
            for at in range(4):
                sound = tone(seconds / 4)
                await say(line, "input_audio_buffer.append", audio=b64(sound))
                await asyncio.sleep(0.001 * (number % 3) * at)
            await say(line, "input_audio_buffer.commit")
            item_id = (await hear(line, "input_audio_buffer.committed"))[-1]["item_id"]
            await say(line, "conversation.item.retrieve", item_id=item_id)
            item = (await hear(line, "conversation.item.retrieved"))[-1]["item"]
            kept = base64.b64decode(item["content"][0]["audio"])
            assert len(kept) == 4 * 2 * round(seconds / 4 * 24_000)
            await say(line, "session.update", session={"type": "realtime"})
            updated = (await hear(line, "session.updated"))[-1]["session"]
            assert updated["instructions"] == f"client {number}"
            return {created["session"]["id"], item_id, written["id"], written["conversation_id"]}

    async with quick() as server:
        found = await asyncio.gather(*(call(number) for number in range(40)))
        assert len(set().union(*found)) == 4 * 40
        for session in server.sessions:
            (words,) = [
                event["item"]["content"][0]["text"]
                for event in session.received
                if event["type"] == "conversation.item.create"
            ]
            assert session.config.to_wire()["instructions"] == words.replace("words", "client")


async def test_sessions_that_are_over_are_forgotten() -> None:
    """All but the last 32."""
    seen: list[weakref.ref[SimulatedSession]] = []
    async with quick() as server:
        for _ in range(50):
            async with client(server) as line:
                await hear(line, "session.created")
                seen.append(weakref.ref(server.sessions[-1]))
        await eventually(lambda: not server._admitted)
        gc.collect()
        assert sum(each() is not None for each in seen) <= 33  # and one that a frame may still hold


async def test_the_record_of_a_session_is_bounded() -> None:
    """By number; none at all can be asked for."""
    for limit in (5, 0):
        async with quick(log_limit=limit) as server, client(server) as line:
            for _ in range(20):
                await say(line, "input_audio_buffer.clear")
                await hear(line, "input_audio_buffer.cleared")
            assert len(server.received) == len(server.sent) == limit


@pytest.mark.parametrize("direction", ["heard", "said"])
async def test_a_session_that_grows_without_end(direction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is ended with 1009; others go on."""
    monkeypatch.setattr("realtime_raw.loopback.line._MOST", 200_000)
    async with quick(scenario=lambda turn: "word " * 400) as server, client(server) as other:
        async with client(server) as line:
            with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012 - sooner or later, by any of them
                if direction == "said":
                    await say(line, "response.create")
                while True:
                    if direction == "heard":
                        await say(line, "conversation.item.create", item=user_text("word " * 4000))
                    await line.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
            assert "no more of one session" in closed.value.rcvd.reason
        await say(other, "input_audio_buffer.clear")
        await hear(other, "input_audio_buffer.cleared")

"""A reply's sound, words and end: whole, replayable, usable together, and honest when the line dies."""

from __future__ import annotations

import asyncio
import base64
import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_raw import events as ev
from realtime_raw.aio.connection import RealtimeConnection
from realtime_raw.aio.reply import Reply
from realtime_raw.audio.g711 import alaw_decode, ulaw_decode
from realtime_raw.errors import ResponseFailed, SessionLost
from realtime_raw.protocol.signals import ResponseFinished
from tests.protocol.harness import session as session_object
from tests.shell.lines import SOON, Peer, held, soon

ONE_MS = 48
ROOT = Path(__file__).parents[2]


async def asked(conn: RealtimeConnection, peer: Peer, response_id: str = "resp_1", **options: Any) -> Reply:
    """A reply that has just been created."""
    async with asyncio.timeout(SOON):
        reply, _ = await asyncio.gather(conn.respond(**options), peer.create(response_id))
    return reply


def place(item_id: str = "item_a", response_id: str | None = "resp_1") -> dict[str, Any]:
    return {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}


async def sound(peer: Peer, data: bytes, **where: Any) -> None:
    delta = base64.b64encode(data).decode()
    await peer.say("response.output_audio.delta", **(place() | where), delta=delta)


async def words(peer: Peer, delta: str, kind: str = "output_audio_transcript", **where: Any) -> None:
    await peer.say(f"response.{kind}.delta", **(place() | where), delta=delta)


async def heard(reply: Reply) -> Any:
    return np.concatenate([np.zeros(0, np.int16), *[piece async for piece in reply.audio()]])


async def read(reply: Reply) -> list[str]:
    return [piece async for piece in reply.text()]


async def test_all_three_together_and_again() -> None:
    """Sound, words and end at once, each by two readers, and once more afterwards."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        readers = [asyncio.create_task(heard(reply)) for _ in range(2)]
        spoken = asyncio.create_task(read(reply))
        end = asyncio.create_task(reply.done())
        await words(peer, "Hel")
        await sound(peer, b"\x01\x00" * 10)
        await words(peer, "lo")
        await sound(peer, b"\x02\x00" * 10)
        await peer.done()
        async with asyncio.timeout(SOON):
            response = await end
            assert response.status == "completed"
            for reader in readers:
                assert (await reader).tolist() == [1] * 10 + [2] * 10
            assert await spoken == ["Hel", "lo"]
            assert (await heard(reply)).tolist() == [1] * 10 + [2] * 10
            assert await read(reply) == ["Hel", "lo"]
            assert await reply.done() is response
        assert repr(reply) == "<Reply resp_1 completed>"


async def test_pieces_come_as_they_are_received() -> None:
    """Not at the end."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        stream = reply.audio()
        text = reply.text()
        for i in range(3):
            await words(peer, str(i))
            await sound(peer, bytes([i, 0]))
            async with asyncio.timeout(SOON):
                assert (await anext(stream)).tolist() == [i]
                assert await anext(text) == str(i)
        assert not reply.record.finished
        await peer.done()
        async with asyncio.timeout(SOON):
            assert await anext(stream, None) is None


async def test_samples_may_be_cut_anywhere() -> None:
    """An odd byte waits for its other half, per part."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        await sound(peer, b"\x01\x00\x02")
        await sound(peer, b"\x07", item_id="item_b")
        await sound(peer, b"\x00")
        await sound(peer, b"\x00\x08\x00", item_id="item_b")
        await peer.done()
        assert (await heard(reply)).tolist() == [1, 2, 7, 8]


@pytest.mark.parametrize(("kind", "decode"), [("audio/pcmu", ulaw_decode), ("audio/pcma", alaw_decode)])
async def test_telephone_sound_is_decoded(kind: str, decode: Any) -> None:
    """To 8 kHz samples."""
    async with held() as (conn, peer):
        shown = session_object(audio__input__turn_detection=None, audio__output__format={"type": kind})
        await peer.say("session.updated", session=shown)
        reply = await asked(conn, peer)
        await sound(peer, bytes(range(5)))
        await peer.done()
        assert (await heard(reply)).tolist() == decode(bytes(range(5))).tolist()


async def test_after_an_interruption_no_sound_comes() -> None:
    """What was received stays; late deltas of the server are dropped; words go on."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        await sound(peer, bytes(ONE_MS))
        await anext(reply.audio())
        await conn.interrupt()
        await sound(peer, bytes(ONE_MS))
        await words(peer, "late")
        await peer.done(status="cancelled")
        assert len(await heard(reply)) == 24
        assert await read(reply) == ["late"]
        assert (await reply.done()).status == "cancelled"


async def test_failed() -> None:
    """The iterations end, `done` raises with the server's reason."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        details = {"type": "failed", "error": {"type": "server_error", "code": "boom", "message": "Sorry."}}
        await peer.done(status="failed", status_details=details)
        assert await read(reply) == []
        with pytest.raises(ResponseFailed, match=r"resp_1 failed: boom: Sorry\."):
            await reply.done()
        other = await asked(conn, peer, "resp_2")
        await peer.done("resp_2", status="failed")
        with pytest.raises(ResponseFailed, match="no reason"):
            await other.done()


async def test_a_lost_line() -> None:
    """What came is given first; then everyone learns of the loss, again and again."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        end = asyncio.create_task(reply.done())
        await words(peer, "Hel")
        await sound(peer, bytes(ONE_MS))
        await peer.line.close(1006)
        for _ in range(2):
            text = reply.text()
            assert await anext(text) == "Hel"
            with pytest.raises(SessionLost):
                await anext(text)
            with pytest.raises(SessionLost):
                await heard(reply)
            with pytest.raises(SessionLost) as caught:
                await reply.done()
            assert not caught.value.expected
        with pytest.raises(SessionLost):
            await end


async def test_a_line_we_closed() -> None:
    """The iterations end silently, as asked; there is no response to return, though."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        await words(peer, "Hel")
        await anext(reply.text())
        await conn.close()
        assert await read(reply) == ["Hel"]
        assert len(await heard(reply)) == 0
        with pytest.raises(SessionLost) as caught:
            await reply.done()
        assert caught.value.expected


async def test_a_finished_reply_survives_the_line() -> None:
    """Its response is known, so nothing was lost."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        await words(peer, "Hello")
        await peer.done()
        await peer.line.close(1001)
        await conn.wait_for("connection.lost", SOON)
        assert await read(reply) == ["Hello"]
        assert (await reply.done()).status == "completed"


async def test_cancelling_a_reader_loses_nothing() -> None:
    """The next one begins at the beginning."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        readers = [asyncio.create_task(work) for work in (heard(reply), read(reply), reply.done())]
        await asyncio.sleep(0)
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)
        await words(peer, "x")
        await peer.done()
        assert await read(reply) == ["x"]


async def test_words_that_come_whole() -> None:
    """Servers without deltas, and those that hold the last word back until the end."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        await words(peer, "Hello ", kind="output_text")
        await peer.say("response.output_text.done", **place(), text="Hello world")
        await peer.say("response.output_audio_transcript.done", **place("item_b"), transcript=" Goodbye")
        await peer.say("response.output_text.done", **place("item_c"), text=None)
        await words(peer, "own words", item_id="item_d")
        await peer.say("response.output_audio_transcript.done", **place("item_d"), transcript="other words")
        await words(peer, "", item_id="item_e")
        await peer.done()
        assert await read(reply) == ["Hello ", "world", " Goodbye", "own words"]


async def test_pieces_without_a_response_id() -> None:
    """They belong to the reply that is generating; with none generating they belong to nobody."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        await words(peer, "x", response_id=None)
        await peer.done()
        assert await read(reply) == ["x"]
        late = conn.wait_for(ev.ResponseOutputTextDelta, SOON)
        await words(peer, "y", kind="output_text", response_id=None)
        await late
        assert await read(reply) == ["x"]


async def test_two_replies_at_once() -> None:
    """An out-of-band one runs beside; each gets its own pieces."""
    async with held() as (conn, peer):
        main = await asked(conn, peer, "resp_1")
        side = await asked(conn, peer, "resp_2", conversation="none", output="text")
        await words(peer, "main")
        await words(peer, "side", kind="output_text", response_id="resp_2", item_id="item_s")
        await peer.done("resp_2", conversation_id=None)
        await peer.done("resp_1")
        assert await read(main) == ["main"]
        assert await read(side) == ["side"]


async def test_the_connection_does_not_keep_a_reply() -> None:
    """Four minutes of sound a reply would fill the memory of a long call."""
    async with held() as (conn, peer):
        reply = await asked(conn, peer)
        await sound(peer, bytes(ONE_MS))
        await anext(reply.audio())
        weak = weakref.ref(reply)
        del reply
        gc.collect()
        await soon(lambda: weak() is None)  # the generator that was left is closed by the loop
        finished = conn.wait_for(ResponseFinished, SOON)
        await sound(peer, bytes(ONE_MS))
        await peer.done()
        await finished


async def test_an_early_piece_is_not_missed() -> None:
    """Created and filled in one burst, before the caller of `respond` wakes."""
    async with held() as (conn, peer):
        asking = asyncio.create_task(conn.respond())
        create = await peer.hear("response.create")
        tag = create["response"]["metadata"]
        created = {"object": "realtime.response", "id": "resp_1", "status": "in_progress", "metadata": tag}
        await peer.say("response.created", response=created)
        await words(peer, "first")
        await peer.done()
        assert await read(await asking) == ["first"]


TEXT_PROGRAM = """
import asyncio, sys
from tests.shell.lines import held

async def main():
    async with held() as (conn, peer):
        reply, _ = await asyncio.gather(conn.respond(output="text"), peer.create())
        where = {"response_id": "resp_1", "item_id": "item_a", "content_index": 0}
        await peer.say("response.output_text.delta", **where, delta="x")
        await peer.done()
        assert [piece async for piece in reply.text()] == ["x"]
        await reply.done()
        conn.health()

asyncio.run(main())
sys.exit("numpy" in sys.modules)
"""


def test_a_text_program_never_loads_numpy() -> None:
    """Connecting, asking and reading words: all of it without the audio floor."""
    done = subprocess.run(
        [sys.executable, "-c", TEXT_PROGRAM], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")

"""Devices at a session: all of a source arrives, a sink plays and stops, and their failures are told."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.devices.base import Pull
from realtime_raw.devices.fake import FakeOutput
from realtime_raw.errors import AudioError
from realtime_raw.protocol import signals
from tests.protocol.harness import session as session_object
from tests.shell.lines import SOON, Peer, held, soon


class Source:
    """A source that gives what it is told to, piece by piece."""

    def __init__(self, *pieces: Samples | Exception, rate: int = 24_000) -> None:
        self.rate = rate
        self.pieces = list(pieces)
        self.endless = False

    @property
    def exhausted(self) -> bool:
        return not self.pieces and not self.endless

    def read_available(self) -> Samples:
        if not self.pieces:
            return np.zeros(0, np.int16)
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None: ...


def ramp(start: int, frames: int) -> Samples:
    return np.arange(start, start + frames, dtype=np.int16)


async def received(peer: Peer, frames: int) -> Samples:
    """What was appended, until so many frames are there."""
    data = b""
    while len(data) < frames * 2:
        data += base64.b64decode((await peer.hear("input_audio_buffer.append"))["audio"])
    return np.frombuffer(data, "<i2")


async def test_a_source_to_its_end() -> None:
    """Every frame in order, also where nothing was there for a while; then it is done."""
    silence = np.zeros(0, np.int16)
    async with held() as (conn, peer):
        attached = conn.attach(source=Source(ramp(0, 100), silence, ramp(100, 50), silence))
        assert (await received(peer, 150)).tolist() == list(range(150))
        async with asyncio.timeout(SOON):
            await attached.source_done()
        await conn.append(ramp(0, 2400))
        await peer.hear()


async def test_another_rate_is_resampled() -> None:
    """To the wire's: 24 kHz for PCM, 8 kHz for a telephone."""
    async with held() as (conn, peer):
        attached = conn.attach(source=Source(np.zeros(48_000, np.int16), rate=48_000))
        await attached.source_done()
        assert len(await received(peer, 24_000)) == 24_000
        shown = session_object(audio__input__turn_detection=None, audio__input__format={"type": "audio/pcmu"})
        await peer.say("session.updated", session=shown)
        await soon(lambda: conn.protocol.input_audio.encoding == "audio/pcmu")
        await conn.attach(source=Source(np.zeros(24_000, np.int16))).source_done()
        data = b""
        while len(data) < 8000:
            data += base64.b64decode((await peer.hear("input_audio_buffer.append"))["audio"])
        assert data == b"\xff" * 8000


async def test_a_source_that_fails() -> None:
    """Reported like a handler, and to whoever waits for its end."""

    async def body() -> None:
        async with held() as (conn, _):
            failed = conn.wait_for(signals.HandlerFailed, SOON)
            attached = conn.attach(source=Source(AudioError("unplugged")))
            with pytest.raises(AudioError, match="unplugged"):
                await attached.source_done()
            assert (await failed).handler == "audio source"

    with pytest.raises(ExceptionGroup, match="handlers failed"):
        await body()


async def test_a_microphone_ends_with_the_session() -> None:
    """By detaching, by leaving, by loss: no failure, and no task left."""
    for how in ("detach", "leave", "loss"):
        source = Source(ramp(0, 10))
        source.endless = True
        async with held() as (conn, peer):
            attached = conn.attach(source=source)
            await received(peer, 10)
            if how == "detach":
                await attached.detach()
                await attached.source_done()
            elif how == "loss":
                await peer.line.close(1006)
                source.pieces.append(ramp(0, 10))
                await attached.source_done()


async def test_a_sink_plays_the_replies() -> None:
    """The player gets the sink's rate and latency; what was generated is what sounds."""
    sink = FakeOutput(latency=0.01)
    async with held() as (conn, peer):
        conn.attach(sink=sink)
        reply, _ = await asyncio.gather(conn.respond(), peer.create())
        delta = base64.b64encode(np.full(4800, 7, np.int16).tobytes()).decode()
        where = {"response_id": reply.id, "item_id": "item_a", "output_index": 0, "content_index": 0}
        await peer.say("response.output_audio.delta", **where, delta=delta)
        await peer.say("response.output_audio.done", **where)
        await peer.done()
        await reply.done()
        finished = conn.wait_for(signals.PlaybackFinished, SOON)
        sink.advance(1.0)
        assert (await finished).item_id == "item_a"
        assert np.count_nonzero(sink.sounded == 7) >= 4500
    with pytest.raises(AudioError, match="start it"):
        sink.step()


async def test_a_sink_of_another_rate() -> None:
    """Its rate is the player's, if there is none yet; else it is refused before it starts."""
    async with held() as (conn, _):
        conn.attach(sink=FakeOutput(rate=48_000))
        assert conn.player.rate == 48_000
        late = FakeOutput(rate=24_000)
        with pytest.raises(AudioError, match=r"before conn\.player"):
            conn.attach(sink=late)
        with pytest.raises(AudioError):
            late.step()
        conn.attach(sink=FakeOutput(rate=48_000))


class BadSink(FakeOutput):
    """Plays, and has something to complain of at the end."""

    def start(self, pull: Pull) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Complain."""
        raise AudioError("the disk was full")


async def test_a_sink_that_failed_is_told_at_the_end() -> None:
    """Once, in the group; detaching says it at once."""

    async def body() -> None:
        async with held() as (conn, _):
            conn.attach(sink=BadSink())

    with pytest.raises(ExceptionGroup) as caught:
        await body()
    assert [str(exc) for exc in caught.value.exceptions] == ["the disk was full"]
    async with held() as (conn, _):
        attached = conn.attach(sink=BadSink())
        with pytest.raises(AudioError):
            await attached.detach()
        await attached.detach()
        await attached.source_done()


async def test_a_threaded_sink_stops_with_the_session() -> None:
    """Its thread is gone when the session is left."""
    sink = FakeOutput(threaded=True)
    async with held() as (conn, _):
        conn.attach(sink=sink)
        await soon(lambda: len(sink.sounded))
    before = len(sink.sounded)
    assert sink._thread is None
    assert len(sink.sounded) == before

"""Devices at a session: all of a source arrives, a sink plays and stops, and their failures are told."""

from __future__ import annotations

import asyncio
import base64
import time
from functools import partial

import numpy as np
import pytest

from realtime_raw.aio.reply import Reply
from realtime_raw.audio.pcm import Samples
from realtime_raw.devices.base import Captured, Pull
from realtime_raw.devices.fake import FakeInput, FakeOutput
from realtime_raw.errors import AudioError, LocalProtocolError
from realtime_raw.protocol import signals
from tests.protocol.harness import session as session_object
from tests.shell.lines import SOON, Peer, held, item, soon


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


# Push to talk, on a whole connection


def tone(frames: int) -> Samples:
    return (np.sin(np.arange(frames) / 5) * 8000).astype(np.int16)


async def audio_delta(peer: Peer, reply: Reply, frames: int) -> None:
    """All of a reply's sound at once."""
    delta = base64.b64encode(tone(frames).tobytes()).decode()
    where = {"response_id": reply.id, "item_id": "item_a", "output_index": 0, "content_index": 0}
    await peer.say("response.output_audio.delta", **where, delta=delta)
    await peer.say("response.output_audio.done", **where)
    await peer.done()
    await reply.done()


async def test_down_and_up() -> None:
    """The turn is on its way when the key's release returns; then it can be committed, or dropped."""
    microphone = FakeInput()
    async with held() as (conn, peer):
        attached = conn.attach(source=microphone, push_to_talk=True)
        assert not attached.talking
        assert await attached.discard() is None
        done = await attached.start_talking()
        assert (done.items, done.cancel) == ((), None)
        assert (attached.talking, microphone.in_use) == (True, True)
        microphone.hear(tone(4800), at=time.monotonic())
        talk = await attached.stop_talking()
        assert (attached.talking, microphone.in_use) == (False, False)
        assert (talk.frames, talk.ms) == (4800, 200.0)
        assert np.array_equal(await received(peer, 4800), tone(4800))
        committing = asyncio.ensure_future(conn.commit())
        await peer.hear("input_audio_buffer.commit")
        committing.cancel()
        assert attached.levels.frames == 4800
        assert attached.statistics().appended_ms == 200.0
        assert attached.all_zero_ms == 0.0
        await attached.start_talking()
        microphone.hear(tone(480), at=time.monotonic())
        dropping = asyncio.ensure_future(attached.discard())
        assert len(await received(peer, 480)) == 480
        await peer.hear("input_audio_buffer.clear")
        await peer.say("input_audio_buffer.cleared")
        dropped = await dropping
        assert dropped is not None
        assert dropped.frames == 480
        # Nothing was said, so there is nothing to clear.
        await attached.start_talking()
        nothing = await attached.discard()
        assert nothing is not None
        assert nothing.frames == 0


async def test_the_key_interrupts_what_sounds() -> None:
    """In half and full duplex, as `interrupt()` does, and ahead of what is said."""
    for full in (False, True):
        microphone, sink = FakeInput(), FakeOutput(latency=0.01)
        async with held() as (conn, peer):
            attached = conn.attach(source=microphone, sink=sink, push_to_talk=True, full_duplex=full)
            reply, _ = await asyncio.gather(conn.respond(), peer.create())
            await peer.say("conversation.item.added", previous_item_id=None, item=item("item_a", "assistant"))
            await audio_delta(peer, reply, 24_000)
            sink.advance(0.5)
            microphone.hear(tone(480), at=time.monotonic())
            done = await attached.start_talking()
            (cut,) = done.items
            assert cut.action == "truncate"
            assert cut.heard_ms == pytest.approx(470, abs=25)
            assert not conn.player.playing
            heard = await peer.hear("conversation.item.truncate")
            assert heard["audio_end_ms"] == cut.heard_ms
            await attached.stop_talking()


async def test_what_cannot_talk_says_why() -> None:
    """Without push to talk, or without a source."""
    async with held() as (conn, _):
        with pytest.raises(LocalProtocolError, match="sends all it captures; attach"):
            await conn.attach(source=FakeInput()).start_talking()
        sink = conn.attach(sink=FakeOutput())
        with pytest.raises(LocalProtocolError, match="no source is attached"):
            await sink.stop_talking()
        assert await sink.discard() is None
        assert not sink.talking
        assert (sink.levels.frames, sink.all_zero_ms) == (0, 0.0)
        assert sink.statistics().captured_ms == 0


async def test_silence_is_a_warning() -> None:
    """In the stream of events, for whoever shows them."""
    microphone = FakeInput()
    async with held() as (conn, _):
        attached = conn.attach(source=microphone, push_to_talk=True)
        warned = conn.wait_for(signals.ProtocolWarning, SOON)
        await attached.start_talking()
        microphone.hear(np.zeros(4800, np.int16), at=time.monotonic())
        assert (await attached.stop_talking()).silent
        assert (await warned).rule == "silent_turn"


async def test_devices_that_go_and_come_are_signals() -> None:
    """And the call goes on; the loudspeaker's absence does not mute the microphone."""
    microphone, sink = FakeInput(), FakeOutput()
    async with held() as (conn, peer):
        conn.attach(sink=sink)
        attached = conn.attach(source=microphone)
        reply, _ = await asyncio.gather(conn.respond(), peer.create())
        await audio_delta(peer, reply, 24_000)
        assert conn.player.playing
        microphone.hear(tone(24))
        await soon(lambda: attached.statistics().captured_ms == 1.0)
        assert attached.statistics().muted_ms == 1.0
        lost = conn.wait_for(signals.DeviceLost, SOON)
        sink.lose("unplugged", at=1.0)
        told = await lost
        assert (told.device, told.direction, told.reason) == ("fake", "output", "unplugged")
        microphone.hear(tone(480), at=time.monotonic())
        assert len(await received(peer, 480)) == 480
        restored = conn.wait_for("device.restored", SOON)
        sink.restore(at=4.5)
        assert (await restored).away_s == 3.5
        lost = conn.wait_for(signals.DeviceLost, SOON)
        microphone.lose()
        assert (await lost).direction == "input"
        assert "microphone_gone" in {finding.rule for finding in conn.explain()}


async def test_what_goes_wrong_on_a_devices_thread_is_reported_once() -> None:
    """There it is silence fifty times a second; here it is a failure, and the call goes on."""

    async def body() -> None:
        sink = FakeOutput()
        async with held() as (conn, _):
            conn.attach(sink=sink)
            failed = conn.wait_for(signals.HandlerFailed, SOON)
            sink.fault = ZeroDivisionError()
            assert (await failed).handler == "audio device"
            lost = conn.wait_for(signals.DeviceLost, SOON)
            sink.fault = ZeroDivisionError()
            sink.lose()
            await lost

    with pytest.raises(ExceptionGroup) as caught:
        await body()
    assert [type(exc) for exc in caught.value.exceptions] == [ZeroDivisionError]


class Recorder:
    """A hook that keeps all it is shown."""

    def __init__(self) -> None:
        self.sounded: list[Captured] = []
        self.heard: list[Captured] = []
        self.order: list[str] = []

    def played(self, samples: Samples, at: float, rate: int) -> None:
        assert rate == 24_000
        self.order.append("played")
        self.sounded.append(Captured(samples, at))

    def captured(self, samples: Samples, at: float, rate: int) -> Samples:
        assert rate == 24_000
        self.order.append("captured")
        self.heard.append(Captured(samples, at))
        return samples


async def test_hooks_hear_both_sides_on_one_clock() -> None:
    """Exactly what left the ring, fades and silence included, with the time at which it is in the air."""
    microphone, sink, recorder = FakeInput(), FakeOutput(latency=0.25), Recorder()
    async with held() as (conn, peer):
        attached = conn.attach(source=microphone, sink=sink, hooks=[recorder], push_to_talk=True)
        reply, _ = await asyncio.gather(conn.respond(), peer.create())
        await audio_delta(peer, reply, 24_000)
        before = asyncio.get_running_loop().time()
        sink.advance(0.3)
        await conn.interrupt()
        microphone.hear(tone(960))
        sink.advance(0.3)
        await soon(lambda: recorder.heard and sum(len(one.samples) for one in recorder.sounded) == 14_400)
        after = asyncio.get_running_loop().time()
        assert np.array_equal(np.concatenate([one.samples for one in recorder.sounded]), sink.sounded)
        assert before + 0.25 <= recorder.sounded[0].at <= after + 0.25
        assert np.array_equal(recorder.heard[0].samples, tone(960))
        assert before - 0.04 <= recorder.heard[0].at <= after
        assert recorder.order[0] == "played"
        await attached.detach()


async def test_what_was_played_last_is_shown_at_the_end() -> None:
    """Between the last look and the stop; and one of several hooks that fails is reported, once."""

    class Bad(Recorder):
        def played(self, samples: Samples, at: float, rate: int) -> None:
            raise ZeroDivisionError

    async def body() -> Recorder:
        sink, recorder = FakeOutput(), Recorder()
        async with held() as (conn, _):
            conn.attach(sink=sink, hooks=[Bad(), recorder])
            sink.advance(0.1)
        return recorder

    with pytest.raises(ExceptionGroup) as caught:
        await body()
    assert [type(exc) for exc in caught.value.exceptions] == [ZeroDivisionError]


def note(names: list[str], name: str, _: object) -> None:
    names.append(name)


async def test_generated_received_and_played_are_three_moments() -> None:
    """The server is done long before the sound is; `playback.finished` waits for the ear."""
    sink = FakeOutput(latency=0.2)
    names: list[str] = []
    watched = ("response.done", "audio.received", "playback.started", "playback.finished")
    async with held() as (conn, peer):
        conn.attach(sink=sink)
        for name in watched:
            conn.on(name)(partial(note, names, name))
        reply, _ = await asyncio.gather(conn.respond(), peer.create())
        await audio_delta(peer, reply, 24_000)
        assert names == ["audio.received", "response.done"]
        sink.advance(0.9)
        await soon(lambda: "playback.started" in names)
        assert names[2:] == ["playback.started"]
        # All was handed over; 200 ms of it, and the block, are still inside the device.
        sink.advance(0.12)
        finished = conn.wait_for(signals.PlaybackFinished, SOON)
        await finished
        assert names[2:] == ["playback.started", "playback.finished"]


async def test_health_says_what_became_of_all_that_was_captured() -> None:
    """Appended, muted, idle, lost; and whether a device is away."""
    async with held() as (conn, peer):
        assert conn.health().attachments == ()
        attached = conn.attach(source=Source(ramp(0, 2400)))
        await attached.source_done()
        await received(peer, 2400)
        speaker = FakeOutput()
        conn.attach(sink=speaker)
        speaker.lose()
        first, second = conn.health().attachments
        assert first["captured_ms"] == first["appended_ms"] == 100
        assert (first["muted_ms"], first["idle_ms"], first["gap_ms"]) == (0, 0, 0)
        assert (first["devices_lost"], second["devices_lost"]) == (0, 1)
        assert (second["source_overflows"], second["sink_underflows"]) == (0, 0)

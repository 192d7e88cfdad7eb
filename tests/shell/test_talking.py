"""Spoken turns over 127.0.0.1: what is said is what the server has, what it says is what sounds."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import numpy.typing as npt
import pytest

import realtime_raw as rt
from realtime_raw.aio.audio_pumps import Attachment
from realtime_raw.aio.connection import RealtimeConnection
from realtime_raw.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from realtime_raw.audio.pcm import Samples, b64decode
from realtime_raw.audio.resample import Resampler
from realtime_raw.devices.fake import FakeInput, FakeOutput
from realtime_raw.events.audio_config import PcmaFormat, PcmuFormat
from realtime_raw.protocol import signals
from tests.shell.lines import SOON

CODECS = {"audio/pcmu": (ulaw_encode, ulaw_decode), "audio/pcma": (alaw_encode, alaw_decode)}


def words(seconds: float, rate: int) -> Samples:
    """Three formants that swell and fade: nothing above 3 kHz, so a telephone can carry it."""
    t = np.arange(int(seconds * rate)) / rate
    voice = np.sin(2 * np.pi * np.outer((210, 730, 2410), t)).sum(axis=0)
    swelling: Samples = (voice * (1 + np.sin(2 * np.pi * 3 * t)) * 4000).astype(np.int16)
    return swelling


def resampled(samples: Samples, rate: int, to_rate: int) -> Samples:
    resampler = Resampler(rate, to_rate)
    return np.concatenate([resampler.process(samples), resampler.flush()])


def noise_db(got: Samples, wanted: Samples) -> float:
    """What is not as wanted, against what is: -30 dB is fine for a telephone."""
    off: npt.NDArray[np.float64] = got.astype(float) - wanted
    return float(10 * np.log10(np.mean(off**2) / np.mean(wanted.astype(float) ** 2)))


async def bytes_of(conn: RealtimeConnection, item_id: str) -> bytes:
    """An item's audio as the server has it."""
    event = await conn.retrieve(item_id)
    assert event.item is not None
    (part,) = event.item.to_wire()["content"]
    return b64decode(part["audio"])


async def say(attached: Attachment, microphone: FakeInput, sound: Samples) -> int:
    """Push, say it, release; returns the frames that went out."""
    await attached.start_talking()
    began = time.monotonic()
    half = len(sound) // 2
    microphone.hear(sound[:half], at=began)
    await asyncio.sleep(0)
    microphone.hear(sound[half:], at=began + half / microphone.rate)
    return (await attached.stop_talking()).frames


@pytest.mark.parametrize("encoding", ["audio/pcmu", "audio/pcma"])
@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
async def test_a_telephone_call(encoding: str, rate: int) -> None:
    """Captured, resampled, encoded; and a reply decoded, resampled, played: 8 kHz on the wire."""
    encode, decode = CODECS[encoding]
    microphone, sink = FakeInput(rate=rate, block=rate // 50), FakeOutput(rate=rate, block=rate // 50)
    telephone_line = PcmuFormat() if encoding == "audio/pcmu" else PcmaFormat()
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        await conn.patch(input_format=telephone_line, output_format=telephone_line)
        attached = conn.attach(source=microphone, sink=sink, push_to_talk=True, preroll_ms=0)
        said = words(1.0, rate)
        assert await say(attached, microphone, said) == 8000
        item = await conn.commit()
        telephone = said if rate == 8000 else resampled(said, rate, 8000)
        data = await bytes_of(conn, item.id)
        assert len(data) == 8000
        assert noise_db(decode(data), telephone) < -30
        # Of what is resampled in pieces, the last bit may differ, and then the step of the code.
        codes = np.frombuffer(data, np.uint8), np.frombuffer(bytes(encode(telephone)), np.uint8)
        assert np.mean(codes[0] != codes[1]) < 0.01

        reply = await conn.respond()
        response = await reply.done()
        (made,) = response.to_wire()["output"]
        sent = await bytes_of(conn, made["id"])
        finished = conn.wait_for(signals.PlaybackFinished, SOON)
        sink.advance(len(sent) / 8000 + 0.5)
        await finished
        wanted = decode(sent) if rate == 8000 else resampled(decode(sent), 8000, rate)
        first = int(np.flatnonzero(sink.sounded)[0]) - int(np.flatnonzero(wanted)[0])
        sounded = sink.sounded[first : first + len(wanted)]
        assert np.abs(sounded.astype(int) - wanted).max() <= 1
        heard = conn.player.statistics()
        assert (heard.played, heard.underruns, heard.refused) == (len(wanted), 0, 0)


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
async def test_a_turn_at_any_rate(rate: int) -> None:
    """The committed turn is what was said, converted to the wire's rate, to the frame."""
    microphone = FakeInput(rate=rate)
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        attached = conn.attach(source=microphone, push_to_talk=True)
        said = words(0.5, rate)
        assert await say(attached, microphone, said) == 12_000
        item = await conn.commit()
        data = np.frombuffer(await bytes_of(conn, item.id), "<i2")
        wanted = said if rate == 24_000 else resampled(said, rate, 24_000)
        assert np.abs(data.astype(int) - wanted).max() <= 1


async def test_an_interruption_by_the_key_is_what_the_server_is_told() -> None:
    """The reply ends in the conversation where it ended for the ear, and the next turn begins."""
    microphone, sink = FakeInput(), FakeOutput(latency=0.05)
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        attached = conn.attach(source=microphone, sink=sink, push_to_talk=True)
        await conn.insert("one two three four five six seven eight nine ten " * 3)
        reply = await conn.respond()
        started = conn.wait_for(signals.PlaybackStarted, SOON)
        await reply.done()
        sink.advance(1.0)
        await started
        (cut,) = (await attached.start_talking()).items
        assert cut.heard_ms is not None
        # 1 s was handed over; the latency and the block that is being handed over were not heard.
        assert 1000 - 50 - 20 <= cut.heard_ms <= 1000
        microphone.hear(words(0.5, 24_000), at=time.monotonic() + 0.2)
        assert (await attached.stop_talking()).ms > 400
        await conn.commit()
        assert [item.role for item in conn.history] == ["user", "assistant", "user"]
        assert len(await bytes_of(conn, cut.item_id)) == cut.heard_ms * 48

"""The numbers of the status line, read from a session."""

from __future__ import annotations

import asyncio

import numpy as np

import realtime_raw as rt
from realtime_raw.cli.figures import Gauges
from realtime_raw.cli.screen.notes import Notes
from realtime_raw.cli.sound import Sound
from realtime_raw.devices.fake import FakeInput, FakeOutput
from realtime_raw.loopback import LoopbackServer
from tests.cli.helpers import tone


async def test_a_session_in_numbers() -> None:
    """Phase by phase: level and clipping, the ring, the answer's delay, tokens, minutes."""
    ears, mouth = FakeInput(), FakeOutput()
    async with LoopbackServer(speed=50.0) as server, rt.connect(server.url) as conn:
        sound = Sound(ears, mouth)
        sound.attach(conn, Notes(), preroll_ms=0, full_duplex=False)
        assert sound.talking is not None
        gauges = Gauges(conn, sound)
        now = gauges.figures(voice=True)
        assert (gauges.phase(sending=False, unanswered=False), now.turn_s, now.tokens) == (
            "ready",
            None,
            None,
        )
        assert now.ring_s == 0
        assert now.minutes_left is not None
        assert 59 < now.minutes_left <= 60
        assert gauges.figures(voice=False).level_dbfs is None

        await sound.start_talking()
        await asyncio.sleep(0.25)
        ears.hear(tone(0.2, amplitude=1.5).clip(-32768, 32767))
        ears.hear(np.full(480, 32767, np.int16))
        await asyncio.sleep(0.05)
        now = gauges.figures(voice=True)
        assert gauges.phase(sending=False, unanswered=False) == "talking"
        assert gauges.pace < 0.1
        assert now.clipped
        assert now.level_dbfs is not None
        assert now.level_dbfs > -20
        assert not now.muted
        await sound.talking.stop_talking()
        assert gauges.phase(sending=True, unanswered=False) == "sending"
        await conn.commit()
        assert gauges.phase(sending=False, unanswered=True) == "waiting"

        reply = await conn.respond()
        assert gauges.phase(sending=False, unanswered=False) in ("thinking", "writing", "speaking")
        await reply.done()
        assert gauges.phase(sending=False, unanswered=False) == "speaking"
        (item_id,) = reply.record.item_ids
        assert gauges.sounding(item_id)
        now = gauges.figures(voice=True)
        assert now.level_dbfs is None  # half duplex: what it hears is not sent
        assert now.ring_s is not None
        assert now.ring_s > 1
        assert now.first_audio_ms is not None
        assert now.tokens is not None
        while conn.player.playing:  # the card moves by hand
            mouth.advance(0.1)
            await asyncio.sleep(0.001)
        assert not gauges.sounding(item_id)
        assert gauges.summary().startswith("1 turn, 0 min ")


async def test_a_microphone_that_is_gone() -> None:
    """Has no level, and is not muted."""
    ears = FakeInput()
    async with LoopbackServer() as server, rt.connect(server.url) as conn:
        sound = Sound(ears)
        sound.attach(conn, Notes(), preroll_ms=0, full_duplex=False)
        gauges = Gauges(conn, sound)
        assert gauges.figures(voice=True).level_dbfs is not None
        ears.lose()
        now = gauges.figures(voice=True)
        assert (now.level_dbfs, now.muted) == (None, False)
        ears.restore()
        assert gauges.figures(voice=True).level_dbfs is not None


async def test_a_muted_microphone() -> None:
    """A second of zeros is no pause in speech."""
    ears = FakeInput()
    async with LoopbackServer() as server, rt.connect(server.url) as conn:
        sound = Sound(ears)
        sound.attach(conn, Notes(), preroll_ms=0, full_duplex=False)
        gauges = Gauges(conn, sound)
        ears.hear(np.zeros(24_000, np.int16))
        await asyncio.sleep(0.1)
        assert gauges.figures(voice=True).muted
        assert gauges.pace == 0.1

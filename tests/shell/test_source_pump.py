"""What of a microphone is sent: from the key's down to its up, the moment before, and never an echo."""

from __future__ import annotations

import asyncio
import math
import os
from dataclasses import dataclass, field

import numpy as np
import pytest

from realtime_raw.aio import source_pump
from realtime_raw.aio.hooks import HookChain
from realtime_raw.aio.source_pump import CaptureStatistics, Duplex, SourcePump
from realtime_raw.audio.pcm import Samples
from realtime_raw.audio.player import Player
from realtime_raw.devices.base import AudioSource, Captured
from realtime_raw.devices.fake import FakeInput, FakeOutput
from realtime_raw.devices.streams import StreamSource
from realtime_raw.errors import AudioError, LocalProtocolError, SessionLost
from realtime_raw.types import AudioKey, CloseInfo

KEY = AudioKey("item")


def counted(start: int, stop: int) -> Samples:
    return (np.arange(start, stop) % 32767 + 1).astype(np.int16)


def listed(samples: Samples) -> list[int]:
    """As plain numbers, whose differences are shown."""
    return [int(one) for one in samples]


@dataclass
class Room:
    """A microphone, a loudspeaker and a session in simulated time; what is said counts its frames."""

    rate: int = 24_000
    push_to_talk: bool = True
    full: bool = False
    preroll_ms: float = 400
    encoding: str = "audio/pcm"
    now: float = 100.0
    said: int = 0
    sent: list[Samples] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    deaf: bool = False
    source: AudioSource | None = None

    def __post_init__(self) -> None:
        self.microphone = FakeInput(rate=self.rate, clock=lambda: self.now)
        self.player = Player(24_000, prebuffer_ms=0)
        self.speaker = FakeOutput(latency=0.05)
        self.speaker.start(self.player.pull)
        self.failed: list[Exception] = []
        self.hooks = HookChain([], self.failed.append)
        self.pump = SourcePump(
            self.source or self.microphone,
            append=self.append,
            encoding=lambda: self.encoding,
            clock=lambda: self.now,
            duplex=Duplex(self.full, lambda: self.player, lambda: self.deaf),
            push_to_talk=self.push_to_talk,
            preroll_ms=self.preroll_ms,
            hooks=self.hooks.captured,
            before=lambda: None,
            warn=lambda rule, detail: self.warnings.append((rule, detail)),
        )

    async def append(self, samples: Samples) -> None:
        self.sent.append(samples)

    @property
    def heard(self) -> list[int]:
        """All that was sent."""
        return listed(np.concatenate([np.zeros(0, np.int16), *self.sent]))

    async def pass_by(self, ms: int, *, silent: bool = False, unread: bool = False) -> None:
        """Let time pass in steps of 20 ms; there is talk all the while."""
        for _ in range(ms // 20):
            self.now += 0.02
            frames = self.rate // 50
            self.speaker.advance(0.02)
            self.player.poll(self.now)
            words = counted(self.said, self.said + frames)
            self.microphone.hear(np.zeros(frames, np.int16) if silent else words)
            self.said += frames
            if not unread:
                await self.pump._step()

    def reply(self, ms: int) -> None:
        """A reply comes, all of it at once."""
        self.player.feed(KEY, counted(0, 24 * ms).tobytes(), "audio/pcm", self.now)
        self.player.end(KEY)

    def frames(self, start_ms: float, stop_ms: float) -> list[int]:
        """What was said between two moments."""
        return listed(counted(round(start_ms * self.rate / 1000), round(stop_ms * self.rate / 1000)))


async def test_a_turn_is_what_was_said_and_what_was_said_just_before() -> None:
    room = Room()
    await room.pass_by(1000)
    assert room.heard == []
    await room.pump.start()
    assert room.pump.talking
    await room.pass_by(500)
    await room.pass_by(60, unread=True)
    talk = await room.pump.stop()
    assert room.heard == room.frames(600, 1560)
    assert (talk.frames, talk.ms, talk.preroll_ms, talk.gap_ms) == (960 * 24, 960.0, 400.0, 0.0)
    assert talk.levels.frames == talk.frames
    assert not talk.silent
    await room.pass_by(1000)
    assert room.heard == room.frames(600, 1560)
    assert (room.warnings, room.pump.talking) == ([], False)


@pytest.mark.parametrize("preroll", [0, 20, 333, 1500])
async def test_the_pre_roll_is_as_long_as_asked_and_never_older(preroll: float) -> None:
    room = Room(preroll_ms=preroll)
    await room.pass_by(2000)
    await room.pump.start()
    talk = await room.pump.stop()
    assert talk.preroll_ms == pytest.approx(preroll, abs=0.05)
    assert room.heard == room.frames(2000 - talk.preroll_ms, 2000)


async def test_nothing_stale_is_sent() -> None:
    """Not what the device had before it was attached, nor the pre-roll of a program that stood still."""
    room = Room()
    room.microphone.hear(counted(0, 24_000), at=room.now - 1.0)
    room.said = 0
    await room.pump.start()
    talk = await room.pump.stop()
    assert (room.heard, talk.frames, talk.silent) == ([], 0, True)
    await room.pass_by(1000, unread=True)
    room.now += 5.0
    await room.pump.start()
    await room.pass_by(100)
    await room.pump.stop()
    assert room.heard == room.frames(1000, 1100)


async def test_twice_down_is_one_turn_and_twice_up_an_error() -> None:
    room = Room(preroll_ms=0)
    await room.pass_by(100)
    await room.pump.start()
    await room.pass_by(100)
    await room.pump.start()
    await room.pass_by(100)
    assert (await room.pump.stop()).ms == 200.0
    assert room.heard == room.frames(100, 300)
    with pytest.raises(LocalProtocolError, match="nobody is talking"):
        await room.pump.stop()


async def test_what_the_device_has_not_yet_handed_over_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that was said up to the key's release, though the device gives it later."""
    monkeypatch.setattr(source_pump, "_LOOK_S", 0)
    room = Room(preroll_ms=0)
    await room.pump.start()
    await room.pass_by(100)
    room.now += 0.06
    stopping = asyncio.ensure_future(room.pump.stop())
    await asyncio.sleep(0)
    released = room.now
    for _ in range(5):
        await asyncio.sleep(0)
        room.now += 0.01
    assert not stopping.done()
    room.microphone.hear(counted(room.said, room.said + 2400), at=100.1)
    assert room.now > released
    assert (await stopping).ms == 200.0
    assert room.heard == room.frames(0, 200)
    # A device that gives nothing is not waited for longer than a quarter of a second, a lost one not at all.
    await room.pump.start()
    room.now += 1.0
    stopping = asyncio.ensure_future(room.pump.stop())
    began = room.now
    while not stopping.done():
        await asyncio.sleep(0)
        room.now += 0.01
    assert room.now - began < 0.4
    await room.pump.start()
    room.now += 1.0
    room.microphone.lose()
    await room.pump.stop()


async def test_the_microphone_is_not_sent_while_a_reply_plays() -> None:
    """Half duplex: from the first sound to the end of the last one in the air; then at once."""
    room = Room(push_to_talk=False)
    await room.pass_by(200)
    room.reply(500)
    await room.pass_by(1000)
    # 500 ms of sound, heard 50 ms and a block late, its end seen within a step of 20 ms.
    missing = sorted(set(room.frames(0, 1200)) - set(room.heard))
    assert missing[0] == room.frames(180, 1200)[0] or missing[0] == room.frames(200, 1200)[0]
    assert 550 <= len(missing) / 24 <= 620
    assert room.heard == sorted(set(room.frames(0, 1200)) - set(missing))
    counts = room.pump.statistics()
    assert counts.muted_ms == pytest.approx(len(missing) / 24)
    assert counts.captured_ms == 1200.0
    assert counts.appended_ms == pytest.approx(1200.0 - counts.muted_ms)
    assert counts.idle_ms == counts.gap_ms == 0.0


async def test_full_duplex_sends_always() -> None:
    room = Room(push_to_talk=False, full=True)
    room.reply(500)
    await room.pass_by(1000)
    assert room.heard == room.frames(0, 1000)


async def test_a_loudspeaker_that_is_gone_mutes_nobody() -> None:
    room = Room(push_to_talk=False, deaf=True)
    room.reply(500)
    await room.pass_by(1000)
    assert room.heard == room.frames(0, 1000)


@pytest.mark.parametrize("full", [False, True])
async def test_no_echo_before_the_turn(full: bool) -> None:
    """The pre-roll begins where the reply's last sound ended in the air; with headphones it need not."""
    room = Room(full=full)
    await room.pass_by(400)
    room.reply(5000)
    await room.pass_by(500)
    await room.pass_by(100, unread=True)
    room.player.interrupt(room.now)
    await room.pump.start()
    await room.pass_by(500)
    await room.pump.stop()
    first = room.heard[0] - 1
    if full:
        assert first == 600 * 24
    else:
        # The device had 70 ms of it, and the fade.
        assert 1000 + 70 <= first / 24 <= 1000 + 80
    assert room.heard == counted(first, 1500 * 24).tolist()


async def test_a_reply_that_ended_by_itself_leaves_the_pre_roll_behind_it() -> None:
    room = Room()
    room.reply(200)
    await room.pass_by(460)
    assert not room.player.playing
    await room.pump.start()
    talk = await room.pump.stop()
    assert 150 <= talk.preroll_ms <= 190
    assert room.heard == room.frames(460 - talk.preroll_ms, 460)


async def test_a_loop_that_stood_still_loses_the_oldest_and_says_so() -> None:
    room = Room(preroll_ms=0)
    await room.pump.start()
    await room.pass_by(5000, unread=True)
    talk = await room.pump.stop()
    assert room.heard == room.frames(3000, 5000)
    assert (talk.gap_ms, talk.ms) == (3000.0, 2000.0)
    assert room.warnings == [
        ("microphone_gap", "3000 ms of captured sound were lost before they could be sent")
    ]
    assert room.pump.statistics() == CaptureStatistics(2000.0, 2000.0, 0.0, 0.0, 3000.0)


async def test_a_microphone_that_was_away_leaves_a_hole_of_known_length() -> None:
    room = Room(preroll_ms=0)
    await room.pump.start()
    await room.pass_by(100)
    room.microphone.lose()
    await room.pass_by(700)
    room.microphone.restore()
    await room.pass_by(100)
    talk = await room.pump.stop()
    assert room.heard == room.frames(0, 100) + room.frames(800, 900)
    assert talk.gap_ms == 700.0


async def test_silence_is_said_before_it_is_committed() -> None:
    """Zeros are a permission that is missing; a hiss is a microphone far away; speech is neither."""
    room = Room(preroll_ms=0)
    await room.pump.start()
    await room.pass_by(300, silent=True)
    assert room.pump.all_zero_ms == 300.0
    assert room.pump.levels.silent
    talk = await room.pump.stop()
    assert talk.silent
    assert talk.levels.peak_dbfs == -math.inf
    assert room.warnings == [
        ("silent_turn", "all of this turn (300 ms) is zeros: is the microphone muted, or not permitted?")
    ]
    await room.pump.start()
    room.now += 0.1
    room.microphone.hear(np.full(2400, 30, np.int16))
    assert (await room.pump.stop()).silent
    assert room.warnings[1] == ("silent_turn", "nothing in this turn (100 ms) is louder than -61 dBFS")
    await room.pump.start()
    room.now += 0.1
    room.microphone.hear(np.append(np.full(2399, 40, np.int16), np.int16(0)))
    assert not (await room.pump.stop()).silent
    assert len(room.warnings) == 2
    assert room.pump.all_zero_ms == pytest.approx(1000 / 24_000)


async def test_the_meter_shows_the_last_tenth_of_a_second() -> None:
    """Sent or not."""
    room = Room()
    assert room.pump.levels.frames == 0
    await room.pass_by(1000)
    assert 2400 <= room.pump.levels.frames < 2400 + 480
    room.now += 0.1
    room.microphone.hear(np.full(2400, -32768, np.int16))
    await room.pump._step()
    assert room.pump.levels.peak_dbfs == 0.0
    assert room.pump.levels.clipped == 2400


@pytest.mark.parametrize(
    ("rate", "encoding", "wire"),
    [(48_000, "audio/pcm", 24_000), (44_100, "audio/pcm", 24_000), (16_000, "audio/pcmu", 8_000)],
)
async def test_a_turn_at_another_rate_is_resampled_whole(rate: int, encoding: str, wire: int) -> None:
    """To the last frame; and each turn is a stream of its own."""
    room = Room(rate=rate, encoding=encoding)
    for _ in range(2):
        room.sent.clear()
        await room.pass_by(1000)
        await room.pump.start()
        await room.pass_by(600)
        talk = await room.pump.stop()
        assert len(room.heard) == talk.frames == wire
        assert talk.ms == 1000.0
        assert talk.preroll_ms == pytest.approx(400.0, abs=0.1)


async def test_the_format_may_change_within_what_is_always_sent() -> None:
    room = Room(push_to_talk=False)
    await room.pass_by(100)
    assert len(room.heard) == 2400
    room.sent.clear()
    room.encoding = "audio/pcmu"
    await room.pass_by(1000)
    assert len(room.heard) == pytest.approx(8000, abs=200)


async def test_hooks_change_what_is_sent_and_cannot_end_the_call() -> None:
    """What a canceller returns is what is sent, pre-roll and all; one that fails is told of and left out."""

    class Canceller:
        calls = 0
        told: list[Captured]

        def __init__(self) -> None:
            self.told = []

        def played(self, samples: Samples, at: float, rate: int) -> None: ...

        def captured(self, samples: Samples, at: float, rate: int) -> Samples:
            self.told.append(Captured(samples, at))
            if samples[0] > 24_000:
                raise ZeroDivisionError
            return -samples

    room = Room()
    canceller = Canceller()
    room.hooks._hooks.append(canceller)
    await room.pass_by(500)
    await room.pump.start()
    await room.pass_by(300)
    await room.pass_by(400)
    await room.pump.stop()
    assert [-one for one in room.heard[: 24 * 900]] == room.frames(100, 1000)
    assert room.heard[24 * 920 :] == room.frames(1020, 1200)
    assert [type(exc) for exc in room.failed] == [ZeroDivisionError]
    assert np.concatenate([one.samples for one in canceller.told]).tolist() == room.frames(0, 1020)
    assert [one.at for one in canceller.told] == pytest.approx([100 + 0.02 * i for i in range(51)])


async def test_a_pre_roll_below_nothing() -> None:
    with pytest.raises(AudioError, match="preroll_ms is -1"):
        Room(preroll_ms=-1)


async def test_a_hook_that_returns_no_sound() -> None:
    """Is one that failed."""

    class Forgetful:
        def played(self, samples: Samples, at: float, rate: int) -> None: ...

        def captured(self, samples: Samples, at: float, rate: int) -> Samples:
            return None  # type: ignore[return-value]  # as happens

    room = Room(preroll_ms=0)
    room.hooks._hooks.append(Forgetful())
    await room.pump.start()
    await room.pass_by(100)
    assert (await room.pump.stop()).ms == 100.0
    assert room.heard == room.frames(0, 100)
    assert len(room.failed) == 1


async def test_the_line_may_end_in_the_middle() -> None:
    """Whoever talks is told; the pump just ends."""
    room = Room(preroll_ms=0)
    await room.pump.start()
    await room.pass_by(100)

    async def gone(_: Samples) -> None:
        raise SessionLost(CloseInfo(1006))

    room.pump._append = gone
    room.now += 0.02
    room.microphone.hear(counted(0, 480))
    with pytest.raises(SessionLost):
        await room.pump.stop()
    room.microphone.hear(counted(0, 480))
    await room.pump.run()


async def test_a_pipe_can_be_talked_with_too() -> None:
    """It has no loudspeaker beside it, so it is never muted, and nobody waits for what it does not have."""
    read, write = os.pipe()
    os.write(write, counted(0, 2400).tobytes())
    os.close(write)
    with os.fdopen(read, "rb") as reader:
        source = StreamSource(reader)
        room = Room(preroll_ms=1000, source=source)
        room.reply(5000)
        async with asyncio.timeout(5):
            while not source._ended:  # noqa: ASYNC110  # a thread has no event for it
                await asyncio.sleep(0)
        await room.pump.start()
        talk = await room.pump.stop()
        assert (talk.ms, room.heard) == (100.0, room.frames(0, 100))

"""From a source to the session: what is captured, what of it is sent, and how loud it is.

A microphone is read all the time, for its level and for what was said just
before the key went down; what is sent is decided by the time at which each
frame was in the air. The devices' threads have no part in it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..audio.g711 import G711_RATE
from ..audio.levels import LevelMeter, Levels, measure
from ..audio.pcm import WIRE_RATE, Samples, ms_of
from ..audio.resample import Resampler
from ..devices.base import Captured, LiveSource
from ..errors import AudioError, LocalProtocolError, SessionLost

if TYPE_CHECKING:
    from ..audio.player import Player
    from ..devices.base import AudioSource

__all__ = ["POLL_S", "SILENT_DBFS", "CaptureStatistics", "Duplex", "SourcePump", "Talk"]

# Chunks on the wire need this rhythm anyway, and devices deliver no faster.
POLL_S: Final = 0.02
SILENT_DBFS: Final = -60.0
"""A turn whose peak stays below it holds no speech: a muted microphone, or one that may not be used."""
_METER_S: Final = 0.1
# How long a device may take to hand over what it had heard when the key went up, and how often to look.
_CATCH_UP_S: Final = 0.25
_LOOK_S: Final = 0.005


@dataclass(frozen=True, slots=True)
class Talk:
    """One turn by push to talk. `frames` were appended, at the wire's rate, pre-roll included.

    `levels` are those of the source, `gap_ms` is what was lost of it in between.
    """

    frames: int
    ms: float
    preroll_ms: float
    levels: Levels
    gap_ms: float

    @property
    def silent(self) -> bool:
        """Whether nothing in it is as loud as speech: to commit it is a waste."""
        return self.levels.peak_dbfs < SILENT_DBFS


@dataclass(frozen=True, slots=True)
class CaptureStatistics:
    """Counters of a source, in milliseconds of it: captured, appended, kept back, lost.

    `muted_ms` was captured while a reply sounded (half duplex), `idle_ms` while
    nobody talked (push to talk), or before it was attached.
    """

    captured_ms: float
    appended_ms: float
    muted_ms: float
    idle_ms: float
    gap_ms: float


class _Turn:
    """Audio on its way to the wire, as one stream from its first frame to its last."""

    def __init__(self, rate: int, encoding: str) -> None:
        self.wire_rate = WIRE_RATE if encoding == "audio/pcm" else G711_RATE
        self.encoding = encoding
        self.meter = LevelMeter()
        self.frames = 0
        self.preroll = 0  # frames of the source, as the next one
        self.gap = 0
        self._resampler = Resampler(rate, self.wire_rate) if rate != self.wire_rate else None

    def take(self, samples: Samples) -> Samples:
        """What goes out for it."""
        self.meter.add(samples)
        return self._counted(self._resampler.process(samples) if self._resampler else samples)

    def rest(self) -> Samples:
        """What the resampler still holds."""
        return self._counted(self._resampler.flush() if self._resampler else np.zeros(0, np.int16))

    def _counted(self, out: Samples) -> Samples:
        self.frames += len(out)
        return out


@dataclass(frozen=True, slots=True)
class Duplex:
    """What may be sent while a reply sounds: `full`, everything; else nothing that hears the loudspeaker.

    `player` is what plays, if anything; `deaf` says that its device is gone.
    """

    full: bool
    player: Callable[[], Player | None]
    deaf: Callable[[], bool]

    def silent_from(self, now: float) -> float | None:
        """From when on nothing of a reply is in the air, if it is now or soon; None if nothing is."""
        player = self.player()
        if self.full or player is None or self.deaf():
            return None
        tail = player.sounding_for(now)
        return now + tail if tail or player.playing else None


class SourcePump:
    """Reads `source`, shows it to `hooks`, and appends what is to be sent.

    `append` takes samples at the rate of the wire's `encoding()`; where the line
    is slow it waits, and the source holds or drops what comes meanwhile, as is
    its way. `before` is called ahead of each reading. `warn` is told a rule and
    its details. Raises `MissingExtra` if it must resample and cannot, and
    `AudioError` for a pre-roll below 0.
    """

    def __init__(
        self,
        source: AudioSource,
        *,
        append: Callable[[Samples], Awaitable[None]],
        encoding: Callable[[], str],
        clock: Callable[[], float],
        duplex: Duplex,
        push_to_talk: bool,
        preroll_ms: float,
        hooks: Callable[[Samples, float, int], Samples],
        before: Callable[[], None],
        warn: Callable[[str, str], None],
    ) -> None:
        if not preroll_ms >= 0:
            raise AudioError(f"preroll_ms is {preroll_ms}", hint="times are 0 or more")
        self._source = source
        self._append = append
        self._encoding = encoding
        self._clock = clock
        self._duplex = duplex
        self._push_to_talk = push_to_talk
        self._preroll_s = preroll_ms / 1000
        self._hooks = hooks
        self._before = before
        self._warn = warn
        self._live = isinstance(source, LiveSource)
        self._lock = asyncio.Lock()
        # Nothing older than this is sent: what lay in the device before it was asked for, and echoes.
        self._not_before = clock() if self._live else float("-inf")
        turn = _Turn(source.rate, encoding())  # in any case: now is the time to miss the resampler
        self._turn = None if push_to_talk else turn
        self._kept: deque[Captured] = deque()
        self._until = self._not_before
        self._recent: deque[Samples] = deque()
        self._recent_frames = self._zeros = 0
        self._captured = self._muted = self._idle = self._gap = 0
        self._appended_s = 0.0

    # What is to be seen

    @property
    def talking(self) -> bool:
        """Whether a turn is open that was begun by push to talk."""
        return self._push_to_talk and self._turn is not None

    @property
    def levels(self) -> Levels:
        """Those of the last 100 ms that were captured."""
        return measure(np.concatenate(self._recent) if self._recent else np.zeros(0, np.int16))

    @property
    def all_zero_ms(self) -> float:
        """How long every sample has been zero, up to now."""
        return ms_of(self._zeros, self._source.rate)

    def statistics(self) -> CaptureStatistics:
        """Counters since it began."""
        rate = self._source.rate
        return CaptureStatistics(
            captured_ms=ms_of(self._captured, rate),
            appended_ms=self._appended_s * 1000,
            muted_ms=ms_of(self._muted, rate),
            idle_ms=ms_of(self._idle, rate),
            gap_ms=ms_of(self._gap, rate),
        )

    # Running

    async def run(self) -> None:
        """Until the source is exhausted or the line ends. Raises what the source raises, and `AudioError`."""
        try:
            while not self._source.exhausted:
                async with self._lock:
                    came = await self._step()
                # A file gives as fast as it is asked; a microphone has its rhythm.
                if not came or self._live:
                    await asyncio.sleep(POLL_S)
            if not self._push_to_talk:
                await self._send_rest()
        except SessionLost:
            pass  # whoever waits for an answer is told

    async def _step(self) -> bool:
        """Read what is there, and send it if it is to be sent; returns whether anything was there."""
        captured = self._read()
        wanted = self._wanted(captured)
        if self._turn is None:
            self._keep(wanted)
        else:
            await self._send(wanted)
        return len(captured.samples) > 0

    def _read(self) -> Captured:
        self._before()
        source, now = self._source, self._clock()
        if isinstance(source, LiveSource):
            captured = source.read_captured()
        else:
            samples = source.read_available()
            captured = Captured(samples, now - len(samples) / source.rate)
        if captured.gap:
            self._lost(captured.gap)
        if len(captured.samples):
            self._until = captured.until(source.rate)
            captured = captured._replace(samples=self._hooks(captured.samples, captured.at, source.rate))
            self._notice(captured.samples)
        return captured

    def _lost(self, frames: int) -> None:
        self._gap += frames
        if self._turn is not None:
            self._turn.gap += frames
            ms = ms_of(frames, self._source.rate)
            self._warn("microphone_gap", f"{ms:.0f} ms of captured sound were lost before they could be sent")

    def _notice(self, samples: Samples) -> None:
        self._captured += len(samples)
        # From the last sample that is none.
        sounds = np.flatnonzero(samples)
        self._zeros = len(samples) - 1 - int(sounds[-1]) if len(sounds) else self._zeros + len(samples)
        self._recent.append(samples)
        self._recent_frames += len(samples)
        while self._recent_frames - len(self._recent[0]) >= _METER_S * self._source.rate:
            self._recent_frames -= len(self._recent.popleft())

    def _wanted(self, captured: Captured) -> Captured:
        """Without what is stale, and in half duplex without what the loudspeaker may have said."""
        if not self._live:
            return captured
        silent_from = self._duplex.silent_from(self._clock())
        if silent_from is not None:
            self._not_before = max(self._not_before, silent_from)
        wanted = captured.since(self._not_before, self._source.rate)
        left_out = len(captured.samples) - len(wanted.samples)
        if silent_from is not None or self._turn is not None:
            self._muted += left_out
        else:
            self._idle += left_out
        return wanted

    def _keep(self, wanted: Captured) -> None:
        """Hold it as pre-roll, and forget what is too old to be one."""
        if len(wanted.samples):
            self._kept.append(wanted)
        oldest = self._clock() - self._preroll_s
        while self._kept and self._kept[0].until(self._source.rate) <= oldest:
            self._idle += len(self._kept.popleft().samples)

    async def _send(self, wanted: Captured) -> None:
        turn = self._turn
        assert turn is not None
        if turn.encoding != self._encoding():
            # The session's format was changed: what the resampler holds has the old one.
            self._turn = turn = _Turn(self._source.rate, self._encoding())
        await self._append_of(turn, turn.take(wanted.samples))

    async def _append_of(self, turn: _Turn, out: Samples) -> None:
        if len(out):
            self._appended_s += len(out) / turn.wire_rate
            await self._append(out)

    async def _send_rest(self) -> None:
        if self._turn is not None:
            await self._append_of(self._turn, self._turn.rest())

    # Push to talk

    async def start(self) -> None:
        """Begin a turn with what was said just before; one that is open goes on."""
        async with self._lock:
            if self._turn is not None:
                return
            now = self._clock()
            self._keep(self._wanted(self._read()))
            turn = self._turn = _Turn(self._source.rate, self._encoding())
            oldest = max(now - self._preroll_s, self._not_before)
            kept, self._kept = self._kept, deque()
            for stretch in kept:
                wanted = stretch.since(oldest, self._source.rate)
                self._idle += len(stretch.samples) - len(wanted.samples)
                turn.preroll += len(wanted.samples)
                await self._send(wanted)

    async def stop(self) -> Talk:
        """End the turn with what was captured up to now. Raises `LocalProtocolError` if there is none."""
        called_at = self._clock()
        async with self._lock:
            if self._turn is None:
                raise LocalProtocolError("nobody is talking", hint="start_talking() comes first")
            await self._catch_up(called_at)
            await self._send_rest()
            turn, self._turn = self._turn, None
        rate = self._source.rate
        talk = Talk(
            frames=turn.frames,
            ms=ms_of(turn.frames, turn.wire_rate),
            preroll_ms=ms_of(turn.preroll, rate),
            levels=turn.meter.levels(),
            gap_ms=ms_of(turn.gap, rate),
        )
        if talk.silent:
            self._warn("silent_turn", _silence(talk))
        return talk

    async def _catch_up(self, called_at: float) -> None:
        """Send all that the device had heard at that time: it hands over the last of it a little later."""
        await self._step()
        deadline = called_at + _CATCH_UP_S
        while self._live and self._until < called_at - 0.001 and self._clock() < deadline:
            if self._source.exhausted or getattr(self._source, "lost", False):
                return
            await asyncio.sleep(_LOOK_S)
            await self._step()


def _silence(talk: Talk) -> str:
    if talk.levels.silent:
        return f"all of this turn ({talk.ms:.0f} ms) is zeros: is the microphone muted, or not permitted?"
    return f"nothing in this turn ({talk.ms:.0f} ms) is louder than {talk.levels.peak_dbfs:.0f} dBFS"

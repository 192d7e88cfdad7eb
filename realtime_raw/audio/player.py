"""`Player`: what plays, what was heard, and how it stops (a `types.Playhead`).

The event loop's half: parts come in as wire bytes and go to the ring, or
behind it to the spill; the span map tells whose frames the device has had.
The device's half is `reader`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import AudioError
from ..types import AudioKey, Heard, PlaybackMark
from .intake import Intake
from .pcm import WIRE_RATE, Samples, frames_of, ms_of
from .reader import BlockReader
from .ring import SampleRing
from .spans import SpanMap
from .spill import Spill

__all__ = ["Player", "PlayerStatistics"]

_AT_REST_S = 0.5
_GROWING_S = 0.25
_PLAIN = "audio/pcm"
_REMEMBERED = 4096  # parts: some hours of talk


@dataclass(frozen=True, slots=True)
class PlayerStatistics:
    """A player's counters. Frames are of `rate`; milliseconds say so.

    `queued` wait in the ring, `spilled` behind it, `high_water` is the most
    that ever waited in both; `refused` found no room. `underruns` are silences
    *within* a part: one that is still going on counts, and is taken back if it
    proves to be the part's end. `longest_gap_ms` is the longest of them.
    `pulls` are blocks asked for; their durations are zero unless the player
    was given a clock. `faults` are blocks that became silence because
    something went wrong in the callback: see `Player.fault`.
    """

    rate: int
    capacity: int
    queued: int
    spilled: int
    high_water: int
    played: int
    refused: int
    interrupts: int
    underruns: int
    longest_gap_ms: float
    pulls: int
    faults: int
    longest_pull_ms: float
    mean_pull_ms: float


@dataclass(slots=True)
class _Part:
    """One content part of one item, from its first byte on."""

    key: AudioKey
    intake: Intake | None = None
    received: int = 0
    ahead: int = 0  # so many samples more (or less, while some are held back) were made of it
    spilled: int = 0
    start_at: int = -1  # its first frame in the ring since it was last interrupted, once there is one
    end_at: int = 0  # after its last frame in the ring
    ended: bool = False
    started: bool = False
    plain: bool = False  # live, and what comes next are samples of the ring's own kind, nothing held back


class Player:
    """Plays parts in the order in which they come, and knows what was heard of each.

    `rate` is the device's, best the wire's 24 kHz. `seconds` is the ring's
    length; one answer may be 205 s and arrive at once (4,096 tokens of 50 ms,
    API reference), `spill_seconds` more may wait behind it. Sound starts with
    `prebuffer_ms` in hand, and again so after an underrun; a part that has
    ended starts with what there is. It stops along a fade of `fade_ms`.
    `latency_ms` is the time from a block's hand-over until it has been heard,
    for devices that do not tell with each block. `clock` counts nanoseconds
    (`time.perf_counter_ns`) to time the callback.

    `on_resumed` may be set: it is called when a device that was at rest asks
    for a block again, on the device's thread, or is interrupted: once, so that
    `rest` need not guess. It must not wait.

    Threads: `pull` is the device's, everything else the event loop's. They
    share no lock. Raises `AudioError` for settings that make no sense.
    """

    def __init__(
        self,
        rate: int = WIRE_RATE,
        seconds: float = 240.0,
        prebuffer_ms: float = 60.0,
        fade_ms: float = 5.0,
        latency_ms: float = 0.0,
        *,
        spill_seconds: float = 600.0,
        clock: Callable[[], int] | None = None,
    ) -> None:
        times = {
            "prebuffer_ms": prebuffer_ms,
            "fade_ms": fade_ms,
            "latency_ms": latency_ms,
            "spill_seconds": spill_seconds,
        }
        for name, value in times.items():
            if not value >= 0:
                raise AudioError(f"{name} is {value}", hint="times are 0 or more")
        capacity = int(seconds * rate)
        if capacity <= frames_of(prebuffer_ms, rate):
            raise AudioError(
                f"a ring of {seconds:g} s at {rate} Hz never fills the pre-buffer of {prebuffer_ms:g} ms",
                hint="give more seconds or a shorter pre-buffer",
            )
        self._rate = rate
        self._takes_plain = rate == WIRE_RATE and sys.byteorder == "little"
        self._ring = SampleRing(capacity)
        self._reader = BlockReader(
            self._ring,
            rate,
            prebuffer=frames_of(prebuffer_ms, rate),
            fade=frames_of(fade_ms, rate),
            latency=frames_of(latency_ms, rate),
            now=clock,
        )
        self._spans = SpanMap()
        self._spill = Spill(int(spill_seconds * rate))
        self._parts: dict[AudioKey, _Part] = {}
        self._live: dict[AudioKey, _Part] = {}  # neither heard to the end nor interrupted
        self._growing: _Part | None = None  # that of the last span, while its key is there
        self._position = 0  # everything below was heard
        self._passed = -1  # what of it was looked at for marks
        self._ended = False  # a part has ended since
        self._seen = (0, 0.0)  # device frames, and when they were first seen
        self._moved = (-1, 0.0)  # the same, as `rest` saw it
        self._marks: list[PlaybackMark] = []
        self.on_resumed: Callable[[], object] | None = None
        self._interrupts = self._refused = self._high_water = 0
        self._underruns = self._longest_gap = 0

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self._rate

    # -- the device's thread ------------------------------------------------

    def pull(self, out: Samples, latency: float | None = None) -> int:
        """Fill `out` (mono int16, any length) with the next block; returns how many frames of it are audio.

        The rest is silence, or the end of a fade. `latency` is the time in
        seconds until the block's first frame is heard, if the device knows it
        (PortAudio: `outputBufferDacTime - currentTime`); it stands in for
        `latency_ms`. Never waits, logs or raises: on any fault the block is
        silent and `fault` is set.
        """
        return self._reader.pull(out, latency)

    # -- the event loop's thread --------------------------------------------

    def feed(self, key: AudioKey, data: bytes, encoding: str, now: float) -> int:
        """Queue audio as it came from the wire; returns the frames taken, counted in the wire's own rate.

        `encoding` is `audio/pcm` (24 kHz, 16 bit, any number of bytes: half a
        sample waits for the next piece), `audio/pcmu` or `audio/pcma` (8 kHz).
        Another rate than the player's is resampled. Fewer frames than given
        means that ring and spill are full: what was not taken is lost.

        Raises `AudioError` for another encoding, and `MissingExtra` if it must
        resample without soxr.
        """
        grows = self._spans.key is key
        part = self._growing if grows else self._parts.get(key)
        if part is None and encoding == _PLAIN and self._takes_plain:
            part = self._new(key)
            part.plain = True
        if part is not None and part.plain and encoding == _PLAIN and not self._spill.frames:
            ring = self._ring
            waiting = ring.write_bytes(data)
            if waiting:
                frames, end = len(data) >> 1, ring.end
                if not grows and self._spans.key is not part.key:
                    self._begin(part, end - frames)
                part.received += frames
                part.end_at = end
                if waiting > self._high_water:
                    self._high_water = max(self._high_water, waiting - ring.discarding)
                return frames
        return self._take_in(key, data, encoding)

    def end(self, key: AudioKey) -> None:
        """No more audio will come for `key`: what is queued of it plays to its end, however short.

        Unknown keys, and a second call, mean nothing.
        """
        part = self._parts.get(key)
        if part is None or part.ended:
            return
        part.ended = True
        if part.intake is not None and len(held := part.intake.flush()):
            self._queue(part, held)
            part.ahead += len(held)
        part.intake, part.plain = None, False
        # Resampled, a part may come out one frame longer than reckoned.
        if part.ahead > 0:
            part.received, part.ahead = part.received + part.ahead, 0
        self._release(part)

    def interrupt(self, now: float) -> tuple[Heard, ...]:
        """Stop sounding, with a fade, and forget what is queued.

        Returns one record for each part that was received and not yet heard to
        its end, in playing order; those the device never had say 0 frames. What
        they say stays true: `heard` will not grow. It is what had been heard in
        this moment, less at most the block that is being handed over. What was
        inside the device by then, its latency, and the fade sound on unreported:
        the listener had not heard them when the interruption came.

        Audio fed afterwards plays normally, for these parts too: not to feed
        them is the caller's affair.
        """
        # The mark first: a block that comes between is then in the count.
        self._ring.discard()
        self._advance(now)
        stopped = tuple(self._record(part) for part in self._live.values())
        self._marks = [mark for mark in self._marks if mark.key not in self._live]
        for part in self._live.values():
            part.intake, part.spilled, part.plain = None, 0, False
            part.start_at = -1
        self._live.clear()
        self._spill.clear()
        self._spans.cut(self._position)
        self._interrupts += 1
        self._reader.call()
        return stopped

    def heard(self, key: AudioKey, now: float) -> Heard | None:
        """How much of `key` was heard by `now`, to the block; None if it never had audio.

        Parts are remembered long after they were heard: the last 4,096 of them.
        """
        part = self._parts.get(key)
        if part is None or not part.received:
            return None
        self._follow(now)
        return self._record(part)

    def poll(self, now: float) -> list[PlaybackMark]:
        """Marks passed since the last poll, in order; also refills the ring from the spill.

        Call it every 20 ms or so while `playing`, or when `rest` is over.
        """
        self._refill()
        self._advance(now)
        marks, self._marks = self._marks, []
        return marks

    def rest(self, now: float) -> float:
        """Seconds for which `poll` will tell nothing, if the device goes on as it does; 0 if in doubt.

        A device that has asked for nothing for half a second, and has sounded
        all it had, rests until it asks again: `inf`, if `on_resumed` is set to
        hear of that. If not, it is taken to rest on for half as long again.
        """
        clock = self._reader.clock
        if clock.pulled != self._moved[0]:
            self._moved = (clock.pulled, now)
        elif now - self._moved[1] > _AT_REST_S:
            if self.on_resumed is None or self._position < clock.position(clock.pulled):
                return (now - self._moved[1]) / 2
            self._reader.wake = self.on_resumed
            # It may have asked in between.
            return math.inf if self._reader.clock.pulled == clock.pulled else 0.0
        part = next(iter(self._live.values()), None)
        if part is None or not part.started:
            return 0.0
        if len(self._spill):
            frames = self._ring.available // 2  # it must be filled up before that is played
        elif part.ended:
            frames = part.end_at - self._position
        else:
            return _GROWING_S  # no mark before more comes
        return max(0.0, frames / self._rate)

    @property
    def playing(self) -> bool:
        """Whether a part has had audio and was neither heard to its end nor interrupted."""
        return bool(self._live)

    def sounding_for(self, now: float) -> float:
        """Seconds from `now` until the device is silent, if nothing more is handed to it; 0.0 if it is.

        After an interruption, that is what was inside the device, and the fade.
        """
        clock = self._reader.clock
        if not clock.run_frames:
            return 0.0
        end = clock.run_at + clock.run_frames + self._reader.fade
        return max(0.0, (end - self._heard_until(now)) / self._rate)

    @property
    def fault(self) -> Exception | None:
        """The last exception that was swallowed in the device's callback."""
        return self._reader.fault

    def statistics(self) -> PlayerStatistics:
        """Counters since the start. On the event loop's thread, like the rest."""
        self._count_gaps()
        reader, ring = self._reader, self._ring
        gap = self._gap_so_far()
        return PlayerStatistics(
            rate=self._rate,
            capacity=ring.capacity,
            queued=ring.available - ring.discarding,
            spilled=len(self._spill),
            high_water=self._high_water,
            played=reader.played,
            refused=self._refused,
            interrupts=self._interrupts,
            underruns=self._underruns + (gap > 0),
            longest_gap_ms=ms_of(max(self._longest_gap, gap), self._rate),
            pulls=reader.pulls,
            faults=reader.faults,
            longest_pull_ms=reader.longest_ns / 1e6,
            mean_pull_ms=reader.busy_ns / 1e6 / max(1, reader.pulls),
        )

    # -- parts into the ring ------------------------------------------------

    def _take_in(self, key: AudioKey, data: bytes, encoding: str) -> int:
        """As `feed`, whatever the samples are and wherever there is room."""
        part = self._part(key, encoding)
        self._refill()
        intake = part.intake
        assert intake is not None
        before = intake.received
        taken = intake.take(data, self._ring.free + self._spill.free)
        received = intake.received - before
        part.received += received
        part.ahead += len(taken.samples) - received
        self._refused += taken.refused
        self._queue(part, taken.samples)
        if taken.frames:
            self._live.setdefault(key, part)
        part.plain = intake.is_plain and key in self._live
        return taken.frames

    def _part(self, key: AudioKey, encoding: str) -> _Part:
        part = self._parts.get(key)
        if part is not None and part.intake is not None and part.intake.encoding == encoding:
            part.ended = False
            return part
        intake = Intake(encoding, self._rate)  # which may raise
        part = part or self._new(key)
        part.intake, part.ended = intake, False
        return part

    def _new(self, key: AudioKey) -> _Part:
        self._forget_oldest()
        part = self._parts[key] = _Part(key)
        return part

    def _forget_oldest(self) -> None:
        if len(self._parts) < _REMEMBERED or len(self._live) == len(self._parts):
            return
        oldest = next((key for key in self._parts if key not in self._live), None)
        if oldest is not None:
            del self._parts[oldest]
            self._spans.forget(oldest)

    def _queue(self, part: _Part, samples: Samples) -> None:
        # Behind what waits already, or it would overtake it.
        written = 0 if len(self._spill) else self._write(part, samples)
        if written < len(samples):
            self._spill.push(part.key, samples[written:])
            part.spilled += len(samples) - written
        self._high_water = max(
            self._high_water, self._ring.available - self._ring.discarding + len(self._spill)
        )

    def _write(self, part: _Part, samples: Samples) -> int:
        start = self._ring.written
        count = self._ring.write(samples)
        if count:
            part.end_at = start + count
            if self._spans.key is not part.key:
                self._begin(part, start)
        return count

    def _begin(self, part: _Part, start: int) -> None:
        self._spans.begin(start, part.key)
        self._growing = part
        self._live.setdefault(part.key, part)
        if part.start_at < 0:
            part.start_at = start

    def _refill(self) -> None:
        while len(self._spill) and (free := self._ring.free):
            key, samples = self._spill.first(free)
            part = self._parts[key]
            self._write(part, samples)
            self._spill.drop(len(samples))
            part.spilled -= len(samples)
            self._release(part)

    def _release(self, part: _Part) -> None:
        """Let the device start without a pre-buffer on what has come to its end."""
        self._ended = True
        if part.ended:
            self._reader.release_until = max(self._reader.release_until, part.end_at)

    # -- where the ear is ---------------------------------------------------

    def _follow(self, now: float) -> None:
        """Move `_position` to what was heard by `now`; it never moves back."""
        clock, frame = self._reader.clock, self._heard_until(now)
        self._position = max(self._position, clock.position(frame))

    def _heard_until(self, now: float) -> int:
        """How many device frames were heard by `now`."""
        clock = self._reader.clock
        if clock.pulled != self._seen[0]:
            self._seen = (clock.pulled, now)
        # The block may be older than that, so this much of the latency is over at least:
        # a device that stops asking still plays out what it has.
        over = int(max(0.0, now - self._seen[1]) * self._rate)
        return clock.pulled - max(0, clock.latency - over)

    def _advance(self, now: float) -> None:
        self._follow(now)
        self._count_gaps()
        if self._position == self._passed and not self._ended:
            return  # where nobody pulls, parts may wait by the thousand
        self._passed, self._ended = self._position, False
        for part in list(self._live.values()):
            if not part.started and 0 <= part.start_at < self._position:
                part.started = True
                self._marks.append(PlaybackMark("started", part.key))
            if part.ended and not part.spilled and self._position >= part.end_at:
                del self._live[part.key]
                self._marks.append(PlaybackMark("finished", part.key))
        self._spans.settle(self._position)

    def _record(self, part: _Part) -> Heard:
        frames = self._spans.heard(part.key, self._position)
        # The one place where heard is held against received: a truncation beyond it is refused.
        return Heard(part.key, min(frames, part.received), part.received, self._rate)

    def _count_gaps(self) -> None:
        gaps = self._reader.gaps
        while gaps:
            number, frames = gaps.popleft()
            if self._spans.continues(number):
                self._underruns += 1
                self._longest_gap = max(self._longest_gap, frames)

    def _gap_so_far(self) -> int:
        """Silent frames of an underrun that is still going on."""
        clock = self._reader.clock
        if clock.dry_at < 0:
            return 0
        number = clock.next_number
        if self._ring.written > number:
            within = self._spans.continues(number)
        else:
            within = any(part.end_at == number and not part.ended for part in self._live.values())
        return clock.pulled - clock.dry_at if within else 0

"""Sound between devices and a session: a source's frames are appended, a sink pulls from the player.

The source is polled, and the sink polls; no callback of a device ever waits
for the network. What a device is, `devices` knows; what of a source is sent,
`source_pump`; what is heard, the player.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..audio.levels import Levels
from ..audio.pcm import Samples
from ..devices.base import DeviceChange, LiveSource, WatchedDevice
from ..devices.tap import PlayedTap
from ..errors import LocalProtocolError
from ..protocol import signals
from .hooks import HookChain
from .source_pump import POLL_S, CaptureStatistics, Duplex, SourcePump, Talk

if TYPE_CHECKING:
    from ..audio.player import Player
    from ..devices.base import AudioSink, AudioSource, SoundHook
    from ..protocol.interruption import Interruption

__all__ = ["Attachment", "CaptureStatistics", "Session", "Talk"]


@dataclass(frozen=True, slots=True)
class Session:
    """What an attachment needs of its connection."""

    append: Callable[[Samples], Awaitable[None]]
    clear: Callable[[], Awaitable[object]]
    interrupt: Callable[[], Awaitable[Interruption]]
    encoding: Callable[[], str]
    player: Callable[[], Player | None]
    deaf: Callable[[], bool]
    clock: Callable[[], float]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    signal: Callable[[signals.Signal], None]
    warn: Callable[[str, str], None]
    failed: Callable[[str, Exception], None]


class Attachment:
    """A source and a sink at work on a connection. Made by `conn.attach`; ends with the connection.

    The devices stay yours: close the source yourself, after this. With push to
    talk, a turn is `start_talking()`, `stop_talking()`, and then `conn.commit()`,
    or `discard()`.
    """

    def __init__(
        self,
        session: Session,
        source: AudioSource | None,
        sink: AudioSink | None,
        *,
        push_to_talk: bool,
        preroll_ms: float,
        full_duplex: bool,
        hooks: Sequence[SoundHook],
    ) -> None:
        self._session = session
        self._source = source
        self._sink = sink
        self._push_to_talk = push_to_talk
        self._error: Exception | None = None
        self._faults: set[type[Exception]] = set()
        self._tap: PlayedTap | None = None
        self._hooks = HookChain(hooks, lambda exc: session.failed("sound hook", exc))
        self._pump = self._pump_for(source, preroll_ms, full_duplex) if source is not None else None
        if sink is not None:
            self._start(sink)
        self._mark_in_use(not push_to_talk)
        self._pumping = session.spawn(self._run(self._pump)) if self._pump is not None else None
        self._watched = [one for one in map(_watched, (source, sink)) if one is not None]
        self._loudspeaker = _watched(sink)
        to_do = self._tap is not None or self._watched
        self._watching = session.spawn(self._watch()) if to_do else None

    def _pump_for(self, source: AudioSource, preroll_ms: float, full_duplex: bool) -> SourcePump:
        session = self._session
        return SourcePump(
            source,
            append=session.append,
            encoding=session.encoding,
            clock=session.clock,
            duplex=Duplex(full_duplex, session.player, session.deaf),
            push_to_talk=self._push_to_talk,
            preroll_ms=preroll_ms,
            hooks=self._hooks.captured,
            before=self._show_played,
            warn=session.warn,
        )

    def _start(self, sink: AudioSink) -> None:
        player = self._session.player()
        assert player is not None
        self._tap = PlayedTap(player.pull, sink.rate, sink.latency)
        if self._hooks:
            self._tap.listen()
        sink.start(self._tap)

    def listen(self, hook: SoundHook) -> None:
        """Let one more hook hear what is played and captured, from now on."""
        self._hooks.add(hook)
        if self._tap is not None:
            self._tap.listen()

    # Push to talk

    @property
    def talking(self) -> bool:
        """Whether `start_talking` began a turn that was not stopped yet."""
        return self._pump is not None and self._pump.talking

    async def start_talking(self) -> Interruption:
        """The key is down: stop what sounds, as `conn.interrupt()` does, and send what is said from here on.

        Ahead of it goes what was said up to `preroll_ms` before, as the key is
        often late; in half duplex nothing that was captured while a reply
        sounded. Called again, it interrupts again and the turn goes on. Raises
        `LocalProtocolError` without `push_to_talk`, and `SessionLost`.
        Cancelled, the turn may have begun: `discard()` ends it.
        """
        pump = self._talker()
        interruption = await self._session.interrupt()
        self._mark_in_use(True)
        await pump.start()
        return interruption

    async def stop_talking(self) -> Talk:
        """The key is up: when this returns, all that was captured up to the call has been appended.

        That takes as long as the device needs to hand it over: some 10 to 100 ms,
        250 at most. It commits nothing. A turn without any sound in it is also a
        `ProtocolWarning` `silent_turn`. Raises `LocalProtocolError` if nobody is
        talking, and `SessionLost`. Cancelled, the turn goes on.
        """
        talk = await self._talker().stop()
        self._mark_in_use(False)
        return talk

    async def discard(self) -> Talk | None:
        """Stop talking, and drop what was appended. None if nobody was talking.

        Raises what `conn.clear()` raises. Cancelled, the clear stays in flight.
        """
        if not self.talking:
            return None
        talk = await self.stop_talking()
        if talk.frames:
            await self._session.clear()
        return talk

    def _talker(self) -> SourcePump:
        if self._pump is None or not self._push_to_talk:
            raise LocalProtocolError(
                "this attachment sends all it captures" if self._pump else "no source is attached",
                hint="attach(source=..., push_to_talk=True)",
            )
        return self._pump

    def _mark_in_use(self, yes: bool) -> None:
        if isinstance(self._source, LiveSource):
            self._source.in_use = yes

    # What is captured

    @property
    def levels(self) -> Levels:
        """RMS, peak and clipping of the last 100 ms captured, sent or not: for a meter."""
        return self._pump.levels if self._pump is not None else Levels(0, float("-inf"), float("-inf"), 0)

    @property
    def all_zero_ms(self) -> float:
        """How long the source has given nothing but zeros: a microphone that is muted, or not permitted."""
        return self._pump.all_zero_ms if self._pump is not None else 0.0

    def statistics(self) -> CaptureStatistics:
        """What became of all that was captured."""
        return self._pump.statistics() if self._pump is not None else CaptureStatistics(0, 0, 0, 0, 0)

    def health(self) -> dict[str, float]:
        """`statistics()`, blocks the devices say they lost (by PortAudio's count), devices that are gone."""
        return {
            **asdict(self.statistics()),
            "source_overflows": getattr(self._source, "overflows", 0),
            "sink_underflows": getattr(self._sink, "underflows", 0),
            "devices_lost": sum(one.lost for one in self._watched),
        }

    # Ending

    async def source_done(self) -> None:
        """Wait until all of the source was appended; a microphone never is. Then `commit()`.

        Raises what the source raised. Cancelling it stops nothing.
        """
        if self._pumping is not None:
            await asyncio.wait({self._pumping})
        if self._error is not None:
            raise self._error

    async def detach(self) -> None:
        """Stop pumping and stop the sink; what was queued is not played. Idempotent.

        Raises `AudioError` for what went wrong on the sink's thread.
        """
        for task in (self._pumping, self._watching):
            if task is not None:
                task.cancel()
        sink, self._sink = self._sink, None
        if sink is not None:
            # In a thread: stopping joins the device's own, which may be in the middle of a block.
            await asyncio.to_thread(sink.stop)
            self._show_played()

    # Tasks

    async def _run(self, pump: SourcePump) -> None:
        try:
            await pump.run()
        except Exception as exc:
            self._error = exc
            self._session.failed("audio source", exc)

    async def _watch(self) -> None:
        while True:
            self._show_played()
            for device in self._watched:
                if (change := device.check(self._session.clock())) is not None:
                    self._session.signal(_told(change))
                self._tell_fault(device.fault)
            await asyncio.sleep(POLL_S)

    def _tell_fault(self, fault: Exception | None) -> None:
        # Each kind of it once: what goes wrong in a callback does so fifty times a second.
        if fault is not None and type(fault) not in self._faults:
            self._faults.add(type(fault))
            self._session.failed("audio device", fault)

    def _show_played(self) -> None:
        if self._tap is None:
            return
        played = self._tap.drain()
        if len(played.samples):
            self._hooks.played(played.samples, played.at, self._tap.rate)

    @property
    def deaf(self) -> bool:
        """Whether the device of the sink is gone, so that nothing of a reply can be heard."""
        return self._sink is not None and self._loudspeaker is not None and self._loudspeaker.lost


def _watched(device: object) -> WatchedDevice | None:
    return device if isinstance(device, WatchedDevice) else None


def _told(change: DeviceChange) -> signals.Signal:
    if change.kind == "lost":
        return signals.DeviceLost(device=change.device, direction=change.direction, reason=change.reason)
    return signals.DeviceRestored(device=change.device, direction=change.direction, away_s=change.away)

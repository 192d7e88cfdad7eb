"""`DeviceStream`: one PortAudio stream that may be lost and comes back.

It finds the device, agrees on a rate with it, notices that it is gone, and
opens it again when it is back. What is done with the sound is `portaudio`'s.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal

from ..audio.pcm import WIRE_RATE, frames_of
from ..errors import AudioError
from .base import DeviceChange, Direction
from .host import (
    LOCK,
    DeviceInfo,
    choose,
    devices_now,
    forget,
    hushed,
    others_busy,
    portaudio,
    reason,
    register,
    rescan,
)

__all__ = ["DeviceStream", "in_background"]

# Seconds between attempts to reopen; the last one again and again.
_BACK_OFF: Final = (0.2, 0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 8.0)
# For so long an attempt that would interrupt a device in use is put off.
_PATIENCE_S: Final = 10.0
# A device that did not call for so long, while somebody was looking, is gone: CoreAudio says nothing.
_STILL_S: Final = 5.0
_LOOK_S: Final = 0.1
_CLOSE_S: Final = 5.0

# What is asked of the device. A callback in Python waits for the interpreter, behind whatever holds
# it, and for its turn on a busy machine: 40 ms were measured to be too few for a minute without a gap.
_LATENCY_S: Final = 0.1

_Callback = Callable[[Any, int, Any, Any], None]


def in_background(work: Callable[[], None]) -> None:
    """Do what may take long, such as opening a device, in a thread of its own."""
    threading.Thread(target=work, name="realtime_raw-device", daemon=True).start()


class DeviceStream:
    """A stream in one direction. `callback` is PortAudio's: (buffer, frames, time, status).

    `rate`, `channels` and `info` are known from the start, the stream opened by
    `open`. Raises `AudioError` if there is no such device or it agrees to nothing,
    and as `host.portaudio`.
    """

    def __init__(
        self, direction: Direction, wanted: int | str | None, block_ms: float, callback: _Callback
    ) -> None:
        if not block_ms > 0:
            raise AudioError(f"block_ms is {block_ms}", hint="blocks last longer than nothing")
        self._direction: Direction = direction
        self._wanted = wanted
        self._callback = callback
        self._sd = portaudio()
        with LOCK:
            self.info = choose(devices_now(self._sd), wanted, direction)
            self.rate, self.channels = self._agree(self.info, (WIRE_RATE, self.info.rate))
        self.block = max(1, frames_of(block_ms, self.rate))
        self.calls = 0  # counted by whoever is the callback
        self.in_use: Callable[[], bool] = lambda: False
        self.reopening: Callable[[], None] = lambda: None
        self._stream: Any = None
        self._suspended = False
        self._opening = 0
        self._state: Literal["closed", "open", "lost"] = "closed"
        self._ended = False  # said by PortAudio's own thread
        self._trouble = ""
        self._seen = (0, 0.0, 0.0)  # calls, when looked last, and for how long they stood still
        self._lost_at = self._next_at = 0.0
        self._attempts = 0
        self._attempt: Literal["none", "running", "failed", "done"] = "none"

    @property
    def lost(self) -> bool:
        """Whether it was open and is gone."""
        return self._state == "lost"

    @property
    def latency(self) -> float:
        """Seconds between the device's end of a block and ours: told by PortAudio once it is open."""
        stream = self._stream
        return float(stream.latency) if stream is not None else self._wished_latency()

    def _wished_latency(self) -> float:
        return max(_LATENCY_S, 2 * self.block / self.rate)

    # Opening and closing

    def open(self) -> None:
        """Open and start it. Raises `AudioError`."""
        with LOCK:
            self._start()
            self._state = "open"
        register(self)

    def close(self) -> None:
        """Close it for good, or until the next `open`. Idempotent."""
        self._state = "closed"
        forget(self)
        # Whoever holds it longer is stuck in a driver, and closing would be, too.
        if LOCK.acquire(timeout=_CLOSE_S):
            try:
                self._stop()
            finally:
                LOCK.release()

    def _agree(self, info: DeviceInfo, rates: tuple[int, ...]) -> tuple[int, int]:
        """The first rate and number of channels that the device takes."""
        check = getattr(self._sd, f"check_{self._direction}_settings")
        most = info.channels(self._direction)
        problem: BaseException | None = None
        for rate in dict.fromkeys(rates):
            for channels in sorted({1, min(2, most), most}):
                try:
                    check(device=info.index, channels=channels, dtype="int16", samplerate=rate)
                except (self._sd.PortAudioError, ValueError) as exc:
                    problem = exc
                else:
                    return rate, channels
        why = reason(problem) if problem is not None else "no rate"
        heard = " or ".join(f"{rate} Hz" for rate in dict.fromkeys(rates))
        raise AudioError(
            f"the {self._direction} device {info.label} does not take 16-bit audio at {heard}: {why}",
            hint="another program may hold it; else choose another device",
        )

    def _start(self) -> None:
        sd = self._sd
        make = sd.RawInputStream if self._direction == "input" else sd.RawOutputStream
        self._ended, self._trouble = False, ""
        self._opening += 1
        self._seen = (-1, 0.0, 0.0)
        try:
            stream = make(
                samplerate=self.rate,
                blocksize=self.block,
                device=self.info.index,
                channels=self.channels,
                dtype="int16",
                latency=self._wished_latency(),
                callback=self._callback,
                finished_callback=partial(self._finished, self._opening),
            )
        except (sd.PortAudioError, ValueError) as exc:
            raise self._cannot("opened", exc) from exc
        try:
            stream.start()
        except sd.PortAudioError as exc:
            stream.close()
            raise self._cannot("started", exc) from exc
        self._stream = stream

    def _cannot(self, what: str, exc: Exception) -> AudioError:
        return AudioError(
            f"the {self._direction} device {self.info.label} cannot be {what}: {reason(exc)}",
            hint="see if another program holds it, and if this one may use it",
        )

    def _stop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            # Of a device that is gone every call may fail; none of these errors helps anybody.
            with contextlib.suppress(self._sd.PortAudioError):
                stream.abort()
            with contextlib.suppress(self._sd.PortAudioError):
                stream.close()

    def _finished(self, opening: int) -> None:
        # It may be an earlier stream whose end is told late.
        if opening == self._opening:
            self._ended = True

    # Losing and finding

    def check(self, now: float) -> DeviceChange | None:
        """See `base.WatchedDevice`."""
        if self._state == "lost":
            return self._look_for_it(now)
        # A lock that is taken means that PortAudio is being started anew: there is nothing to see.
        if self._state != "open" or not LOCK.acquire(blocking=False):
            return None
        try:
            why = self._what_is_wrong(now)
        finally:
            LOCK.release()
        if not why:
            return None
        self._state = "lost"
        self._lost_at, self._attempts, self._attempt = now, 0, "none"
        self._next_at = now + _BACK_OFF[0]
        return DeviceChange("lost", self.info.name, self._direction, why)

    def _what_is_wrong(self, now: float) -> str:
        if self._trouble:
            return self._trouble
        if self._ended:
            return "it stopped by itself"
        calls, looked, still = self._seen
        if calls >= 0 and now - looked < _LOOK_S:
            return ""
        try:
            if not self._stream.active:
                return "it is no longer active"
        except self._sd.PortAudioError as exc:
            return reason(exc)
        # Only the time in which somebody looked: a program that stood still kept its callbacks waiting, too.
        still = still + min(now - looked, 2 * _LOOK_S) if calls == self.calls else 0.0
        self._seen = (self.calls, now, still)
        return f"it has not called for {_STILL_S:g} s" if still > _STILL_S else ""

    def _look_for_it(self, now: float) -> DeviceChange | None:
        if self._attempt == "running":
            return None
        if self._attempt == "done":
            self._state = "open"
            return DeviceChange(
                "restored", self.info.name, self._direction, away=max(0.0, now - self._lost_at)
            )
        if self._attempt == "failed":
            self._attempt = "none"
            self._next_at = now + _BACK_OFF[min(self._attempts, len(_BACK_OFF) - 1)]
        if now < self._next_at:
            return None
        # At first as it was, which is enough where a sound server was restarted.
        again = self._attempts > 0
        if again and others_busy(self) and now < self._next_at + _PATIENCE_S:
            return None
        self._attempts += 1
        self._attempt = "running"
        in_background(lambda: self._reopen(again))
        return None

    def _reopen(self, look_again: bool) -> None:
        with LOCK:
            self._stop()
            if self._state != "lost":
                return  # closed meanwhile
            try:
                with hushed():
                    if look_again:
                        rescan(self)
                    self._find()
                    self.reopening()
                    self._start()
            except Exception:  # whatever it was: in a thread of its own nobody else would try again
                self._attempt = "failed"
            else:
                self._attempt = "done"

    def _find(self) -> None:
        """The device of that name, or what is now the default one; only its old rate will do."""
        devices = devices_now(self._sd)
        if self._wanted is None:
            info = choose(devices, None, self._direction)
        else:
            # Numbers change when PortAudio looks again; of twins, the number decides all the same.
            same = [one for one in devices if self._is_it(one)]
            if not same:
                raise AudioError(f"{self.info.label} is not back")
            info = min(same, key=lambda one: one.index != self.info.index)
        _, self.channels = self._agree(info, (self.rate,))
        self.info = info

    def _is_it(self, one: DeviceInfo) -> bool:
        same = (one.name, one.host_api) == (self.info.name, self.info.host_api)
        return same and one.channels(self._direction) > 0

    # For the sake of another one

    @property
    def busy(self) -> bool:
        """See `host.Reopenable`."""
        return self._state == "open" and self.in_use()

    def suspend(self) -> None:
        """See `host.Reopenable`."""
        self._suspended = self._stream is not None
        self._stop()

    def resume(self) -> None:
        """See `host.Reopenable`."""
        if not self._suspended:
            return
        try:
            self._find()
            self.reopening()
            self._start()
        except Exception as exc:  # never raises, whatever a driver does; `check` tells
            self._trouble = str(exc) or type(exc).__name__

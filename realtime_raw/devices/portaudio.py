"""Microphones and loudspeakers, by PortAudio (extra `audio`).

The callbacks run on PortAudio's threads: they copy, publish, count and return.
They take no lock, call no other thread and raise nothing; what goes wrong in
one becomes silence and a flag. A device runs at 24 kHz if it agrees, else at
its own rate, and is mixed down, or copied to all channels, where it will not
have one.
"""

from __future__ import annotations

import contextlib
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.pcm import Samples
from ..errors import AudioError
from .base import Captured, DeviceChange, Pull
from .capturing import Capture
from .host import DeviceInfo, find_device, list_devices
from .stream import DeviceStream

__all__ = ["DeviceInfo", "Microphone", "Speaker", "find_device", "list_devices"]

_NONSENSE_S = 10.0  # beyond it, a host's time stamps are not believed


class Microphone:
    """An `AudioSource` that captures from now on, with the latest 2 s kept for whoever reads.

    `device` is an index, a name or part of one; None is the default. Opening it
    takes some 10 to 300 ms: in a loop that must not stand still, use
    `await asyncio.to_thread(Microphone)`. Raises `AudioError` if there is no
    such device, or it will not open, and `MissingExtra` without sounddevice.

    A lost device gives nothing until it is back; see `check`.
    """

    def __init__(self, device: int | str | None = None, *, block_ms: float = 20) -> None:
        self.in_use = False
        self._stream = DeviceStream("input", device, block_ms, self._callback)
        self._capture = Capture(self._stream.rate)
        self._wide = np.zeros(0, np.int32)
        self._mono = np.zeros(0, np.int16)
        self._fault: Exception | None = None
        self._overflows = 0
        self._closed = False
        self._stream.in_use = lambda: self.in_use
        self._stream.reopening = self._capture.resume
        self._stream.open()

    @property
    def device(self) -> DeviceInfo:
        """Which one it is."""
        return self._stream.info

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self._stream.rate

    @property
    def exhausted(self) -> bool:
        """Whether it was closed."""
        return self._closed

    @property
    def lost(self) -> bool:
        """Whether the device is gone at present."""
        return self._stream.lost

    @property
    def fault(self) -> Exception | None:
        """The last exception in the callback: that block was not captured."""
        return self._fault

    @property
    def overflows(self) -> int:
        """How often PortAudio said that it had to drop what it heard, as we were too slow."""
        return self._overflows

    def read_available(self) -> Samples:
        """The frames that came since the last call; the latest 2 s at most."""
        return self.read_captured().samples

    def read_captured(self) -> Captured:
        """The same with the time and the hole before them; see `base.LiveSource`."""
        return self._capture.read()

    def check(self, now: float) -> DeviceChange | None:
        """Whether the device was lost or is back since the last call; see `base.WatchedDevice`."""
        return self._stream.check(now)

    def close(self) -> None:
        """Let go of the device. Idempotent; takes some milliseconds."""
        self._closed = True
        self._stream.close()

    def _callback(self, data: Any, frames: int, time: Any, status: Any) -> None:
        try:
            self._stream.calls += 1
            overflow = bool(status) and status.input_overflow
            self._overflows += overflow
            age = time.currentTime - time.inputBufferAdcTime
            if not (time.inputBufferAdcTime > 0 and 0 <= age <= _NONSENSE_S):
                age = frames / self._stream.rate
            heard = self._one_channel(np.frombuffer(data, np.int16), frames)
            self._capture.write(heard, monotonic() - age, broken=overflow)
        except Exception as exc:  # out of here it would end the stream, and nobody would be told
            self._fault = exc

    def _one_channel(self, samples: Samples, frames: int) -> Samples:
        channels = self._stream.channels
        if channels == 1:
            return samples
        if frames > len(self._mono):
            self._wide, self._mono = np.zeros(frames, np.int32), np.zeros(frames, np.int16)
        wide: npt.NDArray[np.int32] = self._wide[:frames]
        mono: Samples = self._mono[:frames]
        np.sum(samples.reshape(frames, channels), axis=1, dtype=np.int32, out=wide)
        np.floor_divide(wide, channels, out=wide)
        mono[:] = wide
        return mono


class Speaker:
    """An `AudioSink` on a loudspeaker or headphones.

    `device` as for `Microphone`, and so are the errors raised. It is opened by
    `start`. While the device is lost, nothing is asked for; what was queued
    goes on when it is back; see `check`.
    """

    def __init__(self, device: int | str | None = None, *, block_ms: float = 20) -> None:
        self._stream = DeviceStream("output", device, block_ms, self._callback)
        self._pull: Pull | None = None
        self._mono = np.zeros(0, np.int16)
        self._sounding = False
        self._fault: Exception | None = None
        self._underflows = 0
        self._stream.in_use = lambda: self._sounding

    @property
    def device(self) -> DeviceInfo:
        """Which one it is."""
        return self._stream.info

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self._stream.rate

    @property
    def latency(self) -> float:
        """Seconds from a block's hand-over until it has been heard: an estimate before `start`.

        Each block's own is told with it, where PortAudio knows.
        """
        return self._stream.latency + self._stream.block / self._stream.rate

    @property
    def lost(self) -> bool:
        """Whether the device is gone at present."""
        return self._stream.lost

    @property
    def fault(self) -> Exception | None:
        """The last exception in the callback: that block was silent."""
        return self._fault

    @property
    def underflows(self) -> int:
        """How often PortAudio said that a block came too late for the device."""
        return self._underflows

    def start(self, pull: Pull) -> None:
        """Open the device and play what `pull` gives. Raises `AudioError`, also if started already."""
        if self._pull is not None:
            raise AudioError("the speaker is started already", hint="stop it first")
        self._pull = pull
        try:
            self._stream.open()
        except BaseException:
            self._pull = None
            raise

    def stop(self) -> None:
        """Stop at once and let go of the device. Idempotent; it may be started again."""
        self._stream.close()
        self._pull = None
        self._sounding = False

    def check(self, now: float) -> DeviceChange | None:
        """Whether the device was lost or is back since the last call; see `base.WatchedDevice`."""
        return self._stream.check(now)

    def _callback(self, data: Any, frames: int, time: Any, status: Any) -> None:
        try:
            self._stream.calls += 1
            if status and status.output_underflow:
                self._underflows += 1
            pull = self._pull
            assert pull is not None
            dac = time.outputBufferDacTime
            latency = dac - time.currentTime if dac > 0 else None
            block = np.frombuffer(data, np.int16)
            channels = self._stream.channels
            if channels == 1:
                self._sounding = pull(block, latency) > 0
                return
            if frames > len(self._mono):
                self._mono = np.zeros(frames, np.int16)
            self._sounding = pull(self._mono[:frames], latency) > 0
            block.reshape(frames, channels)[:] = self._mono[:frames, np.newaxis]
        except Exception as exc:  # as in the microphone's
            self._fault = exc
            with contextlib.suppress(Exception):
                np.frombuffer(data, np.int16).fill(0)

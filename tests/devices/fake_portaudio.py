"""PortAudio without a sound card: a module shaped like `sounddevice`, in simulated time.

Only what `realtime_raw.devices` uses, behaving as the real one does: a list of
devices that is made at initialisation, streams that call back, errors of its
own, and cards that can be pulled out at any call.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.devices import host, portaudio, stream, tap

RATES = (8000, 16000, 24000, 44100, 48000)


class PortAudioError(Exception):
    """The real one's first argument is its text, the second a code."""


@dataclass(eq=False)
class Card:
    """One device: its channels, its own rate, and the rates and numbers of channels it takes."""

    name: str
    inputs: int = 0
    outputs: int = 0
    rate: int = 48000
    rates: tuple[int, ...] = RATES
    channels: tuple[int, ...] = (1, 2)
    api: int = 0
    plugged: bool = True


@dataclass
class Flags:
    """`sounddevice.CallbackFlags`, as far as it is looked at."""

    input_overflow: bool = False
    output_underflow: bool = False

    def __bool__(self) -> bool:
        return self.input_overflow or self.output_underflow


@dataclass(eq=False)
class Stream:
    """An open stream: the test makes it call back."""

    pa: FakePortAudio
    card: Card
    direction: str
    rate: int
    channels: int
    block: int
    callback: Callable[..., None]
    finished: Callable[[], None]
    latency: float
    running: bool = False
    broken: str = ""
    closed: bool = False
    heard: list[Samples] = field(default_factory=list)

    @property
    def active(self) -> bool:
        self.pa.called("active")
        if self.broken:
            raise PortAudioError(self.broken, -9999)
        return self.running

    def start(self) -> None:
        self.pa.called("start", self.card)
        self.running = True

    def abort(self) -> None:
        self.pa.called("abort")
        if self.running:
            self.running = False
            self.finished()

    def close(self) -> None:
        self.pa.called("close")
        self.running = False
        self.closed = True

    def pull(self, frames: int, *, late: float = 0.0, status: Flags | None = None) -> Samples:
        """One output callback, `late` seconds behind time; returns what it gave, shape (frames, channels)."""
        assert self.running
        buffer = bytearray(b"\x55" * (frames * self.channels * 2))
        now = self.pa.now + late
        time = SimpleNamespace(currentTime=now, outputBufferDacTime=now + self.pa.output_latency)
        self.pa.now = now
        self.callback(buffer, frames, time, status or Flags())
        self.pa.now += frames / self.rate
        block = np.frombuffer(buffer, np.int16).reshape(frames, self.channels)
        self.heard.append(block)
        return block

    def push(self, samples: Samples, *, status: Flags | None = None) -> None:
        """One input callback with these frames, shape (frames,) or (frames, channels); time passes first."""
        assert self.running
        wide = samples if samples.ndim == 2 else np.repeat(samples[:, None], self.channels, axis=1)
        self.pa.now += len(samples) / self.rate
        adc = self.pa.now - len(samples) / self.rate - self.pa.input_latency
        time = SimpleNamespace(currentTime=self.pa.now, inputBufferAdcTime=adc)
        self.callback(np.ascontiguousarray(wide).tobytes(), len(samples), time, status or Flags())

    @property
    def sounded(self) -> Samples:
        """All it was given, first channel."""
        return np.concatenate([np.zeros(0, np.int16), *(block[:, 0] for block in self.heard)])


class FakePortAudio:
    """Stands in for the module `sounddevice`."""

    PortAudioError = PortAudioError

    def __init__(self, *cards: Card) -> None:
        self.cards = list(cards)
        self.now = 1000.0
        self.output_latency = 0.05
        self.input_latency = 0.01
        self.calls: list[str] = []
        self.streams: list[Stream] = []
        self.on_call: Callable[[int, str], None] = lambda number, name: None
        self.default = SimpleNamespace(device=(0, 0))
        self.apis = ({"name": "Fake"}, {"name": "Other"})
        self._initialized = 1
        self._listed: list[Card] = []
        self._look()

    def called(self, name: str, card: Card | None = None) -> None:
        """Note a call; it fails if `card` is not there any more."""
        self.calls.append(name)
        self.on_call(len(self.calls), name)
        if card is not None and not card.plugged:
            raise PortAudioError(f"{name}: Device unavailable", -9985)

    # The module's own

    def query_hostapis(self) -> Sequence[dict[str, Any]]:
        self.called("query_hostapis")
        return self.apis

    def query_devices(self) -> list[dict[str, Any]]:
        self.called("query_devices")
        if not self._initialized:
            raise PortAudioError("PortAudio not initialized", -10000)
        return [
            {
                "name": card.name,
                "index": index,
                "hostapi": card.api,
                "max_input_channels": card.inputs,
                "max_output_channels": card.outputs,
                "default_samplerate": float(card.rate),
            }
            for index, card in enumerate(self._listed)
        ]

    def check_input_settings(self, **settings: Any) -> None:
        self._check(settings, "inputs")

    def check_output_settings(self, **settings: Any) -> None:
        self._check(settings, "outputs")

    def RawInputStream(self, **settings: Any) -> Stream:
        return self._open("input", settings)

    def RawOutputStream(self, **settings: Any) -> Stream:
        return self._open("output", settings)

    def _terminate(self) -> None:
        self.called("_terminate")
        self._initialized -= 1
        for one in self.streams:
            assert one.closed, "terminating closes what others still use"

    def _initialize(self) -> None:
        self.called("_initialize")
        self._initialized += 1
        self._look()

    def _look(self) -> None:
        self._listed = [card for card in self.cards if card.plugged]

    def _check(self, settings: dict[str, Any], ways: str) -> None:
        card = self._listed[settings["device"]]
        self.called("check", card)
        assert settings["dtype"] == "int16"
        if settings["samplerate"] not in card.rates:
            raise PortAudioError("Invalid sample rate", -9997)
        if settings["channels"] not in card.channels or settings["channels"] > getattr(card, ways):
            raise PortAudioError("Invalid number of channels", -9998)

    def _open(self, direction: str, settings: dict[str, Any]) -> Stream:
        card = self._listed[settings["device"]]
        self.called("open", card)
        made = Stream(
            self,
            card,
            direction,
            settings["samplerate"],
            settings["channels"],
            settings["blocksize"],
            settings["callback"],
            settings["finished_callback"],
            settings["latency"],
        )
        self.streams.append(made)
        return made

    # What tests do to it

    @property
    def stream(self) -> Stream:
        """The stream that was opened last."""
        return self.streams[-1]

    def unplug(self, card: Card, *, silently: bool = False) -> None:
        """Pull it out. Its streams end, which PortAudio says, or does not."""
        card.plugged = False
        for one in self.streams:
            if one.card is card and one.running and not silently:
                one.running = False
                one.finished()

    def plug(self, card: Card) -> None:
        """Put it in again; it is seen by the next initialisation."""
        card.plugged = True


def install(pa: FakePortAudio, patch: pytest.MonkeyPatch) -> FakePortAudio:
    """Let `pa` be the module that is imported, its time the clock, and background work done at once."""
    import sys

    patch.setitem(sys.modules, "sounddevice", pa)
    patch.setattr(portaudio, "monotonic", lambda: pa.now)
    patch.setattr(tap, "monotonic", lambda: pa.now)
    patch.setattr(stream, "in_background", lambda work: work())
    # What other tests left open, and nobody has collected yet, is not on this machine.
    patch.setattr(host, "_streams", weakref.WeakSet())
    return pa


def sizes(total: int, size: int) -> Iterator[int]:
    """Blocks of `size` that hold `total` frames."""
    for start in range(0, total, size):
        yield min(size, total - start)

"""`Intake`: one part's way from wire bytes to samples at the player's rate.

Odd bytes are carried over, G.711 is decoded, another rate is resampled: each
as a stream of its own, so that parts cannot spill into one another.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..errors import AudioError
from .g711 import G711_RATE, alaw_decode, ulaw_decode
from .pcm import WIRE_RATE, OddByteCarry, Samples, from_pcm16
from .resample import Resampler

__all__ = ["Intake", "Taken"]

_Decoder = Callable[[bytes | memoryview], Samples]

# encoding -> decoder, rate, bytes a frame (API reference: audio formats)
_ENCODINGS: dict[str, tuple[_Decoder, int, int]] = {
    "audio/pcm": (from_pcm16, WIRE_RATE, 2),
    "audio/pcmu": (ulaw_decode, G711_RATE, 1),
    "audio/pcma": (alaw_decode, G711_RATE, 1),
}


class Taken(NamedTuple):
    """What became of one piece: its samples, and how many wire frames were taken and refused."""

    samples: Samples
    frames: int
    refused: int


class Intake:
    """A stream in one `encoding`, made into samples at `rate`.

    Raises `AudioError` for an encoding that the wire does not have, and
    `MissingExtra` if the rate must change and soxr is not installed.
    """

    __slots__ = (
        "_carry",
        "_decode",
        "_plain",
        "_rate",
        "_resampler",
        "_taken",
        "_width",
        "_wire_rate",
        "encoding",
    )

    def __init__(self, encoding: str, rate: int) -> None:
        if encoding not in _ENCODINGS:
            raise AudioError(
                f"the encoding {encoding!r} is not known", hint=f"one of {', '.join(sorted(_ENCODINGS))}"
            )
        self.encoding = encoding
        self._decode, self._wire_rate, self._width = _ENCODINGS[encoding]
        self._rate = rate
        self._carry = OddByteCarry()
        self._resampler = Resampler(self._wire_rate, rate) if rate != self._wire_rate else None
        self._taken = 0
        self._plain = encoding == "audio/pcm" and self._resampler is None and sys.byteorder == "little"

    @property
    def received(self) -> int:
        """How long the stream is so far, in frames at `rate`, rounded down."""
        return self._taken * self._rate // self._wire_rate

    @property
    def is_plain(self) -> bool:
        """Whether whole samples that come next need no change, and nothing is held back before them."""
        return self._plain and not self._carry.pending

    def take(self, data: bytes, room: int) -> Taken:
        """Samples made of `data`, or of as much of it as gives no more than `room` frames.

        What is refused is forgotten, with the odd byte behind it. What a
        resampler still held back may come on top of `room`: some milliseconds.
        """
        whole = self._carry.join(data) if self._width == 2 else memoryview(data)
        given = len(whole) // self._width
        taken = min(given, room * self._wire_rate // self._rate)
        if taken < given:
            self._carry.clear()
        self._taken += taken
        samples = self._decode(whole[: taken * self._width])
        if self._resampler:
            samples = self._resampler.process(samples)
        return Taken(samples, taken, given - taken)

    def flush(self) -> Samples:
        """What is held back, at the stream's end. Half a sample is no sound and is dropped."""
        return self._resampler.flush() if self._resampler else np.zeros(0, np.int16)

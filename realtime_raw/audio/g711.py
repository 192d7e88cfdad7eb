"""G.711: mu-law and A-law by table, 8-bit codes against 16-bit samples.

ITU-T G.711 works on 14 bits (mu) and 13 bits (A), sign included; here those
are the upper bits of 16, as everywhere in telephony. 8 kHz is the caller's
affair.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from .pcm import Samples, to_int16

__all__ = ["G711_RATE", "alaw_decode", "alaw_encode", "ulaw_decode", "ulaw_encode"]

G711_RATE = 8_000
"""Frames a second of `audio/pcmu` and `audio/pcma` (API reference)."""

_Codes = npt.NDArray[np.uint8]

# What is added to a mu-law magnitude so that its segments become powers of two.
_BIAS = 33
_MU_MAX = 8158
_A_MASK = 0x55  # A-law inverts the even bits


def ulaw_decode(codes: bytes | bytearray | memoryview) -> Samples:
    """Mu-law codes as samples, one each."""
    return _ulaw_decoder()[np.frombuffer(codes, np.uint8)]


def ulaw_encode(samples: npt.NDArray[np.generic]) -> bytes:
    """Samples (int16, or float32 in [-1, 1]) as mu-law codes. Raises `AudioError` as `to_int16`."""
    return _ulaw_encoder()[to_int16(samples).view(np.uint16)].tobytes()


def alaw_decode(codes: bytes | bytearray | memoryview) -> Samples:
    """A-law codes as samples, one each."""
    return _alaw_decoder()[np.frombuffer(codes, np.uint8)]


def alaw_encode(samples: npt.NDArray[np.generic]) -> bytes:
    """Samples (int16, or float32 in [-1, 1]) as A-law codes. Raises `AudioError` as `to_int16`."""
    return _alaw_encoder()[to_int16(samples).view(np.uint16)].tobytes()


@cache
def _ulaw_decoder() -> Samples:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    segment, step = (code >> 4) & 7, code & 15
    magnitude = (((2 * step + _BIAS) << segment) - _BIAS) << 2
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


@cache
def _alaw_decoder() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ _A_MASK
    segment, step = (code >> 4) & 7, code & 15
    # The lowest segment is linear; from the next on, a leading one is implied.
    magnitude = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0)) << 3
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _halves() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Every sample in the order of its bits, as sign (1 below zero) and one's-complement magnitude."""
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    return (samples < 0).astype(np.int32), np.where(samples < 0, ~samples, samples)


def _segment(magnitude: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The position of the highest bit above the fifth: 0 below 64, 1 below 128, ..."""
    return np.searchsorted(np.array([64 << i for i in range(7)]), magnitude, side="right").astype(np.int32)


@cache
def _ulaw_encoder() -> _Codes:
    negative, magnitude = _halves()
    biased = np.minimum(magnitude >> 2, _MU_MAX) + _BIAS
    segment = _segment(biased)
    code = (negative << 7) | (segment << 4) | ((biased >> (segment + 1)) & 15)
    codes: _Codes = (code ^ 0xFF).astype(np.uint8)
    return codes


@cache
def _alaw_encoder() -> _Codes:
    negative, magnitude = _halves()
    level = magnitude >> 3
    segment = np.where(level < 32, 0, _segment(level) + 1)
    code = ((1 - negative) << 7) | (segment << 4) | ((level >> np.maximum(segment, 1)) & 15)
    codes: _Codes = (code ^ _A_MASK).astype(np.uint8)
    return codes

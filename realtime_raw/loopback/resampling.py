"""Changing the rate of a whole sound at once, in numpy alone.

The simulator must sound the same whether or not the extra `audio` is
installed, so it does not use soxr. Streams, and rates of devices, are the
business of `audio.resample`.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from ..audio.pcm import Samples

__all__ = ["resample"]

_HALF_WIDTH = 16  # zero crossings of the sinc on either side: below -70 dB outside the band
_BETA = 9.0  # of the Kaiser window
_ROLLOFF = 0.94


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """`samples` at another rate; as long as the input, to the nearest frame."""
    if from_rate == to_rate or not len(samples):
        return samples
    shared = math.gcd(from_rate, to_rate)
    up, down = to_rate // shared, from_rate // shared
    filters = _filters(up, down)
    taps = filters.shape[1]
    reach = taps // 2
    padded = np.pad(samples.astype(np.float32), (reach, reach + down))
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)
    out = np.zeros(round(len(samples) * to_rate / from_rate), np.float32)
    # Output n sits at input position n * down / up: one filter for each remainder, and
    # all outputs with that remainder are one strided product.
    for phase in range(min(up, len(out))):
        count = len(range(phase, len(out), up))
        first = phase * down // up
        out[phase::up] = windows[first::down][:count] @ filters[phase]
    return np.clip(np.rint(out), -32768, 32767).astype(np.int16)


@cache
def _filters(up: int, down: int) -> npt.NDArray[np.float32]:
    """One windowed sinc a phase, shape `(up, taps)`; the cut-off is below the lower of the two rates."""
    cutoff = min(1.0, up / down) * _ROLLOFF
    reach = math.ceil(_HALF_WIDTH / cutoff)
    offsets = np.arange(-reach, reach + 1)
    fractions = (np.arange(up) * down % up)[:, None] / up
    at = offsets[None, :] - fractions
    window = np.i0(_BETA * np.sqrt(np.clip(1 - (at / (reach + 1)) ** 2, 0, 1))) / np.i0(_BETA)
    filters = np.sinc(at * cutoff) * window
    scaled: npt.NDArray[np.float32] = (filters / filters.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled

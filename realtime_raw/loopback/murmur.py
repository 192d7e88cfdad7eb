"""Speech-like sound without a synthesiser: syllables with formants, one after another.

Deterministic: the same text gives the same samples. It has the rhythm, the
spectrum and the loudness of speech, so levels, spans and silence detection
behave as with a voice; it has no words.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..audio.pcm import WIRE_RATE, Samples

__all__ = ["murmur"]

# First and second formant in Hz of a, e, i, o, u.
_VOWELS = ((730, 1090), (530, 1840), (270, 2290), (570, 840), (300, 870))
_BANDWIDTH = 90.0
# The API's voices, by pitch in Hz.
_PITCHES = {
    "alloy": 165.0,
    "ash": 110.0,
    "ballad": 125.0,
    "coral": 205.0,
    "echo": 100.0,
    "sage": 190.0,
    "shimmer": 225.0,
    "verse": 140.0,
    "marin": 180.0,
    "cedar": 95.0,
}
_DEFAULT_PITCH = 150.0
_SYLLABLE_S = 0.17
_GAP_S = 0.05
_PAUSE_S = 0.25
_PEAK = 0.35  # of full scale: loud as speech is, far from clipping


def murmur(pieces: Sequence[str], voice: str, speed: float) -> tuple[Samples, tuple[int, ...]]:
    """The samples of `pieces` at 24 kHz, and the frame at which each begins."""
    pitch = _PITCHES.get(voice, _DEFAULT_PITCH)
    parts: list[npt.NDArray[np.float32]] = []
    starts: list[int] = []
    frames = 0
    for piece in pieces:
        starts.append(frames)
        for part in _word(piece, pitch, max(speed, 0.25)):
            parts.append(part)
            frames += len(part)
    if not parts:
        return np.zeros(0, np.int16), tuple(starts)
    return (np.concatenate(parts) * 32767).astype(np.int16), tuple(starts)


def _word(piece: str, pitch: float, speed: float) -> list[npt.NDArray[np.float32]]:
    word = piece.strip()
    if not word:
        return []
    seed = zlib.crc32(word.encode("utf-8", "replace"))
    count = max(1, round(len(word) / 3))
    syllables = [
        _syllable((seed >> (3 * i)) % len(_VOWELS), pitch * (1.06 - 0.03 * (i % 4)), speed)
        for i in range(count)
    ]
    pause = _PAUSE_S if word[-1] in ".!?,;:…" else _GAP_S
    return [*syllables, np.zeros(round(pause / speed * WIRE_RATE), np.float32)]


@lru_cache(maxsize=512)
def _syllable(vowel: int, pitch: float, speed: float) -> npt.NDArray[np.float32]:
    """One vowel: harmonics of `pitch` weighted by two resonances, swelling and fading."""
    frames = round(_SYLLABLE_S / speed * WIRE_RATE)
    time = np.arange(frames) / WIRE_RATE
    harmonics = np.arange(1, int(3600 / pitch))[:, None]
    frequency = harmonics[:, 0] * pitch
    weight = sum(
        strength / (1 + ((frequency - formant) / _BANDWIDTH) ** 2)
        for formant, strength in zip(_VOWELS[vowel], (1.0, 0.5), strict=True)
    )
    wave = (np.sin(2 * np.pi * pitch * harmonics * time) * np.asarray(weight)[:, None]).sum(axis=0)
    envelope = np.sin(np.pi * (np.arange(frames) + 0.5) / frames) ** 0.7
    sound = wave * envelope
    scaled: npt.NDArray[np.float32] = (sound / np.abs(sound).max() * _PEAK).astype(np.float32)
    return scaled

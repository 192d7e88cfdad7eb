"""Voice activity by energy: where speech begins and ends on the audio clock.

Pure: samples in, edges out. It hears loudness, not voices, which is enough
for a simulator and the same every time. What follows from an edge is the
session's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..audio.pcm import Samples

__all__ = ["Edge", "EnergyVad"]

_FRAME_MS = 20
_ONSET_FRAMES = 3  # a click is no speech
# Threshold 0 hears from -60 dBFS, 1 from -20 (our scale: the API's is that of a model).
_FLOOR_DBFS, _RANGE_DB = -60.0, 40.0
# How long semantic turn detection waits at most, by eagerness (API guide); a simulator cannot tell sooner.
_SEMANTIC_SILENCE_MS = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
_SEMANTIC_PREFIX_MS = 300
_SEMANTIC_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Edge:
    """Speech began or ended. Times count all audio of the session, in milliseconds.

    `start_ms` already has the prefix padding taken off; `end_ms` is None at a
    beginning, and includes the silence that ended the speech.
    """

    start_ms: int
    end_ms: int | None = None


class EnergyVad:
    """Finds turns in a stream of samples.

    `settings` is a `turn_detection` object as the session shows it.
    """

    def __init__(self, settings: Mapping[str, Any], clock_ms: float) -> None:
        semantic = settings["type"] == "semantic_vad"
        threshold = _SEMANTIC_THRESHOLD if semantic else settings["threshold"]
        self._prefix_ms = _SEMANTIC_PREFIX_MS if semantic else settings["prefix_padding_ms"]
        self._silence_ms = (
            _SEMANTIC_SILENCE_MS[settings["eagerness"]] if semantic else settings["silence_duration_ms"]
        )
        self._loud = 32768 * 10 ** ((_FLOOR_DBFS + _RANGE_DB * threshold) / 20)
        self._earliest = clock_ms  # nothing before this belongs to a coming turn
        self._clock = clock_ms
        self._rest = np.zeros(0, np.int16)
        self._loud_frames = 0
        self._quiet_ms = 0.0
        self._start: int | None = None

    @property
    def speaking(self) -> bool:
        """Whether speech has begun and not ended."""
        return self._start is not None

    def reset(self, clock_ms: float) -> None:
        """What was heard so far belongs to no coming turn (it was committed, or cleared)."""
        self._earliest = clock_ms
        self._loud_frames, self._quiet_ms, self._start = 0, 0.0, None

    def feed(self, samples: Samples, rate: int) -> list[Edge]:
        """The edges in `samples`, the next of the stream at `rate`."""
        size = rate * _FRAME_MS // 1000
        joined = np.concatenate([self._rest, samples])
        count = len(joined) // size
        self._rest = joined[count * size :]
        frames = joined[: count * size].reshape(count, size).astype(np.float64)
        levels = np.sqrt((frames**2).mean(axis=1)) if count else ()
        edges = []
        for level in levels:
            self._clock += _FRAME_MS
            edge = self._speech() if level >= self._loud else self._silence()
            if edge is not None:
                edges.append(edge)
        return edges

    def _speech(self) -> Edge | None:
        self._quiet_ms = 0.0
        self._loud_frames += 1
        if self._start is not None or self._loud_frames < _ONSET_FRAMES:
            return None
        began = self._clock - _ONSET_FRAMES * _FRAME_MS - self._prefix_ms
        self._start = round(max(self._earliest, began))
        return Edge(self._start)

    def _silence(self) -> Edge | None:
        self._loud_frames = 0
        self._quiet_ms += _FRAME_MS
        if self._start is None or self._quiet_ms < self._silence_ms:
            return None
        edge = Edge(self._start, round(self._clock))
        self.reset(self._clock)
        return edge

"""`Tape`: what was appended to a session, kept until it is known what became of it.

A commit, a clear and the server's own turn detection each decide over a
stretch of it. Frames are numbered over the whole session, at the tape's rate,
as the server's milliseconds count all audio ever appended (API reference).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from .intake import Intake
from .pcm import Samples

__all__ = ["Cut", "Tape"]


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of the tape: int16 samples at its rate, the last of which was appended at `ends_at`."""

    samples: Samples
    ends_at: float


class Tape:
    """Audio appended in any wire encoding, as samples at `rate`, with the times at which it came."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._intake: Intake | None = None
        self._pieces: deque[tuple[int, Samples, float]] = deque()  # first frame, samples, when the last came
        self._end = 0

    @property
    def kept(self) -> int:
        """How many frames wait for a decision."""
        return self._end - self._pieces[0][0] if self._pieces else 0

    def append(self, data: bytes, encoding: str, at: float) -> None:
        """`data` in a wire format was appended at time `at`. Raises as `Intake`."""
        if self._intake is None or self._intake.encoding != encoding:
            self.mark(at)
            self._intake = Intake(encoding, self.rate)
        room = len(data) * max(1, self.rate // 8_000 + 1)  # all of it, whatever the rates
        self._push(self._intake.take(data, room).samples, at)

    def mark(self, at: float) -> int:
        """A commit or clear goes out now: the number of the frame behind all that it covers."""
        if self._intake is not None:
            self._push(self._intake.flush(), at)
            self._intake = None
        return self._end

    def take(self, until: int) -> Cut | None:
        """Everything kept below frame `until`, which is forgotten; None if that is nothing."""
        return self._cut(0, until)

    def take_span(self, start_ms: float, end_ms: float) -> Cut | None:
        """The stretch between two moments of the session's audio; all before its end is forgotten."""
        return self._cut(int(start_ms * self.rate / 1000), int(end_ms * self.rate / 1000))

    def keep(self, seconds: float) -> None:
        """Forget all but the last `seconds`: turn detection has heard nothing in what came before."""
        oldest = self._end - int(seconds * self.rate)
        while self._pieces and self._pieces[0][0] + len(self._pieces[0][1]) <= oldest:
            self._pieces.popleft()

    def _push(self, samples: Samples, at: float) -> None:
        if len(samples):
            self._pieces.append((self._end, samples, at))
            self._end += len(samples)

    def _cut(self, start: int, end: int) -> Cut | None:
        found: list[Samples] = []
        ends_at = 0.0
        while self._pieces and self._pieces[0][0] < end:
            first, samples, at = self._pieces.popleft()
            over = first + len(samples) - end
            if over > 0:
                self._pieces.appendleft((end, samples[-over:], at))
                samples = samples[:-over]
            ends_at = at - max(0, over) / self.rate
            found.append(samples[max(0, start - first) :])
        whole = np.concatenate(found) if found else np.zeros(0, np.int16)
        return Cut(whole, ends_at) if len(whole) else None

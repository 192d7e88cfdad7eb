"""Things that happen over time, without a clock: generators that yield seconds, run in due order.

The session owns one timeline and feeds it `now`; nothing here waits.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Job", "Timeline"]


class Job:
    """One generator under way, and when it goes on."""

    __slots__ = ("due", "steps")

    def __init__(self, steps: Iterator[float], due: float) -> None:
        self.steps = steps
        self.due = due


class Timeline:
    """Runs jobs `speed` times faster than they say; infinity runs each to its end at once."""

    def __init__(self, speed: float) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above zero, not {speed!r}")
        self._speed = speed
        self.now = 0.0  # when what runs at the moment was due; between runs, the time of the last
        self._jobs: list[Job] = []

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def next_due(self) -> float | None:
        """When `run` has something to do; None if never."""
        return min((job.due for job in self._jobs), default=None)

    def add(self, steps: Iterator[float], now: float) -> Job:
        """Take up a job that is due at once; `run` starts it."""
        job = Job(steps, now)
        self._jobs.append(job)
        return job

    def stop(self, job: Job) -> None:
        """Drop a job where it stands. One that has ended is no matter."""
        if job in self._jobs:
            self._jobs.remove(job)

    def clear(self) -> None:
        """Drop all jobs."""
        self._jobs.clear()

    def finish(self) -> None:
        """Do everything there is, as if all its time had passed."""
        now = self.now
        while self._jobs:
            self.run(max(job.due for job in self._jobs))
        self.now = now

    def run(self, now: float) -> None:
        """Do everything due at `now`, earliest first, ties in the order they were added."""
        while self._jobs:
            job = min(self._jobs, key=lambda each: each.due)
            if job.due > now:
                break
            self.now = job.due
            try:
                job.due += next(job.steps) / self._speed
            except StopIteration:
                self.stop(job)
        self.now = now

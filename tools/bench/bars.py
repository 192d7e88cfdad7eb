"""What the figures are held to: one list, and how each is judged against the figures of its own run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["BARS", "Bar", "Verdict", "judge"]

# column -> cell -> client -> figure -> median
Medians = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]


@dataclass(frozen=True)
class Bar:
    """`figure` of `client` against `of` (another client, or None for a plain limit).

    `faster` bars want `of`'s figure divided by the client's to be at least
    `limit`; the others want the client's, divided by `of`'s if there is one, to
    be at most `limit`. `number` is the bar's place in the list of promises.
    """

    number: int
    says: str
    column: str
    cell: str
    figure: str
    client: str
    limit: float
    of: str | None = None
    faster: bool = False
    of_figure: str | None = None
    unit: str = "×"
    aim: bool = False  # wished for, not promised


@dataclass(frozen=True)
class Verdict:
    """A bar and what was measured; None where it was not."""

    bar: Bar
    measured: float | None

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None if nobody knows."""
        if self.measured is None:
            return None
        return self.measured >= self.bar.limit if self.bar.faster else self.measured <= self.bar.limit

    @property
    def word(self) -> str:
        """For the tables."""
        if self.met is None:
            return "not measured"
        return "met" if self.met else "aim" if self.bar.aim else "MISSED"


def _both(make: Callable[[str], Bar]) -> tuple[Bar, Bar]:
    return make("ours"), make("fast")


BARS: tuple[Bar, ...] = (
    Bar(
        1,
        "12,000-byte deltas, openai-python ÷ ours",
        "throughput",
        "12000",
        "cpu_us",
        "ours",
        6.0,
        "openai",
        True,
    ),
    Bar(
        1,
        "12,000-byte deltas, websockets + orjson + pybase64 ÷ ours",
        "throughput",
        "12000",
        "cpu_us",
        "ours",
        0.9,
        "ws-orjson",
        True,
    ),
    Bar(
        1,
        "12,000-byte deltas, openai-python ÷ fast",
        "throughput",
        "12000",
        "cpu_us",
        "fast",
        10.0,
        "openai",
        True,
    ),
    Bar(
        1,
        "the aim: openai-python ÷ fast",
        "throughput",
        "12000",
        "cpu_us",
        "fast",
        14.0,
        "openai",
        True,
        aim=True,
    ),
    *_both(
        lambda c: Bar(
            2,
            f"transcript deltas, openai-python ÷ {c}",
            "small",
            "transcript",
            "cpu_us",
            c,
            6.0,
            "openai",
            True,
        )
    ),
    Bar(
        3, "200 sessions, CPU ours ÷ openai-python", "sessions", "200", "cpu_percent", "ours", 0.40, "openai"
    ),
    Bar(
        3, "200 sessions, CPU fast ÷ openai-python", "sessions", "200", "cpu_percent", "fast", 0.30, "openai"
    ),
    *_both(
        lambda c: Bar(
            3,
            f"200 sessions, median in-ring {c} ÷ openai-python",
            "sessions",
            "200",
            "ring_p50_us",
            c,
            0.5,
            "openai",
        )
    ),
    *_both(
        lambda c: Bar(
            3,
            f"200 sessions, p99 in-ring {c} ÷ openai-python",
            "sessions",
            "200",
            "ring_p99_us",
            c,
            1.0,
            "openai",
        )
    ),
    Bar(
        4,
        "20 ms chunks, ours ÷ bare websockets template",
        "sending",
        "20ms",
        "cpu_us",
        "ours",
        1.15,
        "ws-orjson",
    ),
    *_both(
        lambda c: Bar(
            4, f"20 ms chunks, openai append() ÷ {c}", "sending", "20ms", "cpu_us", c, 10.0, "openai", True
        )
    ),
    Bar(
        5,
        "import realtime_raw, ms over an empty interpreter",
        "starting",
        "import",
        "cpu_ms",
        "ours",
        15.0,
        unit="ms",
    ),
    *_both(
        lambda c: Bar(
            5, f"ready to connect, {c} ÷ openai-python", "starting", "ready", "cpu_ms", c, 0.35, "openai"
        )
    ),
    *_both(
        lambda c: Bar(
            6,
            f"an idle session beyond its ring ({c}), KiB",
            "memory",
            "idle",
            "kib_a_session",
            c,
            300.0,
            unit="KiB",
        )
    ),
    *_both(
        lambda c: Bar(
            6, f"growth over an hour of talk ({c}), MiB", "memory", "hour", "growth_mib", c, 3.0, unit="MiB"
        )
    ),
    *_both(
        lambda c: Bar(
            6,
            f"peak of a blasting client, {c} ÷ openai-python",
            "throughput",
            "12000",
            "peak_mib",
            c,
            0.75,
            "openai",
        )
    ),
    Bar(6, "full garbage collection after connecting, ms", "memory", "gc", "gc_ms", "ours", 10.0, unit="ms"),
    *_both(
        lambda c: Bar(
            7,
            f"an event at 10,000 items ÷ at the first 100 ({c})",
            "length",
            "10000",
            "last_1000_us",
            c,
            1.2,
            c,
            of_figure="first_100_us",
        )
    ),
    *_both(
        lambda c: Bar(
            7,
            f"CPU a session, 500 of them ÷ 50 of them ({c})",
            "sessions",
            "500",
            "cpu_percent_a_session",
            c,
            1.25,
            f"{c}@50",
        )
    ),
)


def judge(medians: Medians) -> list[Verdict]:
    """Every bar, in order."""
    return [Verdict(bar, _measured(bar, medians)) for bar in BARS]


def _measured(bar: Bar, medians: Medians) -> float | None:
    def figure(client: str, name: str) -> float | None:
        client, _, cell = client.partition("@")
        return medians.get(bar.column, {}).get(cell or bar.cell, {}).get(client, {}).get(name)

    mine = figure(bar.client, bar.figure)
    if mine is None or bar.of is None:
        return mine
    other = figure(bar.of, bar.of_figure or bar.figure)
    if not other or not mine:
        return None
    return other / mine if bar.faster else mine / other

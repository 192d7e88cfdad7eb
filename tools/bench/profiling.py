"""Where one client's time goes while it takes answers as fast as they come."""

from __future__ import annotations

import asyncio
import cProfile
import io
import pstats
import sys

from tools.bench.clients import CLIENTS
from tools.bench.columns import throughput
from tools.bench.machine import pin

__all__ = ["main"]

LINES = 45
ANSWERS = 12


def main(name: str, port: int) -> None:
    """Print a profile of the functions, by their own time and by that of all they call."""
    pin(1)
    profile = cProfile.Profile()
    measured = asyncio.run(throughput.measure(CLIENTS[name], port, answers=ANSWERS, profile=profile))
    out = io.StringIO()
    stats = pstats.Stats(profile, stream=out).strip_dirs()
    stats.sort_stats("tottime").print_stats(LINES)
    stats.sort_stats("cumulative").print_stats(LINES)
    print(out.getvalue())
    print(f"with the profiler on, {measured['cpu_us']:.1f} us an event")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

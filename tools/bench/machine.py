"""The machine the figures are of, and how processes share it."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["ENVIRONMENT", "describe", "load", "pin", "versions"]

# The same for every client. glibc gives the top of the heap back and faults it
# in again on some memory layouts and not on others; numpy's BLAS would spin up
# threads nobody uses here.
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_TOP_PAD_": str(16 << 20),
    "OPENBLAS_NUM_THREADS": "1",
}
PACKAGES = ("websockets", "orjson", "pybase64", "pydantic", "numpy", "openai")


def pin(core: int) -> None:
    """Keep this process on one core (the last is -1) and ahead of others, as far as the system lets us."""
    if hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -10)
    if hasattr(os, "sched_setaffinity") and len(cores := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def load() -> float:
    """How many processes want to run, the average of the last minute; 0 where that is not told."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def versions() -> dict[str, str]:
    """Of what is compared here."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def describe() -> str:
    """Processor, cores and interpreter, in one line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        cpu = names[0] if names else cpu
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {python}"

"""One measurement in a process of its own: `python -m tools.bench.worker JSON` prints figures as JSON."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
from typing import Any

from tools.bench.clients import named
from tools.bench.machine import pin

LIMIT = 100.0


def main() -> None:
    """`{"column", "client", "port", "options", "core"}` on the command line."""
    job: dict[str, Any] = json.loads(sys.argv[1])
    pin(job["core"])
    module = importlib.import_module(f"tools.bench.columns.{job['column']}")
    measured = module.measure(named(job["client"]), job["port"], **job["options"])
    if inspect.iscoroutine(measured):
        measured = asyncio.run(asyncio.wait_for(measured, LIMIT))
    print(json.dumps(measured))


if __name__ == "__main__":
    main()

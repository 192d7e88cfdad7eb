"""What importing costs, beside its budget. A report: times vary with the machine, so it fails nothing.

Which modules get loaded does not vary, and is a test (`tests/house/test_import_budget.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

ROUNDS = 7

# what is run -> milliseconds allowed
IMPORTS = {"realtime_raw": 15.0, "realtime_raw.events": 150.0}
HELP = 400.0

# Timed inside, so that the interpreter's own start is not counted.
TIMED = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def run(arguments: list[str]) -> str:
    """What an interpreter with `arguments` prints. Like a user's: compiled modules, no coverage measured."""
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "PYTHONDONT"))
    }
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


def least(measure: Callable[[], float]) -> float:
    """The least of several, in milliseconds: noise only adds. The first one fills caches."""
    measure()
    return min(measure() for _ in range(ROUNDS)) * 1000


def import_seconds(modules: str) -> float:
    """How long importing takes in a new interpreter."""
    return float(run(["-c", TIMED.format(modules)]))


def help_seconds() -> float:
    """How long `--help` takes, from the start of the interpreter to its end."""
    start = time.perf_counter()
    run(["-m", "realtime_raw", "--help"])
    return time.perf_counter() - start


def report(what: str, cost: float, budget: float) -> None:
    """One line."""
    verdict = "within" if cost < budget else "OVER"
    print(f"  {what:<28}{cost:7.1f} ms   {verdict} its budget of {budget:.0f} ms")


def main() -> int:
    """Print one line for each budget; always 0."""
    print(f"import costs on this machine, the least of {ROUNDS} measurements each")
    for module, budget in IMPORTS.items():
        report(f"import {module}", least(partial(import_seconds, module)), budget)
    report("--help", least(help_seconds), HELP)
    pydantic = least(partial(import_seconds, "pydantic.main, pydantic.types, pydantic.json_schema"))
    print(f"  (pydantic, as loaded by realtime_raw.events: {pydantic:.1f} ms)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

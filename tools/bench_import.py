"""What importing costs, beside its budget. A report: times vary with the machine, so it fails nothing.

Which modules get loaded does not vary, and is a test (`tests/house/test_import_budget.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

ROUNDS = 7

# what is run -> milliseconds allowed, above an empty interpreter unless it is a whole command
BUDGETS = {
    "import realtime_raw": 15.0,
    "import realtime_raw.events": 150.0,
    "--help": 400.0,
}


def seconds(arguments: list[str]) -> float:
    """How long an interpreter with `arguments` runs: the least of several, as noise only adds."""
    # Users have compiled modules, and nobody measures their coverage.
    unlike_users = ("COVERAGE", "PYTHONDONT")
    env = {name: value for name, value in os.environ.items() if not name.startswith(unlike_users)}
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=env)
        times.append(time.perf_counter() - start)
    return min(times[1:])  # the first one fills caches


def main() -> int:
    """Print one line for each budget; always 0."""
    empty = seconds(["-c", "pass"])
    print(f"import costs, least of {ROUNDS} (empty interpreter {empty * 1000:.0f} ms)")
    for what, budget in BUDGETS.items():
        if what == "--help":
            cost = seconds(["-m", "realtime_raw", "--help"])
        else:
            cost = seconds(["-c", what]) - empty
        verdict = "within" if cost * 1000 < budget else "OVER"
        print(f"  {what:<28}{cost * 1000:7.1f} ms   {verdict} its budget of {budget:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs columns: every client in a process of its own, taking turns, and the medians of that."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.bench import peers
from tools.bench.clients import Client, named
from tools.bench.machine import ENVIRONMENT

__all__ = ["COLUMNS", "ROOT", "Figures", "blaster", "missing", "run"]

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = (
    "throughput",
    "small",
    "decode",
    "latency",
    "sending",
    "ring",
    "starting",
    "memory",
    "sessions",
    "length",
)
# cell -> client -> figure -> median
Figures = dict[str, dict[str, dict[str, float]]]


@contextmanager
def blaster() -> Iterator[int]:
    """The server, in a process on the first core; its port."""
    command = [sys.executable, "-m", "tools.bench.blaster", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.kill()


def environment(*, plain: bool = False) -> dict[str, str]:
    """Of a process that is measured; `plain` leaves memory to the system's defaults."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "OPENAI_"))}
    return env if plain else env | ENVIRONMENT


def missing(client: Client) -> str | None:
    """Why a client cannot run here; None if it can."""
    if client.agents:
        return peers.ready()
    for package in client.needs:
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed"
    return None


def run(column: str, port: int, *, quick: bool, absent: Mapping[str, str], only: frozenset[str]) -> Figures:
    """All cells of a column, without those who are `absent`, and of `only` those if it names any."""
    module = importlib.import_module(f"tools.bench.columns.{column}")
    found: Figures = {}
    for cell in module.CELLS:
        clients, options, repetitions = cell.scaled(quick=quick)
        names = [name for name in clients if name not in absent and (not only or name in only)]
        if repetitions and names:
            found[cell.key] = _cell(column, cell.key, names, port, options, repetitions)
    return found


def _cell(
    column: str, key: str, names: list[str], port: int, options: Mapping[str, float], repetitions: int
) -> dict[str, dict[str, float]]:
    raw: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    module = importlib.import_module(f"tools.bench.columns.{column}")
    plain, least = getattr(module, "PLAIN_MALLOC", False), getattr(module, "LEAST", False)
    began = time.monotonic()
    for number in range(repetitions):
        # Whoever comes first in one round comes last in the next.
        for name in names if number % 2 == 0 else reversed(names):
            if (figures := measure(column, name, port, options, plain=plain)) is not None:
                raw[name].append(figures)
    print(f"  {column}, {key}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    choose = min if least else statistics.median
    return {
        name: {key: choose(one[key] for one in runs) for key in runs[0]} for name, runs in raw.items() if runs
    }


def measure(
    column: str, name: str, port: int, options: Mapping[str, float], *, plain: bool = False
) -> dict[str, float] | None:
    """One measurement in a new process; None, and a word, if it failed."""
    client = named(name)
    python = str(peers.AGENTS_PYTHON) if client.agents else sys.executable
    job = {"column": column, "client": name, "port": port, "options": dict(options), "core": -1}
    env = environment(plain=plain)
    if client.transport is not None:
        env["REALTIME_RAW_TRANSPORT"] = client.transport
    command = [python, "-m", "tools.bench.worker", json.dumps(job)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"  {column}, {name}: no end within 120 s", file=sys.stderr, flush=True)
        return None
    if done.returncode:
        print(f"  {column}, {name}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr, flush=True)
        return None
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures

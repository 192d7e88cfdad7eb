"""Decoding has not become slow: against a floor that is measured in the same moment, on the same core.

Times vary with the machine and with whoever else uses it; their ratio varies
little, and the limits leave a factor of two. Where a limit is missed it is
tried again: only what is slow every time has become slow.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.house.source import ROOT

# (what is decoded, by index of `tools.bench.columns.decode.KINDS`; the floor) -> the most it may cost of that
LIMITS = {
    ("audio", "ws-orjson"): 2.4,
    ("audio, reordered", "ws-pydantic"): 8.0,
    ("transcript", "ws-pydantic"): 5.0,
}
TRIES = 4


def ratio(kind: str, floor: str, client: str = "ours") -> float:
    """What the client costs of the floor, in an interpreter in which no coverage is measured."""
    code = f"from tools.bench.columns import decode; print(decode.ratio({kind!r}, {client!r}, {floor!r}))"
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True, text=True)
    found: float = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("kind", "floor"), LIMITS, ids=" ".join)
def test_decoding_keeps_near_its_floor(kind: str, floor: str) -> None:
    """State, ring and all, it costs no more than some times what the bare libraries do."""
    limit, found = LIMITS[kind, floor], list[float]()
    while len(found) < TRIES and (not found or found[-1] > limit):
        found.append(ratio(kind, floor))
    assert min(found) <= limit, f"{found}: decoding has become slower than {limit} times its floor"


def test_the_check_bites() -> None:
    """What the standard library does to base64 and JSON is seen at once, and is over every limit."""
    assert ratio("audio", "ws-orjson", client="ws-stdlib") > LIMITS["audio", "ws-orjson"]

"""Sample messages of every event, as they are on the wire, and tests that run over each of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import realtime_raw.events as ev

# Tests that look at every model there is need all of them loaded.
EVERYTHING = [getattr(ev, name) for name in ev.__all__] + [entry.cls for entry in ev.CATALOG]

SAMPLES = Path(__file__).parent / "samples"


def samples(side: str) -> list[tuple[str, dict[str, Any]]]:
    """`(dialect, message)` of all messages a "server" or a "client" may send."""
    found = []
    for dialect in ("realtime", "translation"):
        table = json.loads((SAMPLES / f"{dialect}_{side}.json").read_text())
        found += [(dialect, message) for messages in table.values() for message in messages]
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `server_sample` or `client_sample` runs for each of them."""
    for side in ("server", "client"):
        if f"{side}_sample" in metafunc.fixturenames:
            found = samples(side)
            names = [f"{dialect}:{message['type']}" for dialect, message in found]
            metafunc.parametrize(f"{side}_sample", found, ids=names)

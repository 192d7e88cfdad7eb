"""What an import loads, by name: times vary, module lists do not (`tools/bench_import.py` prints times)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.house.source import ROOT

HEAVY = frozenset({"asyncio", "numpy", "orjson", "pydantic", "pybase64", "rich", "typer", "websockets"})

# statement -> what it may load of the heavy ones
BUDGETS = {
    "import realtime_raw": set[str](),
    "from realtime_raw import errors, types, text, endpoint": set[str](),
    "import realtime_raw.events": {"pydantic"},
    "import realtime_raw.codec": {"orjson", "pybase64", "pydantic"},
    "import realtime_raw.protocol.core": {"orjson", "pydantic", "pybase64"},
    "import realtime_raw.audio.player": {"numpy", "pybase64"},
    "import realtime_raw.cli.main": {"asyncio", "rich", "typer"},
}


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in `sys.modules` after `statement` in a new interpreter."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    # Measuring coverage loads modules of its own, so these interpreters go without.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(("statement", "allowed"), BUDGETS.items(), ids=BUDGETS.keys())
def test_imports_load_no_more_than_they_need(statement: str, allowed: set[str]) -> None:
    """Each floor can be used alone, without paying for the ones above it."""
    assert loaded_by(statement) & HEAVY <= allowed


def test_the_root_alone_is_light() -> None:
    """Not even `typing`: an empty interpreter and our table of names."""
    assert not loaded_by("import realtime_raw") & {"typing", "dataclasses", "re", "enum"}


def test_the_check_bites() -> None:
    """It sees what is loaded behind the scenes."""
    assert "typing" in loaded_by("import dataclasses, typing")


@pytest.mark.parametrize("before", ["enable", "disable"])
def test_loading_leaves_the_collector_as_it_was(before: str) -> None:
    """It is stopped while hundreds of modules load, and only then."""
    code = f"import gc, realtime_raw\ngc.{before}()\nrealtime_raw.events\nprint(gc.isenabled())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    assert done.stdout.split() == [str(before == "enable")]

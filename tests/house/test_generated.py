"""What is drawn or exported from code is fresh."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.house.source import ROOT
from tools import state_diagrams


@pytest.mark.parametrize("tool", ["export_schemas.py", "state_diagrams.py"])
def test_generated_files_are_fresh(tool: str) -> None:
    """`make schemas` and the diagrams' tool leave nothing to do."""
    done = subprocess.run(
        [sys.executable, f"tools/{tool}", "--check"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_check_bites(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that changed, and a drawing that did not."""
    monkeypatch.setattr(state_diagrams, "HEAD", "another head\n")
    assert state_diagrams.main(["--check"]) == 1

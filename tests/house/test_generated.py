"""What is drawn or exported from code is fresh."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from tests.house.source import ROOT
from tools import mutant_table, signal_table, state_diagrams


@pytest.mark.parametrize(
    "tool", ["export_schemas.py", "mutant_table.py", "signal_table.py", "state_diagrams.py"]
)
def test_generated_files_are_fresh(tool: str) -> None:
    """`make schemas` and the diagrams' tool leave nothing to do."""
    done = subprocess.run(
        [sys.executable, f"tools/{tool}", "--check"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("tool", [mutant_table, signal_table, state_diagrams], ids=lambda tool: tool.__name__)
def test_the_check_bites(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code changed, and the page did not."""
    monkeypatch.setattr(tool, "HEAD", "another head\n")
    assert tool.main(["--check"]) == 1
    assert "is stale" in capsys.readouterr().err

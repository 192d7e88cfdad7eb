"""The suite as tests of somebody's own server: what passes, what is skipped, what fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from realtime_raw.conformance.pytest import conformance_cases
from realtime_raw.errors import LocalProtocolError

SUITE = """
import pytest
from realtime_raw.conformance.pytest import conformance_cases
from realtime_raw.loopback import LoopbackServer

@pytest.fixture(scope="session")
def realtime_url():
    with LoopbackServer(faults=["close_1011@event=input_audio_buffer.cleared"]) as server:
        yield server.url

CASES = ("RT-ERR-001", "RT-ERR-032", "RT-HAND-004", "RT-LIM-024", "RT-SESS-001")
test_realtime = conformance_cases(cases=CASES)
test_errors = conformance_cases(families=["errors"], levels=["must"], skip="skips.txt")
"""


def test_as_a_server_author_writes_it(tmp_path: Path) -> None:
    """Passed, failed with the rule and the exchange, skipped with the reason."""
    (tmp_path / "skips.txt").write_text("RT-ERR-007 known to differ\n")
    (tmp_path / "test_mine.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=50)
    told = done.stdout
    assert done.returncode == 1, told + done.stderr
    assert "1 failed" in told
    assert "the server has no auth" in told
    assert "known to differ" in told
    assert "test_realtime[RT-LIM-024]" in told
    assert "the connection was closed (1011" in told
    assert "rule: One `input_audio_buffer.append` takes up to 15 MiB" in told
    assert "source: API reference, input_audio_buffer.append (documented)" in told
    assert "-> {" in told


def test_names_are_checked_when_tests_are_collected() -> None:
    """Not when they run."""
    with pytest.raises(LocalProtocolError, match="no profile"):
        conformance_cases(profile="none")

"""A question that can be heard, and a way to run a command and see all it said."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime_raw.cli.main import main
from tests.cli.helpers import Run, Told, tone, write_wav


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in this process."""

    def go(*argv: str | Path) -> Told:
        code = main([str(word) for word in argv])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Told(int(code), out, err)

    return go


@pytest.fixture
def question(tmp_path: Path) -> Path:
    """Half a second that can be heard."""
    return write_wav(tmp_path / "question.wav", tone(0.5))

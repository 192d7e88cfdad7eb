"""The environment of peers that are no part of development: made on first use, and never needed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["AGENTS_PYTHON", "ready"]

HERE = Path(__file__).resolve().parent
_PINNED = HERE / "requirements.txt"
_STAMP = HERE / ".venv" / ".installed"
AGENTS_PYTHON = HERE / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python"


def ready() -> str | None:
    """Make the environment if what is pinned is not there; why it cannot be had, or None."""
    fingerprint = hashlib.sha256(_PINNED.read_bytes()).hexdigest()
    if AGENTS_PYTHON.exists() and _STAMP.exists() and _STAMP.read_text() == fingerprint:
        return None
    print("making tools/bench/.venv for openai-agents ...", file=sys.stderr, flush=True)
    pip = [
        str(AGENTS_PYTHON),
        "-m",
        "pip",
        "install",
        "-qq",
        "--disable-pip-version-check",
        "-r",
        str(_PINNED),
    ]
    try:
        for command in ([sys.executable, "-m", "venv", "--clear", str(HERE / ".venv")], pip):
            subprocess.run(command, check=True, capture_output=True, timeout=240)
    except (OSError, subprocess.SubprocessError) as exc:
        return f"its environment could not be made: {exc}"
    _STAMP.write_text(fingerprint)
    return None

"""The README's example runs as printed, and its promises about files and targets are true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]


def test_the_example_runs_as_printed() -> None:
    """In a clone, without a key, warnings being errors; it speaks."""
    env = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMPLE],
        cwd=ROOT,
        env=env,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    answer, facts = done.stdout.splitlines()
    assert answer
    match = re.fullmatch(r"([0-9.]+) s of speech, about item_\w+", facts)
    assert match is not None
    assert float(match[1]) > 0.5


def test_the_example_is_as_short_as_promised() -> None:
    """Fifteen lines that are not blank."""
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 15


def test_links_lead_somewhere() -> None:
    """In the README and in the docs."""
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_make_targets_exist() -> None:
    """Those the README names."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"make (\w+)  ", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target

"""docs/loopback.md: every switch and fault is told of, every test it names exists, its example loads."""

from __future__ import annotations

import dataclasses
import pathlib
import re

from realtime_raw.loopback.behaviour import Behaviour
from realtime_raw.loopback.faults import FAULTS
from realtime_raw.loopback.script_file import parse_script

HERE = pathlib.Path(__file__).parent
TEXT = (HERE.parent.parent / "docs" / "loopback.md").read_text()


def test_every_test_it_names_is_there() -> None:
    """So that the table stays true."""
    written = "\n".join(path.read_text() for path in HERE.glob("test_*.py"))
    there = set(re.findall(r"^(?:async )?def (test_\w+)", written, re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    assert named - there == set()
    assert len(named) > 60


def test_every_switch_is_listed_with_its_default() -> None:
    """Under its name."""
    listed = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", TEXT, re.MULTILINE))
    defaults = {field.name: field.default for field in dataclasses.fields(Behaviour)}
    assert {name: value.strip('"') for name, value in listed.items()} == {
        name: str(default) for name, default in defaults.items()
    }


def test_every_fault_is_listed() -> None:
    """And none that there is not."""
    section = TEXT.split("## Faults")[1].split("## Switches")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(FAULTS)


def test_the_scenario_it_shows_loads() -> None:
    """Whole."""
    (example,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    script = parse_script(example.encode(), kind="toml")
    assert len(script.steps) == 6
    assert set(script.mcp) == {"maps"}

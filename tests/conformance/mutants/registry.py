"""Every mutant of all families: the `MUTANTS` of each module beside this one."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from tests.conformance.harness import Mutant


@cache
def all_mutants() -> tuple[Mutant, ...]:
    """All of them, by the id of the case that must catch them."""
    found: list[Mutant] = []
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem != "registry":
            found += importlib.import_module(f"tests.conformance.mutants.{path.stem}").MUTANTS
    return tuple(sorted(found, key=lambda each: each.case_id))

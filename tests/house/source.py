"""The package as syntax trees, for tests that judge the house rather than its behaviour.

Checks take modules and return complaints, so that each can also be shown a bad sample.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "realtime_raw"


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, text and tree."""

    name: str
    text: str
    is_package: bool = False
    tree: ast.Module = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tree", ast.parse(self.text))

    @property
    def unit(self) -> str:
        """The first name below the package: `realtime_raw.events.base` -> `events`."""
        return self.name.partition(".")[2].partition(".")[0] or "__init__"


def sample(name: str, text: str) -> Module:
    """A module that exists only for a test."""
    return Module(f"{PACKAGE}.{name}", textwrap.dedent(text))


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package, as it lies in the tree."""
    return tuple(_modules())


def _modules() -> Iterator[Module]:
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        yield Module(".".join(parts[:-1] if is_package else parts), path.read_text("utf-8"), is_package)


def is_type_checking(node: ast.AST) -> bool:
    """Whether `node` is an `if TYPE_CHECKING:` block."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that exists at run time, those inside functions included."""
    for child in ast.iter_child_nodes(tree):
        if is_type_checking(child):
            assert isinstance(child, ast.If)
            for other in child.orelse:
                yield other
                yield from runtime_nodes(other)
        else:
            yield child
            yield from runtime_nodes(child)


def imports(module: Module, known: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Absolute dotted names `module` imports at run time, with line numbers.

    `from ..events import catalog` names the submodule if `known` has it, else the
    package. What comes from the root is always named: it is loaded from anywhere.
    """
    for node in runtime_nodes(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(module, node)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield (inner if inner in known or base == PACKAGE else base), node.lineno


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    keep = len(parts) - node.level + (1 if module.is_package else 0)
    return ".".join([*parts[:keep], *([node.module] if node.module else [])])

"""Below floor 5: no waiting, no printing, no files, no clock, no state shared by all."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tests.house.source import Module, modules, runtime_nodes, sample
from tests.house.test_floors import FLOORS, LINE

CALLS = frozenset({"open", "print", "input", "breakpoint", "exec", "eval"})
METHODS = frozenset(
    {"now", "utcnow", "today", "open", "read_text", "read_bytes", "write_text", "write_bytes"}
)

# What may do more than decide, and why.
EXEMPT = {
    "journal": "`read_journal` takes a path as well as a stream",
}


def impure(found: Iterable[Module]) -> list[str]:
    """Places below the line that do more than decide."""
    complaints = []
    for module in found:
        if FLOORS.get(module.unit, LINE) >= LINE or module.unit in EXEMPT:
            continue
        for node in runtime_nodes(module.tree):
            complaints += [f"{module.name}:{node.lineno} {what}" for what in _faults(node)]  # type: ignore[attr-defined]
    return complaints


def _faults(node: ast.AST) -> Iterator[str]:
    if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)):
        yield "waits"
    elif isinstance(node, ast.Global):
        yield "has state shared by all"
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield f"calls {node.func.id}()"
        elif isinstance(node.func, ast.Attribute) and node.func.attr in METHODS and _is_world(node.func):
            yield f"calls .{node.func.attr}()"


def _is_world(func: ast.Attribute) -> bool:
    """`datetime.now()` and `Path(x).open()` reach the world; `self.now` and a codec's `open` do not."""
    owner = ast.unparse(func.value)
    return owner.startswith(("datetime", "date.", "Path", "pathlib", "io.")) or owner == "date"


def test_the_core_is_pure() -> None:
    """Given the same calls, the core does the same, and nothing else."""
    assert impure(modules()) == []


def test_exemptions_are_needed() -> None:
    """An exemption nobody uses is a hole."""
    assert {module.unit for module in modules()} >= EXEMPT.keys()


def test_the_check_bites() -> None:
    """One bad line of each kind."""
    text = """
    async def f(): await g()
    def h():
        global x
        print(1); open("a"); datetime.now(); Path("a").read_text()
        self.now()
    """
    found = impure([sample("protocol.core", text)])
    assert sorted({line.split(" ", 1)[1] for line in found}) == [
        "calls .now()",
        "calls .read_text()",
        "calls open()",
        "calls print()",
        "has state shared by all",
        "waits",
    ]
    assert impure([sample("aio.connection", text)]) == []

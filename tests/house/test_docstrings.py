"""Whatever a user can reach says what it is; every module says what lives there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from tests.house.source import Module, modules, sample

# pydantic calls it; nobody else does.
HOOKS = {"model_post_init"}

Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def undocumented(found: Iterable[Module]) -> list[str]:
    """Public modules, classes, functions and methods without a docstring.

    Properties may be clear by name; overloads are documented by what they overload.
    """
    complaints = []
    for module in found:
        if module.text.strip() and not ast.get_docstring(module.tree):
            complaints.append(module.name)
        complaints += [
            f"{module.name}.{name}" for name, node in _public(module.tree, "") if not ast.get_docstring(node)
        ]
    return complaints


def _public(tree: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, Named]]:
    for node in tree.body:
        if (
            not isinstance(node, Named)
            or node.name.startswith("_")
            or node.name in HOOKS
            or _is_excused(node)
        ):
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _public(node, f"{prefix}{node.name}.")


def _is_excused(node: Named) -> bool:
    names = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(names & {"property", "cached_property", "setter", "overload", "override"})


def test_everything_public_is_documented() -> None:
    """`help(realtime_raw.x)` never comes up empty."""
    assert undocumented(modules()) == []


def test_the_check_bites() -> None:
    """One of each, and nothing for what is private or a property."""
    text = '''
    """Module."""
    def f(): ...
    class C:
        def m(self): ...
        @property
        def p(self): ...
        def _q(self): ...
    def _g(): ...
    def fine():
        """Words."""
    '''
    assert undocumented([sample("a", text)]) == [f"realtime_raw.a.{name}" for name in ("f", "C", "C.m")]
    assert undocumented([sample("b", "x = 1\n")]) == ["realtime_raw.b"]

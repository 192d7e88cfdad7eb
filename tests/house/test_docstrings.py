"""Whatever a user can reach says what it is; every module says what lives there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from tests.house.source import Module, modules, sample

# pydantic calls it; nobody else does.
HOOKS = {"model_post_init"}

Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def undocumented(found: Iterable[Module]) -> list[str]:
    """Public modules, classes, functions and methods without a docstring.

    Properties may be clear by name; overloads are documented by what they
    overload, and overriding methods by the method they override.
    """
    found = list(found)
    classes = {
        node.name: node
        for module in found
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }
    complaints = []
    for module in found:
        if module.text.strip() and not ast.get_docstring(module.tree):
            complaints.append(module.name)
        complaints += [
            f"{module.name}.{name}"
            for name, node in _public(module.tree, "")
            if not ast.get_docstring(node) and not _is_inherited(name, classes)
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


def _is_inherited(name: str, classes: Mapping[str, ast.ClassDef]) -> bool:
    """Whether `Class.method` is documented by a base of the class, however far up."""
    owner, _, method = name.rpartition(".")
    cls = classes.get(owner.rpartition(".")[2])
    if cls is None:
        return False
    for base in (ast.unparse(base).rpartition(".")[2] for base in cls.bases):
        above = classes.get(base)
        if above is None or above is cls:
            continue
        if any(isinstance(n, Named) and n.name == method and ast.get_docstring(n) for n in above.body):
            return True
        if _is_inherited(f"{base}.{method}", classes):
            return True
    return False


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


def test_an_override_is_documented_by_what_it_overrides() -> None:
    """At any distance; a method of its own is not."""
    text = '''
    """Module."""
    class A:
        """A."""
        def m(self):
            """M."""
    class B(A):
        """B."""
    class C(B):
        """C."""
        def m(self): ...
        def n(self): ...
    '''
    assert undocumented([sample("a", text)]) == ["realtime_raw.a.C.n"]

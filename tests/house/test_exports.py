"""The public names: each importable, each visible to a type checker, none forgotten."""

from __future__ import annotations

import ast
import importlib

import pytest

import realtime_raw
from tests.house.source import PACKAGE, Module, is_type_checking, modules, sample

ROOT_MODULE = next(module for module in modules() if module.name == PACKAGE)


def seen_by_type_checkers(module: Module) -> dict[str, str]:
    """Public name -> where it comes from, as the `if TYPE_CHECKING:` block has it.

    Only the `import x as x` form counts: without it a checker takes the name for private.
    """
    found = {}
    for block in module.tree.body:
        if not is_type_checking(block):
            continue
        for node in ast.walk(block):
            if isinstance(node, ast.ImportFrom):
                found.update(
                    {
                        a.name: f"{node.module or ''}"
                        for a in node.names
                        if a.asname == a.name and node.level == 1
                    }
                )
    return found


def table() -> dict[str, str]:
    """The same of the run-time tables: a module `x.y` is `y` from `x`."""
    named = dict(realtime_raw._SOURCES)
    for name, path in realtime_raw._MODULES.items():
        parent, _, last = path.rpartition(".")
        assert last == name
        named[name] = parent
    return named


def test_checkers_and_interpreter_see_the_same() -> None:
    """`mypy` follows the imports, Python the tables; they must agree."""
    assert seen_by_type_checkers(ROOT_MODULE) == table()


def test_tables_are_sorted() -> None:
    """So that a name is found, and added, at one place only."""
    for names in (list(realtime_raw._SOURCES), list(realtime_raw._MODULES)):
        assert names == sorted(names)


@pytest.mark.parametrize("name", realtime_raw.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """`rt.<name>` loads, and `dir()` shows it."""
    assert getattr(realtime_raw, name) is not None
    assert name in dir(realtime_raw)


def test_every_public_exception_is_reachable_from_the_root() -> None:
    """What can be raised can be caught without knowing the module."""
    assert set(realtime_raw.errors.__all__) <= set(realtime_raw.__all__)


@pytest.mark.parametrize("module", [m for m in modules() if m.name != PACKAGE], ids=lambda m: m.name)
def test_every_all_is_true(module: Module) -> None:
    """A module's `__all__` names what it has."""
    if "__all__" not in module.text:
        return
    loaded = importlib.import_module(module.name)
    assert [name for name in loaded.__all__ if not hasattr(loaded, name)] == []
    assert len(set(loaded.__all__)) == len(loaded.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """With the sentence Python gives for any module."""
    with pytest.raises(AttributeError, match="module 'realtime_raw' has no attribute 'conect'"):
        _ = realtime_raw.conect  # type: ignore[attr-defined]  # the point of the test


def test_the_check_bites() -> None:
    """A name without `as` is private to a checker, and not counted."""
    text = """
    if TYPE_CHECKING:
        from .a import b as b
        from .a import c
        from .a import d as e
    from .x import y as y
    """
    assert seen_by_type_checkers(sample("z", text)) == {"b": "a"}

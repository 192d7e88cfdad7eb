"""A file past 400 lines of code, or a function past 40, is asked what second thing it contains."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator

from tests.house.source import Module, modules, sample

FILE_LIMIT = 400
FUNCTION_LIMIT = 40

# name -> why it is one thing all the same
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def code_lines(text: str) -> set[int]:
    """Numbers of the lines that hold code: not blank, not comment, not docstring."""
    skip = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skip:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def functions(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its dotted name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{prefix}.{node.name}"
            if not isinstance(node, ast.ClassDef):
                yield name, node
            yield from functions(node, name)
        else:
            yield from functions(node, prefix)


def long_files(found: Iterable[Module]) -> dict[str, int]:
    """Modules over the limit, with their lines of code."""
    sizes = {module.name: len(code_lines(module.text)) for module in found}
    return {name: size for name, size in sizes.items() if size > FILE_LIMIT}


def long_functions(found: Iterable[Module]) -> dict[str, int]:
    """Functions over the limit, with the code lines of their bodies: a long signature is no long thought."""
    long = {}
    for module in found:
        lines = code_lines(module.text)
        for name, node in functions(module.tree, module.name):
            size = len(lines & set(range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1)))
            if size > FUNCTION_LIMIT:
                long[name] = size
    return long


def test_files_stay_readable() -> None:
    """Over the limit only with a reason, and no reason without need."""
    assert long_files(modules()).keys() == LONG_FILES.keys()


def test_functions_stay_readable() -> None:
    """The same for functions."""
    assert long_functions(modules()).keys() == LONG_FUNCTIONS.keys()


def test_the_check_bites() -> None:
    """Code counts; words about it do not."""
    body = "\n".join(f"    x{i} = {i}" for i in range(FUNCTION_LIMIT + 1))
    words = '    """Docstring\n    of three\n    lines."""\n\n    # comment\n'
    assert long_functions([sample("a", f"def f():\n{words}{body}\n")]) == {
        "realtime_raw.a.f": FUNCTION_LIMIT + 1
    }
    assert long_functions([sample("a", f"def f():\n{words}{body[: body.rindex(chr(10))]}\n")]) == {}
    method = sample("a", f"class C:\n    def f(self):\n{body.replace('    x', '        x')}\n")
    assert list(long_functions([method])) == ["realtime_raw.a.C.f"]
    assert long_files([sample("a", "x = 1\n# y\n\n" * (FILE_LIMIT + 1))]) == {
        "realtime_raw.a": FILE_LIMIT + 1
    }
    assert long_files([sample("a", "x = 1\n# y\n\n" * FILE_LIMIT)]) == {}

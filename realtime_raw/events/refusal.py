"""The words of a refusal: pydantic's findings as our problems, with paths as the server writes them.

No model is defined here, and no rule of the wire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from ..errors import Problem
from .later import Later
from .retired import ga_hint

if TYPE_CHECKING:
    from .base import Outbound

__all__ = ["UNDECIDED", "UNSENDABLE", "kind_of", "one_of", "problems_of"]

# Types of our own errors. The first is followed by the name of the field that
# should have decided a union; the second has the path below the model in its context.
UNDECIDED = "undecided_by_"
UNSENDABLE = "unsendable"

_WORDS = {
    "extra_forbidden": "unknown parameter",
    "missing": "missing required parameter",
    "model_type": "input should be an object",
    "dict_type": "input should be an object",
    "list_type": "input should be a list",
}


def one_of(values: tuple[str, ...]) -> str:
    """`'a', 'b' or 'c'`."""
    quoted = [repr(value) for value in values]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def kind_of(value: object) -> str:
    """The kind of a value in the wire's words, without the value: a field may hold a secret."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number beyond 64 bits"
    if isinstance(value, (int, float)):
        return f"the number {value!r}"
    if isinstance(value, str):
        return f"a string of {len(value)} characters" if len(value) != 1 else "a string of 1 character"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    return f"a {type(value).__name__}"


def problems_of(exc: ValidationError, *, outbound: type[Outbound] | None = None) -> tuple[Problem, ...]:
    """pydantic's findings as our own: dotted paths, kinds instead of values, GA hints."""
    found: dict[tuple[str, str], Problem] = {}
    for error in exc.errors(include_url=False):
        path, value = _dotted(error["loc"]), error["input"]
        kind, message = error["type"], error["msg"][:1].lower() + error["msg"][1:]
        if kind == UNSENDABLE:
            path, value = _join(path, error["ctx"]["path"]), None
        if kind.startswith(UNDECIDED):
            path, value, kind, message = _undecided(path, value, message, kind.removeprefix(UNDECIDED))
        message = _WORDS.get(kind, message)
        got = "" if kind in ("missing", "extra_forbidden", UNSENDABLE) else kind_of(value)
        hint = None
        if outbound is not None:
            hint = ga_hint(outbound.__name__, path, value) if outbound.had_beta else None
            hint = hint or (_nearest(outbound, path) if kind == "extra_forbidden" else None)
        found.setdefault((path, message), Problem(path, message, got, hint))
    return tuple(found.values())


def _nearest(model: type[BaseModel], path: str) -> str | None:
    """The field that was probably meant by an unknown one at `path`."""
    from difflib import get_close_matches  # only a mistake pays for it

    *parents, name = re.sub(r"\[\d+\]", "", path).split(".")
    here = {model}
    for parent in parents:
        fields = [found.model_fields[parent] for found in here if parent in found.model_fields]
        parts = [part for field in fields for part in (field.annotation, *field.metadata)]
        here = {inner for part in parts for inner in _models_in(part)}
    near = get_close_matches(name, sorted({known for found in here for known in found.model_fields}), n=1)
    return f"did you mean {near[0]!r}?" if near else None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, Later):
        annotation = annotation.model()
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _undecided(path: str, value: Any, message: str, field: str) -> tuple[str, Any, str, str]:
    """A value none of a union's members claims: say what is wrong with its deciding field."""
    if isinstance(value, BaseModel):
        value = value.__dict__
    if not isinstance(value, dict):
        return path, value, "kind", "input should be an object"
    where = _join(path, field)
    if field not in value:
        return where, None, "missing", ""
    return where, value[field], "kind", message


def _dotted(loc: tuple[int | str, ...]) -> str:
    """`('session', 'tools', 2, '<function>', 'meta')` as `session.tools[2].meta`.

    Parts in angle brackets are tags of unions, `[key]` is pydantic's mark for a
    mapping's key rather than its value; neither is on the wire.
    """
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part == "[key]" or (part[:1] == "<" and part[-1:] == ">"):
            continue
        else:
            path = _join(path, part)
    return path


def _join(path: str, below: str) -> str:
    return f"{path}.{below}" if path and below else path or below

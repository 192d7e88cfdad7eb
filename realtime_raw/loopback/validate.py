"""Checks a client event's shape against a schema that is plain data, in the server's own words.

A schema is a tree of the small `Kind`s below; `client_schema` holds the trees.
Each check stops at the first fault, in the order unknown field, missing field,
wrong value, and names it by its dotted path. Nothing is shared with the models
the client validates with: a mistake made there cannot hide here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import refusals

__all__ = [
    "ByType",
    "Choice",
    "Decimal",
    "Flag",
    "Free",
    "Kind",
    "ListOf",
    "Nullable",
    "Shape",
    "StringMap",
    "Tagged",
    "Text",
    "Whole",
]

# Free-form objects (a tool's JSON Schema) are echoed back; the encoder refuses what nests deeper than 254.
_MAX_DEPTH = 100


def name_of(value: object) -> str:
    """The JSON kind of a value, with its article, as the server writes it."""
    return _NAMES[type(value)]


_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


class Kind(Protocol):
    """One node of a schema."""

    def check(self, value: Any, path: str) -> None:
        """Raises `Refused` at the first fault; `path` is how the value is reached."""


def _expect(value: Any, path: str, kind: type, expected: str) -> None:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise refusals.wrong_type(path, expected, name_of(value))


@dataclass(frozen=True, slots=True)
class Text:
    """Any string, or one of at most `limit` characters; `filled` refuses the empty one."""

    limit: int | None = None
    filled: bool = False

    def check(self, value: Any, path: str) -> None:
        """A string, not too long, not empty where that matters."""
        _expect(value, path, str, "a string")
        if self.filled and not value:
            raise refusals.empty_string(path)
        if self.limit is not None and len(value) > self.limit:
            raise refusals.too_long(path, self.limit, len(value))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed list of strings."""

    values: tuple[str, ...]

    def check(self, value: Any, path: str) -> None:
        """A string, and one of the list."""
        _expect(value, path, str, f"one of {refusals.listed(self.values, 'or')}")
        if value not in self.values:
            raise refusals.wrong_value(path, value, self.values)


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer within bounds. `1.0` is a decimal (observed: clients that send one are refused)."""

    low: int | None = None
    high: int | None = None

    def check(self, value: Any, path: str) -> None:
        """An integer, and within bounds."""
        _expect(value, path, int, "an integer")
        if self.low is not None and value < self.low:
            raise refusals.out_of_range(path, "integer", value, self.low, above=False)
        if self.high is not None and value > self.high:
            raise refusals.out_of_range(path, "integer", value, self.high, above=True)


@dataclass(frozen=True, slots=True)
class Decimal:
    """A number within bounds; integers are numbers."""

    low: float
    high: float

    def check(self, value: Any, path: str) -> None:
        """A number, and within bounds."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise refusals.wrong_type(path, "a decimal", name_of(value))
        if value < self.low:
            raise refusals.out_of_range(path, "decimal", value, self.low, above=False)
        if value > self.high:
            raise refusals.out_of_range(path, "decimal", value, self.high, above=True)


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def check(self, value: Any, path: str) -> None:
        """A boolean."""
        _expect(value, path, bool, "a boolean")


@dataclass(frozen=True, slots=True)
class Free:
    """Any object (a JSON Schema, a map of whatever), as long as it can be sent back."""

    def check(self, value: Any, path: str) -> None:
        """An object, and not too deep."""
        _expect(value, path, dict, "an object")
        if _depth(value) > _MAX_DEPTH:
            raise refusals.invalid(path, f"Invalid '{path}': nested deeper than {_MAX_DEPTH} levels.")


def _depth(value: Any) -> int:
    """Nesting of objects and arrays, without recursion: the value is a stranger's."""
    deepest, todo = 0, [(value, 1)]
    while todo:
        node, depth = todo.pop()
        deepest = max(deepest, depth)
        if deepest > _MAX_DEPTH:
            break
        children = node.values() if isinstance(node, dict) else node
        todo.extend((child, depth + 1) for child in children if isinstance(child, (dict, list)))
    return deepest


@dataclass(frozen=True, slots=True)
class StringMap:
    """An object of strings with bounded size, keys and values (`metadata`: 16, 64, 512)."""

    entries: int | None = None
    key_limit: int | None = None
    value_limit: int | None = None

    def check(self, value: Any, path: str) -> None:
        """An object of strings, within its bounds."""
        _expect(value, path, dict, "an object")
        if self.entries is not None and len(value) > self.entries:
            raise refusals.too_many(path, "object", self.entries, len(value))
        for key, text in value.items():
            if self.key_limit is not None and len(key) > self.key_limit:
                raise refusals.too_long(path, self.key_limit, len(key))
            Text(self.value_limit).check(text, f"{path}.{key}")


@dataclass(frozen=True, slots=True)
class ListOf:
    """An array of one kind of value, of at least `least` elements."""

    item: Kind
    least: int = 0

    def check(self, value: Any, path: str) -> None:
        """An array, each element in turn."""
        _expect(value, path, list, "an array")
        if len(value) < self.least:
            raise refusals.invalid(
                path,
                f"Invalid '{path}': empty array. Expected an array with minimum length {self.least}, "
                "but got an empty array instead.",
            )
        for index, element in enumerate(value):
            self.item.check(element, f"{path}[{index}]")


@dataclass(frozen=True, slots=True)
class Nullable:
    """Null, or the kind inside."""

    kind: Kind

    def check(self, value: Any, path: str) -> None:
        """Null, or what the kind inside says."""
        if value is not None:
            self.kind.check(value, path)


@dataclass(frozen=True, slots=True)
class ByType:
    """Alternatives told apart by their JSON type (`tool_choice`: a string or an object)."""

    kinds: Mapping[type, Kind]
    expected: str

    def check(self, value: Any, path: str) -> None:
        """The alternative for this JSON type."""
        kind = self.kinds.get(type(value))
        if kind is None:
            raise refusals.wrong_type(path, self.expected, name_of(value))
        kind.check(value, path)


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with known fields. `more` adds a check across fields, run last."""

    fields: Mapping[str, Kind]
    required: tuple[str, ...] = ()
    more: Callable[[Mapping[str, Any], str], None] | None = field(default=None)

    def check(self, value: Any, path: str) -> None:
        """Unknown fields, then missing ones, then values in the schema's order."""
        _expect(value, path, dict, "an object")
        for name in value:
            if name not in self.fields:
                raise refusals.unknown(_join(path, name))
        for name in self.required:
            if name not in value:
                raise refusals.missing(_join(path, name))
        for name, kind in self.fields.items():
            if name in value:
                kind.check(value[name], _join(path, name))
        if self.more is not None:
            self.more(value, path)


@dataclass(frozen=True, slots=True)
class Tagged:
    """An object whose `tag` field chooses its shape. The tag comes first: without it no other
    field can be judged (observed: a beta session fails on `session.type`, not on its fields)."""

    tag: str
    shapes: Mapping[str, Kind]

    def check(self, value: Any, path: str) -> None:
        """The tag, then the shape it chooses."""
        _expect(value, path, dict, "an object")
        where = _join(path, self.tag)
        if self.tag not in value:
            raise refusals.missing(where)
        Choice(tuple(self.shapes)).check(value[self.tag], where)
        self.shapes[value[self.tag]].check(value, path)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name

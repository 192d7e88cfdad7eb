"""Messages with one thing changed, and where it was changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value inside a message, the message itself first."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from nodes(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from nodes(inner, (*path, index))


def put(message: Any, path: Path, value: Any) -> Any:
    """A copy of the message with another value at the path."""
    made = copy.deepcopy(message)
    inner = made
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return made


def drop(message: Any, path: Path) -> Any:
    """A copy of the message without the key or element at the path."""
    made = copy.deepcopy(message)
    inner = made
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return made


def with_field_added(message: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The message with a field nobody knows, in each of its objects in turn."""
    for path, value in nodes(message):
        if isinstance(value, dict):
            yield path, put(message, (*path, "field_of_tomorrow"), {"a": [1, None]})


def with_field_dropped(message: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The message without each of its fields in turn, all but its type."""
    for path, _ in nodes(message):
        if path and isinstance(path[-1], str) and path != ("type",):
            yield path, drop(message, path)


def with_null_put(message: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The message with null for each of its fields in turn, all but its type."""
    for path, _ in nodes(message):
        if path and isinstance(path[-1], str) and path != ("type",):
            yield path, put(message, path, None)


def with_enum_extended(message: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The message with a word of tomorrow for each of its texts in turn, all but its type."""
    for path, value in nodes(message):
        if isinstance(value, str) and path != ("type",):
            yield path, put(message, path, "word_of_tomorrow")

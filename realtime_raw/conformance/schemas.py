"""Holding events to schemas: to our models always, to the official bundle where its path is given.

A fault is named with its place in the event. The bundle forbids null in places
where every recorded session has it, so null is taken for "not there" when
the bundle judges.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from .. import codec
from ..errors import InvalidCommand, LocalProtocolError, MissingExtra
from ..events.base import InvalidServerEvent
from ..events.catalog import REALTIME, TRANSLATION, Dialect
from ..text import safe

__all__ = ["Bundle", "model_faults", "sent_faults"]

_SERVER_UNIONS = ("RealtimeServerEvent", "RealtimeTranslationServerEvent")


def model_faults(data: bytes, *, translation: bool = False) -> list[tuple[str, str]]:
    """What is wrong with a server's message by our models, as `(path, message)`."""
    event = codec.decode(data, _dialect(translation))
    if not isinstance(event, InvalidServerEvent):
        return []
    return [(problem.path, safe(str(problem))) for problem in event.problems]


def sent_faults(data: bytes, *, translation: bool = False) -> list[tuple[str, str]]:
    """The same of a client's message."""
    try:
        codec.decode_client(data, _dialect(translation))
    except InvalidCommand as exc:
        return [(problem.path, safe(str(problem))) for problem in exc.problems]
    return []


def _dialect(translation: bool) -> Dialect:
    return TRANSLATION if translation else REALTIME


class Bundle:
    """The official JSON Schema bundle, by event type.

    Raises `OSError` for a path that cannot be read, `LocalProtocolError` for
    what is no bundle, `MissingExtra` without jsonschema.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            import jsonschema
        except ImportError:
            raise MissingExtra("conformance", "checking against the official schemas") from None
        try:
            self._definitions: dict[str, Any] = orjson.loads(Path(path).read_bytes())["$defs"]
            self._names = {union: self._by_type(union) for union in _SERVER_UNIONS}
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise LocalProtocolError(
                "this is no schema bundle of the Realtime API",
                hint="it is a JSON object whose $defs hold RealtimeServerEvent and what it refers to",
            ) from None
        self._library = jsonschema
        self._validators: dict[str, Any] = {}

    def faults(self, event: Mapping[str, Any], *, translation: bool = False) -> list[tuple[str, str]]:
        """What is wrong with a server's event, as `(path, message)`; nothing for unknown types."""
        name = self._names[_SERVER_UNIONS[translation]].get(str(event.get("type")))
        if name is None:
            return []
        found = []
        for error in self._validator(name).iter_errors(_without_nulls(event)):
            worst = self._library.exceptions.best_match([error])
            if not _was_null(event, worst):
                found.append((_path(worst.absolute_path), _words(worst)))
        return found

    def _validator(self, name: str) -> Any:
        if name not in self._validators:
            schema = {"$ref": f"#/$defs/{name}", "$defs": self._definitions}
            self._validators[name] = self._library.Draft202012Validator(schema)
        return self._validators[name]

    def _by_type(self, union: str) -> dict[str, str]:
        members = self._definitions[union]
        found = {"error": "RealtimeServerEventError"}
        for reference in members.get("anyOf") or members["oneOf"]:
            name = reference["$ref"].rpartition("/")[2]
            kind = self._definitions[name]["properties"]["type"]
            found[kind["const"] if "const" in kind else kind["enum"][0]] = name
        return found


def _without_nulls(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {name: _without_nulls(value) for name, value in node.items() if value is not None}
    return [_without_nulls(each) for each in node] if isinstance(node, list) else node


def _was_null(event: Mapping[str, Any], error: Any) -> bool:
    """Whether what is missing is there, as null."""
    if error.validator != "required":
        return False
    node: Any = event
    for step in error.absolute_path:
        node = node[step]
    missing = re.match(r"'([^']+)' is a required property", error.message)
    return missing is not None and missing[1] in node


def _path(steps: Iterable[Any]) -> str:
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def _words(error: Any) -> str:
    message = safe(str(error.message))
    return message if len(message) <= 200 else f"{message[:200]}…"

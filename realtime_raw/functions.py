"""Python functions as tools: the schema the model sees, and the arguments it sends, checked.

A function's name, annotations and docstring say all a tool declaration needs.
What the model writes is validated by the same annotations before the function
sees it. Nothing is called here: that is the shell's affair.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pydantic
import pydantic_core
from pydantic import ConfigDict, Field

from . import events as ev
from .errors import LocalProtocolError, Problem
from .events.base import problems_of

__all__ = ["ArgumentsRefused", "OnInterrupt", "ToolFunction", "ToolSettings", "output_text"]

OnInterrupt = Literal["cancel", "finish"]

# API reference: names of functions are letters, digits, `_` and `-`, at most 64.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_GOOGLE = re.compile(r"^(?:Args|Arguments|Parameters):\s*$", re.MULTILINE)
_GOOGLE_ITEM = re.compile(r"^(\s+)\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)$")
_SPHINX_ITEM = re.compile(r"^:param\s+(?:\S+\s+)?(\w+):\s*(.*)$", re.MULTILINE)
_SECTION = re.compile(r"^(?:\w+:\s*$|:\w+)", re.MULTILINE)


class ToolSettings(TypedDict, total=False):
    """What a tool's declaration may say besides its function. See `ToolFunction.of`."""

    name: str
    description: str
    timeout: float
    on_interrupt: OnInterrupt


class ArgumentsRefused(LocalProtocolError):
    """The model's arguments do not fit the function. `str()` is fit to be shown to the model."""

    def __init__(self, name: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(f"the arguments of {name} are wrong: " + " | ".join(map(str, problems)))


@dataclass(frozen=True, slots=True)
class ToolFunction:
    """A function the model may call.

    `timeout` in seconds bounds one call. `on_interrupt` says what becomes of a
    running call when the user interrupts: it is cancelled, or may finish.
    """

    function: Callable[..., object]
    declaration: ev.FunctionTool
    timeout: float
    on_interrupt: OnInterrupt
    arguments: type[pydantic.BaseModel]

    @classmethod
    def of(
        cls,
        function: Callable[..., object],
        *,
        name: str | None = None,
        description: str | None = None,
        timeout: float = 30.0,
        on_interrupt: OnInterrupt = "finish",
    ) -> ToolFunction:
        """A tool from a function's signature and docstring (Google or Sphinx style).

        Raises `LocalProtocolError` for a function the model could not call: a
        parameter without annotation, `*args`, `**kwargs`, positional-only
        parameters, or a name the API does not take.
        """
        if name is None:
            name = str(getattr(function, "__name__", ""))  # a partial has none
        if not _NAME.match(name):
            raise LocalProtocolError(
                f"a tool cannot be called {name!r}",
                hint="give name=, at most 64 letters, digits, '_' or '-'",
            )
        doc = inspect.getdoc(function) or ""
        model = _arguments_model(name, function, _described(doc))
        declaration = ev.FunctionTool(
            name=name,
            description=description if description is not None else _summary(doc),
            parameters=_schema(model),
        )
        return cls(function, declaration, timeout, on_interrupt, model)

    @property
    def name(self) -> str:
        """The name the model calls it by."""
        return self.declaration.name

    @property
    def is_async(self) -> bool:
        """Whether calling it gives an awaitable; others are run in a thread."""
        return inspect.iscoroutinefunction(inspect.unwrap(self.function))

    def parse(self, arguments: str) -> Mapping[str, Any]:
        """The model's JSON text as keyword arguments. Raises `ArgumentsRefused`."""
        try:
            # A function without parameters is called with "" by some models.
            parsed = self.arguments.model_validate_json(arguments or "{}")
        except pydantic.ValidationError as exc:
            raise ArgumentsRefused(self.name, problems_of(exc)) from None
        return {name: getattr(parsed, name) for name in type(parsed).model_fields}


def output_text(result: object) -> str:
    """What a function returned, as the text the model gets: strings as they are, the rest as JSON.

    Raises `LocalProtocolError` for what JSON cannot hold.
    """
    if isinstance(result, str):
        return result
    try:
        return pydantic_core.to_json(result, inf_nan_mode="null").decode()
    except pydantic_core.PydanticSerializationError:
        raise LocalProtocolError(
            f"a tool returned a {type(result).__name__}, which JSON cannot hold",
            hint="return text, numbers, lists, dicts, dataclasses or pydantic models",
        ) from None


def _arguments_model(
    name: str, function: Callable[..., object], described: Mapping[str, str]
) -> type[pydantic.BaseModel]:
    hints = _hints(name, function)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise LocalProtocolError(
                f"tool {name}: the model cannot give {parameter} as a named argument",
                hint="use named parameters only",
            )
        if parameter.name not in hints:
            raise LocalProtocolError(
                f"tool {name}: parameter {parameter.name!r} has no annotation",
                hint="annotate it; the schema the model sees is made from it",
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (
            hints[parameter.name],
            Field(default, description=described.get(parameter.name)),
        )
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
    try:
        return pydantic.create_model(f"{name}_arguments", __config__=config, **fields)
    except pydantic.errors.PydanticSchemaGenerationError as exc:
        raise LocalProtocolError(f"tool {name}: {str(exc).splitlines()[0]}") from None


def _hints(name: str, function: Callable[..., object]) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(function), include_extras=True)
    except NameError as exc:
        raise LocalProtocolError(
            f"tool {name}: an annotation cannot be resolved: {exc}",
            hint="define the type at module level",
        ) from None


def _schema(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    try:
        schema = model.model_json_schema()
    except pydantic.errors.PydanticInvalidForJsonSchema as exc:
        raise LocalProtocolError(f"tool {model.__name__}: {str(exc).splitlines()[0]}") from None
    untitled: dict[str, Any] = _untitled(schema)
    return untitled


def _untitled(node: Any, *, names: bool = False) -> Any:
    # Titles repeat the names in other letters: tokens without information.
    if isinstance(node, dict):
        return {
            key: _untitled(value, names=key in ("properties", "$defs"))
            for key, value in node.items()
            if names or key != "title"
        }
    return [_untitled(item) for item in node] if isinstance(node, list) else node


def _summary(doc: str) -> str:
    """A docstring up to its first section."""
    section = _SECTION.search(doc)
    return doc[: section.start() if section else None].strip()


def _described(doc: str) -> dict[str, str]:
    """What a docstring says of each parameter."""
    described = {name: text.strip() for name, text in _SPHINX_ITEM.findall(doc)}
    section = _GOOGLE.search(doc)
    indent, current = None, ""
    for line in doc[section.end() :].splitlines() if section else ():
        item = _GOOGLE_ITEM.match(line)
        if item and indent in (None, item[1]):
            indent, current = item[1], item[2]
            described[current] = item[3].strip()
        elif line.strip() and not line.startswith(" "):
            break
        elif line.strip() and current:
            described[current] = f"{described[current]} {line.strip()}".strip()
    return described

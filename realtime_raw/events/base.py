"""What every wire model shares: tolerant inward, strict outward.

Inbound models (what a server sends) keep unknown fields, have open enums and
require nothing but `type`. Outbound models (what we send) refuse unknown
fields and wrong values on the caller's own line, with the field's path and,
for a name retired with the beta, its GA spelling. Absent, null and value stay
three things in both directions: inward by `model_fields_set`, outward by
`UNSET`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar, get_args, get_origin

import pydantic
from pydantic import BaseModel, ConfigDict, PrivateAttr
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from ..errors import InvalidCommand, Problem
from ..types import UNSET, Unset
from .retired import ga_hint

__all__ = [
    "ClientEvent",
    "Inbound",
    "InvalidServerEvent",
    "Opt",
    "Outbound",
    "ServerEvent",
    "UnknownServerEvent",
    "WireModel",
    "kind_of",
    "problems_of",
]

T = TypeVar("T")

if TYPE_CHECKING:
    # An outbound field that may be left out: `speed: Opt[float] = UNSET`.
    # Nullable as well: `prompt: Opt[PromptRef | None] = UNSET`.
    Opt: TypeAlias = T | Unset
else:

    class Opt:
        """To a type checker `T | Unset`; to pydantic plain `T`: `UNSET` is dropped
        before validation, so errors name one expected kind rather than two."""

        def __class_getitem__(cls, item: Any) -> Any:
            return item


def _is_constant(annotation: Any, default: Any) -> bool:
    return get_origin(annotation) is Literal and get_args(annotation) == (default,)


class _WireJsonSchema(GenerateJsonSchema):
    """Absent is not a value: a field whose default is `UNSET` has no default on the wire."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is UNSET:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


class WireModel(BaseModel):
    """Base of all models: immutable, fields named exactly as on the wire."""

    model_config = ConfigDict(
        frozen=True, protected_namespaces=(), hide_input_in_errors=True, defer_build=True
    )

    # Names of fields whose only value is a constant (`type: Literal["x"] = "x"`).
    _constants: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._constants = frozenset(
            name for name, field in cls.model_fields.items() if _is_constant(field.annotation, field.default)
        )

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema (2020-12) of this model, without our `UNSET` defaults."""
        return cls.model_json_schema(schema_generator=_WireJsonSchema)

    def to_wire(self) -> dict[str, Any]:
        """The JSON object that goes on, or came off, the wire: only what was named."""
        return self.model_dump(mode="json", exclude_unset=True)


class Inbound(WireModel):
    """Something a server sends: unknown fields are kept, nothing is coerced."""

    model_config = ConfigDict(extra="allow", strict=True)


class Outbound(WireModel):
    """Something we send: built by keyword, refused on the spot if the wire would refuse it.

    Raises `InvalidCommand` (a `LocalProtocolError` and a `ValueError`).
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except pydantic.ValidationError as exc:
            raise InvalidCommand(type(self).__name__, problems_of(exc, outbound=type(self))) from None

    # pydantic then validates nested dicts in one pass and reports whole paths,
    # rather than calling this constructor for each of them.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @pydantic.model_validator(mode="before")
    @classmethod
    def _drop_unset(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not UNSET}
        return data

    def model_post_init(self, context: Any, /) -> None:
        # A defaulted `type` counts as unset, and a dump without it is no event.
        self.__pydantic_fields_set__.update(self._constants)


class ServerEvent(Inbound):
    """Base of every server event. `raw` is the object as received, unknown fields included."""

    type: str
    event_id: str | None = None

    _raw: dict[str, Any] | None = PrivateAttr(default=None)

    @property
    def raw(self) -> dict[str, Any]:
        """The dict as received (not a copy); rebuilt from the fields if made by hand."""
        return self._raw if self._raw is not None else self.to_wire()

    def keep_raw(self, raw: dict[str, Any]) -> None:
        """Called by the codec, once, with the parsed message."""
        self._raw = raw


class UnknownServerEvent(ServerEvent):
    """An event of a type this version does not know. It is kept, counted, and dispatched."""


class InvalidServerEvent(ServerEvent):
    """A message that is no event, or a known event in a wrong shape. The call goes on.

    `problems` says what is wrong and where; `type` is the wire type claimed,
    or "" if there was none; `data` is the message as received.
    """

    type: str = ""
    problems: tuple[Problem, ...] = ()
    data: bytes = b""


class ClientEvent(Outbound):
    """Base of every client event. The core adds an `event_id` if there is none (at most 512 characters)."""

    type: str
    event_id: Opt[Annotated[str, pydantic.StringConstraints(max_length=512)]] = UNSET

    @property
    def raw(self) -> dict[str, Any]:
        """The dict that goes on the wire."""
        return self.to_wire()


def kind_of(value: object) -> str:
    """The kind of a value in the wire's words, without the value: a field may hold a secret."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
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


def problems_of(
    exc: pydantic.ValidationError, *, outbound: type[Outbound] | None = None
) -> tuple[Problem, ...]:
    """pydantic's findings as our own: dotted paths, kinds instead of values, GA hints."""
    found: dict[tuple[str, str], Problem] = {}
    for error in exc.errors(include_url=False, include_context=False):
        path = _dotted(error["loc"])
        message = error["msg"][:1].lower() + error["msg"][1:]
        if error["type"] == "extra_forbidden":
            message = "unknown parameter"
        elif error["type"] == "missing":
            message = "missing required parameter"
        got = "" if error["type"] in ("missing", "extra_forbidden") else kind_of(error["input"])
        hint = ga_hint(outbound.__name__, path, error["input"]) if outbound is not None else None
        found.setdefault((path, message), Problem(path, message, got, hint))
    return tuple(found.values())


def _dotted(loc: tuple[int | str, ...]) -> str:
    """`('session', 'tools', 2, 'function', 'meta')` as `session.tools[2].meta`."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path

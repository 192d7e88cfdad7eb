"""What every wire model shares: tolerant inward, strict outward.

Inbound models (what a server sends) keep unknown fields, have open enums and
require nothing but `type`. Outbound models (what we send) refuse unknown
fields and wrong values on the caller's own line, with the field's path and,
for a name retired with the beta, its GA spelling. Absent, null and value stay
three things in both directions: inward by `model_fields_set`, outward by
`UNSET`. No event and no nested object is defined here.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    Self,
    TypeAlias,
    TypeVar,
    get_args,
    get_origin,
)

import pydantic
from pydantic import BaseModel, ConfigDict, Discriminator, GetJsonSchemaHandler, PrivateAttr
from pydantic_core import PydanticCustomError, core_schema

from ..errors import InvalidCommand, Problem
from ..text import redact
from ..types import UNSET, Unset
from .checks import flaw_in
from .retired import ga_hint

__all__ = [
    "BareOrObject",
    "ClientEvent",
    "Inbound",
    "InvalidServerEvent",
    "Open",
    "Opt",
    "Outbound",
    "ServerEvent",
    "UnknownServerEvent",
    "WireModel",
    "kind_of",
    "one_of",
    "problems_of",
    "tagged",
]

T = TypeVar("T")

if TYPE_CHECKING:
    # An outbound field that may be left out: `speed: Opt[float] = UNSET`.
    # Nullable as well: `prompt: Opt[PromptRef | None] = UNSET`.
    Opt: TypeAlias = T | Unset
    # A string with known values and room for more: `status: Open[Literal["a", "b"]]`.
    Open: TypeAlias = T | str
else:

    class Opt:
        """To a type checker `T | Unset`; to pydantic plain `T`: `UNSET` is dropped
        before validation, so errors name one expected kind rather than two."""

        def __class_getitem__(cls, item: Any) -> Any:
            return item

    class Open:
        """To a type checker `Literal[...] | str`; to pydantic one `str`, which is
        faster than a union and fails with one problem rather than two."""

        def __class_getitem__(cls, item: Any) -> Any:
            return Annotated[str, _KnownValues(get_args(item))]


class _KnownValues:
    """Names the known values of an open string in the JSON Schema; validates nothing."""

    def __init__(self, values: tuple[str, ...]) -> None:
        self.values = values

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.values), "type": "string"}, handler(schema)]}


_UNDECIDED = "undecided_by_"
_UNSENDABLE = "unsendable"


def tagged(pick: Callable[[object], str | None], expected: str = "", field: str = "type") -> Discriminator:
    """A discriminator whose tags (`<like this>`) never show in an error's path.

    `pick` maps a raw value or a model to a tag; None means that `field` of the
    value is missing or none of `expected`, and is reported so.
    """
    # The field travels in the error's type: a context would make the annotation unhashable.
    return Discriminator(
        pick, custom_error_type=_UNDECIDED + field, custom_error_message=f"value must be {expected}"
    )


def field_of(value: object, name: str) -> str:
    """The string field `name` of an undecided value, be it a dict or one of our models; else ""."""
    if isinstance(value, dict):
        found = value.get(name)
    elif isinstance(value, WireModel):
        found = value.__dict__.get(name)
    else:
        return ""
    return found if isinstance(found, str) else ""


def by(field: str, *known: str, other: str | None = None) -> Discriminator:
    """Choose among models tagged `<value>` by the string in `field`.

    `other` is the tag of the fallback; without one an unknown value is refused.
    """
    tags = {value: f"<{value}>" for value in known}

    def pick(value: object) -> str | None:
        return tags.get(field_of(value, field), other)

    return tagged(pick, one_of(known), field)


def one_of(values: tuple[str, ...]) -> str:
    """`'a', 'b' or 'c'`."""
    quoted = [repr(value) for value in values]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _word_or_object(value: object) -> str:
    return "<word>" if isinstance(value, str) else "<object>"


def _word_or_number(value: object) -> str:
    return "<word>" if isinstance(value, str) else "<number>"


def _float_or_int(value: object) -> str:
    return "<float>" if isinstance(value, float) else "<int>"


# For `Annotated[X, Tag("<word>")] | Annotated[Y, Tag("<object>")]`: decide by the
# kind of the value, so that an error names the one branch that was meant.
WORD_OR_OBJECT = Discriminator(_word_or_object)
WORD_OR_NUMBER = Discriminator(_word_or_number)

# Milliseconds and seconds from a server: whole or not, kept as they came.
Number: TypeAlias = Annotated[
    Annotated[int, pydantic.Tag("<int>")] | Annotated[float, pydantic.Tag("<float>")],
    Discriminator(_float_or_int),
]


def _is_constant(annotation: Any, default: Any) -> bool:
    return get_origin(annotation) is Literal and get_args(annotation) == (default,)


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
        # Here, as the generator takes longer to import than the events to define.
        from .wire_schema import WireJsonSchema

        return cls.model_json_schema(schema_generator=WireJsonSchema)

    def to_wire(self) -> dict[str, Any]:
        """The JSON object that goes on, or came off, the wire: only what was named.

        Constants (`type`) are always in it. The result is a fresh dict, in the
        order of the fields, unknown ones last.
        """
        named = self.__pydantic_fields_set__ | self._constants
        values = self.__dict__
        wire = {name: _plain(values[name]) for name in type(self).model_fields if name in named}
        for name, value in (self.__pydantic_extra__ or {}).items():
            wire[name] = _plain(value)
        return wire

    def __eq__(self, other: object) -> bool:
        """Equal if of one class and the same on the wire, where absent and null differ."""
        if type(self) is not type(other) or not isinstance(other, WireModel):
            return NotImplemented
        return self.to_wire() == other.to_wire()

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Only what was named, long texts shortened, keys redacted: a repr ends up in logs."""
        named = self.__pydantic_fields_set__ | self._constants
        for name, value in super().__repr_args__():
            if name in named:
                yield name, _Brief(value) if isinstance(value, (str, dict)) else value


class _Brief:
    """A value whose repr is short and shows no key."""

    def __init__(self, value: str | dict[str, Any]) -> None:
        self.value = value

    def __repr__(self) -> str:
        text = redact(repr(self.value))
        return text if len(text) <= 200 else f"{text[:160]}... ({len(text)} characters)"


class Inbound(WireModel):
    """Something a server sends: unknown fields are kept, nothing is coerced."""

    model_config = ConfigDict(extra="allow", strict=True)


class BareOrObject(Inbound):
    """An object that some compatible servers send as a bare string.

    The string then stands in the field `bare_field`, and goes back on the wire as it came.
    """

    bare_field: ClassVar[str]
    _bare: bool = PrivateAttr(default=False)

    @pydantic.model_validator(mode="wrap")
    @classmethod
    def _accept_bare(cls, data: Any, handler: pydantic.ModelWrapValidatorHandler[Any]) -> Any:
        if not isinstance(data, str):
            return handler(data)
        made = handler({cls.bare_field: data})
        made._bare = True
        return made

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [super().__get_pydantic_json_schema__(schema, handler), {"type": "string"}]}


class Outbound(WireModel):
    """Something we send: built by keyword, refused on the spot if the wire would refuse it.

    Raises `InvalidCommand` (a `LocalProtocolError` and a `ValueError`).
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    # Whether this had a predecessor in the beta, whose names deserve a hint.
    had_beta: ClassVar[bool] = True

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

    @pydantic.model_validator(mode="after")
    def _sendable(self) -> Self:
        values = {name: self.__dict__[name] for name in self.__pydantic_fields_set__}
        flaw = flaw_in(values)
        if flaw is not None:
            raise PydanticCustomError(_UNSENDABLE, "{message}", {"path": flaw[0][1:], "message": flaw[1]})
        return self


def _wire_type(cls: type[WireModel]) -> str:
    return str(cls.model_fields["type"].default) if "type" in cls._constants else ""


class ServerEvent(Inbound):
    """Base of every server event. `raw` is the object as received, unknown fields included.

    `wire_type` of a class is the type it is sent with; "" for the two fallbacks.
    """

    wire_type: ClassVar[str] = ""

    type: str
    event_id: str | None = None

    _raw: dict[str, Any] | None = PrivateAttr(default=None)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.wire_type = _wire_type(cls)

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
    or "" if there was none; `data` is the message as received. `raw` is the
    parsed object, or empty if there was none.
    """

    type: str = ""
    problems: tuple[Problem, ...] = ()
    data: bytes = pydantic.Field(default=b"", repr=False)

    def to_wire(self) -> dict[str, Any]:
        """The parsed object as received, or an empty one."""
        return dict(self._raw or {})

    def __eq__(self, other: object) -> bool:
        """Equal if received as the same bytes."""
        return isinstance(other, InvalidServerEvent) and self.data == other.data


class ClientEvent(Outbound):
    """Base of every client event. The core adds an `event_id` if there is none (at most 512 characters)."""

    wire_type: ClassVar[str] = ""

    type: str
    event_id: Opt[Annotated[str, pydantic.StringConstraints(max_length=512)]] = UNSET

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.wire_type = _wire_type(cls)

    @property
    def raw(self) -> dict[str, Any]:
        """The dict that goes on the wire."""
        return self.to_wire()


def _plain(value: Any) -> Any:
    """A field's value as JSON: models become dicts, containers are copied."""
    if isinstance(value, WireModel):
        if isinstance(value, BareOrObject) and value._bare:
            return value.__dict__[value.bare_field]
        return value.to_wire()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


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
    for error in exc.errors(include_url=False):
        path, value = _dotted(error["loc"]), error["input"]
        kind, message = error["type"], error["msg"][:1].lower() + error["msg"][1:]
        if kind == _UNSENDABLE:
            path, value = _join(path, error["ctx"]["path"]), None
        if kind.startswith(_UNDECIDED):
            path, value, kind, message = _undecided(path, value, message, kind.removeprefix(_UNDECIDED))
        if kind == "extra_forbidden":
            message = "unknown parameter"
        elif kind == "missing":
            message = "missing required parameter"
        got = "" if kind in ("missing", "extra_forbidden", _UNSENDABLE) else kind_of(value)
        hint = ga_hint(outbound.__name__, path, value) if outbound and outbound.had_beta else None
        found.setdefault((path, message), Problem(path, message, got, hint))
    return tuple(found.values())


def _undecided(path: str, value: Any, message: str, field: str) -> tuple[str, Any, str, str]:
    """A value none of a union's members claims: say what is wrong with its deciding field."""
    if isinstance(value, WireModel):
        value = value.to_wire()
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

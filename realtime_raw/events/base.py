"""What every wire model shares: tolerant inward, strict outward.

Inbound models (what a server sends) keep unknown fields, have open enums and
require nothing but `type`. Outbound models (what we send) refuse unknown
fields and wrong values on the caller's own line, with the field's path and,
for a name retired with the beta, its GA spelling. Absent, null and value stay
three things in both directions: inward by `model_fields_set`, outward by
`UNSET`. No event and no nested object is defined here.
"""

import functools
import reprlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self, get_args, get_origin

import pydantic
from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, PrivateAttr
from pydantic_core import PydanticCustomError, core_schema

from ..errors import InvalidCommand, Problem
from ..text import redact
from ..types import UNSET
from .checks import flaw_in
from .declare import Opt
from .refusal import UNSENDABLE, kind_of, problems_of

__all__ = [
    "BareOrObject",
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


def _is_constant(annotation: Any, default: Any) -> bool:
    return get_origin(annotation) is Literal and get_args(annotation) == (default,)


class WireModel(BaseModel):
    """Base of all models: immutable, fields named exactly as on the wire."""

    model_config = ConfigDict(
        frozen=True, protected_namespaces=(), hide_input_in_errors=True, defer_build=True
    )

    if TYPE_CHECKING:  # pydantic would look at it anew for each of 200 models
        # Names of fields whose only value is a constant (`type: Literal["x"] = "x"`).
        _constants: ClassVar[frozenset[str]]

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

    def __hash__(self) -> int:
        """Of the fields' values, as pydantic's would be, of which it makes one for each model."""
        values = self.__dict__
        return hash(tuple(values[name] for name in type(self).model_fields))

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Only what was named, long texts shortened, keys redacted: a repr ends up in logs."""
        named = self.__pydantic_fields_set__ | self._constants
        for name, value in super().__repr_args__():
            if name in named:
                yield name, _Brief(value) if isinstance(value, (str, dict, list)) else value


WireModel._constants = frozenset()


class _Repr(reprlib.Repr):
    """Cuts long texts and lists. A text keeps its beginning, by which a key is recognized."""

    def __init__(self) -> None:
        super().__init__()
        self.maxdict = self.maxlist = 20

    def repr_str(self, x: str, level: int) -> str:
        return repr(x) if len(x) <= 160 else f"{x[:120]!r}... ({len(x)} characters)"

    def repr_instance(self, x: object, level: int) -> str:
        return repr(x)


_REPR = _Repr()


class _Brief:
    """A value whose repr is short and shows no key."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return redact(_REPR.repr(self.value))


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
        # A bare command needs no validator, which for `response.create` takes some ms and MiB to build.
        if not data and (bare := _bare_values(type(self))) is not None:
            set_values(self, bare.copy())
            set_named(self, set())
            set_extra(self, None)
            set_private(self, None)
            return
        try:
            super().__init__(**data)
        except pydantic.ValidationError as exc:
            raise InvalidCommand(type(self).__name__, problems_of(exc, outbound=type(self))) from None

    # pydantic then validates nested dicts in one pass and reports whole paths,
    # rather than calling this constructor for each of them.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def bare(cls) -> Self | None:
        """One of which no field was named; None if that is not allowed."""
        return cls() if _bare_values(cls) is not None else None

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
            raise PydanticCustomError(UNSENDABLE, "{message}", {"path": flaw[0][1:], "message": flaw[1]})
        return self


# Past the models' immutability, for whoever makes one: what pydantic keeps of a model, each by its own door.
set_values, set_named, set_extra, set_private = (
    vars(BaseModel)[name].__set__
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)
_new = object.__new__
# Where an event keeps what it was made of: beside its fields, as a cached property
# would be. A private attribute costs each event more than its validation.
RAW: Final = "_raw"


@functools.cache
def _bare_values(cls: type[Outbound]) -> dict[str, Any] | None:
    """What the fields hold where none is given; None if that is not allowed."""
    fields = cls.model_fields
    if any(field.is_required() for field in fields.values()):
        return None
    return {name: field.default for name, field in fields.items()}


def _wire_type(cls: type[WireModel]) -> str:
    return str(cls.model_fields["type"].default) if "type" in cls._constants else ""


class ServerEvent(Inbound):
    """Base of every server event. `raw` is the object as received, unknown fields included.

    `wire_type` of a class is the type it is sent with; "" for the two fallbacks.
    """

    if TYPE_CHECKING:
        wire_type: ClassVar[str]

    type: str
    event_id: str | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.wire_type = _wire_type(cls)

    @classmethod
    def of_valid(cls, values: dict[str, Any], named: set[str]) -> Self:
        """An event of values known to be valid: one for every field, and which of them were named.

        For the codec, where it has read a message without a parser: what
        validation would have made, in a third of its time. The message itself
        may stand under `RAW`.
        """
        event: Self = _new(cls)
        set_values(event, values)
        set_named(event, named)
        set_extra(event, {})
        set_private(event, None)
        return event

    @property
    def raw(self) -> dict[str, Any]:
        """The dict as received (not a copy); rebuilt from the fields if made by hand."""
        raw: Any = self.__dict__.get(RAW)
        if raw is None:
            return self.to_wire()
        if type(raw) is not dict:
            # Here, as a program that makes events by hand need not have a parser.
            import orjson

            raw = self.__dict__[RAW] = orjson.loads(raw)
        kept: dict[str, Any] = raw
        return kept

    def keep_raw(self, raw: dict[str, Any] | bytes) -> None:
        """Called by the codec, once, with the message: parsed, or as bytes that are parsed when asked for."""
        self.__dict__[RAW] = raw


ServerEvent.wire_type = ""


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
        return dict(self.__dict__.get(RAW) or {})

    def __eq__(self, other: object) -> bool:
        """Equal if received as the same bytes."""
        return isinstance(other, InvalidServerEvent) and self.data == other.data

    def __hash__(self) -> int:
        """Of the bytes."""
        return hash(self.data)


class ClientEvent(Outbound):
    """Base of every client event. The core adds an `event_id` if there is none (at most 512 characters)."""

    if TYPE_CHECKING:
        wire_type: ClassVar[str]

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


ClientEvent.wire_type = ""


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

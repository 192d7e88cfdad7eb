"""How a field of a wire model is declared: left out, open, one of several, whole or not.

Type checkers see plain types; pydantic sees what keeps errors down to one
problem at one path. No model is defined here.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
)
from pydantic_core import PydanticCustomError, core_schema

from ..types import Unset
from .refusal import UNDECIDED, one_of

__all__ = [
    "WORD_OR_NUMBER",
    "WORD_OR_OBJECT",
    "Later",
    "Many",
    "Number",
    "Open",
    "Opt",
    "at_most",
    "by",
    "field_of",
    "is_later",
    "only",
    "tagged",
]

T = TypeVar("T")

if TYPE_CHECKING:
    # An outbound field that may be left out: `speed: Opt[float] = UNSET`.
    # Nullable as well: `prompt: Opt[PromptRef | None] = UNSET`.
    Opt: TypeAlias = T | Unset
    # A string with known values and room for more: `status: Open[Literal["a", "b"]]`.
    Open: TypeAlias = T | str
    # A list from a server: `output: Many[Item]`.
    Many: TypeAlias = list[T]
    # A model that most calls never meet: `prompt: Later[Prompt] | None`.
    Later: TypeAlias = Annotated[T, "later"]
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

    class Many:
        """To a type checker `list[T]`; to pydantic one that stops at the first bad
        element: a hostile list of millions would else become millions of problems."""

        def __class_getitem__(cls, item: Any) -> Any:
            return Annotated[list[item], Field(fail_fast=True)]

    class Later:
        """To a type checker `T`; to pydantic a function that validates by the model `T`,
        which is so built when the first value is there, not with what it is a part of."""

        def __class_getitem__(cls, item: Any) -> Any:
            return Annotated[item, _Later(item)]


class _Later:
    """Leaves a model unbuilt until it is needed: by a value, or in a JSON Schema."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        model = self.model
        # Not the bound method: to look it up would finish the class.
        return core_schema.no_info_plain_validator_function(lambda value: model.model_validate(value))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        from pydantic import TypeAdapter  # here, as few programs want a schema

        # As a definition to refer to, which it would be if it stood in the core schema.
        model = TypeAdapter(self.model).core_schema
        return handler(core_schema.definitions_schema(model, []))


def is_later(part: object) -> bool:
    """Whether this argument of an annotation makes it one of `Later[...]`."""
    return isinstance(part, _Later)


class _KnownValues:
    """Names the known values of an open string in the JSON Schema; validates nothing."""

    def __init__(self, values: tuple[str, ...]) -> None:
        self.values = values

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.values), "type": "string"}, handler(schema)]}


def tagged(pick: Callable[[object], str | None], expected: str = "", field: str = "type") -> Discriminator:
    """A discriminator whose tags (`<like this>`) never show in an error's path.

    `pick` maps a raw value or a model to a tag; None means that `field` of the
    value is missing or none of `expected`, and is reported so.
    """
    # The field travels in the error's type: a context would make the annotation unhashable.
    return Discriminator(
        pick, custom_error_type=UNDECIDED + field, custom_error_message=f"value must be {expected}"
    )


def field_of(value: object, name: str) -> str:
    """The string field `name` of an undecided value, be it a dict or one of our models; else ""."""
    if isinstance(value, dict):
        found = value.get(name)
    elif isinstance(value, BaseModel):
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


def only(field: str, known: str) -> BeforeValidator:
    """For the sole member of a union: refuse another variant as `by` would."""

    def check(value: object) -> object:
        if field_of(value, field) != known:
            raise PydanticCustomError(UNDECIDED + field, f"value must be {known!r}")
        return value

    return BeforeValidator(check)


def at_most(limit: int) -> BeforeValidator:
    """A bound on a server's map: each of millions of bad values would else become a problem."""

    def check(value: object) -> object:
        if isinstance(value, dict) and len(value) > limit:
            raise PydanticCustomError("too_many", "more than {limit} entries", {"limit": limit})
        return value

    return BeforeValidator(check)


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
    Annotated[int, Tag("<int>")] | Annotated[float, Tag("<float>")],
    Discriminator(_float_or_int),
]

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
    GetJsonSchemaHandler,
    Tag,
)
from pydantic_core import PydanticCustomError, core_schema

from ..types import Unset
from .refusal import UNDECIDED, one_of

__all__ = [
    "BY_KIND",
    "LOOKS_AT",
    "WORD_OR_NUMBER",
    "WORD_OR_OBJECT",
    "Many",
    "Number",
    "Open",
    "Opt",
    "at_most",
    "by",
    "field_of",
    "only",
    "tagged",
]

T = TypeVar("T")

# For whoever chooses without the validator: the two fields on which alone the
# choice of a discriminator depends, and the discriminators for which the kind
# of the value is all that counts.
LOOKS_AT: dict[Callable[[object], str | None], tuple[str, str]] = {}
BY_KIND: set[Callable[[object], str]] = set()

if TYPE_CHECKING:
    # An outbound field that may be left out: `speed: Opt[float] = UNSET`.
    # Nullable as well: `prompt: Opt[PromptRef | None] = UNSET`.
    Opt: TypeAlias = T | Unset
    # A string with known values and room for more: `status: Open[Literal["a", "b"]]`.
    Open: TypeAlias = T | str
    # A list from a server: `output: Many[Item]`.
    Many: TypeAlias = list[T]
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


class _KnownValues:
    """Names the known values of an open string in the JSON Schema; validates nothing."""

    def __init__(self, values: tuple[str, ...]) -> None:
        self.values = values

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"enum": list(self.values), "type": "string"}, handler(schema)]}


def tagged(
    pick: Callable[[object], str | None],
    expected: str = "",
    field: str = "type",
    *,
    looks_at: tuple[str, str] | None = None,
) -> Discriminator:
    """A discriminator whose tags (`<like this>`) never show in an error's path.

    `pick` maps a raw value or a model to a tag; None means that `field` of the
    value is missing or none of `expected`, and is reported so. `looks_at` says
    that nothing counts but the texts in these fields of an object.
    """
    if looks_at is not None:
        LOOKS_AT[pick] = looks_at
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


BY_KIND |= {_word_or_object, _word_or_number, _float_or_int}

# For `Annotated[X, Tag("<word>")] | Annotated[Y, Tag("<object>")]`: decide by the
# kind of the value, so that an error names the one branch that was meant.
WORD_OR_OBJECT = Discriminator(_word_or_object)
WORD_OR_NUMBER = Discriminator(_word_or_number)

# Milliseconds and seconds from a server: whole or not, kept as they came.
Number: TypeAlias = Annotated[
    Annotated[int, Tag("<int>")] | Annotated[float, Tag("<float>")],
    Discriminator(_float_or_int),
]

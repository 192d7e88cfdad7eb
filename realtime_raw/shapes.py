"""What the models of a server's events are made of, as tables: an event made without a validator.

Between two hundred deltas a validator has to be fetched into the processor's
caches anew, and that takes ten times as long as it works. A model whose
fields are texts, numbers, lists and other such models is made here by one
loop instead. What that loop is not sure of - another kind of value, a list or
an object in a field nobody knows - it leaves to the validator, which then
says what is wrong, if anything is. `tests/test_shapes.py` holds the two
against each other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import Discriminator, Tag

from .events.base import RAW, BareOrObject, Inbound, ServerEvent, set_extra, set_named, set_private, set_values

__all__ = ["build", "read"]

E = TypeVar("E", bound=ServerEvent)

# Makes of a parsed value what stands in the model; notes how many keys were in it.
_Maker = Callable[[Any, list[int]], Any]


class _Unfit(Exception):
    """Only the validator can tell."""


class _Made:
    """Stands for the kind of a field whose value has to be made. No value is of it."""


def read(cls: type[E], message: dict[str, Any], sizes: list[int]) -> E | None:
    """The event that validating `message`, an object just parsed, would make; that is its `raw`.

    None where only the validator can tell. The type of the message must be
    known to be that of the class. For each object in it, `sizes` gets how many
    keys it has; neither lists nor objects lie deeper than models do.
    """
    try:
        event: E = _shape(cls).make(message, sizes)
    except _Unfit:
        return None
    event.__dict__[RAW] = message
    return event


def build(cls: type[ServerEvent]) -> None:
    """Make the table of an event now, rather than with the first message."""
    _shape(cls)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done with all objects of one model that name the same keys, with values of the same kinds."""

    named: set[str]
    made: tuple[tuple[str, _Maker], ...]
    extra: tuple[str, ...]


class _Shape:
    """One model: the kind of each of its fields, and how a field is made where that is not enough.

    Every field may be None, and is if it is not named. Servers name the same
    keys in the same order each time: what was found out about them is kept.
    """

    __slots__ = ("_bare", "_cls", "_kinds", "_makers", "_plans", "_values")

    def __init__(self, cls: type[Inbound]) -> None:
        self._cls = cls
        self._bare = cls.bare_field if issubclass(cls, BareOrObject) else None
        self._values = {name: field.default for name, field in cls.model_fields.items()}
        self._kinds: dict[str, type] = {}
        self._makers: dict[str, _Maker] = {}
        self._plans: dict[tuple[object, ...], _Plan] = {}
        for name, field in cls.model_fields.items():
            self._kinds[name], self._makers[name] = _part(field.annotation)

    def make(self, given: Any, sizes: list[int]) -> Any:
        """The model of an object. Raises `_Unfit`."""
        private = None
        if type(given) is dict:
            sizes.append(len(given))
            if self._bare is not None:
                private = {"_bare": False}
        elif type(given) is str and self._bare is not None:
            given, private = {self._bare: given}, {"_bare": True}
        else:
            raise _Unfit
        plan = self._plans.get((*given, *map(type, given.values()))) or self._plan(given)
        values = self._values | given
        for name, make in plan.made:
            values[name] = make(values[name], sizes)
        made = object.__new__(self._cls)
        set_values(made, values)
        set_named(made, plan.named)
        set_extra(made, {name: values.pop(name) for name in plan.extra} if plan.extra else {})
        set_private(made, private)
        return made

    def _plan(self, given: dict[str, Any]) -> _Plan:
        made, extra = [], []
        for name, value in given.items():
            kind = self._kinds.get(name)
            if kind is None:
                if type(value) is dict or type(value) is list:
                    raise _Unfit
                extra.append(name)
            elif value is not None and type(value) is not kind:
                made.append((name, self._makers[name]))
        plan = _Plan(set(given), tuple(made), tuple(extra))
        if len(self._plans) < _MAX_PLANS:
            self._plans[(*given, *map(type, given.values()))] = plan
        return plan


_shape = functools.cache(_Shape)
# A server has a handful of ways to write a model; a hostile one must not fill the memory.
_MAX_PLANS: Final = 64


def _part(annotation: Any) -> tuple[type, _Maker]:
    """The kind of the values of a field, and what makes those that are not of it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal and arguments and type(arguments[0]) is str:
        return str, _unfit  # the type of an event, by which the class was found
    if origin in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments:
        return _part(arguments[0] if arguments[1] is NoneType else arguments[1])
    if annotation in _PLAIN:
        return annotation, _unfit
    if isinstance(annotation, type) and issubclass(annotation, Inbound):
        return _Made, _shape(annotation).make
    if origin is Annotated:
        for mark in arguments[1:]:
            if isinstance(mark, Discriminator):
                return _Made, _one_of(arguments[0], mark)
        return _part(arguments[0])
    if origin is list:
        return _Made, _list_of(*_part(arguments[0]))
    if annotation == dict[str, Any]:
        return _Made, _flat
    return _Made, _unfit


_PLAIN: Final = frozenset((str, int, float, bool))


def _unfit(value: Any, sizes: list[int]) -> Any:
    raise _Unfit


def _flat(value: Any, sizes: list[int]) -> dict[str, Any]:
    """An object of anything, as long as that is neither a list nor another object."""
    if type(value) is not dict or any(type(one) is dict or type(one) is list for one in value.values()):
        raise _Unfit
    sizes.append(len(value))
    return dict(value)


def _list_of(kind: type, maker: _Maker) -> _Maker:
    def make(value: Any, sizes: list[int]) -> list[Any]:
        if type(value) is not list:
            raise _Unfit
        return [one if type(one) is kind else maker(one, sizes) for one in value]

    return make


def _one_of(union: Any, discriminator: Discriminator) -> _Maker:
    pick = discriminator.discriminator
    assert callable(pick)
    by_tag: Mapping[str | None, tuple[type, _Maker]] = {
        mark.tag: _part(branch)
        for branch in get_args(union)
        for mark in get_args(branch)
        if isinstance(mark, Tag)
    }

    def make(value: Any, sizes: list[int]) -> Any:
        kind, maker = by_tag.get(pick(value), _NONE)
        return value if type(value) is kind else maker(value, sizes)

    return make


_NONE: Final = (_Made, _unfit)

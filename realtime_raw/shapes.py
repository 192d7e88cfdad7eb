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
import itertools
import re
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import orjson
from pydantic import Discriminator, Tag

from .events.base import (
    RAW,
    BareOrObject,
    Inbound,
    ServerEvent,
    set_extra,
    set_named,
    set_private,
    set_values,
)
from .events.declare import BY_KIND, LOOKS_AT
from .events.later import Later
from .slim import slim

__all__ = ["build", "read"]

# Makes of a parsed value what stands in the model; notes how many keys were in it.
_Maker = Callable[[Any, list[int]], Any]


class _Unfit(Exception):
    """Only the validator can tell."""


def read(data: bytes, classes: Mapping[str, type[ServerEvent]]) -> ServerEvent | None:
    """The event of a message of one of these classes, by wire type, as validation would make it.

    None where only the codec's long way can tell; so for whatever is wrong
    with it, a key that appears twice among it. Lists and objects lie deeper in
    what is read here than in the models themselves only in an object of anything.
    """
    sizes: list[int] = []
    try:
        message = orjson.loads(data)
        event: ServerEvent = _shape(classes[message["type"]]).make(message, sizes)
    except (ValueError, LookupError, TypeError, _Unfit):  # no JSON, no object, no type, none of them
        return None
    # Each key has a colon, and texts seldom have one. Where they do, keys are counted by the
    # quote before it, which in a text has a backslash.
    keys = sum(sizes)
    if data.count(b":") != keys and (
        _DOUBTFUL.search(data) or data.count(b'":') - data.count(b'\\":') != keys
    ):
        return None
    event.__dict__[RAW] = message
    return event


def build(cls: type[ServerEvent]) -> None:
    """Make the table of an event now, rather than with the first message."""
    _shape(cls)


@slim
class _Plan:
    """What to do with all objects of a model that name the same keys, with values of the same kinds."""

    named: set[str]
    made: tuple[tuple[str, _Maker], ...]
    extra: tuple[str, ...]


class _Shape:
    """One model: the kinds of each of its fields, and how a field of another kind is made.

    Every field may be None, and is if it is not named. Servers name the same
    keys in the same order each time: what was found out about them is kept.
    """

    __slots__ = ("_cls", "_kinds", "_makers", "_plans", "_values")

    def __init__(self, cls: type[Inbound]) -> None:
        self._cls: Any = cls
        self._values = {name: field.default for name, field in cls.model_fields.items()}
        self._kinds: dict[str, tuple[type, ...]] = {}
        self._makers: dict[str, _Maker] = {}
        self._plans: dict[tuple[object, ...], _Plan] = {}
        for name, field in cls.model_fields.items():
            self._kinds[name], self._makers[name] = _part(field.annotation)

    def make(self, given: Any, sizes: list[int]) -> Any:
        """The model of an object. Raises `_Unfit`."""
        if type(given) is not dict:
            raise _Unfit
        sizes.append(len(given))
        plan = self._plans.get((*given, *map(type, given.values()))) or self._plan(given)
        values = self._values | given
        for name, make in plan.made:
            values[name] = make(values[name], sizes)
        made = object.__new__(self._cls)
        set_values(made, values)
        set_named(made, plan.named)
        set_extra(made, {name: values.pop(name) for name in plan.extra} if plan.extra else {})
        set_private(made, None)
        return made

    def make_or_bare(self, given: Any, sizes: list[int]) -> Any:
        """As `make`, for a model that may also stand as a bare text in one of its fields."""
        is_bare = type(given) is str
        made = self.make({self._cls.bare_field: given}, []) if is_bare else self.make(given, sizes)
        set_private(made, {"_bare": is_bare})
        return made

    def _plan(self, given: dict[str, Any]) -> _Plan:
        made, extra = [], []
        for name, value in given.items():
            kinds = self._kinds.get(name)
            if kinds is None:
                if type(value) is dict or type(value) is list:
                    raise _Unfit
                extra.append(name)
            elif value is not None and type(value) not in kinds:
                made.append((name, self._makers[name]))
        plan = _Plan(set(given), tuple(made), tuple(extra))
        if len(self._plans) < _MAX_KNOWN:
            self._plans[(*given, *map(type, given.values()))] = plan
        return plan


_shape = functools.cache(_Shape)
# A key with a blank behind it, or with a backslash at its end.
_DOUBTFUL: Final = re.compile(rb'[ \t\r\n]:|\\\\"')
# A server has a handful of ways to write a model; a hostile one must not fill the memory.
_MAX_KNOWN: Final = 64


def _part(annotation: Any) -> tuple[tuple[type, ...], _Maker]:
    """The kinds of values that stand in a field as they are, and what makes those of other kinds."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal and arguments and type(arguments[0]) is str:
        return (str,), _unfit  # the type of an event, by which the class was found
    if origin in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments:
        return _part(arguments[0] if arguments[1] is NoneType else arguments[1])
    if annotation in _PLAIN:
        return (annotation,), _unfit
    if isinstance(annotation, type) and issubclass(annotation, Inbound):
        shape = _shape(annotation)
        return (), shape.make_or_bare if issubclass(annotation, BareOrObject) else shape.make
    if origin is Annotated:
        for mark in arguments[1:]:
            if isinstance(mark, Discriminator):
                return _one_of(arguments[0], mark.discriminator)
            if isinstance(mark, Later):
                return (), _later(mark)
        return _part(arguments[0])
    if origin is list:
        return (), _list_of(*_part(arguments[0]))
    if annotation == dict[str, Any]:
        return (), _free
    return (), _unfit


_PLAIN: Final = frozenset((str, int, float, bool))


def _unfit(value: Any, sizes: list[int]) -> Any:
    raise _Unfit


def _later(mark: Later) -> _Maker:
    """A model that is loaded when the first object for it comes."""

    def make(value: Any, sizes: list[int]) -> Any:
        model: Any = mark.model()
        return _shape(model).make(value, sizes)

    return make


def _free(value: Any, sizes: list[int]) -> dict[str, Any]:
    """An object of anything, such as the JSON Schema of a function's arguments."""
    if type(value) is not dict:
        raise _Unfit
    level: list[Any] = [value]
    for _ in range(_MAX_DEPTH):
        below: list[Any] = []
        for one in level:
            if type(one) is dict:
                sizes.append(len(one))
                one = one.values()
            below += [inner for inner in one if type(inner) is dict or type(inner) is list]
        if not below:
            return dict(value)
        level = below
    raise _Unfit


# Of objects of anything. Schemas are less deep, and what is no longer one is for the codec to judge.
_MAX_DEPTH: Final = 64


def _list_of(kinds: tuple[type, ...], make_one: _Maker) -> _Maker:
    def make(value: Any, sizes: list[int]) -> list[Any]:
        if type(value) is not list:
            raise _Unfit
        made = value.copy()
        for index, one in enumerate(value):
            if type(one) not in kinds:
                made[index] = make_one(one, sizes)
        return made

    return make


def _one_of(union: Any, pick: Any) -> tuple[tuple[type, ...], _Maker]:
    by_tag = {
        mark.tag: _part(branch)
        for branch in get_args(union)
        for mark in get_args(branch)
        if isinstance(mark, Tag)
    }
    if pick in BY_KIND:
        kinds, makers = zip(*by_tag.values(), strict=True)
        # At most one of them is not plain.
        return tuple(itertools.chain(*kinds)), next((one for one in makers if one is not _unfit), _unfit)
    if pick in LOOKS_AT:
        return (), _by_texts(pick, {tag: make for tag, (_, make) in by_tag.items()}, *LOOKS_AT[pick])

    def make(value: Any, sizes: list[int]) -> Any:
        kinds, make_it = by_tag.get(pick(value), ((), _unfit))
        return value if type(value) in kinds else make_it(value, sizes)

    return (), make


def _by_texts(pick: Any, by_tag: Mapping[str | None, _Maker], first: str, second: str) -> _Maker:
    """Make the model that two texts of an object choose, and remember which that was."""
    known: dict[tuple[str | None, str | None], _Maker] = {}

    def make(value: Any, sizes: list[int]) -> Any:
        if type(value) is not dict:
            raise _Unfit
        one, two = value.get(first), value.get(second)
        if (one is not None and type(one) is not str) or (two is not None and type(two) is not str):
            raise _Unfit
        chosen = known.get((one, two))
        if chosen is None:
            chosen = by_tag.get(pick(value), _unfit)
            if len(known) < _MAX_KNOWN:
                known[one, two] = chosen
        return chosen(value, sizes)

    return make

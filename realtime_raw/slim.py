"""Dataclasses whose methods are shared, not compiled.

`dataclass` writes and compiles up to eight functions for each class: half a
millisecond, and objects that stay. With as many classes as a session needs
before it is ready, that is felt at every start. What `slim` makes is a
dataclass to everyone who asks (`fields`, `asdict`, `replace`, `match`, copies,
pickles, `__post_init__`, `field` with a factory or out of sight,
`inspect.signature`), and has slots; but its methods are those of all slim
classes, and read a table of their own class. Making one takes up to twice as
long where it is frozen, and several times as long where it is not: a
microsecond or two. What comes with every message is better written out.

Not for what nobody here needs: `InitVar`, `field(init=False)` or `hash=`, an
order, and classes that inherit fields and call the constructor above.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from reprlib import recursive_repr
from typing import Any, Final, Never, TypeVar, cast, dataclass_transform, overload

__all__ = ["slim"]

_T = TypeVar("_T")


@overload
def slim(cls: type[_T], /) -> type[_T]: ...
@overload
def slim(
    *, frozen: bool = True, kw_only: bool = False, eq: bool = True
) -> Callable[[type[_T]], type[_T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def slim(cls: Any = None, /, *, frozen: bool = True, kw_only: bool = False, eq: bool = True) -> Any:
    """Make a class a dataclass with slots and shared methods. What the class defines itself is left to it.

    `frozen` ones cannot be set and, if they compare (`eq`), have a hash; others that compare have none.
    """
    methods: dict[str, Any] = {"__init__": _init, "__repr__": _repr}
    if frozen:
        methods |= _FROZEN
    if eq:
        methods |= {"__eq__": _eq, "__hash__": _hash if frozen else None}

    def make(cls: type) -> type:
        made: Any = dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=True)(cls)
        made.__slim__ = _Table(made)
        made.__signature__ = _Signature()
        for name, method in methods.items():
            if name not in vars(cls):
                setattr(made, name, method)
        return cast("type", made)

    return make if cls is None else make(cls)


class _FactoryDefault:
    """Stands for a value that is made anew for each record."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY: Final = _FactoryDefault()


class _Table:
    """What the methods have to know of one class. Numbers are places among its fields."""

    __slots__ = (
        "by_name",
        "compared",
        "defaults",
        "factories",
        "finishes",
        "positional",
        "put",
        "required",
        "shown",
        "whole",
    )

    def __init__(self, cls: Any) -> None:
        own = fields(cls)
        self.put = tuple([getattr(cls, one.name).__set__ for one in own])
        self.positional = cls.__match_args__
        # With as many positional arguments nothing is left to be looked up.
        self.whole = len(own) if len(self.positional) == len(own) else None
        # What stands for each field that is not given.
        self.by_name = {one.name: _default(one) for one in own}
        self.defaults = tuple(self.by_name.values())
        self.required = tuple([n for n, default in enumerate(self.defaults) if default is MISSING])
        factories: list[Any] = [(n, one.default_factory) for n, one in enumerate(own)]
        self.factories = tuple([(n, make) for n, make in factories if make is not MISSING])
        self.compared = _values(*[one.name for one in own if one.compare])
        self.shown = tuple([one.name for one in own if one.repr])
        self.finishes = hasattr(cls, "__post_init__")

    def completed(self, cls: type[Any], args: tuple[Any, ...], given: dict[str, Any]) -> Sequence[Any]:
        """The values of all fields, in order. Raises `TypeError` as any function with such parameters."""
        if given or self.whole is None:
            named = dict(zip(self.positional, args), **given) if args else given  # noqa: B905
            if len(named) < len(args) + len(given):
                _refuse(cls, args, given)
            values = [*(self.by_name | named).values()]
        else:
            values = [*args, *self.defaults[len(args) :]]
        if len(values) > len(self.put):
            _refuse(cls, args, given)
        for place in self.required:
            if values[place] is MISSING:
                _refuse(cls, args, given)
        for place, make in self.factories:
            if values[place] is _FACTORY:
                values[place] = make()
        return values


def _default(one: Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else _FACTORY


def _values(*names: str) -> Callable[[Any], tuple[Any, ...]]:
    """What reads these fields of a record, as a tuple however many they are."""
    if len(names) > 1:
        return operator.attrgetter(*names)
    return lambda made: tuple([getattr(made, name) for name in names])


def _init(self: Any, /, *args: Any, **given: Any) -> None:
    table: _Table = self.__slim__
    values: Sequence[Any] = args
    if given or len(args) != table.whole:
        values = table.completed(type(self), args, given)
    for put, value in zip(table.put, values):  # noqa: B905 - an argument to it takes as long as two fields
        put(self, value)
    if table.finishes:
        self.__post_init__()


def _refuse(cls: type[Any], args: tuple[Any, ...], given: dict[str, Any]) -> Never:
    try:
        inspect.signature(cls).bind(*args, **given)
    except TypeError as wrong:
        raise TypeError(f"{cls.__qualname__}: {wrong}") from None
    raise AssertionError("unreachable")


@recursive_repr("...")
def _repr(self: Any) -> str:
    shown = ", ".join([f"{name}={getattr(self, name)!r}" for name in self.__slim__.shown])
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: Any) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    compared = self.__slim__.compared
    return compared(self) == compared(other)


def _hash(self: Any) -> int:
    return hash(self.__slim__.compared(self))


def _setattr(self: Any, name: str, value: object) -> Never:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(self: Any, name: str) -> Never:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in fields(self)]


def _setstate(self: Any, state: list[Any]) -> None:
    for put, value in zip(self.__slim__.put, state, strict=True):
        put(self, value)


# Copies and pickles would set attributes, which is refused.
_FROZEN: Final = {
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}


class _Signature:
    """The parameters of a class, put together when asked for: `inspect` looks for `__signature__` first."""

    def __get__(self, made: object, cls: type[Any]) -> inspect.Signature:
        if made is not None or cls.__init__ is not _init:
            raise AttributeError("__signature__")
        own = sorted(fields(cls), key=lambda one: bool(one.kw_only))
        return inspect.Signature([_parameter(one) for one in own], return_annotation=None)


def _parameter(one: Field[Any]) -> inspect.Parameter:
    return inspect.Parameter(
        one.name,
        inspect.Parameter.KEYWORD_ONLY if one.kw_only else inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=inspect.Parameter.empty if _default(one) is MISSING else _default(one),
        annotation=one.type,
    )

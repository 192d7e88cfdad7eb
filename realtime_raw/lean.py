"""Dataclasses whose methods are made when they are first needed.

`dataclasses.dataclass` compiles half a dozen functions for each class, most
of which are never called: with some fifty classes that is a tenth of the time
from a cold start to a connection. The `dataclass` here makes the same class
with the same behaviour. Its constructor is compiled by the first call, and
comparing, hashing and printing are functions that all such classes share.
"""

import dataclasses
import operator
from collections.abc import Callable
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, Final, Never

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass


# What a constructor gets where a factory makes the value.
class _ByFactory:
    def __repr__(self) -> str:
        return "<factory>"


_BY_FACTORY: Final = _ByFactory()
_set: Final = object.__setattr__
# Class to what gives the tuple of an instance's compared fields.
_compared: Final[dict[type, Callable[[Any], tuple[Any, ...]]]] = {}


if not TYPE_CHECKING:

    def dataclass(*, frozen=False, slots=True, kw_only=False, eq=True, repr=True):  # noqa: A002  # the standard's own names
        """As `dataclasses.dataclass(slots=True, ...)`; what it does not take, it does not do."""
        if not slots:
            raise TypeError("a lean dataclass has slots")

        def make(cls: type) -> type:
            own = vars(cls)
            keeps_hash = "__hash__" in own and not (own["__hash__"] is None and "__eq__" in own)
            made = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=True)(cls)
            made.__init__ = _first_init
            made.__signature__ = _SIGNATURE
            if repr and "__repr__" not in own:
                made.__repr__ = _repr
            if eq:
                if "__eq__" not in own:
                    made.__eq__ = _eq
                if not keeps_hash:
                    made.__hash__ = _hash if frozen else None
            if frozen:
                made.__setattr__, made.__delattr__ = _no_set, _no_delete
                made.__getstate__, made.__setstate__ = _getstate, _setstate
            return made

        return make


class _Signature:
    """Has the constructor compiled for who asks how it is called."""

    def __get__(self, made: object, cls: type) -> Never:
        _complete(cls)
        raise AttributeError("__signature__")


_SIGNATURE: Final = _Signature()


def _first_init(self: Any, *args: Any, **named: Any) -> None:
    _complete(type(self))
    self.__init__(*args, **named)


def _complete(cls: type) -> None:
    """Compile the constructors that this class has or inherits. Doing it twice does no harm."""
    for one in cls.__mro__:
        if vars(one).get("__init__") is _first_init:
            one.__init__ = _constructor(one)  # type: ignore[misc]


def _constructor(cls: type) -> Callable[..., None]:
    frozen: bool = vars(cls).get("__setattr__") is _no_set
    scope: dict[str, Any] = {"_set": _set, "_BY_FACTORY": _BY_FACTORY}
    positional: list[str] = []
    named: list[str] = []
    body: list[str] = []
    fields = dataclasses.fields(cls)
    for number, field in enumerate(fields):
        name, value = field.name, field.name
        made = field.default_factory is not dataclasses.MISSING
        given = made or field.default is not dataclasses.MISSING
        default = f"_default_{number}"
        scope[default] = field.default_factory if made else field.default
        if field.init:
            declared = f"{name}={'_BY_FACTORY' if made else default}" if given else name
            (named if field.kw_only else positional).append(declared)
            if made:
                value = f"{default}() if {name} is _BY_FACTORY else {name}"
        elif given:
            value = f"{default}()" if made else default
        else:
            continue
        body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ["self", *positional, *(["*", *named] if named else ())]
    lines = "\n ".join(body or ["pass"])
    exec(f"def __init__({', '.join(parameters)}):\n {lines}", scope)
    init: Any = scope["__init__"]
    init.__qualname__, init.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    init.__annotations__ = {field.name: field.type for field in fields if field.init} | {"return": None}
    return init  # type: ignore[no-any-return]


def _values_of(cls: type) -> Callable[[Any], tuple[Any, ...]]:
    get = _compared.get(cls)
    if get is None:
        names = [field.name for field in dataclasses.fields(cls) if field.compare]
        if len(names) > 1:
            get = operator.attrgetter(*names)
        else:

            def get(made: Any) -> tuple[Any, ...]:
                return tuple(getattr(made, name) for name in names)

        _compared[cls] = get
    return get


def _eq(self: Any, other: object) -> Any:
    cls = type(self)
    if type(other) is not cls:
        return NotImplemented
    get = _values_of(cls)
    return get(self) == get(other)


def _hash(self: Any) -> int:
    return hash(_values_of(type(self))(self))


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (
        f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr
    )
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _no_set(self: object, name: str, value: object) -> Never:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_delete(self: object, name: str) -> Never:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _setstate(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        _set(self, field.name, value)

"""What is loaded when it is first asked for: a module's names that live in another, a dialect's classes.

Defining a model takes a fifth of a millisecond, and a session meets a third of
them. So the others lie in modules of their own, and whoever looks a class up
need not know. Which names there are is known without loading anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import core_schema

__all__ = ["ByKind", "Classes", "Later", "class_name", "later", "names_in"]

T = TypeVar("T")


def names_in(
    here: str, homes: Mapping[str, Iterable[str]], modules: Iterable[str] = ()
) -> Callable[[str], object]:
    """The `__getattr__` (PEP 562) of the module `here`: names by the sibling that has them, and siblings."""
    home_of = {name: home for home, names in homes.items() for name in names}
    home_of |= dict.fromkeys(modules, "")

    def find(name: str) -> object:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {here!r} has no attribute {name!r}")
        module = import_module(f"{__package__}.{home or name}")
        found: object = getattr(module, name) if home else module
        setattr(sys.modules[here], name, found)
        return found

    return find


def class_name(wire_type: str) -> str:
    """The name of the class for a wire type: CamelCase, with one exception (`error`)."""
    if wire_type == "error":
        return "ErrorEvent"
    return "".join(word[:1].upper() + word[1:] for word in wire_type.replace(".", "_").split("_"))


class Classes(Mapping[str, type[T]]):
    """Event classes by wire type, in a fixed order. `homes` has the wire types of each module."""

    __slots__ = ("_found", "_homes")

    def __init__(self, homes: Mapping[str, tuple[str, ...]]) -> None:
        self._homes = {kind: home for home, kinds in homes.items() for kind in kinds}
        self._found: dict[str, type[T]] = {}

    def __getitem__(self, kind: str) -> type[T]:
        try:
            return self._found[kind]
        except KeyError:
            home = self._homes[kind]
        module = import_module(f"{__package__}.{home}")
        found: type[T] = getattr(module, class_name(kind))
        self._found[kind] = found
        return found

    def __contains__(self, kind: object) -> bool:
        return kind in self._homes

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)

    def __repr__(self) -> str:
        return f"<{len(self)} classes of events>"


class ByKind(dict[Any, T | None]):
    """Something for each kind of event, `table[type(event)]`; None for the kinds it does not hold.

    It is written down under the class, or under the wire type of a class that
    need not be loaded for that. A wire type stands for its class in each dialect.
    """

    def __missing__(self, kind: type) -> T | None:
        wire_type = getattr(kind, "wire_type", "")
        found = self[kind] = self.get(wire_type) if wire_type else None
        return found

    def __contains__(self, kind: object) -> bool:
        return self[kind] is not None


class Later:
    """Stands for a model of a sibling module that is loaded when the first value for it comes.

    pydantic meets it when it makes a validator or a JSON Schema, which has all models in it.
    """

    def __init__(self, home: str, name: str) -> None:
        self._home, self._name = home, name

    def model(self) -> type[BaseModel]:
        """The model itself, loaded now."""
        found: type[BaseModel] = getattr(import_module(f"{__package__}.{self._home}"), self._name)
        return found

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return handler.generate_schema(self.model())


def later(home: str, name: str) -> Any:
    """The annotation for the model `name` of the module `home`, for a field that seldom has one."""
    return Annotated[Any, Later(home, name)]

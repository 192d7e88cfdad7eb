"""The registry: every `Case` that a module of this package holds, by itself or in a tuple."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ..case import Case

__all__ = ["all_cases", "case_of"]


@cache
def all_cases() -> tuple[Case, ...]:
    """All cases, sorted by id. Raises `ValueError` if two have the same."""
    found: dict[str, Case] = {}
    for module in iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, Case) and found.setdefault(each.id, each) is not each:
                    raise ValueError(f"two cases have the id {each.id}")
    return tuple(found[each] for each in sorted(found))


def case_of(case_id: str) -> Case:
    """The case with that id. Raises `KeyError`."""
    for each in all_cases():
        if each.id == case_id:
            return each
    raise KeyError(case_id)

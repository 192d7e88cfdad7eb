"""Beta names and paths with their GA spelling, as data."""

from __future__ import annotations

__all__ = ["ga_hint"]


def ga_hint(model: str, path: str, value: object) -> str | None:
    """What to write instead of a retired name at `path` of `model`, if it is one."""
    return None

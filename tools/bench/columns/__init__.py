"""The columns: each a module with what runs in a client's process (`measure`) and what is to be run (`CELLS`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Cell", "Value"]

Value = float | int | str | list[float]


@dataclass(frozen=True)
class Cell:
    """One figure, or several of one run: what is measured, of whom, how often.

    `key` tells cells of a column apart (a size, a number of sessions). With
    `quick` the options are overridden by `quick_options`, and without any the
    cell is left out.
    """

    key: str
    clients: tuple[str, ...]
    options: Mapping[str, float] = field(default_factory=dict)
    repetitions: int = 5
    quick_options: Mapping[str, float] | None = None
    quick_repetitions: int = 3

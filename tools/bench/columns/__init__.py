"""The columns: modules with `measure`, which runs in a client's process, and `CELLS`, what is to be run.

`LEAST` in such a module says that the least of several runs counts, where
whatever disturbs only adds; else it is the median. `PLAIN_MALLOC` says that the
settings which make CPU figures steady would hide what is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Cell", "Value"]

Value = float | int | str | list[float]


@dataclass(frozen=True)
class Cell:
    """One figure, or several of one run: what is measured, of whom, how often.

    `key` tells cells of a column apart (a size, a number of sessions). In a
    quick run `quick` says how often, 0 that the cell is left out, and the other
    two what is smaller then.
    """

    key: str
    clients: tuple[str, ...]
    options: Mapping[str, float] = field(default_factory=dict)
    repetitions: int = 5
    quick: int = 0
    quick_options: Mapping[str, float] | None = None
    quick_clients: tuple[str, ...] | None = None

    def scaled(self, *, quick: bool) -> tuple[tuple[str, ...], Mapping[str, float], int]:
        """Clients, options and repetitions, of a full run or a quick one."""
        if not quick:
            return self.clients, self.options, self.repetitions
        return self.quick_clients or self.clients, self.quick_options or self.options, self.quick

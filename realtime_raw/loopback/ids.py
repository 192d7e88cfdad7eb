"""Ids in the forms seen on the live API, from a seeded generator.

The same seed gives the same ids, so a simulated session is reproducible to
the byte. They are names, not secrets.
"""

from __future__ import annotations

import random
import string

__all__ = ["Ids"]

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Ids:
    """Makes ids and padding. `seed` may be any int or string."""

    def __init__(self, seed: int | str = 0) -> None:
        self._random = random.Random(seed)

    def letters(self, count: int) -> str:
        """`count` base62 characters."""
        return "".join(self._random.choices(_BASE62, k=count))

    def new(self, prefix: str) -> str:
        """`event_`, `item_`, ... and 21 base62 characters; a `call_` has 16 (observed)."""
        return f"{prefix}_{self.letters(16 if prefix == 'call' else 21)}"

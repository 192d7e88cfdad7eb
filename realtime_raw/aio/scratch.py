"""Memory that all lines of an event loop read into, one after the other: it stays in the processor's cache.

Between a read and the call that takes what was read nothing else happens in
a loop. Whoever leaves something in it has to take that along.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Final

__all__ = ["Scratch"]

# As much as one read is to bring at the most; of most reads only the beginning is used.
_SIZE: Final = 128 * 1024


class Scratch:
    """`buffer`, and a `view` of it."""

    __slots__ = ("__weakref__", "buffer", "view")

    def __init__(self) -> None:
        self.buffer = bytearray(_SIZE)
        self.view = memoryview(self.buffer)

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Scratch:
        """The one that the lines of this loop share, for as long as there are any."""
        found = _SCRATCHES.get(loop)
        scratch = found() if found is not None else None
        if scratch is None:
            scratch = cls()
            _SCRATCHES[loop] = weakref.ref(scratch)
        return scratch


_SCRATCHES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[Scratch]] = (
    weakref.WeakKeyDictionary()
)

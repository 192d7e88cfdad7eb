"""Masked frames, as a client has to send them (RFC 6455, sections 5.2 and 5.3), in few steps."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

try:  # in C, where the library was built with it
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

__all__ = ["frame", "masks"]

_FIN, _MASKED = 0x80, 0x80
_SHORT = struct.Struct("!BB").pack
_MEDIUM = struct.Struct("!BBH").pack
_LONG = struct.Struct("!BBQ").pack
_MASK = 4
# As many random bytes as are had for little more than one call of the system.
_POOL = 256 * _MASK


def masks() -> Iterator[bytes]:
    """Masking keys without end, of the system's own randomness: nobody can foresee one, as is demanded."""
    while True:
        pool = os.urandom(_POOL)
        for at in range(0, _POOL, _MASK):
            yield pool[at : at + _MASK]


def frame(opcode: int, data: bytes, mask: bytes) -> bytes:
    """A whole message, or a control message, in one frame: header, `mask`, and `data` masked by it."""
    size = len(data)
    first = _FIN | opcode
    if size < 126:
        head = _SHORT(first, _MASKED | size)
    elif size < 65536:
        head = _MEDIUM(first, _MASKED | 126, size)
    else:
        head = _LONG(first, _MASKED | 127, size)
    return head + mask + apply_mask(data, mask)

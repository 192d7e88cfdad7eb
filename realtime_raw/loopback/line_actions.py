"""What can be done to a connection besides sending text on it: instructions, for whoever holds the socket.

`FaultySession.data_to_send` puts them among the messages, in their place.
`line` carries them out; a shell of your own must do the same, or refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Abort", "Binary", "Eof", "Freeze", "LineAction", "Trickle"]


@dataclass(frozen=True, slots=True)
class Abort:
    """Drop the TCP connection with no close frame, as a crash does: the client sees 1006."""


@dataclass(frozen=True, slots=True)
class Eof:
    """Send everything, then end the stream in an orderly way, with no close frame."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """From here on read nothing and write nothing, not even pongs, and keep the socket open."""


@dataclass(frozen=True, slots=True)
class Trickle:
    """From here on write every byte by itself."""


@dataclass(frozen=True, slots=True)
class Binary:
    """Send `data` as a binary message."""

    data: bytes


LineAction: TypeAlias = Abort | Eof | Freeze | Trickle | Binary

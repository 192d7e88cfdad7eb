"""The switches of the simulated server: observed quirks, and facts nobody has verified.

Each has the value seen on the live API, or, where that is unknown, the one
this simulator chose; the comment says which.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Behaviour"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How one simulated session behaves where servers, or our knowledge of them, differ."""

    # `.done` names no predecessor if that is the conversation's first item (observed).
    null_previous_quirk: bool = True
    # Text-like deltas carry padding (observed).
    obfuscation: bool = True
    # Sent after `response.done` (observed; sometimes missing, so clients must not wait for it).
    rate_limits: bool = True
    # Seconds until the session expires (documented and observed).
    session_seconds: float = 3600.0

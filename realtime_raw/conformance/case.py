"""`Case`: one rule of the protocol as something that can be asked of a server.

A case is a coroutine function over a `Probe`, and what is known about its
rule: where it is written, how certain it is, what asking costs. `@case(...)`
makes one; the registry in `cases` finds it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from ..loopback.scenario import Brain
    from .probe import Probe

__all__ = [
    "FAMILIES",
    "PREFIXES",
    "Case",
    "Certainty",
    "Family",
    "Kind",
    "Level",
    "NotComplied",
    "Unsupported",
    "Violation",
    "case",
]

Level: TypeAlias = Literal["must", "should", "may"]
Certainty: TypeAlias = Literal["documented", "recorded", "observed", "inferred"]
Kind: TypeAlias = Literal["realtime", "transcription", "translation", "handshake"]
Family: TypeAlias = Literal[
    "handshake",
    "session",
    "turns",
    "audio_in",
    "items",
    "responses",
    "out_of_band",
    "interruption",
    "tools",
    "mcp",
    "transcription",
    "translation",
    "errors",
    "limits",
    "formats",
    "lifecycle",
    "resilience",
    "retired",
]
FAMILIES: tuple[Family, ...] = get_args(Family)

# What the ids of a family's cases are made of.
PREFIXES: Mapping[Family, str] = {
    "handshake": "HAND",
    "session": "SESS",
    "turns": "TURN",
    "audio_in": "AIN",
    "items": "ITEM",
    "responses": "RESP",
    "out_of_band": "OOB",
    "interruption": "INTR",
    "tools": "TOOL",
    "mcp": "MCP",
    "transcription": "TRSC",
    "translation": "TRNS",
    "errors": "ERR",
    "limits": "LIM",
    "formats": "FMT",
    "lifecycle": "LIFE",
    "resilience": "RESI",
    "retired": "RETD",
}

Run: TypeAlias = "Callable[[Probe], Awaitable[None]]"


class Violation(Exception):
    """The server broke the rule of a case. `event` is the message that shows it, `path` the place in it."""

    def __init__(self, message: str, event: Mapping[str, Any] | None = None, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.event = event
        self.path = path


class NotComplied(Exception):
    """The model used its freedom, and the rule could not be tried: asked again once, never a failure."""


class Unsupported(Exception):
    """The server does not have what the case is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One rule and how it is tried.

    `id` is stable (`RT-TURN-012`). `kind` is the connection it needs; a
    "handshake" case opens its own. `needs` are capabilities without which it is
    "unsupported". `timeout_s` bounds the whole case, `tokens` and `seconds` are
    what one run is expected to cost. `scenario` is what the loopback server's
    model must do for the rule to come up, where its default would not do it.
    """

    id: str
    title: str
    rule: str
    family: Family
    level: Level
    certainty: Certainty
    source: str
    sends: str
    expects: str
    run: Run = field(repr=False)
    timeout_s: float = 30.0
    tokens: int = 0
    seconds: float = 1.0
    needs: frozenset[str] = frozenset()
    kind: Kind = "realtime"
    scenario: Callable[[], Brain] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"RT-{PREFIXES[self.family]}-\d{{3}}", self.id):
            raise ValueError(
                f"a case of the family {self.family!r} is RT-{PREFIXES[self.family]}-NNN, not {self.id!r}"
            )


def case(
    case_id: str,
    title: str,
    *,
    family: Family,
    level: Level,
    rule: str,
    source: str,
    certainty: Certainty,
    sends: str,
    expects: str,
    needs: Collection[str] = (),
    tokens: int = 0,
    seconds: float = 1.0,
    timeout_s: float = 30.0,
    kind: Kind | None = None,
    scenario: Callable[[], Brain] | None = None,
) -> Callable[[Run], Case]:
    """Make a `Case` of a coroutine function; the name then is the case itself.

    `kind` follows the family where it is not given. Raises `ValueError` for an
    id that does not fit the family.
    """
    own: dict[Family, Kind] = {
        "handshake": "handshake",
        "transcription": "transcription",
        "translation": "translation",
    }

    def make(run: Run) -> Case:
        return Case(
            id=case_id,
            title=title,
            rule=rule,
            family=family,
            level=level,
            certainty=certainty,
            source=source,
            sends=sends,
            expects=expects,
            run=run,
            timeout_s=timeout_s,
            tokens=tokens,
            seconds=seconds,
            needs=frozenset(needs),
            kind=kind or own.get(family, "realtime"),
            scenario=scenario,
        )

    return make

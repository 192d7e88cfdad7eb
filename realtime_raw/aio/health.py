"""How a connection is doing, as one record of counters. Nothing is judged here: that is `explain`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ..types import CloseInfo
from .driver import HIGH_WATER, Driver

if TYPE_CHECKING:
    from ..audio.player import Player

__all__ = ["Health"]


@dataclass(frozen=True, slots=True)
class Health:
    """How a connection is doing. Milliseconds and bytes say so in their names.

    `core` are the core's counters, `player` the player's (None without one),
    `events` those of all event streams and queues of async handlers together.
    `loop_lag_ms` is the longest time the event loop stood still,
    `slowest_handler` the sync handler that ran longest. `attachments` says of
    each what became of all that was captured, and what its devices lost.
    """

    connected: bool
    close: CloseInfo | None
    core: Mapping[str, int]
    pending_commands: int
    outbox_bytes: int
    outbox_high_water: int
    outbox_limit: int
    events: Mapping[str, int]
    loop_lag_ms: float
    slowest_handler: str | None
    slowest_handler_ms: float
    handler_failures: int
    player: Mapping[str, float] | None = field(default=None)
    attachments: tuple[Mapping[str, float], ...] = ()

    @classmethod
    def of(cls, driver: Driver, player: Player | None) -> Health:
        """The counters as they are now."""
        lag = driver.lag
        return cls(
            connected=driver.closed is None,
            close=driver.closed,
            core=driver.core.statistics(),
            pending_commands=len(driver.core.commands),
            outbox_bytes=driver.outbox_bytes,
            outbox_high_water=driver.outbox_high_water,
            outbox_limit=HIGH_WATER,
            events=driver.subscribers(),
            loop_lag_ms=lag.longest * 1000,
            slowest_handler=lag.slowest_handler,
            slowest_handler_ms=lag.slowest_handler_s * 1000,
            handler_failures=driver.failures_total,
            player=asdict(player.statistics()) if player is not None else None,
            attachments=tuple(attachment.health() for attachment in driver.attachments),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return asdict(self)

"""What the parts of one simulated session share. No behaviour of its own."""

from __future__ import annotations

from dataclasses import dataclass

from .behaviour import Behaviour
from .config import SessionConfig
from .ids import Ids
from .items import Conversation, Item
from .outbox import Outbox
from .scenario import Scenario
from .speech import Speaker
from .timeline import Timeline

__all__ = ["State"]


@dataclass(slots=True, kw_only=True)
class State:
    """One session's configuration, conversation, clock and voice. With a `call_id` it is a sideband."""

    config: SessionConfig
    conversation: Conversation
    out: Outbox
    ids: Ids
    timeline: Timeline
    behaviour: Behaviour
    scenario: Scenario
    speaker: Speaker
    call_id: str | None

    def announce(self, item: Item, previous: str | None) -> None:
        """An item that is whole from the start: added and done at once, alike."""
        for kind in ("conversation.item.added", "conversation.item.done"):
            self.out.emit(kind, previous_item_id=previous, item=item.to_wire())

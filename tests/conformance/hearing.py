"""Sessions that hear wrongly: what the client says is changed or lost before an honest session gets it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.translation import TranslationSession

Event = dict[str, Any]


def hearing(edit: Callable[[Event], Event | None], base: type[Any] = SimulatedSession) -> type[Any]:
    """A session class that hears `edit` of each event; None is an event it never heard."""

    class Hearing(base):  # type: ignore[misc]  # the base is chosen at run time
        def receive_message(self, data: bytes | str, now: float) -> None:
            try:
                event = orjson.loads(data)
            except orjson.JSONDecodeError:
                event = None
            if isinstance(event, dict):
                event = edit(event)
                if event is None:
                    return
                data = orjson.dumps(event)
            super().receive_message(data, now)

    return Hearing


def deaf_to(*kinds: str, base: type[Any] = SimulatedSession) -> type[Any]:
    """A session class that never hears events of these types."""
    return hearing(lambda event: None if event.get("type") in kinds else event, base)


def overhears(kind: str, *path: str, base: type[Any] = SimulatedSession) -> type[Any]:
    """A session class that does not hear the field at `path` of events of one type."""

    def edit(event: Event) -> Event:
        if event.get("type") == kind:
            node: Any = event
            for step in path[:-1]:
                node = node.get(step) if isinstance(node, dict) else None
            if isinstance(node, dict):
                node.pop(path[-1], None)
        return event

    return hearing(edit, base)


def translating(edit: Callable[[Event], Event | None]) -> type[Any]:
    """`hearing`, for translation sessions."""
    return hearing(edit, TranslationSession)

"""One vocabulary, the wire's own: a class is called as its wire type, in CamelCase."""

from __future__ import annotations

from collections.abc import Mapping

import realtime_raw as rt
from realtime_raw.events import catalog, translation
from realtime_raw.events.base import ClientEvent, ServerEvent

# `Error` would read as an exception.
EXCEPTIONS = {"error": "ErrorEvent"}


def camel(wire_type: str) -> str:
    """`response.output_audio.delta` -> `ResponseOutputAudioDelta`."""
    words = wire_type.replace(".", "_").split("_")
    return EXCEPTIONS.get(wire_type) or "".join(word[:1].upper() + word[1:] for word in words)


def misnamed(table: Mapping[str, type[ClientEvent]] | Mapping[str, type[ServerEvent]]) -> list[str]:
    """Entries whose class has another name, or whose `type` says something else than the key."""
    return [
        f"{wire} is {event.__name__}"
        for wire, event in table.items()
        if event.__name__ != camel(wire) or event.model_fields["type"].default != wire
    ]


def test_names_are_the_wire_names() -> None:
    """In both dialects and both directions."""
    for dialect in (catalog.REALTIME, catalog.TRANSLATION):
        assert misnamed(dialect.client) == []
        assert misnamed(dialect.server) == []


def test_the_vocabulary_is_whole() -> None:
    """API reference: 11 client and 46 server events; to translate, 3 and 6 of their own."""
    assert len(catalog.REALTIME.client) == 11
    assert len(catalog.REALTIME.server) == 46
    assert len(catalog.TRANSLATION.client) == 3
    own = [event for event in catalog.TRANSLATION.server.values() if event.__module__ == translation.__name__]
    assert len(own) == 6


def test_every_event_is_exported() -> None:
    """`rt.events.X` for realtime, `rt.events.translation.X` for the other dialect."""
    realtime = (*catalog.REALTIME.client.values(), *catalog.REALTIME.server.values())
    assert [event for event in realtime if getattr(rt.events, event.__name__) is not event] == []
    assert {event.__name__ for event in realtime} <= set(rt.events.__all__)
    for event in (*catalog.TRANSLATION.client.values(), *catalog.TRANSLATION.server.values()):
        home = translation if event.__module__ == translation.__name__ else rt.events
        assert getattr(home, event.__name__) is event


def test_the_check_bites() -> None:
    """A beta name for a GA event is found."""
    created = catalog.REALTIME.server["response.created"]
    assert misnamed({"response.done": created}) == ["response.done is ResponseCreated"]
    assert camel("mcp_list_tools.in_progress") == "McpListToolsInProgress"
    assert camel("error") == "ErrorEvent"

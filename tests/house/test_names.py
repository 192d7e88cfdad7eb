"""One vocabulary, the wire's own: a class is called as its wire type, in CamelCase."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import pytest

import realtime_raw as rt
from realtime_raw.events import catalog, translation
from realtime_raw.events.base import ClientEvent, ServerEvent
from realtime_raw.events.later import ByKind
from tests.house.source import PACKAGE, modules

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


TABLES = (
    "aio.recording",
    "concerns",
    "order_witness",
    "protocol.commands",
    "protocol.contents",
    "protocol.conversation",
    "protocol.trace",
    "times",
    "transcript",
    "turnlog",
    "usage",
)


@pytest.mark.parametrize("name", TABLES)
def test_tables_by_kind_name_events_that_there_are(name: str) -> None:
    """A wire type that is misspelt would never be met."""
    known = {kind for dialect in catalog.DIALECTS.values() for kind in (*dialect.client, *dialect.server)}
    module = importlib.import_module(f"{PACKAGE}.{name}")
    tables = [table for table in vars(module).values() if isinstance(table, ByKind)]
    assert tables
    named = {key for table in tables for key in table if isinstance(key, str)}
    assert named
    assert named <= known


def test_every_module_with_a_table_by_kind_is_looked_at() -> None:
    """But for those whose tables are an object's own."""
    having = {module.name.partition(".")[2] for module in modules() if "= ByKind(" in module.text}
    assert having - {"aio.tools"} == set(TABLES)


def test_the_check_bites() -> None:
    """A beta name for a GA event is found."""
    created = catalog.REALTIME.server["response.created"]
    assert misnamed({"response.done": created}) == ["response.done is ResponseCreated"]
    assert camel("mcp_list_tools.in_progress") == "McpListToolsInProgress"
    assert camel("error") == "ErrorEvent"

"""The catalog: which events exist, in which dialect, on which transport."""

from __future__ import annotations

import pytest

import realtime_raw.events as ev
from realtime_raw.events import catalog
from realtime_raw.events.retired import NOT_SENT


def test_the_numbers_of_the_reference() -> None:
    assert len(ev.REALTIME.client) == 11
    assert len(ev.REALTIME.server) == 46
    assert len(ev.TRANSLATION.client) == 3
    assert len(ev.TRANSLATION.server) == 7
    assert len(catalog.CATALOG) == 11 + 46 + 3 + 6


def test_names_are_mechanical() -> None:
    for entry in catalog.CATALOG:
        assert entry.cls.__name__ == catalog.class_name(entry.type)
        assert entry.cls.wire_type == entry.type
    assert catalog.class_name("mcp_list_tools.in_progress") == "McpListToolsInProgress"
    assert catalog.class_name("error") == "ErrorEvent"


def test_a_name_may_mean_two_things_in_two_dialects() -> None:
    assert ev.REALTIME.client["session.update"] is ev.SessionUpdate
    assert ev.TRANSLATION.client["session.update"] is ev.translation.SessionUpdate
    assert ev.REALTIME.server["session.created"] is not ev.TRANSLATION.server["session.created"]
    assert ev.REALTIME.server["error"] is ev.TRANSLATION.server["error"]


@pytest.mark.parametrize(
    ("cls", "direction", "dialects", "transports"),
    [
        (ev.ResponseDone, "server", ("realtime",), {"websocket", "webrtc", "sip"}),
        (ev.ResponseOutputAudioDelta, "server", ("realtime",), {"websocket"}),
        (ev.OutputAudioBufferStarted, "server", ("realtime",), {"webrtc", "sip"}),
        (ev.OutputAudioBufferClear, "client", ("realtime",), {"webrtc", "sip"}),
        (ev.InputAudioBufferDtmfEventReceived, "server", ("realtime",), {"sip"}),
        (ev.ErrorEvent, "server", ("realtime", "translation"), {"websocket", "webrtc", "sip"}),
        (ev.translation.SessionClosed, "server", ("translation",), {"websocket"}),
    ],
)
def test_what_is_said_of_an_event(
    cls: catalog.EventClass, direction: str, dialects: tuple[str, ...], transports: set[str]
) -> None:
    entry = catalog.info(cls)
    assert (entry.direction, entry.dialects, set(entry.transports)) == (direction, dialects, transports)


def test_an_event_the_catalog_does_not_hold() -> None:
    with pytest.raises(KeyError):
        catalog.info(ev.UnknownServerEvent)


def test_dialects_are_found_by_name_and_cannot_be_changed() -> None:
    assert ev.DIALECTS["translation"] is ev.TRANSLATION
    assert ev.TRANSLATION.path == "/realtime/translations"
    with pytest.raises(TypeError):
        ev.REALTIME.server["x"] = ev.ResponseDone  # type: ignore[index]
    assert "ResponseDone" not in repr(ev.REALTIME)


def test_aliases_lead_to_events_and_are_none_themselves() -> None:
    assert ev.REALTIME.aliases
    for old, new in ev.REALTIME.aliases.items():
        assert old not in ev.REALTIME.server
        assert new in ev.REALTIME.server
    assert not ev.TRANSLATION.aliases
    assert ev.REALTIME.server.keys() >= NOT_SENT


def test_everything_is_exported() -> None:
    for entry in catalog.CATALOG:
        module = ev.translation if entry.dialects == ("translation",) else ev
        assert entry.cls.__name__ in module.__all__
        assert getattr(module, entry.cls.__name__) is entry.cls

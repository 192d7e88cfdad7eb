"""Sessions as in force: which kind they are."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

import realtime_raw.events as ev
from realtime_raw import codec


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        ({"type": "realtime"}, ev.RealtimeSession),
        ({"type": "transcription", "audio": {"input": {"turn_detection": None}}}, ev.TranscriptionSession),
        ({}, ev.RealtimeSession),
        ({"type": "avatar"}, ev.RealtimeSession),
        ({"type": None, "id": "s"}, ev.RealtimeSession),
    ],
)
def test_the_kind_of_a_session(session: dict[str, Any], expected: type[ev.RealtimeSession]) -> None:
    event = codec.decode(orjson.dumps({"type": "session.updated", "session": session}))
    assert isinstance(event, ev.SessionUpdated)
    assert type(event.session) is expected
    assert event.to_wire()["session"] == session


def test_a_tool_as_echoed_shows_no_secret() -> None:
    tool = ev.SessionTool(type="mcp", authorization="hush", headers={"X": "hush"}, server_label="x")
    assert "hush" not in repr(tool)
    assert tool.to_wire()["authorization"] == "hush"

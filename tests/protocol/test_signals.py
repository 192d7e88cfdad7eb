"""Signals are plain facts: named, and turned into plain data without loss or secrets."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from realtime_raw.events.server import ErrorEvent
from realtime_raw.protocol import signals
from realtime_raw.protocol.responses import ResponseRecord
from realtime_raw.protocol.signals import SIGNALS, Signal
from realtime_raw.protocol.tools import ToolCall
from realtime_raw.types import CloseInfo, ErrorInfo

ONE_OF_EACH: list[Signal] = [
    signals.SessionReady(session=None),
    signals.SessionExpiring(expires_in_s=300.0),
    signals.InvariantBroken(rule="stray_response", detail="x"),
    signals.UserStartedSpeaking(item_id="i", audio_ms=1.0),
    signals.UserStoppedSpeaking(item_id="i", audio_ms=2.0),
    signals.BargeIn(item_id="i", response_id="r", heard_ms=3, by="speech"),
    signals.ResponseStarted(response_id="r", origin="asked", command="e"),
    signals.ResponseFinished(response_id="r", status="completed", record=ResponseRecord("r", "asked")),
    signals.AudioReceived(response_id="r", item_id="i", content_index=0, pcm=b"abcd", encoding="audio/pcm"),
    signals.PlaybackStarted(item_id="i", content_index=0),
    signals.PlaybackFinished(item_id="i", content_index=0),
    signals.ToolCallReady(call=ToolCall("r", "i", "c", "name", "{}")),
    signals.ToolBatchReady(response_id="r", calls=(), complete=True),
    signals.McpToolsListed(item_id="i", server_label="s", tools=("a",), failed=False),
    signals.McpApprovalRequested(item_id="i", server_label="s", tool="a", arguments="{}"),
    signals.McpCallFinished(
        item_id="i",
        response_id="r",
        server_label="s",
        tool="a",
        output="x",
        error=None,
        approval_request_id=None,
    ),
    signals.CommandConfirmed(event_id="e", command="c", note=ErrorInfo("late")),
    signals.CommandRefused(event_id="e", command="c", fate="refused", error=ErrorInfo("no", code="x")),
    signals.ConnectionLost(close=CloseInfo(1006), expected=False),
    signals.ConnectionRestored(restored=("a",), lost=()),
    signals.DeviceLost(device="d", direction="input", reason="unplugged"),
    signals.DeviceRestored(device="d", direction="output", away_s=2.5),
    signals.HandlerFailed(handler="f", error=ValueError("boom")),
    signals.ProtocolWarning(rule="r", detail="d", cause=ErrorEvent(event_id="event_9")),
]


def test_this_list_has_one_of_each() -> None:
    assert {type(s).name for s in ONE_OF_EACH} == set(SIGNALS)


@pytest.mark.parametrize("signal", ONE_OF_EACH, ids=lambda s: s.name)
def test_a_signal_as_plain_data_is_json(signal: Signal) -> None:
    plain = json.loads(json.dumps(signal.to_dict()))
    assert plain["signal"] == signal.name


def test_the_cause_is_named_and_audio_is_counted_not_kept() -> None:
    by_name = {s.name: s.to_dict() for s in ONE_OF_EACH}
    assert by_name["protocol.warning"]["cause"] == {"type": "error", "event_id": "event_9"}
    assert by_name["audio.received"]["pcm"] == 4
    assert by_name["handler.failed"]["error"] == "ValueError: boom"
    assert by_name["command.refused"]["error"]["code"] == "x"


@pytest.mark.parametrize("signal", ONE_OF_EACH, ids=lambda s: s.name)
def test_a_signal_is_a_value(signal: Signal) -> None:
    same = copy.copy(signal)
    assert same == signal
    assert repr(same) == repr(signal)
    assert signal != signals.ProtocolWarning(rule="another", detail="d")
    assert not hasattr(signal, "__dict__")


def test_a_signal_keeps_its_fields() -> None:
    begun = signals.PlaybackStarted(item_id="i", content_index=0)
    assert begun.cause is None
    assert begun != signals.PlaybackStarted(item_id="i", content_index=1)
    assert len({begun, signals.PlaybackStarted(item_id="i", content_index=0)}) == 1
    assert repr(begun) == "PlaybackStarted(cause=None, item_id='i', content_index=0)"
    with pytest.raises(AttributeError, match="item_id"):
        begun.item_id = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="item_id"):
        del begun.item_id


@pytest.mark.parametrize("given", [{"item_id": "i"}, {"item_id": "i", "content_index": 0, "at": 1}])
def test_a_signal_refuses_what_it_is_not_made_of(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"^PlaybackStarted (needs content_index|has no at)$"):
        signals.PlaybackStarted(**given)

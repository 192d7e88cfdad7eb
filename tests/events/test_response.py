"""The response object and its reasons."""

from __future__ import annotations

import orjson

import realtime_raw.events as ev
from realtime_raw import codec
from realtime_raw.types import ErrorInfo


def test_why_a_response_failed() -> None:
    details = ev.StatusDetails(
        type="failed",
        error=ev.ResponseError(type="server_error", code="rate_limit_exceeded", message="Later."),
    )
    response = ev.Response(status="failed", status_details=details)
    assert response.error_info() == ErrorInfo("Later.", code="rate_limit_exceeded", type="server_error")
    assert ev.Response(status="completed").error_info() is None
    assert ev.Response(status_details=ev.StatusDetails(type="cancelled")).error_info() is None
    assert ev.ResponseError().info() == ErrorInfo("")


def test_a_custom_voice_is_echoed_as_an_object() -> None:
    message = {
        "type": "response.done",
        "response": {"audio": {"output": {"voice": {"id": "voice_1"}, "format": {"type": "audio/pcmu"}}}},
    }
    event = codec.decode(orjson.dumps(message))
    assert isinstance(event, ev.ResponseDone)
    assert event.response is not None
    assert event.response.audio is not None
    assert event.response.audio.output is not None
    assert event.response.audio.output.voice == ev.VoiceRef(id="voice_1")
    assert event.to_wire() == message


def test_a_part_of_a_response_is_called_otherwise_than_a_part_of_an_item() -> None:
    for kind in ("text", "audio", "output_text", "output_audio", None):
        message = {"type": "response.content_part.added", "part": {"type": kind, "transcript": ""}}
        event = codec.decode(orjson.dumps(message))
        assert isinstance(event, ev.ResponseContentPartAdded)
        assert event.part is not None
        assert event.part.type == kind
        assert event.part.transcript == ""

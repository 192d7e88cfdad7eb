"""Cases of the rules about replies."""

from __future__ import annotations

from typing import Any

from realtime_raw.events.client import ResponseCreate
from realtime_raw.protocol.responses import TAG
from tests.explain.case import Cases
from tests.explain.scenes import (
    SOUND,
    added,
    ask,
    calls,
    failed,
    finish,
    heard,
    mcp_call,
    ready,
    replied,
    speak,
    vad,
)
from tests.protocol.harness import Desk, FakePlayhead

case = Cases()

case(
    "response_failed",
    lambda: failed("server_error", "The server had an error"),
    lambda: failed("insufficient_quota"),
    "response.done",
    "error",
    "resp_1 failed: server_error: The server had",
)
case(
    "response_failed",
    lambda: finish(ask(ready()), status="failed", output=[]),
    lambda: failed("rate_limit_exceeded"),
    "response.done",
    "error",
    "no reason given",
)
case(
    "response_failed",
    lambda: replied(failed("server_error"), "resp_2"),
    lambda: replied(ready()),
    "response.done",
    "note",
)


def ended(status: str, reason: str | None = None, desk: Desk | None = None) -> Desk:
    return finish(speak(ask(desk or ready(), "resp_e"), "resp_e"), "resp_e", status, reason)


case(
    "response_incomplete",
    lambda: ended("incomplete", "max_output_tokens"),
    lambda: ended("completed"),
    "response.done",
    says="max_output_tokens was reached",
)
case(
    "response_incomplete",
    lambda: ended("incomplete", "content_filter"),
    lambda: ended("failed"),
    "response.done",
    says="content filter",
)
case(
    "response_incomplete",
    lambda: ended("incomplete", "whim"),
    lambda: ended("cancelled", "turn_detected"),
    "response.done",
    says="whim",
)


def cut(times: int, of: int = 6, **options: Any) -> Desk:
    desk = vad(**options).ready()
    for n in range(of):
        desk.begin(f"resp_{n}", conversation_id="conv_1")
        desk.hear("input_audio_buffer.speech_started", audio_start_ms=n, item_id=f"item_{n}")
        status, reason = ("cancelled", "turn_detected") if n >= of - times else ("completed", None)
        finish(desk, f"resp_{n}", status, reason)
        desk.hear("input_audio_buffer.speech_stopped", audio_end_ms=n, item_id=f"item_{n}")
    return desk


case("echo", lambda: cut(3), lambda: cut(2), "response.done", says="3 of the last 6")
case("echo", lambda: cut(5, 20), lambda: ended("cancelled", "client_cancelled"), "response.done")
case("cut_by_speech", lambda: cut(1), lambda: cut(3), "input_audio_buffer.speech_started", "note")
case("cut_by_speech", lambda: cut(2), lambda: ended("cancelled", "client_cancelled"), "response.done", "note")


def interrupted(ear_ms: int = 100) -> Desk:
    playhead = FakePlayhead()
    desk = speak(ask(Desk(playhead=playhead).ready()))
    playhead.listen(ear_ms)
    desk.core.interrupt(desk.now)
    desk.sent()
    return finish(desk, status="cancelled", reason="client_cancelled")


def barged_in() -> Desk:
    """The user speaks over a reply whose generation had ended."""
    desk = Desk(manual_turns=False, playhead=FakePlayhead())
    desk.ready()
    desk.begin(conversation_id="conv_1")
    finish(speak(desk))
    desk.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u")
    return desk


def cancelled() -> Desk:
    desk = ask(ready())
    desk.core.cancel(desk.now)
    desk.sent()
    return finish(desk, status="cancelled", reason="client_cancelled", output=[])


case(
    "interrupted",
    interrupted,
    cancelled,
    "conversation.item.truncate",
    "note",
    "by interrupt(), 100 ms heard",
)
case("interrupted", barged_in, lambda: cut(1), "barge_in", "note", "the user's speech")
case("interrupted", interrupted, lambda: replied(interrupted(), "resp_2", "item_b"), "barge_in", "note")
case("cancelled", cancelled, interrupted, "response.cancel", "note", "by this side")
case("cancelled", lambda: ended("cancelled"), lambda: cut(1), "response.done", "note", "another client")


def doomed() -> Desk:
    """Interrupted before the server had created it."""
    desk = ready()
    command = desk.core.send(ResponseCreate(), desk.now)
    desk.core.interrupt(desk.now)
    desk.begin(metadata={TAG: command})
    return finish(desk, status="cancelled", reason="client_cancelled", output=[])


case("cancelled", doomed, lambda: replied(ready()), "response.cancel", "note", "by this side")


def stray() -> Desk:
    desk = ready()
    desk.begin("resp_s", conversation_id="conv_1")
    return desk


case("stray_response", stray, lambda: ask(ready()), "response.created", says="resp_s")
case("stray_response", stray, lambda: cut(0), "invariant.broken")
case(
    "stray_response",
    lambda: replied(finish(stray(), "resp_s")),
    lambda: ask(ready()),
    "response.created",
    "note",
)
case("empty_response", lambda: finish(ask(ready()), output=[]), lambda: replied(ready()), "response.done")
case("empty_response", lambda: finish(ask(ready()), output=[]), lambda: calls(ready()), "response.done")
case("empty_response", lambda: finish(ask(ready()), output=[]), cancelled, "response.done")
case(
    "empty_response",
    lambda: finish(ask(ready()), output=[]),
    lambda: finish(speak(ask(ready())), output=[]),
    "response.done",
)


def listed(how: str) -> Desk:
    desk = added(ready(), {"id": "mcp_l", "type": "mcp_list_tools", "server_label": "docs", "tools": []})
    desk.hear(f"mcp_list_tools.{how}", item_id="mcp_l")
    return desk


case(
    "mcp_failed",
    lambda: listed("failed"),
    lambda: listed("completed"),
    "mcp_list_tools.failed",
    says="not listed (docs)",
)
case("mcp_failed", lambda: mcp_call("failed"), mcp_call, "response.mcp_call.failed", says="not found")
case("mcp_failed", lambda: heard("mcp_list_tools.failed", item_id="mcp_x"), ready, "mcp_list_tools.failed")


def late(delta: bool = True) -> Desk:
    desk = speak(ask(ready()))
    desk.core.interrupt(desk.now)
    if delta:
        desk.audio("item_a", SOUND)
    return finish(desk, status="cancelled", reason="client_cancelled")


case("late_deltas", late, lambda: late(delta=False), "response.output_audio.delta", "note", "1 pieces")


# Neighbours of the above


def hinted(*events: tuple[str, dict[str, Any]]) -> Desk:
    """A reply whose final object is empty, though something of it was seen."""
    desk = ask(ready())
    for kind, fields in events:
        desk.hear(kind, response_id="resp_1", item_id="item_a", output_index=0, content_index=0, **fields)
    return finish(desk, output=[])


MESSAGE = {"id": "item_a", "type": "message", "role": "assistant", "content": []}


def empty() -> Desk:
    return finish(ask(ready()), output=[])


case(
    "empty_response",
    empty,
    lambda: hinted(("response.output_item.added", {"item": MESSAGE})),
    "response.done",
)
case(
    "empty_response",
    empty,
    lambda: hinted(("response.output_audio.delta", {"delta": SOUND})),
    "response.done",
)
case("empty_response", empty, lambda: hinted(("response.output_text.delta", {"delta": "x"})), "response.done")
case("cancelled", lambda: ended("cancelled"), lambda: cut(1, barge_in="never"), "response.done", "note")
case(
    "response_failed",
    lambda: failed(None),
    lambda: replied(ready()),
    "response.done",
    "error",
    "some_error: no",
)


def nameless() -> Desk:
    """A compatible server that gives its responses no ids."""
    desk = ready()
    desk.core.send(ResponseCreate(), desk.now)
    desk.hear("response.created", response={"status": "in_progress"})
    desk.hear("response.done", response={"status": "failed"})
    return desk


def beside(desk: Desk) -> Desk:
    return finish(ask(desk, "resp_9", conversation="none", output_modalities=["text"]), "resp_9")


case("response_failed", nameless, ready, "response.done", "error", "(without an id) failed")
# Only a reply that completed in the conversation makes a trouble past.
case("response_failed", lambda: beside(failed("x")), lambda: beside(ready()), "response.done", "error")
case(
    "response_failed",
    lambda: ended("cancelled", desk=failed("x")),
    lambda: ended("cancelled"),
    "response.done",
    "error",
)

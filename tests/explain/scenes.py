"""Pieces of sessions, told with literal messages, for the tests of `explain`."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any, Literal

from realtime_raw.errors import LocalProtocolError
from realtime_raw.events.client import (
    ConversationItemCreate,
    ConversationItemRetrieve,
    InputAudioBufferCommit,
    ResponseCreate,
)
from realtime_raw.events.items import NewFunctionCallOutput, user
from realtime_raw.events.response import ResponseConfig
from realtime_raw.explain import Finding, explain
from realtime_raw.protocol.patch import SessionPatch
from realtime_raw.protocol.responses import TAG
from realtime_raw.protocol.signals import DeviceLost, DeviceRestored, Signal
from tests.protocol.harness import Desk, session

SPEECH = bytes(range(1, 241)) * 20  # 100 ms of PCM that is not silence
SOUND = base64.b64encode(SPEECH).decode()
LATER = 60.0


def findings(desk: Desk) -> dict[str, Finding]:
    """What is wrong now, by rule."""
    found = explain(desk.core, desk.now)
    assert len({one.rule for one in found}) == len(found), "a rule speaks once"
    return {one.rule: one for one in found}


def unplugged(direction: Literal["input", "output"], *, back: bool = False) -> Desk:
    """A sound device was pulled out 3 s ago, the other one before, which is back; or both are."""
    desk = Desk().ready()
    other: Literal["input", "output"] = "output" if direction == "input" else "input"
    told: list[Signal] = [
        DeviceLost(device="Webcam", direction=direction, reason="it stopped by itself"),
        DeviceRestored(device="Webcam", direction=direction, away_s=1.0),
        DeviceLost(device="Headset", direction=other, reason="unplugged"),
        DeviceLost(device="Headset", direction=direction, reason="unplugged"),
        DeviceRestored(device="Headset", direction=other, away_s=2.0),
    ]
    if back:
        told.append(DeviceRestored(device="Headset", direction=direction, away_s=2.0))
    for one in told:
        desk.core.trace.now = desk.now
        desk.core.trace.noted(one)
    return later(desk, 3)


def vad(**options: Any) -> Desk:
    """A session whose server decides on turns."""
    desk = Desk(manual_turns=False, **options)
    desk.core.connected(desk.now, unix_time=1000.0)
    return desk


def append(desk: Desk, ms: int = 500, audio: bytes = SPEECH) -> Desk:
    """Some audio."""
    for _ in range(ms // 100):
        desk.core.append_audio(audio, desk.now)
    desk.sent()
    return desk


def committed(desk: Desk, item_id: str = "item_u", previous: str | None = None) -> Desk:
    """The server says that the buffer became an item."""
    desk.hear("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
    content = [{"type": "input_audio", "transcript": None}]
    item = {"id": item_id, "type": "message", "role": "user", "status": "completed", "content": content}
    desk.hear("conversation.item.added", previous_item_id=previous, item=item)
    desk.hear("conversation.item.done", previous_item_id=previous, item=item)
    return desk


def commit(desk: Desk, item_id: str = "item_u", previous: str | None = None) -> Desk:
    """A commit of ours, and its confirmation."""
    desk.core.send(InputAudioBufferCommit(), desk.now)
    desk.sent()
    return committed(desk, item_id, previous)


def added(desk: Desk, item: dict[str, Any], previous: str | None = None) -> Desk:
    """The server says that an item entered the conversation."""
    desk.hear("conversation.item.added", previous_item_id=previous, item=item)
    desk.hear("conversation.item.done", previous_item_id=previous, item=item)
    return desk


def write(desk: Desk, text: str = "hello", item_id: str = "item_t", previous: str | None = None) -> Desk:
    """A user message, and its confirmation."""
    item = user(text).model_copy(update={"id": item_id})
    desk.core.send(ConversationItemCreate(item=item), desk.now)
    desk.sent()
    content = [{"type": "input_text", "text": text}]
    return added(
        desk,
        {"id": item_id, "type": "message", "role": "user", "status": "completed", "content": content},
        previous,
    )


def ask(desk: Desk, response_id: str = "resp_1", **config: Any) -> Desk:
    """A `response.create`, and the response it brings."""
    command = desk.core.send(ResponseCreate(response=ResponseConfig(**config)), desk.now)
    desk.sent()
    beside = {"conversation_id": None} if config.get("conversation") == "none" else {}
    fields: dict[str, Any] = {"output_modalities": config.get("output_modalities", ["audio"]), **beside}
    desk.begin(response_id, metadata={TAG: command}, **fields)
    return desk


def speak(desk: Desk, response_id: str = "resp_1", item_id: str = "item_a", ms: int = 300) -> Desk:
    """Sound and transcript of a reply."""
    desk.message(item_id, response_id)
    for _ in range(ms // 100):
        desk.audio(item_id, SOUND, response_id)
    ids = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    desk.hear("response.output_audio_transcript.delta", **ids, delta="Good day.")
    desk.hear("response.output_audio.done", **ids)
    desk.hear("response.output_audio_transcript.done", **ids, transcript="Good day.")
    return desk


def spoken(item_id: str = "item_a") -> dict[str, Any]:
    """A finished assistant message."""
    content = [{"type": "output_audio", "transcript": "Good day."}]
    return {"id": item_id, "type": "message", "role": "assistant", "status": "completed", "content": content}


def finish(
    desk: Desk,
    response_id: str = "resp_1",
    status: str = "completed",
    reason: str | None = None,
    **fields: Any,
) -> Desk:
    """`response.done`."""
    details = None if reason is None else {"type": status, "reason": reason}
    desk.finish(response_id, status, **{"status_details": details, "output": [spoken()], **fields})
    return desk


def replied(desk: Desk, response_id: str = "resp_1", item_id: str = "item_a") -> Desk:
    """A whole spoken reply to a request of ours."""
    speak(ask(desk, response_id), response_id, item_id)
    item = spoken(item_id)
    desk.hear("conversation.item.done", previous_item_id=None, item=item)
    desk.hear("response.output_item.done", response_id=response_id, output_index=0, item=item)
    return finish(desk, response_id, output=[item])


def call(item_id: str = "item_f", call_id: str = "call_1", name: str = "weather") -> dict[str, Any]:
    """A finished function call."""
    kind = {"type": "function_call", "status": "completed"}
    return {"id": item_id, **kind, "call_id": call_id, "name": name, "arguments": "{}"}


def calls(desk: Desk, response_id: str = "resp_1", *items: dict[str, Any]) -> Desk:
    """A reply that only calls functions."""
    made = items or (call(),)
    ask(desk, response_id)
    previous = None
    for index, item in enumerate(made):
        opening = {**item, "status": "in_progress", "arguments": ""}
        desk.hear("response.output_item.added", response_id=response_id, output_index=index, item=opening)
        desk.hear("conversation.item.added", previous_item_id=previous, item=opening)
        previous = item["id"]
        ids = {"response_id": response_id, "item_id": item["id"], "output_index": index}
        ids["call_id"] = item["call_id"]
        desk.hear("response.function_call_arguments.done", **ids, name=item["name"], arguments="{}")
        desk.hear("conversation.item.done", previous_item_id=None, item=item)
        desk.hear("response.output_item.done", response_id=response_id, output_index=index, item=item)
    return finish(desk, response_id, output=list(made))


def answer(desk: Desk, call_id: str = "call_1", item_id: str = "item_o") -> Desk:
    """The output of a call, and its confirmation."""
    item = NewFunctionCallOutput(id=item_id, call_id=call_id, output="sunny")
    desk.core.send(ConversationItemCreate(item=item), desk.now)
    desk.sent()
    return added(
        desk, {"id": item_id, "type": "function_call_output", "call_id": call_id, "output": "sunny"}, "item_f"
    )


def ready(**changes: Any) -> Desk:
    return Desk().ready(**changes)


def later(desk: Desk, seconds: float = LATER) -> Desk:
    """Time passes and nothing happens, not even a timeout."""
    desk.now += seconds
    return desk


def expired() -> Desk:
    desk = ready()
    desk.error("session_expired", "Your session hit the maximum duration of 60 minutes.")
    desk.close(1001, "Your session hit the maximum duration of 60 minutes.")
    return desk


def opened() -> Desk:
    desk = Desk()
    desk.core.connected(0.0, unix_time=1000.0)
    return desk


def created() -> Desk:
    desk = opened()
    desk.hear("session.created", session=session())
    return desk


def first_patch_refused() -> Desk:
    desk = Desk(patch=SessionPatch(voice="nobody"))
    desk.core.connected(0.0)
    [update] = desk.hear("session.created", session=session())
    desk.error(
        "invalid_value",
        "Invalid value: 'nobody'.",
        param="session.audio.output.voice",
        event_id=update["event_id"],
    )
    return desk


def first_patch_impossible() -> Desk:
    desk = Desk(patch=SessionPatch(instructions="x"))
    desk.core.connected(0.0)
    shown = {"type": "transcription", "object": "realtime.transcription_session", "id": "sess_1", "audio": {}}
    desk.hear("session.created", session=shown)
    return desk


def voice_refused_here() -> Desk:
    desk = replied(ready())
    with suppress(LocalProtocolError):
        desk.core.patch(SessionPatch(voice="ash"), desk.now)
    return desk


def patch_refused() -> Desk:
    desk = ready()
    event_id = desk.core.patch(SessionPatch(instructions="x"), desk.now)
    desk.error("unknown_parameter", "Unknown parameter: 'session.x'.", event_id=event_id)
    return desk


def failed(code: str | None, message: str = "no", desk: Desk | None = None) -> Desk:
    details = {"type": "failed", "error": {"type": "some_error", "code": code, "message": message}}
    desk = desk or write(ready())
    return finish(ask(desk), status="failed", status_details=details, output=[])


def refused(code: str = "item_retrieve_invalid_item_id") -> Desk:
    desk = ready()
    event_id = desk.core.send(ConversationItemRetrieve(item_id="item_x"), desk.now)
    desk.error(code, "Error retrieving item: it does not exist.", event_id=event_id)
    return desk


def heard(type_: str, **fields: Any) -> Desk:
    desk = ready()
    desk.hear(type_, **fields)
    return desk


def mcp(kind: str, **fields: Any) -> Desk:
    desk = ask(ready())
    item = {
        "id": "mcp_1",
        "type": kind,
        "server_label": "docs",
        "name": "search",
        "arguments": "{}",
        **fields,
    }
    desk.hear("response.output_item.added", response_id="resp_1", output_index=0, item=item)
    added(desk, item)
    return finish(desk, output=[item])


def mcp_call(how: str = "completed") -> Desk:
    desk = mcp(
        "mcp_call", **({"error": {"type": "http_error", "message": "not found"}} if how == "failed" else {})
    )
    desk.hear(f"response.mcp_call.{how}", item_id="mcp_1", output_index=0)
    return desk


def asked_for_item(wait: float) -> Desk:
    desk = ready()
    desk.core.send(ConversationItemRetrieve(item_id="item_x"), desk.now)
    desk.later(wait)
    return desk


def creating(wait: float, **config: Any) -> Desk:
    desk = ready()
    desk.core.send(ResponseCreate(**config), desk.now)
    desk.later(wait)
    return desk


def short_commit(desk: Desk | None = None) -> Desk:
    desk = desk or ready()
    desk.core.append_audio(SPEECH[:960], desk.now)
    with suppress(LocalProtocolError):
        desk.core.send(InputAudioBufferCommit(), desk.now)
    return desk

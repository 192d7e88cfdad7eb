"""A core with a hand on both ends: literal server messages in, parsed client messages out."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from realtime_raw.events.base import ClientEvent, ServerEvent
from realtime_raw.protocol.core import Options, RealtimeProtocol
from realtime_raw.protocol.patch import SessionPatch
from realtime_raw.protocol.signals import Signal
from realtime_raw.types import AudioKey, CloseInfo, Heard, PlaybackMark

S = TypeVar("S")
Sent = list[dict[str, Any]]

VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}


def session(**changes: Any) -> dict[str, Any]:
    """The session object as recorded for a new session, with changes at top level or by dotted name."""
    base: dict[str, Any] = {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_1",
        "model": "gpt-realtime-2.1",
        "output_modalities": ["audio"],
        "instructions": "default text",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": 4600,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": dict(VAD),
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
        },
        "include": None,
    }
    for path, value in changes.items():
        *parents, leaf = path.split("__")
        node = base
        for parent in parents:
            node = node[parent]
        node[leaf] = value
    return base


MANUAL = {"audio__input__turn_detection": None}


class Desk:
    """One `RealtimeProtocol` under test. `now` is the simulated clock."""

    def __init__(
        self, *, playhead: FakePlayhead | None = None, patch: SessionPatch | None = None, **options: Any
    ) -> None:
        self.core = RealtimeProtocol(playhead=playhead, options=Options(**options), session=patch)
        self.playhead = playhead
        self.now = 0.0
        self.seen: list[ServerEvent | ClientEvent | Signal] = []

    def hear(self, type_: str, **fields: Any) -> Sent:
        """The server says this; returns what the core sends in answer."""
        self.core.receive_message(json.dumps({"type": type_, "event_id": "event_s", **fields}), self.now)
        return self.sent()

    def sent(self) -> Sent:
        """Drain the outbox."""
        self.seen.extend(self.core.events_received())
        return [json.loads(message) for message in self.core.data_to_send()]

    def later(self, seconds: float) -> Sent:
        """Move the clock, serving every deadline on the way."""
        end = self.now + seconds
        while (deadline := self.core.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.core.handle_timer(self.now)
            self.seen.extend(self.core.events_received())
        self.now = end
        return self.sent()

    def signals(self, kind: type[S]) -> list[S]:
        """All signals of a kind so far."""
        self.seen.extend(self.core.events_received())
        return [one for one in self.seen if isinstance(one, kind)]

    def ready(self, **changes: Any) -> Desk:
        """Through `session.created` and the confirmed first patch."""
        self.core.connected(self.now, unix_time=1000.0)
        sent = self.hear("session.created", session=session())
        if sent:
            self.hear("session.updated", session=session(**{**MANUAL, **changes}))
        return self

    def begin(
        self, response_id: str = "resp_1", *, metadata: dict[str, str] | None = None, **fields: Any
    ) -> Sent:
        """`response.created`."""
        response = {
            "object": "realtime.response",
            "id": response_id,
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "conversation_id": "conv_1",
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}},
            "usage": None,
            "metadata": metadata,
            **fields,
        }
        return self.hear("response.created", response=response)

    def finish(self, response_id: str = "resp_1", status: str = "completed", **fields: Any) -> Sent:
        """`response.done`."""
        response = {"id": response_id, "status": status, "status_details": None, "output": [], **fields}
        return self.hear("response.done", response=response)

    def message(self, item_id: str, response_id: str = "resp_1") -> None:
        """The server starts an assistant message."""
        item = {"id": item_id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        self.hear("response.output_item.added", response_id=response_id, output_index=0, item=item)
        self.hear("conversation.item.added", previous_item_id=None, item=item)

    def audio(self, item_id: str, base64: str, response_id: str = "resp_1") -> Sent:
        """One audio delta."""
        return self.hear(
            "response.output_audio.delta",
            response_id=response_id,
            item_id=item_id,
            output_index=0,
            content_index=0,
            delta=base64,
        )

    def error(self, code: str | None, message: str = "no", **fields: Any) -> Sent:
        """An `error` event."""
        error = {
            "type": "invalid_request_error",
            "code": code,
            "message": message,
            "param": None,
            "event_id": None,
        }
        return self.hear("error", error={**error, **fields})

    def close(self, code: int = 1006, reason: str = "") -> None:
        """The line dies."""
        self.core.disconnected(CloseInfo(code, reason), self.now)
        self.sent()


class FakePlayhead:
    """A playhead whose ear is moved by hand: `listen(ms)`."""

    def __init__(self) -> None:
        self.received: dict[AudioKey, int] = {}
        self.ended: set[AudioKey] = set()
        self.ear = 0
        self.room = 10**9
        self._marks: list[PlaybackMark] = []

    def feed(self, key: AudioKey, data: bytes, encoding: str, now: float) -> int:
        frames = min(len(data) // 2, self.room)
        self.room -= frames
        self.received[key] = self.received.get(key, 0) + frames
        return frames

    def end(self, key: AudioKey) -> None:
        self.ended.add(key)

    def listen(self, ms: int) -> None:
        """The ear moves on through what is queued, in order."""
        self.ear += ms * 24

    def heard(self, key: AudioKey, now: float) -> Heard | None:
        start = 0
        for one, frames in self.received.items():
            if one == key:
                return Heard(key, max(0, min(frames, self.ear - start)), frames, 24000)
            start += frames
        return None

    def interrupt(self, now: float) -> tuple[Heard, ...]:
        accounts = [self.heard(key, now) for key in self.received]
        left = tuple(one for one in accounts if one is not None and not one.complete)
        self.received.clear()
        return left

    def poll(self, now: float) -> list[PlaybackMark]:
        for key in list(self.ended):
            account = self.heard(key, now)
            if account is not None and account.complete:
                self.ended.discard(key)
                self._marks.append(PlaybackMark("finished", key))
        marks, self._marks = self._marks, []
        return marks

    def rest(self, now: float) -> float:
        return 0.0

    @property
    def playing(self) -> bool:
        return sum(self.received.values()) > self.ear

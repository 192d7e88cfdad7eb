"""Talks to a simulated session in simulated time: messages in, events out, no socket."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import orjson

from realtime_raw.audio.pcm import Samples
from realtime_raw.loopback.brain import SimulatedSession

Event = dict[str, Any]


def tone(seconds: float, *, rate: int = 24_000, dbfs: float = -20.0) -> Samples:
    """A sine of 440 Hz whose RMS is `dbfs`; minus infinity is silence."""
    peak = 32768 * math.sqrt(2) * 10 ** (dbfs / 20)
    samples: Samples = (np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate) * peak).astype(
        np.int16
    )
    return samples


def b64(data: bytes | Samples) -> str:
    """Bytes or samples as base64 text."""
    return base64.b64encode(data if isinstance(data, bytes) else data.astype("<i2").tobytes()).decode()


def user_text(text: str, **fields: Any) -> Event:
    """A user's written message."""
    return {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": text}],
        **fields,
    }


def kinds(events: list[Event]) -> list[str]:
    """The types of events, runs of the same delta as one."""
    found: list[str] = []
    for event in events:
        if not (found and found[-1] == event["type"] and event["type"].endswith(".delta")):
            found.append(event["type"])
    return found


class Talk:
    """A session with its clock. `say` sends one message and returns what came back at once."""

    def __init__(self, *, speed: float = math.inf, connect: bool = True, **options: Any) -> None:
        self.session = SimulatedSession(options.pop("model", "gpt-realtime-2.1"), speed=speed, **options)
        self.now = 100.0
        self.opening: list[Event] = []
        if connect:
            self.session.connected(self.now)
            self.opening = self.drain()

    def drain(self) -> list[Event]:
        """What the session says now."""
        return [orjson.loads(data) for data in self.session.data_to_send()]

    def say(self, kind: str, **fields: Any) -> list[Event]:
        """One client event."""
        return self.raw(orjson.dumps({"type": kind, **fields}))

    def raw(self, data: bytes | str) -> list[Event]:
        """One message as it is."""
        self.session.receive_message(data, self.now)
        return self.drain()

    def wait(self, seconds: float) -> list[Event]:
        """Let time pass, stopping at each deadline as a shell would."""
        end, heard = self.now + seconds, []
        while (due := self.session.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.session.handle_timer(self.now)
            heard += self.drain()
        self.now = end
        return heard

    # --- what tests do all the time ---------------------------------------------------

    def error(self, kind: str, **fields: Any) -> Event:
        """One client event that is refused, and by nothing but one error; returns the inner object."""
        return self.only_error(self.say(kind, **fields))

    def only_error(self, events: list[Event]) -> Event:
        """The inside of the one error in `events`."""
        assert [event["type"] for event in events] == ["error"], events
        inner: Event = events[0]["error"]
        assert list(inner) == ["type", "code", "message", "param", "event_id"]
        return inner

    def update(self, **session: Any) -> Event:
        """An accepted `session.update`; returns the session shown."""
        events = self.say("session.update", session={"type": self.session.config.kind, **session})
        assert [event["type"] for event in events] == ["session.updated"], events
        shown: Event = events[0]["session"]
        return shown

    def update_error(self, **session: Any) -> Event:
        """A refused `session.update`; returns the error."""
        return self.error("session.update", session={"type": self.session.config.kind, **session})

    def manual(self, **session: Any) -> Event:
        """Turn detection off, as manual clients begin."""
        return self.update(audio={"input": {"turn_detection": None}}, **session)

    def append(self, audio: Samples | bytes) -> list[Event]:
        """Audio into the input buffer."""
        return self.say("input_audio_buffer.append", audio=b64(audio))

    def commit(self, seconds: float = 0.5, dbfs: float = -20.0) -> str:
        """A spoken user item by hand; returns its id."""
        self.append(tone(seconds, dbfs=dbfs))
        events = self.say("input_audio_buffer.commit")
        assert events[0]["type"] == "input_audio_buffer.committed", events
        item_id: str = events[0]["item_id"]
        return item_id

    def insert(self, text: str, **fields: Any) -> str:
        """A written user item; returns its id. `fields` go beside `item`."""
        events = self.say("conversation.item.create", item=user_text(text), **fields)
        item_id: str = events[0]["item"]["id"]
        return item_id

    def respond(self, **response: Any) -> list[Event]:
        """`response.create`, with everything it brings if the session is instant."""
        return self.say("response.create", **({"response": response} if response else {}))

    def order(self) -> list[str]:
        """Item ids as the server has them."""
        return [item["id"] for item in self.session.items]

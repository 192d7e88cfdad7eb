"""Every lifecycle, field for field, against recordings of the documented order.

`tests/golden/lifecycles.json` holds, per lifecycle, each event with its keys in
order; ids stand as `<item 1>`, audio as its length, obfuscation as its length.
After a change that is meant, `python -m tests.loopback.test_lifecycles` writes it
anew; what differs is then to be read against the API reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from realtime_raw.loopback import Call, McpCall, McpServer, Reply, Say, Spoken
from realtime_raw.loopback.scenario import Turn
from tests.loopback.driver import Event, Talk, b64, tone, user_text
from tests.loopback.test_translation import APPEND, Booth

GOLDEN = Path(__file__).parents[1] / "golden" / "lifecycles.json"
_ID = re.compile(r"\b(event|item|resp|sess_u0|sess|conv|call|mcpl|mcpr|mcp|seg)_[A-Za-z0-9]{12,}\b")
MAPS = {"type": "mcp", "server_label": "maps", "server_url": "https://maps.test"}


class Book:
    """Gives each id a name at its first appearance."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def read(self, value: Any, key: str = "") -> Any:
        """A value with everything random in it named."""
        if isinstance(value, dict):
            return {name: self.read(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.read(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if key == "obfuscation":
            return f"<{len(value)} characters>"
        if key in ("delta", "audio") and len(value) > 400:
            return "<audio>"
        return _ID.sub(self._named, value)

    def _named(self, found: re.Match[str]) -> str:
        kind = found[1]
        if kind == "event":
            return "<event>"
        if found[0] not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[found[0]] = f"<{kind} {self._counts[kind]}>"
        return self._names[found[0]]


def squeezed(events: list[Event]) -> list[Event]:
    """Runs of like audio deltas as one: how many there are is the voice's affair."""
    kept: list[Event] = []
    for event in events:
        if event.get("delta") != "<audio>" or not kept or kept[-1] != event:
            kept.append(event)
    return kept


def scripted(*replies: Reply) -> Callable[[Turn], Reply]:
    left = list(replies)
    return lambda turn: left.pop(0)


HELLO = Reply((Say("Hello."),))


def started() -> list[Event]:
    talk = Talk()
    return talk.opening + talk.say(
        "session.update", session={"type": "realtime", "instructions": "Be brief."}
    )


def text_turn() -> list[Event]:
    talk = Talk(scenario=scripted(HELLO))
    talk.manual(output_modalities=["text"])
    return talk.say("conversation.item.create", item=user_text("Hi")) + talk.respond()


def manual_audio_turn() -> list[Event]:
    talk = Talk(scenario=scripted(HELLO))
    talk.update(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
    talk.append(tone(0.5))
    return talk.say("input_audio_buffer.commit") + talk.respond()


def detected_turn() -> list[Event]:
    talk = Talk(scenario=scripted(HELLO))
    silence = np.zeros(24_000, dtype=np.int16)
    return [event for sound in (silence, tone(1.0), silence) for event in talk.append(sound)]


def barge_in() -> list[Event]:
    talk = Talk(
        speed=2.0, scenario=scripted(Reply((Say("One two three four five six seven eight."),)), HELLO)
    )
    events = talk.respond(output_modalities=["audio"]) + talk.wait(0.4)
    silence = np.zeros(24_000, dtype=np.int16)
    events += talk.append(silence) + talk.append(tone(1.0))
    item = next(event["item_id"] for event in events if event["type"] == "response.output_audio.delta")
    cut = {"item_id": item, "content_index": 0, "audio_end_ms": 100}
    return events + talk.say("conversation.item.truncate", **cut)


def client_cancel() -> list[Event]:
    talk = Talk(speed=1.0, scenario=scripted(HELLO))
    talk.manual(output_modalities=["text"])
    return talk.respond() + talk.say("response.cancel") + talk.say("response.cancel", event_id="mine")


def function_call() -> list[Event]:
    talk = Talk(scenario=scripted(Reply((Call("weather", {"city": "Bern"}),)), HELLO))
    talk.manual(output_modalities=["text"])
    events = talk.respond()
    call = next(event["call_id"] for event in events if "call_id" in event)
    output = {"type": "function_call_output", "call_id": call, "output": "sunny"}
    return events + talk.say("conversation.item.create", item=output) + talk.respond()


def preamble_and_parallel_calls() -> list[Event]:
    steps = (Say("Let me look.", phase="commentary"), Call("a", {}), Call("b", {}))
    talk = Talk(scenario=scripted(Reply(steps)))
    talk.manual(output_modalities=["text"])
    return talk.respond()


def out_of_band() -> list[Event]:
    talk = Talk(scenario=scripted(HELLO))
    talk.manual()
    return talk.respond(conversation="none", output_modalities=["text"], input=[], metadata={"a": "b"})


def insertion() -> list[Event]:
    talk = Talk()
    talk.manual()
    events = talk.say("conversation.item.create", item=user_text("one", id="item_one"))
    for place in ("root", "item_one", "item_none"):
        events += talk.say("conversation.item.create", item=user_text("x"), previous_item_id=place)
    return (
        events
        + talk.say("conversation.item.retrieve", item_id="item_one")
        + talk.say("conversation.item.delete", item_id="item_one")
    )


class Maps:
    """A scenario with an MCP server whose tool is called once."""

    def reply(self, turn: Turn) -> Reply:
        done = any(item["type"] == "mcp_call" for item in turn.items)
        return HELLO if done else Reply((McpCall("maps", "route", {"to": "Rome"}, output="left"),))

    def transcript(self, heard: Any) -> str | Spoken:
        return ""

    def mcp_server(self, label: str) -> McpServer:
        return McpServer(tools=({"name": "route", "input_schema": {"type": "object"}},))


def mcp() -> list[Event]:
    talk = Talk(scenario=Maps())
    talk.manual(output_modalities=["text"])
    events = talk.say("session.update", session={"type": "realtime", "tools": [MAPS]}) + talk.wait(5.0)
    events += talk.respond() + talk.wait(1.0)
    request = next(e["item"]["id"] for e in events if e.get("item", {}).get("type") == "mcp_approval_request")
    answer = {
        "type": "mcp_approval_response",
        "id": "item_yes",
        "approval_request_id": request,
        "approve": True,
    }
    events += talk.say("conversation.item.create", item=answer) + talk.wait(5.0)
    return events + talk.respond()


def transcription() -> list[Event]:
    talk = Talk(kind="transcription", scenario=None)
    listening = {"turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}}
    events = talk.opening + talk.say(
        "session.update", session={"type": "transcription", "audio": {"input": listening}}
    )
    talk.append(tone(0.5))
    return events + talk.say("input_audio_buffer.commit") + talk.wait(5.0)


def translation() -> list[Event]:
    booth = Booth()
    events = booth.opening + booth.say("session.update", session={"audio": {"output": {"language": "es"}}})
    events += booth.say(APPEND, audio=b64(np.concatenate([tone(1.0), np.zeros(24_000, dtype=np.int16)])))
    return events + booth.say("session.close")


def sideband() -> list[Event]:
    talk = Talk(call_id="rtc_1", scenario=scripted(HELLO))
    events = talk.opening + talk.say("session.update", session={"type": "realtime", "instructions": "x"})
    return events + talk.respond() + talk.wait(30.0)


def expiry() -> list[Event]:
    talk = Talk()
    return talk.wait(3601.0)


def error() -> list[Event]:
    talk = Talk()
    return talk.say("response.create", event_id="mine", response={"modalities": ["text"]})


LIFECYCLES: dict[str, Callable[[], list[Event]]] = {
    made.__name__: made
    for made in (
        started,
        text_turn,
        manual_audio_turn,
        detected_turn,
        barge_in,
        client_cancel,
        function_call,
        preamble_and_parallel_calls,
        out_of_band,
        insertion,
        mcp,
        transcription,
        translation,
        sideband,
        expiry,
        error,
    )
}


def told(name: str) -> list[Event]:
    """A lifecycle as it is now, in the form of the recording."""
    book = Book()
    return squeezed([book.read(event) for event in LIFECYCLES[name]()])


@pytest.mark.parametrize("name", LIFECYCLES)
def test_a_lifecycle_is_as_documented_field_for_field(name: str) -> None:
    """Events, their order, their keys and the order of those, their values."""
    golden = json.loads(GOLDEN.read_text("utf-8"))[name]
    now = told(name)
    assert [event["type"] for event in now] == [event["type"] for event in golden]
    for mine, documented in zip(now, golden, strict=True):
        assert json.dumps(mine) == json.dumps(documented)


def test_every_recording_is_compared() -> None:
    """And nothing is left over."""
    assert list(json.loads(GOLDEN.read_text("utf-8"))) == list(LIFECYCLES)


if __name__ == "__main__":
    lines = []
    for title in LIFECYCLES:
        events = ",\n".join(f"    {json.dumps(event)}" for event in told(title))
        lines.append(f'  "{title}": [\n{events}\n  ]')
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")

"""Every event the simulator emits, against the official JSON Schemas, if they are at hand.

The bundle is not part of this repository: set `REALTIME_SPEC` to its path.
"""

from __future__ import annotations

import copy
import json
import math
import os
import pathlib
from typing import Any

import numpy as np
import orjson
import pytest

from realtime_raw.loopback.default_scenario import DefaultScenario
from realtime_raw.loopback.scenario import Call, Failure, Reply, Say, Segment, Spoken, Turn
from realtime_raw.loopback.script_file import parse_script
from realtime_raw.loopback.sound import Heard
from realtime_raw.loopback.translation import TranslationSession
from tests.loopback.driver import Event, Talk, b64, tone, user_text

SPEC = os.environ.get("REALTIME_SPEC", "")
pytestmark = pytest.mark.skipif(not SPEC, reason="REALTIME_SPEC does not name the official schema bundle")

# Where the wire has null and the schema has none (observed; each taken out before the rest is judged).
NULLS = (
    "session.include",
    "session.audio.input.transcription",
    "session.audio.input.transcription.language",
    "session.audio.input.transcription.prompt",
    "session.audio.input.noise_reduction",
    "response.status_details",
    "response.usage",
    "response.conversation_id",
    "item.content.0.transcript",
    "error.param",
)


def without_null(event: Any, path: str) -> bool:
    """Takes the null at `path` out of `event`; whether there was one."""
    *way, last = path.split(".")
    for key in way:
        known = isinstance(event, dict) or int(key) < len(event)
        event = (event.get(key) if isinstance(event, dict) else event[int(key)]) or {} if known else {}
    if isinstance(event, dict) and event.get(last, 0) is None:
        del event[last]
        return True
    return False


def everything() -> list[Event]:
    """A tour through the simulator: each kind of event at least once."""
    replies = iter(
        [
            Reply((Say("Hello."),)),
            Reply((Say("Wait."), Call("look", {"at": 1}))),
            Reply(failure=Failure("rate_limit_exceeded", "Slow down.")),
            Reply((Say("I see."),), filtered=True),
        ]
    )

    class Scripted(DefaultScenario):
        """The replies above; it hears only once."""

        def __init__(self) -> None:
            super().__init__(["Hello"])

        def reply(self, turn: Turn) -> Reply:
            return next(replies)

        def transcript(self, heard: Heard) -> str | Spoken:
            if heard.seconds > 5:
                raise ValueError("too long")
            return super().transcript(heard)

    talk = Talk(scenario=Scripted())
    talk.update(
        instructions="x",
        tools=[{"type": "function", "name": "look", "parameters": {}}],
        tool_choice={"type": "function", "name": "look"},
        prompt={"id": "p"},
        tracing="auto",
        include=["item.input_audio_transcription.logprobs"],
        audio={
            "input": {"noise_reduction": {"type": "near_field"}, "transcription": {"model": "whisper-1"}},
            "output": {"format": {"type": "audio/pcmu"}},
        },
    )
    for _ in range(2):
        talk.respond()
    item_id = talk.order()[0]
    talk.say("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=10)
    talk.say("conversation.item.retrieve", item_id=item_id)
    talk.say("conversation.item.delete", item_id=item_id)
    talk.respond(conversation="none", metadata={"k": "v"})
    talk.respond(output_modalities=["text"])
    talk.say("conversation.item.create", item=user_text("x"), previous_item_id="root")
    talk.say("conversation.item.create", item={"type": "function_call_output", "call_id": "c", "output": "1"})
    talk.append(tone(1.0))
    talk.append(bytes(48_000))
    talk.say("conversation.item.retrieve", item_id=talk.order()[-1])
    talk.manual()
    talk.commit()
    talk.commit(seconds=6.0)
    talk.update(audio={"input": {"transcription": None, "noise_reduction": None}}, include=None)
    talk.commit()
    talk.say("input_audio_buffer.clear")
    talk.say("nope")
    return talk.session.sent


def mcp() -> list[Event]:
    """Listings, calls and approvals, good and bad."""
    script = parse_script(
        b"""
        [[mcp]]
        label = "broken"
        fail = "unreachable"
        [[mcp]]
        label = "free"
        tools = [{ name = "go", description = "Goes." }]
        [[step]]
        do = [
          { mcp = "free", tool = "go", output = "left" },
          { mcp = "free", tool = "go", error = { type = "http_error", code = 500, message = "no" } },
          { mcp = "asks", tool = "echo", arguments = { text = "x" } },
        ]
        """,
        kind="toml",
    )
    talk = Talk(scenario=script)
    talk.manual(output_modalities=["text"])
    servers = [
        {"type": "mcp", "server_label": label, "server_url": "https://x.test", "require_approval": rule}
        for label, rule in (("broken", "never"), ("free", "never"), ("asks", "always"))
    ]
    talk.say("session.update", session={"type": "realtime", "tools": servers})
    talk.respond()
    request_id = talk.order()[-1]
    item = {"type": "mcp_approval_response", "id": "a", "approval_request_id": request_id, "approve": True}
    talk.say("conversation.item.create", item=item)
    return talk.session.sent


def listening() -> list[Event]:
    """An idle turn; speakers told apart, in a transcription session."""
    talk = Talk()
    talk.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
    talk.respond()
    talk.wait(20.0)
    segment = Segment("Hi.", "A", 0.0, 0.5)
    diarizing = Talk(kind="transcription", scenario=DefaultScenario([Spoken("Hi.", (segment,))]))
    model = {"model": "gpt-4o-transcribe-diarize"}
    diarizing.update(audio={"input": {"turn_detection": None, "transcription": model}})
    diarizing.commit()
    return [*talk.session.sent, *diarizing.session.sent]


def sideband() -> list[Event]:
    """A response, and one that is interrupted; a key of the phone."""
    talk = Talk(call_id="rtc_1", speed=1.0)
    talk.respond()
    talk.wait(1.0)
    talk.append(tone(0.2))
    talk.respond(output_modalities=["audio"], conversation="none")
    talk.wait(60.0)
    talk.session.press("1", talk.now)
    return talk.session.sent


def translation() -> list[Event]:
    """A sentence, from the greeting to the end."""
    session = TranslationSession(speed=math.inf)
    session.connected(0.0)
    transcription = {"input": {"transcription": {"model": "gpt-realtime-whisper"}}}
    for event in (
        {"type": "session.update", "session": {"audio": transcription}},
        {
            "type": "session.input_audio_buffer.append",
            "audio": b64(np.concatenate([tone(1.0), tone(1.0) * 0])),
        },
        {"type": "nope"},
        {"type": "session.close"},
    ):
        session.receive_message(orjson.dumps(event), 0.0)
    return session.sent


def judged(events: list[Event], union: str) -> tuple[set[str], list[object]]:
    """Which listed nulls were met, and what is wrong besides."""
    from jsonschema import Draft202012Validator

    definitions: dict[str, Any] = json.loads(pathlib.Path(SPEC).read_text())["$defs"]
    by_type = {}
    for reference in definitions[union]["anyOf" if "anyOf" in definitions[union] else "oneOf"]:
        name = reference["$ref"].rpartition("/")[2]
        kind = definitions[name]["properties"]["type"]
        by_type[kind["const"] if "const" in kind else kind["enum"][0]] = name
    by_type.setdefault("error", "RealtimeServerEventError")
    found: set[str] = set()
    problems: list[object] = []
    for event in copy.deepcopy(events):
        found |= {path for path in NULLS if without_null(event, path)}
        schema = {"$ref": f"#/$defs/{by_type[event['type']]}", "$defs": definitions}
        for error in Draft202012Validator(schema).iter_errors(event):
            problems.append((event["type"], list(error.absolute_path), error.message[:300]))
    return found, problems


def test_events_validate_but_for_listed_nulls() -> None:
    """Every kind of event there is, and every listed null is real."""
    definitions: dict[str, Any] = json.loads(pathlib.Path(SPEC).read_text())["$defs"]
    union = definitions["RealtimeServerEvent"]["anyOf"]
    names = [reference["$ref"].rpartition("/")[2] for reference in union]
    types = {definitions[name]["properties"]["type"]["enum"][0] for name in names}
    events = [*everything(), *mcp(), *listening(), *sideband()]
    found, problems = judged(events, "RealtimeServerEvent")
    assert problems == []
    assert found == set(NULLS)
    assert {event["type"] for event in events} == types - NOT_SIMULATED


def test_translation_events_validate() -> None:
    """The other dialect: every event of it, but for nulls of the session."""
    events = translation()
    _, problems = judged(events, "RealtimeTranslationServerEvent")
    assert problems == []
    assert {event["type"] for event in events} == {
        "error",
        "session.created",
        "session.updated",
        "session.closed",
        "session.input_transcript.delta",
        "session.output_transcript.delta",
        "session.output_audio.delta",
    }


# Never emitted on a GA connection (observed): they are left from the beta.
NOT_SIMULATED = {"conversation.created", "conversation.item.created"}

"""Every event the simulator emits, against the official JSON Schemas, if they are at hand.

The bundle is not part of this repository: set `REALTIME_SPEC` to its path.
"""

from __future__ import annotations

import copy
import json
import os
import pathlib
from typing import Any

import pytest

from realtime_raw.loopback.default_scenario import DefaultScenario
from realtime_raw.loopback.scenario import Call, Failure, Reply, Say, Spoken, Turn
from realtime_raw.loopback.sound import Heard
from tests.loopback.driver import Event, Talk, tone, user_text

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


def test_events_validate_but_for_listed_nulls() -> None:
    """Every kind of event there is, and every listed null is real."""
    from jsonschema import Draft202012Validator

    definitions: dict[str, Any] = json.loads(pathlib.Path(SPEC).read_text())["$defs"]
    by_type = {}
    for reference in definitions["RealtimeServerEvent"]["anyOf"]:
        name = reference["$ref"].rpartition("/")[2]
        by_type[definitions[name]["properties"]["type"]["enum"][0]] = name
    found, problems = set(), []
    events = everything()
    for event in copy.deepcopy(events):
        found |= {path for path in NULLS if without_null(event, path)}
        schema = {"$ref": f"#/$defs/{by_type[event['type']]}", "$defs": definitions}
        for error in Draft202012Validator(schema).iter_errors(event):
            problems.append((event["type"], list(error.absolute_path), error.message[:300]))
    assert problems == []
    assert found == set(NULLS)
    assert {event["type"] for event in events} == set(by_type) - NOT_SIMULATED


# In the union, and nothing this version of the simulator says.
NOT_SIMULATED = {
    "conversation.created",
    "conversation.item.created",
    "conversation.item.input_audio_transcription.segment",
    "input_audio_buffer.dtmf_event_received",
    "input_audio_buffer.timeout_triggered",
    "mcp_list_tools.completed",
    "mcp_list_tools.failed",
    "mcp_list_tools.in_progress",
    "output_audio_buffer.cleared",
    "output_audio_buffer.started",
    "output_audio_buffer.stopped",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
    "response.mcp_call.in_progress",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
}

"""Beta names: each is refused with its GA spelling, however it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

import realtime_raw.events as ev
from realtime_raw import codec
from realtime_raw.errors import InvalidCommand, Problem
from realtime_raw.events.retired import ALIASES, RETIRED, event_hint, ga_event, ga_hint

PCM = 'in GA this is session.audio.input.format: {"type": "audio/pcm", "rate": 24000}'
SESSION = {
    "modalities": (
        ["audio", "text"],
        'in GA this is session.output_modalities: ["audio"] or ["text"], never both'
        " (audio always comes with its transcript)",
    ),
    "voice": ("alloy", "in GA this is session.audio.output.voice"),
    "speed": (1.0, "in GA this is session.audio.output.speed"),
    "input_audio_format": ("pcm16", PCM),
    "output_audio_format": ("g711_ulaw", 'in GA this is session.audio.output.format: {"type": "audio/pcmu"}'),
    "input_audio_transcription": (
        {"model": "whisper-1"},
        "in GA this is session.audio.input.transcription",
    ),
    "input_audio_noise_reduction": (None, "in GA this is session.audio.input.noise_reduction"),
    "turn_detection": ({"type": "server_vad"}, "in GA this is session.audio.input.turn_detection"),
    "max_response_output_tokens": (100, "in GA this is session.max_output_tokens"),
    "temperature": (0.8, "temperature was removed in GA; leave it out"),
    "client_secret": ({"value": "ek_1"}, "secrets come from POST /v1/realtime/client_secrets"),
}
RESPONSE = {
    "modalities": (
        ["text"],
        'in GA this is response.output_modalities: ["audio"] or ["text"], never both'
        " (audio always comes with its transcript)",
    ),
    "voice": ("alloy", "in GA this is response.audio.output.voice"),
    "output_audio_format": (
        "pcm16",
        'in GA this is response.audio.output.format: {"type": "audio/pcm", "rate": 24000}',
    ),
    "max_response_output_tokens": ("inf", "in GA this is response.max_output_tokens"),
    "temperature": (0.8, "temperature was removed in GA; leave it out"),
    "speed": (1.2, "in GA this is session.audio.output.speed (a setting of the session)"),
}


def refused(build: Callable[[], object]) -> Problem:
    with pytest.raises(InvalidCommand) as caught:
        build()
    (problem,) = caught.value.problems
    assert problem.hint is None or problem.hint in str(caught.value)
    return problem


def by_wire(message: dict[str, Any]) -> Problem:
    return refused(lambda: codec.decode_client(orjson.dumps(message)))


@pytest.mark.parametrize("name", SESSION)
def test_a_field_of_the_session(name: str) -> None:
    value, hint = SESSION[name]
    fields: Any = {name: value}
    session: Any = {"type": "realtime", **fields}
    found = [
        (refused(lambda: ev.RealtimeSessionConfig(**fields)), name),
        (refused(lambda: ev.TranscriptionSessionConfig(**fields)), name),
        (refused(lambda: ev.SessionUpdate(session=session)), f"session.{name}"),
        (by_wire({"type": "session.update", "session": session}), f"session.{name}"),
    ]
    for problem, path in found:
        assert problem == Problem(path, "unknown parameter", hint=hint)


@pytest.mark.parametrize("name", RESPONSE)
def test_a_field_of_a_response(name: str) -> None:
    value, hint = RESPONSE[name]
    fields: Any = {name: value}
    found = [
        (refused(lambda: ev.ResponseConfig(**fields)), name),
        (refused(lambda: ev.ResponseCreate(response=fields)), f"response.{name}"),
        (by_wire({"type": "response.create", "response": fields}), f"response.{name}"),
    ]
    for problem, path in found:
        assert problem == Problem(path, "unknown parameter", hint=hint)


def session_wire(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def audio_wire(**fields: Any) -> dict[str, Any]:
    return session_wire(audio={"input": fields})


def item_wire(role: str, part: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "message", "role": role, "content": [part]}
    return {"type": "conversation.item.create", "item": item}


@pytest.mark.parametrize(
    ("message", "path", "hint"),
    [
        (
            {"type": "session.update", "session": {"instructions": "x"}},
            "session.type",
            'every update names its kind, "realtime" or "transcription"',
        ),
        (
            session_wire(turn_detection={"type": "none"}),
            "session.turn_detection",
            "in GA this is session.audio.input.turn_detection: null",
        ),
        (
            audio_wire(turn_detection={"type": "none"}),
            "session.audio.input.turn_detection.type",
            "in GA manual turns are turn_detection: null",
        ),
        (audio_wire(turn_detection=False), "session.audio.input.turn_detection", "null means manual turns"),
        (
            audio_wire(format="g711_alaw"),
            "session.audio.input.format",
            'in GA a format is an object: {"type": "audio/pcma"}',
        ),
        (
            session_wire(output_modalities=["text", "audio"]),
            "session.output_modalities",
            'one of ["audio"] and ["text"]: audio always comes with its transcript',
        ),
        (
            session_wire(tools=[{"type": "function", "name": "f", "strict": True}]),
            "session.tools[0].strict",
            "the Realtime API has no strict; leave it out",
        ),
        (
            item_wire("assistant", {"type": "text", "text": "x"}),
            "item.content[0].type",
            "in GA this is output_text (input_text in user and system messages)",
        ),
        (
            item_wire("assistant", {"type": "audio", "transcript": "x"}),
            "item.content[0].type",
            "in GA this is output_audio (only the server sends it; input_audio in user messages)",
        ),
        (
            item_wire("assistant", {"type": "output_audio", "transcript": "x"}),
            "item.content[0].type",
            "a client cannot create assistant audio; give its transcript as output_text",
        ),
        (item_wire("user", {"type": "input_video"}), "item.content[0].type", None),
        (
            {"type": "conversation.item.create", "item": {"type": "item_reference", "id": "x"}},
            "item.type",
            "references are legal in the input of response.create only",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "user", "content": [], "object": "item"},
            },
            "item.object",
            'GA servers send no "object": "realtime.item"; leave it out',
        ),
        (
            {"type": "response.create", "response": {"audio": {"output": {"speed": 1.2}}}},
            "response.audio.output.speed",
            "in GA this is session.audio.output.speed (a setting of the session)",
        ),
        (
            {"type": "transcription_session.update", "session": {}},
            "type",
            'in GA this is session.update (with session.type "transcription")',
        ),
        ({"type": "response.createe"}, "type", None),
        (session_wire(voice_speed=1), "session.voice_speed", None),
    ],
)
def test_a_place_or_value_of_the_beta(message: dict[str, Any], path: str, hint: str | None) -> None:
    problem = by_wire(message)
    assert (problem.path, problem.hint) == (path, hint)


def test_a_nested_function_tool() -> None:
    tool: Any = {"type": "function", "function": {"name": "f", "parameters": {}}}
    hint = 'in GA this is {"type": "function", "name": ..., "parameters": ...} (flat, nothing nested)'
    for build, prefix in (
        (lambda: ev.RealtimeSessionConfig(tools=[tool]), "tools[0]"),
        (lambda: ev.RealtimeSessionConfig(tool_choice=tool), "tool_choice"),
        (lambda: ev.ResponseConfig(tools=[tool]), "tools[0]"),
        (lambda: ev.FunctionTool(**tool), ""),
    ):
        with pytest.raises(InvalidCommand) as caught:
            build()
        hints = {problem.path: problem.hint for problem in caught.value.problems}
        assert hints[f"{prefix}.function".removeprefix(".")] == hint


def test_hints_when_a_part_is_built_alone() -> None:
    fields: Any = {"format": "pcm16"}
    for cls in (ev.AudioInputConfig, ev.AudioOutputConfig, ev.ResponseAudioOutput):
        assert refused(lambda cls=cls: cls(**fields)).hint == (  # type: ignore[misc]
            'in GA a format is an object: {"type": "audio/pcm", "rate": 24000}'
        )
    off: Any = {"turn_detection": {"type": "none"}}
    assert refused(lambda: ev.AudioInputConfig(**off)).hint == "in GA manual turns are turn_detection: null"
    part: Any = {"content": [{"type": "text", "text": "x"}]}
    assert refused(lambda: ev.NewAssistantMessage(**part)).hint is not None
    assert ga_hint("Elsewhere", "voice", "alloy") is None


def test_events_of_the_beta() -> None:
    assert ga_event("response.audio.delta") == "response.output_audio.delta"
    assert ga_event("conversation.item.created") == "conversation.item.added"
    assert ga_event("conversation.created") is None
    assert ga_event("response.done") is None
    assert event_hint("conversation.created") == "GA servers do not send it"
    assert event_hint("response.cancelled") == 'in GA this is response.done (with status "cancelled")'
    assert event_hint("response.done") is None


def test_the_table_is_whole() -> None:
    """Each row says what to do, once; events lead to events."""
    places = [(row.where, row.old) for row in RETIRED]
    assert len(places) == len(set(places))
    for row in RETIRED:
        assert row.new or row.note, row
        assert row.hint
        if row.where == "event" and row.new is not None:
            assert row.new in ev.REALTIME.server or row.new in ev.REALTIME.client, row
    assert {row.old for row in RETIRED if row.where == "session"} == set(SESSION)
    assert {row.old for row in RETIRED if row.where == "response"} == set(RESPONSE)
    assert ALIASES.items() <= {(row.old, row.new) for row in RETIRED if row.where == "event"}
    assert {row.old for row in RETIRED if row.where == "connection"} == {
        "OpenAI-Beta: realtime=v1",
        "openai-beta.realtime-v1",
        "POST /v1/realtime/sessions",
        "POST /v1/realtime/transcription_sessions",
        "POST /v1/realtime",
        "/openai/realtime?api-version=&deployment=",
    }


def test_what_never_had_a_beta_gets_no_hint() -> None:
    """A translation session has no voice to set, so no place for it is named."""
    session: Any = {"voice": "alloy"}
    assert refused(lambda: ev.translation.SessionUpdate(session=session)).hint is None
    assert refused(lambda: ev.translation.TranslationSessionConfig(**session)).hint is None

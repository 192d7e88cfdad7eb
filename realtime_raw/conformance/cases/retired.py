"""Retired: names of the beta, which a GA server neither says nor takes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ..case import Case, Certainty, Level, case
from ..collecting import attempt, begin, cancel, check_error, inside, objects, refusal_of, say, speak
from ..probe import Probe
from ..seen import ResponseSeen, item_of

_case = partial(case, family="retired", tokens=0, seconds=0.5)
_spoken = partial(
    _case, needs=("audio_out",), tokens=120, seconds=2.5, sends="response.create for one spoken word"
)
_written = partial(
    _case, needs=("text_out",), tokens=60, seconds=1.5, sends="response.create for one written word"
)
_GA = "Realtime guide, beta to GA migration"


# --- what the server says -----------------------------------------------------------------


def _none_of(probe: Probe, old: str, new: str) -> None:
    """No event of the old name has come."""
    found = next((e for e in probe.events if e["type"].startswith(old)), None)
    kind = found["type"] if found is not None else ""
    probe.check(found is None, f"{kind} is a name of the beta; in GA it is {new}", found, "type")


def _has(probe: Probe, seen: ResponseSeen, kind: str) -> None:
    """An event of that type has come in the response."""
    probe.check(seen.of(kind), f"{kind} did not come", seen.done)


@_written(
    "RT-RETD-001",
    "Text comes as response.output_text",
    level="must",
    certainty="documented",
    rule="Text deltas are `response.output_text.delta`; `response.text.delta` was the beta's.",
    source=f"{_GA}; API reference, response.output_text.delta",
    expects="response.output_text.delta, no response.text.*",
)
async def text_names(probe: Probe) -> None:
    """By its GA name alone."""
    seen = await say(probe)
    _none_of(probe, "response.text.", "response.output_text.*")
    _has(probe, seen, "response.output_text.delta")


@_spoken(
    "RT-RETD-002",
    "Audio comes as response.output_audio",
    level="must",
    certainty="documented",
    rule="Audio deltas are `response.output_audio.delta`; `response.audio.delta` was the beta's.",
    source=f"{_GA}; API reference, response.output_audio.delta",
    expects="response.output_audio.delta, no response.audio.*",
)
async def audio_names(probe: Probe) -> None:
    """By its GA name alone."""
    seen = await speak(probe)
    _none_of(probe, "response.audio.", "response.output_audio.*")
    _has(probe, seen, "response.output_audio.delta")


@_spoken(
    "RT-RETD-003",
    "Transcripts come as response.output_audio_transcript",
    level="must",
    certainty="documented",
    rule="Transcripts are `response.output_audio_transcript.*`; `response.audio_transcript.*` was beta.",
    source=f"{_GA}; API reference, response.output_audio_transcript.delta",
    expects="response.output_audio_transcript.delta, no response.audio_transcript.*",
)
async def transcript_names(probe: Probe) -> None:
    """By its GA name alone."""
    seen = await speak(probe)
    _none_of(probe, "response.audio_transcript.", "response.output_audio_transcript.*")
    _has(probe, seen, "response.output_audio_transcript.delta")


@_case(
    "RT-RETD-004",
    "Items are added and done, not created",
    level="must",
    certainty="documented",
    rule="`conversation.item.added` and `.done` tell a new item; `conversation.item.created` was the beta's.",
    source=f"{_GA}; API reference, conversation.item.added",
    sends="a user message",
    expects="conversation.item.added and conversation.item.done",
    needs=("text_in",),
)
async def item_names(probe: Probe) -> None:
    """Two events for its two moments."""
    item = await probe.user_text("Hello")
    kinds = [e["type"] for e in probe.events if item_of(e) == item["id"]]
    for kind in ("conversation.item.added", "conversation.item.done"):
        message = f"{kind} did not come for a new item; what came: {', '.join(kinds)}"
        probe.check(kind in kinds, message, probe.events[-1])


@_case(
    "RT-RETD-005",
    "Events of the beta do not come beside those of GA",
    level="should",
    certainty="recorded",
    rule="GA servers do not send `conversation.created`, nor `conversation.item.created` beside `.added`.",
    source="recorded sessions of the live API",
    sends="a user message",
    expects="no conversation.created, no conversation.item.created",
    needs=("text_in",),
)
async def no_created(probe: Probe) -> None:
    """Clients that know both would count twice."""
    await probe.user_text("Hello")
    _none_of(probe, "conversation.created", "not sent")
    _none_of(probe, "conversation.item.created", "conversation.item.added")


@_written(
    "RT-RETD-006",
    "Written content is output_text",
    level="must",
    certainty="documented",
    rule="A part of the assistant's written message is of type `output_text`; `text` was the beta's.",
    source=f"{_GA}; API reference, the Item object",
    expects="content[0].type output_text",
)
async def text_part(probe: Probe) -> None:
    """In items, that is."""
    _part(probe, await say(probe), "output_text")


@_spoken(
    "RT-RETD-007",
    "Spoken content is output_audio",
    level="must",
    certainty="documented",
    rule="A part of the assistant's spoken message is of type `output_audio`; `audio` was the beta's.",
    source=f"{_GA}; API reference, the Item object",
    expects="content[0].type output_audio",
)
async def audio_part(probe: Probe) -> None:
    """In items, that is."""
    _part(probe, await speak(probe), "output_audio")


def _part(probe: Probe, seen: ResponseSeen, wanted: str) -> None:
    """The parts of the finished items are of type `wanted`."""
    for event in seen.of("response.output_item.done"):
        for part in objects(inside(event, "item").get("content")):
            found = part.get("type")
            message = f"the part's type is {found!r}, not {wanted!r}"
            probe.check(found == wanted, message, event, "item.content[0].type")


@_written(
    "RT-RETD-008",
    "Items on the wire carry no object",
    level="may",
    certainty="recorded",
    rule="Items of GA servers have no `object`; `realtime.item` was the beta's.",
    source="recorded sessions of the live API",
    expects="items without object",
)
async def no_object(probe: Probe) -> None:
    """The type says it all."""
    seen = await say(probe)
    found = next((e for e in seen.of("response.output_item.done") if "object" in inside(e, "item")), None)
    probe.check(found is None, "an item has an `object`", found, "item.object")


@_written(
    "RT-RETD-009",
    "A cancelled response is done, not cancelled",
    level="must",
    certainty="documented",
    rule="The end of a cancelled response is `response.done`; there is no `response.cancelled`.",
    source="API reference, response.cancel",
    sends="response.create for a long text, and response.cancel",
    expects="response.done, no response.cancelled",
    tokens=150,
)
async def no_cancelled(probe: Probe) -> None:
    """A name from old guides."""
    await cancel(probe, await begin(probe))
    _none_of(probe, "response.cancelled", "response.done with status cancelled")


@_case(
    "RT-RETD-010",
    "The session has the shape of GA",
    level="must",
    certainty="documented",
    rule="The session has `output_modalities` and `audio`; `modalities`, `voice` and such were the beta's.",
    source=f"{_GA}; API reference, session.created",
    sends="nothing",
    expects="session.created with output_modalities and audio, without the beta's fields",
)
async def session_shape(probe: Probe) -> None:
    """What is shown is what can be set."""
    created, session = probe.events[0], probe.confirmed
    for name in ("output_modalities", "audio"):
        probe.check(name in session, f"the session has no {name}", created, f"session.{name}")
    old = [name for name in _SESSION_FIELDS if name in session]
    message = f"the session has fields of the beta: {', '.join(old)}"
    probe.check(not old, message, created, f"session.{old[0]}" if old else "")


_SESSION_FIELDS = (
    "modalities",
    "voice",
    "input_audio_format",
    "output_audio_format",
    "input_audio_transcription",
    "turn_detection",
    "max_response_output_tokens",
    "temperature",
)


# --- what the server takes ----------------------------------------------------------------


def _refused(
    case_id: str,
    what: str,
    message: Mapping[str, Any],
    *,
    new: str,
    level: Level = "should",
    certainty: Certainty = "observed",
    source: str = "observed on the live API",
    **wanted: Any,
) -> Case:
    """A case: something of the beta is refused, and `new` is what GA has in its place."""
    fields = ", ".join(f"{name} {value}" for name, value in wanted.items())

    @_case(
        case_id,
        f"The beta's {what} is refused",
        level=level,
        certainty=certainty,
        rule=f"The beta's {what} is refused{f' ({fields})' if fields else ''}; in GA it is {new}.",
        source=f"{source}; {_GA}",
        sends=f"the beta's {what}, then a session.update of GA",
        expects=f"one error{f' with {fields}' if fields else ''}, then session.updated",
    )
    async def run(probe: Probe) -> None:
        error = await refusal_of(probe, message, f"the beta's {what}")
        check_error(probe, error, **wanted)

    return run


def _update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def _field(case_id: str, name: str, value: Any, new: str) -> Case:
    """A field of the beta's session."""
    return _refused(
        case_id,
        f"session.{name}",
        _update(**{name: value}),
        new=new,
        code="unknown_parameter",
        param=f"session.{name}",
    )


modalities = _field("RT-RETD-020", "modalities", ["text"], "session.output_modalities")
voice = _field("RT-RETD-021", "voice", "alloy", "session.audio.output.voice")
input_format = _field("RT-RETD-022", "input_audio_format", "pcm16", "session.audio.input.format")
output_format = _field("RT-RETD-023", "output_audio_format", "pcm16", "session.audio.output.format")
transcription = _field(
    "RT-RETD-024", "input_audio_transcription", {"model": "whisper-1"}, "session.audio.input.transcription"
)
turn_detection = _field("RT-RETD-025", "turn_detection", None, "session.audio.input.turn_detection")
max_tokens = _field("RT-RETD-026", "max_response_output_tokens", 100, "session.max_output_tokens")
temperature = _field("RT-RETD-027", "temperature", 0.8, "gone")

no_session_type = _refused(
    "RT-RETD-028",
    "session without a type",
    {"type": "session.update", "session": {"instructions": "Be brief."}},
    new='session.type, "realtime" or "transcription"',
    code="missing_required_parameter",
    param="session.type",
)
format_string = _refused(
    "RT-RETD-029",
    "format as a string",
    _update(audio={"input": {"format": "pcm16"}}),
    new='an object, {"type": "audio/pcm", "rate": 24000}',
    certainty="documented",
    source="API reference, session.update (formats are objects)",
)
detection_none = _refused(
    "RT-RETD-030",
    'turn_detection {"type": "none"}',
    _update(audio={"input": {"turn_detection": {"type": "none"}}}),
    new="turn_detection null",
    certainty="documented",
    source="API reference, turn_detection (server_vad and semantic_vad)",
)
both_modalities = _refused(
    "RT-RETD-031",
    "text and audio at once",
    _update(output_modalities=["text", "audio"]),
    new='["audio"] (which has a transcript) or ["text"]',
    level="must",
    certainty="documented",
    source="API reference, output_modalities",
)
nested_tool = _refused(
    "RT-RETD-032",
    "tool nested in `function`",
    _update(tools=[{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]),
    new="flat: type, name, description, parameters",
    certainty="inferred",
    source="API reference, the function tool",
)
response_modalities = _refused(
    "RT-RETD-033",
    "response.modalities",
    {"type": "response.create", "response": {"modalities": ["text"]}},
    new="response.output_modalities",
    certainty="inferred",
    source="API reference, response.create",
    param="response.modalities",
)
response_temperature = _refused(
    "RT-RETD-034",
    "response.temperature",
    {"type": "response.create", "response": {"temperature": 0.8}},
    new="gone",
    certainty="inferred",
    source="API reference, response.create",
    param="response.temperature",
)
transcription_update = _refused(
    "RT-RETD-035",
    "transcription_session.update",
    {"type": "transcription_session.update", "session": {}},
    new='session.update with type "transcription"',
    level="may",
)


def _message(role: str, kind: str) -> dict[str, Any]:
    item = {"type": "message", "role": role, "content": [{"type": kind, "text": "Hello"}]}
    return {"type": "conversation.item.create", "item": item}


user_text = _refused(
    "RT-RETD-036", "content part `text` of the user", _message("user", "text"), new="input_text"
)
assistant_text = _refused(
    "RT-RETD-037", "content part `text` of the assistant", _message("assistant", "text"), new="output_text"
)
item_reference = _refused(
    "RT-RETD-038",
    "item_reference as an item",
    {"type": "conversation.item.create", "item": {"type": "item_reference", "id": "item_c_nowhere"}},
    new="legal in the `input` of response.create only",
    certainty="inferred",
    source="API reference, conversation.item.create",
)


@_case(
    "RT-RETD-040",
    "An update with a field of the beta changes nothing",
    level="should",
    certainty="observed",
    rule="An update that is refused for a field of the beta is refused as a whole.",
    source=f"observed on the live API; {_GA}",
    sends="session.update with instructions and `modalities`, then one of nothing",
    expects="the instructions as before",
)
async def all_or_nothing(probe: Probe) -> None:
    """No half of it is in force."""
    before = await probe.session(instructions="Be brief.")
    await attempt(probe, "session.update", **_both())
    answer = await probe.maybe("error", "session.updated", within=10.0)
    after = await probe.session()
    found = after.get("instructions")
    refused = answer is not None and answer["type"] == "error"
    message = f"the refused update has changed the instructions to {found!r}"
    kept = found == before.get("instructions")
    probe.check(not refused or kept, message, probe.events[-1], "session.instructions")


def _both() -> dict[str, Any]:
    """An update half GA and half beta."""
    return {"session": {"type": "realtime", "instructions": "Be verbose.", "modalities": ["text"]}}

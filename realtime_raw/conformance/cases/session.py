"""Session and patch: what `session.update` changes, what it leaves alone, and what it refuses."""

from __future__ import annotations

from typing import Any

from ..case import Case, Level, case
from ..case import Certainty as Known
from ..probe import Probe

_UPDATE = "API reference, session.update"
_OBSERVED = "errors reported of the live API"
_MISSING = object()


def at(session: dict[str, Any], path: str) -> Any:
    """What a session has at a dotted path; a mark of its own if there is no such place."""
    node: Any = session
    for name in path.split("."):
        if not isinstance(node, dict) or name not in node:
            return _MISSING
        node = node[name]
    return node


def shows(probe: Probe, path: str, value: object) -> None:
    """Check that the newest session shown has `value` at `path`."""
    found = at(probe.confirmed, path)
    words = "missing" if found is _MISSING else repr(found)
    updated = next(e for e in reversed(probe.events) if e.get("session") is probe.confirmed)
    probe.check(found == value, f"session.{path} is {words}, not {value!r}", updated, f"session.{path}")


# --- what is told is shown ------------------------------------------------------------------


def _shown(
    number: int,
    title: str,
    rule: str,
    changes: dict[str, Any],
    path: str,
    *,
    level: Level = "must",
    certainty: Known = "documented",
    needs: tuple[str, ...] = (),
) -> Case:
    """A case: `changes` are accepted, and the session shows them at `path`."""
    value = at(changes, path)

    async def run(probe: Probe) -> None:
        await probe.session(**changes)
        shows(probe, path, value)

    return case(
        f"RT-SESS-{number:03d}",
        title,
        family="session",
        level=level,
        rule=rule,
        source=_UPDATE,
        certainty=certainty,
        sends=f"a session.update of {path}",
        expects=f"session.updated whose {path} is what was sent",
        needs=needs,
    )(run)


def _listening(**changes: Any) -> dict[str, Any]:
    return {"audio": {"input": changes}}


_LOOK = {
    "type": "function",
    "name": "look",
    "description": "Looks.",
    "parameters": {"type": "object", "properties": {}},
}

SHOWN = (
    _shown(
        2,
        "Turn detection can be turned off",
        "`turn_detection: null` turns turn detection off, and is shown as null.",
        _listening(turn_detection=None),
        "audio.input.turn_detection",
        needs=("manual",),
    ),
    _shown(
        3,
        "The threshold of turn detection is taken",
        "`turn_detection.threshold` of server_vad is shown as it was set.",
        _listening(turn_detection={"type": "server_vad", "threshold": 0.75}),
        "audio.input.turn_detection.threshold",
        needs=("vad",),
    ),
    _shown(
        4,
        "The silence that ends a turn is taken",
        "`turn_detection.silence_duration_ms` of server_vad is shown as it was set.",
        _listening(turn_detection={"type": "server_vad", "silence_duration_ms": 700}),
        "audio.input.turn_detection.silence_duration_ms",
        needs=("vad",),
    ),
    _shown(
        5,
        "Automatic responses can be turned off",
        "`turn_detection.create_response: false` is shown as it was set.",
        _listening(turn_detection={"type": "server_vad", "create_response": False}),
        "audio.input.turn_detection.create_response",
        needs=("vad",),
    ),
    _shown(
        6,
        "Automatic interruption can be turned off",
        "`turn_detection.interrupt_response: false` is shown as it was set.",
        _listening(turn_detection={"type": "server_vad", "interrupt_response": False}),
        "audio.input.turn_detection.interrupt_response",
        needs=("vad",),
        level="should",
    ),
    _shown(
        7,
        "Semantic turn detection takes its eagerness",
        "`turn_detection` of type semantic_vad is shown with its `eagerness`.",
        _listening(turn_detection={"type": "semantic_vad", "eagerness": "low"}),
        "audio.input.turn_detection.eagerness",
        needs=("semantic_vad",),
    ),
    _shown(
        8,
        "The idle timeout is taken",
        "`turn_detection.idle_timeout_ms` of server_vad is shown as it was set.",
        _listening(turn_detection={"type": "server_vad", "idle_timeout_ms": 6000}),
        "audio.input.turn_detection.idle_timeout_ms",
        needs=("vad",),
        level="may",
    ),
    _shown(
        9,
        "Input transcription is shown with its model",
        "`audio.input.transcription` is shown with the model that was set.",
        _listening(transcription={"model": "whisper-1"}),
        "audio.input.transcription.model",
        needs=("transcription",),
    ),
    _shown(
        10,
        "Input transcription is shown with its language",
        "`audio.input.transcription.language` is shown as it was set.",
        _listening(transcription={"model": "whisper-1", "language": "en"}),
        "audio.input.transcription.language",
        needs=("transcription",),
        level="should",
    ),
    _shown(
        11,
        "Noise reduction is shown with its type",
        "`audio.input.noise_reduction.type` is shown as it was set.",
        _listening(noise_reduction={"type": "far_field"}),
        "audio.input.noise_reduction.type",
        needs=("noise_reduction",),
    ),
    _shown(
        12,
        "Tools are shown",
        "`tools` are shown as they were set.",
        {"tools": [_LOOK]},
        "tools",
        needs=("tools",),
    ),
    _shown(
        13,
        "tool_choice is shown",
        "`tool_choice` is shown as it was set.",
        {"tools": [_LOOK], "tool_choice": "required"},
        "tool_choice",
        needs=("tools",),
    ),
    _shown(
        14,
        "tool_choice may name a function",
        "`tool_choice` may be an object that names a function, and is shown as that.",
        {"tools": [_LOOK], "tool_choice": {"type": "function", "name": "look"}},
        "tool_choice",
        needs=("tools",),
        level="should",
    ),
    _shown(
        15,
        "max_output_tokens takes a number",
        "`max_output_tokens` takes a whole number from 1 to 4096, and is shown as it was set.",
        {"max_output_tokens": 512},
        "max_output_tokens",
    ),
    _shown(
        16,
        "Answers can be turned to text",
        '`output_modalities: ["text"]` is accepted and shown.',
        {"output_modalities": ["text"]},
        "output_modalities",
        needs=("text_out",),
    ),
    _shown(
        17,
        "The voice can be chosen",
        "`audio.output.voice` is shown as it was set, as long as nothing was said.",
        {"audio": {"output": {"voice": "cedar"}}},
        "audio.output.voice",
        needs=("audio_out",),
    ),
    _shown(
        18,
        "The speed of the voice is taken",
        "`audio.output.speed` from 0.25 to 1.5 is shown as it was set.",
        {"audio": {"output": {"speed": 1.25}}},
        "audio.output.speed",
        needs=("audio_out",),
        level="should",
    ),
    _shown(
        19,
        "Truncation can be disabled",
        '`truncation: "disabled"` is shown as it was set.',
        {"truncation": "disabled"},
        "truncation",
        level="should",
    ),
    _shown(
        20,
        "Truncation takes a retention ratio",
        "`truncation` takes an object with a `retention_ratio`, and is shown as that.",
        {"truncation": {"type": "retention_ratio", "retention_ratio": 0.5}},
        "truncation.retention_ratio",
        level="should",
    ),
    _shown(
        21,
        "Log probabilities can be included",
        "`include` takes `item.input_audio_transcription.logprobs`, and shows it.",
        {"include": ["item.input_audio_transcription.logprobs"]},
        "include",
        needs=("transcription",),
        level="should",
    ),
    _shown(
        22,
        "Tracing can be turned on",
        '`tracing: "auto"` is accepted and shown.',
        {"tracing": "auto"},
        "tracing",
        level="may",
    ),
)


# --- what is confirmed, and what is left alone ------------------------------------------------


@case(
    "RT-SESS-001",
    "An update is confirmed with the whole session",
    family="session",
    level="must",
    rule="An accepted `session.update` is answered by `session.updated` with the full effective session.",
    source=_UPDATE,
    certainty="documented",
    sends="a session.update of the instructions",
    expects="session.updated with the new instructions and the id of session.created",
)
async def update_is_confirmed(probe: Probe) -> None:
    """Confirmed, and whole."""
    before = probe.confirmed
    after = await probe.session(instructions="Answer in one word.")
    updated = probe.events[-1]
    shows(probe, "instructions", "Answer in one word.")
    probe.check("id" in after, "the session that is confirmed has no id", updated, "session.id")
    probe.check(before.get("id") == after.get("id"), "the session's id has changed", updated, "session.id")
    for name in before:
        probe.check(name in after, f"session.updated has no {name}", updated, f"session.{name}")


@case(
    "RT-SESS-023",
    "An update changes only what it names",
    family="session",
    level="must",
    rule="Fields that a `session.update` does not name stay as they were.",
    source=_UPDATE,
    certainty="documented",
    sends="a session.update of the instructions",
    expects="a session that differs from session.created in the instructions alone",
    needs={"greeting"},
)
async def update_is_sparse(probe: Probe) -> None:
    """Nothing else moves."""
    before = probe.confirmed
    after = await probe.session(instructions="Answer in one word.")
    moved = sorted(name for name in before if name != "instructions" and after.get(name) != before[name])
    probe.check(
        not moved, f"{', '.join(moved)} changed, too", probe.events[-1], f"session.{''.join(moved[:1])}"
    )


@case(
    "RT-SESS-024",
    "Nested objects are merged",
    family="session",
    level="must",
    rule="Naming one field of `audio.input` leaves its other fields, and `audio.output`, as they were.",
    source="recorded sessions",
    certainty="recorded",
    sends="turn_detection null, then noise_reduction alone",
    expects="turn_detection still null, and audio.output as before",
    needs={"manual", "noise_reduction"},
)
async def nested_merge(probe: Probe) -> None:
    """Deep, not shallow."""
    before = await probe.manual()
    await probe.session(audio={"input": {"noise_reduction": {"type": "near_field"}}})
    shows(probe, "audio.input.turn_detection", None)
    shows(probe, "audio.output", before["audio"].get("output"))


@case(
    "RT-SESS-025",
    "A partial turn_detection is completed",
    family="session",
    level="should",
    rule="`turn_detection` with some of its fields is shown with all of them.",
    source="recorded sessions",
    certainty="recorded",
    sends="turn_detection of type server_vad with a threshold",
    expects="prefix_padding_ms and silence_duration_ms as numbers beside it",
    needs={"vad"},
)
async def turn_detection_is_completed(probe: Probe) -> None:
    """What is in force is shown."""
    await probe.session(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.6}}})
    for name in ("prefix_padding_ms", "silence_duration_ms"):
        value = at(probe.confirmed, f"audio.input.turn_detection.{name}")
        path = f"session.audio.input.turn_detection.{name}"
        probe.check(isinstance(value, int), f"turn_detection has no {name}", probe.events[-1], path)


@case(
    "RT-SESS-026",
    "null turns transcription off",
    family="session",
    level="must",
    rule="`audio.input.transcription: null` turns input transcription off, and is shown as null.",
    source=_UPDATE,
    certainty="documented",
    sends="transcription on, then null",
    expects="transcription null",
    needs={"transcription"},
)
async def transcription_off(probe: Probe) -> None:
    """null is a value."""
    await probe.session(audio={"input": {"transcription": {"model": "whisper-1"}}})
    await probe.session(audio={"input": {"transcription": None}})
    shows(probe, "audio.input.transcription", None)


@case(
    "RT-SESS-027",
    "An empty list clears the tools",
    family="session",
    level="must",
    rule="`tools: []` takes all tools away.",
    source=_UPDATE,
    certainty="documented",
    sends="a tool, then an empty list",
    expects="no tools",
    needs={"tools"},
)
async def tools_cleared(probe: Probe) -> None:
    """Empty is not absent."""
    await probe.session(tools=[_LOOK])
    await probe.session(tools=[])
    shows(probe, "tools", [])


@case(
    "RT-SESS-028",
    "Empty instructions bring the default ones back",
    family="session",
    level="may",
    rule='`instructions: ""` resets to the instructions that `session.created` showed.',
    source="recorded sessions",
    certainty="recorded",
    sends="instructions, then an empty string",
    expects="the instructions of session.created",
    needs={"greeting"},
)
async def instructions_reset(probe: Probe) -> None:
    """The default, or the empty text itself where a server has no default."""
    first = probe.confirmed.get("instructions") or ""
    await probe.session(instructions="Answer in one word.")
    await probe.session(instructions="")
    shows(probe, "instructions", first)


@case(
    "RT-SESS-029",
    "The last of two updates wins",
    family="session",
    level="must",
    rule="Updates are applied and confirmed in the order in which they were sent.",
    source="API reference: events are processed in order",
    certainty="documented",
    sends="two updates of the instructions at once",
    expects="two session.updated, in order",
)
async def in_order(probe: Probe) -> None:
    """First come, first served."""
    for words in ("One.", "Two."):
        await probe.send("session.update", session={"type": "realtime", "instructions": words})
    for words in ("One.", "Two."):
        updated = await probe.expect("session.updated")
        said = updated["session"].get("instructions")
        probe.check(
            said == words, f"the instructions are {said!r}, not {words!r}", updated, "session.instructions"
        )


@case(
    "RT-SESS-030",
    "max_output_tokens takes inf",
    family="session",
    level="should",
    rule='`max_output_tokens: "inf"` takes the limit away, and is shown as that.',
    source=_UPDATE,
    certainty="documented",
    sends="a number, then inf",
    expects="inf",
)
async def unlimited(probe: Probe) -> None:
    """A word in a number's place."""
    await probe.session(max_output_tokens=100)
    await probe.session(max_output_tokens="inf")
    shows(probe, "max_output_tokens", "inf")


@case(
    "RT-SESS-031",
    "A session keeps its model",
    family="session",
    level="must",
    rule="`session.update` cannot change the model: it is refused, or the model stays.",
    source=_UPDATE,
    certainty="documented",
    sends="a session.update with another model",
    expects="an error, or session.updated with the old model",
    needs={"greeting"},
)
async def model_stays(probe: Probe) -> None:
    """Chosen when connecting."""
    before = probe.confirmed.get("model")
    sent = await probe.send("session.update", session={"type": "realtime", "model": "gpt-realtime-other"})
    answer = await probe.expect("session.updated", "error")
    if answer["type"] == "error":
        return
    after = answer["session"].get("model")
    probe.check(after == before, f"{sent} changed the model to {after!r}", answer, "session.model")


@case(
    "RT-SESS-032",
    "Expiry is not moved by an update",
    family="session",
    level="should",
    rule="`session.expires_at` is the same after an update as before it.",
    source="recorded sessions",
    certainty="recorded",
    sends="a session.update of the instructions",
    expects="the expires_at of session.created",
    needs={"greeting"},
)
async def expiry_stays(probe: Probe) -> None:
    """A session is not prolonged."""
    before = probe.confirmed.get("expires_at")
    await probe.session(instructions="Answer in one word.")
    shows(probe, "expires_at", before)


@case(
    "RT-SESS-033",
    "A session can be changed while it answers",
    family="session",
    level="should",
    rule="`session.update` is accepted while a response is in progress.",
    source=_UPDATE,
    certainty="documented",
    sends="a response, and a session.update at once behind it",
    expects="session.updated, and the response completed",
    needs={"text_out"},
    tokens=150,
    seconds=3.0,
)
async def update_while_answering(probe: Probe) -> None:
    """It counts for the next one."""
    await probe.user_text("Say exactly: one two three four five six seven eight nine ten.")
    await probe.send("response.create", response={"output_modalities": ["text"]})
    await probe.session(instructions="Be brief.")
    shows(probe, "instructions", "Be brief.")
    seen = await probe.collect_response()
    probe.check(seen.status == "completed", f"the response is {seen.status}", seen.done, "response.status")

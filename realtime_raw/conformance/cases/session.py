"""Session and patch: what `session.update` changes, and what it leaves alone."""

from __future__ import annotations

from typing import Any

from ..case import case
from ..probe import Probe

_UPDATE = "API reference, session.update"
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


LOOK = {
    "type": "function",
    "name": "look",
    "description": "Looks.",
    "parameters": {"type": "object", "properties": {}},
}


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
    await probe.session(tools=[LOOK])
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

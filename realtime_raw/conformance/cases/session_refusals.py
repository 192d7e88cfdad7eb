"""Session and patch, continued: what `session.update` refuses, and that a refusal changes nothing."""

from __future__ import annotations

from typing import Any

from ..case import Case, Level, case
from ..probe import Probe
from .session import shows

_OBSERVED = "errors reported of the live API"


def _refused(
    number: int,
    title: str,
    rule: str,
    session: dict[str, Any],
    *,
    code: str | None = None,
    param: str | None = None,
    level: Level = "should",
    needs: tuple[str, ...] = (),
    source: str = _OBSERVED,
) -> Case:
    """A case: this object is refused as a session, with this code and param if they are named."""

    async def run(probe: Probe) -> None:
        sent = await probe.send("session.update", session=session)
        await probe.refused(sent, code=code, param=param)

    named = ", ".join(filter(None, (code and f"code {code}", param and f"param {param}")))
    return case(
        f"RT-SESS-{number:03d}",
        title,
        family="session",
        level=level,
        rule=rule,
        source=source,
        certainty="documented" if source != _OBSERVED else "observed",
        sends=f"a session.update with {', '.join(session) or 'an empty session'}",
        expects=f"error with {named}" if named else "error",
        needs=needs,
    )(run)


REFUSED = (
    _refused(
        40,
        "An update must say its type",
        "`session.type` is required in every `session.update`.",
        {"instructions": "Be brief."},
        code="missing_required_parameter",
        param="session.type",
    ),
    _refused(
        41,
        "An unknown type of session is refused",
        "`session.type` is `realtime` or `transcription`; anything else is refused.",
        {"type": "conformance"},
        code="invalid_value",
        param="session.type",
    ),
    _refused(
        42,
        "A conversation does not become a transcription",
        "A realtime session refuses an update of type `transcription`.",
        {"type": "transcription"},
        code="invalid_parameter",
    ),
    _refused(
        43,
        "An unknown field is refused",
        "A field that a session does not have is refused, and named by its path.",
        {"type": "realtime", "conformance": True},
        code="unknown_parameter",
        param="session.conformance",
    ),
    _refused(
        44,
        "Both modalities at once are refused",
        '`output_modalities` is `["audio"]` or `["text"]`, never both.',
        {"type": "realtime", "output_modalities": ["audio", "text"]},
        code="invalid_value",
        param="session.output_modalities",
    ),
    _refused(
        45,
        "A voice nobody has is refused",
        "`audio.output.voice` is one of the voices there are.",
        {"type": "realtime", "audio": {"output": {"voice": "conformance"}}},
        code="invalid_value",
        param="session.audio.output.voice",
        needs=("audio_out",),
    ),
    _refused(
        46,
        "A speed out of range is refused",
        "`audio.output.speed` is from 0.25 to 1.5.",
        {"type": "realtime", "audio": {"output": {"speed": 2.0}}},
        param="session.audio.output.speed",
        needs=("audio_out",),
        source="API reference, session.update",
    ),
    _refused(
        47,
        "Too many output tokens are refused",
        "`max_output_tokens` is at most 4096.",
        {"type": "realtime", "max_output_tokens": 4097},
        param="session.max_output_tokens",
        source="API reference, session.update",
    ),
    _refused(
        48,
        "A turn detection nobody has is refused",
        "`turn_detection.type` is `server_vad` or `semantic_vad`.",
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "none"}}}},
        code="invalid_value",
        param="session.audio.input.turn_detection.type",
        needs=("vad",),
    ),
    _refused(
        49,
        "An idle timeout out of range is refused",
        "`idle_timeout_ms` is from 5000 to 30000.",
        {
            "type": "realtime",
            "audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 100}}},
        },
        param="session.audio.input.turn_detection.idle_timeout_ms",
        needs=("vad",),
        source="API reference, session.update",
        level="may",
    ),
    _refused(
        50,
        "A tool without a name is refused",
        "A function tool has a `name`.",
        {"type": "realtime", "tools": [{"type": "function", "description": "Looks."}]},
        code="missing_required_parameter",
        param="session.tools[0].name",
        needs=("tools",),
    ),
    _refused(
        51,
        "A value of the wrong kind is refused",
        "A number where a string belongs is refused, and named by its path.",
        {"type": "realtime", "instructions": 1},
        param="session.instructions",
    ),
)


@case(
    "RT-SESS-060",
    "A refused update changes nothing",
    family="session",
    level="must",
    rule="An update with one fault is refused as a whole: none of its other fields take effect.",
    source=_OBSERVED,
    certainty="observed",
    sends="new instructions together with a bad modality, then an empty update",
    expects="an error, then a session with the old instructions",
)
async def all_or_nothing(probe: Probe) -> None:
    """No half of it."""
    await probe.session(instructions="Before.")
    sent = await probe.send(
        "session.update",
        session={"type": "realtime", "instructions": "After.", "output_modalities": ["smell"]},
    )
    await probe.refused(sent)
    await probe.session()
    shows(probe, "instructions", "Before.")


@case(
    "RT-SESS-061",
    "The voice is fixed once it was heard",
    family="session",
    level="should",
    rule="After an answer in speech, another `audio.output.voice` is refused with `cannot_update_voice`.",
    source="API reference, session.update; errors reported of the live API",
    certainty="documented",
    sends="a spoken answer, then another voice",
    expects="error with code cannot_update_voice",
    needs={"audio_out"},
    tokens=200,
    seconds=4.0,
)
async def voice_is_fixed(probe: Probe) -> None:
    """One conversation, one voice."""
    await probe.user_text("Say exactly: hello.")
    await probe.respond(output_modalities=["audio"])
    voice = probe.confirmed.get("audio", {}).get("output", {}).get("voice")
    other = "cedar" if voice != "cedar" else "marin"
    sent = await probe.send(
        "session.update", session={"type": "realtime", "audio": {"output": {"voice": other}}}
    )
    await probe.refused(sent, code="cannot_update_voice")


@case(
    "RT-SESS-062",
    "The same voice may be named again",
    family="session",
    level="may",
    rule="After an answer in speech, an update that names the voice in force is accepted.",
    source="inferred from what is refused",
    certainty="inferred",
    sends="a spoken answer, then the same voice",
    expects="session.updated",
    needs={"audio_out"},
    tokens=200,
    seconds=4.0,
)
async def same_voice(probe: Probe) -> None:
    """Whole sessions are sent by many clients."""
    await probe.session(audio={"output": {"voice": "marin"}})
    await probe.user_text("Say exactly: hello.")
    await probe.respond(output_modalities=["audio"])
    await probe.session(audio={"output": {"voice": "marin"}})
    shows(probe, "audio.output.voice", "marin")

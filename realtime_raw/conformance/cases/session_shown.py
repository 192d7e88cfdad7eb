"""Session and patch, continued: what `session.update` is told, `session.updated` shows."""

from __future__ import annotations

from typing import Any

from ..case import Case, Certainty, Level, case
from ..probe import Probe
from .session import LOOK, at, shows


def _shown(
    number: int,
    title: str,
    rule: str,
    changes: dict[str, Any],
    path: str,
    *,
    level: Level = "must",
    certainty: Certainty = "documented",
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
        source="API reference, session.update",
        certainty=certainty,
        sends=f"a session.update of {path}",
        expects=f"session.updated whose {path} is what was sent",
        needs=needs,
    )(run)


def _listening(**changes: Any) -> dict[str, Any]:
    return {"audio": {"input": changes}}


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
        {"tools": [LOOK]},
        "tools",
        needs=("tools",),
    ),
    _shown(
        13,
        "tool_choice is shown",
        "`tool_choice` is shown as it was set.",
        {"tools": [LOOK], "tool_choice": "required"},
        "tool_choice",
        needs=("tools",),
    ),
    _shown(
        14,
        "tool_choice may name a function",
        "`tool_choice` may be an object that names a function, and is shown as that.",
        {"tools": [LOOK], "tool_choice": {"type": "function", "name": "look"}},
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
        level="should",
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

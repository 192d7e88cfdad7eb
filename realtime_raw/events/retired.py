"""Beta names and paths with their GA spelling, as data."""

from __future__ import annotations

__all__ = ["BETA_SERVER_EVENTS", "ga_hint"]

BETA_SERVER_EVENTS = {
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
    "response.audio.delta": "response.output_audio.delta",
    "response.audio.done": "response.output_audio.done",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
    "transcription_session.created": "session.created",
    "transcription_session.updated": "session.updated",
}


def ga_hint(model: str, path: str, value: object) -> str | None:
    """What to write instead of a retired name at `path` of `model`, if it is one."""
    return None

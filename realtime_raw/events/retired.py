"""Names and places of the beta API with their GA spelling, as data.

Refusals quote it as hints, `lint` searches for it, and the codec reads the
beta names that compatible servers still send. Source: API reference, before
and after the beta ended (2026-05-12). No model is defined here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from ..slim import slim

__all__ = [
    "ALIASES",
    "NOT_SENT",
    "RETIRED",
    "Retired",
    "Where",
    "event_hint",
    "ga_event",
    "ga_hint",
]

Where: TypeAlias = Literal["event", "session", "response", "tool", "content", "item", "connection"]


@slim
class Retired:
    """One retired spelling: where it stood, what it was, what replaces it (None: nothing does)."""

    where: Where
    old: str
    new: str | None
    note: str = ""

    @property
    def hint(self) -> str:
        """What to do, as the end of a sentence."""
        if self.new is None:
            return self.note
        return f"in GA this is {self.new}" + (f" ({self.note})" if self.note else "")


_TRANSCRIPT = "audio always comes with its transcript"
_MODALITIES = 'output_modalities: ["audio"] or ["text"], never both'
_FLAT_TOOL = '{"type": "function", "name": ..., "parameters": ...}'

# Server events still met on compatible servers, read as what replaced them.
# `conversation.item.created` is not among them: it is an event of its own, for
# it stands for two, and so is `conversation.created`.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "response.text.delta": "response.output_text.delta",
        "response.text.done": "response.output_text.done",
        "response.audio.delta": "response.output_audio.delta",
        "response.audio.done": "response.output_audio.done",
        "response.audio_transcript.delta": "response.output_audio_transcript.delta",
        "response.audio_transcript.done": "response.output_audio_transcript.done",
        "transcription_session.created": "session.created",
        "transcription_session.updated": "session.updated",
    }
)

RETIRED: tuple[Retired, ...] = (
    *(Retired("event", old, new) for old, new in ALIASES.items()),
    Retired("event", "conversation.item.created", "conversation.item.added", "then conversation.item.done"),
    Retired("event", "conversation.created", None, "GA servers do not send it"),
    Retired("event", "transcription_session.update", "session.update", 'with session.type "transcription"'),
    # Printed in older guides, and never sent by any server.
    Retired("event", "response.cancelled", "response.done", 'with status "cancelled"'),
    Retired("event", "response.output_item.created", "response.output_item.added"),
    Retired("session", "modalities", f"session.{_MODALITIES}", _TRANSCRIPT),
    Retired("session", "voice", "session.audio.output.voice"),
    Retired("session", "speed", "session.audio.output.speed"),
    Retired("session", "input_audio_format", "session.audio.input.format", "an object"),
    Retired("session", "output_audio_format", "session.audio.output.format", "an object"),
    Retired("session", "input_audio_transcription", "session.audio.input.transcription"),
    Retired("session", "input_audio_noise_reduction", "session.audio.input.noise_reduction"),
    Retired("session", "turn_detection", "session.audio.input.turn_detection"),
    Retired("session", "max_response_output_tokens", "session.max_output_tokens"),
    Retired("session", "temperature", None, "temperature was removed in GA; leave it out"),
    Retired("session", "client_secret", None, "secrets come from POST /v1/realtime/client_secrets"),
    Retired("response", "modalities", f"response.{_MODALITIES}", _TRANSCRIPT),
    Retired("response", "voice", "response.audio.output.voice"),
    Retired("response", "output_audio_format", "response.audio.output.format", "an object"),
    Retired("response", "max_response_output_tokens", "response.max_output_tokens"),
    Retired("response", "temperature", None, "temperature was removed in GA; leave it out"),
    Retired("response", "speed", "session.audio.output.speed", "a setting of the session"),
    Retired("tool", "function", _FLAT_TOOL, "flat, nothing nested"),
    Retired("tool", "strict", None, "the Realtime API has no strict; leave it out"),
    Retired("content", "text", "output_text", "input_text in user and system messages"),
    Retired("content", "audio", "output_audio", "only the server sends it; input_audio in user messages"),
    Retired("item", "object", None, 'GA servers send no "object": "realtime.item"; leave it out'),
    Retired("connection", "OpenAI-Beta: realtime=v1", None, "the beta is switched off; send no such header"),
    Retired(
        "connection", "openai-beta.realtime-v1", None, "the beta is switched off; offer no such subprotocol"
    ),
    Retired("connection", "POST /v1/realtime/sessions", "POST /v1/realtime/client_secrets"),
    Retired("connection", "POST /v1/realtime/transcription_sessions", "POST /v1/realtime/client_secrets"),
    Retired("connection", "POST /v1/realtime", "POST /v1/realtime/calls", "with an SDP body"),
    Retired(
        "connection",
        "/openai/realtime?api-version=&deployment=",
        "/openai/v1/realtime?model=",
        "Azure; the preview ended 2026-04-30",
    ),
)

# In the official list of events, and not sent by GA servers (observed).
NOT_SENT = frozenset(("conversation.created", "conversation.item.created"))

_BY_PLACE: Mapping[tuple[Where, str], Retired] = MappingProxyType({(r.where, r.old): r for r in RETIRED})

_FORMATS = {
    "pcm16": '{"type": "audio/pcm", "rate": 24000}',
    "g711_ulaw": '{"type": "audio/pcmu"}',
    "g711_alaw": '{"type": "audio/pcma"}',
}

# Where a model stands in the event that carries it, so that a fault found while
# building it alone gets the same hint as one found inside an event.
_PLACES: Mapping[str, str] = {
    "RealtimeSessionConfig": "session",
    "TranscriptionSessionConfig": "session",
    "SessionAudioConfig": "session.audio",
    "TranscriptionAudioConfig": "session.audio",
    "AudioInputConfig": "session.audio.input",
    "AudioOutputConfig": "session.audio.output",
    "ServerVad": "session.audio.input.turn_detection",
    "SemanticVad": "session.audio.input.turn_detection",
    "ResponseConfig": "response",
    "ResponseAudioConfig": "response.audio",
    "ResponseAudioOutput": "response.audio.output",
    "FunctionTool": "session.tools[0]",
    "McpTool": "session.tools[0]",
    "ToolChoiceFunction": "session.tool_choice",
    "NewSystemMessage": "item",
    "NewUserMessage": "item",
    "NewAssistantMessage": "item",
}


def ga_event(name: str) -> str | None:
    """The current name of a retired event, or None if it is current, unknown, or gone."""
    row = _BY_PLACE.get(("event", name))
    return row.new if row else None


def event_hint(name: str) -> str | None:
    """What to use instead of a retired event name; None if it is not retired."""
    row = _BY_PLACE.get(("event", name))
    return row.hint if row else None


def ga_hint(model: str, path: str, value: object) -> str | None:
    """What to write instead of a retired name or value at `path` of `model`, if it is one.

    `path` is dotted, as in `Problem`; `model` is the name of the class that was being built.
    """
    place = _PLACES.get(model, "")
    full = f"{place}.{path}" if place and path else place or path
    parent, _, name = full.rpartition(".")
    return _by_value(parent, name, value) or _by_name(parent, name, value)


def _by_name(parent: str, name: str, value: object) -> str | None:
    row: Retired | None = None
    if parent in ("session", "response"):
        row = _BY_PLACE.get((_scope(parent), name))
    elif re.search(r"(\btools\[\d+\]|\btool_choice)$", parent):
        row = _BY_PLACE.get(("tool", name))
    elif re.search(r"(\bitem|\binput\[\d+\])$", parent):
        row = _BY_PLACE.get(("item", name))
    elif parent == "response.audio.output" and name == "speed":
        row = _BY_PLACE["response", "speed"]
    if row is None:
        return None
    if name == "turn_detection" and _kind(value) == "none":
        return f"{row.hint}: null"
    if name.endswith("_audio_format") and isinstance(value, str) and value in _FORMATS:
        return f"in GA this is {row.new}: {_FORMATS[value]}"
    return row.hint


def _scope(parent: str) -> Where:
    return "session" if parent == "session" else "response"


def _by_value(parent: str, name: str, value: object) -> str | None:
    """Hints for a place that is right and a value that is not."""
    if name == "format" and isinstance(value, str) and value in _FORMATS:
        return f"in GA a format is an object: {_FORMATS[value]}"
    if name == "type" and parent.endswith("turn_detection") and value == "none":
        return "in GA manual turns are turn_detection: null"
    if name == "turn_detection" and parent == "session.audio.input" and not isinstance(value, dict):
        return "null means manual turns"
    if name == "output_modalities" and isinstance(value, list):
        return f'one of ["audio"] and ["text"]: {_TRANSCRIPT}'
    if name == "type" and parent == "session" and value is None:
        return 'every update names its kind, "realtime" or "transcription"'
    if name == "type" and isinstance(value, str):
        return _by_type(parent, value)
    return None


def _by_type(parent: str, value: str) -> str | None:
    """Hints for the `type` of a content part or an item."""
    if value == "item_reference":
        return "references are legal in the input of response.create only"
    if not re.search(r"\bcontent\[\d+\]$", parent):
        return None
    if value == "output_audio":
        return "a client cannot create assistant audio; give its transcript as output_text"
    row = _BY_PLACE.get(("content", value))
    return row.hint if row else None


def _kind(value: object) -> object:
    return value.get("type") if isinstance(value, dict) else None

"""Which events exist: per dialect, per direction, per transport.

A dialect is a path and two tables from wire type to class. What the events
hold is not here, nor how they become bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..slim import slim
from .base import ClientEvent, ServerEvent
from .later import Classes, class_name
from .retired import ALIASES

__all__ = [
    "CATALOG",
    "DIALECTS",
    "REALTIME",
    "TRANSLATION",
    "Dialect",
    "EventClass",
    "EventInfo",
    "Transport",
    "class_name",
    "info",
]

Transport: TypeAlias = Literal["websocket", "webrtc", "sip"]
EventClass: TypeAlias = type[ClientEvent | ServerEvent]

_ALL: frozenset[Transport] = frozenset(("websocket", "webrtc", "sip"))
_CALLS: frozenset[Transport] = frozenset(("webrtc", "sip"))

# Events that not every transport carries; a sideband socket sees those of its call. API reference.
_TRANSPORTS: Mapping[str, frozenset[Transport]] = {
    "input_audio_buffer.dtmf_event_received": frozenset(("sip",)),
    "output_audio_buffer.clear": _CALLS,
    "output_audio_buffer.cleared": _CALLS,
    "output_audio_buffer.started": _CALLS,
    "output_audio_buffer.stopped": _CALLS,
    "response.output_audio.delta": frozenset(("websocket",)),
}


@slim
class Dialect:
    """A vocabulary: the path it is spoken on, and its events by wire type.

    `aliases` maps retired spellings that compatible servers still send to the
    current ones; the codec reads them as such.
    """

    name: str
    path: str
    client: Mapping[str, type[ClientEvent]] = field(repr=False)
    server: Mapping[str, type[ServerEvent]] = field(repr=False)
    aliases: Mapping[str, str] = field(repr=False, default_factory=lambda: MappingProxyType({}))


@slim
class EventInfo:
    """One event of the catalog. `dialects` names those that share this class."""

    type: str
    cls: EventClass
    direction: Literal["client", "server"]
    dialects: tuple[str, ...]
    transports: frozenset[Transport]


# Every event by its wire type, in the order of the modules. Classes are loaded when they are looked up.
_CLIENT = (
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.truncate",
    "conversation.item.delete",
    "response.create",
    "response.cancel",
    "output_audio_buffer.clear",
)
_SERVER = (
    "session.created",
    "session.updated",
    "error",
    "rate_limits.updated",
    "conversation.created",
    "conversation.item.created",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.retrieved",
    "conversation.item.truncated",
    "conversation.item.deleted",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.segment",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.failed",
    "input_audio_buffer.committed",
    "input_audio_buffer.cleared",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.timeout_triggered",
    "input_audio_buffer.dtmf_event_received",
    "output_audio_buffer.started",
    "output_audio_buffer.stopped",
    "output_audio_buffer.cleared",
    "response.created",
    "response.done",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
    "response.mcp_call.in_progress",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
    "mcp_list_tools.in_progress",
    "mcp_list_tools.completed",
    "mcp_list_tools.failed",
)
_TRANSLATION_CLIENT = (
    "session.update",
    "session.input_audio_buffer.append",
    "session.close",
)
_TRANSLATION_SERVER = (
    "session.created",
    "session.updated",
    "session.closed",
    "session.input_transcript.delta",
    "session.output_transcript.delta",
    "session.output_audio.delta",
)

REALTIME = Dialect(
    name="realtime",
    path="/realtime",
    client=Classes({"client": _CLIENT}),
    server=Classes({"server": _SERVER}),
    aliases=ALIASES,
)

TRANSLATION = Dialect(
    name="translation",
    path="/realtime/translations",
    client=Classes({"translation": _TRANSLATION_CLIENT}),
    server=Classes({"translation": _TRANSLATION_SERVER, "server": ("error",)}),
)

DIALECTS: Mapping[str, Dialect] = MappingProxyType({d.name: d for d in (REALTIME, TRANSLATION)})


def _catalog() -> tuple[EventInfo, ...]:
    spoken: dict[EventClass, list[str]] = {}
    for dialect in DIALECTS.values():
        classes: list[EventClass] = [*dialect.client.values(), *dialect.server.values()]
        for cls in classes:
            spoken.setdefault(cls, []).append(dialect.name)
    return tuple(
        EventInfo(
            type=cls.wire_type,
            cls=cls,
            direction="client" if issubclass(cls, ClientEvent) else "server",
            dialects=tuple(names),
            transports=_transports(cls.wire_type, names),
        )
        for cls, names in spoken.items()
    )


def _transports(wire_type: str, dialects: list[str]) -> frozenset[Transport]:
    if dialects == ["translation"]:
        return frozenset(("websocket",))
    return _TRANSPORTS.get(wire_type, _ALL)


@cache
def _by_class() -> dict[EventClass, EventInfo]:
    return {entry.cls: entry for entry in _catalog()}


def info(cls: EventClass) -> EventInfo:
    """What the catalog says of an event class. Raises `KeyError` for a class it does not hold."""
    return _by_class()[cls]


if TYPE_CHECKING:
    CATALOG: tuple[EventInfo, ...]
else:

    def __getattr__(name: str) -> object:
        # The whole catalog has every class in it, which a session can do without.
        if name != "CATALOG":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = tuple(_by_class().values())
        return found

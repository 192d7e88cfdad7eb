"""Which events exist: per dialect, per direction, per transport.

A dialect is a path and two tables from wire type to class. What the events
hold is not here, nor how they become bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from . import client, server, translation
from .base import ClientEvent, ServerEvent
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class EventInfo:
    """One event of the catalog. `dialects` names those that share this class."""

    type: str
    cls: EventClass
    direction: Literal["client", "server"]
    dialects: tuple[str, ...]
    transports: frozenset[Transport]


def class_name(wire_type: str) -> str:
    """The name of the class for a wire type: CamelCase, with one exception (`error`)."""
    if wire_type == "error":
        return "ErrorEvent"
    return "".join(word[:1].upper() + word[1:] for word in wire_type.replace(".", "_").split("_"))


def _client_table(classes: Iterable[object]) -> Mapping[str, type[ClientEvent]]:
    found = [c for c in classes if isinstance(c, type) and issubclass(c, ClientEvent) and c.wire_type]
    return MappingProxyType({c.wire_type: c for c in found})


def _server_table(classes: Iterable[object]) -> Mapping[str, type[ServerEvent]]:
    found = [c for c in classes if isinstance(c, type) and issubclass(c, ServerEvent) and c.wire_type]
    return MappingProxyType({c.wire_type: c for c in found})


REALTIME = Dialect(
    name="realtime",
    path="/realtime",
    client=_client_table(vars(client).values()),
    server=_server_table(vars(server).values()),
    aliases=ALIASES,
)

TRANSLATION = Dialect(
    name="translation",
    path="/realtime/translations",
    client=_client_table(vars(translation).values()),
    server=MappingProxyType(
        {**_server_table(vars(translation).values()), server.ErrorEvent.wire_type: server.ErrorEvent}
    ),
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


CATALOG: tuple[EventInfo, ...] = _catalog()
_BY_CLASS = {entry.cls: entry for entry in CATALOG}


def info(cls: EventClass) -> EventInfo:
    """What the catalog says of an event class. Raises `KeyError` for a class it does not hold."""
    return _BY_CLASS[cls]

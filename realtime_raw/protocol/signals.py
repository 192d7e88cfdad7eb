"""Signals: facts that no single wire event states, each pointing at its cause.

The wire keeps its own vocabulary; these stand above it. A signal is made by
the protocol core (a few by the shell) and delivered in the same stream as the
wire events, right behind the event that caused it. `name` can be used
wherever a wire name can: `conn.on("playback.finished")`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Never, dataclass_transform

from ..events.base import ClientEvent, ServerEvent, WireModel
from ..types import CloseInfo, ErrorInfo

if TYPE_CHECKING:
    from ..events.session import Session
    from .responses import ResponseRecord
    from .tools import ToolCall

__all__ = [
    "SIGNALS",
    "AudioReceived",
    "BargeIn",
    "CommandConfirmed",
    "CommandRefused",
    "ConnectionLost",
    "ConnectionRestored",
    "DeviceLost",
    "DeviceRestored",
    "HandlerFailed",
    "InvariantBroken",
    "McpApprovalRequested",
    "McpCallFinished",
    "McpToolsListed",
    "PlaybackFinished",
    "PlaybackStarted",
    "ProtocolWarning",
    "ResponseFinished",
    "ResponseStarted",
    "SessionExpiring",
    "SessionReady",
    "Signal",
    "ToolBatchReady",
    "ToolCallReady",
    "UserStartedSpeaking",
    "UserStoppedSpeaking",
]

Origin = Literal["asked", "server", "out_of_band"]
Fate = Literal["refused", "timed_out", "lost"]

# Past a signal's immutability, for its own constructor.
_set: Final = object.__setattr__


@dataclass_transform(kw_only_default=True, frozen_default=True)
class _Facts(type):
    """Makes what is annotated in a class body the fields of frozen, slotted records.

    What `dataclass` would make, without code compiled for each class: with as
    many classes as there are signals, that is a tenth of the time to connect.
    """

    fields: tuple[str, ...]
    defaults: Mapping[str, Any]

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> _Facts:
        own = [
            field for field, kind in body.get("__annotations__", {}).items() if "ClassVar" not in str(kind)
        ]
        given = {field: body.pop(field) for field in own if field in body}
        made = super().__new__(mcs, name, bases, {**body, "__slots__": tuple(own)})
        above = [base for base in bases if isinstance(base, _Facts)]
        made.fields = (*(field for base in above for field in base.fields), *own)
        made.defaults = {field: value for base in above for field, value in base.defaults.items()} | given
        return made


class Signal(metaclass=_Facts):
    """Base of all signals. `cause` is the wire event behind it, where there is one."""

    name: ClassVar[str] = ""

    cause: ServerEvent | ClientEvent | None = None

    if not TYPE_CHECKING:  # a type checker knows the fields

        def __init__(self, **given: Any) -> None:
            cls = type(self)
            for field in cls.fields:
                if field in given:
                    _set(self, field, given.pop(field))
                elif field in cls.defaults:
                    _set(self, field, cls.defaults[field])
                else:
                    raise TypeError(f"{cls.__name__} needs {field}")
            if given:
                raise TypeError(f"{cls.__name__} has no {', '.join(given)}")

    def __setattr__(self, name: str, value: object) -> Never:
        raise dataclasses.FrozenInstanceError(f"a signal is a fact: {name!r} cannot be set")

    def __delattr__(self, name: str) -> Never:
        raise dataclasses.FrozenInstanceError(f"a signal is a fact: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        """Equal if of one class and of equal fields."""
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, field) == getattr(other, field) for field in type(self).fields)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, field) for field in type(self).fields))

    def __repr__(self) -> str:
        shown = ", ".join(f"{field}={getattr(self, field)!r}" for field in type(self).fields)
        return f"{type(self).__name__}({shown})"

    def __reduce__(self) -> tuple[Any, ...]:
        # To copy and to send between processes: the usual way would set attributes.
        return _again, (type(self), {field: getattr(self, field) for field in type(self).fields})

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the signal's name, its fields, and the cause's wire type and id."""
        fields: dict[str, Any] = {"signal": self.name}
        for field in type(self).fields:
            if field != "cause":
                fields[field] = _plain(getattr(self, field))
        if self.cause is not None:
            fields["cause"] = {"type": self.cause.type, "event_id": self.cause.event_id or None}
        return fields


class SessionReady(Signal):
    """The session exists and holds our first patch (with manual turns: VAD is confirmed off)."""

    name = "session.ready"
    session: Session | None


class SessionExpiring(Signal):
    """The server will end the session in `expires_in_s` seconds (60 minutes after it began)."""

    name = "session.expiring"
    expires_in_s: float


class InvariantBroken(Signal):
    """The server did what this connection was promised it would not do.

    `manual_turns`: it shows turn detection on. `stray_response`: it began a
    response nobody asked for.
    """

    name = "invariant.broken"
    rule: Literal["manual_turns", "stray_response"]
    detail: str


class UserStartedSpeaking(Signal):
    """The server's voice detection heard speech begin, `audio_ms` into the audio of this session."""

    name = "user.started_speaking"
    item_id: str | None
    audio_ms: float | None


class UserStoppedSpeaking(Signal):
    """The server's voice detection heard speech end, `audio_ms` into the audio of this session."""

    name = "user.stopped_speaking"
    item_id: str | None
    audio_ms: float | None


class BargeIn(Signal):
    """Playback of an item was cut: by `interrupt()` or by the user's speech.

    `heard_ms` of it were heard; None where nobody reports playback.
    """

    name = "barge_in"
    item_id: str | None
    response_id: str | None
    heard_ms: int | None
    by: Literal["interrupt", "speech"]


class ResponseStarted(Signal):
    """The server began a response. `origin` says who asked; `command` is our event id if we did."""

    name = "response.started"
    response_id: str
    origin: Origin
    command: str | None


class ResponseFinished(Signal):
    """Generation ended; its sound may still be playing (see `PlaybackFinished`)."""

    name = "response.finished"
    response_id: str
    status: str
    record: ResponseRecord


class AudioReceived(Signal):
    """Decoded audio of a reply that was not interrupted, in the session's output format."""

    name = "audio.received"
    response_id: str
    item_id: str
    content_index: int
    pcm: bytes
    encoding: str

    def to_dict(self) -> dict[str, Any]:
        """As the base; the samples themselves are given as their byte count."""
        return {**Signal.to_dict(self), "pcm": len(self.pcm)}


class PlaybackStarted(Signal):
    """The first sample of an item's audio left the ring."""

    name = "playback.started"
    item_id: str
    content_index: int


class PlaybackFinished(Signal):
    """The last sample of an item's audio was heard, the device's latency included."""

    name = "playback.finished"
    item_id: str
    content_index: int


class ToolCallReady(Signal):
    """One function call is complete: its name and arguments are final."""

    name = "tool_call.ready"
    call: ToolCall


class ToolBatchReady(Signal):
    """A response ended and these are all the calls it made, each exactly once.

    `complete` is false if the response was cancelled, cut off or failed.
    """

    name = "tool_batch.ready"
    response_id: str
    calls: tuple[ToolCall, ...]
    complete: bool


class McpToolsListed(Signal):
    """The server has imported an MCP server's tools, or `failed` to. Only now can they be called."""

    name = "mcp_tools.listed"
    item_id: str
    server_label: str | None
    tools: tuple[str, ...]
    failed: bool


class McpApprovalRequested(Signal):
    """The model wants to call an MCP tool and waits for `conn.approve(...)`. `arguments` is JSON text."""

    name = "mcp_approval.requested"
    item_id: str
    server_label: str | None
    tool: str
    arguments: str


class McpCallFinished(Signal):
    """An MCP call has its `output` or its `error`. The model says nothing more until it is asked."""

    name = "mcp_call.finished"
    item_id: str
    response_id: str | None
    server_label: str | None
    tool: str
    output: str | None
    error: str | None
    approval_request_id: str | None


class CommandConfirmed(Signal):
    """A client event took effect; `cause` is the server event that says so.

    `note` holds the server's words where a harmless race made it moot, such as
    cancelling a response that had just ended.
    """

    name = "command.confirmed"
    event_id: str
    command: str
    note: ErrorInfo | None = None


class CommandRefused(Signal):
    """A client event had no effect (`refused`), or its effect is unknown (`timed_out`, `lost`)."""

    name = "command.refused"
    event_id: str
    command: str
    fate: Fate
    error: ErrorInfo | None = None
    waited: float = 0.0


class ConnectionLost(Signal):
    """The line is gone. `expected` is true when we closed it ourselves."""

    name = "connection.lost"
    close: CloseInfo
    expected: bool


class ConnectionRestored(Signal):
    """A new session took the place of a lost one; what could not be carried over is in `lost`."""

    name = "connection.restored"
    restored: tuple[str, ...]
    lost: tuple[str, ...]


class DeviceLost(Signal):
    """A sound device stopped by itself: unplugged, say. The call goes on; it is reopened when it is back.

    `device` is its name, as the system tells it, `reason` what was seen.
    """

    name = "device.lost"
    device: str
    direction: Literal["input", "output"]
    reason: str


class DeviceRestored(Signal):
    """A lost device, or the default one in its place, works again after `away_s` seconds."""

    name = "device.restored"
    device: str
    direction: Literal["input", "output"]
    away_s: float


class HandlerFailed(Signal):
    """A handler or a tool raised. The others ran, and the call goes on.

    A handler's error is raised again when the connection is left; a tool's
    (`call_id` names the call) is not: the model was told of it.
    """

    name = "handler.failed"
    handler: str
    error: BaseException
    call_id: str | None = None


class ProtocolWarning(Signal):
    """Something is off, and was dealt with: `rule` names what, `detail` says it in words."""

    name = "protocol.warning"
    rule: str
    detail: str


def _again(cls: type[Signal], fields: Mapping[str, Any]) -> Signal:
    return cls(**fields)


def _plain(value: object) -> Any:
    if isinstance(value, WireModel):
        return value.to_wire()
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return value


SIGNALS: Mapping[str, type[Signal]] = {
    cls.name: cls
    for cls in list(globals().values())
    if isinstance(cls, type) and issubclass(cls, Signal) and cls.name
}

"""Receipts: what we asked, what confirms it, what refused it.

Every client event has exactly one fate: confirmed by its server event,
refused by an `error`, timed out, lost with the connection, or withdrawn
before it was sent. The API acknowledges nothing generically, so each kind of
command has its own confirming event, and an `error` is joined by `event_id`,
else by the item id it quotes, else by its code or its `param`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

from .. import events as ev
from ..errors import LocalProtocolError
from ..events.base import ClientEvent, ServerEvent
from ..events.later import ByKind
from ..types import ErrorInfo

__all__ = ["CONFIRMS", "MAX_PENDING", "Command", "CommandLog", "parse_shorter"]

MAX_PENDING = 512

State = Literal["held", "pending", "confirmed", "refused", "timed_out", "lost", "withdrawn"]

# Which kind of command an error code speaks of, for servers that drop the
# event id on errors of conversation state (observed).
_CODE_TO_COMMAND = {
    "conversation_already_has_active_response": "response.create",
    "conversation_too_long": "response.create",
    "response_cancel_not_active": "response.cancel",
    "input_audio_buffer_commit_empty": "input_audio_buffer.commit",
    "item_create_duplicate_item_id": "conversation.item.create",
    "item_create_invalid_previous_item_id": "conversation.item.create",
    "item_delete_invalid_item_id": "conversation.item.delete",
    "item_retrieve_invalid_item_id": "conversation.item.retrieve",
    "item_truncate_invalid_item_id": "conversation.item.truncate",
    "unsupported_content_type": "conversation.item.truncate",
    "cannot_update_voice": "session.update",
}
# The same by the head of `param`, for errors about an event's shape.
_PARAM_TO_COMMAND = {
    "session": "session.update",
    "response": "response.create",
    "item": "conversation.item.create",
    "previous_item_id": "conversation.item.create",
    "audio_end_ms": "conversation.item.truncate",
}
# What confirms what, and the key both sides name. A keyed confirmation without
# its key (a server that omits ids) confirms nothing; an unkeyed one confirms
# the oldest of its kind, since the server answers in order.
_Key = Callable[[Any], str | None]
CONFIRMS: ByKind[tuple[str, _Key | None]] = ByKind(
    {
        "session.updated": ("session.update", None),
        ev.InputAudioBufferCommitted: ("input_audio_buffer.commit", None),
        ev.InputAudioBufferCleared: ("input_audio_buffer.clear", None),
        "output_audio_buffer.cleared": ("output_audio_buffer.clear", None),
        ev.ConversationItemAdded: ("conversation.item.create", lambda e: e.item and e.item.id),
        # Servers that send only one of the other two confirm with it.
        "conversation.item.created": ("conversation.item.create", lambda e: e.item and e.item.id),
        ev.ConversationItemDone: ("conversation.item.create", lambda e: e.item and e.item.id),
        "conversation.item.retrieved": ("conversation.item.retrieve", lambda e: e.item and e.item.id),
        ev.ConversationItemTruncated: ("conversation.item.truncate", lambda e: e.item_id),
        ev.ConversationItemDeleted: ("conversation.item.delete", lambda e: e.item_id),
        ev.ResponseDone: ("response.cancel", lambda e: e.response and e.response.id),
        "session.closed": ("session.close", None),
    }
)

# Compiled when the first error is looked at.
_QUOTED = r"'([^']{1,128})'"
_SHORTER = r"\b(\d+)\s*ms is already shorter than (\d+)\s*ms"


class Command:
    """One client event on its way to its fate.

    `key` is what its confirmation names: an item id for item commands, a
    response id for a cancel, nothing for the rest. `automatic` marks commands
    the core sent by itself, as part of an interruption. `known` remembers that
    its item stood in the conversation when it was sent, which tells a race
    from a mistake.
    """

    __slots__ = (
        "asked_at",
        "attempts",
        "audio_bytes",
        "automatic",
        "deadline",
        "event",
        "event_id",
        "if_busy",
        "key",
        "known",
        "out_of_band",
        "state",
    )

    def __init__(self, event_id: str, event: ClientEvent, asked_at: float, key: str | None = None) -> None:
        self.event_id = event_id
        self.event = event
        self.asked_at = asked_at
        self.state: State = "pending"
        self.key = key
        self.deadline: float | None = None
        self.automatic = self.known = self.out_of_band = False
        self.if_busy: Literal["wait", "cancel", "raise"] = "raise"
        self.audio_bytes = self.attempts = 0

    @property
    def type(self) -> str:
        """The wire type of the client event."""
        return self.event.type


class CommandLog:
    """All commands without a fate yet, found by id, by kind and key, or by an error."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._open: dict[str, Command] = {}
        self._by_type: dict[str, dict[str, Command]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Command]:
        return iter(list(self._open.values()))

    def get(self, event_id: str) -> Command | None:
        """The command with this event id, while it has no fate."""
        return self._open.get(event_id)

    def check_room(self, event_id: str) -> None:
        """Raise `LocalProtocolError` if `event_id` is in use or too many commands are open."""
        if event_id in self._open:
            raise LocalProtocolError(
                f"event_id {event_id!r} belongs to a command that has no answer yet",
                hint="leave event_id out, or choose another",
            )
        if len(self._open) >= MAX_PENDING:
            raise LocalProtocolError(
                f"{MAX_PENDING} commands are waiting for the server's answer",
                hint="await some of them before sending more",
            )

    def add(self, command: Command, now: float) -> None:
        """Take in a command; its time runs from now unless it is held."""
        self._open[command.event_id] = command
        self._by_type.setdefault(command.type, {})[command.event_id] = command
        if command.state == "pending":
            command.deadline = now + self._timeout

    def sent(self, command: Command, now: float) -> None:
        """A held command went out: its time runs from now."""
        command.state = "pending"
        command.deadline = now + self._timeout

    def hold(self, command: Command) -> None:
        """A command waits for its turn; while it does, no time runs."""
        command.state = "held"
        command.deadline = None

    def settle(self, command: Command, state: State) -> None:
        """Give a command its fate; from here on it is forgotten."""
        command.state = state
        self._open.pop(command.event_id, None)
        self._by_type[command.type].pop(command.event_id, None)

    def first(self, type_: str, key: str | None = None) -> Command | None:
        """The oldest pending command of a kind, with this key if one is given."""
        for command in self._by_type.get(type_, {}).values():
            if command.state == "pending" and (key is None or command.key == key):
                return command
        return None

    def of_confirmation(self, event: ServerEvent) -> Command | None:
        """The command a server event confirms, if it confirms one."""
        rule = CONFIRMS[type(event)] if self._open else None
        if rule is None:
            return None
        kind, key_of = rule
        if key_of is None:
            return self.first(kind)
        key = key_of(event)
        return self.first(kind, key) if key else None

    def of_error(self, error: ErrorInfo) -> Command | None:
        """The command an `error` speaks of, by the best key it has."""
        if error.event_id is not None:
            return self._open.get(error.event_id)
        kind = _CODE_TO_COMMAND.get(error.code or "")
        if kind is None and re.search(_SHORTER, error.message):
            kind = "conversation.item.truncate"
        if kind is None and error.param:
            kind = _PARAM_TO_COMMAND.get(re.split(r"[.\[]", error.param, maxsplit=1)[0])
        if kind is None:
            return None
        for quoted in re.findall(_QUOTED, error.message):
            command = self.first(kind, quoted)
            if command is not None:
                return command
        return self.first(kind)

    def expired(self, now: float) -> list[Command]:
        """Pending commands whose time is up, oldest first; they are not settled yet."""
        return [c for c in self._open.values() if c.deadline is not None and c.deadline <= now]

    def next_deadline(self) -> float | None:
        """When the next pending command's time is up."""
        if not self._open:
            return None
        return min((c.deadline for c in self._open.values() if c.deadline is not None), default=None)


def parse_shorter(message: str) -> int | None:
    """The real length in ms named by a "… is already shorter than …" refusal of a truncate."""
    found = re.search(_SHORTER, message)
    return int(found[1]) if found else None

"""Giving commands their fate when the server speaks.

A refusal is told apart from a harmless race: cancelling what has just ended,
truncating what was just deleted, asking for a reply while another one was
winning. Races are notes on a confirmation, or a retry, never failures.
"""

from __future__ import annotations

import re

from .. import events as ev
from ..errors import LocalProtocolError
from ..events.base import ServerEvent
from ..types import ErrorInfo
from . import signals
from .commands import Command, parse_shorter
from .outgoing import Outgoing
from .state import State
from .turns import Fact

__all__ = ["Receipts"]

# A create that lost the race for the conversation is sent again when the
# winner is done, so often and no more.
_MAX_ATTEMPTS = 4
# The refusal names the winner (observed); it is done when that response is.
# Compiled when the first create has lost.
_RESPONSE_ID = r"\bresp_\w+"


class Receipts:
    """Joins confirmations and errors to commands."""

    def __init__(self, state: State, outgoing: Outgoing) -> None:
        self._state = state
        self._outgoing = outgoing

    def confirmed(self, event: ServerEvent) -> None:
        """Settle the command this event confirms, if it confirms one."""
        command = self._state.commands.of_confirmation(event)
        if command is not None:
            self.confirm(command, event)

    def error(self, event: ev.ErrorEvent, now: float) -> None:
        """Join the server's `error` to the command it speaks of."""
        state = self._state
        state.counts["errors"] += 1
        error = event.error.info() if event.error is not None else ErrorInfo("the server sent an empty error")
        command = state.commands.of_error(error)
        if command is None:
            state.warn("server_error", f"{error.code or error.type or 'error'}: {error.message}", event)
            return
        refused = {
            "response.create": self._create_refused,
            "session.update": self._patch_refused,
            "input_audio_buffer.commit": self._commit_refused,
            "conversation.item.truncate": self._truncate_refused,
        }.get(command.type, self._other_refused)
        refused(command, error, event, now)

    def expire(self, now: float) -> None:
        """Give up on commands whose time is over. They may still take effect later."""
        state = self._state
        for command in state.commands.expired(now):
            if command.type == "response.create":
                self._create_gone(command)
            elif command.type == "session.update":
                state.session.refused()
            self.refuse(command, "timed_out", None, None, now)

    def _create_gone(self, command: Command) -> None:
        self._state.responses.refused(command)
        if not command.out_of_band:
            self._state.turns.apply(Fact.CREATE_REFUSED)

    def _create_refused(self, command: Command, error: ErrorInfo, event: ServerEvent, now: float) -> None:
        state = self._state
        self._create_gone(command)
        lost_race = error.code == "conversation_already_has_active_response" and command.if_busy != "raise"
        if not lost_race or command.attempts >= _MAX_ATTEMPTS:
            self.refuse(command, "refused", error, event, now)
            return
        state.counts["creates_retried"] += 1
        if winner := re.search(_RESPONSE_ID, error.message):
            state.responses.occupied(winner[0], now)
        state.commands.hold(command)
        state.responses.hold(command, first=True)

    def _patch_refused(self, command: Command, error: ErrorInfo, event: ServerEvent, now: float) -> None:
        self._state.session.refused()
        self.refuse(command, "refused", error, event, now)

    def _commit_refused(self, command: Command, error: ErrorInfo, event: ServerEvent, now: float) -> None:
        self._state.input_audio.given_back(command.audio_bytes)
        if self._state.session.vad_on and error.code == "input_audio_buffer_commit_empty":
            self.confirm(command, event, note=error)
        else:
            self.refuse(command, "refused", error, event, now)

    def _truncate_refused(self, command: Command, error: ErrorInfo, event: ServerEvent, now: float) -> None:
        real_ms = parse_shorter(error.message)
        asked = command.event
        if (
            real_ms is not None
            and command.automatic
            and isinstance(asked, ev.ConversationItemTruncate)
            and real_ms < asked.audio_end_ms
        ):
            again = asked.model_copy(update={"event_id": self._state.ids("event"), "audio_end_ms": real_ms})
            self._outgoing.send(again, now, automatic=True)
        if command.automatic or (command.known and _is_race(error, real_ms)):
            self.confirm(command, event, note=error)
        else:
            self.refuse(command, "refused", error, event, now)

    def _other_refused(self, command: Command, error: ErrorInfo, event: ServerEvent, now: float) -> None:
        race = error.code == "response_cancel_not_active" or (
            error.code == "item_delete_invalid_item_id" and (command.known or command.automatic)
        )
        if race:
            self.confirm(command, event, note=error)
        else:
            self.refuse(command, "refused", error, event, now)

    def confirm(self, command: Command, event: ServerEvent, note: ErrorInfo | None = None) -> None:
        """Give a command its success; `note` says that a harmless race made it moot."""
        self._state.commands.settle(command, "confirmed")
        self._state.emit(
            signals.CommandConfirmed(event_id=command.event_id, command=command.type, note=note, cause=event)
        )

    def refuse(
        self,
        command: Command,
        fate: signals.Fate,
        error: ErrorInfo | None,
        cause: ServerEvent | None,
        now: float,
    ) -> None:
        """Give a command a fate that is not success."""
        self._state.commands.settle(command, fate)
        self._state.emit(
            signals.CommandRefused(
                event_id=command.event_id,
                command=command.type,
                fate=fate,
                error=error,
                waited=now - command.asked_at,
                cause=cause,
            )
        )

    def refuse_locally(self, kind: str, exc: LocalProtocolError) -> None:
        """Report a command of the core's own that its guards refused: nothing was sent."""
        error = ErrorInfo(str(exc), code="local_protocol_error")
        self._state.emit(signals.CommandRefused(event_id="", command=kind, fate="refused", error=error))


def _is_race(error: ErrorInfo, real_ms: int | None) -> bool:
    return real_ms is not None or error.code == "item_truncate_invalid_item_id"

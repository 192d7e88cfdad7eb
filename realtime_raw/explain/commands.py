"""Rules about commands and the server's words: what was refused, and what was not understood."""

from __future__ import annotations

from collections.abc import Iterable

from ..events.retired import event_hint
from .findings import Found, Rule, brief
from .view import View, is_voice_lock, joined, lasting

__all__ = ["ACCOUNT", "RATE", "RULES"]

# Codes that no retry mends, and those that time does (API reference, observed).
ACCOUNT = frozenset(
    (
        "account_deactivated",
        "billing_hard_limit_reached",
        "credit_balance_exhausted",
        "insufficient_permissions",
        "insufficient_quota",
        "invalid_api_key",
        "invalid_model",
        "model_not_found",
    )
)
RATE = frozenset(("inference_rate_limit_exceeded", "rate_limit_exceeded"))

_COMMIT = "input_audio_buffer.commit"
# Their refusals have rules of their own.
_APART = frozenset(("session.update", _COMMIT))
_UNANSWERED_S = 3.0


def _by_code(view: View, codes: frozenset[str], what: str) -> Found | None:
    """Errors, and failed responses (out-of-band ones too), with one of these codes."""
    said = [(line, line.code, line.detail) for line in view.lines("error") if line.code in codes]
    for record in view.core.responses:
        line, error = view.done(record), record.error
        if line is not None and error is not None and error.code in codes:
            said.append((line, error.code, error.message))
    if not said:
        return None
    last, code, message = max(said, key=lambda one: one[0].last_serial)
    lines = [line for line, _, _ in said]
    return Found(f"{what}: {code}: {brief(message)}", lines, view.severity("error", last))


def _account(view: View) -> Found | None:
    return _by_code(view, ACCOUNT, "the server refuses this account, key or model")


def _rate(view: View) -> Found | None:
    return _by_code(view, RATE, "the account's rate limit is reached")


def _names(commands: Iterable[str]) -> str:
    return brief(joined(list(dict.fromkeys(commands))))


def _refused(view: View) -> Found | None:
    lines = [
        line
        for line in view.lines("command.refused")
        if line.about not in _APART and line.code not in ACCOUNT | RATE
    ]
    if not lines:
        return None
    last = lines[-1]
    says = f"{_names(line.about for line in lines)} refused, last: {brief(last.detail or last.code)}"
    return Found(
        f"the server refused what was sent: {says}", view.with_causes(lines), view.severity("error", last)
    )


def _timed_out(view: View) -> Found | None:
    lines = [line for line in view.lines("command.timed_out") if not view.is_first_patch(line)]
    if not lines:
        return None
    ids = {line.event_id for line in lines}
    sent = [line for line in view.core.trace if line.direction == "out" and line.event_id in ids]
    says = f"the server never answered {_names(line.about for line in lines)}"
    return Found(says, [*sent, *lines], view.severity("warning", lines[-1]))


def _unanswered(view: View) -> Found | None:
    # A create that waits is the next module's; the first patch is `not_ready`.
    waiting = [
        command
        for command in view.core.commands
        if command.type != "response.create"
        and command.event_id != view.core.first_patch
        and view.age(command.asked_at) >= _UNANSWERED_S
    ]
    if not waiting:
        return None
    ids = {command.event_id for command in waiting}
    sent = [line for line in view.core.trace if line.direction == "out" and line.event_id in ids]
    oldest = view.age(min(command.asked_at for command in waiting))
    return Found(f"no answer yet to {_names(c.type for c in waiting)}, for {lasting(oldest)}", sent)


def _not_sent(view: View) -> Found | None:
    lines = [
        line
        for line in view.lines("command.not_sent")
        if line.about != _COMMIT and not is_voice_lock(line) and not view.is_first_patch(line)
    ]
    if not lines:
        return None
    last = lines[-1]
    says = f"{_names(line.about for line in lines)} refused here, nothing was sent: {brief(last.detail)}"
    return Found(says, lines, view.severity("warning", last))


def _server_error(view: View) -> Found | None:
    lines = [
        line
        for line in view.notes("protocol.warning", "server_error")
        if line.cause is None or line.cause.code not in ACCOUNT | RATE | {"session_expired"}
    ]
    if not lines:
        return None
    last = lines[-1]
    says = f"the server reported an error that names no command of ours: {brief(last.detail)}"
    return Found(says, view.with_causes(lines), view.severity("error", last))


def _unknown(view: View) -> Found | None:
    lines = [line for line in view.core.trace if line.form == "unknown" and event_hint(line.type) is None]
    if not lines:
        return None
    names = _names(line.type for line in lines)
    return Found(f"the server sends events this version does not know: {names}", lines)


def _retired(view: View) -> Found | None:
    renamed = [line for line in view.core.trace if line.form == "renamed"]
    lines = renamed + [line for line in view.core.trace if line.form == "unknown" and event_hint(line.type)]
    if not lines:
        return None
    names = _names(line.about or line.type for line in lines)
    return Found(f"the server still speaks of the beta: {names}", lines)


def _invalid(view: View) -> Found | None:
    lines = view.notes("protocol.warning", "invalid_event")
    if not lines:
        return None
    says = f"a message of the server could not be read: {brief(lines[-1].detail)}"
    return Found(says, view.with_causes(lines))


def _contradiction(view: View) -> Found | None:
    lines = view.notes("protocol.warning", "conversation")
    if not lines:
        return None
    says = f"the server contradicts itself about the conversation: {brief(lines[-1].detail)}"
    return Found(says, view.with_causes(lines))


RULES = (
    Rule(
        "account_refused",
        "error",
        means="Key, permissions, quota, credit or model are refused; no retry mends that.",
        proof="the `error` or `response.done` with a code such as `insufficient_quota`",
        remedy="look at the account's billing, limits and model access",
        check=_account,
    ),
    Rule(
        "rate_limited",
        "error",
        means="The account's requests or tokens of this minute or day are used up.",
        proof="the `error` or `response.done` with `rate_limit_exceeded`",
        remedy="wait as long as the message says, and ask again",
        check=_rate,
    ),
    Rule(
        "command_refused",
        "error",
        means="The server refused something that was sent.",
        proof="the `error` and the command it names",
        remedy="correct what the message names and send it again",
        check=_refused,
    ),
    Rule(
        "server_error",
        "error",
        means="An `error` came that belongs to nothing we sent and await.",
        proof="the `error`",
        remedy="read its message; errors about `audio` mean that appended audio has the wrong form",
        check=_server_error,
    ),
    Rule(
        "command_timed_out",
        "warning",
        means="A command was given up, as the server did not answer it in time.",
        proof="the command, and the moment it was given up",
        remedy="it may have taken effect all the same: look at the history, or send it again",
        check=_timed_out,
    ),
    Rule(
        "command_unanswered",
        "warning",
        means="A command waits for its answer.",
        proof="the command",
        remedy="wait; if all commands wait, the server or the line is stuck",
        check=_unanswered,
    ),
    Rule(
        "not_sent",
        "warning",
        means="A command was refused before it was sent; its caller got an exception.",
        proof="the refusal",
        remedy="do not swallow the exception: its hint says what to do",
        check=_not_sent,
    ),
    Rule(
        "invalid_events",
        "warning",
        means="The server sent something that is not what the protocol allows; it was skipped.",
        proof="the message",
        remedy="report it to whoever runs the server, or update this library",
        check=_invalid,
    ),
    Rule(
        "history_contradiction",
        "warning",
        means="The server said two different things about an item; the last one counts.",
        proof="the message that contradicts",
        remedy="compare with history.verify()",
        check=_contradiction,
    ),
    Rule(
        "unknown_events",
        "note",
        means="Events newer than this version; they are kept and delivered, and change nothing.",
        proof="the events",
        remedy="handle them by name, or update this library",
        check=_unknown,
    ),
    Rule(
        "retired_events",
        "note",
        means="A compatible server uses names of the beta; they are read as their successors.",
        proof="the events",
        remedy="update the server; a name without a successor is not acted on",
        check=_retired,
    ),
)

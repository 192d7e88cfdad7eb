"""Rules about the connection and the session: is it there, and is it as it was asked to be?"""

from __future__ import annotations

from collections.abc import Mapping

from ..protocol.trace import TraceLine
from ..types import CloseInfo
from .findings import Found, Rule, Severity, brief
from .view import PATIENCE_S, View, is_voice_lock, joined, lasting

__all__ = ["RULES"]

# A session is announced to end this long before it does.
_SOON_S = 300.0
_SESSION_OVER = "session_expired"
_AGAIN = "connect again; a new session begins empty"

# Close codes: API reference and RFC 6455, as seen with this API.
_CLOSES: Mapping[int, tuple[str, str]] = {
    1000: ("the server closed the session", "connect again if you were not done"),
    1001: ("the server went away: a session's maximum duration, or a restart of the server", _AGAIN),
    1005: ("the server closed the connection without saying why", _AGAIN),
    1006: ("the connection broke off without a goodbye", f"look at the network or proxy; {_AGAIN}"),
    1008: ("the server closed the connection over a breach of its policy", "read the reason it gave"),
    1009: (
        "a message was too big for one side",
        "send less in one message; to receive more, connect with a larger max_size",
    ),
    1011: ("the server met an internal error", _AGAIN),
    1012: ("the server restarts", _AGAIN),
    1013: ("the server is overloaded", "wait, then connect again"),
    1015: ("the encryption of the connection failed", "look at certificates and proxies"),
    3000: ("the server refused the key or its permissions", "use a valid key that may use this model"),
    4000: ("the server refused the connection request", "correct the URL, the model or the headers"),
    4004: ("there is no such model for this account", "choose another model"),
}
_KEEPALIVE = (
    "pings were not answered in time",
    "look for code that blocks the event loop (a slow handler, a file, a model); then connect again",
)


def _why_closed(close: CloseInfo, expired: bool) -> tuple[str, str]:
    if expired:
        return "the session reached its maximum duration", _AGAIN
    if close.code == 1011 and "keepalive" in close.reason.lower():
        return _KEEPALIVE
    return _CLOSES.get(close.code, ("the server closed the connection", "read the reason it gave"))


def _connection_lost(view: View) -> Found | None:
    close = view.core.closed
    if close is None:
        return None
    lines = [*view.lines("command.lost"), view.last("connection.lost")]
    lost = [record.id for record in view.core.responses if record.status == "abandoned"]
    unfinished = f", with {brief(joined(lost))} unfinished" if lost else ""
    if close.by_us:
        if not unfinished and len(lines) == 1:
            return None
        return Found(
            f"the connection was closed by this side{unfinished}",
            lines,
            "note",
            "wait for replies before closing",
        )
    errors = view.lines("error")
    expired = any(line.code == _SESSION_OVER for line in errors)
    what, remedy = _why_closed(close, expired)
    return Found(f"{what} (close code {brief(close)}){unfinished}", [*errors[-1:], *lines], remedy=remedy)


def _not_ready(view: View) -> Found | None:
    core = view.core
    if core.ready or not view.is_open or _of_first_patch(view) or _lock_broken(view):
        return None
    opened, created = view.last("connection.opened"), view.last("session.created")
    patch = view.last("session.update")
    if opened is None:
        return Found("the connection is not open yet", remedy="await connect() first")
    waiting_for = patch if patch is not None else opened
    waited = view.idle(waiting_for)
    what = "the first session.update has no answer" if patch is not None else "there is no session.created"
    severity: Severity = "error" if waited >= PATIENCE_S else "note"
    return Found(f"{what} after {lasting(waited)}", [opened, created, patch], severity)


def _of_first_patch(view: View) -> list[TraceLine]:
    refused = view.lines("command.refused", "command.timed_out", "command.not_sent")
    return [line for line in refused if view.is_first_patch(line)]


def _first_patch_failed(view: View) -> Found | None:
    lines = _of_first_patch(view)
    if not lines:
        return None
    what = "was refused" if lines[-1].type != "command.timed_out" else "had no answer"
    says = f"the session is not as it was opened to be: the first session.update {what}"
    sent = [line for line in view.lines("session.update") if view.is_first_patch(line)]
    severity: Severity = "note" if view.core.ready else "error"
    return Found(f"{says} ({brief(lines[-1].detail)})", [*sent, *view.with_causes(lines)], severity)


def _expiring(view: View) -> Found | None:
    expiry = view.core.session.expiry
    if expiry is None or not view.is_open or expiry - view.now > _SOON_S:
        return None
    left = expiry - view.now
    says = f"the session ends in {lasting(left)}" if left > 0 else "the session is past its end"
    return Found(says, [view.configured])


def _lock_broken(view: View) -> Found | None:
    lines = view.notes("invariant.broken", "manual_turns")
    if not lines or not view.core.session.vad_on:
        return None
    return Found(
        "turn detection is on although this connection has manual turns: the server decides when a turn ends",
        [*view.with_causes(lines[-1:]), view.configured],
    )


def _warned(view: View, rule: str) -> list[TraceLine]:
    return view.notes("protocol.warning", rule)


def _not_as_asked(view: View) -> Found | None:
    lines = _warned(view, "session_not_as_asked")
    if not lines:
        return None
    return Found(_details(lines), view.with_causes(lines), view.severity("warning", lines[-1]))


def _changed_unasked(view: View) -> Found | None:
    lines = _warned(view, "session_changed_unasked")
    if not lines:
        return None
    return Found(_details(lines), view.with_causes(lines), view.severity("warning", lines[-1]))


def _details(lines: list[TraceLine]) -> str:
    return joined([brief(line.detail) for line in lines[-3:]])


def _voice_locked(view: View) -> Found | None:
    lines = [line for line in view.lines("command.refused", "command.not_sent") if is_voice_lock(line)]
    if not lines:
        return None
    return Found(
        "a change of voice was refused, for the conversation already holds speech of the model; "
        "nothing of that session.update applied",
        view.with_causes(lines),
        view.severity("error", lines[-1]),
    )


def _patch_refused(view: View) -> Found | None:
    lines = [
        line
        for line in view.notes("command.refused", "session.update")
        if not is_voice_lock(line) and not view.is_first_patch(line)
    ]
    if not lines:
        return None
    says = f"a session.update was refused, and nothing of it applied: {brief(lines[-1].detail)}"
    return Found(says, view.with_causes(lines), view.severity("error", lines[-1]))


RULES = (
    Rule(
        "connection_lost",
        "error",
        means="The line is gone; the close code says how (1001 is also the maximum duration).",
        proof="the close frame, the error before it, commands that were lost with it",
        remedy=_AGAIN,
        check=_connection_lost,
    ),
    Rule(
        "not_ready",
        "error",
        means="The session has not begun, or its first `session.update` is not confirmed yet.",
        proof="no `session.created`, or no `session.updated`",
        remedy="check the URL, the model and the key; on a call's socket connect with a call's endpoint",
        check=_not_ready,
    ),
    Rule(
        "first_patch_refused",
        "error",
        means="The settings this connection was opened with did not apply.",
        proof="the first `session.update` and the `error` that names it",
        remedy="correct what the server names, and connect again or patch() it",
        check=_first_patch_failed,
    ),
    Rule(
        "turn_lock_broken",
        "error",
        means="Manual turns were asked for, and the server shows turn detection on.",
        proof="the `session.updated` that shows it",
        remedy="patch(turn_detection=None), or connect with manual_turns=False",
        check=_lock_broken,
    ),
    Rule(
        "session_expiring",
        "warning",
        means="The session nears its maximum duration.",
        proof="`expires_at` of the session the server last showed",
        remedy="begin a new session at the next pause; nothing of this one carries over by itself",
        check=_expiring,
    ),
    Rule(
        "session_not_as_asked",
        "warning",
        means="A `session.update` was accepted, but the session shows another value.",
        proof="the `session.updated` that differs",
        remedy="look at conn.session for what holds; the model may not support what was asked",
        check=_not_as_asked,
    ),
    Rule(
        "session_changed_unasked",
        "warning",
        means="A setting changed that no patch named.",
        proof="the `session.updated` that shows it",
        remedy="patch() it back, and see whether another client shares this session",
        check=_changed_unasked,
    ),
    Rule(
        "voice_locked",
        "error",
        means="The voice cannot change once the model has spoken.",
        proof="the `error` `cannot_update_voice`, or the refusal before sending",
        remedy="leave the voice out of the patch, or set it before the first reply of a new session",
        check=_voice_locked,
    ),
    Rule(
        "patch_refused",
        "error",
        means="A later `session.update` was refused; updates apply whole or not at all.",
        proof="the `session.update` that was refused, and its `error`",
        remedy="correct the field the server names and patch() again",
        check=_patch_refused,
    ),
)

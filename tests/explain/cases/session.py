"""Cases of the rules about the connection and the session."""

from __future__ import annotations

from functools import partial
from typing import Any

from realtime_raw.protocol.patch import SessionPatch
from realtime_raw.types import CloseInfo
from tests.explain.case import Cases
from tests.explain.scenes import (
    ask,
    asked_for_item,
    created,
    expired,
    first_patch_refused,
    later,
    opened,
    patch_refused,
    ready,
    replied,
    voice_refused_here,
    write,
)
from tests.protocol.harness import MANUAL, Desk, session

case = Cases()


def closed(code: int, reason: str = "") -> Desk:
    desk = replied(write(ready()))
    desk.close(code, reason)
    return desk


def closed_by_us(desk: Desk) -> Desk:
    desk.core.disconnected(CloseInfo(1000, by_us=True), desk.now)
    desk.sent()
    return desk


LOST: list[tuple[int, str, str]] = [
    (1000, "", "the server closed the session"),
    (1001, "", "maximum duration, or a restart"),
    (1005, "", "without saying why"),
    (1006, "", "without a goodbye"),
    (1009, "message too big", "too big"),
    (1011, "keepalive ping timeout", "pings were not answered"),
    (1011, "boom", "internal error"),
    (1006, "keepalive ping timeout", "without a goodbye"),
    (1012, "", "restarts"),
    (3000, "invalid_request_error.invalid_api_key", "refused the key"),
    (4000, "invalid_request_error.invalid_model", "refused the connection request"),
    (4004, "invalid_request_error.model_not_found", "no such model"),
    (4999, "odd", "closed the connection (close code 4999 odd)"),
]
for code, reason, words in LOST:
    case(
        "connection_lost",
        partial(closed, code, reason),
        lambda: closed_by_us(replied(write(ready()))),
        "connection.lost",
        "error",
        words,
    )
case("connection_lost", expired, ready, "error", "error", "reached its maximum duration")
case(
    "connection_lost",
    lambda: closed_by_us(ask(write(ready()))),
    lambda: closed_by_us(replied(write(ready()))),
    "connection.lost",
    "note",
    "by this side, with resp_1 unfinished",
)


case(
    "not_ready",
    lambda: later(opened(), 3),
    ready,
    "connection.opened",
    "error",
    "there is no session.created",
)
case("not_ready", lambda: later(opened(), 1), ready, "connection.opened", "note")
case(
    "not_ready", lambda: later(created(), 3), ready, "session.update", "error", "session.update has no answer"
)
case(
    "not_ready", Desk, lambda: Desk(sideband=True, manual_turns=False).ready(), None, "error", "not open yet"
)


def first_patch_timed_out() -> Desk:
    desk = created()
    desk.later(11)
    return desk


def late_but_good() -> Desk:
    desk = first_patch_timed_out()
    desk.hear("session.updated", session=session(**MANUAL))
    return desk


case("first_patch_refused", first_patch_refused, created, "error", "error", "was refused (Invalid value")
case("first_patch_refused", first_patch_timed_out, created, "command.timed_out", "error", "had no answer")
case("first_patch_refused", late_but_good, created, "command.timed_out", "note")


def lock_broken() -> Desk:
    desk = ready()
    desk.hear("session.updated", session=session())
    return desk


def lock_mended() -> Desk:
    desk = lock_broken()
    desk.hear("session.updated", session=session(**MANUAL))
    return desk


case("turn_lock_broken", lock_broken, lock_mended, "session.updated", "error")
case("turn_lock_broken", lock_broken, created, "invariant.broken", "error")
case(
    "session_expiring",
    lambda: later(ready(), 3400),
    lambda: later(ready(), 3000),
    "session.updated",
    says="200.0 s|3 min",
)
case("session_expiring", lambda: later(ready(), 3700), expired, "session.updated", says="past its end")


def not_as_asked(shown: str = "cedar") -> Desk:
    desk = ready()
    desk.core.patch(SessionPatch(voice="ash"), desk.now)
    desk.hear("session.updated", session=session(**MANUAL, audio__output__voice=shown))
    return desk


def changed_unasked(**changes: Any) -> Desk:
    desk = ready()
    desk.core.patch(SessionPatch(instructions="x"), desk.now)
    desk.hear("session.updated", session=session(**MANUAL, instructions="x", **changes))
    return desk


case("session_not_as_asked", not_as_asked, lambda: not_as_asked("ash"), "session.updated", says="voice")
case("session_not_as_asked", lambda: replied(not_as_asked()), changed_unasked, "session.updated", "note")
case(
    "session_changed_unasked",
    lambda: changed_unasked(tool_choice="none"),
    changed_unasked,
    "session.updated",
    says="session.tool_choice changed",
)


def voice_refused() -> Desk:
    desk = ready()
    desk.core.patch(SessionPatch(voice="ash"), desk.now)
    desk.error("cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present.")
    return desk


def same_voice() -> Desk:
    desk = replied(ready())
    desk.core.patch(SessionPatch(voice="marin"), desk.now)
    desk.hear("session.updated", session=session(**MANUAL))
    return desk


case("voice_locked", voice_refused, same_voice, "error", "error")
case("voice_locked", voice_refused_here, same_voice, "command.not_sent", "error")
case("voice_locked", lambda: replied(voice_refused()), patch_refused, "error", "note")
case("patch_refused", patch_refused, voice_refused, "error", "error", "Unknown parameter")
case("patch_refused", patch_refused, first_patch_refused, "command.refused", "error")


# Neighbours of the above


def left_waiting() -> Desk:
    """Closed by us with a question unanswered."""
    return closed_by_us(asked_for_item(1))


def broken_before_ready() -> Desk:
    desk = created()
    desk.hear("session.updated", session=session())
    return later(desk)


case("connection_lost", left_waiting, lambda: closed_by_us(replied(write(ready()))), "command.lost", "note")
case("not_ready", lambda: later(created(), 3), lambda: later(expired()), "session.update", "error")
case(
    "not_ready", lambda: later(created(), 3), lambda: later(first_patch_refused()), "session.update", "error"
)
case("not_ready", lambda: later(created(), 3), broken_before_ready, "session.update", "error")
case("session_expiring", lambda: later(ready(), 3700), lambda: later(expired(), 3700), "session.updated")


def no_such_voice() -> Desk:
    """The server refuses a voice, not the change of one."""
    desk = ready()
    desk.core.patch(SessionPatch(voice="ash"), desk.now)
    desk.error("invalid_value", "Invalid value: 'ash'.", param="session.audio.output.voice")
    return desk


def path_in_words() -> Desk:
    desk = ready()
    desk.core.patch(SessionPatch(voice="ash"), desk.now)
    desk.error(
        "invalid_value", "Invalid value at session.audio.output.voice", param="session.audio.output.voice"
    )
    return desk


case("patch_refused", no_such_voice, voice_refused, "error", "error")
case("patch_refused", path_in_words, voice_refused_here, "error", "error")
case("voice_locked", voice_refused, path_in_words, "error", "error")

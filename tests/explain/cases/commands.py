"""Cases of the rules about commands and the server's words."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from realtime_raw.errors import LocalProtocolError
from realtime_raw.events.client import ConversationItemDelete, ResponseCreate
from realtime_raw.protocol.patch import SessionPatch
from tests.explain.case import Cases
from tests.explain.scenes import (
    added,
    ask,
    asked_for_item,
    created,
    creating,
    expired,
    failed,
    finish,
    first_patch_impossible,
    heard,
    later,
    patch_refused,
    ready,
    refused,
    replied,
    short_commit,
    voice_refused_here,
    write,
)
from tests.protocol.harness import VAD, Desk

case = Cases()


def erred(code: str | None, message: str = "no", **fields: Any) -> Desk:
    desk = ready()
    desk.error(code, message, **fields)
    return desk


case(
    "account_refused",
    lambda: failed("insufficient_quota", "You exceeded"),
    lambda: failed("server_error"),
    "response.done",
    "error",
    "insufficient_quota: You exceeded",
)
case(
    "account_refused",
    lambda: erred("invalid_api_key", "Incorrect API key provided: sk-12345678."),
    lambda: erred("x"),
    "error",
    "error",
    "provided: ***",
)
case(
    "rate_limited",
    lambda: failed("rate_limit_exceeded", "try again in 2s"),
    lambda: failed(None),
    "response.done",
    "error",
    "try again in 2s",
)
case(
    "rate_limited",
    lambda: replied(failed("rate_limit_exceeded"), "resp_2", "item_b"),
    ready,
    "response.done",
    "note",
)


def raced() -> Desk:
    """Deleting what is just gone: the server refuses, and no harm is done."""
    desk = write(ready())
    desk.core.send(ConversationItemDelete(item_id="item_t"), desk.now)
    desk.error(
        "item_delete_invalid_item_id", "Error deleting item: the item with id 'item_t' does not exist."
    )
    return desk


case("command_refused", refused, raced, "error", "error", "conversation.item.retrieve refused")
case("command_refused", lambda: replied(refused()), patch_refused, "command.refused", "note")


def answered() -> Desk:
    desk = asked_for_item(5)
    desk.hear(
        "conversation.item.retrieved", item={"id": "item_x", "type": "message", "role": "user", "content": []}
    )
    desk.later(10)
    return desk


case(
    "command_timed_out",
    lambda: asked_for_item(11),
    answered,
    "command.timed_out",
    says="never answered conversation.item.retrieve",
)
case("command_timed_out", lambda: asked_for_item(11), lambda: asked_for_item(9), "conversation.item.retrieve")
case(
    "command_unanswered",
    lambda: asked_for_item(4),
    lambda: asked_for_item(1),
    "conversation.item.retrieve",
    says="for 4.0 s",
)
case("command_unanswered", lambda: asked_for_item(4), answered, "conversation.item.retrieve")
case(
    "command_unanswered", lambda: asked_for_item(4), lambda: later(created(), 4), "conversation.item.retrieve"
)


def vad_refused_here() -> Desk:
    desk = ready()
    with suppress(LocalProtocolError):
        desk.core.patch(SessionPatch.from_wire({"audio": {"input": {"turn_detection": VAD}}}), desk.now)
    return desk


def busy_refused_here() -> Desk:
    desk = ask(ready())
    with suppress(LocalProtocolError):
        desk.core.send(ResponseCreate(), desk.now)
    return desk


case("not_sent", vad_refused_here, voice_refused_here, "command.not_sent", says="session.update refused here")
case("not_sent", busy_refused_here, lambda: ask(ready()), "command.not_sent", says="resp_1 is generating")
case("not_sent", lambda: finish(busy_refused_here()), first_patch_impossible, "command.not_sent", "note")
case("first_patch_refused", first_patch_impossible, created, "command.not_sent", "error")
case(
    "server_error",
    lambda: erred("server_error", "The server had an error"),
    refused,
    "error",
    "error",
    "server_error: The server had an error",
)
case("server_error", lambda: erred(None, ""), lambda: erred("insufficient_quota"), "error", "error")
case("server_error", lambda: erred("x"), expired, "protocol.warning", "error")


case(
    "invalid_events",
    lambda: heard("response.done", response="?"),
    lambda: heard("response.sung"),
    "response.done",
    says="response.done: response",
)
case(
    "unknown_events",
    lambda: heard("response.sung"),
    lambda: heard("rate_limits.updated"),
    "response.sung",
    "note",
    "response.sung",
)
case(
    "unknown_events",
    lambda: heard("response.sung"),
    lambda: heard("response.output_item.created"),
    "response.sung",
    "note",
)
case(
    "retired_events",
    lambda: heard("response.audio.done", response_id="resp_1"),
    lambda: heard("response.sung"),
    "response.output_audio.done",
    "note",
    "response.audio.done",
)
case(
    "retired_events",
    lambda: heard("response.output_item.created"),
    lambda: heard("response.sung"),
    "response.output_item.created",
    "note",
)


def moved() -> Desk:
    desk = write(
        write(write(ready()), item_id="item_2", previous="item_t"), item_id="item_3", previous="item_2"
    )
    return added(desk, {"id": "item_3", "type": "message", "role": "user", "content": []}, "item_t")


case("history_contradiction", moved, lambda: write(ready()), "conversation.item.added")


case("command_refused", refused, lambda: refused("insufficient_quota"), "error", "error")


# Neighbours of the above


def refused_early() -> Desk:
    """Refused here before there was a first patch to confuse it with."""
    desk = Desk()
    desk.core.connected(desk.now)
    with suppress(LocalProtocolError):
        desk.core.patch(SessionPatch.from_wire({"audio": {"input": {"turn_detection": VAD}}}), desk.now)
    return desk


case("command_unanswered", lambda: asked_for_item(4), lambda: creating(4), "conversation.item.retrieve")
case("not_sent", refused_early, short_commit, "command.not_sent")
case(
    "retired_events",
    lambda: heard("response.audio.done"),
    lambda: heard("conversation.item.created"),
    "response.output_audio.done",
    "note",
)

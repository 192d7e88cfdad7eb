"""Errors, continued: messages that are no events, and events of a wrong shape."""

from __future__ import annotations

from typing import Any

from ..case import Case, Level, case
from ..probe import Probe
from .errors import still_there

_OBSERVED = "errors reported of the live API"


# --- messages that are no events ------------------------------------------------------------


def _no_event(
    number: int,
    title: str,
    rule: str,
    data: bytes,
    what: str,
    *,
    binary: bool = False,
    code: str | None = None,
    level: Level = "should",
) -> Case:
    """A case: this message is refused by an error, and the session goes on."""

    async def run(probe: Probe) -> None:
        await probe.send_raw(data, binary=binary)
        error = await probe.expect("error")
        inner = error["error"]
        if code is not None:
            probe.check(inner.get("code") == code, f"the code is {inner.get('code')!r}", error, "error.code")
        await still_there(probe)

    return case(
        f"RT-ERR-{number:03d}",
        title,
        family="errors",
        level=level,
        rule=rule,
        source=_OBSERVED,
        certainty="observed",
        sends=what,
        expects=f"error{f' with code {code}' if code else ''}; and the session goes on",
    )(run)


NO_EVENTS = (
    _no_event(
        20,
        "What is no JSON is refused",
        "A text message that is no JSON is answered by an `error`, and the session goes on.",
        b"{not json",
        "a text message that is no JSON",
    ),
    _no_event(
        21,
        "What is no JSON has a code of its own",
        "The error for a message that is no JSON has code `invalid_json`.",
        b'{"type":',
        "half a JSON object",
        code="invalid_json",
        level="may",
    ),
    _no_event(
        22,
        "An array is no event",
        "A JSON value that is no object is answered by an `error`, and the session goes on.",
        b'["session.update"]',
        "a JSON array",
    ),
    _no_event(
        23,
        "An event has a type",
        "An object without `type` is answered by an `error`, and the session goes on.",
        b'{"session":{"type":"realtime"}}',
        "an object without type",
    ),
    _no_event(
        24,
        "A missing type has a code of its own",
        "The error for an object without `type` has code `invalid_event`.",
        b"{}",
        "an empty object",
        code="invalid_event",
        level="may",
    ),
    _no_event(
        25,
        "A binary message is refused",
        "A binary message is answered by an `error`, and the session goes on.",
        b"\x00\x01\x02\x03",
        "a binary message",
        binary=True,
        level="may",
    ),
)


# --- events of a wrong shape ----------------------------------------------------------------


def _shape(
    number: int,
    title: str,
    rule: str,
    kind: str,
    fields: dict[str, Any],
    *,
    code: str | None = None,
    param: str | None = None,
    level: Level = "should",
) -> Case:
    """A case: this event is refused, with this code and param."""

    async def run(probe: Probe) -> None:
        sent = await probe.send(kind, **fields)
        await probe.refused(sent, code=code, param=param)

    named = ", ".join(filter(None, (code and f"code {code}", param and f"param {param}")))
    return case(
        f"RT-ERR-{number:03d}",
        title,
        family="errors",
        level=level,
        rule=rule,
        source=_OBSERVED,
        certainty="observed",
        sends=f"{kind} with {', '.join(fields) or 'nothing in it'}",
        expects=f"error with {named}",
    )(run)


def _message(role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"item": {"type": "message", "role": role, "content": list(parts)}}


SHAPES = (
    _shape(
        30,
        "A missing field is named",
        "A required field that is missing is refused with `missing_required_parameter`, and named.",
        "conversation.item.create",
        {},
        code="missing_required_parameter",
        param="item",
    ),
    _shape(
        31,
        "A missing field inside a list is named by its path",
        "`param` is a path with indexes in brackets: `item.content[0].text`.",
        "conversation.item.create",
        _message("user", {"type": "input_text"}),
        code="missing_required_parameter",
        param="item.content[0].text",
    ),
    _shape(
        32,
        "An unknown field of an event is named",
        "A field that an event does not have is refused with `unknown_parameter`, and named.",
        "input_audio_buffer.clear",
        {"conformance": 1},
        code="unknown_parameter",
        param="conformance",
    ),
    _shape(
        33,
        "An assistant says output_text",
        "The content of an assistant's message is `output_text`; `input_text` is refused.",
        "conversation.item.create",
        _message("assistant", {"type": "input_text", "text": "hello"}),
        code="invalid_value",
    ),
    _shape(
        34,
        "The system says input_text",
        "The content of a system message is `input_text`; `output_text` is refused.",
        "conversation.item.create",
        _message("system", {"type": "output_text", "text": "hello"}),
        code="invalid_value",
    ),
    _shape(
        35,
        "Milliseconds are whole",
        "`audio_end_ms` is an integer; a decimal is refused, and named.",
        "conversation.item.truncate",
        {"item_id": "item_none", "content_index": 0, "audio_end_ms": 100.5},
        param="audio_end_ms",
    ),
    _shape(
        36,
        "A role nobody has is refused",
        "The `role` of a message is system, user or assistant.",
        "conversation.item.create",
        _message("conformance", {"type": "input_text", "text": "hello"}),
        code="invalid_value",
        param="item.role",
    ),
    _shape(
        37,
        "An item of no known type is refused",
        "`item.type` is one of the types of items there are.",
        "conversation.item.create",
        {"item": {"type": "conformance"}},
        code="invalid_value",
        param="item.type",
    ),
    _shape(
        38,
        "Audio that is no base64 is refused",
        "`audio` that is no base64 is refused with `invalid_value`, and named.",
        "input_audio_buffer.append",
        {"audio": "*** no base64 ***"},
        code="invalid_value",
        param="audio",
    ),
)

"""Bytes to events and events to bytes.

One `orjson.loads`, one look into the dialect's table, and an event made by `shapes`;
or, where that is not sure, `orjson.loads` and `model_validate`. In lenient mode nothing
a server sends raises: what cannot be read becomes an `InvalidServerEvent`, what
is not known an `UnknownServerEvent`. No state, no I/O.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import orjson
import pydantic

from . import deltas, shapes
from .errors import DecodeError, InvalidCommand, Problem
from .events.base import ClientEvent, InvalidServerEvent, ServerEvent, UnknownServerEvent
from .events.catalog import REALTIME, Dialect
from .events.refusal import kind_of, one_of, problems_of
from .events.retired import event_hint

__all__ = ["Message", "decode", "decode_client", "encode", "read", "warm"]

# One message off the wire.
Message: TypeAlias = bytes | bytearray | str

# Far above any real message, and below where repr, copy and every encoder give up.
_MAX_DEPTH = 128

# Objects and lists in one message. A long call's transcript has some ten
# thousand; a hostile message of empty ones would else become as many models.
_MAX_CONTAINERS = 200_000

# What a voice turn is made of: made ready by `warm`.
_HOT = (
    "conversation.item.added",
    "conversation.item.done",
    "error",
    "input_audio_buffer.committed",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "response.content_part.added",
    "response.content_part.done",
    "response.created",
    "response.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.output_text.done",
    "session.created",
    "session.updated",
)


def decode(data: Message, dialect: Dialect = REALTIME, *, strict: bool = False) -> ServerEvent:
    """One server message as an event; `event.raw` is the parsed object.

    Never raises in lenient mode: see the module. A retired name that the
    dialect lists as an alias is read as its successor; `raw` keeps the old one.
    A message with a repeated key is refused, as its meaning is anybody's guess.
    Raises `DecodeError` in strict mode where lenient mode returns an
    `InvalidServerEvent`; an unknown type is no fault in either.
    """
    if type(data) is bytes and dialect is REALTIME and (words := deltas.words_of(data)) is not None:
        return words
    return _decoded(data, dialect, strict)


def _decoded(data: Message, dialect: Dialect, strict: bool) -> ServerEvent:
    """As `decode`, but for words in the shape that servers write."""
    # In what is no longer, there is no room for too many containers.
    if type(data) is bytes and len(data) <= _MAX_CONTAINERS:
        made = shapes.read(data, dialect.server)
        if made is not None:
            return made
    message, problems = _parse(data)
    if not problems:
        kind = message["type"]
        cls = dialect.server.get(kind)
        try:
            event = _unlisted(kind, message, dialect) if cls is None else cls.model_validate(message)
        except pydantic.ValidationError as exc:
            problems = problems_of(exc)
        else:
            event.keep_raw(message)
            return event
    return _invalid(data, message, problems, strict)


def read(
    data: Message, dialect: Dialect = REALTIME, *, strict: bool = False
) -> ServerEvent | deltas.AudioDelta:
    """As `decode`, but an audio delta may come as its facts, already decoded from base64.

    `AudioDelta.event()` is then what `decode` returns. Valid audio alone comes
    so, of any key order and spacing; never in strict mode.
    """
    if type(data) is bytes and dialect is REALTIME and not strict:
        delta = deltas.delta_of(data)
        return delta if delta is not None else _decoded(data, dialect, strict)
    return decode(data, dialect, strict=strict)


def decode_client(data: Message, dialect: Dialect = REALTIME) -> ClientEvent:
    """One client message as an event, for servers and tests.

    Raises `InvalidCommand` for whatever the wire does not allow.
    """
    message, problems = _parse(data)
    subject = message.get("type", "")
    subject = subject if isinstance(subject, str) else ""
    if not problems:
        cls = dialect.client.get(subject)
        if cls is not None:
            try:
                bare = cls.bare() if len(message) == 1 else None
                return bare or cls.model_validate(message)
            except pydantic.ValidationError as exc:
                problems = problems_of(exc, outbound=cls)
        else:
            names = f"value must be {one_of(tuple(dialect.client))}"
            problems = (Problem("type", names, kind_of(subject), event_hint(subject)),)
    raise InvalidCommand("client message", problems)


def encode(event: ClientEvent | ServerEvent) -> bytes:
    """An event as compact JSON, `type` first; only what was named is in it.

    Raises `InvalidCommand` for a value JSON cannot hold (an integer beyond 64 bits).
    """
    try:
        return orjson.dumps(event.to_wire())
    except (orjson.JSONEncodeError, RecursionError) as exc:
        problem = Problem("", f"cannot be written as JSON: {exc}")
        raise InvalidCommand(type(event).__name__, (problem,)) from None


def warm(dialect: Dialect = REALTIME) -> None:
    """Make what reads the events every turn uses (some ms, once), so that no first one waits for it.

    `connect` calls this while TLS shakes hands. Validators are built when they are first needed;
    events, items and settings that few sessions see are loaded with the first of them.
    """
    for name in _HOT:
        if name in dialect.server:
            shapes.build(dialect.server[name])


def _parse(data: Message) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """The message as a dict with a string `type`, or what keeps it from being one."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        return {}, (Problem("", f"not JSON: {exc.msg}"),)
    if not isinstance(message, dict):
        return {}, (Problem("", "a message is a JSON object", kind_of(message)),)
    if not isinstance(message.get("type"), str):
        if "type" not in message:
            return message, (Problem("type", "missing required parameter"),)
        return message, (Problem("type", "input should be a string", kind_of(message["type"])),)
    return message, _structure(data, message)


def _structure(data: Message, message: dict[str, Any]) -> tuple[Problem, ...]:
    """Refuse what parses and is still a trap: extreme nesting, repeated keys."""
    keys, depth, containers, level = 0, 0, 0, [message]
    while level:
        depth += 1
        containers += len(level)
        if depth > _MAX_DEPTH:
            return (Problem("", f"nested deeper than {_MAX_DEPTH} levels"),)
        if containers > _MAX_CONTAINERS:
            return (Problem("", f"more than {_MAX_CONTAINERS:,} objects and lists in one message"),)
        below: list[Any] = []
        for item in level:
            values: Any = item
            if type(item) is dict:
                keys += len(item)
                values = item.values()
            below += [value for value in values if type(value) is dict or type(value) is list]
        level = below
    return () if _counts_agree(data, keys) else _repeated(data)


def _counts_agree(data: Message, keys: int) -> bool:
    """Whether the text holds as many keys as the parsed message, told cheaply.

    Each key has a colon, so as many colons as keys are proof (and the rule for
    audio, whose base64 has none). Else count quotes before a colon, less those
    that are escaped. Blanks before a colon, or a key that ends in a backslash,
    make that count too low; then the answer is no, and the slow way decides.
    """
    if isinstance(data, str):
        return data.count(":") == keys or data.count('":') - data.count('\\":') == keys
    return data.count(b":") == keys or data.count(b'":') - data.count(b'\\":') == keys


def _repeated(data: Message) -> tuple[Problem, ...]:
    repeated: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated.append(key)
            seen.add(key)

    import json  # seldom needed, and slow to be imported; the only one that shows what it drops

    json.loads(data, object_pairs_hook=look)
    return tuple(Problem(key, "this key appears more than once") for key in dict.fromkeys(repeated))


def _unlisted(kind: str, message: dict[str, Any], dialect: Dialect) -> ServerEvent:
    current = dialect.aliases.get(kind)
    if current is None:
        return UnknownServerEvent.model_validate(message)
    return dialect.server[current].model_validate({**message, "type": current})


def _invalid(
    data: Message, message: dict[str, Any], problems: tuple[Problem, ...], strict: bool
) -> InvalidServerEvent:
    kind, event_id = message.get("type"), message.get("event_id")
    name = kind if isinstance(kind, str) else ""
    if strict:
        raise DecodeError(f"{name or 'a message'} is not what the protocol allows", problems)
    event = InvalidServerEvent(
        type=name,
        event_id=event_id if isinstance(event_id, str) else None,
        problems=problems,
        data=data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data),
    )
    event.keep_raw(message)
    return event

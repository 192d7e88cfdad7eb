"""What cases about responses do all the time: short answers, long ones under way, calls, refusals.

Models are steered by instructions that leave little freedom, and by
`tool_choice`; where they use what is left, `NotComplied` is raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from .case import NotComplied, Unsupported, Violation
from .probe import RESPONSE_WITHIN, Probe
from .seen import ResponseSeen, response_of

__all__ = [
    "SECOND",
    "WEATHER",
    "alive",
    "attempt",
    "begin",
    "call",
    "cancel",
    "check_error",
    "check_status",
    "create",
    "create_or_error",
    "done",
    "errors",
    "first",
    "forced",
    "goes_on",
    "inside",
    "objects",
    "only",
    "part_of",
    "refusal_of",
    "say",
    "speak",
    "words_of",
]

Event = dict[str, Any]

WEATHER: Mapping[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city's name."}},
        "required": ["city"],
    },
}

_COUNT = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
_LONG = f"{_COUNT} seventeen eighteen nineteen twenty. {_COUNT} seventeen eighteen nineteen twenty."
# The second response, where one is running or has just been.
SECOND: Mapping[str, Any] = {"output_modalities": ["text"], "instructions": "Say only: two"}
_ALIVE = "Answer in one word."
# Commands are carried out in order, but some errors come late (observed).
_GRACE = 2.0


def only(words: str) -> str:
    """Instructions that leave a model as little freedom as there is."""
    return f"Say only: {words}"


# --- what strangers send ------------------------------------------------------------------


def inside(event: Event, name: str) -> Event:
    """The object an event has under `name`. Raises `Violation` if that is none."""
    found = event.get(name)
    if not isinstance(found, dict):
        raise Violation(f"{event.get('type')} has no object `{name}`", event, name)
    return found


def objects(value: Any) -> list[Event]:
    """The objects in a list; none where it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


# --- responses ----------------------------------------------------------------------------


async def say(probe: Probe, words: str = "pineapple", **response: Any) -> ResponseSeen:
    """A short written answer. Raises `NotComplied` if it does not come to its end."""
    return _whole(
        await probe.respond(**{"output_modalities": ["text"], "instructions": only(words), **response})
    )


async def speak(probe: Probe, words: str = "pineapple", **response: Any) -> ResponseSeen:
    """A short spoken answer. Raises `NotComplied` if it does not come to its end."""
    return _whole(
        await probe.respond(**{"output_modalities": ["audio"], "instructions": only(words), **response})
    )


def _whole(seen: ResponseSeen) -> ResponseSeen:
    if seen.status in ("failed", "incomplete", "cancelled"):
        raise NotComplied(f"the response has ended {seen.status}, and the case needs a whole one")
    return seen


async def begin(probe: Probe, *, speaking: bool = True, **response: Any) -> Event:
    """`response.created` of a long written answer; with `speaking` its first words have come too."""
    asked = {"output_modalities": ["text"], "instructions": only(_LONG), **response}
    await probe.send("response.create", response=asked)
    created = await probe.expect("response.created", within=RESPONSE_WITHIN)
    if speaking:
        mine = response_of(created)
        await probe.expect(
            "response.output_text.delta", where=lambda e: response_of(e) == mine, within=RESPONSE_WITHIN
        )
    return created


async def done(probe: Probe, created: Event) -> Event:
    """The `response.done` of the response that `created` has announced."""
    mine = response_of(created)
    return await probe.expect("response.done", where=lambda e: response_of(e) == mine, within=RESPONSE_WITHIN)


def check_status(probe: Probe, ended: Event, wanted: str, what: str) -> None:
    """The status in a `response.done`, as it must be; else `what` is said, with the status for its {}."""
    status = inside(ended, "response").get("status")
    probe.check(status == wanted, what.format(repr(status)), ended, "response.status")


async def cancel(probe: Probe, created: Event, *, claimed: bool = False, **fields: Any) -> Event:
    """Cancel that response, by a `response.cancel` with `fields`; returns its `response.done`.

    Raises `NotComplied` if it was over before the server could hear of it, which
    then says so. If it went on to its end all the same, that is a `Violation` where
    it is what the case claims, and elsewhere `Unsupported`.
    """
    mine = response_of(created)
    await attempt(probe, "response.cancel", **fields)
    ended = await probe.maybe(
        "response.done",
        "error",
        where=lambda e: e["type"] == "error" or response_of(e) == mine,
        within=RESPONSE_WITHIN,
    )
    if ended is None:
        raise _uncancelled("was answered by no response.done, and by no error", created, claimed)
    over = part_of(probe, created, "response.done")
    if ended["type"] == "error" and not over:
        raise _uncancelled("was refused while its response was running", ended, claimed)
    if ended["type"] != "error" and inside(ended, "response").get("status") != "completed":
        return ended
    if ended["type"] != "error" and await probe.maybe("error") is None:
        raise _uncancelled("had no effect, and no error", ended, claimed)
    raise NotComplied("the response was over before it could be cancelled")


def _uncancelled(what: str, event: Event, claimed: bool) -> Exception:
    """What to raise where a response is not cancelled."""
    return Violation(f"response.cancel {what}", event) if claimed else Unsupported(f"response.cancel {what}")


def first(seen: ResponseSeen, kind: str) -> Event:
    """The first event of one type in a response. Raises `Violation` if there is none."""
    found = seen.of(kind)
    if not found:
        raise Violation(f"{kind} did not come in the response", seen.done)
    return found[0]


def part_of(probe: Probe, created: Event, *kinds: str) -> list[Event]:
    """What has come of that response so far, of these types or of all."""
    mine = response_of(created)
    return [e for e in probe.events if response_of(e) == mine and (not kinds or e["type"] in kinds)]


def words_of(item: Mapping[str, Any]) -> str:
    """What is written or said in an item's content."""
    parts = objects(item.get("content"))
    return "".join(str(each.get("text") or each.get("transcript") or "") for each in parts)


# --- calls --------------------------------------------------------------------------------


def forced(name: str = "get_weather") -> Event:
    """The `tool_choice` that names one function."""
    return {"type": "function", "name": name}


async def call(probe: Probe, **response: Any) -> tuple[ResponseSeen, Event]:
    """A response that was made to call `get_weather`, and the call. Raises `NotComplied` if there is none."""
    await probe.user_text("What is the weather? city=Rome")
    asked = {
        "output_modalities": ["text"],
        "instructions": "Call the tool.",
        "tools": [WEATHER],
        "tool_choice": forced(),
        **response,
    }
    seen = await probe.respond(**asked)
    if not seen.calls:
        raise NotComplied("the model did not call the function")
    return seen, seen.calls[0]


async def create_or_error(probe: Probe, **response: Any) -> Event:
    """`response.create`, and the `response.created` or `error` that answers it."""
    await attempt(probe, "response.create", response=response)
    answer = await probe.maybe("error", "response.created", within=RESPONSE_WITHIN)
    if answer is None:
        raise Violation("response.create was answered by no response.created, and by no error")
    return answer


async def create(probe: Probe, refused: str, **response: Any) -> Event:
    """The `response.created` of a second, written answer; `refused` is said where an `error` came instead."""
    answer = await create_or_error(probe, **{**SECOND, **response})
    probe.check(answer["type"] == "response.created", refused, answer, "error")
    return answer


# --- refusals -----------------------------------------------------------------------------


async def alive(probe: Probe) -> None:
    """The session still answers: an update, which it confirms."""
    await probe.session(**({} if probe.kind == "translation" else {"instructions": _ALIVE}))


async def goes_on(probe: Probe, what: str) -> None:
    """The session still answers behind `what`, as `alive` asks it."""
    try:
        await alive(probe)
    except Violation as exc:
        raise Violation(f"the session did not go on behind {what}: {exc.message}", exc.event) from None


def errors(probe: Probe) -> list[Event]:
    """Every `error` so far."""
    return [event for event in probe.events if event["type"] == "error"]


async def attempt(probe: Probe, kind: str, /, **fields: Any) -> str:
    """Send an event that may be refused: an `error` for it ends no other waiting. Returns its `event_id`."""
    event_id = probe.new_id("event")
    await probe.send_raw(orjson.dumps({"type": kind, "event_id": event_id, **fields}))
    return event_id


async def refusal_of(
    probe: Probe, message: Mapping[str, Any] | str | bytes, what: str, *, binary: bool = False
) -> Event:
    """The one `error` that a bad message is answered with, on a session that stays alive.

    A mapping is sent with an `event_id` of ours unless it has one. `what` says in a
    violation what was not refused.
    """
    before = len(errors(probe))
    if isinstance(message, Mapping):
        message = orjson.dumps({"event_id": probe.new_id("event"), **message})
    await probe.send_raw(message, binary=binary)
    await goes_on(probe, what)
    error = await probe.maybe("error", within=_GRACE)
    if error is None:
        raise Violation(f"no error came for {what}, before the next command was done or soon after")
    probe.check(isinstance(error.get("error"), dict), "the error has no `error` object", error, "error")
    more = errors(probe)[before + 1 :]
    probe.check(not more, f"more than one error came for {what}", more[0] if more else None)
    return error


def check_error(probe: Probe, error: Event, **wanted: Any) -> None:
    """Fields of the inside of an `error`, as they must be (`code="invalid_value"`)."""
    for name, value in wanted.items():
        found = inside(error, "error").get(name)
        probe.check(found == value, f"the error's {name} is {found!r}, not {value!r}", error, f"error.{name}")

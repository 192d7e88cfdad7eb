"""Resilience: what odd, many and quick messages do not change."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ..case import Case, NotComplied, case
from ..collecting import alive, attempt, begin, check_status, done, errors, goes_on, inside
from ..probe import Probe
from ..seen import item_of

_case = partial(case, family="resilience", tokens=0, seconds=1.0)
_GOES_ON = "API reference, error (most errors are recoverable, the session stays open)"
_ITEMS = "API reference, conversation.item.create"
_JSON = "RFC 8259; API reference, client events are JSON objects"


# --- nothing of it ends the session, or anything else --------------------------------------

_NO_EVENTS = ("{", "", "[]", "17", "null", '"response.create"')
_WRONG_EVENTS = (
    '{"type": 5}',
    '{"type": "conformance.unknown"}',
    '{"type": "session.update", "session": 5}',
    '{"type": "conversation.item.create", "item": []}',
    '{"type": "response.create", "response": "now"}',
)


@_case(
    "RT-RESI-040",
    "The session survives wrong events",
    level="must",
    certainty="documented",
    rule="The session stays open through wrong events, and does what it is told next.",
    source=_GOES_ON,
    sends="five events that are wrong, then a session.update",
    expects="session.updated",
)
async def survives(probe: Probe) -> None:
    """Whatever was said about them."""
    for message in _WRONG_EVENTS:
        await probe.send_raw(message)
    await goes_on(probe, "wrong events")


@_case(
    "RT-RESI-044",
    "The session survives messages that are no events",
    level="should",
    certainty="inferred",
    rule="The session stays open through messages that are no JSON objects.",
    source=_GOES_ON,
    sends="six messages that are no events, then a session.update",
    expects="session.updated",
)
async def survives_no_events(probe: Probe) -> None:
    """Somebody else's words."""
    for message in _NO_EVENTS:
        await probe.send_raw(message)
    await goes_on(probe, "messages that are no events")


@_case(
    "RT-RESI-041",
    "A bad message leaves a running response alone",
    level="must",
    certainty="documented",
    rule="A response goes on to its own end when a bad message comes meanwhile.",
    source=_GOES_ON,
    sends="response.create for a long text, and an event of an unknown type while it runs",
    expects="response.done with status completed",
    needs=("text_out",),
    tokens=200,
    seconds=3.0,
)
async def response_survives(probe: Probe) -> None:
    """One has nothing to do with the other."""
    created = await begin(probe)
    await attempt(probe, "conformance.unknown")
    ended = await done(probe, created)
    check_status(probe, ended, "completed", "a bad message ended the running response with status {}")


@_case(
    "RT-RESI-042",
    "A refused item leaves the conversation as it was",
    level="must",
    certainty="documented",
    rule="An item that is refused is not added: the next one follows the one before it.",
    source=f"{_ITEMS}; {_GOES_ON}",
    sends="an item, an item with a wrong content part, another item",
    expects="the last item's previous_item_id equal to the first one's id",
    needs=("text_in",),
)
async def conversation_survives(probe: Probe) -> None:
    """All or nothing."""
    first = await probe.user_text("One")
    parts = [{"type": "input_text", "text": "Two"}, {"type": "conformance"}]
    bad = {"id": probe.new_id("item"), "type": "message", "role": "user", "content": parts}
    await attempt(probe, "conversation.item.create", item=bad)
    if await probe.maybe("error", within=10.0) is None:
        raise NotComplied("the item was not refused")
    last = await probe.user_text("Three")
    added = next(e for e in probe.events if item_of(e) == last["id"])
    found = added.get("previous_item_id")
    message = f"the item behind a refused one follows {found!r}, not {first['id']!r}"
    probe.check(found == first["id"], message, added, "previous_item_id")


@_case(
    "RT-RESI-043",
    "Each of many errors names its event",
    level="should",
    certainty="documented",
    rule="Many bad events are answered by as many errors, each with the `event_id` of its own.",
    source="API reference, error (error.event_id)",
    sends="twenty events of an unknown type",
    expects="twenty errors, one for each event_id",
)
async def errors_in_order(probe: Probe) -> None:
    """None is lost in the crowd."""
    sent = [await attempt(probe, "conformance.unknown") for _ in range(20)]
    await alive(probe)
    named = [
        inside(event, "error").get("event_id")
        for event in errors(probe)
        if isinstance(event.get("error"), dict)
    ]
    lost = [each for each in sent if each not in named]
    last = errors(probe)[-1] if errors(probe) else None
    message = f"{len(lost)} of 20 bad events were answered by no error that names them"
    probe.check(not lost, message, last, "error.event_id")
    probe.check(len(named) == len(sent), f"{len(named)} errors came for {len(sent)} bad events", last)


# --- odd, and survived --------------------------------------------------------------------


def _survives(case_id: str, what: str, message: str) -> Case:
    """A case: something odd is taken or refused, and the session goes on."""

    @_case(
        case_id,
        f"The session survives {what}",
        level="should",
        certainty="inferred",
        rule=f"After {what}, taken or refused, the session goes on.",
        source=_GOES_ON,
        sends=f"{what}, then a session.update",
        expects="session.updated",
    )
    async def run(probe: Probe) -> None:
        await probe.send_raw(message)
        await goes_on(probe, what)

    return run


def _text_item(json_text: str) -> str:
    """A `conversation.item.create` whose text is a JSON string as it stands."""
    part = f'{{"type": "input_text", "text": {json_text}}}'
    item = f'{{"type": "message", "role": "user", "content": [{part}]}}'
    return f'{{"type": "conversation.item.create", "item": {item}}}'


deep = _survives("RT-RESI-050", "JSON that is nested two thousand deep", "[" * 2000 + "]" * 2000)
deep_tool = _survives(
    "RT-RESI-051",
    "a tool's schema that is nested three hundred deep",
    '{"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function", '
    '"name": "deep", "parameters": ' + '{"items": ' * 300 + "{}" + "}" * 300 + "}]}}",
)
surrogate = _survives(
    "RT-RESI-052", "half of a surrogate pair", r'{"type": "conformance.unknown", "text": "\ud800"}'
)
nul = _survives("RT-RESI-053", "a NUL character", _text_item(r'"a\u0000b"'))
huge_number = _survives(
    "RT-RESI-054",
    "a number that no machine can hold",
    '{"type": "session.update", "session": {"type": "realtime", "max_output_tokens": 1e400}}',
)
nan = _survives(
    "RT-RESI-055",
    "NaN, which is no JSON",
    '{"type": "session.update", "session": {"type": "realtime", "max_output_tokens": NaN}}',
)
duplicate_keys = _survives(
    "RT-RESI-056",
    "an object with a key twice",
    '{"type": "conformance.unknown", "type": "input_audio_buffer.clear"}',
)
long_type = _survives(
    "RT-RESI-057", "a type of a hundred thousand characters", '{"type": "' + "x" * 100_000 + '"}'
)


# --- all of JSON --------------------------------------------------------------------------


def _understood(case_id: str, what: str, message: str) -> Case:
    """A case: another spelling of a `session.update` in JSON means the same."""

    @_case(
        case_id,
        f"JSON with {what} is understood",
        level="must",
        certainty="documented",
        rule=f"An event is a JSON object, however it is spelt: {what} is the same to a JSON parser.",
        source=_JSON,
        sends=f"a session.update, spelt with {what}",
        expects="session.updated",
    )
    async def run(probe: Probe) -> None:
        await probe.send_raw(message)
        answer = await probe.maybe("session.updated", "error", within=10.0)
        fits = answer is not None and answer["type"] != "error"
        probe.check(fits, f"an event spelt with {what} was not understood", answer)

    return run


_SESSION = '{"type":"realtime","instructions":"Be brief."}'
whitespace = _understood(
    "RT-RESI-060", "white space", f' \r\n\t{{ "type"\n:\t"session.update"\r ,"session" : {_SESSION}\n }} \n'
)
escapes = _understood(
    "RT-RESI-061", "escaped letters", r'{"\u0074ype":"session.\u0075pdate","session":' + _SESSION + "}"
)
type_last = _understood("RT-RESI-062", "the type last", f'{{"session":{_SESSION},"type":"session.update"}}')


# --- words and order ----------------------------------------------------------------------


def _kept(case_id: str, what: str, text: str) -> Case:
    """A case: a text comes back to the character."""

    @_case(
        case_id,
        f"{what[0].upper()}{what[1:]} comes back as it was",
        level="must",
        certainty="documented",
        rule=f"`conversation.item.added` has the content that was sent, to the character: {what}.",
        source="API reference, conversation.item.added (the full content of the item)",
        sends=f"a user message: {what}",
        expects="conversation.item.added with the same text",
        needs=("text_in",),
    )
    async def run(probe: Probe) -> None:
        item = await probe.user_text(text)
        added = next(e for e in probe.events if item_of(e) == item["id"])
        content: Any = item.get("content")
        part = content[0] if isinstance(content, list) and content and isinstance(content[0], dict) else {}
        found = part.get("text")
        message = f"a text of {len(text)} characters came back otherwise: {str(found)[:80]!r}"
        probe.check(found == text, message, added, "item.content[0].text")

    return run


unicode_text = _kept(
    "RT-RESI-070",
    "text of many scripts",
    'naïve “quotes” \\ / " \t 漢字 עברית हिन्दी e\u0301 👩‍🚀🏳️‍🌈 \u2028 𝄞',
)
long_text = _kept("RT-RESI-071", "text of ten thousand characters", "word and " * 1111 + "x")
empty_lines = _kept("RT-RESI-072", "text with blank lines at its ends", "\n\n  indented\n\n")


def _is_about(item_id: str) -> Callable[[dict[str, Any]], bool]:
    """Whether an event is about that item."""
    return lambda event: item_of(event) == item_id


@_case(
    "RT-RESI-080",
    "Events are carried out in the order they come",
    level="should",
    certainty="recorded",
    rule="Events sent without waiting are carried out in their order: twenty items form one list.",
    source="recorded sessions of the live API",
    sends="twenty conversation.item.create, one behind the other without waiting",
    expects="each item's previous_item_id equal to the id of the one before",
    needs=("text_in",),
)
async def in_order(probe: Probe) -> None:
    """Clients need not wait."""
    ids = [probe.new_id("item") for _ in range(20)]
    for number, item_id in enumerate(ids):
        content = [{"type": "input_text", "text": str(number)}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        await probe.send("conversation.item.create", item=item)
    for before, item_id in zip([None, *ids], ids, strict=False):
        kinds = ("conversation.item.added", "conversation.item.created")
        added = await probe.expect(*kinds, where=_is_about(item_id))
        found = added.get("previous_item_id")
        message = f"{item_id} follows {found!r}, and was sent behind {before!r}"
        probe.check(before is None or found == before, message, added, "previous_item_id")

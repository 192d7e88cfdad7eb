"""Responses: what `response.create` sets for one response, its limits, and what it is billed for."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..case import NotComplied, Unsupported, case
from ..collecting import inside, objects, only, say, speak
from ..probe import Probe
from ..seen import ResponseSeen

_text = partial(
    case,
    family="responses",
    sends="response.create for one written word",
    needs=("text_out",),
    tokens=60,
    seconds=1.5,
)
_CREATE = "API reference, response.create"
_RESPONSE = "API reference, the Response object"


@_text(
    "RT-RESP-050",
    "Metadata comes back",
    level="must",
    certainty="documented",
    rule="`metadata` of `response.create` is in the `response` of `response.created` and `response.done`.",
    source=_CREATE,
    expects="the same metadata in both",
)
async def metadata(probe: Probe) -> None:
    """Clients tell responses apart by it."""
    given = {"purpose": "conformance", "n": "1"}
    seen = await say(probe, metadata=given)
    for event in (seen.created, seen.done):
        found = inside(event, "response").get("metadata")
        message = f"the metadata of {event['type']} is {found!r}, not {given!r}"
        probe.check(found == given, message, event, "response.metadata")


@_text(
    "RT-RESP-051",
    "What a response sets is for it alone",
    level="must",
    certainty="documented",
    rule="`instructions` and the like in `response.create` override the session's for this response only.",
    source=_CREATE,
    sends="a session.update, a response.create with instructions of its own, a session.update of nothing",
    expects="session.updated with the session's own instructions",
)
async def overrides_are_local(probe: Probe) -> None:
    """The session is as before."""
    before = await probe.session(instructions="Be brief.")
    await say(probe, max_output_tokens=200)
    after = await probe.session()
    for name in ("instructions", "max_output_tokens", "output_modalities"):
        message = (
            f"the session's {name} changed with a response's: {before.get(name)!r} to {after.get(name)!r}"
        )
        probe.check(before.get(name) == after.get(name), message, probe.events[-1], f"session.{name}")


@_text(
    "RT-RESP-052",
    "A response in text has no audio",
    level="must",
    certainty="documented",
    rule='`output_modalities: ["text"]` disables audio output, and the response says that it is in text.',
    source=_CREATE,
    expects='text deltas, no audio or transcript, output_modalities ["text"]',
)
async def text_only(probe: Probe) -> None:
    """Whatever the session's modality is."""
    seen = await say(probe)
    heard = [e for e in seen.events if e["type"].startswith("response.output_audio")]
    probe.check(not heard, "a response in text had audio", heard[0] if heard else None)
    found = seen.response.get("output_modalities")
    message = f"output_modalities of a response in text is {found!r}"
    probe.check(found == ["text"], message, seen.done, "response.output_modalities")


@_text(
    "RT-RESP-053",
    "A response may be spoken in another format",
    level="should",
    certainty="documented",
    rule="`audio.output.format` of `response.create` holds for this response, and its object shows it.",
    source=f"{_CREATE}; the Response object",
    sends="response.create for one spoken word in G.711 mu-law",
    expects="response.audio.output.format.type audio/pcmu",
    needs=("audio_out",),
    tokens=120,
    seconds=2.5,
)
async def own_format(probe: Probe) -> None:
    """Shown where it is in force."""
    seen = await speak(probe, audio={"output": {"format": {"type": "audio/pcmu"}}})
    node: Any = seen.response
    for step in ("audio", "output", "format", "type"):
        node = node.get(step) if isinstance(node, dict) else None
    path = "response.audio.output.format.type"
    probe.check(node == "audio/pcmu", f"the response's format is {node!r}, not 'audio/pcmu'", seen.done, path)


# --- limits -------------------------------------------------------------------------------

_limited = partial(
    _text, sends="response.create for a long text with max_output_tokens 8", tokens=50, seconds=1.0
)


async def _cut(probe: Probe) -> ResponseSeen:
    """A response that meets its limit. Raises `NotComplied` if it needed less."""
    words = only(" ".join(["one two three four five six seven eight nine ten"] * 3))
    seen = await probe.respond(output_modalities=["text"], max_output_tokens=8, instructions=words)
    spent = _number(seen.usage.get("output_tokens", len(seen.text) // 4))
    if seen.status == "completed" and spent < 6:
        raise NotComplied("the model needed less than the limit")
    return seen


@_limited(
    "RT-RESP-054",
    "A response that meets its limit is incomplete",
    level="must",
    certainty="documented",
    rule="At `max_output_tokens` a response ends `incomplete`, with the reason `max_output_tokens`.",
    source=_RESPONSE,
    expects="status incomplete, status_details.reason max_output_tokens",
)
async def limit(probe: Probe) -> None:
    """Cut short, and honest about it."""
    seen = await _cut(probe)
    message = f"a response of {len(seen.text)} characters with a limit of 8 tokens is {seen.status!r}"
    probe.check(seen.status == "incomplete", message, seen.done, "response.status")
    details = seen.response.get("status_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    message = f"its reason is {reason!r}, not 'max_output_tokens'"
    probe.check(reason == "max_output_tokens", message, seen.done, "response.status_details.reason")


@_limited(
    "RT-RESP-055",
    "The item that met the limit is incomplete",
    level="should",
    certainty="documented",
    rule="The item in which a response met its limit has the status `incomplete`.",
    source="API reference, the Item object",
    expects="the item with status incomplete",
)
async def limit_item(probe: Probe) -> None:
    """The item says so too."""
    seen = await _cut(probe)
    if seen.status != "incomplete":
        raise NotComplied("the response was not cut short")
    found = seen.output[-1].get("status") if seen.output else "incomplete"
    message = f"the item's status is {found!r}, not 'incomplete'"
    probe.check(found == "incomplete", message, seen.done, "response.output[0].status")


@_limited(
    "RT-RESP-056",
    "The limit is kept",
    level="should",
    certainty="documented",
    rule="A response has no more output tokens than its `max_output_tokens`.",
    source=_CREATE,
    expects="usage.output_tokens at most 8",
)
async def limit_kept(probe: Probe) -> None:
    """No more than that is billed."""
    seen = await _cut(probe)
    spent = _usage(seen).get("output_tokens")
    message = f"{spent!r} output tokens with a limit of 8"
    probe.check(isinstance(spent, int) and spent <= 8, message, seen.done, "response.usage.output_tokens")


# --- usage --------------------------------------------------------------------------------


def _number(value: Any) -> int:
    """A count of tokens; 0 where there is none."""
    return value if isinstance(value, int) else 0


def _usage(seen: ResponseSeen) -> dict[str, Any]:
    """What was billed. Raises `Unsupported` where nothing is."""
    if not seen.usage:
        raise Unsupported("the server sends no usage")
    return seen.usage


@_text(
    "RT-RESP-057",
    "A finished response has its usage",
    level="should",
    certainty="documented",
    rule="`response.done` has `usage` with `input_tokens`, `output_tokens` and `total_tokens`.",
    source=_RESPONSE,
    expects="three whole numbers, the first two above zero",
)
async def usage_present(probe: Probe) -> None:
    """What it cost."""
    seen = await say(probe)
    for name, least in (("input_tokens", 1), ("output_tokens", 1), ("total_tokens", 2)):
        found = seen.usage.get(name)
        fits = isinstance(found, int) and not isinstance(found, bool) and found >= least
        probe.check(fits, f"usage.{name} is {found!r}", seen.done, f"response.usage.{name}")


@_text(
    "RT-RESP-058",
    "Usage adds up",
    level="must",
    certainty="documented",
    rule="`total_tokens` is `input_tokens` plus `output_tokens`.",
    source=_RESPONSE,
    expects="the sum",
)
async def usage_total(probe: Probe) -> None:
    """In and out make all."""
    seen = await say(probe)
    usage = _usage(seen)
    given, made, total = (usage.get(f"{name}_tokens") for name in ("input", "output", "total"))
    fits = all(isinstance(each, int) for each in (given, made, total)) and (given or 0) + (made or 0) == total
    message = f"{given!r} input tokens and {made!r} output tokens are {total!r} in all"
    probe.check(fits, message, seen.done, "response.usage.total_tokens")


@_text(
    "RT-RESP-059",
    "The details of the input add up",
    level="should",
    certainty="documented",
    rule="Text, audio and image tokens of `input_token_details` are `input_tokens` together.",
    source=_RESPONSE,
    expects="the sum",
)
async def usage_details(probe: Probe) -> None:
    """By kind, the same number."""
    seen = await say(probe)
    details = _usage(seen).get("input_token_details")
    if not isinstance(details, dict):
        raise Unsupported("the server sends no input_token_details")
    kinds = [_number(details.get(f"{name}_tokens")) for name in ("text", "audio", "image")]
    whole = seen.usage.get("input_tokens")
    message = f"text, audio and image tokens are {kinds}, and input_tokens is {whole!r}"
    probe.check(sum(kinds) == whole, message, seen.done, "response.usage.input_token_details")


@_text(
    "RT-RESP-060",
    "The conversation is what a response is given",
    level="should",
    certainty="recorded",
    rule="A response is given the whole conversation: a longer one means more `input_tokens`.",
    source="API reference, the Response object; recorded sessions of the live API",
    sends="response.create, a user message of forty words, response.create",
    expects="at least thirty more input tokens in the second response",
    tokens=300,
    seconds=3.0,
)
async def context_grows(probe: Probe) -> None:
    """What was said is remembered, as the bill shows."""
    first = await say(probe)
    await probe.user_text(" ".join(["zebra", "walnut", "harbour", "velvet", "copper"] * 8))
    second = await say(probe)
    before, after = (_number(_usage(each).get("input_tokens")) for each in (first, second))
    if not after:
        raise Unsupported("the server counts no input tokens")
    message = f"{before} input tokens before a message of forty words, {after} with it"
    probe.check(after >= before + 30, message, second.done, "response.usage.input_tokens")


@_text(
    "RT-RESP-061",
    "Rate limits, where they are told, make sense",
    level="may",
    certainty="documented",
    rule="Each entry of `rate_limits.updated` has a `name`, and `remaining` is at most `limit`.",
    source="API reference, rate_limits.updated",
    expects="rate_limits.updated with sound numbers",
)
async def rate_limits(probe: Probe) -> None:
    """Optional; if it comes it can be used."""
    await say(probe)
    event = await probe.maybe("rate_limits.updated")
    if event is None:
        raise Unsupported("the server tells no rate limits")
    for entry in objects(event.get("rate_limits")):
        most, left = entry.get("limit"), entry.get("remaining")
        fits = isinstance(most, int) and isinstance(left, int) and 0 <= left <= most
        probe.check(fits and entry.get("name"), f"a rate limit is {entry!r}", event, "rate_limits[0]")

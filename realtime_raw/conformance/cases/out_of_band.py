"""Responses out of band: beside the conversation, at the same time, from a context of their own."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from ..case import NotComplied, Unsupported, case
from ..collecting import (
    attempt,
    begin,
    cancel,
    check_status,
    create,
    done,
    inside,
    objects,
    only,
    part_of,
    refusal_of,
    say,
    words_of,
)
from ..probe import Probe
from ..seen import ResponseSeen, item_of, response_of

_side = partial(
    case,
    family="out_of_band",
    sends='response.create with conversation "none"',
    needs=("text_out", "out_of_band"),
    tokens=60,
    seconds=1.5,
)
_beside = partial(
    _side,
    sends='a response.create for the conversation, and one with conversation "none" beside it',
    tokens=350,
    seconds=3.0,
)
_CREATE = "API reference, response.create"
_GUIDE = "Realtime guide, responses outside the default conversation"


# --- the conversation is left alone -------------------------------------------------------


@_side(
    "RT-OOB-001",
    "A response out of band is in no conversation",
    level="must",
    certainty="documented",
    rule='With `conversation: "none"` the response\'s `conversation_id` is null.',
    source="API reference, the Response object",
    expects="conversation_id null in response.created and response.done",
)
async def no_conversation(probe: Probe) -> None:
    """It says so itself."""
    seen = await say(probe, conversation="none")
    for event in (seen.created, seen.done):
        found = inside(event, "response").get("conversation_id")
        message = f"conversation_id of a response out of band is {found!r}, not null"
        probe.check(found is None, message, event, "response.conversation_id")


@_side(
    "RT-OOB-002",
    "Its items are not added to the conversation",
    level="must",
    certainty="documented",
    rule="What a response out of band says is not added to the default conversation.",
    source=_CREATE,
    sends='a user message, a response.create with conversation "none", another user message',
    expects="the second message's previous_item_id equal to the first message's id",
)
async def not_added(probe: Probe) -> None:
    """The list of items is the same as before."""
    first = await probe.user_text("One")
    await say(probe, conversation="none")
    await _follows(probe, first["id"], "the answer out of band")


async def _follows(probe: Probe, item_id: str, what: str, *, unless: Collection[Any] = ()) -> None:
    """A new message, which must be the next behind `item_id`: `what` is not in between.

    Raises `NotComplied` if one of `unless` is, which is another case's rule.
    """
    content = [{"type": "input_text", "text": "Two"}]
    item = {"id": probe.new_id("item"), "type": "message", "role": "user", "content": content}
    await probe.send("conversation.item.create", item=item)
    added = await probe.expect(
        "conversation.item.added", "conversation.item.created", where=lambda e: item_of(e) == item["id"]
    )
    found = added.get("previous_item_id")
    if found in unless:
        raise NotComplied("the answer out of band is in the conversation, so nothing can be told of the rest")
    message = f"the next message follows {found!r}, not {item_id!r}: {what} is in the conversation"
    probe.check(found == item_id, message, added, "previous_item_id")


@_side(
    "RT-OOB-003",
    "Its items are not announced for the conversation",
    level="should",
    certainty="inferred",
    rule="`conversation.item.added` and `.done` are not sent for the items of a response out of band.",
    source="API reference, conversation.item.added (items of the default conversation)",
    expects="no conversation.item events",
)
async def not_announced(probe: Probe) -> None:
    """Mirrors of the conversation stay right."""
    seen = await say(probe, conversation="none")
    found = [e for e in seen.events if e["type"].startswith("conversation.item.")]
    kind = found[0]["type"] if found else ""
    probe.check(not found, f"{kind} came for an item out of band", found[0] if found else None)


@_side(
    "RT-OOB-004",
    "It has its own course in full",
    level="must",
    certainty="documented",
    rule="A response out of band has items, parts and deltas from its created to its done, like any other.",
    source=_CREATE,
    expects="output_item.added, text deltas, output_item.done, and a completed response.done",
)
async def full_course(probe: Probe) -> None:
    """A response like others, but for where it goes."""
    seen = await say(probe, conversation="none")
    for kind in ("response.output_item.added", "response.output_text.delta", "response.output_item.done"):
        probe.check(seen.of(kind), f"{kind} did not come in a response out of band", seen.done)


@_side(
    "RT-OOB-005",
    "Its metadata comes back",
    level="must",
    certainty="documented",
    rule="`metadata` is in `response.created` and `response.done` of a response out of band.",
    source=_GUIDE,
    expects="the same metadata in both",
)
async def metadata(probe: Probe) -> None:
    """How its answer is told from the conversation's."""
    given = {"topic": "classification"}
    seen = await say(probe, conversation="none", metadata=given)
    for event in (seen.created, seen.done):
        found = inside(event, "response").get("metadata")
        message = f"the metadata of {event['type']} is {found!r}, not {given!r}"
        probe.check(found == given, message, event, "response.metadata")


# --- a context of its own -----------------------------------------------------------------

_WORDS = " ".join(["zebra", "walnut", "harbour", "velvet", "copper"] * 8)
_context = partial(
    _side,
    sends="a user message of forty words, and responses with and without `input`",
    tokens=350,
    seconds=3.0,
)


def _given(seen: ResponseSeen) -> int:
    """Its input tokens. Raises `Unsupported` where they are not told, or not counted."""
    found = seen.usage.get("input_tokens")
    if not isinstance(found, int) or found <= 0:
        raise Unsupported("the server counts no input tokens, so what a response was given cannot be told")
    return found


def _check_less(
    probe: Probe, less: ResponseSeen, with_: str, more: ResponseSeen, than: str, *, of: ResponseSeen
) -> None:
    """One response was given thirty tokens less than another; `of` is the one that the case is about."""
    message = f"{_given(less)} input tokens with {with_}, {_given(more)} with {than}"
    probe.check(_given(less) <= _given(more) - 30, message, of.done, "response.usage.input_tokens")


@_context(
    "RT-OOB-006",
    "An empty input is an empty context",
    level="must",
    certainty="documented",
    rule="`input: []` clears the context: the conversation is not given to the response.",
    source=_CREATE,
    expects="at least thirty input tokens less with `input: []`",
)
async def empty_input(probe: Probe) -> None:
    """Nothing of what was said."""
    await probe.user_text(_WORDS)
    whole = await say(probe, conversation="none")
    empty = await say(probe, conversation="none", input=[])
    _check_less(probe, empty, "an empty input", whole, "the conversation", of=empty)


@_context(
    "RT-OOB-007",
    "Input replaces the conversation",
    level="must",
    certainty="documented",
    rule="`input` creates a new context of its items, in place of the conversation.",
    source=_CREATE,
    expects="at least thirty input tokens less with a short input",
)
async def input_replaces(probe: Probe) -> None:
    """These items and no others."""
    await probe.user_text(_WORDS)
    whole = await say(probe, conversation="none")
    short = await say(probe, conversation="none", input=[_message("Hello")])
    _check_less(probe, short, "one short message", whole, "the conversation", of=short)


@_context(
    "RT-OOB-008",
    "Input is given to the response",
    level="must",
    certainty="documented",
    rule="The items of `input` are what the response is given.",
    source=_CREATE,
    sends="responses with an empty `input`, and with one of forty words",
    expects="at least thirty input tokens more with the forty words",
)
async def input_is_given(probe: Probe) -> None:
    """It reads what it is given."""
    empty = await say(probe, conversation="none", input=[])
    long = await say(probe, conversation="none", input=[_message(_WORDS)])
    _check_less(probe, empty, "an empty input", long, "forty words", of=long)


@_context(
    "RT-OOB-009",
    "Input may refer to items of the conversation",
    level="must",
    certainty="documented",
    rule="`input` may hold `item_reference`s, which stand for items of the session.",
    source=f"{_CREATE}; {_GUIDE}",
    sends="a user message of forty words, and responses with an empty `input`, and with a reference to it",
    expects="at least thirty input tokens more with the reference",
)
async def references(probe: Probe) -> None:
    """By id, without sending it again."""
    item = await probe.user_text(_WORDS)
    empty = await say(probe, conversation="none", input=[])
    known = await say(probe, conversation="none", input=[{"type": "item_reference", "id": item["id"]}])
    _check_less(probe, empty, "an empty input", known, "a reference", of=known)


@_side(
    "RT-OOB-010",
    "Input does not enter the conversation",
    level="must",
    certainty="documented",
    rule="Items of `input` are context for one response, and are not added to the conversation.",
    source=f"{_CREATE}; {_GUIDE}",
    sends="a user message, a response out of band with `input`, another user message",
    expects="the second message's previous_item_id equal to the first message's id",
)
async def input_not_added(probe: Probe) -> None:
    """Used, and forgotten."""
    first = await probe.user_text("One")
    seen = await say(probe, conversation="none", input=[_message("A question of its own")])
    answers = {item_of(event) for event in seen.events} | {item.get("id") for item in seen.output}
    await _follows(probe, first["id"], "an item of `input`", unless=answers)


@_side(
    "RT-OOB-011",
    "A reference to nothing is refused",
    level="should",
    certainty="inferred",
    rule="An `item_reference` to an unknown item is answered by an error, and no response starts.",
    source=_CREATE,
    sends="response.create with a reference to item_c_nowhere",
    expects="error, no response.created",
    tokens=0,
)
async def unknown_reference(probe: Probe) -> None:
    """There is nothing to give."""
    error, started = await _refused(
        probe, "a reference to an unknown item", input=[{"type": "item_reference", "id": "item_c_nowhere"}]
    )
    probe.check(started is None, "a response was created from a reference to nothing", started)
    probe.check(inside(error, "error").get("message"), "the error has no message", error, "error.message")


async def _refused(probe: Probe, what: str, **response: Any) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The `error` for a response out of band, and the `response.created` that came all the same."""
    asked = {"type": "response.create", "response": {"conversation": "none", **response}}
    error = await refusal_of(probe, asked, what)
    return error, next((e for e in probe.events if e["type"] == "response.created"), None)


def _message(text: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content}


# --- side by side -------------------------------------------------------------------------


@_beside(
    "RT-OOB-012",
    "It may run beside the conversation's response",
    level="must",
    certainty="documented",
    rule="A response out of band is created while another is writing to the default conversation.",
    source=_CREATE,
    expects="response.created while the first is running",
)
async def beside(probe: Probe) -> None:
    """The gate is the conversation's alone."""
    first = await begin(probe)
    refused = "a response out of band was refused while the conversation's was running"
    answer = await create(probe, refused, conversation="none")
    for each in (answer, first):
        await done(probe, each)


@_beside(
    "RT-OOB-013",
    "It does not close the conversation's gate",
    level="must",
    certainty="documented",
    rule="While a response out of band is running, one for the default conversation is created.",
    source=_CREATE,
    sends='a long response.create with conversation "none", and one for the conversation beside it',
    expects="response.created for the second",
)
async def gate_stays_open(probe: Probe) -> None:
    """It takes nobody's place."""
    side = await begin(probe, conversation="none")
    answer = await create(probe, "a response was refused for one that is running out of band")
    for each in (answer, side):
        await done(probe, each)


@_beside(
    "RT-OOB-014",
    "Several may run at a time",
    level="must",
    certainty="documented",
    rule="Any number of responses out of band are created in parallel, each with an id of its own.",
    source=_CREATE,
    sends='three response.create with conversation "none", one behind the other',
    expects="three response.created with three ids, three response.done",
)
async def several(probe: Probe) -> None:
    """In parallel, not in a queue that refuses."""
    for number in ("one", "two", "three"):
        asked = {"conversation": "none", "output_modalities": ["text"], "instructions": only(number)}
        await probe.send("response.create", response=asked)
    created = [await probe.expect("response.created") for _ in range(3)]
    ids = {response_of(each) for each in created}
    probe.check(len(ids) == 3, f"three responses have {len(ids)} ids", created[-1], "response.id")
    for each in created:
        await done(probe, each)


@_beside(
    "RT-OOB-015",
    "Words of parallel responses are told apart",
    level="must",
    certainty="documented",
    rule="Each delta names its response: each response's deltas join to its own final text.",
    source=_CREATE,
    expects="two texts, each equal to the deltas with its response_id",
)
async def told_apart(probe: Probe) -> None:
    """No word in the wrong mouth."""
    first = await begin(probe)
    side = await begin(probe, conversation="none")
    for created in (first, side):
        ended = await done(probe, created)
        said = "".join(str(e.get("delta", "")) for e in part_of(probe, created, "response.output_text.delta"))
        kept = "".join(words_of(item) for item in objects(inside(ended, "response").get("output")))
        message = f"the response's text has {len(kept)} characters, and deltas with its id have {len(said)}"
        probe.check(kept == said, message, ended, "response.output")


@_beside(
    "RT-OOB-016",
    "A bare cancel is for the conversation's response",
    level="must",
    certainty="documented",
    rule="`response.cancel` without an id cancels the default conversation's response, none out of band.",
    source="API reference, response.cancel",
    sends="a long response out of band, a long one for the conversation, and response.cancel",
    expects="the conversation's response cancelled, the other completed",
    needs=("text_out", "out_of_band"),
)
async def bare_cancel(probe: Probe) -> None:
    """The side one goes on."""
    side = await begin(probe, conversation="none", speaking=False)
    first = await begin(probe, speaking=False)
    await cancel(probe, first)
    ended = await done(probe, side)
    what = "the response out of band ended with status {} when the conversation's was cancelled"
    check_status(probe, ended, "completed", what)


@_beside(
    "RT-OOB-017",
    "It is cancelled by its id",
    level="must",
    certainty="documented",
    rule="`response.cancel` with the id of a response out of band cancels that one.",
    source="API reference, response.cancel",
    sends='a long response.create with conversation "none", and response.cancel with its id',
    expects="response.done with status cancelled",
    needs=("text_out", "out_of_band"),
)
async def cancel_by_id(probe: Probe) -> None:
    """Named, it ends."""
    side = await begin(probe, conversation="none")
    ended = await cancel(probe, side, claimed=True, response_id=response_of(side))
    check_status(probe, ended, "cancelled", "it ended with status {}")


@_beside(
    "RT-OOB-018",
    "A bare cancel does not find it",
    level="should",
    certainty="inferred",
    rule="`response.cancel` without an id is an error when only responses out of band are running.",
    source="API reference, response.cancel",
    sends='a long response.create with conversation "none", and a bare response.cancel',
    expects="error, and the response completed",
    needs=("text_out", "out_of_band"),
)
async def bare_cancel_finds_nothing(probe: Probe) -> None:
    """There is nothing in the conversation to cancel."""
    side = await begin(probe, conversation="none")
    await attempt(probe, "response.cancel")
    ended = await done(probe, side)
    check_status(probe, ended, "completed", "a bare response.cancel ended a response out of band: {}")
    error = await probe.maybe("error")
    probe.check(error is not None, "a bare response.cancel with nothing to cancel was not refused", ended)


@_beside(
    "RT-OOB-019",
    "Speech does not interrupt it",
    level="should",
    certainty="documented",
    rule="`interrupt_response` is for the default conversation's response: one out of band goes on.",
    source="API reference, turn_detection",
    sends='a long response.create with conversation "none", and speech while it runs',
    expects="speech_started, and the response completed",
    needs=("text_out", "out_of_band", "vad", "audio_in"),
    seconds=6.0,
)
async def not_interrupted(probe: Probe) -> None:
    """The user interrupts who speaks to them."""
    vad = {"type": "server_vad", "create_response": False, "interrupt_response": True}
    await probe.session(audio={"input": {"turn_detection": vad}})
    side = await begin(probe, conversation="none")
    await probe.append_speech(1.0)
    started = await probe.maybe("input_audio_buffer.speech_started", within=10.0)
    ended = await done(probe, side)
    if started is None:
        raise Unsupported("the server did not hear the speech")
    if probe.index(ended) < probe.index(started):
        raise NotComplied("the response was over before the speech was heard")
    check_status(probe, ended, "completed", "speech ended it with status {}")


@_side(
    "RT-OOB-020",
    "Metadata is limited to sixteen entries",
    level="should",
    certainty="documented",
    rule="`metadata` may have 16 entries, keys of 64 and values of 512 characters; more is refused.",
    source="API reference, metadata",
    sends="response.create with seventeen entries of metadata",
    expects="error, no response.created",
    tokens=0,
)
async def metadata_limit(probe: Probe) -> None:
    """Seventeen are too many."""
    _, started = await _refused(
        probe, "metadata of seventeen entries", metadata={f"key{n}": "x" for n in range(17)}
    )
    probe.check(started is None, "a response with seventeen entries of metadata was created", started)

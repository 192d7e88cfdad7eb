"""Responses: what a response says of itself from `response.created` to `response.done`."""

from __future__ import annotations

from functools import partial
from typing import Any

import pybase64

from ..case import Unsupported, Violation, case
from ..collecting import say, speak, words_of
from ..probe import Probe
from ..seen import ResponseSeen, item_of, response_of

_text = partial(
    case,
    family="responses",
    sends="response.create for one written word",
    needs=("text_out",),
    tokens=60,
    seconds=1.5,
)
_audio = partial(
    case,
    family="responses",
    sends="response.create for one spoken word",
    needs=("audio_out",),
    tokens=120,
    seconds=2.5,
)
_CREATED = "API reference, response.created"
_DONE = "API reference, response.done"
_RESPONSE = "API reference, the Response object"


def _first(seen: ResponseSeen, kind: str) -> dict[str, Any]:
    """The first event of one type. Raises `Violation` if there is none."""
    found = seen.of(kind)
    if not found:
        raise Violation(f"{kind} did not come in the response", seen.done)
    return found[0]


# --- the frame ----------------------------------------------------------------------------


@_text(
    "RT-RESP-001",
    "A response begins in progress",
    level="must",
    certainty="documented",
    rule="`response.created` is the first event of a response, and its `status` is `in_progress`.",
    source=_CREATED,
    expects="response.created with status in_progress, before anything else of it",
)
async def begins(probe: Probe) -> None:
    """Announced first, and under way."""
    seen = await say(probe)
    status = seen.created["response"].get("status")
    probe.check(
        status == "in_progress",
        f"response.created says status {status!r}, not 'in_progress'",
        seen.created,
        "response.status",
    )
    first = next((e for e in probe.events if response_of(e) == seen.id), seen.created)
    probe.check(first is seen.created, f"{first['type']} came before response.created", first)


@_text(
    "RT-RESP-002",
    "A response that says all it has to say is completed",
    level="must",
    certainty="documented",
    rule="The `status` in `response.done` is `completed` for a response that came to its own end.",
    source=_DONE,
    expects="response.done with status completed",
)
async def completed(probe: Probe) -> None:
    """Its end, in the one word that means success."""
    asked = {"output_modalities": ["text"], "instructions": "Say only: pineapple"}
    seen = await probe.respond(**asked)
    probe.check(
        seen.status == "completed",
        f"a short answer ended with status {seen.status!r}, not 'completed'",
        seen.done,
        "response.status",
    )


@_text(
    "RT-RESP-003",
    "Nothing of a response follows its done",
    level="must",
    certainty="documented",
    rule="`response.done` is a response's last event: no other event with its id follows.",
    source=_DONE,
    expects="response.done, and then nothing of that response",
)
async def done_is_last(probe: Probe) -> None:
    """Done means done."""
    seen = await say(probe)
    await probe.maybe("response.done", where=lambda e: response_of(e) == seen.id)
    after = probe.events[probe.index(seen.done) + 1 :]
    late = next((e for e in after if response_of(e) == seen.id), None)
    probe.check(
        late is None, f"{late['type'] if late else ''} came behind its response's response.done", late
    )


@_text(
    "RT-RESP-004",
    "A new response is empty",
    level="should",
    certainty="recorded",
    rule="In `response.created`, `output` is empty and `usage` is null.",
    source="recorded sessions of the live API",
    expects="response.created with output [] and usage null",
)
async def created_is_empty(probe: Probe) -> None:
    """Nothing was said, nothing is billed."""
    created = (await say(probe)).created
    response = created["response"]
    probe.check(response.get("output") == [], "a new response has output already", created, "response.output")
    probe.check(response.get("usage") is None, "a new response has usage already", created, "response.usage")


@_text(
    "RT-RESP-005",
    "Each response has an id of its own",
    level="must",
    certainty="documented",
    rule="A response's `id` is unique in its session, the same from `response.created` to `response.done`.",
    source=_RESPONSE,
    sends="two response.create, one after the other",
    expects="two different ids",
    tokens=120,
    seconds=3.0,
)
async def ids_differ(probe: Probe) -> None:
    """Two responses, two ids."""
    first, second = await say(probe), await say(probe)
    probe.check(bool(first.id), "the response has no id", first.created, "response.id")
    probe.check(
        first.id != second.id, "a second response has the id of the first", second.created, "response.id"
    )


@_text(
    "RT-RESP-006",
    "The response object says what it is",
    level="must",
    certainty="documented",
    rule="`response.object` is `realtime.response`, in `response.created` and in `response.done`.",
    source=_RESPONSE,
    expects="object realtime.response",
)
async def object_name(probe: Probe) -> None:
    """By its `object`."""
    seen = await say(probe)
    for event in (seen.created, seen.done):
        found = event["response"].get("object")
        probe.check(
            found == "realtime.response",
            f"{event['type']} has object {found!r}, not 'realtime.response'",
            event,
            "response.object",
        )


@_text(
    "RT-RESP-007",
    "The response says which conversation it is added to",
    level="must",
    certainty="documented",
    rule="`response.conversation_id` is an id, the same for every response of the default conversation.",
    source=_RESPONSE,
    sends="two response.create, one after the other",
    expects="the same conversation_id in both",
    tokens=120,
    seconds=3.0,
)
async def conversation_id(probe: Probe) -> None:
    """The default conversation has one name."""
    first, second = await say(probe), await say(probe)
    path = "response.conversation_id"
    name = first.response.get("conversation_id")
    probe.check(bool(name) and isinstance(name, str), "the response names no conversation", first.done, path)
    other = second.response.get("conversation_id")
    probe.check(name == other, f"the conversation was {name!r}, and is {other!r} now", second.done, path)


@_text(
    "RT-RESP-008",
    "The details of a completed response are no failure",
    level="should",
    certainty="recorded",
    rule="`status_details` of a completed response is null, or an object whose `type` is `completed`.",
    source="recorded sessions of the live API; API reference, the Response object",
    expects='status_details null or {"type": "completed"}',
)
async def completed_details(probe: Probe) -> None:
    """Null, or the same word again."""
    seen = await say(probe)
    details = seen.response.get("status_details")
    fits = details is None or (isinstance(details, dict) and details.get("type") == "completed")
    probe.check(
        fits, f"status_details of a completed response is {details!r}", seen.done, "response.status_details"
    )


@_text(
    "RT-RESP-009",
    "response.create needs no response object",
    level="must",
    certainty="documented",
    rule="`response` in `response.create` is optional: without it the session's settings hold.",
    source="API reference, response.create",
    sends="response.create with nothing but its type, in a session set to text",
    expects="a response in text, as the session says",
)
async def bare_create(probe: Probe) -> None:
    """The session's settings are enough."""
    await probe.session(output_modalities=["text"], instructions="Say only: pineapple")
    await probe.user_text("Hello")
    seen = await probe.respond()
    probe.check(
        not seen.of("response.output_audio.delta") and bool(seen.of("response.output_text.delta")),
        "a bare response.create was not answered in the session's modality, text",
        seen.done,
        "response.output",
    )


@_text(
    "RT-RESP-010",
    "A response needs no conversation before it",
    level="should",
    certainty="observed",
    rule="`response.create` works in an empty conversation: the model speaks from its instructions.",
    source="observed on the live API",
    sends="response.create as the session's first event",
    expects="a response that is completed",
)
async def empty_conversation(probe: Probe) -> None:
    """The assistant may speak first."""
    await probe.send(
        "response.create", response={"output_modalities": ["text"], "instructions": "Greet the user."}
    )
    answer = await probe.expect("response.created", "error")
    probe.check(answer["type"] != "error", "a response in an empty conversation was refused", answer, "error")


# --- items and parts ----------------------------------------------------------------------


@_text(
    "RT-RESP-011",
    "An item is added before anything is said in it",
    level="must",
    certainty="documented",
    rule="`response.output_item.added` comes before the content events of its item, `.done` behind them.",
    source="API reference, response.output_item.added and .done",
    expects="output_item.added, the content, output_item.done",
)
async def item_frames_content(probe: Probe) -> None:
    """The item's frame is around its content."""
    seen = await say(probe)
    delta = _first(seen, "response.output_text.delta")
    mine = [e["type"] for e in seen.events if item_of(e) == item_of(delta) and "response_id" in e]
    probe.check(
        mine[0] == "response.output_item.added", f"{mine[0]} came before response.output_item.added", delta
    )
    probe.check(
        mine[-1] == "response.output_item.done",
        f"the item's last event is {mine[-1]}, not response.output_item.done",
        delta,
    )


@_text(
    "RT-RESP-012",
    "Output items are counted from zero",
    level="must",
    certainty="documented",
    rule="`output_index` is the item's place in the response's `output`, from 0.",
    source="API reference, response.output_item.added; the Response object",
    expects="each output_item.done's item at its output_index in response.done",
)
async def output_index(probe: Probe) -> None:
    """The index is the place in the list."""
    seen = await say(probe)
    for event in seen.of("response.output_item.added", "response.output_item.done"):
        index = event.get("output_index")
        places = range(len(seen.output))
        probe.check(
            index in places,
            f"output_index is {index!r}, and response.done has {len(seen.output)} items",
            event,
            "output_index",
        )
        listed = seen.output[int(index or 0)].get("id")
        probe.check(
            listed == item_of(event),
            f"output_index {index} is {listed!r} in response.done, and {item_of(event)!r} here",
            event,
            "output_index",
        )


@_text(
    "RT-RESP-013",
    "response.done has the items that were done",
    level="must",
    certainty="documented",
    rule="`response.done` includes all output items, as `response.output_item.done` had them.",
    source=_DONE,
    expects="output equal to the items of output_item.done, in id, type, status and words",
)
async def output_is_whole(probe: Probe) -> None:
    """The list at the end is what was announced."""
    seen = await say(probe)
    for event in seen.of("response.output_item.done"):
        item = event["item"]
        listed = next((each for each in seen.output if each.get("id") == item.get("id")), None)
        probe.check(
            listed is not None,
            f"the item {item.get('id')!r} is not in the output",
            seen.done,
            "response.output",
        )
        for name, was, now in (
            ("status", item.get("status"), (listed or {}).get("status")),
            ("words", words_of(item), words_of(listed or {})),
        ):
            probe.check(
                was == now,
                f"{name} of the item: {was!r} in response.output_item.done, {now!r} in response.done",
                seen.done,
                "response.output",
            )


@_text(
    "RT-RESP-014",
    "The answer is a completed message of the assistant",
    level="must",
    certainty="documented",
    rule="What the model says is an item of type `message`, role `assistant`, `completed` in the end.",
    source="API reference, the Item object",
    expects="output_item.done with type message, role assistant, status completed",
)
async def assistant_message(probe: Probe) -> None:
    """Who said it, and that it is whole."""
    seen = await say(probe)
    for event in seen.of("response.output_item.done"):
        item = event["item"]
        for name, wanted in (("type", "message"), ("role", "assistant"), ("status", "completed")):
            found = item.get(name)
            probe.check(
                found == wanted, f"the answer's {name} is {found!r}, not {wanted!r}", event, f"item.{name}"
            )


@_text(
    "RT-RESP-015",
    "A content part is added before its words and done behind them",
    level="must",
    certainty="documented",
    rule="`response.content_part.added` precedes a part's deltas; `.done` follows, with the final content.",
    source="API reference, response.content_part.added and .done",
    expects="content_part.added, deltas, content_part.done with their text",
)
async def part_frames_words(probe: Probe) -> None:
    """The part's frame is around its words."""
    seen = await say(probe)
    first, delta = (_first(seen, k) for k in ("response.content_part.added", "response.output_text.delta"))
    probe.check(
        probe.index(first) < probe.index(delta), "words came before response.content_part.added", delta
    )
    last = _first(seen, "response.content_part.done")
    probe.check(
        probe.index(last) > probe.index(seen.of("response.output_text.delta")[-1]),
        "words came behind response.content_part.done",
        last,
    )
    part = last.get("part")
    found = part.get("text") if isinstance(part, dict) else None
    said = seen.joined("response.output_text.delta", item_of(last), last.get("content_index"))
    probe.check(
        found == said, f"the part's text is {found!r}, and its deltas say {said!r}", last, "part.text"
    )


@_text(
    "RT-RESP-016",
    "Part events say text where items say output_text",
    level="should",
    certainty="recorded",
    rule="`part.type` is `text` in `response.content_part.*`, and `output_text` in the item's `content`.",
    source="API reference, response.content_part.added; recorded sessions of the live API",
    expects="part.type text, content[0].type output_text",
)
async def part_types(probe: Probe) -> None:
    """An irregularity clients rely on."""
    seen = await say(probe)
    for event in seen.of("response.content_part.added", "response.content_part.done"):
        part = event.get("part")
        found = part.get("type") if isinstance(part, dict) else part
        probe.check(found == "text", f"part.type is {found!r}, not 'text'", event, "part.type")


@_text(
    "RT-RESP-017",
    "Text deltas add up",
    level="must",
    certainty="documented",
    rule="The deltas of a text part, joined, are the `text` of its `response.output_text.done`.",
    source="API reference, response.output_text.delta and .done",
    expects="the joined deltas equal the final text",
)
async def text_adds_up(probe: Probe) -> None:
    """Nothing lost, nothing twice."""
    seen = await say(probe, "one two three four five six seven eight")
    finals = seen.of("response.output_text.done")
    probe.check(bool(finals), "response.output_text.done did not come", seen.done)
    for event in finals:
        said = seen.joined("response.output_text.delta", item_of(event), event.get("content_index"))
        probe.check(
            said == event.get("text"),
            f"the deltas join to {said!r}, and the final text is {event.get('text')!r}",
            event,
            "text",
        )


@_text(
    "RT-RESP-018",
    "The item holds the words that were said",
    level="must",
    certainty="documented",
    rule="The item in `response.output_item.done` has an `output_text` part with the text of its deltas.",
    source="API reference, response.output_item.done; the Item object",
    expects="content[0].text equal to the joined deltas",
)
async def item_holds_words(probe: Probe) -> None:
    """The item is what was streamed."""
    seen = await say(probe)
    for event in seen.of("response.output_item.done"):
        said = seen.joined("response.output_text.delta", item_of(event))
        found = words_of(event["item"])
        probe.check(
            found == said,
            f"the item's words are {found!r}, and its deltas say {said!r}",
            event,
            "item.content",
        )


# --- in the conversation ------------------------------------------------------------------


@_text(
    "RT-RESP-019",
    "The answer enters the conversation",
    level="must",
    certainty="documented",
    rule="A response's items are added to the default conversation: `conversation.item.added`, then `.done`.",
    source="API reference, conversation.item.added and conversation.item.done",
    expects="conversation.item.added and .done with the output item's id",
)
async def enters_conversation(probe: Probe) -> None:
    """Announced in both places."""
    seen = await say(probe)
    item_id = item_of(_first(seen, "response.output_item.added"))
    added, finished = (
        next((e for e in seen.of(kind) if item_of(e) == item_id), None)
        for kind in ("conversation.item.added", "conversation.item.done")
    )
    probe.check(added is not None, f"conversation.item.added did not come for {item_id!r}", seen.done)
    probe.check(finished is not None, f"conversation.item.done did not come for {item_id!r}", seen.done)


@_text(
    "RT-RESP-020",
    "The answer follows the question",
    level="must",
    certainty="documented",
    rule="`previous_item_id` of the model's `conversation.item.added` is the item before it.",
    source="API reference, conversation.item.added",
    sends="a user message, then response.create",
    expects="previous_item_id equal to the user message's id",
)
async def follows_question(probe: Probe) -> None:
    """The order of the conversation."""
    asked = await probe.user_text("Hello")
    seen = await say(probe)
    added = next((e for e in seen.of("conversation.item.added")), None)
    if added is None:
        raise Unsupported("the server announces no items of responses")
    found = added.get("previous_item_id")
    probe.check(
        found == asked["id"],
        f"the answer's previous_item_id is {found!r}, not the question's, {asked['id']!r}",
        added,
        "previous_item_id",
    )


@_text(
    "RT-RESP-021",
    "The conversation's done comes before the response's",
    level="should",
    certainty="recorded",
    rule="`conversation.item.done` of a model's item precedes its `response.output_item.done`.",
    source="recorded sessions of the live API",
    expects="conversation.item.done, then response.output_item.done",
)
async def order_of_dones(probe: Probe) -> None:
    """The recorded order."""
    seen = await say(probe)
    finished = {item_of(e): e for e in seen.of("conversation.item.done")}
    if not finished:
        raise Unsupported("the server sends no conversation.item.done")
    for event in seen.of("response.output_item.done"):
        other = finished.get(item_of(event))
        probe.check(
            other is not None and probe.index(other) < probe.index(event),
            "response.output_item.done came before the item's conversation.item.done",
            event,
        )


# --- spoken answers -----------------------------------------------------------------------


@_audio(
    "RT-RESP-022",
    "Audio deltas are base64 of whole samples",
    level="must",
    certainty="documented",
    rule="`delta` of `response.output_audio.delta` is base64, in all a whole number of 16-bit samples.",
    source="API reference, response.output_audio.delta",
    expects="deltas that decode, with an even number of bytes in all",
)
async def audio_is_base64(probe: Probe) -> None:
    """Each delta decodes."""
    seen = await speak(probe)
    size = 0
    for event in seen.of("response.output_audio.delta"):
        try:
            size += len(pybase64.b64decode(str(event.get("delta")), validate=True))
        except ValueError:
            probe.check(False, "the delta is no base64", event, "delta")
    probe.check(size > 0, "a spoken answer had no audio", seen.done)
    probe.check(size % 2 == 0, f"{size} bytes of audio are no whole number of samples", seen.done)


@_audio(
    "RT-RESP-023",
    "A spoken answer comes with its transcript, which adds up",
    level="must",
    certainty="documented",
    rule="Audio always has a transcript, whose deltas join to `response.output_audio_transcript.done`.",
    source="API reference, response.output_audio_transcript.delta and .done",
    expects="transcript deltas, and a done that equals them joined",
)
async def transcript_adds_up(probe: Probe) -> None:
    """Words with the sound, nothing lost."""
    seen = await speak(probe, "one two three four five six")
    finals = seen.of("response.output_audio_transcript.done")
    probe.check(bool(finals), "response.output_audio_transcript.done did not come", seen.done)
    for event in finals:
        said = seen.joined(
            "response.output_audio_transcript.delta", item_of(event), event.get("content_index")
        )
        probe.check(
            said == event.get("transcript"),
            f"the deltas join to {said!r}, and the final transcript is {event.get('transcript')!r}",
            event,
            "transcript",
        )


@_audio(
    "RT-RESP-024",
    "The end of the audio is announced",
    level="must",
    certainty="documented",
    rule="`response.output_audio.done` follows an item's last `response.output_audio.delta`.",
    source="API reference, response.output_audio.done",
    expects="output_audio.done behind the last delta",
)
async def audio_done(probe: Probe) -> None:
    """Players may flush."""
    seen = await speak(probe)
    finals = seen.of("response.output_audio.done")
    probe.check(bool(finals), "response.output_audio.done did not come", seen.done)
    last = seen.of("response.output_audio.delta")[-1:]
    probe.check(
        all(probe.index(each) < probe.index(finals[-1]) for each in last),
        "audio came behind response.output_audio.done",
        last[0] if last else None,
    )


@_audio(
    "RT-RESP-025",
    "Final objects carry no audio",
    level="must",
    certainty="documented",
    rule="`response.done` omits the raw audio of its items.",
    source=_DONE,
    expects="output_audio parts without audio",
)
async def no_audio_in_done(probe: Probe) -> None:
    """The sound was streamed; the end has words only."""
    seen = await speak(probe)
    parts = [part for item in seen.output for part in item.get("content") or () if isinstance(part, dict)]
    probe.check(
        not any(part.get("audio") for part in parts),
        "response.done repeats the audio",
        seen.done,
        "response.output[0].content[0].audio",
    )


@_audio(
    "RT-RESP-026",
    "A spoken answer's item holds its transcript",
    level="must",
    certainty="documented",
    rule="The item of a spoken answer has an `output_audio` part whose `transcript` is what was said.",
    source="API reference, the Item object",
    expects="content[0] of type output_audio with the joined transcript",
)
async def item_holds_transcript(probe: Probe) -> None:
    """The words stay when the sound is gone."""
    seen = await speak(probe)
    item = next(iter(seen.output), {})
    part = next((each for each in item.get("content") or () if isinstance(each, dict)), {})
    path = "response.output[0].content[0]"
    probe.check(
        part.get("type") == "output_audio",
        f"the part's type is {part.get('type')!r}, not 'output_audio'",
        seen.done,
        f"{path}.type",
    )
    said = seen.joined("response.output_audio_transcript.delta", item.get("id"))
    probe.check(
        part.get("transcript") == said,
        f"the transcript is {part.get('transcript')!r}, and its deltas say {said!r}",
        seen.done,
        f"{path}.transcript",
    )

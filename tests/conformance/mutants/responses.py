"""Servers whose responses are wrong from within: frames, items, parts, words, audio."""

from __future__ import annotations

from typing import Any

from realtime_raw.loopback.fault_filters import Drop, Duplicate, Edit, HoldUntil
from tests.conformance.harness import change, drop, every, mutant, set_
from tests.conformance.hearing import hearing

Event = dict[str, Any]

_CREATED, _DONE = "response.created", "response.done"
_ITEM_ADDED, _ITEM_DONE = "response.output_item.added", "response.output_item.done"
_LATE = 5.0


def _cut(text: str) -> str:
    return text[:-1]


def _numbered(path: str) -> Any:
    """Puts another value at `path` each time."""
    count = iter(range(1_000))
    return change(path, lambda _: f"other_{next(count)}")


def _one_id(event: Event) -> Event:
    if "response" in event:
        event["response"]["id"] = "resp_same"
    if "response_id" in event:
        event["response_id"] = "resp_same"
    return event


def _always_aloud(event: Event) -> Event:
    if event["type"] == "response.create" and "response" not in event:
        event["response"] = {"output_modalities": ["audio"]}
    return event


def _nothing_to_answer(event: Event) -> list[Event] | None:
    error = {"type": "invalid_request_error", "code": None, "message": "Nothing to answer.", "param": None}
    return [{"type": "error", "error": error}] if event["type"] == "response.create" else None


_REASON = {"type": "incomplete", "reason": "max_output_tokens"}
MUTANTS = [
    mutant(
        "RT-RESP-001",
        "a response begins completed",
        Edit(every(_CREATED), set_("response.status", "completed")),
    ),
    mutant("RT-RESP-001", "the first item comes too early", HoldUntil(every(_CREATED), _LATE, _ITEM_ADDED)),
    mutant(
        "RT-RESP-002",
        "completed responses are called incomplete",
        Edit(every(_DONE), set_("response.status", "incomplete")),
    ),
    mutant("RT-RESP-003", "an item is done behind response.done", HoldUntil(every(_ITEM_DONE), _LATE, _DONE)),
    mutant("RT-RESP-003", "response.done comes twice", Duplicate(every(_DONE))),
    mutant(
        "RT-RESP-004",
        "a new response has usage",
        Edit(every(_CREATED), set_("response.usage", {"total_tokens": 0})),
    ),
    mutant("RT-RESP-004", "a new response has no output", Edit(every(_CREATED), drop("response.output"))),
    mutant("RT-RESP-005", "all responses have one id", Edit(every("response.*"), _one_id)),
    mutant(
        "RT-RESP-006",
        "the object has another name",
        Edit(every(_DONE), set_("response.object", "response")),
    ),
    mutant(
        "RT-RESP-007",
        "each response is in a conversation of its own",
        Edit(every(_DONE), _numbered("response.conversation_id")),
    ),
    mutant(
        "RT-RESP-007", "responses name no conversation", Edit(every(_DONE), drop("response.conversation_id"))
    ),
    mutant(
        "RT-RESP-008",
        "completed responses have a reason",
        Edit(every(_DONE), set_("response.status_details", _REASON)),
    ),
    mutant("RT-RESP-009", "a bare response.create is answered aloud", session=hearing(_always_aloud)),
    mutant("RT-RESP-010", "nothing is said before the user has spoken", intercept=_nothing_to_answer),
    mutant(
        "RT-RESP-011",
        "the item is added behind its part",
        HoldUntil(every(_ITEM_ADDED), _LATE, "response.content_part.added"),
    ),
    mutant(
        "RT-RESP-011",
        "the item is done before its part",
        HoldUntil(every("response.content_part.done"), _LATE, _ITEM_DONE),
    ),
    mutant("RT-RESP-012", "items are counted from one", Edit(every(_ITEM_DONE), set_("output_index", 1))),
    mutant("RT-RESP-013", "the output is empty in the end", Edit(every(_DONE), set_("response.output", []))),
    mutant(
        "RT-RESP-013",
        "the words are other ones in the end",
        Edit(every(_DONE), change("response.output[0].content[0].text", _cut)),
    ),
    mutant("RT-RESP-014", "the answer is the user's", Edit(every(_ITEM_DONE), set_("item.role", "user"))),
    mutant(
        "RT-RESP-014",
        "the answer stays in progress",
        Edit(every(_ITEM_DONE), set_("item.status", "in_progress")),
    ),
    mutant("RT-RESP-015", "parts are never done", Drop(every("response.content_part.done"))),
    mutant(
        "RT-RESP-015",
        "the part is done without its words",
        Edit(every("response.content_part.done"), drop("part")),
    ),
    mutant(
        "RT-RESP-015",
        "the part is added behind its first words",
        HoldUntil(every("response.content_part.added"), _LATE, "response.output_text.delta"),
    ),
    mutant(
        "RT-RESP-016",
        "parts are named as in items",
        Edit(every("response.content_part.*"), set_("part.type", "output_text")),
    ),
    mutant("RT-RESP-017", "a delta is lost", Drop(every("response.output_text.delta", nth=2, count=1))),
    mutant("RT-RESP-017", "a delta comes twice", Duplicate(every("response.output_text.delta", count=1))),
    mutant("RT-RESP-017", "the final text never comes", Drop(every("response.output_text.done"))),
    mutant(
        "RT-RESP-018",
        "the item has other words",
        Edit(every(_ITEM_DONE), change("item.content[0].text", _cut)),
    ),
    mutant("RT-RESP-019", "answers never enter the conversation", Drop(every("conversation.item.added"))),
    mutant("RT-RESP-019", "answers are never done there", Drop(every("conversation.item.done"))),
    mutant(
        "RT-RESP-020",
        "answers follow nothing",
        Edit(every("conversation.item.added"), set_("previous_item_id", None)),
    ),
    mutant(
        "RT-RESP-021",
        "the response's done comes first",
        HoldUntil(every("conversation.item.done"), _LATE, _ITEM_DONE),
    ),
    mutant(
        "RT-RESP-022",
        "audio is hexadecimal",
        Edit(every("response.output_audio.delta"), set_("delta", "a-b")),
    ),
    mutant("RT-RESP-022", "audio is missing", Drop(every("response.output_audio.delta"))),
    mutant(
        "RT-RESP-022",
        "half a sample is lost",
        Edit(every("response.output_audio.delta", count=1), set_("delta", "AAAA")),
    ),
    mutant(
        "RT-RESP-023",
        "a word is lost",
        Drop(every("response.output_audio_transcript.delta", nth=2, count=1)),
    ),
    mutant("RT-RESP-023", "there is no transcript", Drop(every("response.output_audio_transcript.*"))),
    mutant("RT-RESP-024", "audio never ends", Drop(every("response.output_audio.done"))),
    mutant(
        "RT-RESP-024",
        "audio goes on behind its end",
        HoldUntil(every("response.output_audio.delta"), _LATE, "response.output_audio.done"),
    ),
    mutant(
        "RT-RESP-025",
        "the audio comes again in the end",
        Edit(every(_DONE), set_("response.output[0].content[0].audio", "AAAA")),
    ),
    mutant(
        "RT-RESP-026",
        "the part is called audio",
        Edit(every(_DONE), set_("response.output[0].content[0].type", "audio")),
    ),
    mutant(
        "RT-RESP-026",
        "the transcript is gone in the end",
        Edit(every(_DONE), drop("response.output[0].content[0].transcript")),
    ),
    mutant(
        "RT-RESP-027",
        "the sound ends behind its part",
        HoldUntil(every("response.output_audio.done"), _LATE, "response.content_part.done"),
    ),
    mutant(
        "RT-RESP-028",
        "parts of speech are named as in items",
        Edit(every("response.content_part.*"), set_("part.type", "output_audio")),
    ),
    mutant(
        "RT-RESP-028",
        "a spoken part ends without its words",
        Edit(every("response.content_part.done"), drop("part.transcript")),
    ),
    mutant(
        "RT-RESP-029",
        "answers begin completed",
        Edit(every("conversation.item.added"), set_("item.status", "completed")),
    ),
    mutant(
        "RT-RESP-029",
        "answers begin with an empty part",
        Edit(every("conversation.item.added"), set_("item.content", [{"type": "output_text", "text": ""}])),
    ),
]

"""Servers that give answers in another order, or say something else of them."""

from __future__ import annotations

from typing import Any

from realtime_raw.loopback.fault_filters import Drop, Duplicate, Edit, HoldUntil, Late, Swap
from tests.conformance.harness import change, drop, every, mutant, set_

CREATED, DONE = "response.created", "response.done"
ITEM_ADDED, ITEM_DONE = "response.output_item.added", "response.output_item.done"
PART_ADDED, PART_DONE = "response.content_part.added", "response.content_part.done"
TEXT, AUDIO = "response.output_text", "response.output_audio"
WORDS = "response.output_audio_transcript"
ADDED, CONVERSATION_DONE = "conversation.item.added", "conversation.item.done"
Event = dict[str, Any]


def halved(text: str) -> str:
    """The first half of it."""
    return text[: len(text) // 2]


MUTANTS = [
    mutant("RT-RESP-001", "an item comes first", HoldUntil(every(CREATED), 5.0, ITEM_ADDED)),
    mutant(
        "RT-RESP-001",
        "a response begins completed",
        Edit(every(CREATED), set_("response.status", "completed")),
    ),
    mutant(
        "RT-RESP-001",
        "a response begins incomplete",
        Edit(every(CREATED), set_("response.status", "incomplete")),
    ),
    mutant(
        "RT-RESP-004",
        "a response begins with its output",
        Edit(every(CREATED), set_("response.output", [{"id": "item_x"}])),
    ),
    mutant("RT-RESP-011", "items are announced late", HoldUntil(every(ITEM_ADDED), 5.0, PART_ADDED)),
    mutant(
        "RT-RESP-011", "items are announced when they are over", HoldUntil(every(ITEM_ADDED), 5.0, ITEM_DONE)
    ),
    mutant("RT-RESP-011", "items are not announced", Drop(every(ITEM_ADDED))),
    mutant("RT-RESP-015", "parts are announced late", HoldUntil(every(PART_ADDED), 5.0, f"{TEXT}.delta")),
    mutant("RT-RESP-015", "parts are not announced", Drop(every(PART_ADDED))),
    mutant(
        "RT-RESP-020", "answers are behind nothing", Edit(every(ADDED, nth=2), set_("previous_item_id", None))
    ),
    mutant("RT-RESP-020", "it lies about the order", faults=["wrong_order"]),
    mutant(
        "RT-RESP-016",
        "parts are called as in items",
        Edit(every("response.content_part.*"), set_("part.type", "output_text")),
    ),
    mutant("RT-RESP-016", "parts end without a part", Edit(every(PART_DONE), drop("part"))),
    mutant("RT-RESP-015", "there are no parts", Drop(every("response.content_part.*"))),
    mutant(
        "RT-RESP-028",
        "parts are called as in items",
        Edit(every("response.content_part.*"), set_("part.type", "output_audio")),
    ),
    mutant("RT-RESP-017", "half of the text is left", Edit(every(f"{TEXT}.done"), change("text", halved))),
    mutant("RT-RESP-017", "texts have no end", Drop(every(f"{TEXT}.done"))),
    mutant("RT-RESP-017", "a delta is said twice", Duplicate(every(f"{TEXT}.delta", nth=2, count=1))),
    mutant(
        "RT-LIFE-020",
        "a delta comes behind the end",
        HoldUntil(every(f"{TEXT}.delta", nth=2), 5.0, f"{TEXT}.done"),
    ),
    mutant(
        "RT-RESP-017",
        "the retired names are used",
        Edit(every(f"{TEXT}.done"), set_("type", "response.text.done")),
    ),
    mutant(
        "RT-RESP-023",
        "half of the transcript is left",
        Edit(every(f"{WORDS}.done"), change("transcript", halved)),
    ),
    mutant("RT-RESP-023", "transcripts have no end", Drop(every(f"{WORDS}.done"))),
    mutant("RT-RESP-023", "the last word is said twice", Duplicate(every(f"{WORDS}.delta", nth=6))),
    mutant("RT-RESP-024", "audio has no end", Drop(every(f"{AUDIO}.done"))),
    mutant(
        "RT-RESP-024",
        "audio comes behind its end",
        HoldUntil(every(f"{AUDIO}.delta", nth=3), 5.0, f"{AUDIO}.done"),
    ),
    mutant("RT-RESP-023", "there is no transcript", Drop(every(f"{WORDS}.*"))),
    mutant("RT-LIFE-001", "deltas name no response", Edit(every(f"{TEXT}.delta"), drop("response_id"))),
    mutant(
        "RT-LIFE-001",
        "parts name another response",
        Edit(every(PART_DONE), set_("response_id", "resp_other")),
    ),
    mutant("RT-LIFE-001", "items name no response", Edit(every(ITEM_DONE), drop("response_id"))),
    mutant("RT-LIFE-002", "deltas name no item", Edit(every(f"{TEXT}.delta"), drop("item_id"))),
    mutant(
        "RT-LIFE-002",
        "deltas name another item",
        Edit(every(f"{TEXT}.delta", nth=2), set_("item_id", "item_other")),
    ),
    mutant(
        "RT-LIFE-002",
        "parts count from one",
        Edit(every("response.content_part.*"), set_("content_index", 1)),
    ),
    mutant("RT-LIFE-002", "deltas name no output", Edit(every(f"{TEXT}.delta"), drop("output_index"))),
    mutant(
        "RT-LIFE-002",
        "outputs count from one",
        Edit(every("response.*"), change("output_index", lambda index: index + 1)),
    ),
]

MUTANTS += [
    mutant("RT-RESP-015", "parts end empty", Edit(every(PART_DONE), set_("part.text", ""))),
    mutant("RT-RESP-015", "parts end without a part", Edit(every(PART_DONE), drop("part"))),
    mutant(
        "RT-RESP-028", "parts end without their transcript", Edit(every(PART_DONE), drop("part.transcript"))
    ),
    mutant(
        "RT-RESP-014", "items end in progress", Edit(every(ITEM_DONE), set_("item.status", "in_progress"))
    ),
    mutant(
        "RT-RETD-006",
        "items end with the retired type",
        Edit(every(ITEM_DONE), set_("item.content[0].type", "text")),
    ),
    mutant("RT-RESP-018", "items end empty", Edit(every(ITEM_DONE), set_("item.content", []))),
    mutant(
        "RT-RESP-018", "items end without their text", Edit(every(ITEM_DONE), drop("item.content[0].text"))
    ),
    mutant(
        "RT-RETD-007",
        "spoken items end with the retired type",
        Edit(every(ITEM_DONE), set_("item.content[0].type", "audio")),
    ),
    mutant(
        "RT-LIFE-024",
        "items end with their audio",
        Edit(every(ITEM_DONE), set_("item.content[0].audio", "AAAA")),
    ),
    mutant(
        "RT-RESP-025",
        "responses end with their audio",
        Edit(every(DONE), set_("response.output[0].content[0].audio", "AAAA")),
    ),
    mutant("RT-RESP-013", "responses end without output", Edit(every(DONE), set_("response.output", []))),
    mutant(
        "RT-RESP-013",
        "responses end with another item",
        Edit(every(DONE), set_("response.output[0].id", "item_other")),
    ),
    mutant(
        "RT-RESP-013",
        "responses end with an empty item",
        Edit(every(DONE), set_("response.output[0].content", [])),
    ),
    mutant("RT-RESP-011", "items end behind the response", HoldUntil(every(ITEM_DONE), 5.0, DONE)),
    mutant("RT-RESP-011", "items have no end", Drop(every(ITEM_DONE))),
    mutant("RT-RESP-003", "responses are done twice", Duplicate(every(DONE))),
    mutant("RT-RESP-003", "a text ends behind the response", Late(every(f"{TEXT}.done"), 0.3)),
    mutant("RT-LIFE-004", "answers are not done", Drop(every(CONVERSATION_DONE, nth=2))),
    mutant(
        "RT-LIFE-004",
        "answers are done without their text",
        Edit(every(CONVERSATION_DONE, nth=2), drop("item.content[0].text")),
    ),
    mutant("RT-LIFE-021", "a part ends before its text", Swap(every(f"{TEXT}.done"), 0.1)),
    mutant("RT-LIFE-021", "an item ends before its part", HoldUntil(every(PART_DONE), 5.0, ITEM_DONE)),
    mutant("RT-LIFE-022", "the transcript ends first", Swap(every(f"{AUDIO}.done"), 0.1)),
    mutant("RT-RESP-027", "audio ends behind its part", HoldUntil(every(f"{AUDIO}.done"), 5.0, PART_DONE)),
    mutant("RT-LIFE-040", "updates are confirmed when there is time", Late(every("session.updated"), 0.2)),
    mutant("RT-LIFE-040", "items are added when there is time", Late(every(ADDED, count=1), 0.2)),
    mutant(
        "RT-LIFE-041",
        "commits are told last",
        HoldUntil(every("input_audio_buffer.committed"), 5.0, CONVERSATION_DONE),
    ),
    mutant("RT-LIFE-041", "items are done and then added", Swap(every(ADDED), 0.1)),
    mutant("RT-LIFE-025", "limits come in the middle", HoldUntil(every(DONE), 5.0, "rate_limits.updated")),
    mutant(
        "RT-RESP-005",
        "all responses have one id",
        Edit(every(CREATED), set_("response.id", "resp_same")),
        Edit(every(DONE), set_("response.id", "resp_same")),
        Edit(every("response.*"), change("response_id", lambda _: "resp_same")),
    ),
    mutant("RT-LIFE-003", "all answers are one item", Edit(every(ITEM_ADDED), set_("item.id", "item_same"))),
    mutant(
        "RT-RESP-007",
        "responses are in no conversation",
        Edit(every(DONE), set_("response.conversation_id", None)),
    ),
    mutant(
        "RT-RESP-007",
        "every response is a conversation",
        Edit(every(DONE, nth=2), set_("response.conversation_id", "conv_other")),
    ),
    mutant(
        "RT-LIFE-005",
        "answers are not in the conversation",
        Edit(every(ADDED, nth=3), set_("previous_item_id", "item_c1")),
    ),
    mutant(
        "RT-LIFE-023",
        "words come behind their sound",
        HoldUntil(every(f"{WORDS}.delta"), 5.0, f"{AUDIO}.delta"),
    ),
    mutant(
        "RT-LIFE-042", "a turn is answered and then added", HoldUntil(every(ADDED, count=1), 5.0, CREATED)
    ),
    mutant(
        "RT-LIFE-042",
        "a turn is answered and then done",
        HoldUntil(every(CONVERSATION_DONE, count=1), 5.0, CREATED),
    ),
    mutant("RT-LIFE-021", "texts have no end", Drop(every(f"{TEXT}.done"))),
]

"""Servers that transcribe the wrong thing, or say it wrongly, or answer where they should only listen."""

from __future__ import annotations

from typing import Any

from realtime_raw.conformance.cases.transcription import words_are_known
from realtime_raw.loopback.fault_filters import Act, Drop, Duplicate, Edit, HoldUntil
from tests.conformance.breaking import confirming, instead, misread
from tests.conformance.harness import drop, every, mutant, set_
from tests.conformance.mutants.turns import CREATED, saying

EVENTS = "conversation.item.input_audio_transcription"
DELTA, COMPLETED = f"{EVENTS}.delta", f"{EVENTS}.completed"
UPDATE, UPDATED = "session.update", "session.updated"
Event = dict[str, Any]
TOKENS = {"type": "tokens", "input_tokens": 15, "output_tokens": 6, "total_tokens": 15}


def _curious(message: Event) -> None:
    """Transcription is never switched off."""
    heard = message["session"].get("audio", {}).get("input", {})
    if heard.get("transcription", heard) is None:
        del heard["transcription"]


def update_of(kind: str) -> Any:
    """Confirms an update of that type."""

    def answer(message: Event) -> list[Event]:
        return [{"type": UPDATED, "session": message["session"]}]

    return instead(UPDATE, answer, lambda m: m["session"].get("type") == kind)


MUTANTS = [
    mutant(
        "RT-SESS-010",
        "the language is lost",
        Edit(every(UPDATED), set_("session.audio.input.transcription.language", None)),
    ),
    mutant(
        "RT-SESS-009",
        "transcription is not shown",
        Edit(every(UPDATED), set_("session.audio.input.transcription", None)),
    ),
    mutant("RT-TRSC-002", "nothing is transcribed", Drop(every(f"{EVENTS}.*"))),
    mutant(
        "RT-TRSC-002",
        "transcripts are of another item",
        Edit(every(COMPLETED), set_("item_id", "item_other")),
    ),
    mutant(
        "RT-TRSC-002", "the end is named otherwise", Edit(every(COMPLETED), set_("type", f"{EVENTS}.done"))
    ),
    mutant("RT-TRSC-003", "the transcript is called text", Edit(every(COMPLETED), drop("transcript"))),
    mutant("RT-TRSC-003", "transcripts are of no part", Edit(every(COMPLETED), drop("content_index"))),
    mutant("RT-TRSC-004", "transcripts have no usage", Edit(every(COMPLETED), drop("usage"))),
    mutant("RT-TRSC-004", "usage has no type", Edit(every(COMPLETED), drop("usage.type"))),
    mutant("RT-TRSC-004", "usage has no total", Edit(every(COMPLETED), drop("usage.total_tokens"))),
    mutant("RT-TRSC-005", "the total is less than its parts", Edit(every(COMPLETED), set_("usage", TOKENS))),
    mutant(
        "RT-TRSC-005",
        "nothing is billed",
        Edit(every(COMPLETED), set_("usage", {"type": "duration", "seconds": 0})),
    ),
    mutant("RT-TRSC-006", "the last word is never said", Drop(every(DELTA, nth=4))),
    mutant("RT-TRSC-006", "deltas repeat what was said before", Duplicate(every(DELTA))),
    mutant("RT-TRSC-009", "deltas come behind the end", HoldUntil(every(DELTA), 5.0, COMPLETED)),
    mutant("RT-TRSC-007", "it cannot be switched off", intercept=misread(UPDATE, _curious)),
    mutant("RT-TRSC-008", "one turn is transcribed", Drop(every(COMPLETED, nth=2))),
    mutant(
        "RT-TRSC-008",
        "all transcripts are of the first turn",
        Edit(every(COMPLETED), set_("item_id", "item_same")),
    ),
    mutant("RT-TRSC-009", "transcripts are completed twice", Duplicate(every(COMPLETED))),
    mutant(
        "RT-TRSC-010",
        "items do not learn what was said",
        Edit(every("conversation.item.retrieved"), set_("item.content[0].transcript", None)),
    ),
    mutant("RT-TRSC-011", "there are no probabilities", Edit(every(COMPLETED), drop("logprobs"))),
    mutant("RT-TRSC-012", "silence is not transcribed", Drop(every(COMPLETED))),
    mutant("RT-TRSC-013", "detected turns are not transcribed", Drop(every(COMPLETED))),
    mutant(
        "RT-TRSC-013",
        "speech has another id",
        Edit(every("input_audio_buffer.speech_started"), set_("item_id", "item_other")),
    ),
    mutant("RT-SESS-042", "a conversation becomes a transcription", intercept=update_of("transcription")),
    mutant(
        "RT-TRSC-030",
        "every session is a conversation",
        Edit(every("session.created"), set_("session.type", "realtime")),
    ),
    mutant("RT-TRSC-030", "its type is not shown", Edit(every("session.created"), drop("session.type"))),
    mutant(
        "RT-TRSC-031", "it becomes a conversation", Edit(every(UPDATED), set_("session.type", "realtime"))
    ),
    mutant(
        "RT-TRSC-031",
        "only the retired name is sent",
        Edit(every(UPDATED), set_("type", "transcription_session.updated")),
    ),
    mutant(
        "RT-TRSC-031",
        "the model is another",
        Edit(every(UPDATED), set_("session.audio.input.transcription.model", "whisper-1")),
    ),
    mutant("RT-TRSC-032", "nothing is transcribed", Drop(every(COMPLETED))),
    mutant("RT-TRSC-032", "no item is added", Drop(every("conversation.item.added"))),
    mutant("RT-TRSC-033", "it answers", Act(every(COMPLETED), saying(CREATED))),
    mutant(
        "RT-TRSC-034",
        "it answers when it is asked",
        intercept=confirming("response.create", "response.created"),
    ),
    mutant("RT-TRSC-034", "questions are passed over", intercept=instead("response.create", lambda m: [])),
    mutant(
        "RT-TRSC-035",
        "instructions are passed over",
        intercept=misread(UPDATE, lambda m: m["session"].pop("instructions")),
    ),
    mutant("RT-TRSC-036", "it becomes a conversation", intercept=update_of("realtime")),
    mutant("RT-TRSC-037", "turns are not committed", Drop(every("input_audio_buffer.committed"))),
    mutant(
        "RT-TRSC-037",
        "another item is committed",
        Edit(every("input_audio_buffer.committed"), set_("item_id", "item_other")),
    ),
    mutant(
        "RT-TRSC-038",
        "words are of another item",
        Edit(every(DELTA), set_("item_id", "item_other")),
        scenario=words_are_known,
    ),
]

"""Servers that still speak the beta, or still understand it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from realtime_raw.conformance.cases import all_cases
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Act, Drop, Edit, Message
from tests.conformance.harness import drop, every, mutant, set_
from tests.conformance.hearing import hearing
from tests.conformance.mutants.resilience import swallow

Event = dict[str, Any]


def _renamed(old: str, new: str) -> Edit:
    """Says `old` where GA says `new`."""
    return Edit(every(f"{new}*"), lambda event: {**event, "type": event["type"].replace(new, old)})


def _beside(kind: str, like: str) -> Act:
    """Says an event of the beta's beside that of GA."""
    return Act(every(like), lambda: [Message.of({"type": kind, "event_id": "event_x"})])


def _lenient(*names: str) -> type[Any]:
    """Skips fields of the beta in `session` and `response`."""

    def edit(event: Event) -> Event:
        for place in ("session", "response"):
            for name in names:
                (event.get(place) or {}).pop(name, None)
        return event

    return hearing(edit)


def _put(name: str, value: Any) -> Callable[[Event], Event]:
    return set_(f"session.{name}", value)


class _Half(SimulatedSession):
    """Takes of an update what it knows before it refuses the rest."""

    def receive_message(self, data: bytes | str, now: float) -> None:
        if "modalities" in str(data):
            self._state.config = self.config.updated({"type": "realtime", "instructions": "Be verbose."})
        super().receive_message(data, now)


_FIELDS = {
    "RT-RETD-020": "modalities",
    "RT-RETD-021": "voice",
    "RT-RETD-022": "input_audio_format",
    "RT-RETD-023": "output_audio_format",
    "RT-RETD-024": "input_audio_transcription",
    "RT-RETD-025": "turn_detection",
    "RT-RETD-026": "max_response_output_tokens",
    "RT-RETD-027": "temperature",
    "RT-RETD-033": "modalities",
    "RT-RETD-034": "temperature",
}
_REST = [
    case.id for case in all_cases() if "RT-RETD-028" <= case.id < "RT-RETD-040" and case.id not in _FIELDS
]

MUTANTS = [
    mutant("RT-RETD-001", "text has its old name", _renamed("response.text", "response.output_text")),
    mutant(
        "RT-RETD-001", "text has both names", _beside("response.text.delta", "response.output_text.delta")
    ),
    mutant("RT-RETD-002", "audio has its old name", _renamed("response.audio.", "response.output_audio.")),
    mutant(
        "RT-RETD-003",
        "transcripts have their old name",
        _renamed("response.audio_transcript", "response.output_audio_transcript"),
    ),
    mutant(
        "RT-RETD-004",
        "items are created",
        Drop(every("conversation.item.done")),
        Edit(every("conversation.item.added"), lambda e: {**e, "type": "conversation.item.created"}),
    ),
    mutant("RT-RETD-004", "items are never done", Drop(every("conversation.item.done"))),
    mutant("RT-RETD-005", "the conversation is created", _beside("conversation.created", "session.created")),
    mutant(
        "RT-RETD-005",
        "items are created, and added too",
        _beside("conversation.item.created", "conversation.item.added"),
    ),
    mutant(
        "RT-RETD-006",
        "written content is text",
        Edit(every("response.output_item.done"), set_("item.content[0].type", "text")),
    ),
    mutant(
        "RT-RETD-007",
        "spoken content is audio",
        Edit(every("response.output_item.done"), set_("item.content[0].type", "audio")),
    ),
    mutant(
        "RT-RETD-008",
        "items have an object",
        Edit(every("response.output_item.done"), set_("item.object", "realtime.item")),
    ),
    mutant(
        "RT-RETD-009", "responses are cancelled", _beside("response.cancelled", "response.output_item.done")
    ),
    mutant(
        "RT-RETD-010",
        "the session has modalities",
        Edit(every("session.created"), _put("modalities", ["text"])),
    ),
    mutant("RT-RETD-010", "the session has no audio", Edit(every("session.created"), drop("session.audio"))),
    *(mutant(each, "it is skipped", session=_lenient(name)) for each, name in _FIELDS.items()),
    *(mutant(each, "it is lost without a word", intercept=swallow) for each in _REST),
    mutant(
        "RT-RETD-020", "the error has another code", Edit(every("error"), set_("error.code", "invalid_value"))
    ),
    mutant("RT-RETD-028", "the error has no place", Edit(every("error"), set_("error.param", None))),
    mutant("RT-RETD-040", "half of it is in force", session=_Half),
]

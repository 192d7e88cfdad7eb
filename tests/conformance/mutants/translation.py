"""Translation servers that are conversations in disguise, lose words, or end badly."""

from __future__ import annotations

import base64
from typing import Any

from realtime_raw.loopback.fault_filters import Act, Drop, Edit, HoldUntil, Message
from realtime_raw.loopback.translation import TranslationSession
from tests.conformance.harness import change, drop, every, mutant, set_
from tests.conformance.hearing import translating

Event = dict[str, Any]

_OUT, _SOUND = "session.output_transcript.delta", "session.output_audio.delta"
_IN = "session.input_transcript.delta"
_CREATED, _UPDATED, _CLOSED = "session.created", "session.updated", "session.closed"
_APPEND = "session.input_audio_buffer.append"


def _says(kind: str, **fields: Any) -> Any:
    """Something to say behind another message."""
    return lambda: [Message.of({"type": kind, **fields})]


def _deaf(*kinds: str) -> type[Any]:
    return translating(lambda event: None if event.get("type") in kinds else event)


def _without(*path: str) -> type[Any]:
    """Hears no field at that path of an update's `session`."""

    def edit(event: Event) -> Event:
        node: Any = event.get("session")
        for step in path[:-1]:
            node = node.get(step) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node.pop(path[-1], None)
        return event

    return translating(edit)


def _padded(event: Event) -> Event:
    """Decodes what it can of audio, and does not complain."""
    if event.get("type") == _APPEND and "!" in event["audio"]:
        event["audio"] = base64.b64encode(bytes(4)).decode()
    return event


def _transcribing(event: Event) -> Event:
    if event.get("type") == "session.update":
        audio = event["session"].setdefault("audio", {})
        audio["input"] = {"transcription": {"model": "gpt-realtime-whisper"}}
    return event


class _Abrupt(TranslationSession):
    """Ends without what was still to be said."""

    def _close(self, event: Any, now: float) -> None:
        self._closed = True
        self._timeline.clear()
        self._out.emit("session.closed")


class _TalksInSilence(TranslationSession):
    """Finds words where there are none."""

    def _hear(self, frame: bytes, now: float) -> None:
        super()._hear(frame, now)
        self._out.emit("session.output_transcript.delta", delta="Gracias", elapsed_ms=self._elapsed_ms)


_FORGETS = set_("session.audio.output.language", "en")
MUTANTS = [
    mutant(
        "RT-TRNS-001", "it calls itself realtime", Edit(every(_CREATED), set_("session.type", "realtime"))
    ),
    mutant("RT-TRNS-001", "it does not say its model", Edit(every(_CREATED), drop("session.model"))),
    mutant("RT-TRNS-002", "it never ends", Edit(every(_CREATED), set_("session.expires_at", 0))),
    mutant("RT-TRNS-003", "languages are not heard", session=_without("audio", "output")),
    mutant("RT-TRNS-004", "an update sets everything else back", Edit(every(_UPDATED, nth=2), _FORGETS)),
    mutant("RT-TRNS-004", "transcription is not heard", session=_without("audio", "input")),
    mutant(
        "RT-TRNS-005",
        "null is no change",
        Edit(every(_UPDATED, nth=2), set_("session.audio.input.transcription", {"model": "x"})),
    ),
    mutant("RT-TRNS-006", "there are no words", Drop(every(_OUT))),
    mutant("RT-TRNS-006", "there is no sound", Drop(every(_SOUND))),
    mutant("RT-TRNS-007", "the rate is another", Edit(every(_SOUND), set_("sample_rate", 16_000))),
    mutant("RT-TRNS-007", "the format is not told", Edit(every(_SOUND), drop("format"))),
    mutant("RT-TRNS-007", "half a sample is lost", Edit(every(_SOUND), set_("delta", "AAAA"))),
    mutant("RT-TRNS-008", "the source is always written down", session=translating(_transcribing)),
    mutant("RT-TRNS-009", "the source is never written down", Drop(every(_IN))),
    mutant("RT-TRNS-010", "time goes back", Edit(every(_SOUND, nth=3), change("elapsed_ms", lambda ms: 7))),
    mutant("RT-TRNS-010", "time is a text", Edit(every(_OUT), change("elapsed_ms", str))),
    mutant("RT-TRNS-011", "turns are told", Act(every(_OUT), _says("input_audio_buffer.speech_stopped"))),
    mutant("RT-TRNS-012", "words come of silence", session=_TalksInSilence),
    mutant("RT-TRNS-013", "the end is not announced", Drop(every(_CLOSED))),
    mutant("RT-TRNS-013", "session.close is not heard", session=_deaf("session.close")),
    mutant("RT-TRNS-014", "it ends at once", session=_Abrupt),
    mutant("RT-TRNS-015", "words come behind the end", HoldUntil(every(_OUT), 30.0, _CLOSED)),
    mutant("RT-TRNS-020", "response.create is not heard", session=_deaf("response.create")),
    mutant("RT-TRNS-021", "a commit is not heard", session=_deaf("input_audio_buffer.commit")),
    mutant("RT-TRNS-022", "items are not heard", session=_deaf("conversation.item.create")),
    mutant("RT-TRNS-023", "turn detection is skipped", session=_without("audio", "input", "turn_detection")),
    mutant("RT-TRNS-023", "the error has no place", Edit(every("error"), set_("error.param", None))),
    mutant("RT-TRNS-024", "instructions are skipped", session=_without("instructions")),
    mutant("RT-TRNS-025", "bad audio is taken", session=translating(_padded)),
    mutant(
        "RT-TRNS-026",
        "appends are confirmed",
        Act(every(_SOUND), _says("session.input_audio_buffer.appended")),
    ),
    mutant("RT-TRNS-007", "audio is no base64", Edit(every(_SOUND), set_("delta", "?"))),
]

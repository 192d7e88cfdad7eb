"""Servers that cannot be stopped, or stop the wrong thing, or forget to say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime_raw.loopback import refusals
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Drop, Edit, HoldUntil, Late
from tests.conformance.breaking import confirming, instead, misread, refusing
from tests.conformance.harness import change, drop, every, mutant, set_
from tests.conformance.mutants.turns import detection

CANCEL, DONE = "response.cancel", "response.done"
TRUNCATE, TRUNCATED = "conversation.item.truncate", "conversation.item.truncated"
RETRIEVED = "conversation.item.retrieved"
Event = dict[str, Any]


class Forgetful(SimulatedSession):
    """Forgets what it was saying when it is stopped."""

    def _retrieve_item(self, event: Mapping[str, Any], now: float) -> None:
        item = self._state.conversation.item(event["item_id"], "retrieve")
        if item.wire.get("status") == "incomplete":
            raise refusals.unknown_item("retrieve", event["item_id"])
        super()._retrieve_item(event, now)


class Talkative(SimulatedSession):
    """Has one more thing to say when it was stopped."""

    def data_to_send(self) -> list[bytes]:
        if self.sent and any(_is_cancelled(each) for each in self.sent[-2:]):
            deltas = [each for each in self.sent if each["type"] == "response.output_text.delta"]
            self._out.say({**deltas[-1], "event_id": self._ids.new("event")})
        return super().data_to_send()


class Stuck(SimulatedSession):
    """Thinks that what was cancelled is still in progress."""

    def _check(self, event: Mapping[str, Any]) -> str:
        checked = super()._check(event)
        if checked == "response.create" and any(_is_cancelled(each) for each in self.sent):
            raise refusals.response_active("resp_cancelled")
        return checked


class Insulted(SimulatedSession):
    """Answers nothing any more after it has refused something."""

    def _check(self, event: Mapping[str, Any]) -> str:
        checked = super()._check(event)
        if checked == "response.create" and any(each["type"] == "error" for each in self.sent):
            raise refusals.no_responses_here()
        return checked


class Thoughtful(SimulatedSession):
    """Cannot be stopped before it has said something."""

    def _check(self, event: Mapping[str, Any]) -> str:
        checked = super()._check(event)
        if checked == CANCEL and self.sent[-1]["type"] == "response.created":
            raise refusals.nothing_to_cancel()
        return checked


class StopsEverything(SimulatedSession):
    """Lets speech end whatever is going on."""

    def data_to_send(self) -> list[bytes]:
        if any(each["type"] == "input_audio_buffer.speech_started" for each in self.sent):
            for response_id in list(self._answers._runs):
                self._answers._stop(response_id, "turn_detected")
        return super().data_to_send()


class Gone(SimulatedSession):
    """Takes what was truncated out of the conversation."""

    def _truncate_item(self, event: Mapping[str, Any], now: float) -> None:
        super()._truncate_item(event, now)
        self._state.conversation.delete(event["item_id"])


class AtTheEnd(SimulatedSession):
    """Truncates nothing that is not complete."""

    def _truncate_item(self, event: Mapping[str, Any], now: float) -> None:
        status = self._state.conversation.item(event["item_id"], "truncate").wire.get("status")
        if status != "completed":
            raise refusals.not_truncatable()
        super()._truncate_item(event, now)


class InOneStream(SimulatedSession):
    """Counts milliseconds over all answers."""

    def _truncate_item(self, event: Mapping[str, Any], now: float) -> None:
        spoken = [item for item in self._state.conversation if item.role == "assistant" and item.audio]
        total = sum(item.audio[0].ms for item in spoken)
        if spoken and spoken[-1].id == event["item_id"] and event["audio_end_ms"] <= total:
            self._out.emit(
                TRUNCATED, **{key: event[key] for key in ("item_id", "content_index", "audio_end_ms")}
            )
        else:
            super()._truncate_item(event, now)


def _is_cancelled(event: Event) -> bool:
    return event["type"] == DONE and bool(event["response"]["status"] == "cancelled")


def _named(message: Event) -> bool:
    return "response_id" in message


def _unnamed(message: Event) -> None:
    message.pop("response_id", None)


STATUS, REASON = "response.status", "response.status_details.reason"
NEVER_INTERRUPTED = misread("session.update", detection(interrupt_response=False))
ALWAYS_INTERRUPTED = misread("session.update", detection(interrupt_response=True))
TRUNCATES_ANYTHING = confirming(TRUNCATE, TRUNCATED)

MUTANTS = [
    mutant("RT-RESP-030", "a cancel is passed over", intercept=instead(CANCEL, lambda m: [])),
    mutant("RT-RESP-030", "what is cancelled is incomplete", Edit(every(DONE), set_(STATUS, "incomplete"))),
    mutant("RT-RESP-030", "what is cancelled is never done", Drop(every(DONE))),
    mutant("RT-RESP-030", "nothing can be cancelled", intercept=refusing(CANCEL)),
    mutant(
        "RT-RESP-031",
        "a cancelled response gives no details",
        Edit(every(DONE), set_("response.status_details", None)),
    ),
    mutant("RT-RESP-031", "all is blamed on speech", Edit(every(DONE), set_(REASON, "turn_detected"))),
    mutant("RT-RESP-032", "a cancel with an id is refused", intercept=refusing(CANCEL, _named)),
    mutant(
        "RT-RESP-032", "a cancel with an id is passed over", intercept=instead(CANCEL, lambda m: [], _named)
    ),
    mutant("RT-INTR-004", "spoken answers go on", intercept=instead(CANCEL, lambda m: [])),
    mutant("RT-INTR-004", "spoken answers are incomplete", Edit(every(DONE), set_(STATUS, "incomplete"))),
    mutant("RT-RESP-033", "words come behind the end", session=Talkative),
    mutant("RT-RESP-034", "nothing is concluded", behaviour={"done_events_on_cancel": False}),
    mutant(
        "RT-RESP-034",
        "items end behind their response",
        HoldUntil(every("response.output_item.done"), 5.0, DONE),
    ),
    mutant("RT-INTR-007", "nothing is concluded", behaviour={"done_events_on_cancel": False}),
    mutant("RT-INTR-007", "the text is lost", Edit(every("response.output_text.done"), set_("text", ""))),
    mutant(
        "RT-RESP-035",
        "what was cut short is complete",
        Edit(every(DONE), set_("response.output[0].status", "completed")),
    ),
    mutant("RT-INTR-009", "what was said is forgotten", session=Forgetful),
    mutant("RT-RESP-044", "what was cancelled is in the way", session=Stuck),
    mutant("RT-INTR-011", "thinking cannot be cancelled", session=Thoughtful),
    mutant("RT-RESP-037", "nothing is cancelled", intercept=instead(CANCEL, lambda m: [])),
    mutant(
        "RT-RESP-037",
        "a response is made up to be cancelled",
        intercept=instead(
            CANCEL, lambda m: [{"type": DONE, "response": {"id": "resp_x", "status": "cancelled"}}]
        ),
    ),
    mutant(
        "RT-RESP-038", "the code is another", Edit(every("error"), set_("error.code", "response_not_active"))
    ),
    mutant("RT-INTR-022", "an error ends it all", session=Insulted),
    mutant("RT-INTR-023", "any id will do", intercept=misread(CANCEL, _unnamed)),
    mutant("RT-INTR-030", "speech ends nothing", intercept=NEVER_INTERRUPTED),
    mutant("RT-INTR-030", "what speech ends is incomplete", Edit(every(DONE), set_(STATUS, "incomplete"))),
    mutant("RT-INTR-031", "all is blamed on the client", Edit(every(DONE), set_(REASON, "client_cancelled"))),
    mutant("RT-INTR-032", "the end is told first", Late(every("input_audio_buffer.speech_started"), 0.1)),
    mutant("RT-INTR-033", "speech ends everything", intercept=ALWAYS_INTERRUPTED),
    mutant(
        "RT-INTR-034",
        "who interrupts is not answered",
        intercept=misread("session.update", detection(create_response=False)),
    ),
    mutant("RT-INTR-034", "the turn is lost", Drop(every("input_audio_buffer.committed"))),
    mutant("RT-OOB-019", "speech ends everything", session=StopsEverything),
]

MUTANTS += [
    mutant("RT-INTR-050", "truncations are not confirmed", faults=["silent_truncate"]),
    mutant("RT-INTR-050", "truncations name nothing", Edit(every(TRUNCATED), set_("item_id", ""))),
    mutant(
        "RT-INTR-051",
        "the milliseconds are others",
        Edit(every(TRUNCATED), change("audio_end_ms", lambda ms: ms // 100 * 100 - 1)),
    ),
    mutant("RT-INTR-051", "the milliseconds are missing", Edit(every(TRUNCATED), drop("audio_end_ms"))),
    mutant("RT-INTR-051", "the part is another", Edit(every(TRUNCATED), set_("content_index", 1))),
    mutant(
        "RT-INTR-052",
        "the transcript stays",
        Edit(every(RETRIEVED), set_("item.content[0].transcript", "one two three four five six")),
    ),
    mutant("RT-INTR-052", "truncations are only confirmed", intercept=TRUNCATES_ANYTHING),
    mutant("RT-INTR-053", "truncations are only confirmed", intercept=TRUNCATES_ANYTHING),
    mutant("RT-INTR-054", "more than there is may be kept", intercept=TRUNCATES_ANYTHING),
    mutant(
        "RT-INTR-055",
        "the last 100 ms cannot be kept",
        intercept=refusing(TRUNCATE, lambda m: m["audio_end_ms"] > 1400),
    ),
    mutant(
        "RT-INTR-056",
        "something must have been heard",
        intercept=refusing(TRUNCATE, lambda m: m["audio_end_ms"] == 0),
    ),
    mutant("RT-INTR-057", "a user can be truncated", intercept=TRUNCATES_ANYTHING),
    mutant("RT-INTR-058", "a text can be truncated", intercept=TRUNCATES_ANYTHING),
    mutant("RT-INTR-059", "what is not there is truncated", intercept=TRUNCATES_ANYTHING),
    mutant("RT-INTR-059", "the code is another", Edit(every("error"), set_("error.code", "invalid_item_id"))),
    mutant(
        "RT-ERR-035",
        "fractions are rounded",
        intercept=misread(TRUNCATE, lambda m: m.update(audio_end_ms=int(m["audio_end_ms"]))),
    ),
    mutant("RT-INTR-061", "only what is complete can be truncated", session=AtTheEnd),
    mutant("RT-INTR-062", "only what is complete can be truncated", session=AtTheEnd),
    mutant("RT-INTR-063", "what was truncated is gone", session=Gone),
    mutant("RT-INTR-064", "milliseconds count over all answers", session=InOneStream),
]

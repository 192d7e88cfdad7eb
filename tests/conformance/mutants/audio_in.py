"""Servers whose input audio buffer is broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Drop, Edit
from tests.conformance.breaking import confirming, instead, refusing
from tests.conformance.harness import change, every, mutant, set_

APPEND, COMMIT, CLEAR = (f"input_audio_buffer.{verb}" for verb in ("append", "commit", "clear"))
COMMITTED, CLEARED = "input_audio_buffer.committed", "input_audio_buffer.cleared"
Event = dict[str, Any]


def _announced(message: Event) -> list[Event]:
    """A commit that makes an item of whatever there is."""
    item = {"id": "item_any", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
    shown = {"previous_item_id": None, "item": item}
    return [
        {"type": COMMITTED, "previous_item_id": None, "item_id": "item_any"},
        {"type": "conversation.item.added", **shown},
        {"type": "conversation.item.done", **shown},
    ]


class Last(SimulatedSession):
    """Keeps only what was appended last."""

    def _check(self, event: Mapping[str, Any]) -> str:
        if event.get("type") == APPEND:
            self._listening._buffer.clear()
        return super()._check(event)


class Tidy(SimulatedSession):
    """Forgets what was appended when something is refused."""

    def data_to_send(self) -> list[bytes]:
        out = super().data_to_send()
        if any(b'"type":"error"' in data for data in out):
            self._listening._buffer.clear()
        return out


class AddsNothing(SimulatedSession):
    """Says that there is nothing to commit, and makes an item of it all the same."""

    def data_to_send(self) -> list[bytes]:
        if self.sent and self.sent[-1]["type"] == "error":
            for event in _announced({})[1:]:
                self._out.say(event)
        return super().data_to_send()


class Deaf(SimulatedSession):
    """Hears nothing any more once it was told to forget."""

    def _check(self, event: Mapping[str, Any]) -> str:
        if any(each["type"] == CLEARED for each in self.sent):
            self._listening._buffer.clear()
        return super()._check(event)


def _odd(message: Event) -> bool:
    return len(message["audio"]) % 8 != 0


MUTANTS = [
    mutant(
        "RT-AIN-001", "appends are confirmed", intercept=confirming(APPEND, "input_audio_buffer.appended")
    ),
    mutant("RT-AIN-002", "only the last chunk is kept", session=Last),
    mutant(
        "RT-LIM-024",
        "long appends are refused",
        intercept=refusing(APPEND, lambda m: len(m["audio"]) > 1 << 20),
    ),
    mutant("RT-AIN-004", "odd chunks are refused", intercept=refusing(APPEND, _odd)),
    mutant("RT-RESI-033", "what is no base64 is passed over", intercept=instead(APPEND, lambda m: [])),
    mutant("RT-ERR-038", "the error names no parameter", Edit(every("error"), set_("error.param", None))),
    mutant("RT-ERR-038", "the code is another", Edit(every("error"), set_("error.code", "invalid_audio"))),
    mutant("RT-AIN-007", "appends of nothing are passed over", intercept=instead(APPEND, lambda m: [])),
    mutant("RT-RESI-034", "empty appends are passed over", intercept=instead(APPEND, lambda m: [])),
    mutant("RT-AIN-009", "an error empties the buffer", session=Tidy),
    mutant("RT-AIN-020", "nothing is committed", intercept=instead(COMMIT, _announced)),
    mutant("RT-AIN-020", "an empty commit is passed over", intercept=instead(COMMIT, lambda m: [])),
    mutant("RT-AIN-021", "the code is another", Edit(every("error"), set_("error.code", "buffer_empty"))),
    mutant("RT-AIN-022", "a refused commit makes an item", session=AddsNothing),
    mutant("RT-LIM-023", "any commit will do", intercept=instead(COMMIT, _announced)),
    mutant("RT-AIN-024", "an error empties the buffer", session=Tidy),
    mutant("RT-AIN-025", "the buffer stays full", intercept=instead(COMMIT, _announced)),
    mutant(
        "RT-AIN-026",
        "half of the audio is kept",
        Edit(
            every("conversation.item.retrieved"),
            change("item.content[0].audio", lambda text: text[: len(text) // 8 * 4]),
        ),
    ),
    mutant("RT-AIN-040", "clears are not confirmed", Drop(every(CLEARED))),
    mutant("RT-AIN-041", "a clear clears nothing", intercept=confirming(CLEAR, CLEARED)),
    mutant("RT-AIN-042", "nothing to clear is refused", intercept=refusing(CLEAR)),
    mutant("RT-AIN-043", "nothing is heard after a clear", session=Deaf),
    mutant(
        "RT-AIN-044",
        "a clear forgets the conversation",
        Edit(every(COMMITTED, nth=2), set_("previous_item_id", None)),
    ),
]

"""Servers that do not answer bad messages, or do not survive them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from realtime_raw.conformance.cases import all_cases
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Duplicate, Edit
from realtime_raw.types import CloseInfo
from tests.conformance.harness import Mutant, change, every, mutant, set_
from tests.conformance.hearing import hearing

Event = dict[str, Any]
Answers = Sequence[dict[str, Any]] | None

_CLOSE = "close_1011@event=error"


def _is_alive(message: Event) -> bool:
    """Whether it is the update that asks if the session is still there."""
    return (
        set(message.get("session") or ()) == {"type", "instructions"}
        and message["session"]["instructions"] != 7
    )


def swallow(message: Event) -> Answers:
    """Everything but that update is lost without a word."""
    return None if _is_alive(message) else []


def _each(*prefixes: str) -> list[str]:
    return [case.id for case in all_cases() if case.id.startswith(prefixes)]


def _both(case_id: str) -> list[Mutant]:
    return [
        mutant(case_id, "it is lost without a word", intercept=swallow),
        mutant(case_id, "the connection is closed for it", faults=[_CLOSE]),
    ]


class _Fragile(SimulatedSession):
    """Ends a running response at anything wrong."""

    def receive_message(self, data: bytes | str, now: float) -> None:
        super().receive_message(data, now)
        if self.sent[-1]["type"] == "error":
            self._answers.interrupt()


class _Crashing(SimulatedSession):
    """Hears nothing any more behind what it cannot read."""

    _crashed = False

    def receive_message(self, data: bytes | str, now: float) -> None:
        said = len(self.sent)
        if not self._crashed:
            super().receive_message(data, now)
        text = data.decode() if isinstance(data, bytes) else data
        self._crashed |= "Answer in one word." not in text and len(self.sent) >= said


class _Slams(SimulatedSession):
    """Closes the connection in place of an error."""

    def data_to_send(self) -> list[bytes]:
        said = super().data_to_send()
        if any(b'"error"' in each for each in said):
            self.closing = CloseInfo(1011, "", by_us=True)
            return []
        return said


class _Half(SimulatedSession):
    """Adds an item whatever becomes of its content."""

    def _check(self, event: Any) -> str:
        if event.get("type") == "conversation.item.create":
            good = [part for part in event["item"]["content"] if part["type"] == "input_text"]
            if len(good) < len(event["item"]["content"]):
                self._create_item({"item": {**event["item"], "content": good}}, 0.0)
        return super()._check(event)


class _Literal(SimulatedSession):
    """Looks for events by their letters."""

    def receive_message(self, data: bytes | str, now: float) -> None:
        text = data.decode() if isinstance(data, bytes) else data
        if text.startswith('{"type":"'):
            super().receive_message(text, now)


def _backwards() -> type[Any]:
    """Inserts each item before the last."""
    known: list[str] = []

    def edit(event: Event) -> Event:
        if event["type"] == "conversation.item.create":
            if len(known) > 1:
                event["previous_item_id"] = known[-2]
            known.append(event["item"]["id"])
        return event

    return hearing(edit)


_TEXT = "item.content[0].text"
_ADDED = "conversation.item.added"

MUTANTS = [
    *(
        each
        for case_id in _each("RT-RESI-00", "RT-RESI-01", "RT-RESI-02", "RT-RESI-03")
        for each in _both(case_id)
    ),
    mutant(
        "RT-RESI-010", "it is the server's fault", Edit(every("error"), set_("error.type", "server_error"))
    ),
    mutant("RT-RESI-011", "the error has no code", Edit(every("error"), set_("error.code", None))),
    mutant("RT-RESI-016", "the error has no place", Edit(every("error"), set_("error.param", None))),
    mutant("RT-RESI-031", "the error has no place", Edit(every("error"), set_("error.param", "item"))),
    mutant("RT-RESI-001", "there are two errors for it", Duplicate(every("error"))),
    mutant("RT-RESI-040", "the connection is closed for one", faults=[_CLOSE]),
    mutant("RT-RESI-040", "nothing is heard any more behind one", session=_Crashing),
    mutant("RT-RESI-044", "the connection is closed for one", faults=[_CLOSE]),
    mutant("RT-RESI-041", "the response ends for it", session=_Fragile),
    mutant("RT-RESI-042", "half of the item is added", session=_Half),
    mutant("RT-RESI-043", "errors name no events", Edit(every("error"), set_("error.event_id", None))),
    mutant("RT-RESI-043", "errors come twice", Duplicate(every("error", nth=3, count=1))),
    *(mutant(case_id, "nothing is heard any more", session=_Crashing) for case_id in _each("RT-RESI-05")),
    *(mutant(case_id, "only one spelling is read", session=_Literal) for case_id in _each("RT-RESI-06")),
    mutant(
        "RT-RESI-070",
        "letters become plain",
        Edit(every(_ADDED), change(_TEXT, lambda t: t.encode("ascii", "replace").decode())),
    ),
    mutant("RT-RESI-071", "long texts are cut", Edit(every(_ADDED), change(_TEXT, lambda text: text[:4096]))),
    mutant("RT-RESI-072", "texts are trimmed", Edit(every(_ADDED), change(_TEXT, str.strip))),
    mutant("RT-RESI-080", "items come in another order", session=_backwards()),
    mutant("RT-RESI-001", "the connection is closed without a word", session=_Slams),
]

"""Servers with other limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from realtime_raw.conformance.cases.limits import BEYOND
from realtime_raw.loopback import refusals
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Drop, Edit, HoldUntil
from tests.conformance.harness import change, drop, every, mutant, set_

ERROR, ADDED, UPDATED = every("error"), every("conversation.item.added"), every("session.updated")


class Swallowing(SimulatedSession):
    """Takes no message of more than 1 MiB, as some gateways do; everything behind one is lost."""

    _lost = False

    def receive_message(self, data: bytes | str, now: float) -> None:
        self._lost = self._lost or len(data) > 1 << 20
        if not self._lost:
            super().receive_message(data, now)


class LongCommits(SimulatedSession):
    """Refuses every commit of less than 150 ms."""

    _appended = 0

    def receive_message(self, data: bytes | str, now: float) -> None:
        event = orjson.loads(data)
        self._appended += len(event.get("audio", ""))
        if event["type"] == "input_audio_buffer.commit" and self._appended < 9600:
            self._out.error(refusals.commit_empty(100.0).fault, event["event_id"])
            return
        super().receive_message(data, now)


class OpenRanges(SimulatedSession):
    """The ends of a range do not belong to it."""

    def _update_session(self, event: Mapping[str, Any], now: float) -> None:
        if event["session"].get("max_output_tokens") == 4096:
            raise refusals.out_of_range("session.max_output_tokens", "integer", 4096, 4095, above=True)
        super()._update_session(event, now)


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


MUTANTS = [
    mutant(
        "RT-LIM-001",
        "event ids are cut",
        Edit(ERROR, change("error.event_id", lambda given: given and given[:64])),
    ),
    *(mutant(case.id, "there is no limit", Drop(ERROR)) for case in BEYOND),
    *(
        mutant(case.id, "the error names another parameter", Edit(ERROR, set_("error.param", "other")))
        for case in BEYOND
        if "param" in case.expects
    ),
    mutant("RT-LIM-020", "item ids are cut", Edit(ADDED, change("item.id", lambda given: given[:16]))),
    mutant(
        "RT-LIM-021", "metadata is not echoed", Edit(every("response.done"), set_("response.metadata", None))
    ),
    mutant(
        "RT-LIM-021",
        "metadata values are cut",
        Edit(
            every("response.created"),
            change("response.metadata", lambda given: {k: v[:256] for k, v in given.items()}),
        ),
    ),
    mutant("RT-LIM-022", "100 ms are too little", session=LongCommits),
    mutant("RT-LIM-023", "any length is enough", Drop(ERROR)),
    mutant("RT-LIM-023", "a short commit has another code", Edit(ERROR, set_("error.code", "invalid_value"))),
    mutant("RT-LIM-024", "a megabyte is lost, with all behind it", session=Swallowing),
    mutant(
        "RT-LIM-025",
        "audio is left out of what is retrieved",
        Edit(every("conversation.item.retrieved"), drop("item.content[0].audio")),
    ),
    mutant(
        "RT-LIM-025",
        "only the first second is retrieved",
        Edit(
            every("conversation.item.retrieved"),
            change("item.content[0].audio", lambda audio: audio[:64_000]),
        ),
    ),
    mutant(
        "RT-LIM-026",
        "long texts are cut",
        Edit(ADDED, change("item.content[0].text", lambda text: text[:4096])),
    ),
    mutant("RT-LIM-027", "text is made ASCII", Edit(ADDED, change("item.content[0].text", _ascii))),
    mutant(
        "RT-LIM-028",
        "two items change places",
        HoldUntil(every("conversation.item.added", nth=20, count=1), 1.0, "conversation.item.added"),
    ),
    mutant("RT-LIM-028", "only forty are added", Drop(every("conversation.item.added", nth=41))),
    mutant(
        "RT-LIM-029",
        "long instructions are cut",
        Edit(UPDATED, change("session.instructions", lambda text: text[:8192])),
    ),
    mutant("RT-LIM-030", "4096 is too many", session=OpenRanges),
]

"""Servers that do not keep the session they were told to have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from realtime_raw.conformance.cases.session_shown import SHOWN
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Drop, Edit, Swap
from realtime_raw.loopback.refusals import Refused
from tests.conformance.harness import Mutant, change, drop, every, mutant, set_

UPDATED = "session.updated"


def _path_of(expects: str) -> str:
    """What a case of `SHOWN` looks at."""
    return expects.removeprefix("session.updated whose ").removesuffix(" is what was sent")


def _hidden() -> list[Mutant]:
    """For each of `SHOWN`: the server does not show it, or shows something else."""
    made = []
    for case in SHOWN:
        path = _path_of(case.expects)
        made.append(mutant(case.id, f"{path} is not shown", Edit(every(UPDATED), drop(f"session.{path}"))))
        made.append(
            mutant(
                case.id, f"{path} is shown as it was", Edit(every(UPDATED), set_(f"session.{path}", "other"))
            )
        )
    return made


class Replacing(SimulatedSession):
    """`audio.input` of an update takes the place of what was there."""

    def _update_session(self, event: Mapping[str, Any], now: float) -> None:
        default = {"turn_detection": {"type": "server_vad"}, "noise_reduction": None}
        audio = event["session"].get("audio", {})
        if "input" in audio:
            audio = {**audio, "input": {**default, **audio["input"]}}
            event = {**event, "session": {**event["session"], "audio": audio}}
        super()._update_session(event, now)


class HalfHearted(SimulatedSession):
    """Of a refused update, the instructions take effect."""

    def _check(self, event: Mapping[str, Any]) -> str:
        try:
            return super()._check(event)
        except Refused:
            if event["type"] == "session.update" and "instructions" in event["session"]:
                patch = {"type": "realtime", "instructions": event["session"]["instructions"]}
                self._state.config = self.config.updated(patch)
            raise


class Busy(SimulatedSession):
    """Takes no update while it answers."""

    def _update_session(self, event: Mapping[str, Any], now: float) -> None:
        if self.active_response_id is None:
            super()._update_session(event, now)


class Forgetful(SimulatedSession):
    """Null and empty change nothing."""

    def _update_session(self, event: Mapping[str, Any], now: float) -> None:
        session = {name: value for name, value in event["session"].items() if value not in ([], "", "inf")}
        listening = session.get("audio", {}).get("input", {})
        if "transcription" in listening and listening["transcription"] is None:
            session["audio"] = {}
        super()._update_session({**event, "session": session}, now)


class Obliging(SimulatedSession):
    """Shows whatever model it is asked for."""

    def _update_session(self, event: Mapping[str, Any], now: float) -> None:
        session = dict(event["session"])
        model = session.pop("model", None)
        if model is not None:
            self._state.config._wire["model"] = model
        super()._update_session({**event, "session": session}, now)


MUTANTS = [
    mutant("RT-SESS-001", "updates are not confirmed", Drop(every(UPDATED))),
    mutant(
        "RT-SESS-001",
        "the confirmation does not show the instructions",
        Edit(every(UPDATED), drop("session.instructions")),
    ),
    mutant(
        "RT-SESS-001",
        "each confirmation has another session id",
        Edit(every(UPDATED), set_("session.id", "sess_other")),
    ),
    mutant(
        "RT-SESS-001", "the confirmation leaves the rest out", Edit(every(UPDATED), drop("session.audio"))
    ),
    *_hidden(),
    mutant(
        "RT-SESS-023",
        "an update sets the voice back",
        Edit(every(UPDATED), set_("session.audio.output.voice", "ash")),
    ),
    mutant("RT-SESS-024", "objects are replaced, not merged", session=Replacing),
    mutant(
        "RT-SESS-025",
        "turn detection is shown as it was sent",
        Edit(every(UPDATED), drop("session.audio.input.turn_detection.silence_duration_ms")),
    ),
    mutant("RT-SESS-026", "null is taken for absent", session=Forgetful),
    mutant("RT-SESS-027", "an empty list is taken for absent", session=Forgetful),
    mutant("RT-SESS-028", "an empty string is taken for absent", session=Forgetful),
    mutant("RT-SESS-029", "two confirmations change places", Swap(every(UPDATED, count=1), 1.0)),
    mutant("RT-SESS-030", "a limit stays for good", session=Forgetful),
    mutant("RT-SESS-031", "the model can be changed", session=Obliging),
    mutant(
        "RT-SESS-032",
        "an update prolongs the session",
        Edit(every(UPDATED), change("session.expires_at", lambda at: at + 60)),
    ),
    mutant("RT-SESS-033", "updates are ignored while a response runs", session=Busy),
]

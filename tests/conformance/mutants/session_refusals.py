"""Servers that take any session, or refuse it in other words."""

from __future__ import annotations

from realtime_raw.conformance.cases.session_refusals import REFUSED
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.fault_filters import Drop, Edit
from tests.conformance.harness import Mutant, every, mutant, set_
from tests.conformance.mutants.session import HalfHearted


def _lenient() -> list[Mutant]:
    """For each of `REFUSED`: nothing is refused, and what is named is wrong."""
    made = []
    for case in REFUSED:
        made.append(mutant(case.id, "nothing is refused", Drop(every("error"))))
        for name in ("code", "param"):
            if f"{name} " in case.expects:
                made.append(
                    mutant(
                        case.id,
                        f"the {name} is another",
                        Edit(every("error"), set_(f"error.{name}", "other")),
                    )
                )
    return made


class Locked(SimulatedSession):
    """Refuses every voice once something was said, its own included."""

    def _update_session(self, event, now):  # type: ignore[no-untyped-def]
        from realtime_raw.loopback.refusals import voice_locked

        voice = event["session"].get("audio", {}).get("output", {}).get("voice")
        if self._answers.has_spoken and voice is not None:
            raise voice_locked()
        super()._update_session(event, now)


MUTANTS = [
    *_lenient(),
    mutant("RT-SESS-060", "of a refused update, the instructions take effect", session=HalfHearted),
    mutant("RT-SESS-061", "the voice can change at any time", Drop(every("error"))),
    mutant("RT-SESS-062", "no voice can be named again", session=Locked),
]

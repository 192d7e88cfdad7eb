"""Servers that do not keep the session they were told to have."""

from __future__ import annotations

from realtime_raw.loopback.fault_filters import Drop, Edit
from tests.conformance.harness import drop, every, mutant, set_

MUTANTS = [
    mutant("RT-SESS-001", "updates are not confirmed", Drop(every("session.updated"))),
    mutant(
        "RT-SESS-001",
        "the confirmation does not show the instructions",
        Edit(every("session.updated"), drop("session.instructions")),
    ),
    mutant(
        "RT-SESS-001",
        "each confirmation has another session id",
        Edit(every("session.updated"), set_("session.id", "sess_other")),
    ),
]

"""Servers that refuse wrongly, or not at all."""

from __future__ import annotations

from realtime_raw.loopback.fault_filters import Drop, Edit
from tests.conformance.harness import every, mutant, set_

MUTANTS = [
    mutant("RT-ERR-001", "nothing is refused", Drop(every("error"))),
    mutant(
        "RT-ERR-001",
        "every error is a server_error",
        Edit(every("error"), set_("error.type", "server_error")),
    ),
]

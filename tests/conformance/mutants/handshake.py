"""Servers whose door is broken."""

from __future__ import annotations

from realtime_raw.loopback.fault_filters import Drop
from tests.conformance.harness import every, mutant

MUTANTS = [
    mutant("RT-HAND-001", "no session.created comes", Drop(every("session.created"))),
]

"""What a server sends may be anything at all: it is judged, and the suite does not stumble over it."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_raw.conformance.cases import all_cases
from realtime_raw.loopback.fault_filters import Edit
from tests.conformance.harness import drop, every, judged, mutant, set_

# Of translation sessions a sentence takes too long here.
FAMILIES = ("responses", "out_of_band", "tools", "mcp", "resilience", "retired")


@pytest.mark.parametrize(
    ("events", "edit"),
    [
        ("*.done", drop("item")),
        ("*", set_("item.content", 7)),
        ("*", set_("response.output", [5])),
        ("response.done", set_("response.usage.input_tokens", [5])),
        ("*", set_("session.tools", {"a": 5})),
        ("error", set_("error", "no")),
    ],
)
def test_malformed_events_are_no_errors_of_the_suite(events: str, edit: Any) -> None:
    """A verdict of the server, or none; never `error`."""
    for case in all_cases():
        if case.family in FAMILIES:
            result = judged(case, mutant(case.id, "malformed", Edit(every(events), edit))).result
            assert result.verdict != "error", (case.id, result.message)

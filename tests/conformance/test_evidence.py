"""What a result keeps of the exchange can be written down, whatever was said."""

from __future__ import annotations

import orjson

from realtime_raw.conformance.cases import case_of
from tests.conformance.harness import judged


def test_deep_messages_are_cut() -> None:
    """A message that is nested deeper than a report can be is evidence all the same."""
    journal = judged(case_of("RT-RESI-051")).result.journal
    written = orjson.dumps(journal)
    assert b"session.update" in written
    assert "…".encode() in written

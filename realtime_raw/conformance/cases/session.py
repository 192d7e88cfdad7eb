"""Session and patch: what `session.update` changes, and what it leaves alone."""

from __future__ import annotations

from ..case import case
from ..probe import Probe


@case(
    "RT-SESS-001",
    "An update is confirmed with the whole session",
    family="session",
    level="must",
    rule="An accepted `session.update` is answered by `session.updated` with the full effective session.",
    source="API reference, session.update",
    certainty="documented",
    sends="a session.update of the instructions",
    expects="session.updated with the new instructions and the id of session.created",
)
async def update_is_confirmed(probe: Probe) -> None:
    """Confirmed, and whole."""
    before = probe.confirmed
    after = await probe.session(instructions="Answer in one word.")
    updated = probe.events[-1]
    probe.check(
        after.get("instructions") == "Answer in one word.",
        "the instructions are not those of the update",
        updated,
        "session.instructions",
    )
    probe.check(before.get("id") == after.get("id"), "the session's id has changed", updated, "session.id")

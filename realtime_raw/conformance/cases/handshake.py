"""Handshake and auth: what connecting comes to."""

from __future__ import annotations

from ..case import case
from ..lines import Knock
from ..probe import Probe


@case(
    "RT-HAND-001",
    "A session begins with session.created",
    family="handshake",
    level="must",
    rule="The first message on a new connection is `session.created`, sent without being asked.",
    source="API reference, session.created",
    certainty="documented",
    sends="nothing",
    expects="session.created as the first message",
)
async def begins_with_created(probe: Probe) -> None:
    """The first message."""
    await probe.open(Knock())
    first = probe.events[0]
    probe.check(first["type"] == "session.created", f"the first message is {first['type']}", first, "type")

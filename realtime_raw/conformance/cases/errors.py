"""Errors: how a refusal looks, and that it has no other effect."""

from __future__ import annotations

from ..case import case
from ..probe import Probe


@case(
    "RT-ERR-001",
    "An unknown event type is refused",
    family="errors",
    level="must",
    rule="An event of an unknown type is answered by one `error` of type `invalid_request_error`.",
    source="API reference, error; Realtime guide, error handling",
    certainty="documented",
    sends="an event of type conformance.unknown",
    expects="error with type invalid_request_error",
)
async def unknown_type(probe: Probe) -> None:
    """Refused with one error."""
    sent = await probe.send("conformance.unknown")
    await probe.refused(sent)

"""Why no reply, no sound, cut off, wrong language? Rules over a session and its trace.

    for finding in explain(conn.protocol, now):
        print(finding)

Pure: the session is only read, live or at the end of a replay, and the same
session gives the same findings. Each finding cites the messages that prove
it. `RULES` is the one table of all rules.
"""

from __future__ import annotations

from ..protocol.core import RealtimeProtocol
from . import asking, commands, listening, replies, session, sound
from .findings import SEVERITIES, Evidence, Finding, Rule, Severity
from .view import View

__all__ = ["RULES", "Evidence", "Finding", "Rule", "Severity", "explain"]

RULES: tuple[Rule, ...] = (
    *session.RULES,
    *commands.RULES,
    *asking.RULES,
    *replies.RULES,
    *sound.RULES,
    *listening.RULES,
)


def explain(protocol: RealtimeProtocol, now: float) -> list[Finding]:
    """What stands in the way, errors first; empty if nothing is wrong and nothing noteworthy.

    `now` is a time on the clock the protocol was given: rules that wait for a
    next step have some patience. Takes some milliseconds, never raises, sends
    nothing and changes nothing. Troubles that a completed reply has left
    behind are notes.
    """
    view = View(protocol, now)
    found = [finding for rule in RULES if (finding := rule.finding(view)) is not None]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))

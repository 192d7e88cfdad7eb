"""Reports to draw: made by hand, one with everything a hostile server can put into it."""

from __future__ import annotations

from typing import Any

from realtime_raw.conformance.report import CaseResult, InvariantBreach, Report, Verdict

HOSTILE = (
    "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    "\"'&\x1b[2J\x00\u202eevil\ud800"
)
KEY = "sk-proj-0123456789abcdef0123"


def line(number: int, d: str, kind: str, t: float = 0.0, **fields: Any) -> dict[str, Any]:
    """One line of a journal as a report keeps it."""
    return {"n": number, "t": t, "d": d, "m": {"type": kind, **fields}}


def result(case_id: str = "RT-TURN-012", verdict: Verdict = "pass", **fields: Any) -> CaseResult:
    """One case's result."""
    common: dict[str, Any] = {
        "title": "A commit makes a user item",
        "family": "turns",
        "level": "must",
        "certainty": "documented",
        "rule": "`input_audio_buffer.commit` creates one user message item.",
        "source": "API reference, input_audio_buffer.commit",
        "sends": "one second of tone, then a commit",
        "expects": "committed, then the item",
        "seconds": 0.25,
    }
    return CaseResult(case_id=case_id, verdict=verdict, **{**common, **fields})


def report(*results: CaseResult, **fields: Any) -> Report:
    """A report of those results."""
    common: dict[str, Any] = {
        "endpoint": "ws://127.0.0.1:8765/v1/realtime",
        "profile": "openai-ga",
        "version": "0.0",
        "started": "2026-11-01T12:00:00Z",
        "seconds": 3.0,
    }
    return Report(results=results, **{**common, **fields})


FAILED = result(
    verdict="fail",
    message="the committed item is not a user message",
    path="item.content[0].type",
    offending=4,
    journal=(
        line(2, "in", "session.created", session={"id": "sess_1"}),
        line(3, "out", "input_audio_buffer.append", 0.1, audio="A" * 400),
        line(
            4,
            "in",
            "conversation.item.added",
            0.2,
            item={"role": "assistant", "content": [{"type": "text", "text": "hello"}]},
        ),
        {"n": 5, "t": 0.3, "d": "note", "m": {"closed": {"code": 1000, "reason": "", "by_us": True}}},
    ),
)
SILENT = result(
    "RT-ERR-001",
    "fail",
    family="errors",
    level="should",
    title="An unknown event is refused",
    message="error did not come within 10 s",
    journal=(
        line(2, "in", "session.created"),
        line(3, "out", "conformance.unknown", 0.1),
        {"n": 4, "t": 10.1, "d": "note", "m": {"closed": {"code": 1000, "reason": "", "by_us": True}}},
    ),
)
BROKEN = result(
    "RT-RESP-001",
    family="responses",
    title="A response is done",
    journal=(line(2, "in", "response.created"), line(3, "in", "response.created")),
    invariants=(
        InvariantBreach(id="RT-INV-001", message="`response.created` came twice", line=3, path="response.id"),
    ),
)
PASSED = result("RT-SESS-001", family="session", title="A session can be changed")
ABSENT = result(
    "RT-MCP-001", "unsupported", family="mcp", level="may", title="Tools of MCP", message="no MCP"
)
REPORT = report(PASSED, BROKEN, FAILED, SILENT, ABSENT, capabilities={"audio_in": True, "mcp": False})


def hostile() -> Report:
    """A report in which every text that can come from a server is an attack or a key."""
    bad = f"{HOSTILE} {KEY}"
    attacked = result(
        verdict="fail",
        message=bad,
        path=f"item.{HOSTILE}",
        offending=2,
        journal=(
            {"n": 2, "t": 0.0, "d": "in", "m": {"type": bad, bad: [bad, {"item": {bad: 1}}], "text": bad}},
            {"n": 3, "t": 0.0, "d": "note", "m": {"closed": {"code": 4000, "reason": bad}}},
            {
                "n": 4,
                "t": 0.0,
                "d": "note",
                "m": {"answer": {"status": 403, "body": bad, "subprotocol": bad}},
            },
        ),
        invariants=(InvariantBreach(id="RT-INV-001", message=bad, line=2, path=bad),),
    )
    return report(
        attacked,
        endpoint=f"ws://127.0.0.1/{HOSTILE}",
        capabilities={bad: True},
        model=bad,
        lacking=(bad,),
        probing=(attacked,),
    )

"""Running one case to its verdict, over any caller."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..errors import ConnectFailed
from ..text import redact, safe
from .case import Case, NotComplied, Unsupported, Violation
from .invariants import check_journal
from .lines import Caller, LineClosed, Stale, Tape
from .probe import Probe
from .report import CaseResult, Verdict
from .schemas import Bundle

__all__ = ["Judged", "evidence_of", "judge"]

# Strings of evidence are cut here: audio, above all.
_EXCERPT = 400
# Whatever `redact` hides has one of these in it.
_HINTS = ("sk-", "sk_", "ek-", "ek_", "bearer", "authorization", "api-key", "api_key")
# And what is nested deeper than this, which no report could hold.
_DEEPEST = 40


class Judged:
    """A result, and the tape it was read from."""

    __slots__ = ("result", "tape")

    def __init__(self, result: CaseResult, tape: Tape) -> None:
        self.result = result
        self.tape = tape


async def judge(
    case: Case, caller: Caller, *, attempts: int = 2, greeted: bool = True, bundle: Bundle | None = None
) -> Judged:
    """Run `case` on connections of its own, again if the model did not comply.

    Never raises for what a server does. Cancelling it closes the connection.
    """
    for attempt in range(1, attempts + 1):
        judged = await _once(case, caller, greeted, bundle, retried=attempt > 1)
        if judged.result.verdict != "not_complied":
            break
    return judged


async def _once(case: Case, caller: Caller, greeted: bool, bundle: Bundle | None, *, retried: bool) -> Judged:
    probe = Probe(caller, kind=case.kind, timeout_s=case.timeout_s)
    probe.greeted = greeted
    try:
        outcome = await _asked(case, probe)
        await probe.settle()
        seconds = probe.seconds
    finally:
        await probe.close()
    result = _result(case, probe, outcome, seconds, retried)
    if outcome.verdict not in ("stale", "error"):
        result = replace(result, invariants=check_journal(probe.tape.lines, bundle=bundle))
    return Judged(result, probe.tape)


class _Outcome(NamedTuple):
    """What came of asking, before the journal is looked at."""

    verdict: Verdict
    message: str = ""
    path: str = ""
    event: Mapping[str, Any] | None = None


async def _asked(case: Case, probe: Probe) -> _Outcome:
    """Run the case. Whatever a server does is an outcome, and so is a fault of the suite."""
    try:
        if case.kind != "handshake":
            await probe.open()
        await case.run(probe)
    except Violation as exc:
        return _Outcome("fail", exc.message, exc.path, exc.event)
    except NotComplied as exc:
        return _Outcome("not_complied", str(exc))
    except Unsupported as exc:
        return _Outcome("unsupported", str(exc))
    except Stale as exc:
        return _Outcome("stale", str(exc))
    except LineClosed as exc:
        return _Outcome("fail", f"the connection was closed ({exc.close})")
    except ConnectFailed as exc:
        return _Outcome("fail", str(exc))
    except Exception as exc:
        # A fault of the suite (or a shape no case foresaw) must not end the run.
        where = traceback.extract_tb(exc.__traceback__)[-1]
        return _Outcome("error", f"{type(exc).__name__}: {exc} ({where.name}, line {where.lineno})")
    return _Outcome("pass")


def _result(case: Case, probe: Probe, outcome: _Outcome, seconds: float, retried: bool) -> CaseResult:
    return CaseResult(
        case_id=case.id,
        verdict=outcome.verdict,
        title=case.title,
        family=case.family,
        level=case.level,
        certainty=case.certainty,
        message=safe(outcome.message),
        rule=case.rule,
        source=case.source,
        sends=case.sends,
        expects=case.expects,
        path=outcome.path,
        offending=probe.number(outcome.event),
        journal=tuple(evidence_of(probe.tape)),
        seconds=round(seconds, 3),
        retried=retried,
    )


def evidence_of(tape: Tape) -> list[dict[str, Any]]:
    """The journal as a report keeps it: without keys, long strings and deep nesting cut."""
    return [
        {"n": line.number, "t": line.t, "d": line.d, "m": _cut(line.m) if line.m is not None else None}
        for line in tape.lines
    ]


def _cut(node: Any, depth: int = 0) -> Any:
    if isinstance(node, str):
        if len(node) > _EXCERPT:
            # Hidden first and cut then, so that no half of a key is left.
            return f"{_hidden(node[:_EXCERPT])[: _EXCERPT // 4]}… ({len(node)} characters)"
        return _hidden(node)
    if isinstance(node, (list, dict)) and depth == _DEEPEST:
        return "…"
    if isinstance(node, list):
        return [_cut(each, depth + 1) for each in node]
    if isinstance(node, dict):
        return {_hidden(str(name)): _cut(value, depth + 1) for name, value in node.items()}
    return node


def _hidden(text: str) -> str:
    """`redact`, but for the texts, nearly all, that plainly hold nothing like a key."""
    folded = text.lower()
    return redact(text) if any(hint in folded for hint in _HINTS) else text

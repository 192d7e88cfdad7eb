"""`ReplayCaller`: an old journal in a server's place, so that newer rules can judge it.

What a case sends must be of the recorded kinds, in the recorded order; where
it asks something the journal does not answer, the verdict is "stale". Time is
the journal's own: a wait ends where the recording says nothing came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ..journal import JournalLine
from ..types import CloseInfo
from .lines import Answer, Knock, LineClosed, Stale, Tape

__all__ = ["ReplayCaller", "ReplayLine"]

# Two times that are closer than this are the same moment.
_SLACK = 0.005


class ReplayLine:
    """The messages of one recorded connection. `now` is the time of what was used last."""

    def __init__(self, lines: Sequence[JournalLine], tape: Tape) -> None:
        self._waiting = list(lines)
        self._tape = tape
        self._now = 0.0

    @property
    def now(self) -> float:
        """Recorded seconds since it was opened."""
        return self._now

    async def send(self, data: bytes, *, binary: bool = False) -> None:
        """Checked against the next recorded message of ours. Raises `Stale` if that is of another kind."""
        line = next((line for line in self._waiting if line.d == "out"), None)
        if line is None:
            close = next((each for each in map(_closed, self._waiting) if each and not each.by_us), None)
            if close is not None:
                raise LineClosed(close)
            raise Stale(f"the case now sends {_kind(data)}, and the journal has no more; run it anew")
        if _kind(line.data) != _kind(data):
            raise Stale(
                f"the case now sends {_kind(data)} where the journal has {_kind(line.data)}; run it anew"
            )
        self._take(line)

    async def recv(self, timeout: float) -> bytes | None:
        """The next recorded message, if it came within `timeout`. Raises `LineClosed` at the recorded end.

        Raises `Stale` where the recording ends before the wait would.
        """
        end = self._now + timeout
        for line in list(self._waiting):
            if line.t > end + _SLACK or (line.d == "out" and line.t >= end - _SLACK):
                break
            if line.d == "out":
                continue  # the case waits longer now than it did: what came then has come all the same
            close = _closed(line)
            if close is not None and close.by_us:
                if line.t < end - _SLACK:
                    raise Stale("the case now waits longer than the journal goes on; run it anew")
                break
            self._take(line)
            if line.d == "in":
                return line.data
            if close is not None:
                raise LineClosed(close)
        self._now = end
        return None

    async def close(self, code: int = 1000) -> None:
        """Nothing is open."""

    def _take(self, line: JournalLine) -> None:
        self._waiting.remove(line)
        self._now = max(self._now, line.t)
        self._tape.write(line.d, line.data, line.t)


class ReplayCaller:
    """Answers the knocks of one case from its journal, in order."""

    def __init__(self, lines: Sequence[JournalLine]) -> None:
        self._attempts: list[list[JournalLine]] = []
        for line in lines:
            if line.d == "note" and "knock" in line.m:
                self._attempts.append([])
            if self._attempts:
                self._attempts[-1].append(line)

    async def call(self, knock: Knock, tape: Tape) -> Answer:
        """What came of the same knock. Raises `Stale` where the journal has another, or none."""
        if not self._attempts:
            raise Stale("the case now connects once more than the journal has; run it anew")
        lines = self._attempts.pop(0)
        if lines[0].m["knock"] != knock.to_dict():
            raise Stale("the case now connects in another way than the journal has; run it anew")
        tape.note(lines[0].m, 0.0)
        answer = next((line.m["answer"] for line in lines if line.d == "note" and "answer" in line.m), None)
        if answer is None:
            raise Stale("the journal has no answer to an attempt to connect; run it anew")
        tape.note({"answer": answer}, 0.0)
        rest = [line for line in lines[1:] if not (line.d == "note" and "answer" in line.m)]
        line = ReplayLine(rest, tape) if answer["status"] == 101 else None
        return Answer(answer["status"], line, answer.get("subprotocol", ""), answer.get("body", ""))


def _kind(data: bytes) -> str:
    try:
        message: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return "a message that is no JSON"
    return str(message.get("type")) if isinstance(message, dict) else "a message that is no object"


def _closed(line: JournalLine) -> CloseInfo | None:
    if line.d != "note" or "closed" not in line.m:
        return None
    closed = line.m["closed"]
    return CloseInfo(closed["code"], closed["reason"], closed["by_us"])

"""Proxy mode: between any client and any server, untouched, with the rules of every journal held live.

The relay carries; here each message is written down, without secrets, and
shown to the invariants of both sides. What is broken is told as it happens and
is in the report at the end: one result a session, so that it is drawn, saved
and compared like the report of a run.
"""

from __future__ import annotations

import io
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import orjson

from .. import __version__
from ..endpoint import Endpoint
from ..journal import Direction, JournalLine, JournalWriter
from ..text import safe
from ..types import CloseInfo
from .invariants import INVARIANTS, Invariants
from .judging import evidence_of
from .lines import Tape
from .relay import Relay, Session, Side
from .report import OVERHEARD, CaseResult, InvariantBreach, Report
from .schemas import Bundle

__all__ = ["Finding", "Proxy"]

# Lines of a session that its result keeps as evidence: the first ones, and the last.
_FIRST_KEPT, _LAST_KEPT = 60, 200
_SESSIONS_KEPT = 200
# A rule that is broken without end is told this often in one session, and then only counted.
_TOLD = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken, as it happens: in which session, by whom, and by an event of which type."""

    session: Session
    breach: InvariantBreach
    event: str

    def __str__(self) -> str:
        where = f" at {self.breach.path}" if self.breach.path else ""
        place = f"session {self.session.number}, line {self.breach.line}"
        return f"{place}: {self.breach.side}: {self.breach.id}{where}: {self.breach.message}"


@dataclass(slots=True)
class _Record:
    """What is known of one session while it runs."""

    session: Session
    started: float
    writer: JournalWriter
    buffer: io.BytesIO
    rules: Invariants
    file: IO[bytes] | None = None
    number: int = 1
    first: list[dict[str, Any]] = field(default_factory=list)
    last: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_LAST_KEPT))
    marked: dict[int, dict[str, Any]] = field(default_factory=dict)
    breaches: list[InvariantBreach] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)

    @property
    def now(self) -> float:
        return time.monotonic() - self.started

    def write(self, direction: Direction, data: bytes) -> JournalLine:
        """Put a line into the journal and among the evidence; returns it as it was on the wire."""
        t = round(self.now, 6)
        self.writer.write(direction, data, t)
        self.number += 1
        clean = self.flush()
        shown = Tape([JournalLine(t, direction, clean.get("m"), b"", self.number)])
        (self.first if len(self.first) < _FIRST_KEPT else self.last).extend(evidence_of(shown))
        return JournalLine(t, direction, _parsed(data), data, self.number)

    def flush(self) -> dict[str, Any]:
        """Hand what was written on to the file; returns the line, cleaned as the journal has it."""
        line = self.buffer.getvalue()
        self.buffer.seek(0)
        self.buffer.truncate()
        if self.file is not None:
            self.file.write(line)
            self.file.flush()
        found: dict[str, Any] = orjson.loads(line)
        return found

    def hidden(self, words: str) -> str:
        """Words that may hold what a message said, fit to show."""
        for secret in self.session.secrets:
            words = words.replace(secret, "***")
        return safe(words)


class Proxy:
    """Listens for clients, passes them on to `upstream`, and holds both sides to the protocol.

    `async with Proxy("wss://api.openai.com") as proxy:` and give clients
    `proxy.url`; see `relay.Relay` for how paths, queries and keys are passed on.
    `on_finding` is called with each broken rule as it happens, `on_session` with
    a sentence about a connection that begins, ends or is refused; neither may
    block. `save` is a folder for one journal a session. `bundle` adds the
    official schemas. No key is in any journal or report.

    Raises `OSError` on entering if the port is taken or the folder cannot be made.
    """

    def __init__(
        self,
        upstream: str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        save: Path | None = None,
        bundle: Bundle | None = None,
        on_finding: Callable[[Finding], None] | None = None,
        on_session: Callable[[str], None] | None = None,
    ) -> None:
        self._relay = Relay(upstream, self, host=host, port=port)
        self._upstream = Endpoint.of(upstream, allow_plaintext=True).redacted()
        self._save, self._bundle = save, bundle
        self._on_finding = on_finding
        self._on_session = on_session
        self._began = time.monotonic()
        self._started = _stamp()
        self._open: dict[int, _Record] = {}
        self._results: deque[CaseResult] = deque(maxlen=_SESSIONS_KEPT)

    async def __aenter__(self) -> Self:
        if self._save is not None:
            self._save.mkdir(parents=True, exist_ok=True)
        await self._relay.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._relay.close()

    @property
    def url(self) -> str:
        """What clients connect to in place of the server."""
        return self._relay.url

    def report(self) -> Report:
        """What was found so far: a result for each session that ended or was refused, the last 200."""
        return Report(
            endpoint=self._upstream,
            profile=OVERHEARD,
            version=__version__,
            started=self._started,
            seconds=round(time.monotonic() - self._began, 1),
            results=tuple(self._results),
        )

    # --- what the relay shows -----------------------------------------------------------

    def opened(self, session: Session) -> None:
        """A session begins: open its journal."""
        buffer = io.BytesIO()
        translation = session.path.rstrip("/").endswith("/translations")
        writer = JournalWriter(
            buffer,
            dialect="translation" if translation else "realtime",
            url=session.url,
            started=_stamp(),
            secrets=session.secrets,
        )
        record = _Record(
            session,
            time.monotonic(),
            writer,
            buffer,
            Invariants(bundle=self._bundle, translation=translation, sides=("server", "client")),
        )
        if self._save is not None:
            record.file = (self._save / f"session-{session.number:03}.jsonl").open("wb")
        record.flush()
        self._open[session.number] = record
        self._noted(record, {"knock": {"kind": "translation"} if translation else {}})
        self._noted(record, {"answer": {"status": 101, "subprotocol": session.subprotocol}})
        self._say(f"session {session.number}: open, {session.url}")

    def message(self, session: Session, side: Side, data: str | bytes) -> None:
        """A message passes: write it down and judge it."""
        record = self._open[session.number]
        if isinstance(data, bytes):
            self._noted(record, {"binary": len(data)} | ({"side": "client"} if side == "client" else {}))
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        line = record.write("out" if side == "client" else "in", raw)
        readable = isinstance(line.m, dict) and isinstance(line.m.get("type"), str)
        for breach in record.rules.see(line):
            self._found(record, breach, line.m["type"] if readable else "")

    def closed(self, session: Session, side: Side | None, close: CloseInfo) -> None:
        """A session is over: what it lacked, and its result."""
        record = self._open.pop(session.number)
        self._noted(
            record, {"closed": {"code": close.code, "reason": close.reason, "by_us": side != "server"}}
        )
        # Whoever closed in the middle left things open on purpose.
        for breach in record.rules.end(complete=False):
            self._found(record, breach, "")
        if record.file is not None:
            record.file.close()
        result = _result(record)
        self._results.append(result)
        who = side or "proxy"
        words = record.hidden(f"closed by the {who}, {close}")
        self._say(f"session {session.number}: {words}; {result.message or 'nothing broken'}")

    def refused(self, session: Session, status: int, reason: str) -> None:
        """A connection did not come to be."""
        words = f"refused with HTTP {status}: {reason}"
        self._results.append(_about(session, verdict="skipped", message=words))
        self._say(f"session {session.number}: {words}")

    def _noted(self, record: _Record, note: Mapping[str, Any]) -> None:
        line = record.write("note", orjson.dumps(note))
        for breach in record.rules.see(line):
            self._found(record, breach, "")

    def _found(self, record: _Record, breach: InvariantBreach, event: str) -> None:
        shown = InvariantBreach(
            id=breach.id,
            message=record.hidden(breach.message),
            line=breach.line,
            path=record.hidden(breach.path),
            side=breach.side,
        )
        record.told[breach.id] += 1
        if record.told[breach.id] > _TOLD:
            return
        record.breaches.append(shown)
        if breach.line == record.number:
            record.marked[breach.line] = (record.last or record.first)[-1]
        if self._on_finding is not None:
            self._on_finding(Finding(record.session, shown, record.hidden(event)))

    def _say(self, sentence: str) -> None:
        if self._on_session is not None:
            self._on_session(sentence)


def _result(record: _Record) -> CaseResult:
    by = Counter[str]()
    sides = {each.id: each.side for each in record.breaches}
    for broken, number in record.told.items():
        by[sides[broken]] += number
    parts = [f"{by[side]} by the {side}" for side in ("server", "client") if by[side]]
    kept = {each["n"]: each for each in (*record.first, *record.marked.values(), *record.last)}
    first = record.breaches[0] if record.breaches else None
    about = next((each for each in INVARIANTS if first is not None and each.id == first.id), None)
    return _about(
        record.session,
        verdict="fail" if first is not None else "pass",
        message=f"broken rules: {', '.join(parts)}" if parts else "",
        rule=about.rule if about is not None else "",
        source=about.source if about is not None else "",
        offending=first.line if first is not None else None,
        path=first.path if first is not None else "",
        journal=tuple(kept[number] for number in sorted(kept)),
        seconds=round(record.now, 3),
        invariants=tuple(record.breaches),
    )


def _about(session: Session, **found: Any) -> CaseResult:
    return CaseResult(case_id=f"session-{session.number:03}", title=session.url, family="sessions", **found)


def _parsed(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

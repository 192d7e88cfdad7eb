"""What lies below a probe: knocking at a server, and the line that opens.

A `Caller` is a real endpoint, an old journal or a simulated session; what
differs between them ends here. Every line is recorded on a `Tape`, which is a
journal in memory: line numbers are those of the file it is saved to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import IO, Any, Literal, Protocol

import orjson

from ..journal import Direction, JournalLine, JournalWriter
from ..types import CloseInfo

__all__ = ["CONFIGURED", "Answer", "Caller", "Knock", "Line", "LineClosed", "Stale", "Tape"]

CONFIGURED = "*"
"""In a `Knock`: the model the run was configured with."""


class LineClosed(Exception):
    """The connection has ended, and every message before its end was read."""

    def __init__(self, close: CloseInfo) -> None:
        super().__init__(str(close))
        self.close = close


class Stale(Exception):
    """A journal does not have what the case asks now: it needs a new run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """One attempt to connect, in words that hold no secret.

    `model` None leaves it out. `key` is what is shown, `place` where. `path` is
    put in place of `/realtime` (or `/realtime/translations`) at the end of the URL's.
    """

    kind: Literal["realtime", "transcription", "translation"] = "realtime"
    model: str | None = CONFIGURED
    key: Literal["right", "wrong", "none"] = "right"
    place: Literal["header", "subprotocol", "both"] = "header"
    path: str | None = None
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """What differs from an ordinary attempt, as JSON has it."""
        plain = asdict(Knock())
        mine: dict[str, Any] = orjson.loads(orjson.dumps(asdict(self)))
        return {
            name: value for name, value in mine.items() if value != orjson.loads(orjson.dumps(plain[name]))
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What an attempt came to: the HTTP status, and with 101 a line. `body` is what a refusal said."""

    status: int
    line: Line | None = None
    subprotocol: str = ""
    body: str = ""


class Line(Protocol):
    """An open connection. One user at a time."""

    @property
    def now(self) -> float:
        """Seconds since the line was opened."""

    async def send(self, data: bytes, *, binary: bool = False) -> None:
        """Send one message. Raises `LineClosed`."""

    async def recv(self, timeout: float) -> bytes | None:
        """The next message; None if none came within `timeout` seconds. Raises `LineClosed` at the end."""

    async def close(self, code: int = 1000) -> None:
        """End it in good order. Idempotent."""


class Caller(Protocol):
    """A server that can be knocked at, as often as wanted."""

    async def call(self, knock: Knock, tape: Tape) -> Answer:
        """Try to connect. Raises `ConnectFailed` where there is no HTTP answer at all."""


@dataclass(slots=True)
class Tape:
    """A journal in memory. `lines` are numbered from 2 on, as the header of the file is line 1."""

    lines: list[JournalLine] = field(default_factory=list)

    def write(self, direction: Direction, data: bytes, t: float) -> JournalLine:
        """Record one message at `t` seconds."""
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            message = None
        line = JournalLine(round(t, 6), direction, message, data, len(self.lines) + 2)
        self.lines.append(line)
        return line

    def note(self, note: Mapping[str, Any], t: float) -> None:
        """Record something that was no message."""
        self.write("note", orjson.dumps(note), t)

    def save(
        self, stream: IO[bytes], *, url: str = "", started: str = "", secrets: Sequence[str] = ()
    ) -> None:
        """Write it as a journal; no key appears, whatever was said."""
        writer = JournalWriter(stream, url=url, started=started, secrets=tuple(secrets))
        for line in self.lines:
            writer.write(line.d, line.data, line.t)

"""The flight recorder: every message both ways as JSON lines, without secrets.

One header line, then `{"t": seconds, "d": "in"|"out"|"note", "m": message}`.
Messages are spliced in as they were on the wire, so what we do not understand
is recorded as faithfully as what we do. Text that is no JSON stands as a
string under "x". Audio is kept, or left out: its field is then "" and one
beside it, `audio_elided` or `delta_elided`, says how many characters of base64
it had. No clock and no connection is known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, Literal, cast

import orjson

from .errors import LocalProtocolError
from .text import redact

if TYPE_CHECKING:
    from os import PathLike
    from types import TracebackType
    from typing import Self

__all__ = ["VERSION", "Direction", "Header", "JournalLine", "JournalReader", "JournalWriter", "read_journal"]

VERSION: Final = 1

Direction = Literal["in", "out", "note"]

# What makes a message suspect of holding a secret; base64 audio never matches.
_SUSPECT = re.compile(rb'\b(?:sk|ek)[-_]|Bearer\s|api-key\.|"server_label"|"server_url"|"mcp"')
# Where MCP tools carry the credentials of other people's servers.
_MCP_SECRETS = ("authorization", "headers")
_HIDDEN: Final = "***"
# What ends the type of an event whose `delta` is sound and no text.
_SOUND_DELTA = "audio.delta"
# A line as written here, up to the message.
_HEAD = re.compile(rb'\{"t":[-+.0-9e]+,"d":"(?:in|out|note)","m":')


class JournalWriter:
    """Writes a journal to a text or binary stream, a line per message, flushed at once.

    `secrets` are strings that must not appear, whatever they look like: the
    key in use. Neither they nor anything shaped like an API key, a bearer
    token or an MCP credential is written. Without `audio`, sound is left out,
    and the header says `"audio":false`. Raises what the stream raises.
    """

    def __init__(
        self,
        stream: IO[str] | IO[bytes],
        *,
        dialect: str = "realtime",
        url: str = "",
        started: str = "",
        secrets: tuple[str, ...] = (),
        audio: bool = True,
    ) -> None:
        self._stream = stream
        self._audio = audio
        self._text = False
        self._secrets = tuple(secret.encode() for secret in secrets if secret)
        self.lines = 0
        header: dict[str, Any] = {
            "journal": VERSION,
            "dialect": dialect,
            "url": url,
            "started": started,
        }
        if not audio:
            header["audio"] = False
        self._put(self._hide(orjson.dumps(header)))

    def write(self, direction: Direction, message: bytes | str, t: float) -> None:
        """Record one message, `t` seconds after the start."""
        data = message.encode("utf-8", "backslashreplace") if isinstance(message, str) else message
        line: dict[str, Any] = {"t": round(t, 6), "d": direction}
        clean = self._clean(data)
        if clean is not None:
            line["m"] = orjson.Fragment(clean)
        else:
            line["x"] = self._hide(redact(data.decode("utf-8", "backslashreplace")).encode()).decode()
        self._put(orjson.dumps(line))

    def note(self, note: dict[str, Any], t: float) -> None:
        """Record something that was no message: what a signal says, why the line was lost."""
        self.write("note", orjson.dumps(note, default=str), t)

    def _clean(self, data: bytes) -> bytes | None:
        """A message without secrets and on one line; None if it is no JSON, or nested beyond all reason."""
        try:
            message = orjson.loads(data)
            if not self._audio and b"audio" in data and (silent := _silenced(message)) != message:
                message, data = silent, orjson.dumps(silent)
            if _SUSPECT.search(data) and (stripped := _stripped(message)) != message:
                data = orjson.dumps(stripped)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
            return None
        if b"\n" in data or b"\r" in data:  # legal between tokens, and never inside one
            data = data.replace(b"\r", b" ").replace(b"\n", b" ")
        return self._hide(data)

    def _hide(self, data: bytes) -> bytes:
        for secret in self._secrets:
            data = data.replace(secret, _HIDDEN.encode())
        return data

    def _put(self, line: bytes) -> None:
        line += b"\n"
        if not self._text:
            try:
                cast("IO[bytes]", self._stream).write(line)
            except TypeError:  # how every text stream refuses bytes
                self._text = True
        if self._text:
            cast("IO[str]", self._stream).write(line.decode())
        self._stream.flush()
        self.lines += 1


def _silenced(node: Any) -> Any:
    """A message without its sound, and otherwise as it was."""
    if isinstance(node, list):
        return [_silenced(item) for item in node]
    if not isinstance(node, dict):
        return node
    kind = node.get("type")
    sounds = {"audio", "delta"} if isinstance(kind, str) and kind.endswith(_SOUND_DELTA) else {"audio"}
    found: dict[str, Any] = {}
    for name, item in node.items():
        if name in sounds and isinstance(item, str) and item:
            found |= {name: "", f"{name}_elided": len(item)}
        else:
            found[name] = _silenced(item)
    return found


def _stripped(node: Any) -> Any:
    """A message without anything shaped like a key, and without the credentials of MCP tools."""
    if isinstance(node, str):
        return redact(node)
    if isinstance(node, list):
        return [_stripped(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {redact(name): _stripped(item) for name, item in node.items()}
    if found.get("type") == "mcp" or "server_label" in found or "server_url" in found:
        found.update({name: _hidden(found[name]) for name in _MCP_SECRETS if found.get(name) is not None})
    return found


def _hidden(value: object) -> object:
    return dict.fromkeys(value, _HIDDEN) if isinstance(value, dict) else _HIDDEN


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: what was recorded, and when it began (ISO 8601, UTC)."""

    version: int
    dialect: str
    url: str
    started: str


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line: `t` seconds after the start, direction `d`, and the message.

    `m` is the parsed message, or None for text that was no JSON. `data` is
    the message as it was recorded: `protocol.receive_message(line.data,
    line.t)` replays it. `number` counts lines from 1, the header's.
    """

    t: float
    d: Direction
    m: Any
    data: bytes = field(repr=False)
    number: int = 0


class JournalReader:
    """The lines of a journal, one by one; a file is closed at its end, or by `with`.

    `truncated` says, at the end, that the last line was cut off, as by a
    crash; it is left out. Raises `LocalProtocolError` naming the line for
    anything else that is no journal.
    """

    def __init__(self, source: str | PathLike[str] | IO[str] | IO[bytes]) -> None:
        self._owned: IO[bytes] | None = None
        if isinstance(source, str) or hasattr(source, "__fspath__"):
            self._owned = open(cast("str", source), "rb")  # noqa: SIM115  # closed by close()
        self._stream = self._owned or cast("IO[bytes]", source)
        self.truncated = False
        self._number = 0
        try:
            self.header = self._read_header()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[JournalLine]:
        return self

    def __next__(self) -> JournalLine:
        while True:
            raw = self._readline()
            if not raw:
                self.close()
                raise StopIteration
            if raw.strip():
                break
        try:
            return _parsed(raw, self._number)
        except LocalProtocolError:
            # A line without its end is the last, and was never finished.
            if raw.endswith(b"\n"):
                self.close()
                raise
        self.truncated = True
        self.close()
        raise StopIteration

    def close(self) -> None:
        """Close the file, if it was opened here. Idempotent."""
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _readline(self) -> bytes:
        if self._owned is not None and self._owned.closed:
            return b""
        line: bytes | str = self._stream.readline()
        self._number += 1
        return line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line

    def _read_header(self) -> Header:
        raw = self._readline()
        fields = _object(raw)
        version = fields.get("journal")
        if version is None:
            raise LocalProtocolError(
                "line 1 is no journal header", hint='a journal begins with {"journal": 1, ...}'
            )
        if version != VERSION:
            raise LocalProtocolError(
                f"this is a journal of version {version}, and only version {VERSION} is known",
                hint="read it with a newer realtime_raw",
            )
        named = {name: str(fields.get(name) or "") for name in ("dialect", "url", "started")}
        return Header(VERSION, **named)


def read_journal(source: str | PathLike[str] | IO[str] | IO[bytes]) -> JournalReader:
    """The lines of a journal, from a path or a stream, as an iterator with a `header`.

    with read_journal("call.jsonl") as journal:
        for line in journal: ...

    Raises `OSError` for a path that cannot be read, `LocalProtocolError` for
    what is no journal.
    """
    return JournalReader(source)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _parsed(raw: bytes, number: int) -> JournalLine:
    line = _object(raw)
    t, direction = line.get("t"), line.get("d")
    if (
        isinstance(t, bool)
        or not isinstance(t, (int, float))
        or direction not in ("in", "out", "note")
        or not line.keys() & {"m", "x"}
    ):
        raise LocalProtocolError(
            f"line {number} of the journal is damaged", hint='a line is {"t": 1.5, "d": "in", "m": {...}}'
        )
    if "m" not in line:
        return JournalLine(float(t), direction, None, str(line["x"]).encode("utf-8", "replace"), number)
    return JournalLine(float(t), direction, line["m"], _spliced(raw, line), number)


def _spliced(raw: bytes, line: dict[str, Any]) -> bytes:
    """The message as it stands in the line; written anew only if another program made the line."""
    head = _HEAD.match(raw)
    if head is None or len(line) != 3:
        return orjson.dumps(line["m"])
    return raw[head.end() :].rstrip()[:-1]

"""One exchange as HTML: who said what when, the offending event marked and its JSON open.

Everything that was on the wire is untrusted. Text is escaped, controls and
bidirectional overrides are spelled out, keys are hidden, and audio is named by
its size only.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from ..text import redact

__all__ = ["Row", "brief", "exchange", "plain", "rows_of", "told"]

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{160,}={0,2}")
# How a report keeps a long string.
_CUT = re.compile(r"[A-Za-z0-9+/_-]{60,}… \((\d+) characters\)")
_DATA_URL = re.compile(r"data:([\w/.+-]{1,60});base64,")
_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")
_LONGEST_STRING = 1500
_DEEPEST = 24
# Rows around the offending one that are always shown, and how many there may be at all.
_AROUND, _MOST_ROWS = 40, 160
_FEW = 3


class Row(NamedTuple):
    """One line of a journal: `number` as in its file, `d` in, out or note, `m` None for what is no JSON."""

    number: int
    t: float
    d: str
    m: Any


def plain(value: object) -> str:
    """Any text as HTML: escaped, without secrets, and with nothing invisible left invisible."""
    return escape(_visible(redact(str(value))))


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(char) for char in text)


def _spelled(char: str) -> str:
    if char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return char
    return char if char == "\u200d" else f"\\u{ord(char):04x}"


def rows_of(lines: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows from the journal of a `CaseResult`."""
    return [Row(int(line["n"]), float(line["t"]), str(line["d"]), line.get("m")) for line in lines]


# --- the sequence ------------------------------------------------------------------------


def exchange(rows: Sequence[Row], offending: int | None = None, path: str = "", message: str = "") -> str:
    """The rows as a list between two lifelines, the client's on the left.

    `offending` is the number of the line that breaks the rule and `path` the
    place in it. Without one `message` closes the list: something did not come.
    """
    if not rows:
        return ""
    parts = ['<div class="ends"><span>client</span><span>server</span></div><ol class="seq">']
    missing = offending not in {row.number for row in rows} and message
    for run in _runs(_window(rows, offending), offending):
        if missing and run == [rows[-1]] and _is_our_close(rows[-1]):
            parts.append(_note(message, bad=True))
            missing = ""
        if isinstance(run, int):
            parts.append(_note(f"{run} further messages"))
        elif len(run) > 1:
            parts.append(_several(run))
        else:
            bad = run[0].number == offending
            parts.append(_row(run[0], path if bad else None))
    if missing:
        parts.append(_note(message, bad=True))
    parts.append("</ol>")
    return "".join(parts)


def _is_our_close(row: Row) -> bool:
    closed = row.m.get("closed") if row.d == "note" and isinstance(row.m, dict) else None
    return isinstance(closed, dict) and closed.get("by_us") is True


def _window(rows: Sequence[Row], offending: int | None) -> list[Row | int]:
    """The rows worth showing; a number stands for that many left out."""
    if len(rows) <= _MOST_ROWS:
        return list(rows)
    centre = next((i for i, row in enumerate(rows) if row.number == offending), len(rows) - 1)
    first = max(_AROUND, centre - (_MOST_ROWS - 2 * _AROUND))
    last = min(len(rows), centre + _AROUND)
    shown: list[Row | int] = [*rows[:_AROUND]]
    if first > _AROUND:
        shown.append(first - _AROUND)
    shown += rows[first:last]
    if last < len(rows):
        shown.append(len(rows) - last)
    return shown


def _runs(rows: Iterable[Row | int], offending: int | None) -> Iterator[list[Row] | int]:
    """Rows one by one, but deltas of one kind together, unless one of them is the offending one."""
    run: list[Row] = []
    for row in rows:
        if run and not (isinstance(row, Row) and _continues(run[-1], row, offending)):
            yield from [run] if len(run) > _FEW else [[each] for each in run]
            run = []
        if isinstance(row, int):
            yield row
        else:
            run.append(row)
    yield from [run] if len(run) > _FEW else [[each] for each in run]


def _continues(last: Row, row: Row, offending: int | None) -> bool:
    kind = _kind(row)
    streamed = kind.endswith(".delta") or kind == "input_audio_buffer.append"
    return streamed and (last.d, _kind(last)) == (row.d, kind) and offending not in (last.number, row.number)


def _kind(row: Row) -> str:
    kind = row.m.get("type") if isinstance(row.m, dict) else None
    return kind if isinstance(kind, str) else ""


def _row(row: Row, path: str | None) -> str:
    bad = " bad" if path is not None else ""
    if row.d == "note":
        return _note(told(row.m), t=row.t, bad=bool(bad))
    name = plain(_kind(row)) or "<i>no event</i>"
    words = plain(brief(row.m))
    words = f'<span class="soft">{words}</span>' if words else ""
    pretty = _json(row.m, path or "") if row.m is not None else "not JSON"
    opened = " open" if bad else ""
    return (
        f'<li class="{"out" if row.d == "out" else "in"}{bad}"><time>{row.t:.3f}</time><div class="lane">'
        f'<details class="msg"{opened}><summary><b>{name}</b>{words}</summary>'
        f'<pre>{pretty}</pre></details><span class="arrow"></span></div></li>'
    )


def _several(run: Sequence[Row]) -> str:
    first, last = run[0], run[-1]
    text = "".join(str(row.m.get("delta", "")) for row in run if isinstance(row.m, dict))
    sound = "audio" in _kind(first) and "transcript" not in _kind(first)
    words = "" if sound else plain(_short(text))
    return (
        f'<li class="{"out" if first.d == "out" else "in"}"><time>{first.t:.3f}</time><div class="lane">'
        f'<div class="msg flat"><b>{plain(_kind(first))}</b>'
        f'<span class="soft">× {len(run)} until {last.t:.3f} {words}</span></div>'
        '<span class="arrow"></span></div></li>'
    )


def _note(text: str, *, t: float | None = None, bad: bool = False) -> str:
    when = f"{t:.3f}" if t is not None else ""
    return (
        f'<li class="note{" bad" if bad else ""}"><time>{when}</time>'
        f'<div class="lane"><div class="msg flat">{plain(text)}</div></div></li>'
    )


# --- a few words -------------------------------------------------------------------------


def told(note: Any) -> str:
    """A note of the suite in words: how it connected, what the answer was, how the line ended."""
    if isinstance(note, dict):
        knock, answer, closed = note.get("knock"), note.get("answer"), note.get("closed")
        if isinstance(knock, dict):
            differing = ", ".join(f"{name} {value}" for name, value in knock.items())
            return f"connects, with {differing}" if differing else "connects"
        if isinstance(answer, dict):
            chosen = f", subprotocol {answer['subprotocol']}" if answer.get("subprotocol") else ""
            return f"HTTP {answer.get('status')}{chosen} {_short(str(answer.get('body') or ''))}".rstrip()
        if isinstance(closed, dict):
            who = "the client" if closed.get("by_us") else "the server"
            return f"closed by {who}: {closed.get('code')} {closed.get('reason') or ''}".rstrip()
    return _short(json.dumps(note, default=str, ensure_ascii=False))


def brief(message: Any) -> str:
    """What an event says, in a few words: a status, a role, a text, never its ids or its audio."""
    if not isinstance(message, dict):
        return ""
    kind = str(message.get("type", ""))
    error = message.get("error")
    if kind == "error" and isinstance(error, dict):
        return _short(f"{error.get('code') or error.get('type') or ''} {error.get('message') or ''}")
    for name in ("item", "part", "response"):
        if isinstance(message.get(name), dict):
            return _short(" ".join(_facts(message[name])))
    if isinstance(message.get("session"), dict) and kind.endswith(".update"):
        return _short(", ".join(name for name in message["session"] if name != "type"))
    for name in ("delta", "text", "transcript", "arguments", "audio", "note", "signal", "reason"):
        if isinstance(message.get(name), str) and message[name]:
            return _short(_elided(message[name]) or message[name])
    return ""


def _facts(node: Mapping[str, Any]) -> Iterator[str]:
    for name in ("role", "type", "status", "name"):
        value = node.get(name)
        if isinstance(value, str) and not (name == "type" and "role" in node):
            yield value
    content = node.get("content")
    parts = content if isinstance(content, list) else [node]
    for part in parts[:2]:
        if isinstance(part, dict):
            said = part.get("text") or part.get("transcript")
            if isinstance(said, str):
                yield f"“{said}”"


def _short(text: str, limit: int = 90) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


# --- JSON --------------------------------------------------------------------------------


def _json(node: Any, path: str) -> str:
    """A value as indented JSON; what stands at `path` is marked, and so is the place where it is missing."""
    steps = [step.strip("[]") for step in _STEP.findall(path)]
    return "".join(_pretty(node, steps or None, 0))


def _pretty(node: Any, steps: list[str] | None, depth: int) -> Iterator[str]:
    """`steps` lead to what is marked: none left means this, None that it is elsewhere."""
    here = steps is not None and not _leads_on(node, steps)
    if here:
        yield "<mark>"
    if isinstance(node, (dict, list)) and node and depth < _DEEPEST:
        yield from _container(node, steps, depth)
    elif isinstance(node, (dict, list)):
        empty = "{}" if isinstance(node, dict) else "[]"
        yield f'<span class="cut">{len(node)} deeper</span>' if node else empty
    else:
        yield _scalar(node)
    if here:
        yield "</mark>"


def _leads_on(node: Any, steps: list[str]) -> bool:
    """Whether the mark belongs inside `node` rather than around it."""
    if not steps:
        return False
    if isinstance(node, list):
        return steps[0].isdecimal() and int(steps[0]) < len(node)
    return isinstance(node, dict) and bool(node)


def _container(node: dict[str, Any] | list[Any], steps: list[str] | None, depth: int) -> Iterator[str]:
    pad, named = "  " * (depth + 1), isinstance(node, dict)
    pairs = list(node.items()) if isinstance(node, dict) else [(str(i), each) for i, each in enumerate(node)]
    yield "{" if named else "["
    for index, (name, value) in enumerate(pairs):
        below = steps[1:] if steps and steps[0] == name else None
        yield f"{',' if index else ''}\n{pad}{_label(name) if named else ''}"
        yield from _pretty(value, below, depth + 1)
    if named and steps and steps[0] not in node:
        yield f'\n{pad}<mark>{_label(steps[0])}<span class="cut">not there</span></mark>'
    yield "\n" + "  " * depth + ("}" if named else "]")


def _label(name: str) -> str:
    return f'<span class="key">{plain(json.dumps(name, ensure_ascii=False))}</span>: '


def _scalar(value: object) -> str:
    if not isinstance(value, str):
        return f'<span class="lit">{plain(json.dumps(value, default=str))}</span>'
    elided = _elided(value)
    if elided is not None:
        return f'<span class="cut">{plain(elided)}</span>'
    cut = len(value) - _LONGEST_STRING
    text = plain(json.dumps(value[:_LONGEST_STRING], ensure_ascii=False))
    return text if cut <= 0 else f'{text} <span class="cut">{cut:,} more characters</span>'


def _elided(text: str) -> str | None:
    """What stands for a piece of base64; None for any other text."""
    cut = _CUT.fullmatch(text)
    if cut:
        return f"{int(cut[1]) * 3 // 4:,} bytes of base64"
    kind = _DATA_URL.match(text)
    data = text[kind.end() :] if kind else text
    if not _BASE64.fullmatch(data) or (not kind and data.isdecimal()):
        return None
    return f"{kind[1] + ', ' if kind else ''}{len(data) * 3 // 4:,} bytes of base64"

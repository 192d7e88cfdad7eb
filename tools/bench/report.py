"""Figures as tables: for the terminal, for `docs/performance.md`, and as JSON."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping

from tools.bench.bars import Verdict
from tools.bench.clients import named

__all__ = ["bars_table", "column_tables", "verdict_lines"]

# What a ratio is taken of: the first of these that was measured, and the figure that is compared.
REFERENCES = ("openai", "ws-orjson", "ring")
HEADS = {
    "cpu_us": "CPU µs",
    "events_s": "events/s",
    "audio_minute_ms": "CPU ms a minute of sound",
    "peak_mib": "peak MiB",
    "ring_p50_us": "in-ring p50 µs",
    "ring_p99_us": "in-ring p99 µs",
    "handler_p50_us": "handler p50 µs",
    "handler_p99_us": "handler p99 µs",
    "cpu_ms": "CPU ms",
    "kib_a_session": "KiB a session",
    "growth_mib": "growth MiB",
    "after_mib": "after MiB",
    "gc_ms": "full collection ms",
    "cpu_percent": "CPU % of a core",
    "cpu_percent_a_session": "CPU % a session",
    "first_100_us": "first 100 µs",
    "to_1000_us": "to 1,000 µs",
    "last_1000_us": "last 1,000 µs",
    "block_us": "µs a 20 ms block",
    "write_us": "writing",
    "read_us": "reading",
    "blocks": "blocks kept",
}


def column_tables(column: str, cells: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """One Markdown table for each cell."""
    title: str = importlib.import_module(f"tools.bench.columns.{column}").TITLE
    parts = [f"### {title}"]
    parts += [_table(key, rows) for key, rows in cells.items() if rows]
    return "\n\n".join(parts)


def _table(key: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    figures = list(dict.fromkeys(name for row in rows.values() for name in row))
    main = figures[0]
    references = [name for name in REFERENCES if name in rows and len(rows) > 1][:2]
    heads = [key, *(HEADS.get(name, name) for name in figures), *(f"{name} ÷ it" for name in references)]
    lines = [_row(heads), _row(["---", *("--:" for _ in heads[1:])])]
    for name, row in sorted(rows.items(), key=lambda item: item[1][main]):
        title = named(name).title
        ratios = [_number(rows[one][main] / row[main]) if row[main] else "" for one in references]
        lines.append(_row([title, *(_number(row[one]) if one in row else "" for one in figures), *ratios]))
    return "\n".join(lines)


def bars_table(verdicts: Iterable[Verdict]) -> str:
    """Each promise, what was measured, and the word."""
    lines = [_row(["no.", "held to", "wanted", "measured", ""]), _row(["--:", "---", "--:", "--:", "---"])]
    for one in verdicts:
        bar = one.bar
        wanted = f"{'≥' if bar.faster else '≤'} {_number(bar.limit)} {bar.unit}"
        measured = "" if one.measured is None else f"{_number(one.measured)} {bar.unit}"
        lines.append(_row([str(bar.number), bar.says, wanted, measured, one.word]))
    return "\n".join(lines)


def verdict_lines(verdicts: Iterable[Verdict]) -> str:
    """How many of each word there are."""
    words = [one.word for one in verdicts]
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _number(value: float) -> str:
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"

"""The command line of the benchmark: see `python -m tools.bench --help`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.bench import bars, machine, report
from tools.bench.clients import CLIENTS
from tools.bench.run import COLUMNS, ROOT, Figures, blaster, environment, missing, run

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    found = argparse.ArgumentParser(
        prog="python -m tools.bench", description="Measure, and hold to the bars."
    )
    found.add_argument("--quick", action="store_true", help="fewer cells and repetitions, under 90 s")
    found.add_argument("--only", metavar="COLUMN", action="append", choices=COLUMNS, help=", ".join(COLUMNS))
    found.add_argument("--clients", metavar="A,B", default="", help=f"of {', '.join(CLIENTS)}")
    found.add_argument("--profile", metavar="CLIENT", choices=CLIENTS, help="where its time goes, instead")
    found.add_argument("--json", metavar="FILE", type=Path, help="write every figure there too")
    found.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.relative_to(ROOT)}")
    return found


def main() -> int:
    """Measure and print; 1 if something that was promised and measured is missed."""
    options = parser().parse_args()
    os.chdir(ROOT)
    if options.profile:
        with blaster() as port:
            command = [sys.executable, "-m", "tools.bench.profiling", options.profile, str(port)]
            line = {"REALTIME_RAW_TRANSPORT": CLIENTS[options.profile].transport or "websockets"}
            return subprocess.run(command, env=environment() | line, check=False).returncode
    began, load = time.monotonic(), machine.load()
    absent = {name: why for name, client in CLIENTS.items() if (why := missing(client)) is not None}
    for name, why in absent.items():
        print(f"{name} is not measured: {why}", file=sys.stderr)
    only = frozenset(filter(None, options.clients.split(",")))
    figures: dict[str, Figures] = {}
    with blaster() as port:
        for column in options.only or COLUMNS:
            figures[column] = run(column, port, quick=options.quick, absent=absent, only=only)
    verdicts = bars.judge(figures)
    text = page(figures, verdicts, seconds=time.monotonic() - began, load=(load, machine.load()))
    print(text)
    if options.json:
        options.json.write_text(json.dumps(record(figures, verdicts), indent=2) + "\n")
    if options.write:
        write(text)
    return int(any(one.met is False and not one.bar.aim for one in verdicts))


def page(
    figures: dict[str, Figures], verdicts: list[bars.Verdict], *, seconds: float, load: tuple[float, float]
) -> str:
    """Everything, as Markdown."""
    measured = [one for one in verdicts if one.measured is not None]
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions().items())
    command = " ".join(["python -m tools.bench", *sys.argv[1:]])
    parts = [
        f"`{command}` on {datetime.now(UTC):%Y-%m-%d}: {machine.describe()}; {versions}."
        f" It took {seconds:.0f} s; {load[0]:.1f} processes wanted to run before, {load[1]:.1f} after.",
        f"Of what is promised and was measured: {report.verdict_lines(measured)}.",
        report.bars_table(measured),
        *(report.column_tables(column, cells) for column, cells in figures.items()),
    ]
    return "\n\n".join(parts)


def record(figures: dict[str, Figures], verdicts: list[bars.Verdict]) -> dict[str, Any]:
    """The same as data."""
    held = [
        {
            "number": one.bar.number,
            "says": one.bar.says,
            "limit": one.bar.limit,
            "measured": one.measured,
            "word": one.word,
        }
        for one in verdicts
    ]
    return {"machine": machine.describe(), "versions": machine.versions(), "columns": figures, "bars": held}


def write(text: str) -> None:
    """Put the tables between the marks of the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())

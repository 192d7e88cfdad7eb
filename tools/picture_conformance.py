"""The pictures of a conformance report in docs/: a simulated server with two faults, measured and drawn.

    python tools/picture_conformance.py [--html FILE] [--dark] [FOLDER]

conformance.png is the top of the page, conformance-case.png one case that fails.
Nothing in it depends on the time or the machine but the fonts. It needs Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from realtime_raw.conformance.html import html  # noqa: E402
from realtime_raw.conformance.planning import plan  # noqa: E402
from realtime_raw.conformance.profiles import profile_of  # noqa: E402
from realtime_raw.conformance.report import Report  # noqa: E402
from realtime_raw.conformance.runner import run_plan  # noqa: E402
from realtime_raw.conformance.simulated import SimulatedCaller, Spoiled  # noqa: E402
from realtime_raw.loopback.fault_filters import Edit, Filter, Trigger  # noqa: E402
from tools.browser import find, open_page  # noqa: E402

WIDTH, HEIGHT, MARGIN = 1000, 1116, 3
SHOWN = "RT-TURN-012"
PROFILE = "openai-ga"


def _someone_else(event: dict[str, Any]) -> dict[str, Any]:
    """A committed turn is said to be the assistant's."""
    content = event["item"].get("content") or [{}]
    if content[0].get("type") == "input_audio":
        event["item"]["role"] = "assistant"
    return event


def _unnamed(event: dict[str, Any]) -> dict[str, Any]:
    """An error does not say which event it is about."""
    event["error"]["event_id"] = None
    return event


FAULTS: tuple[Filter, ...] = (
    Edit(Trigger("conversation.item.added", count=None), _someone_else),
    Edit(Trigger("conversation.item.done", count=None), _someone_else),
    Edit(Trigger("error", count=None), _unnamed),
)


def measured() -> Report:
    """The report on that server, as of a fixed day."""
    profile = profile_of(PROFILE)
    caller = SimulatedCaller(Spoiled(filters=FAULTS))
    report = asyncio.run(run_plan(caller, plan(profile), profile=profile, jobs=1)).report
    return replace(
        report,
        endpoint="wss://realtime.example.com/v1/realtime",
        model="example-voice-1",
        started="2026-12-01T09:30:00+00:00",
        seconds=sum(each.seconds for each in report.results),
    )


def main() -> int:
    """Write the pictures, and the page itself if asked; 1 without a browser."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs")
    parser.add_argument("--html", type=Path, help="keep the page, too")
    parser.add_argument("--dark", action="store_true")
    given = parser.parse_args()
    page = html(measured())
    if given.html is not None:
        given.html.write_text(page, encoding="utf-8")
    program = find()
    if program is None:
        print("there is no Chromium; python tools/install_chromium.py installs it", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, open_page(program) as browser:
        path = Path(folder, "report.html")
        path.write_text(page, encoding="utf-8")
        look = {"width": WIDTH, "height": HEIGHT, "dark": given.dark}
        browser.picture(**look)
        browser.show(f"{path.as_uri()}")
        pictures = {"conformance.png": browser.picture(**look)}
        browser.ask("document.querySelectorAll('.case[open]').forEach(one => { one.open = false; })")
        browser.ask(f"document.getElementById('{SHOWN}').open = true")
        pictures["conformance-case.png"] = browser.picture(**look, of=f"#{SHOWN}", margin=MARGIN)
    for name, data in pictures.items():
        (given.folder / name).write_bytes(data)
        print(f"{given.folder / name}: {len(data):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

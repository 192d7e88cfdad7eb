"""The picture of a conformance report in docs/: a simulated server with three faults, measured and drawn.

    python tools/picture_conformance.py [--html FILE] [--dark] [docs/conformance.png]

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
from realtime_raw.loopback.fault_filters import Drop, Edit, Filter, Trigger  # noqa: E402
from tools.browser import find, open_page  # noqa: E402

WIDTH, HEIGHT = 1080, 1500
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
    Edit(Trigger("error", count=None), _unnamed),
    Drop(Trigger("conversation.item.truncated", count=None)),
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
    """Write the picture, and the page itself if asked; 1 without a browser."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("target", nargs="?", type=Path, default=ROOT / "docs" / "conformance.png")
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
        browser.picture(width=WIDTH, height=HEIGHT, dark=given.dark)
        browser.show(path.as_uri())
        given.target.write_bytes(browser.picture(width=WIDTH, height=HEIGHT, dark=given.dark))
    print(f"{given.target}: {given.target.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Headless Chromium over the DevTools protocol, with nothing but our own websockets.

Enough to open a page, ask it questions and take its picture. `tools/install_chromium.py`
installs the browser where there is none.
"""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

__all__ = ["NAMES", "Page", "find", "open_page"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_TIMEOUT = 30.0
_BOX = "document.querySelector('%s').getBoundingClientRect()"


def find() -> str | None:
    """The browser's program; None if there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Page:
    """One page. Raises `RuntimeError` with the page's own words for a script that fails."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self._loaded = False
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """One command of the DevTools protocol, to this page."""
        return self._call(method, self._session, **params)

    def show(self, url: str) -> None:
        """Open `url` and wait until it is loaded; what the console complains of is in `complaints`."""
        for each in ("about:blank", url):  # the blank one, as a new fragment alone would load nothing
            self._loaded = False
            self.call("Page.navigate", url=each)
            while not self._loaded:
                self._note(json.loads(self._line.recv(timeout=_TIMEOUT)))

    def ask(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description") or details["text"])
        return found["result"].get("value")

    def picture(self, *, width: int, height: int, dark: bool = False, of: str = "", margin: int = 0) -> bytes:
        """The top of the page as it looks at that size, or the element a selector names, as PNG."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        part: dict[str, Any] = {}
        if of:
            box = self.ask(f"(({{x, y, width, height}}) => [x, y, width, height])({_BOX % of})")
            x, y, wide, high = box
            clip = {"x": x - margin, "y": y - margin, "width": wide + 2 * margin, "height": high + 2 * margin}
            part = {"clip": {**clip, "scale": 1}, "captureBeyondViewport": True}
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", **part)["data"])

    def _call(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        self._line.send(json.dumps(message))
        while True:
            answer = json.loads(self._line.recv(timeout=_TIMEOUT))
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                found: dict[str, Any] = answer["result"]
                return found
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        self._loaded = self._loaded or event.get("method") == "Page.loadEventFired"
        if event.get("method") == "Log.entryAdded":
            self.complaints.append(event["params"]["entry"]["text"])
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(event["params"]["exceptionDetails"]["text"])


@contextmanager
def open_page(program: str) -> Iterator[Page]:
    """A page in a browser of its own, which ends with the block and leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as folder:
        flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ]
        flags += ["--hide-scrollbars", "--disable-background-networking", "--disable-component-update"]
        command = [program, *flags, f"--user-data-dir={folder}", "--remote-debugging-port=0", "about:blank"]
        log = Path(folder, "log")
        with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as browser:
            try:
                address = _address(browser, Path(folder, "DevToolsActivePort"), log)
                with connect(address, max_size=None, proxy=None, open_timeout=_TIMEOUT) as line:
                    yield Page(line)
            finally:
                browser.terminate()
                try:
                    browser.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    browser.kill()


def _address(browser: subprocess.Popen[bytes], told: Path, log: Path) -> str:
    """Where the browser listens, as it writes into a file of its profile."""
    limit = time.monotonic() + _TIMEOUT
    while time.monotonic() < limit and browser.poll() is None:
        lines = told.read_text("utf-8").split() if told.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.02)
    raise RuntimeError(f"the browser did not start: {log.read_text('utf-8', 'replace')[-2000:]}")

"""Install Chromium, in which the tests read the conformance report, where the system's packages have it.

Debian's `chromium` with what it needs (about 120 MB to fetch, 400 MB on disk),
by apt-get, as root or through sudo. Where there is a Chromium or Chrome
already, or no way to install one, it says so and is done: those tests are then skipped.

    python tools/install_chromium.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.browser import find

PACKAGE = "chromium"


def missing() -> str | None:
    """Why it cannot be installed here; None if it can be tried."""
    if shutil.which("apt-get") is None:
        return "there is no apt-get here"
    if os.geteuid() != 0 and shutil.which("sudo") is None:
        return "apt-get needs root, and there is no sudo"
    return None


def main() -> int:
    """Install it if need be; 0 in any case, as no test needs it to be there."""
    if (there := find()) is not None:
        print(f"chromium: {there} is there already")
        return 0
    if (why := missing()) is not None:
        print(f"chromium: not installed, {why}; tests in a browser are skipped")
        return 0
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    print(f"chromium: installing the package {PACKAGE} by apt-get")
    for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", PACKAGE]):
        done = subprocess.run(
            [*root, "apt-get", *words], capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            print(f"chromium: apt-get {words[0]} failed: {done.stderr.strip()[-500:]}")
            return 0
    print(f"chromium: {find() or 'installed, and no program of a known name is there'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

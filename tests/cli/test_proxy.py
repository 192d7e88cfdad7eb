"""`conform --listen --upstream` as people start it: findings as they come, a report at the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect

from realtime_raw.loopback import LoopbackServer
from tests.cli.helpers import Run

KEY = "sk-proj-0123456789abcdef0123"


@contextmanager
def proxying(*argv: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A proxy process, and the URL it says first."""
    command = [sys.executable, "-m", "realtime_raw", "conform", "--listen", "0", *argv]
    env = {**os.environ, "NO_COLOR": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to send")
@pytest.mark.parametrize(("bad", "code"), [(True, 1), (False, 0)])
def test_a_proxy_from_the_command_line(bad: bool, code: int, tmp_path: Path) -> None:
    """What is broken comes as a line at once; Ctrl-C ends it with the report and its files."""
    report, page = tmp_path / "report.json", tmp_path / "report.html"
    options = ("--save", str(tmp_path / "kept"), "--json", str(report), "--html", str(page))
    with LoopbackServer(keys=[KEY]) as server, proxying("--upstream", server.url, *options) as (process, url):
        headers = {"Authorization": f"Bearer {KEY}"}
        with connect(f"{url}?model=gpt-realtime-2.1", additional_headers=headers, proxy=None) as line:
            line.recv()
            if bad:
                line.send("{}")
                line.recv()
                assert process.stdout is not None
                assert process.stdout.readline().startswith("session 1, line 5: client: RT-INV-034: ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert "Traceback" not in err
    assert "session 1: open, ws://127.0.0.1" in err
    broken = "1 rule broken, in 1 of 1 sessions" if bad else "no rule broken, in 0 of 1 sessions"
    assert out.splitlines()[-1].startswith(broken)
    assert out.count("RT-INV-034") == (1 if bad else 0)
    (result,) = json.loads(report.read_text("utf-8"))["results"]
    assert result["verdict"] == ("fail" if bad else "pass")
    assert "<!DOCTYPE html>" in page.read_text("utf-8")
    for path in (report, page, tmp_path / "kept" / "session-001.jsonl"):
        assert KEY not in path.read_text("utf-8")


def test_what_it_needs(run: Run) -> None:
    """Both ends, and a port that is free."""
    assert (run("conform", "--listen", "0").code, run("conform", "--upstream", "ws://127.0.0.1:1").code) == (
        2,
        2,
    )
    assert run("conform", "--listen", "0", "--upstream", "nowhere").code == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = run("conform", "--listen", str(taken.getsockname()[1]), "--upstream", "ws://127.0.0.1:1")
    assert told.code == 4
    assert "cannot listen on port" in told.err

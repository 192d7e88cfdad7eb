"""`serve` as other programs start it."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import websockets
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import realtime_raw
from realtime_raw.cli import serve as module
from tests.cli.helpers import Run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to send")


@contextmanager
def serving(*argv: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process and the first line of its output."""
    command = [sys.executable, "-m", "realtime_raw", "serve", "--port", "0", *argv]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_first_line_is_the_url(number: signal.Signals, code: int, run: Run) -> None:
    """Which works; and the usual signals end the server without a traceback."""
    with serving() as (process, first):
        assert first.startswith("ws://127.0.0.1:")
        told = run("text", "Say only: kiwi", "--url", first.strip())
        assert (told.code, told.out) == (0, "model> kiwi\n")
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert "Traceback" not in err


def test_json() -> None:
    """The URL as a fact."""
    with serving("--json") as (_, first):
        assert json.loads(first)["url"].startswith("ws://127.0.0.1:")


def test_a_port_that_is_taken(run: Run) -> None:
    """Exit 4, the port, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = run("serve", "--port", str(port))
    assert told.code == 4
    assert str(port) in told.err
    assert "--port 0" in told.err


@pytest.mark.parametrize(
    ("host", "warned"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True), ("localhost.", True)]
)
def test_an_open_door_is_pointed_out(
    host: str, warned: bool, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever listens for other machines should know that no key is asked for."""

    async def at_once() -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(module, "_until_terminated", at_once)
    told = run("serve", "--host", host, "--port", "0")
    if told.code == 0:  # not every machine can listen on every name
        assert ("no key is asked for" in told.err) == warned
    assert module._is_loopback(host) is not warned


def test_scenario_and_faults(run: Run, tmp_path: Path) -> None:
    """The model says what the file says; the connection goes wrong as told."""
    file = tmp_path / "said.toml"
    file.write_text('[[step]]\nsay = "A plum."\n')
    with serving("--scenario", str(file)) as (_, url):
        assert run("text", "Hello", "--url", url.strip()).out == "model> A plum.\n"
    with serving("--fault", "duplicate", "--fault", "close_1011@event=response.created") as (_, url):
        assert run("text", "Hello", "--url", url.strip()).code == 4


def test_what_cannot_be_served(run: Run, tmp_path: Path) -> None:
    """A wrong fault, a wrong file: exit 2, and what is wrong with it."""
    told = run("serve", "--port", "0", "--fault", "close_1010")
    assert (told.code, "did you mean" in told.err) == (2, True)
    file = tmp_path / "wrong.toml"
    file.write_text("[[step]]\nsya = 1")
    told = run("serve", "--port", "0", "--scenario", str(file))
    assert told.code == 2
    assert "wrong.toml" in told.err
    assert "sya" in told.err


async def test_over_tls() -> None:
    """The certificate is where it says, and vouches for the URL."""
    with serving("--tls", "--json") as (_, first):
        facts = json.loads(first)
        trusting = ssl.create_default_context(cafile=facts["certificate"])
        async with websockets.connect(facts["url"] + "?model=gpt-realtime", ssl=trusting) as line:
            assert '"session.created"' in str(await line.recv())
    with serving("--tls") as (process, first):
        assert first.startswith("wss://127.0.0.1:")
        assert process.stderr is not None
        assert "NODE_EXTRA_CA_CERTS" in process.stderr.readline()


def test_a_key_comes_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is asked for; an empty variable is a mistake. It is nowhere in the output."""
    monkeypatch.setenv("MY_KEY", "sk-only-this-one")
    with serving("--key-env", "MY_KEY") as (process, first):
        url = first.strip()
        with connect(
            url + "?model=gpt-realtime", additional_headers={"Authorization": "Bearer sk-only-this-one"}
        ) as line:
            assert '"session.created"' in str(line.recv())
        with pytest.raises(InvalidStatus, match="401"), connect(url + "?model=gpt-realtime"):
            pass
        process.terminate()
        out, err = process.communicate(timeout=10)
        assert "sk-only" not in out + err + first
    monkeypatch.delenv("MY_KEY")
    told = run("serve", "--key-env", "MY_KEY")
    assert told.code == 2
    assert "MY_KEY is not set" in told.err


def test_a_full_house_and_a_quick_tongue(run: Run) -> None:
    """One session at a time; an answer of some seconds in no time."""
    with serving("--max-sessions", "1", "--speed", "1000") as (_, first):
        url = first.strip()
        with connect(url + "?model=gpt-realtime") as line:
            line.recv()
            with pytest.raises(InvalidStatus, match="429"), connect(url + "?model=gpt-realtime"):
                pass
            line.send('{"type":"response.create"}')
            started = time.perf_counter()
            while '"response.done"' not in str(line.recv()):
                pass
            assert time.perf_counter() - started < 1.0
    assert run("serve", "--max-sessions", "0").code == 2
    assert run("serve", "--speed", "0").code == 2


def test_the_list_of_faults(run: Run) -> None:
    """Every one, in words and as JSON."""
    names = set(realtime_raw.loopback.FAULTS)
    told = run("serve", "--list-faults")
    assert told.code == 0
    assert {line.split("@")[0] for line in told.out.splitlines() if not line.startswith(" ")} == names
    facts = [json.loads(line) for line in run("serve", "--list-faults", "--json").out.splitlines()]
    assert {fact["name"] for fact in facts} == names

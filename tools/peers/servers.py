"""Servers nobody here wrote, each started by one command, to be measured by the conformance suite.

    python tools/peers/servers.py NAME              start it, say where it is, run until Ctrl-C
    python tools/peers/servers.py NAME --conform    start it, run the suite against it, stop it
    python tools/peers/servers.py --conform         all of them, one after the other

Each lives in its own folder with its own environment, made on first use and
again when its pinned version changes. What follows `--` is passed on to `conform`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from realtime_raw.loopback import LoopbackServer
from tools.peers.run import Peer, install, lacking

KEY = "sk-test-of-the-peer-server"
UPSTREAM_KEY = "sk-test-of-the-loopback-server"
STARTS_WITHIN = 90.0


@dataclass(frozen=True, kw_only=True)
class PeerServer:
    """One server: where its environment is, what starts it on a port, where it says that it is ready."""

    peer: Peer
    command: Callable[[Path, int], list[str]]
    ready: str
    model: str
    profile: str
    before_loopback: bool = False

    @property
    def version(self) -> str:
        """What is pinned."""
        pinned = self.peer.pinned.read_text("utf-8")
        if self.peer.pinned.suffix == ".txt":
            return pinned.strip().partition("==")[2]
        (found,) = json.loads(pinned)["dependencies"].values()
        return str(found)


def _litellm(home: Path, port: int) -> list[str]:
    folder = "Scripts" if os.name == "nt" else "bin"
    program = home / ".venv" / folder / "litellm"
    return [str(program), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]


def _aimock(home: Path, port: int) -> list[str]:
    program = home / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    return ["node", str(program), "--port", str(port), "--fixtures", "fixtures.json", "--log-level", "warn"]


SERVERS = {
    "litellm": PeerServer(
        peer=Peer(folder="litellm_proxy", program="litellm.py"),
        command=_litellm,
        ready="/health/liveliness",
        model="gpt-realtime-2.1",
        profile="openai-ga",
        before_loopback=True,
    ),
    "aimock": PeerServer(
        peer=Peer(folder="aimock", program="aimock.js"),
        command=_aimock,
        ready="/__aimock/health",
        model="gpt-realtime",
        profile="text-only",
    ),
}


@contextlib.contextmanager
def running(server: PeerServer) -> Iterator[str]:
    """The URL of the server, as long as the block lasts. Raises `RuntimeError` if it does not start."""
    install(server.peer)
    port = _free_port()
    with contextlib.ExitStack() as stack:
        env = {**os.environ, "SERVER_KEY": KEY, "UPSTREAM_KEY": UPSTREAM_KEY}
        # Neither asks the network for anything while it is measured.
        env |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "NO_DOCS": "True"}
        if server.before_loopback:
            upstream = stack.enter_context(LoopbackServer(keys=[UPSTREAM_KEY]))
            env["UPSTREAM_BASE"] = f"http://127.0.0.1:{upstream.port}/v1"
        log = stack.enter_context((server.peer.home / ".log").open("w+b"))
        process = subprocess.Popen(
            server.command(server.peer.home, port), cwd=server.peer.home, env=env, stdout=log, stderr=log
        )
        try:
            _await(process, f"http://127.0.0.1:{port}{server.ready}", log.name)
            yield f"ws://127.0.0.1:{port}/v1/realtime"
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _await(process: subprocess.Popen[bytes], url: str, log: str) -> None:
    """Return once something answers at `url`, be it with an error."""
    limit = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < limit and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    last = Path(log).read_text("utf-8", "replace")[-2000:]
    raise RuntimeError(f"it did not start within {STARTS_WITHIN:g} s:\n{last}")


_KEY_ENV = "PEER_KEY"


def conform(server: PeerServer, url: str, options: Sequence[str]) -> int:
    """Run the suite against a running server; its exit code."""
    command = [
        sys.executable,
        "-m",
        "realtime_raw",
        "conform",
        url,
        "--model",
        server.model,
        "--key-env",
        _KEY_ENV,
    ]
    if "--profile" not in options:
        command += ["--profile", server.profile]
    env: Mapping[str, str] = {**os.environ, _KEY_ENV: KEY}
    return subprocess.run([*command, *options], env=env, check=False, timeout=1200).returncode


def main() -> int:
    """Start the servers named; 0 unless one did not start, or the suite itself failed on one."""
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    options = words[split + 1 :]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(SERVERS)}")
    parser.add_argument("--conform", action="store_true", help="run the suite against it, then stop it")
    given = parser.parse_args(words[:split])
    names = given.names or list(SERVERS)
    if unknown := [name for name in names if name not in SERVERS]:
        parser.error(f"there is no server {unknown[0]!r}; there are: {', '.join(SERVERS)}")
    if not given.conform and len(names) != 1:
        parser.error("name one server, or add --conform")
    worst = 0
    for name in names:
        server = SERVERS[name]
        if (why := lacking(server.peer)) is not None:
            print(f"{name}: not run: {why}")
            continue
        with running(server) as url:
            print(f"{name} {server.version}: {url}?model={server.model}, key {KEY}", flush=True)
            if given.conform:
                code = conform(server, url, options)
                worst = max(worst, 0 if code in (0, 1) else code)
            else:
                with contextlib.suppress(KeyboardInterrupt):
                    while True:
                        time.sleep(3600)
    return worst


if __name__ == "__main__":
    sys.exit(main())

"""Real clients nobody here wrote, against the loopback server: a matrix of peers and scenarios.

Each peer lives in its own folder with its own environment, made on first use
and again when its pinned versions change. It is given a URL, a key and the
name of a scenario, and prints what came of it as one line of JSON; what should
have come of it is written here, once for all of them.

    python tools/peers/run.py [NAME ...]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from realtime_raw.loopback import Call, LoopbackServer, Reply, Turn, murmur_speaker  # noqa: E402

KEY = "sk-test-of-the-loopback-server"
STORY = "Once upon a time there was a story that went on and on, and would not end for a while. " * 10
SCENARIOS: dict[str, dict[str, Any]] = {
    "text": {"said": "You said: Hello"},
    "audio": {"said": "I heard 2.0 seconds."},
    "function": {"called": "get_weather", "arguments": {"city": "Rome"}, "said": "The tool says: Sunny."},
    "interruption": {"status": "cancelled"},
}
# At least this of a spoken answer must have been heard: a second of it.
HEARD = 48_000
TIMEOUT = 60


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One client: its folder, its program, and whether it insists on wss://."""

    folder: str
    program: str
    tls: bool = False

    @property
    def home(self) -> Path:
        return HERE / self.folder

    @property
    def pinned(self) -> Path:
        """The file with its versions."""
        return self.home / ("requirements.txt" if self.program.endswith(".py") else "package.json")

    @property
    def command(self) -> list[str]:
        """What runs it, without the scenario."""
        if self.program.endswith(".py"):
            folder = "Scripts" if os.name == "nt" else "bin"
            return [str(self.home / ".venv" / folder / "python"), self.program]
        return ["node", self.program]

    @property
    def stamp(self) -> Path:
        """Says which versions are installed."""
        return self.home / (".venv" if self.program.endswith(".py") else "node_modules") / ".installed"


PEERS = {
    "openai-async": Peer(folder="openai_python", program="peer_async.py"),
    "openai-sync": Peer(folder="openai_python", program="peer_sync.py"),
    "openai-agents": Peer(folder="agents_python", program="peer.py"),
    "openai-node": Peer(folder="openai_node", program="peer.mjs", tls=True),
    "openai-agents-node": Peer(folder="agents_node", program="peer.mjs"),
}


def model(turn: Turn) -> str | Reply:
    """The simulated model, to the letter."""
    last = turn.items[-1]
    if last["type"] == "function_call_output":
        return f"The tool says: {last['output']}"
    (part,) = last["content"]
    if part["type"] == "input_audio":
        return f"I heard {turn.heard[last['id']].seconds:.1f} seconds."
    if "weather" in part["text"]:
        return Reply((Call("get_weather", {"city": "Rome"}),))
    return STORY if "story" in part["text"] else f"You said: {part['text']}"


# --- environments ------------------------------------------------------------------------


def lacking(peer: Peer) -> str | None:
    """What this machine would have to have first; None if nothing."""
    node = all(map(shutil.which, ("node", "npm")))
    return None if node or peer.program.endswith(".py") else "node and npm are not installed"


def missing(peer: Peer) -> str | None:
    """Why the peer cannot run as things are; None if it can."""
    program = peer.command[0]
    if lacking(peer) is not None:
        return lacking(peer)
    if not peer.stamp.exists() or peer.stamp.read_text() != _fingerprint(peer) or not shutil.which(program):
        return f"its environment in tools/peers/{peer.folder} is not made; `make peers` makes it"
    return None


def install(peer: Peer) -> None:
    """Make the peer's environment, if what is pinned is not there already."""
    if missing(peer) is None:
        return
    if peer.program.endswith(".py"):
        _run([sys.executable, "-m", "venv", "--clear", str(peer.home / ".venv")], peer)
        pip = [peer.command[0], "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        _run([*pip, "-r", "requirements.txt"], peer)
    else:
        shutil.rmtree(peer.home / "node_modules", ignore_errors=True)
        quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        _run(["npm", "install", *quiet], peer)
    peer.stamp.write_text(_fingerprint(peer))


def _fingerprint(peer: Peer) -> str:
    return hashlib.sha256(peer.pinned.read_bytes()).hexdigest()


def _run(command: list[str], peer: Peer) -> None:
    subprocess.run(command, cwd=peer.home, check=True, timeout=300)


# --- scenarios ---------------------------------------------------------------------------


@contextmanager
def sound() -> Iterator[Path]:
    """Two seconds of a tone at 24 kHz, as a file of PCM16."""
    frames = (round(4000 * math.sin(n / 10)) for n in range(48_000))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "question.pcm")
        path.write_bytes(b"".join(struct.pack("<h", frame) for frame in frames))
        yield path


def play(peer: Peer, scenario: str, audio: Path) -> dict[str, Any]:
    """The peer's outcome of one scenario. Raises `RuntimeError` for whatever went wrong, on either side."""
    with LoopbackServer(
        scenario=model, speaker=murmur_speaker(), speed=20.0, keys=[KEY], tls=peer.tls
    ) as server:
        env = {**os.environ, "PEER_URL": server.base_url, "PEER_KEY": KEY, "PEER_AUDIO": str(audio)}
        if peer.tls:
            env["NODE_EXTRA_CA_CERTS"] = str(server.certificate_file)
        for unwanted in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "COVERAGE_PROCESS_START"):
            env.pop(unwanted, None)
        done = subprocess.run(
            [*peer.command, scenario],
            cwd=peer.home,
            env=env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        said = [event.raw or {} for event in server.sent]
    errors = [event["error"]["message"] for event in said if event["type"] == "error"]
    if errors:
        raise RuntimeError(f"the server refused something: {errors}")
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr.strip()[-2000:]}")
    outcome: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    differing = {k: outcome.get(k) for k, wanted in SCENARIOS[scenario].items() if outcome.get(k) != wanted}
    if differing:
        raise RuntimeError(f"expected {SCENARIOS[scenario]}, got {differing}")
    if scenario == "audio" and outcome["audio_bytes"] < HEARD:
        raise RuntimeError(f"only {outcome['audio_bytes']} bytes of the answer were heard")
    if scenario == "interruption" and "conversation.item.truncated" not in [e["type"] for e in said]:
        raise RuntimeError("nothing was truncated")
    return outcome


def main() -> int:
    """Install and run the peers named (all by default), and print the matrix."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(PEERS)}")
    names = parser.parse_args().names or list(PEERS)
    if unknown := [name for name in names if name not in PEERS]:
        parser.error(f"there is no peer {unknown[0]!r}; there are: {', '.join(PEERS)}")
    started, failures = time.monotonic(), []
    print(f"{'peer':<20} {'version':<10}" + "".join(f" {name:<13}" for name in SCENARIOS))
    with sound() as audio:
        for name in names:
            if (why := lacking(PEERS[name])) is not None:
                print(f"{name:<20} {'-':<10} not run: {why}")
                continue
            install(PEERS[name])
            version, cells = "?", []
            for scenario in SCENARIOS:
                try:
                    version = play(PEERS[name], scenario, audio)["version"]
                    cells.append("ok")
                except (RuntimeError, subprocess.TimeoutExpired) as exc:
                    cells.append("FAILED")
                    failures.append(f"{name}, {scenario}: {exc}")
            print(f"{name:<20} {version:<10}" + "".join(f" {cell:<13}" for cell in cells), flush=True)
    print(f"{time.monotonic() - started:.0f} s", *failures, sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

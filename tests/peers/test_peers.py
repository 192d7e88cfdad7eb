"""Clients nobody here wrote, each in its own environment: see `tools/peers/run.py`, which makes them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.peers import run


@pytest.fixture(scope="module")
def audio() -> Iterator[Path]:
    with run.sound() as path:
        yield path


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scenario", run.SCENARIOS)
@pytest.mark.parametrize("name", run.PEERS)
def test_a_peer_completes_a_scenario(name: str, scenario: str, audio: Path) -> None:
    """A text turn, a spoken turn by hand, a function call, an interruption: at the versions pinned."""
    peer = run.PEERS[name]
    if (why := run.missing(peer)) is not None:
        pytest.skip(why)
    assert run.play(peer, scenario, audio)["version"]


def test_versions_are_pinned_and_no_registry_is_named() -> None:
    """What was tested can be had again, from wherever packages come from."""
    for peer in run.PEERS.values():
        pinned = peer.pinned.read_text()
        assert "://" not in pinned
        assert "==" in pinned or not set("^~<>*") & set(pinned)
    committed = [path for path in run.HERE.glob("*/*") if "lock" in path.name]
    assert committed == []


def test_a_peer_that_fails_is_told_from_one_that_does_not(
    tmp_path: Path, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong answer, a crash, and something the server refused: each with its reason."""
    monkeypatch.setattr(run, "HERE", tmp_path)
    monkeypatch.setattr(run.Peer, "command", [sys.executable, "peer.py"])
    (tmp_path / "x").mkdir()

    def outcome(program: str) -> str:
        (tmp_path / "x" / "peer.py").write_text(program)
        with pytest.raises(RuntimeError) as failed:
            run.play(run.Peer(folder="x", program="peer.py"), "text", audio)
        return str(failed.value)

    assert "got {'said': 'nothing'}" in outcome('print(\'{"said": "nothing"}\')')
    assert "exit 1" in outcome("raise SystemExit(1)")
    assert "You must provide a model" in outcome(
        "import os; from websockets.sync.client import connect as c\n"
        "k = {'Authorization': 'Bearer ' + os.environ['PEER_KEY']}\n"
        "c(os.environ['PEER_URL'] + '/realtime', additional_headers=k).recv()\n"
        "print('{}')"
    )

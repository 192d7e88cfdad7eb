"""The conformance suite as it is run: plans, reports, exit codes, baselines, replays, and the key."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime_raw.loopback import LoopbackServer, murmur_speaker
from tests.cli.helpers import Run

KEY = "sk-proj-0123456789abcdefgh"
FEW = ("--case", "RT-ERR-001", "--case", "RT-ERR-006", "--case", "RT-SESS-001")


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def broken() -> Iterator[LoopbackServer]:
    """A server that hangs up at every error."""
    with LoopbackServer(faults=["close_1011@event=error"], speaker=murmur_speaker()) as server:
        yield server


def test_every_must_holds(run: Run, tmp_path: Path) -> None:
    """Exit code 0, a matrix, a last line; and a file in each format."""
    files = {kind: tmp_path / f"report.{kind}" for kind in ("json", "junit", "markdown", "html")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", path)]
    told = run("conform", "--loopback", *FEW, *options)
    assert told.code == 0
    assert "errors      2     ." in told.out
    assert told.out.splitlines()[-1].startswith("3 of 3 cases pass; every must that was asked holds")
    assert told.err.startswith("3 cases, about ")
    assert json.loads(files["json"].read_text())["format"] == 1
    assert ET.parse(files["junit"]).getroot().tag == "testsuites"
    assert files["markdown"].read_text().startswith("# Realtime conformance: ws://127.0.0.1")
    assert files["html"].read_text().startswith("<!DOCTYPE html>")
    assert f"the report as html: {files['html']}" in told.err
    assert "--case" not in told.err


def test_a_broken_must_is_told_with_its_evidence(run: Run, broken: LoopbackServer) -> None:
    """Exit code 1, the rule, the source, the exchange."""
    told = run("conform", broken.url, *FEW)
    assert told.code == 1
    assert "FAIL RT-ERR-006 (must) A session survives an error" in told.out
    assert "rule: After an `error` the session stays open, and works." in told.out
    assert "the connection was closed (1011 internal error)" in told.out
    assert "RT-ERR-006 fail: " in told.err
    assert told.err.splitlines()[-1].startswith("one again: --case RT-ERR-006; every exchange")
    quiet = run("conform", broken.url, *FEW, "--quiet")
    assert quiet.code == 1
    assert quiet.out.count("\n") == 1


def test_a_rule_of_every_session_is_told_once(run: Run, tmp_path: Path) -> None:
    """While it runs, and at its end, however many sessions break it; the page has what changed since."""
    page, before = tmp_path / "report.html", tmp_path / "before.json"
    assert run("conform", "--loopback", *FEW, "--json", before).code == 0
    with LoopbackServer(faults=["duplicate@event=session.created"], speaker=murmur_speaker()) as server:
        told = run("conform", server.url, *FEW, "--baseline", before, "--html", page)
    assert told.err.count("RT-INV-022 fail, first in ") == 1
    assert "FAIL RT-INV-022 in 3 sessions" in told.out
    assert "Regressions: " in page.read_text("utf-8")


def test_regressions_have_an_exit_code_of_their_own(run: Run, broken: LoopbackServer, tmp_path: Path) -> None:
    """Worse than the baseline is 7; better is progress."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    assert run("conform", "--loopback", *FEW, "--json", good).code == 0
    told = run("conform", broken.url, *FEW, "--baseline", good, "--json", bad)
    assert told.code == 7
    assert "  regression RT-ERR-006 A session survives an error: pass -> fail" in told.out
    mended = run("conform", "--loopback", *FEW, "--baseline", bad)
    assert mended.code == 0
    assert "  progress RT-ERR-006 A session survives an error: fail -> pass" in mended.out


def test_saved_journals_are_judged_without_an_endpoint(
    run: Run, broken: LoopbackServer, tmp_path: Path
) -> None:
    """The same verdicts, the same exit code."""
    saved = tmp_path / "saved"
    assert run("conform", broken.url, *FEW, "--save", saved).code == 1
    assert {path.stem for path in saved.glob("RT-*.jsonl")} == {"RT-ERR-001", "RT-ERR-006", "RT-SESS-001"}
    told = run("conform", "--replay", saved)
    assert told.code == 1
    assert "FAIL RT-ERR-006" in told.out
    (saved / "RT-ERR-001.jsonl").unlink()
    assert run("conform", "--replay", saved, "--quiet").code == 1


def test_a_dry_run_connects_nowhere(run: Run) -> None:
    """The plan and its cost, in tokens and dollars."""
    priced = ("--budget", "1", "--price", "40")
    told = run("conform", "--dry-run", "--profile", "openai-ga", "--family", "limits", *priced)
    assert told.code == 0
    lines = told.out.splitlines()
    shown = "RT-LIM-021 must   Metadata is echoed up to its limits (80 tokens"
    assert [line for line in lines if line.startswith(shown)]
    assert "21 cases, about " in lines[-1]
    assert "($0.0" in lines[-1]
    azure = run("conform", "--dry-run", "--profile", "azure-ga", "--family", "errors")
    assert "RT-ERR-003 should An error has an id of its own (left out: Azure sends" in azure.out


def test_a_budget_leaves_out_what_it_cannot_pay(run: Run) -> None:
    """And says what."""
    two = ("--case", "RT-SESS-061", "--case", "RT-ERR-001")
    told = run("conform", "--loopback", *two, "--budget", "tokens=400")
    assert told.code == 0
    assert "1 of 2 cases pass, 1 skipped" in told.out


def test_a_skip_list_is_a_file(run: Run, tmp_path: Path) -> None:
    """With a reason for each."""
    skips = tmp_path / "skips.txt"
    skips.write_text("RT-ERR-001 known to differ\n")
    told = run("conform", "--dry-run", "--family", "errors", "--skip", skips)
    assert "left out: known to differ" in told.out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "name one server: a URL, or --loopback"),
        (("ws://127.0.0.1:1/x", "--loopback"), "name one server"),
        (("--loopback", "--level", "never"), "must, should or may"),
        (("--loopback", "--profile", "none"), "there is no profile 'none'"),
        (("--loopback", "--family", "none"), "there is no family 'none'"),
        (("--loopback", "--case", "RT-NONE-001"), "there is no case"),
        (("--loopback", "--budget", "lots"), "is no budget"),
        (("--loopback", "--budget", "dollars=1"), "--price"),
        (("--listen", "0"), "both --listen PORT and --upstream URL"),
    ],
)
def test_usage_errors(run: Run, words: tuple[str, ...], complaint: str) -> None:
    """Told before anything is sent; exit code 2."""
    told = run("conform", *words)
    assert told.code == 2
    assert complaint in told.err


def test_files_that_are_none(run: Run, tmp_path: Path) -> None:
    """A baseline, a bundle or a directory that is no such thing."""
    nonsense = tmp_path / "x.json"
    nonsense.write_text("[]")
    assert "no conformance report" in run("conform", "--loopback", "--baseline", nonsense).err
    assert "no schema bundle" in run("conform", "--loopback", *FEW, "--schema", nonsense).err
    assert run("conform", "--replay", tmp_path / "none").code == 6


def test_nobody_there_is_no_verdict(run: Run) -> None:
    """Exit code 4, and no report."""
    told = run("conform", "ws://127.0.0.1:9/v1/realtime", *FEW)
    assert (told.code, told.out) == (4, "")
    assert "nothing listens" in told.err


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown to the server, and to nobody who reads what is written."""
    with LoopbackServer(keys=[KEY], speaker=murmur_speaker()) as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert run("conform", server.url, *FEW).code == 3, "OpenAI's key is not for other servers"
        monkeypatch.setenv("THEIR_KEY", KEY)
        saved = tmp_path / "saved"
        given = ("--key-env", "THEIR_KEY", "--save", saved)
        told = run("conform", server.url, "--family", "handshake", *given)
        unset = run("conform", server.url, *FEW, "--key-env", "NO_KEY")
    assert (unset.code, "NO_KEY, which is not set" in unset.err) == (2, True)
    assert told.code == 0
    assert "handshake    20     ." in told.out
    for text in (told.out, told.err, *(path.read_text() for path in saved.iterdir())):
        assert KEY not in text

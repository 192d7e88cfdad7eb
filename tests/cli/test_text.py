"""One turn in text."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from realtime_raw.loopback import LoopbackServer, Reply, Say
from tests.cli import servers
from tests.cli.helpers import Run


def test_the_answer_is_the_output(run: Run) -> None:
    """Words in, words out; the turn asks for no audio."""
    with LoopbackServer() as server:
        told = run("text", "Say only: pineapple", "--url", server.url, "--instructions", "Be brief.")
        types = [message["type"] for message in servers.received(server)]
        create = servers.received(server)[-1]["response"]
        instructions = servers.received(server)[0]["session"]["instructions"]
    assert (told.code, told.out) == (0, "model> pineapple\n")
    assert types == ["session.update", "conversation.item.create", "response.create"]
    assert create["output_modalities"] == ["text"]
    assert instructions == "Be brief."


def test_json(run: Run) -> None:
    """One line, whole."""
    told = run("text", "Say only: pineapple", "--loopback", "--json")
    assert told.code == 0
    assert told.line("model")["text"] == "pineapple"
    assert told.line("model")["status"] == "completed"
    assert len(told.lines) == 1


def test_an_option_beats_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--loopback` and `--url` are chosen over `REALTIME_RAW_URL`, which is chosen over nothing."""
    with LoopbackServer() as server, LoopbackServer() as other:
        monkeypatch.setenv("REALTIME_RAW_URL", server.url)
        monkeypatch.setenv("REALTIME_RAW_MODEL", "gpt-realtime-mini")
        assert run("text", "hi").code == 0
        assert len(server.sessions) == 1
        assert servers.sent(server)[0]["session"]["model"] == "gpt-realtime-mini"
        assert run("text", "hi", "--loopback").code == 0
        assert run("text", "hi", "--url", other.url).code == 0
        assert len(server.sessions) == 1
        assert len(other.sessions) == 1


def test_words_from_a_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("Say only: mango\n"))
    assert run("text", "-", "--loopback").out == "model> mango\n"


@pytest.mark.parametrize("words", ["", "  \n"])
def test_nothing_to_say(words: str, run: Run) -> None:
    """Exit 2, before anything is opened."""
    told = run("text", words, "--loopback")
    assert told.code == 2
    assert "empty" in told.err


def test_a_model_cannot_move_the_cursor(run: Run) -> None:
    """Whatever it answers; newlines stay."""
    with LoopbackServer(scenario=lambda turn: Reply((Say("red \x1b[31malert\r\nnext"),))) as server:
        told = run("text", "hi", "--url", server.url)
        assert told.out == "model> red [31malert\nnext\n"
        assert (
            json.loads(run("text", "hi", "--url", server.url, "--json").out)["text"]
            == "red \x1b[31malert\r\nnext"
        )


def test_a_reader_that_leaves_early() -> None:
    """`| head -c 1` loses the rest of the words and nothing else."""
    command = [sys.executable, "-m", "realtime_raw", "text", "Say only: " + "word " * 300, "--loopback"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 0
    assert "Traceback" not in told
    assert "Broken" not in told

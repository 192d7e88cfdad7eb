"""Data and chatter go where they belong, harmlessly, even to readers that went away."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from realtime_raw.cli.output import Output, prepare_streams

CLEAR_SCREEN = "\x1b[2J"


def test_data_is_stdout_and_chatter_is_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets results and nothing else."""
    out = Output()
    out.data("answer", "answer: a.wav", path="a.wav")
    out.say("connected")
    assert capsys.readouterr() == ("answer: a.wav\n", "connected\n")


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With the facts, not the sentence; streamed pieces are left to the whole."""
    out = Output(as_json=True)
    out.piece("model", "Hel")
    out.data("answer", "answer: a.wav", path="a.wav", seconds=1.5)
    out.spoken("model", "Hello", status="completed")
    out.document({"type": "object"})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        {"kind": "answer", "path": "a.wav", "seconds": 1.5},
        {"kind": "model", "text": "Hello", "status": "completed"},
        {"type": "object"},
    ]


def test_pieces_make_a_line_that_others_end(capsys: pytest.CaptureFixture[str]) -> None:
    """The speaker is named once; whatever comes next starts on a line of its own."""
    out = Output()
    out.piece("model", "Hel")
    out.piece("model", "lo")
    out.data("x", "data")
    out.spoken("you", "Hi")
    out.end_line()
    assert capsys.readouterr().out == "model> Hello\ndata\nyou> Hi\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_server_cannot_move_the_cursor(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences and bidirectional overrides never reach the terminal raw."""
    out = Output(as_json=as_json)
    bad = f"a{CLEAR_SCREEN}\u202eb\rc"
    out.spoken("model", bad)
    out.data("x", bad, text=bad)
    out.say(bad)
    out.error(bad, 5, {"code": bad})
    told = "".join(capsys.readouterr())
    assert not {"\x1b", "\u202e", "\r"} & set(told)
    assert "b" in told


def test_chatter_never_shows_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    """A server may repeat the key it refused."""
    out = Output(as_json=True)
    out.say("Incorrect API key provided: sk-proj-abcdef123456")
    out.error("Incorrect API key provided: sk-proj-abcdef123456", 3, {})
    assert "abcdef" not in "".join(capsys.readouterr())


def test_an_error_is_a_line_for_each_reader(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence on stderr; with --json also an object on stdout."""
    Output().error("it broke", 5, {"code": "x"})
    assert capsys.readouterr() == ("", "error: it broke\n")
    Output(as_json=True).error("it broke", 5, {"code": "x"})
    told = capsys.readouterr()
    assert json.loads(told.out) == {"kind": "error", "exit": 5, "message": "it broke", "code": "x"}
    assert told.err == "error: it broke\n"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)], ids=str
)
def test_colour_only_where_it_is_wanted(
    env: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal, unless the user said no."""
    monkeypatch.setenv("TERM", "xterm")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    Output().spoken("model", "Hi")
    assert terminal.getvalue() == ("\x1b[32mmodel> \x1b[0mHi\n" if coloured else "model> Hi\n")


def test_no_colour_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain text when not a terminal."""
    monkeypatch.setattr(sys, "stdout", pipe := io.StringIO())
    Output().spoken("model", "Hi")
    assert pipe.getvalue() == "model> Hi\n"


GONE = """
from realtime_raw.cli.output import Output
out = Output()
for _ in range(3):
    out.data("x", "y" * 100_000)
out.say("went on to the end")
"""


def test_a_reader_that_went_away_ends_the_printing_not_the_work() -> None:
    """`| head -1` must not lose an answer that is yet to be written, nor print a traceback."""
    ends = os.pipe()
    os.close(ends[0])
    with os.fdopen(ends[1], "wb") as broken:
        done = subprocess.run(
            [sys.executable, "-c", GONE], stdout=broken, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"went on to the end\n")


def test_text_the_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in Latin-1 gets `\\u4f60`, not a crash."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    prepare_streams()
    Output().spoken("model", "你 né")
    assert raw.getvalue() == b"model> \\u4f60 n\xe9\n"


def test_closed_streams_are_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """`<&- >&- 2>&-`: Python then has None in their place."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    prepare_streams()
    assert sys.stdin.read() == ""
    Output().data("x", "x")
    Output().say("x")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()

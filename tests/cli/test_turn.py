"""One spoken turn from the command line, against the loopback server, in every way a user would try."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from realtime_raw.cli import turn as module
from realtime_raw.loopback import Failure, LoopbackServer, Reply, Turn
from tests.cli import servers
from tests.cli.helpers import Run, read_wav, tone, write_wav

KEY = "sk-proj-abcdefghijklmnop"


def test_a_turn_leaves_a_spoken_answer(run: Run, question: Path, tmp_path: Path) -> None:
    """Both sides, where the answer lies, and the latencies; the answer can be heard."""
    answer = tmp_path / "answer.wav"
    told = run("turn", question, "--loopback", "-o", answer)
    assert told.code == 0
    you, model, where, latency = told.out.splitlines()
    assert you.startswith("you> ")
    assert "0.5 seconds" in model
    assert where.startswith(f"answer: {answer}, ")
    assert latency.startswith("latency: commit to first audio ")
    samples = read_wav(answer)
    assert len(samples) > 12_000
    assert np.abs(samples).max() > 1000
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def test_json_lines(run: Run, question: Path, tmp_path: Path) -> None:
    """Each fact once, for programs; the latencies are in order."""
    answer = tmp_path / "answer.wav"
    told = run("turn", question, "--loopback", "-o", answer, "--json")
    assert told.code == 0
    assert [line["kind"] for line in told.lines] == ["you", "model", "answer", "latency"]
    assert told.line("you")["seconds"] == 0.5
    assert told.line("model")["status"] == "completed"
    assert told.line("answer")["path"] == str(answer)
    assert told.line("answer")["seconds"] == pytest.approx(len(read_wav(answer)) / 24000, abs=0.001)
    latency = told.line("latency")
    assert 0 < latency["commit_to_first_audio_ms"] <= latency["commit_to_done_ms"]


def test_without_an_output_nothing_is_written(run: Run, question: Path, tmp_path: Path) -> None:
    """And it says how to keep the answer."""
    told = run("turn", question, "--loopback")
    assert told.code == 0
    assert "-o FILE.wav" in told.out
    assert [path.name for path in tmp_path.iterdir()] == ["question.wav"]


def test_what_reaches_the_server(run: Run, question: Path) -> None:
    """Manual turns confirmed first, 100 ms pieces, one commit, one create, and nothing else."""
    with LoopbackServer() as server:
        told = run("turn", question, "--url", server.url, "--instructions", "Be brief.", "--voice", "cedar")
        assert told.code == 0
        types = [message["type"] for message in servers.received(server)]
        update = servers.received(server)[0]["session"]
    assert types == [
        "session.update",
        *["input_audio_buffer.append"] * 5,
        "input_audio_buffer.commit",
        "response.create",
    ]
    assert update["audio"]["input"]["turn_detection"] is None
    assert update["instructions"] == "Be brief."
    assert update["audio"]["output"]["voice"] == "cedar"


def test_transcription_can_be_left_out(run: Run, question: Path) -> None:
    """It costs; `none` does not ask for it."""
    with LoopbackServer() as server:
        told = run("turn", question, "--url", server.url, "--transcriber", "none")
        update = servers.received(server)[0]["session"]
    assert told.code == 0
    assert "transcription" not in update["audio"]["input"]
    assert told.out.startswith("you> (not transcribed)\n")


FAILED = {
    "type": "conversation.item.input_audio_transcription.failed",
    "item_id": "item_1",
    "content_index": 0,
    "error": {"type": "server_error", "message": "No such deployment."},
}
EMPTY = {
    "type": "conversation.item.input_audio_transcription.completed",
    "item_id": "item_1",
    "transcript": "",
}


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((FAILED,), "(not transcribed: No such deployment.)"),
        (({**FAILED, "error": None},), "(not transcribed: no reason given)"),
        ((EMPTY, EMPTY), "(no words)"),
    ],
)
def test_a_transcript_that_never_comes_is_no_failure(
    events: tuple[dict[str, object], ...], said: str, run: Run, question: Path
) -> None:
    """The answer is what was asked for."""
    with servers.scripted(servers.answering(*events)) as url:
        told = run("turn", question, "--url", url)
    assert told.code == 0
    assert told.out.startswith(f"you> {said}\nmodel> Yes.\n")


def test_a_transcript_is_not_waited_for_for_ever(
    run: Run, question: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may not transcribe at all."""
    monkeypatch.setattr(module, "TRANSCRIPT_GRACE", 0.05)
    with servers.scripted(servers.answering()) as url:
        told = run("turn", question, "--url", url)
    assert told.code == 0
    assert told.out.startswith("you> (not transcribed)\n")


def test_an_answer_without_sound_leaves_no_file(run: Run, question: Path, tmp_path: Path) -> None:
    """The words are printed; there is nothing to keep, and that was asked for."""
    with servers.scripted(servers.answering(EMPTY)) as url:
        told = run("turn", question, "--url", url, "-o", tmp_path / "answer.wav")
    assert told.code == 6
    assert "model> Yes." in told.out
    assert "no audio" in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["question.wav"]


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (44100, 2), (24000, 2), (48000, 1)])
def test_other_formats_are_converted_with_a_note(rate: int, channels: int, run: Run, tmp_path: Path) -> None:
    """Any rate and channel count; the length stays."""
    samples = np.repeat(tone(0.5, rate), channels)
    path = write_wav(tmp_path / "other.wav", samples, rate, channels)
    told = run("turn", path, "--loopback", "--json")
    assert told.code == 0
    assert "converted" in told.err
    assert told.line("you")["seconds"] == pytest.approx(0.5, abs=0.01)


def piped(*argv: str | Path, data: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run the command with `data` on its standard input."""
    command = [sys.executable, "-m", "realtime_raw", *map(str, argv)]
    return subprocess.run(command, input=data, capture_output=True, check=False, timeout=30)


def test_raw_pcm_from_a_pipe(tmp_path: Path) -> None:
    """24 kHz, 16 bit, mono."""
    done = piped("turn", "-", "--loopback", "--json", data=tone(0.5).astype("<i2").tobytes())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["seconds"] == 0.5


def test_a_wav_in_the_pipe_is_not_played_as_a_click(question: Path) -> None:
    """A header is not sound; it is read as what it is."""
    done = piped("turn", "-", "--loopback", "--json", data=question.read_bytes())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["seconds"] == 0.5


def test_a_terminal_is_no_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than wait for somebody to type samples."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    told = run("turn", "-", "--loopback")
    assert told.code == 6
    assert "standard input is a terminal" in told.err


def test_nothing_in_the_pipe() -> None:
    """Exit 6, and the pipe is named."""
    done = piped("turn", "-", "--loopback", data=b"")
    assert (done.returncode, done.stdout) == (6, b"")
    assert b"standard input holds no audio" in done.stderr


def bad_files(folder: Path) -> dict[str, Path]:
    """Files that are no question, by what is wrong with them."""
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("this is not audio at all, only words\n" * 10)
    (folder / "cut.wav").write_bytes(write_wav(folder / "whole.wav", tone(0.5)).read_bytes()[:30])
    (folder / "folder.wav").mkdir()
    return {
        "missing": folder / "nowhere.wav",
        "a folder": folder / "folder.wav",
        "empty": folder / "empty.wav",
        "no audio": folder / "text.wav",
        "cut in the header": folder / "cut.wav",
        "no frames": write_wav(folder / "none.wav", tone(0)),
        "too short": write_wav(folder / "short.wav", tone(0.05)),
        "silent": write_wav(folder / "silent.wav", np.zeros(12000, np.int16)),
        "all but silent": write_wav(folder / "faint.wav", tone(0.5, amplitude=0.0002)),
    }


BAD = [
    "missing",
    "a folder",
    "empty",
    "no audio",
    "cut in the header",
    "no frames",
    "too short",
    "silent",
    "all but silent",
]


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_question_ends_6_before_anything_happens(fault: str, run: Run, tmp_path: Path) -> None:
    """One sentence that names the file; no session opened, no answer touched."""
    path = bad_files(tmp_path)[fault]
    answer = tmp_path / "answer.wav"
    answer.write_bytes(b"from before")
    with LoopbackServer() as server:
        told = run("turn", path, "--url", server.url, "-o", answer)
        assert server.sessions == ()
    assert told.code == 6
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert told.err.count("\n") == 1
    assert path.name in told.err
    assert answer.read_bytes() == b"from before"


def test_silence_can_be_sent_on_purpose(run: Run, tmp_path: Path) -> None:
    """With a warning."""
    path = bad_files(tmp_path)["silent"]
    told = run("turn", path, "--loopback", "--allow-silence", "--json")
    assert told.code == 0
    assert "warning" in told.err
    assert told.line("you")["rms_dbfs"] is None


@pytest.mark.parametrize("where", ["nowhere/answer.wav", "folder", "question.wav/answer.wav"])
def test_an_unwritable_output_is_found_before_the_turn(
    where: str, run: Run, question: Path, tmp_path: Path
) -> None:
    """Exit 6, the path in the sentence, no session opened."""
    (tmp_path / "folder").mkdir()
    with LoopbackServer() as server:
        told = run("turn", question, "--url", server.url, "-o", tmp_path / where)
        assert server.sessions == ()
    assert told.code == 6
    assert str(tmp_path / where) in told.err


def test_an_unwritable_journal_is_found_before_the_turn(run: Run, question: Path, tmp_path: Path) -> None:
    """The same for the journal."""
    with LoopbackServer() as server:
        told = run("turn", question, "--url", server.url, "--journal", tmp_path / "nowhere" / "journal.jsonl")
        assert servers.received(server) == []
    assert told.code == 6
    assert "journal.jsonl" in told.err


def test_the_journal_has_both_ways_and_no_key(
    run: Run, question: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON lines, from the first message to the last."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    journal = tmp_path / "journal.jsonl"
    told = run("turn", question, "--loopback", "--journal", journal)
    assert told.code == 0
    text = journal.read_text("utf-8")
    assert KEY not in text + told.out + told.err
    header, *lines = [json.loads(line) for line in text.splitlines()]
    assert header["journal"] == 1
    types = [(line["d"], line["m"]["type"]) for line in lines if line["d"] != "note"]
    assert types[0] == ("in", "session.created")
    assert ("out", "input_audio_buffer.commit") in types
    assert ("in", "response.done") in types


# What the server does to us, and how it ends.

CONNECTING = [
    ("wrong key", servers.refuses("invalid_api_key", f"Incorrect API key provided: {KEY}.", 3000), None, 3),
    ("no quota", servers.refuses("insufficient_quota", "You exceeded your quota.", 4000), None, 3),
    ("beta", servers.refuses("beta_api_shape_disabled", "The beta is over.", 4000), None, 4),
    ("no such model", servers.refuses("model_not_found", "No such model.", 4004), None, 4),
    ("unauthorized", servers.says(), 401, 3),
    ("wrong path", servers.says(), 404, 4),
]


@pytest.mark.parametrize(
    ("handler", "status", "code"), [case[1:] for case in CONNECTING], ids=[c[0] for c in CONNECTING]
)
def test_a_refused_connection(
    handler: servers.Handler, status: int | None, code: int, run: Run, question: Path, tmp_path: Path
) -> None:
    """3 for the key and the account, 4 for the rest; a key that is repeated to us is not repeated by us."""
    answer = tmp_path / "answer.wav"
    with servers.scripted(handler, status=status) as url:
        told = run("turn", question, "--url", url, "-o", answer, "--json")
    assert told.code == code
    assert told.line("error")["exit"] == code
    assert KEY not in told.out + told.err
    assert not answer.exists()


def test_no_key_says_what_to_do(run: Run, question: Path) -> None:
    """Before the network is touched."""
    told = run("turn", question)
    assert told.code == 3
    assert "OPENAI_API_KEY" in told.err
    assert "--loopback" in told.err


def test_nobody_listens(run: Run, question: Path) -> None:
    """No network, as far as a test can have none."""
    with servers.scripted(servers.says()) as url:
        pass
    told = run("turn", question, "--url", url)
    assert told.code == 4
    assert told.err.startswith("error: ")


def test_tls_is_refused(run: Run, question: Path) -> None:
    """`wss` to a server that does not speak it."""
    with servers.scripted(servers.says()) as url:
        told = run("turn", question, "--url", url.replace("ws://", "wss://"))
    assert told.code == 4


def test_a_plaintext_url_elsewhere_is_refused(run: Run, question: Path) -> None:
    """A key must not travel in the clear; nothing is looked up or sent."""
    told = run("turn", question, "--url", "ws://example.invalid/v1/realtime")
    assert told.code == 2
    assert "wss" in told.err


def test_a_server_that_never_answers(run: Run, question: Path, tmp_path: Path) -> None:
    """124, within a moment of the limit, and nothing partly written."""
    answer = tmp_path / "answer.wav"
    began = time.monotonic()
    with servers.scripted(servers.says()) as url:
        told = run("turn", question, "--url", url, "-o", answer, "--timeout", "0.3")
    assert told.code == 124
    assert "--timeout" in told.err
    assert time.monotonic() - began < 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["question.wav"]


def test_a_server_of_garbage(run: Run, question: Path) -> None:
    """It is never ready; that it says nothing sensible is no reason for a traceback."""
    garbage = servers.says("not json", b"\x00\xff", "[" * 2000, '{"type": 5}', {"type": "session.created"})
    with servers.scripted(garbage) as url:
        told = run("turn", question, "--url", url, "--timeout", "0.3")
    assert told.code in (4, 124)


@pytest.mark.parametrize(("code", "exit_code"), [("server_error", 5), ("insufficient_quota", 3)])
def test_a_failed_response(code: str, exit_code: int, run: Run, question: Path, tmp_path: Path) -> None:
    """The server's words; the answer of before stays."""
    answer = tmp_path / "answer.wav"
    answer.write_bytes(b"from before")

    def fail(turn: Turn) -> Reply:
        return Reply(failure=Failure(code, "It \x1b[2J broke."))

    with LoopbackServer(scenario=fail) as server:
        told = run("turn", question, "--url", server.url, "-o", answer)
    assert told.code == exit_code
    assert "broke." in told.err
    assert "\x1b" not in told.err
    assert answer.read_bytes() == b"from before"


def test_an_incomplete_answer_is_kept_and_noted(run: Run, question: Path, tmp_path: Path) -> None:
    """A filter that ends it early is no failure of the turn."""
    answer = tmp_path / "answer.wav"
    with LoopbackServer(scenario=lambda turn: Reply(filtered=True)) as server:
        told = run("turn", question, "--url", server.url)
    assert told.code == 0
    assert "incomplete: content_filter" in told.err
    assert not answer.exists()


def test_a_voice_the_server_lacks(run: Run, question: Path) -> None:
    """Refused by the server in the first patch, or here; either way in words."""
    told = run("turn", question, "--loopback", "--voice", "nobody")
    assert told.code in (2, 4, 5)
    assert "nobody" in told.err or "voice" in told.err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_ends_130(question: Path, tmp_path: Path) -> None:
    """In the middle of a turn: no traceback, nothing partly written."""
    answer = tmp_path / "answer.wav"
    with servers.scripted(servers.says()) as url:
        command = [sys.executable, "-m", "realtime_raw", "turn", question, "--url", url, "-o", answer]
        process = subprocess.Popen(
            [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while not list(tmp_path.glob(".answer.wav.*.part")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    assert not list(tmp_path.glob("*answer*"))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_while_waiting_for_a_pipe_ends_130() -> None:
    """Nobody may ever write to it."""
    command = [sys.executable, "-m", "realtime_raw", "turn", "-", "--loopback"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"\0" * 100)
    process.stdin.flush()
    while _unread(process.stdin.fileno()):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    out, err = process.communicate()
    assert (out, err) == (b"", b"interrupted\n")


def _unread(pipe: int) -> int:
    """Bytes in a pipe that nobody has read yet."""
    import fcntl
    import termios

    held = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, held)
    return int.from_bytes(held, sys.byteorder)

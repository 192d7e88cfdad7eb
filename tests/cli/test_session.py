"""The bare command: a session on a line prompt, from a pipe and from a terminal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection

from realtime_raw.cli.main import main
from realtime_raw.loopback import LoopbackServer
from tests.cli import servers
from tests.cli.helpers import Told

Type = Callable[..., Told]


@contextmanager
def standard_input(descriptor: int) -> Iterator[None]:
    """`sys.stdin` on another descriptor."""
    old = sys.stdin
    with os.fdopen(descriptor) as sys.stdin:
        try:
            yield
        finally:
            sys.stdin = old


@pytest.fixture
def type_in(capsys: pytest.CaptureFixture[str]) -> Type:
    """Pipe lines into the bare command and see what it said."""

    def go(*lines: str, argv: tuple[str, ...] = ()) -> Told:
        source, sink = os.pipe()
        os.write(sink, "".join(f"{line}\n" for line in lines).encode())
        os.close(sink)
        with standard_input(source):
            code = main(list(argv))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Told(int(code), out, err)

    return go


def test_without_a_key_or_a_url_it_says_so(type_in: Type) -> None:
    """In one line, and uses the loopback server; the end of input ends it with 0."""
    told = type_in()
    assert told.code == 0
    assert told.out == ""
    assert told.err.splitlines()[0] == "no OPENAI_API_KEY and no --url: using the built-in loopback server"


def test_nothing_is_answered_until_asked(type_in: Type) -> None:
    """The point of it all."""
    told = type_in("Say only: plum", argv=("--json",))
    assert [line["kind"] for line in told.lines] == ["item"]
    told = type_in("Say only: plum", "/respond", argv=("--json",))
    assert [line["kind"] for line in told.lines] == ["item", "model"]
    assert told.line("model")["text"] == "plum"


def test_a_conversation_in_plain_lines(type_in: Type) -> None:
    """A line waits for the reply before it, so a script reads like a conversation."""
    told = type_in("Say only: plum", "/respond", "Say only: fig", "/respond", "/history")
    assert told.code == 0
    said = [line for line in told.out.splitlines() if line.startswith("model> ")]
    assert said == ["model> plum", "model> fig"]
    history = told.out.splitlines()[-4:]
    assert [line.split("  ", 1)[1] for line in history] == [
        "user: Say only: plum",
        "assistant: plum",
        "user: Say only: fig",
        "assistant: fig",
    ]


def test_a_spoken_turn(type_in: Type, question: Path) -> None:
    """Append, commit, ask."""
    told = type_in(f"/say {question}", "/commit", "/respond", argv=("--json",))
    assert told.line("appended")["seconds"] == 0.5
    assert told.line("item")["role"] == "user"
    assert "0.5 seconds" in told.line("model")["text"]


def test_insertions_go_where_they_are_told(type_in: Type) -> None:
    """At the end, at the beginning, behind an item; silently."""
    told = type_in(
        "first", "/insert system Be kind.", "/insert user after=root zeroth", "/history", argv=("--json",)
    )
    texts = [line["text"] for line in told.lines]
    assert texts == ["first", "Be kind.", "zeroth", "zeroth", "first", "Be kind."]
    assert "model" not in {line["kind"] for line in told.lines}


def test_patches_are_sparse(type_in: Type) -> None:
    """Text or JSON; only what was named goes out."""
    with LoopbackServer() as server:
        told = type_in(
            "/patch instructions=Answer = briefly.",
            "/patch speed=1.25",
            "/patch voice=marin",
            argv=("--url", server.url, "--instructions", "x", "--voice", "cedar"),
        )
        sessions = [m["session"] for m in servers.received(server) if m["type"] == "session.update"][1:]
    assert told.code == 0
    assert sessions == [
        {"type": "realtime", "instructions": "Answer = briefly."},
        {"type": "realtime", "audio": {"output": {"speed": 1.25}}},
        {"type": "realtime", "audio": {"output": {"voice": "marin"}}},
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/commit", "error: the turn holds 0.0 ms"),
        ("/say", "error: which file?"),
        ("/say nowhere.wav", "nowhere.wav"),
        ("/patch voice", "error: /patch KEY=VALUE"),
        ("/patch voise=marin", "did you mean 'voice'"),
        ('/patch turn_detection={"type": "server_vad"}', "manual"),
        ("/insert somebody hello", "error: /insert"),
        ("/insert user after=item_x", "error: /insert"),
        ("/insert user after=item_x hello", "item_x"),
        ("/frobnicate", "there is no /frobnicate; /help lists"),
    ],
)
def test_what_goes_wrong_is_said_and_the_session_goes_on(line: str, said: str, type_in: Type) -> None:
    """A mistake is not the end."""
    told = type_in(line, "Say only: plum", "/respond")
    assert said in told.err
    assert told.out.endswith("model> plum\n")
    assert told.code == 0


def test_interrupt_does_not_wait(type_in: Type) -> None:
    """The one line that must not."""
    with LoopbackServer(speed=1.0) as server:
        told = type_in(
            "Say only: " + "word " * 40, "/respond", "/interrupt", argv=("--url", server.url, "--json")
        )
    assert told.line("interrupted")["response_id"] is not None
    assert "cancelled" in told.line("error")["message"]
    assert told.code == 0


def test_nothing_to_interrupt(type_in: Type) -> None:
    """Is no error."""
    assert type_in("/interrupt").out == "nothing to interrupt\n"


def test_why_names_what_is_so_and_what_to_do(type_in: Type) -> None:
    """The sound of the answer goes nowhere, as nothing plays it here; before that, nothing is wrong."""
    told = type_in("/why", "Say only: plum", "/respond", "/why", argv=("--json",))
    assert told.code == 0
    before, *after = [line for line in told.lines if line["kind"] == "finding"]
    # A slow machine may take so long for the first line that nothing having been sent is worth saying.
    assert before["rule"] in (None, "nothing_sent")
    assert [line["rule"] for line in after] == ["nobody_plays"]
    assert after[0]["remedy"]


def test_a_backslash_makes_text_of_what_looks_like_a_command(type_in: Type) -> None:
    """Paths are worth talking about, too."""
    told = type_in(r"\/etc/hosts", r"\\server", r"C:\temp", "/history", argv=("--json",))
    assert told.code == 0
    said = [line["parts"][0]["text"] for line in told.lines if line["kind"] == "item"]
    assert said == ["/etc/hosts", r"\server", r"C:\temp"] * 2


def test_help_names_every_command(type_in: Type) -> None:
    """With what it takes and what it does."""
    told = type_in("/help", argv=("--json",))
    usages = {line["usage"].split()[0] for line in told.lines}
    commands = "/say /commit /respond /interrupt /insert /patch /history /why /help /quit"
    assert usages == {"TEXT", *commands.split()}
    assert all(line["what"] for line in told.lines)


def test_an_empty_line_is_nothing(type_in: Type) -> None:
    """Whoever hits Enter says nothing by it."""
    assert type_in("", "   ").out == ""


def test_quit_ends_it(type_in: Type) -> None:
    """What follows is not read."""
    assert type_in("/quit", "/help").out == ""


def test_a_lost_line_ends_4(type_in: Type) -> None:
    """Even while nobody types anything."""

    def handler(connection: ServerConnection) -> None:
        session = {"type": "realtime", "id": "sess_1", "audio": {"input": {"turn_detection": None}}}
        connection.send(json.dumps({"type": "session.created", "event_id": "e1", "session": session}))
        connection.recv()
        connection.send(json.dumps({"type": "session.updated", "event_id": "e2", "session": session}))
        connection.recv()
        connection.close(1001, "Your session hit the maximum duration of 60 minutes.")

    with servers.scripted(handler) as url:
        told = type_in("hello", argv=("--url", url))
    assert told.code == 4
    assert "1001" in told.err


def test_a_line_lost_during_an_answer_ends_4(type_in: Type) -> None:
    """With one sentence, although two were waiting."""
    with servers.scripted(servers.answering(lives=False)) as url:
        told = type_in("/respond", argv=("--url", url))
    assert told.code == 4
    assert told.err.count("1011") == 1


def test_a_terminal_gets_a_prompt_and_answers_while_typing(capsys: pytest.CaptureFixture[str]) -> None:
    """`/respond` gives the prompt back at once; `/quit` does not wait for the answer."""
    if sys.platform == "win32":
        pytest.skip("there are no pseudo-terminals")
    import pty

    master, slave = pty.openpty()

    def person() -> None:
        os.write(master, b"Say only: " + b"word " * 60 + b"\n/respond\n/respond\n/quit\n")

    typist = threading.Thread(target=person)
    typist.start()
    with LoopbackServer(speed=1.0) as server, standard_input(slave):
        code = main(["--url", server.url])
    typist.join()
    os.close(master)
    told = capsys.readouterr()
    assert code == 0
    assert told.err.count("> ") == 4
    assert "an answer is under way" in told.err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_stops_the_answer_first_and_then_the_session() -> None:
    """130, and no traceback."""
    with LoopbackServer(speed=0.5) as server:
        command = [sys.executable, "-m", "realtime_raw", "--url", server.url, "--json"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("Say only: " + "word " * 60 + "\n/respond\n")
        process.stdin.flush()
        while not any(message["type"] == "response.created" for message in servers.sent(server)):
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(0.1)  # for the event to cross the socket
        process.send_signal(signal.SIGINT)
        process.stdout.readline()  # the item
        assert json.loads(process.stdout.readline())["kind"] == "interrupted"
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130  # before the end of input is another reason to end
        _, err = process.communicate()
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_at_the_prompt_ends_130(capsys: pytest.CaptureFixture[str]) -> None:
    """With no answer under way there is nothing else to stop."""
    source, sink = os.pipe()
    with LoopbackServer() as server:

        def person() -> None:
            while not servers.received(server):
                time.sleep(0.01)
            time.sleep(0.2)  # for the session to be handed over
            os.kill(os.getpid(), signal.SIGINT)

        typist = threading.Thread(target=person)
        typist.start()
        with standard_input(source):
            assert main(["--url", server.url]) == 130
    os.close(sink)
    typist.join()
    assert capsys.readouterr().err.endswith("interrupted\n")

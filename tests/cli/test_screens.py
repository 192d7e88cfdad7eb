"""A session in a real pseudo-terminal, driven by its keys; each state's screen is held to the one kept."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from realtime_raw.loopback import (
    DefaultScenario,
    LoopbackServer,
    Reply,
    Say,
    Turn,
    Wait,
    murmur_speaker,
)
from tests.cli.helpers import tone, write_wav

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

import termios

from tests.cli.terminals import Window, compare

ESC, CTRL_C, CTRL_D = "\x1b", "\x03", "\x04"
QUESTION = "What is a manual turn?"
ANSWER = "A manual turn ends when you say so, and not when you pause. Nothing is sent before that."
SPEED = 10.0


class Calm(DefaultScenario):
    """Thinks for a while, so that it can be seen, and always says the same."""

    def __init__(self, thinking_s: float) -> None:
        super().__init__([QUESTION] * 9)
        self._thinking_s = thinking_s

    def reply(self, turn: Turn) -> Reply:
        """Always the same."""
        return Reply((Wait(self._thinking_s * SPEED), Say(ANSWER)))


@contextmanager
def calm(thinking_s: float = 0.2) -> Iterator[LoopbackServer]:
    """A server on which every session goes the same way."""
    with LoopbackServer(scenario=Calm(thinking_s), speaker=murmur_speaker(), speed=SPEED) as server:
        yield server


@pytest.fixture
def spoken(tmp_path: Path) -> list[str]:
    """Options for a microphone that says something for two seconds, and a loudspeaker."""
    question = write_wav(tmp_path / "question.wav", tone(2.0))
    return ["--input-device", f"file:{question}", "--output-device", f"file:{tmp_path / 'heard.wav'}"]


def session(
    server: LoopbackServer,
    *options: str,
    columns: int = 90,
    rows: int = 20,
    env: dict[str, str] | None = None,
) -> Window:
    """The program in a window."""
    argv = [sys.executable, "-m", "realtime_raw", "--url", server.url, *options]
    return Window(argv, columns=columns, rows=rows, env=env)


def body(window: Window) -> str:
    """The screen below the line that says where the session is: ports differ."""
    return window.text.partition("\n")[2]


def where_it_was_cut(text: str) -> str:
    """A screen without the words of an answer that was cut: where that is, the ear decides."""
    return re.sub(r"model> .*?\n(?=\S)", "model> <heard> ╱╱ <not heard>\n", text, flags=re.DOTALL)


def test_a_spoken_turn_and_an_interruption(spoken: list[str]) -> None:
    """Ready, talking, sending and thinking, speaking, cut where the ear stopped; the terminal as it was."""
    # Wide enough for every number, however many digits it has.
    with calm(1.5) as server, session(server, *spoken, columns=120) as window:
        window.until("● ready")
        compare("ready", window, body)
        assert window.cursor() is None
        assert "green" in {cell.fg for cell in window.cells()}
        window.press(" ")
        window.until("● talking")
        window.until(lambda: re.search(r"1\.\d s +▕█", window.status))
        compare("talking", window, body)
        window.press(" ")
        window.until("● thinking")
        window.until(f"you> {QUESTION}")
        compare("thinking", window, body)
        window.until("● speaking")
        window.until("that.")
        window.until("tokens")
        compare("speaking", window, body)
        window.press(ESC)
        window.until("╱╱")
        window.until("● ready")
        said = re.sub(r"\s+", " ", body(window).partition("model> ")[2].partition("─")[0]).strip()
        heard, unheard = said.split("╱╱")
        assert f"{heard.strip()} {unheard.strip()}".strip() == ANSWER
        assert re.sub(r"\s", "", unheard) == window.struck().replace(" ", "") != ""
        compare("interrupted", window, lambda one: where_it_was_cut(body(one)))
        window.press("q")
        assert window.ended() == 0
        compare("quit", window, lambda one: where_it_was_cut(body(one)))
        assert window.attributes == window.before
        assert window.cursor() is not None
        assert re.search(r"1 turn, \d min \d+ s, [\d,]+ tokens", window.status)


def test_text_help_why_and_commands() -> None:
    """Without devices: typing, the keys, the reasons, a command; each shown, and the session goes on."""
    with calm(1.0) as server, session(server, "--text") as window:
        window.until("● ready")
        compare("text", window, body)
        window.press("Quick question\x1b[D\x1b[D")
        window.until("Quick question")
        window.until(lambda: (window.cursor() or (0, 0))[1] == 14)
        window.press("\r")
        window.until("● thinking")
        window.until("that.")
        window.until("● ready")
        compare("answered", window, body)
        window.press("?")
        window.until("close this list")
        compare("keys_text", window, body)
        window.press(ESC)
        window.until(lambda: "close this list" not in window.text)
        window.press("/why\r")
        window.until("[text_only]")
        compare("why", window, body)
        window.press("/frobnicate\r")
        window.until("error: there is no /frobnicate")
        window.press("\t")
        window.until("there is no microphone")
        window.press("x" + CTRL_D)
        window.until("> x")
        window.press("\x15" + CTRL_D)
        assert window.ended() == 0
        assert window.attributes == window.before


def test_keys_of_voice_and_a_discarded_turn(spoken: list[str]) -> None:
    """`?`, `x`, Tab, and replies that must be asked for."""
    with calm() as server, session(server, *spoken, "--no-auto-respond") as window:
        window.until("● ready")
        window.press("?")
        window.until("close this list")
        compare("keys_voice", window, body)
        window.press("?")
        window.press("x")
        window.until("there is no turn to discard")
        window.press(" ")
        window.until("● talking")
        window.press("x")
        window.until("turn discarded")
        window.press("\t")
        window.until("\n>")
        window.press("A written turn.\r")
        window.until("● waiting")
        compare("waiting", window, body)
        assert "response.create" not in {message["type"] for message in server.sessions[0].received}
        window.press("\x12")
        window.until("that.")
        window.press("\tq")
        assert window.ended() == 0


def test_without_devices_it_says_so_and_takes_text(tmp_path: Path) -> None:
    """Nothing to hear with is no reason not to talk."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['sounddevice'] = None\n")
    with calm() as server, session(server, env={"PYTHONPATH": str(tmp_path)}) as window:
        window.until("● ready")
        compare("no_devices", window, lambda one: one.text)
        assert window.rows[window.text.count("\n") - 1] == ">"
        window.press(" ")
        window.until("there is no microphone; type, and Enter sends")
        window.press("q\r")
        window.until("that.")
        assert "you> q" in window.text


@pytest.mark.parametrize(("columns", "rows"), [(34, 12), (3, 2)])
def test_a_narrow_window(columns: int, rows: int) -> None:
    """What has no room goes; nothing wraps and nothing breaks."""
    with calm() as server, session(server, "--text", columns=columns, rows=rows) as window:
        window.until(lambda: "\u25cf" in window.text)
        window.press("Well?\r")
        window.until(lambda: "that." in window.scrolled or rows < 3)
        if columns == 34:
            window.until("● ready")
            compare("narrow", window, lambda one: "you> " + one.scrolled.partition("you> ")[2])
        window.press(CTRL_D)
        assert window.ended() == 0


def test_no_color() -> None:
    """No colours, and the same words; the cut would still be struck through."""
    with calm() as server, session(server, "--text", env={"NO_COLOR": "1"}) as window:
        window.until("● ready")
        window.press("Well?\r")
        window.until("that.")
        window.until("● ready")
        compare("answered_no_color", window, body)
        assert {cell.fg for cell in window.cells()} <= {
            "default",
            "brightblack",
        }  # which is how faint is shown
        assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", window.raw)


def test_a_terminal_without_utf8(spoken: list[str]) -> None:
    """Plain characters only, those of the server included."""
    with calm() as server, session(server, *spoken, env={"LC_ALL": "C"}) as window:
        window.until("* ready")
        window.press(" ")
        window.until("* talking")
        window.until(lambda: "[##" in window.status)
        compare("ascii", window, body)
        window.press("x\t")
        window.until("turn discarded")
        window.press("\u00e9\r")
        window.until("that.")
        assert window.text.isascii()
        assert window.raw.isascii()


def test_resized() -> None:
    """The transcript is set anew for the new width, and nothing of the old picture stays."""
    with calm() as server, session(server, "--text", columns=90, rows=16) as window:
        window.until("● ready")
        window.press("Well?\r")
        window.until("that.")
        window.until("● ready")
        window.resize(50, 12)
        window.until(lambda: window.text.count("─") == 49)
        compare("resized_small", window, lambda one: one.text)
        window.resize(100, 24)
        window.until(lambda: window.text.count("─") == 99)
        compare("resized_large", window, lambda one: one.text)
        window.press(CTRL_D)
        assert window.ended() == 0


# --- every way out ---------------------------------------------------------------------------------


def test_ctrl_c_interrupts_then_ends(spoken: list[str]) -> None:
    """The first stops the answer, the second the session: 130."""
    with calm() as server, session(server, *spoken) as window:
        window.until("● ready")
        window.press(" ")
        window.until("● talking")
        window.until(lambda: re.search(r"0\.[5-9] s", window.status) or "1." in window.status)
        window.press(" ")
        window.until("● speaking")
        window.press(CTRL_C)
        window.until("Ctrl-C again ends the session")
        window.until("╱╱")
        window.press(CTRL_C)
        assert window.ended() == 130
        assert window.attributes == window.before
        assert "Traceback" not in window.scrolled


def test_a_third_ctrl_c_ends_at_once() -> None:
    """While the line is still being closed, to a server that does not answer any more."""
    command = [sys.executable, "-m", "realtime_raw", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with Window([sys.executable, "-m", "realtime_raw", "--url", url, "--text"]) as window:
            window.until("● ready")
            server.send_signal(signal.SIGSTOP)
            window.press(CTRL_C)
            window.until("Ctrl-C again ends the session")
            window.press(CTRL_C)
            window.until(lambda: window.attributes == window.before)
            window.press(CTRL_C)
            assert window.ended() == 130
            assert window.text.endswith("interrupted")  # what closing the line was, by the third
        server.kill()


@contextmanager
def stalled(window: Window) -> Iterator[None]:
    """The terminal takes nothing meanwhile, as on a line that is dead."""
    termios.tcflow(window.slave, termios.TCOOFF)
    try:
        yield
    finally:
        termios.tcflow(window.slave, termios.TCOON)


def test_a_terminal_that_stalls_stops_no_session(tmp_path: Path) -> None:
    """Keys are obeyed, the server is heard; when it goes on, it shows what is, not what was."""
    log = tmp_path / "log.jsonl"

    def answers() -> int:
        return log.read_text().count('"type":"response.done"')

    with calm() as server, session(server, "--text", "--log", str(log)) as window:
        window.until("● ready")
        before = len(window.raw)
        with stalled(window):
            for answered in range(1, 3):
                window.press("What is it?\r")
                window.read_until(lambda answered=answered: answers() == answered, patience=20)  # type: ignore[misc]
                assert answers() == answered
            assert len(window.raw) == before
        window.until(lambda: window.scrolled.count(ANSWER.split(".")[0]) == 2)
        window.until("● ready")
        window.press(CTRL_D)
        assert window.ended() == 0


def test_a_session_ends_on_a_terminal_that_stalls(tmp_path: Path) -> None:
    """The line is closed; only what is printed afterwards waits, as that of any program would."""
    log = tmp_path / "log.jsonl"
    with calm() as server, session(server, "--text", "--log", str(log)) as window:
        window.until("● ready")
        with stalled(window):
            window.press(CTRL_D)
            window.read_until(lambda: '"closed":1000' in log.read_text(), patience=20)
            assert '"closed":1000' in log.read_text()
        assert window.ended() == 0
        assert window.attributes == window.before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_signals(number: signal.Signals) -> None:
    """128 and the signal's number, as of any program."""
    with calm() as server, session(server, "--text") as window:
        window.until("● ready")
        assert window.attributes != window.before
        window.signal(number)
        assert window.ended() == 128 + number
        assert window.attributes == window.before
        assert window.cursor() is not None


def test_the_window_is_closed() -> None:
    """There is nothing to restore, and nothing stays behind."""
    with calm() as server, session(server, "--text") as window:
        window.until("● ready")
        window.close()
        assert window.process.wait(10) == 129


def test_the_line_is_lost() -> None:
    """4, with the reason, and the terminal as it was."""
    with ExitStack() as stack:
        server = stack.enter_context(calm())
        window = Window([sys.executable, "-m", "realtime_raw", "--url", server.url, "--text"])
        window.until("● ready")
        stack.close()
        assert window.ended() == 4
        assert window.attributes == window.before


def test_a_crash(tmp_path: Path) -> None:
    """A fault of our own shows its traceback, in a terminal as it was."""
    (tmp_path / "sitecustomize.py").write_text(
        "import realtime_raw.cli.controls as controls\n"
        "def crash(self): raise ZeroDivisionError('by hand')\n"
        "controls.Controls._toggle_help = crash\n"
    )
    with calm() as server, session(server, "--text", env={"PYTHONPATH": str(tmp_path)}) as window:
        window.until("● ready")
        window.press("?")
        assert window.ended() == 1
        assert window.attributes == window.before
        assert "ZeroDivisionError: by hand" in window.scrolled


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no shell with job control")
def test_stopped_and_resumed() -> None:
    """Ctrl-Z gives the terminal to the shell, `fg` takes it back."""
    shell = [shutil.which("bash") or "", "-m", "-c", '"$@"; echo at the shell; read -r; fg', "bash"]
    with calm() as server:
        program = [sys.executable, "-m", "realtime_raw", "--url", server.url, "--text"]
        with Window([*shell, *program]) as window:
            window.until("● ready")
            window.press("half a line")
            window.until("> half a line")
            window.press("\x1a")
            window.until("at the shell")
            assert "● ready" not in window.text
            assert window.attributes == window.before
            window.press("\n")
            window.until("● ready")
            window.until("> half a line")
            window.press("\x15" + CTRL_D)
            assert window.ended() == 0
            assert window.attributes == window.before

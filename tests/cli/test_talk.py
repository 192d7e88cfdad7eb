"""`talk` off the screen: scripts, dry runs, logs, devices, and options that do not go together."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from realtime_raw.devices.host import DeviceInfo
from realtime_raw.errors import AudioError, MissingExtra
from realtime_raw.journal import JournalWriter
from realtime_raw.loopback import LoopbackServer
from tests.cli import servers
from tests.cli.helpers import Run, read_wav, tone, write_wav

KEY = "sk-proj-abcdefghijklmnop"


def script(tmp_path: Path, *lines: str) -> Path:
    """A script of these lines."""
    path = tmp_path / "turns.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


# --- scripts


def test_a_script_is_a_conversation(run: Run, tmp_path: Path, question: Path) -> None:
    """Written turns, spoken turns, commands and remarks, each answered before the next."""
    path = script(
        tmp_path, "# a remark", "", "Say only: plum", f"@{question}", "/history", "\\/fig", "/quit", "never"
    )
    told = run("talk", "--loopback", "--script", path, "--json")
    assert told.code == 0
    kinds = [line["kind"] for line in told.lines]
    assert kinds == ["item", "model", "appended", "item", "model", *["item"] * 4, "item", "model"]
    models = [line["text"] for line in told.lines if line["kind"] == "model"]
    assert models[0] == "plum"
    assert "0.5 seconds" in models[1]
    assert told.lines[-2]["text"] == "/fig"
    plain = run("talk", "--loopback", "--script", path)
    assert "model> plum\n" in plain.out


def test_answers_only_when_asked_for(run: Run, tmp_path: Path) -> None:
    """`--no-auto-respond`: then `/respond` does."""
    path = script(tmp_path, "one", "Say only: plum", "/respond")
    told = run("talk", "--loopback", "--script", path, "--json", "--no-auto-respond")
    assert [line["kind"] for line in told.lines] == ["item", "item", "model"]


def test_answers_in_writing(run: Run, tmp_path: Path) -> None:
    """`--text` pays for no sound."""
    path = script(tmp_path, "Say only: plum")
    with LoopbackServer() as server:
        assert run("talk", "--url", server.url, "--script", path, "--text").out.endswith("model> plum\n")
        (asked,) = [one for one in servers.received(server) if one["type"] == "response.create"]
    assert asked["response"]["output_modalities"] == ["text"]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("/frobnicate", 2, "there is no /frobnicate"),
        ("@nowhere.wav", 6, "nowhere.wav"),
        ("/commit", 6, "the turn holds 0.0 ms"),
        ("/insert user after=item_x hello", 5, "item_x"),
    ],
)
def test_the_exit_code_tells(line: str, code: int, said: str, run: Run, tmp_path: Path) -> None:
    """The first turn that fails ends the script, and is named."""
    path = script(tmp_path, "Say only: plum", line, "never")
    told = run("talk", "--loopback", "--script", path)
    assert told.code == code
    assert f"error: {path}:2: " in told.err
    assert said in told.err
    assert "never" not in told.out


def test_a_script_that_is_not_there(run: Run) -> None:
    """6, and which."""
    told = run("talk", "--loopback", "--script", "nowhere.txt")
    assert (told.code, "nowhere.txt" in told.err) == (6, True)


def test_a_script_that_is_no_text(run: Run, tmp_path: Path) -> None:
    """6, and which, before anything is connected to; a mark that says UTF-8 is no word of it."""
    path = tmp_path / "turns.txt"
    path.write_bytes(b"caf\xe9\n")
    told = run("talk", "--url", "ws://127.0.0.1:1/x", "--script", path)
    assert (told.code, f"{path} is no text in UTF-8" in told.err) == (6, True)
    path.write_bytes(b"\xef\xbb\xbfSay only: plum\r\n")
    assert "model> plum\n" in run("talk", "--loopback", "--script", path).out


def test_a_session_is_recorded_as_heard(run: Run, tmp_path: Path, question: Path) -> None:
    """Without a loudspeaker too; an answer is heard to its end before the next turn, and before the end."""
    path = script(tmp_path, f"@{question}", "Say only: plum", "/respond")
    options = ["talk", "--loopback", "--script", path, "--no-auto-respond"]
    assert run(*options, "--record", tmp_path / "kept").code == 0
    with wave.open(str(tmp_path / "kept" / "session.wav")) as file:
        assert file.getnchannels() == 2
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.abs(sound).max(axis=0).min() > 1000  # both sides are in it
    heard = tmp_path / "heard.wav"
    assert run(*options, "--output-device", f"file:{heard}").code == 0
    assert np.abs(read_wav(heard)).max() > 1000


def test_plain_lines_are_recorded_on_both_sides(
    run: Run, tmp_path: Path, question: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody hears the answers there; a recording without them would be half of one."""
    lines = tmp_path / "lines"
    lines.write_text(f"/say {question}\n/commit\n/patch instructions=Say only: plum\n/respond\n")
    with lines.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert run("talk", "--loopback", "--record", tmp_path / "kept").code == 0
    with wave.open(str(tmp_path / "kept" / "session.wav")) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.abs(sound).max(axis=0).min() > 1000


def test_a_loudspeaker_that_cannot_be_had(run: Run, tmp_path: Path) -> None:
    """Is found out before anything is said; none is none."""
    options = ["talk", "--loopback", "--script", script(tmp_path, "Say only: plum"), "--text"]
    assert run(*options[:-1], "--output-device", "file:/nowhere/heard.wav").code == 6
    assert run(*options, "--output-device", "none").code == 0


# --- dry runs


def test_a_dry_run_connects_to_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL without its secrets, the exact first message, and no key."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    told = run("--dry-run", "--voice", "cedar", "--instructions", "Be brief.")
    plan = json.loads(told.out)
    assert plan["url"] == "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"
    assert plan["key"] == "OPENAI_API_KEY is set"
    assert plan["sends"]["session"]["instructions"] == "Be brief."
    assert plan["sends"]["session"]["audio"]["input"]["turn_detection"] is None
    assert "abcdef" not in told.out + told.err
    plan = json.loads(
        run("talk", "--dry-run", "--url", "ws://127.0.0.1:1/v1/realtime?token=hush", "--json").out
    )
    assert plan["url"].startswith("ws://127.0.0.1:1/v1/realtime")
    assert "hush" not in plan["url"]
    monkeypatch.delenv("OPENAI_API_KEY")
    plan = json.loads(run("--dry-run").out)
    assert "loopback" in plan["url"]
    assert plan["key"] == "OPENAI_API_KEY is not set"


def test_a_dry_run_to_nowhere(run: Run) -> None:
    """A URL that could not be connected to is a sentence, too."""
    told = run("--dry-run", "--url", "http://example.com")
    assert (told.code, "ws://" in told.err) == (2, True)


# --- logs


def test_a_log_holds_no_sound(run: Run, tmp_path: Path, question: Path) -> None:
    """Unless it is asked to; `--journal` always does."""
    path = script(tmp_path, f"@{question}")
    sizes = {}
    for name, options in {
        "lean": ["--log", tmp_path / "lean"],
        "whole": ["--log", tmp_path / "whole", "--log-audio"],
        "journal": ["--journal", tmp_path / "journal"],
    }.items():
        assert run("talk", "--loopback", "--script", path, *options).code == 0
        sizes[name] = (tmp_path / name).stat().st_size
    lean = [json.loads(line) for line in (tmp_path / "lean").read_text().splitlines()]
    assert lean[0]["audio"] is False
    appended = [line["m"] for line in lean[1:] if line["m"].get("type") == "input_audio_buffer.append"]
    assert [message["audio"] for message in appended] == [""] * 5
    assert sum(message["audio_elided"] for message in appended) == 5 * 6400
    assert sizes["lean"] * 5 < sizes["whole"]
    assert abs(sizes["whole"] - sizes["journal"]) < sizes["lean"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--log", "a", "--journal", "b"], "--journal is --log with the sound in it"),
        (["--log-audio"], "--log-audio needs --log FILE"),
        (["--loopback", "--url", "ws://127.0.0.1:1/"], "--url and --loopback name two servers"),
        (["--preroll-ms", "-1"], "--preroll-ms"),
    ],
)
def test_options_that_make_no_sense(argv: list[str], said: str, run: Run) -> None:
    """2, on the bare command and on `talk`."""
    for command in ([], ["talk"]):
        told = run(*command, *argv)
        assert told.code == 2
        assert said in told.err


def test_the_transcript_as_a_file(run: Run, tmp_path: Path) -> None:
    """Markdown, at the end."""
    path = script(tmp_path, "Say only: plum")
    told = run("talk", "--loopback", "--script", path, "--transcript", tmp_path / "said.md")
    assert told.code == 0
    assert "plum" in (tmp_path / "said.md").read_text()


def test_a_transcript_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    """Is known before the session."""
    path = script(tmp_path, "Say only: plum")
    told = run("talk", "--loopback", "--script", path, "--transcript", tmp_path / "no" / "said.md")
    assert told.code == 6
    assert "said.md" in told.err
    assert not told.out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("option", ["--transcript", "--log"])
def test_a_full_disk_is_named(option: str, run: Run, tmp_path: Path) -> None:
    """With the file that is on it: it is no fault of the line."""
    told = run("talk", "--loopback", "--script", script(tmp_path, "Say only: plum"), option, "/dev/full")
    assert told.code == 6
    assert "error: /dev/full: No space left on device" in told.err


def test_a_log_that_ends_early_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up ends the log, and not the session; nobody is to believe that it is whole."""

    def full(self: JournalWriter, direction: str, message: bytes | str, t: float) -> None:
        if "response.create" in str(message):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(JournalWriter, "write", full)
    told = run(
        "talk", "--loopback", "--script", script(tmp_path, "Say only: plum"), "--log", tmp_path / "log"
    )
    assert told.code == 0
    assert told.err.count("the journal cannot be written") == 1
    assert "model> plum" in told.out


# --- devices

CARD = DeviceInfo(0, "Studio\x1b Mic", "ALSA", 2, 0, 48000, True, False)
PHONES = DeviceInfo(12, "Phones", "ALSA", 0, 2, 44100, False, True)


def test_the_table_of_devices(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the defaults marked, by either name; as JSON, one a line."""
    monkeypatch.setattr("realtime_raw.devices.portaudio.list_devices", lambda: (CARD, PHONES))
    told = run("devices")
    assert told.out == run("--list-devices").out == run("talk", "--list-devices").out
    assert told.out.splitlines() == [
        "     #  in  out   rate  name",
        ">    0   2    0  48000  Studio Mic (ALSA)",
        " <  12   0    2  44100  Phones (ALSA)",
    ]
    found = run("devices", "--json").lines
    assert [(one["index"], one["default_output"]) for one in found] == [(0, False), (12, True)]
    monkeypatch.setattr("realtime_raw.devices.portaudio.list_devices", tuple)
    assert run("devices").err == "there are no sound devices\n"


@pytest.mark.parametrize(
    ("exc", "code"), [(AudioError("no PortAudio"), 6), (MissingExtra("audio", "listing devices"), 2)]
)
def test_devices_that_cannot_be_listed(
    exc: Exception, code: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, with what to do."""

    def broken() -> None:
        raise exc

    monkeypatch.setattr("realtime_raw.devices.portaudio.list_devices", broken)
    told = run("devices", "--json")
    assert told.code == code
    assert told.line("error")["message"] == str(exc)


def test_plain_lines_use_no_devices(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And say so, if some were named."""
    empty = tmp_path / "empty"
    empty.touch()
    with empty.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        told = run("--loopback", "--input-device", f"file:{write_wav(tmp_path / 'q.wav', tone(0.2))}")
    assert told.code == 0
    assert "plain lines use no devices" in told.err

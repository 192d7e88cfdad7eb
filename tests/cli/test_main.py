"""The command line as a whole: help, version, usage errors, and keys that must not be given."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
import typer

import realtime_raw
from realtime_raw import __main__ as entry
from realtime_raw.cli import main as module
from realtime_raw.cli.main import main

KEY = "sk-proj-abcdefghijklmnop"
COMMANDS = ["turn", "text", "serve", "schema"]


def test_help_lists_the_commands_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """Plain text, whatever it is printed on."""
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in told] == []
    assert "124 timeout" in " ".join(told.split())
    assert told.isascii()


def test_help_says_every_place_a_key_is_read_from(capsys: pytest.CaptureFixture[str]) -> None:
    """The one variable, and which commands can be given another."""
    main(["--help"])
    told = " ".join(capsys.readouterr().out.split()).partition("Exit codes: ")[2]
    for command in COMMANDS:
        main([command, "--help"])
        takes_another = "--key-env" in capsys.readouterr().out
        assert (f"`{command} --key-env`" in told) == takes_another, command
    assert "OPENAI_API_KEY" in told


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Short and long."""
    assert main([command, "-h"]) == 0
    short = capsys.readouterr().out
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out == short
    assert "--json" in short


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """The one the package has."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{realtime_raw.__version__}\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["trun"], "No such command 'trun'"),
        (["turn"], "Missing argument 'QUESTION'"),
        (["turn", "a.wav", "--loopbak"], "No such option: --loopbak"),
        (["turn", "a.wav", "--timeout", "0"], "'--timeout'"),
        (["turn", "a.wav", "--timeout", "soon"], "Invalid value for '--timeout'"),
        (["serve", "--port", "70000"], "'--port'"),
        (["--model", "x", "text", "hi"], "--model belongs behind the command: text --model"),
        (["text", "hi", "--url", "ws://127.0.0.1:1/", "--loopback"], "--url and --loopback name two servers"),
    ],
)
def test_usage_errors_end_2(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With one sentence and no traceback; nothing on stdout."""
    assert main(argv) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.err.startswith("error: ")
    assert told.out == ""


@pytest.mark.parametrize(
    "argv",
    [["text", "hi", "--api-key", KEY], ["text", "hi", f"--api-key={KEY}"], ["text", "hi", f"--key={KEY}"]],
)
def test_a_key_is_no_option(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It says where the key belongs, and does not repeat it."""
    assert main(argv) == 2
    told = capsys.readouterr().err
    assert "OPENAI_API_KEY" in told
    assert "abcdef" not in told


def test_a_key_that_slipped_in_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    """As an argument too many."""
    assert main(["text", "hi", KEY]) == 2
    told = capsys.readouterr().err
    assert "unexpected extra argument" in told
    assert "abcdef" not in told


@pytest.mark.parametrize("exc", [KeyboardInterrupt, typer.Abort])
def test_ctrl_c_anywhere_is_130(exc: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """Even before a command has begun."""

    def interrupted(**_: object) -> None:
        raise exc

    monkeypatch.setattr(module, "app", interrupted)
    assert main([]) == 130


def test_a_fault_of_our_own_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not dressed up as the user's."""

    def broken(**_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "app", broken)
    with pytest.raises(ZeroDivisionError):
        main([])


def test_without_the_extra_one_line_says_so() -> None:
    """Exit 2, no traceback."""
    code = (
        "import sys, runpy; sys.modules['typer'] = None; sys.argv = ['x'];"
        "runpy.run_module('realtime_raw', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert done.stderr == "the command line needs: pip install 'realtime_raw[cli]'\n"


def test_another_missing_module_is_not_blamed_on_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken installation must show what is broken."""
    monkeypatch.setitem(sys.modules, "realtime_raw.cli.main", None)
    with pytest.raises(ModuleNotFoundError):
        entry.main()


def test_the_module_runs_the_command_line() -> None:
    """`python -m realtime_raw` ends with the command's code."""
    command = [sys.executable, "-m", "realtime_raw"]
    done = subprocess.run([*command, "--version"], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == realtime_raw.__version__
    assert subprocess.run([*command, "--nope"], capture_output=True, check=False).returncode == 2


def test_usage_without_a_context_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Not every usage error knows its command."""
    error = SimpleNamespace(ctx=None, format_message=lambda: "wrong")
    assert module._usage(error, []) == 2
    assert capsys.readouterr().err == "error: wrong\n"

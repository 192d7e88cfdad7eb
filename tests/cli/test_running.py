"""What ends a command becomes one documented exit code and one sentence."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
import typer

import realtime_raw as rt
from realtime_raw import errors
from realtime_raw.cli.output import Output
from realtime_raw.cli.running import ExitCode, Stop, execute, judge, undisturbed
from realtime_raw.cli.target import Target, open_session
from realtime_raw.events import Response
from realtime_raw.types import CloseInfo, ErrorInfo


def info(code: str) -> ErrorInfo:
    """A server's error with this code."""
    return ErrorInfo("words", code=code, type="invalid_request_error")


CASES = [
    (Stop(ExitCode.AUTH, "no key"), 3),
    (errors.TurnTooShort(40.0), 6),
    (errors.AudioError("not audio"), 6),
    (errors.LocalProtocolError("not now"), 2),
    (errors.InvalidCommand("SessionPatch", (errors.Problem("voise", "unknown setting"),)), 2),
    (errors.MissingExtra("audio", "this"), 2),
    (errors.ServerRefused(info("invalid_value"), "session.update"), 5),
    (errors.ServerRefused(info("insufficient_quota"), "response.create"), 3),
    (errors.ResponseFailed(Response(), info("server_error")), 5),
    (errors.ResponseFailed(Response(), info("insufficient_quota")), 3),
    (errors.CommandTimeout("session.update", 10.0), 124),
    (errors.ConnectFailed("no"), 4),
    (errors.ConnectFailed("no", status=404), 4),
    (errors.ConnectFailed("no", status=401), 3),
    (errors.ConnectFailed("no", status=429), 3),
    (errors.ConnectFailed("no", error=info("invalid_api_key"), close=CloseInfo(3000)), 3),
    (errors.ConnectFailed("no", error=info("beta_api_shape_disabled"), close=CloseInfo(4000)), 4),
    (errors.SessionLost(CloseInfo(1006)), 4),
    (errors.DecodeError("not JSON"), 5),
    (ConnectionRefusedError(111, "Connection refused"), 4),
    (FileNotFoundError(2, "No such file or directory", "a.wav"), 6),
    (ExceptionGroup("2", [ExceptionGroup("1", [errors.AudioError("x")]), errors.ConnectFailed("y")]), 6),
]


@pytest.mark.parametrize(("exc", "code"), CASES, ids=lambda case: type(case).__name__)
def test_each_failure_has_its_code(exc: Exception, code: int) -> None:
    """And a sentence."""
    verdict = judge(exc)
    assert verdict is not None
    assert verdict.code == code
    assert verdict.message


def test_the_servers_words_are_facts_too() -> None:
    """For scripts that want to tell one refusal from another."""
    verdict = judge(
        errors.ServerRefused(ErrorInfo("m", code="invalid_value", param="session.speed"), "session.update")
    )
    assert verdict is not None
    assert verdict.facts == {"error": "ServerRefused", "code": "invalid_value", "param": "session.speed"}


def test_a_file_is_named() -> None:
    """An error of the operating system alone would not say which."""
    verdict = judge(PermissionError(13, "Permission denied", "a.wav"))
    assert verdict is not None
    assert verdict.message == "a.wav: Permission denied"


def test_our_own_faults_are_not_dressed_up() -> None:
    """A bug keeps its traceback."""
    assert judge(KeyError("x")) is None
    assert judge(ExceptionGroup("2", [errors.AudioError("x"), KeyError("x")])) is None
    with pytest.raises(ZeroDivisionError):
        execute(_divide, Output())


async def _divide() -> None:
    _ = 1 / 0


async def _wait() -> None:
    await asyncio.Event().wait()


async def _nothing() -> None:
    pass


async def _interrupted() -> None:
    raise KeyboardInterrupt


async def _slow_elsewhere() -> None:
    raise TimeoutError


@pytest.mark.parametrize(
    ("work", "code", "said"),
    [
        (_nothing, 0, ""),
        (_wait, 124, "error: not done within 0.01 s; --timeout allows more\n"),
        (_interrupted, 130, "interrupted\n"),
    ],
)
def test_execute_ends_with_the_code(
    work: type, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Always by `typer.Exit`, and having said why."""
    with pytest.raises(typer.Exit) as caught:
        execute(work, Output(), timeout=0.01)
    assert caught.value.exit_code == code
    assert capsys.readouterr().err == said


def test_a_timeout_that_is_not_ours_is_not_blamed_on_the_option() -> None:
    """`--timeout` did not run out."""
    with pytest.raises(TimeoutError):
        execute(_slow_elsewhere, Output(), timeout=60)


class _Knot:
    """Refers to itself, so that only the collector can drop it."""

    def __init__(self) -> None:
        self.me = self


def test_a_session_is_not_stopped_to_look_at_what_was_there_before() -> None:
    """Garbage that is made meanwhile is found; afterwards everything is as it was."""
    frozen = gc.get_freeze_count()
    with undisturbed():
        assert gc.get_freeze_count() > frozen + 10_000
        knot = weakref.ref(_Knot())
        assert len(gc.get_objects()) < 1_000
        gc.collect()
        assert knot() is None
    assert gc.get_freeze_count() == 0


async def test_so_it_is_in_every_session() -> None:
    """Whichever command opens it."""
    target = Target(None, loopback=True, model="gpt-realtime-2.1")
    async with open_session(target, rt.SessionPatch(), Output()):
        assert gc.get_freeze_count() > 10_000
    assert gc.get_freeze_count() == 0

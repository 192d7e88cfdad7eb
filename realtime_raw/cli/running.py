"""Running a command's coroutine, and turning what ends it into an exit code and a sentence."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import gc
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import typer

from .. import errors
from .output import Output

__all__ = ["ExitCode", "Stop", "Verdict", "execute", "judge", "undisturbed"]


class ExitCode(enum.IntEnum):
    """The exit codes of every command."""

    OK = 0
    USAGE = 2
    AUTH = 3
    CONNECTION = 4
    REFUSED = 5
    AUDIO = 6
    TIMEOUT = 124
    INTERRUPT = 130


class Stop(Exception):
    """A command ends here, for a reason of its own."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an exception means to a shell: the code, the sentence, facts for programs."""

    code: ExitCode
    message: str
    facts: dict[str, object] = field(default_factory=dict)


# Error codes that say "not with this key" or "not on this account" (API reference, observed).
_ACCOUNT = frozenset(
    {
        "credit_balance_exhausted",
        "insufficient_permissions",
        "insufficient_quota",
        "invalid_api_key",
    }
)
_ACCOUNT_STATUS = frozenset({401, 403, 429})

_BY_CLASS: tuple[tuple[type[Exception], ExitCode], ...] = (
    (errors.TurnTooShort, ExitCode.AUDIO),
    (errors.AudioError, ExitCode.AUDIO),
    (errors.LocalProtocolError, ExitCode.USAGE),
    (errors.MissingExtra, ExitCode.USAGE),
    (errors.ServerRefused, ExitCode.REFUSED),
    (errors.ResponseFailed, ExitCode.REFUSED),
    (errors.RemoteProtocolError, ExitCode.REFUSED),
    (errors.CommandTimeout, ExitCode.TIMEOUT),
    (errors.ConnectFailed, ExitCode.CONNECTION),
    (errors.SessionLost, ExitCode.CONNECTION),
)


def judge(exc: BaseException) -> Verdict | None:
    """The exit code and sentence for `exc`; None for what is a fault of this program.

    Of a group it is the first that counts, unless one of them is such a fault.
    """
    if isinstance(exc, BaseExceptionGroup):
        verdicts = [judge(inner) for inner in exc.exceptions]
        return None if None in verdicts else verdicts[0]
    if isinstance(exc, Stop):
        return Verdict(exc.code, exc.message)
    if isinstance(exc, OSError) and not isinstance(exc, TimeoutError):
        return Verdict(*_judge_os(exc))
    for kind, code in _BY_CLASS:
        if isinstance(exc, kind):
            return Verdict(_account(exc) or code, str(exc), _facts(exc))
    return None


def _account(exc: BaseException) -> ExitCode | None:
    """`ExitCode.AUTH` if the server's words, or its status, are about the key or the account."""
    if isinstance(exc, errors.ConnectFailed) and exc.status in _ACCOUNT_STATUS:
        return ExitCode.AUTH
    if isinstance(exc, (errors.ConnectFailed, errors.ResponseFailed, errors.ServerRefused)):
        return ExitCode.AUTH if exc.error is not None and exc.error.code in _ACCOUNT else None
    return None


def _facts(exc: BaseException) -> dict[str, object]:
    facts: dict[str, object] = {"error": type(exc).__name__}
    if isinstance(exc, (errors.ConnectFailed, errors.ResponseFailed, errors.ServerRefused)) and exc.error:
        facts |= {"code": exc.error.code, "param": exc.error.param}
    return facts


def _judge_os(exc: OSError) -> tuple[ExitCode, str]:
    reason = exc.strerror or str(exc)
    if exc.filename is not None:
        return ExitCode.AUDIO, f"{exc.filename}: {reason}"
    return ExitCode.CONNECTION, reason


def execute(
    work: Callable[[], Coroutine[None, None, None]], out: Output, *, timeout: float | None = None
) -> NoReturn:
    """Run `work()` to its end; always raises `typer.Exit` with the code that says how it ended.

    What `work` does before it returns its coroutine may block; Ctrl-C ends that too.
    """
    try:
        asyncio.run(_bounded(work(), timeout))
    except (KeyboardInterrupt, asyncio.CancelledError):
        out.say("interrupted")
        raise typer.Exit(ExitCode.INTERRUPT) from None
    except Exception as exc:
        verdict = judge(exc)
        if verdict is None:
            raise
        out.error(verdict.message, verdict.code, verdict.facts)
        raise typer.Exit(verdict.code) from None
    raise typer.Exit(ExitCode.OK)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """While this is open, the garbage collector leaves alone what existed before.

    A full collection stops everything, the device's callback too, and looks at
    each object there is: 10 ms and more for the modules and models of a
    session, which nobody will ever drop. Garbage that is made meanwhile is
    found as always.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _bounded(work: Coroutine[None, None, None], timeout: float | None) -> None:
    task = asyncio.current_task()
    assert task is not None
    # asyncio's own handler does this once, and the next time raises wherever the loop happens to be.
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    try:
        async with asyncio.timeout(timeout) as limit:
            await work
    except TimeoutError:
        if not limit.expired():
            raise
        raise Stop(ExitCode.TIMEOUT, f"not done within {timeout:g} s; --timeout allows more") from None

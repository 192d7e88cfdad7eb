"""`doctor`: what a session needs, piece by piece, each with its verdict and what to do about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import typer

from . import checks, options
from .checks import Check
from .output import Output
from .patience import aside
from .running import ExitCode, execute
from .target import Target

__all__ = ["doctor"]

_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def doctor(
    url: options.Url = None,
    loopback: options.Loopback = False,
    model: options.Model = options.DEFAULT_MODEL,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long the server may take.")
    ] = 5.0,
    no_devices: Annotated[
        bool, typer.Option("--no-devices", help="Leave the microphone and the loudspeaker alone.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Look at all a session needs: packages, key, server, devices, and one turn against the loopback server.

    Ends 0 if nothing that is needed is broken. The key is used to connect, and never shown.
    """
    out = Output(as_json=json)
    failed: list[ExitCode] = []

    async def work() -> None:
        target = Target(url, loopback, model)
        async for check in _checks(target, timeout, devices=not no_devices):
            _print(check, out)
            if check.verdict == "fail":
                failed.append(check.code)
        if failed:
            out.say(f"{len(failed)} of these must be mended first")

    try:
        execute(work, out)
    except typer.Exit as done:
        raise typer.Exit(done.exit_code or next(iter(failed), ExitCode.OK)) from None


async def _checks(target: Target, timeout: float, *, devices: bool) -> AsyncIterator[Check]:
    yield checks.python()
    for check in checks.packages():
        yield check
    yield checks.terminal()
    yield checks.key(target)
    yield await checks.endpoint(target, timeout)
    if devices:
        for check in await aside(checks.devices):
            yield check
    yield await checks.loopback_turn()


def _print(check: Check, out: Output) -> None:
    line = f"{_MARKS[check.verdict]}  {check.name:<11} {check.says}"
    if check.remedy:
        line += f"\n{'':<18}-> {check.remedy}"
    out.data(
        "check",
        line,
        name=check.name,
        verdict=check.verdict,
        says=check.says,
        remedy=check.remedy or None,
    )

"""`serve`: the loopback server, for any client of the Realtime API."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
from pathlib import Path
from typing import Annotated

import typer

import realtime_raw as rt

from . import options
from .output import Output
from .running import ExitCode, Stop, execute

__all__ = ["serve"]


def serve(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 takes any free port.")
    ] = 8765,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    scenario: Annotated[
        Path | None, typer.Option("--scenario", help="What the model says: a .toml or .json file.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="What goes wrong, as NAME or NAME@ms=500; may be given more than once."),
    ] = None,
    list_faults: Annotated[
        bool, typer.Option("--list-faults", help="Say which faults there are, and exit.")
    ] = False,
    json: options.Json = False,
) -> None:
    """A server that behaves like the API. The first line of output is its URL; Ctrl-C ends it."""
    out = Output(as_json=json)
    if list_faults:
        _list_faults(out)
        return

    async def work() -> None:
        try:
            script = rt.loopback.load_script(scenario) if scenario is not None else None
            faults = [rt.loopback.parse_fault(each) for each in fault or ()]
        except (rt.loopback.ScenarioError, rt.loopback.FaultError) as exc:
            raise Stop(ExitCode.USAGE, str(exc)) from None
        try:
            async with rt.loopback.LoopbackServer(
                host=host, port=port, scenario=script, faults=faults
            ) as server:
                out.data("serving", server.url, url=server.url)
                if not _is_loopback(host):
                    out.say(f"{host} can be reached from other machines, and no key is asked for")
                await _until_terminated()
        except OSError as exc:
            reason = exc.strerror or str(exc)
            raise Stop(
                ExitCode.CONNECTION, f"cannot listen on {host}:{port}: {reason}; --port 0 takes any free port"
            ) from None

    execute(work, out)


def _list_faults(out: Output) -> None:
    if out.as_json:
        for kind in rt.loopback.FAULTS.values():
            out.data("fault", "", name=kind.name, about=kind.about)
    else:
        out.data("faults", rt.loopback.describe_faults())


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _until_terminated() -> None:
    """Return on SIGTERM, where there is such a thing; Ctrl-C interrupts as it does everywhere."""
    stop = asyncio.Event()
    with contextlib.suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()

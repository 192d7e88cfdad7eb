"""`serve`: the loopback server, for any client of the Realtime API."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
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
    speed: Annotated[
        float, typer.Option("--speed", min=0.001, help="How many times faster than nature it answers.")
    ] = 10.0,
    max_sessions: Annotated[
        int | None, typer.Option("--max-sessions", min=1, help="Answer HTTP 429 to clients beyond so many.")
    ] = None,
    tls: Annotated[
        bool, typer.Option("--tls", help="Serve wss:// with a certificate made on the spot.")
    ] = False,
    key_env: Annotated[
        str | None,
        typer.Option(
            "--key-env",
            metavar="VARIABLE",
            help="Ask clients for a key, the one in this environment variable.",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """A server that behaves like the API. The first line of output is its URL; Ctrl-C ends it."""
    out = Output(as_json=json)
    if list_faults:
        _list_faults(out)
        return

    keys = _keys(key_env)

    async def work() -> None:
        try:
            script = rt.loopback.load_script(scenario) if scenario is not None else None
            faults = [rt.loopback.parse_fault(each) for each in fault or ()]
        except (rt.loopback.ScenarioError, rt.loopback.FaultError) as exc:
            raise Stop(ExitCode.USAGE, str(exc)) from None
        try:
            async with rt.loopback.LoopbackServer(
                host=host,
                port=port,
                scenario=script,
                faults=faults,
                speed=speed,
                max_sessions=max_sessions,
                tls=tls,
                keys=keys,
                log_limit=0,  # nobody can ask for the record
            ) as server:
                _announce(out, server, tls=tls)
                if keys is None and not _is_loopback(host):
                    out.say(f"{host} can be reached from other machines, and no key is asked for")
                await _until_terminated()
        except OSError as exc:
            reason = exc.strerror or str(exc)
            raise Stop(
                ExitCode.CONNECTION, f"cannot listen on {host}:{port}: {reason}; --port 0 takes any free port"
            ) from None

    execute(work, out)


def _keys(variable: str | None) -> list[str] | None:
    """The key clients must show. It is never an argument: those can be read by anybody on the machine."""
    if variable is None:
        return None
    key = os.environ.get(variable, "")
    if not key:
        raise typer.BadParameter(f"the environment variable {variable} is not set", param_hint="--key-env")
    return [key]


def _announce(out: Output, server: rt.loopback.LoopbackServer, *, tls: bool) -> None:
    if not tls:
        out.data("serving", server.url, url=server.url)
        return
    path = str(server.certificate_file)
    out.data("serving", server.url, url=server.url, certificate=path)
    out.say(f"clients must trust {path}: SSL_CERT_FILE for Python, NODE_EXTRA_CA_CERTS for Node")


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

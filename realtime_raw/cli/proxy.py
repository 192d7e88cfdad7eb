"""`conform --listen PORT --upstream URL`: a proxy that holds both sides to the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from .output import Output
from .running import ExitCode, Stop

if TYPE_CHECKING:
    from ..conformance import Report

__all__ = ["proxy"]


async def proxy(
    port: int | None,
    upstream: str | None,
    out: Output,
    *,
    save: Path | None = None,
    schema: Path | None = None,
) -> Report:
    """Run a proxy until Ctrl-C or SIGTERM; returns what it found.

    The first line of data is the URL for clients; what is broken follows as it
    happens, a line each. Raises `Stop` for what cannot be listened on.
    """
    if port is None or upstream is None:
        raise Stop(ExitCode.USAGE, "a proxy needs both --listen PORT and --upstream URL")
    from ..conformance.proxy import Proxy
    from ..conformance.schemas import Bundle

    bundle = Bundle(schema) if schema is not None else None
    running = Proxy(
        upstream,
        port=port,
        save=save,
        bundle=bundle,
        on_finding=lambda found: out.data("finding", str(found)),
        on_session=out.say,
    )
    try:
        await running.__aenter__()
    except OSError as exc:
        reason = exc.strerror or str(exc)
        raise Stop(ExitCode.CONNECTION, f"cannot listen on port {port}: {reason}") from None
    try:
        out.data("serving", running.url)
        out.say(
            f"what comes there goes to {running.report().endpoint} unchanged; Ctrl-C ends it with a report"
        )
        await _until_stopped()
    finally:
        await running.__aexit__(None, None, None)
    return running.report()


async def _until_stopped() -> None:
    """Return on Ctrl-C and SIGTERM, where they can be had as such."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(each, stop.set)
    await stop.wait()

"""Which server a command talks to, and the open session on it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import realtime_raw as rt

from .output import Output
from .running import ExitCode, Stop, undisturbed

if TYPE_CHECKING:
    from .. import RealtimeConnection, SessionPatch

__all__ = ["KEY", "Target", "open_session"]

# The only place a key comes from; a flag would show it to every `ps`.
KEY = "OPENAI_API_KEY"
# Not left to typer: --loopback must beat it, as any option beats its variable.
URL = "REALTIME_RAW_URL"


@dataclass(frozen=True, slots=True)
class Target:
    """What the user said about where to connect."""

    url: str | None
    loopback: bool
    model: str
    journal: Path | None = None
    journal_audio: bool = True

    def __post_init__(self) -> None:
        if self.url is not None and self.loopback:
            raise Stop(ExitCode.USAGE, "--url and --loopback name two servers; choose one")

    @property
    def server(self) -> str | None:
        """The URL to connect to; None for OpenAI, or the loopback server. An option beats the environment."""
        return self.url or (None if self.loopback else os.environ.get(URL) or None)

    @property
    def reachable(self) -> bool:
        """Whether there is anything to connect to: a URL, the loopback server, or a key."""
        return self.loopback or self.server is not None or bool(os.environ.get(KEY))


@asynccontextmanager
async def open_session(target: Target, patch: SessionPatch, out: Output) -> AsyncIterator[RealtimeConnection]:
    """An open manual-turn session on the target; starts the loopback server if that is the target.

    Raises `Stop` without a key, and what `rt.connect` raises.
    """
    if not target.reachable:
        raise Stop(ExitCode.AUTH, f"no API key: set {KEY}, or use --loopback (needs none) or --url URL")
    async with AsyncExitStack() as stack:
        url = target.server
        if target.loopback:
            url = (await stack.enter_async_context(rt.loopback.LoopbackServer())).url
        connection = rt.connect(
            url,
            model=target.model,
            session=patch,
            journal=target.journal,
            journal_audio=target.journal_audio,
        )
        conn = await stack.enter_async_context(connection)
        conn.on(rt.signals.ProtocolWarning)(
            lambda warning: out.say(warning.detail) if warning.rule == "journal" else None
        )
        out.say(f"connected to {'the loopback server' if target.loopback else conn.endpoint.redacted()}")
        with undisturbed():
            yield conn

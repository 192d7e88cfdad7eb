"""A session on a line prompt: for pipes, plain terminals and `--json`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import realtime_raw as rt

from .commands import Commands
from .output import Output
from .replies import check_whole, tell
from .running import ExitCode, Stop, judge

if TYPE_CHECKING:
    from .. import RealtimeConnection
    from .lines import Lines

__all__ = ["Prompt"]

T = TypeVar("T")


class Prompt:
    """Lines in, verbs of the connection out.

    What goes wrong with one line is said, and the session goes on. On a
    terminal a reply is printed while the next line is typed; from a pipe each
    line waits for the reply before it, except /interrupt.
    """

    def __init__(self, conn: RealtimeConnection, lines: Lines, out: Output) -> None:
        self._conn = conn
        self._lines = lines
        self._out = out
        self._replying: asyncio.Task[None] | None = None
        self._stopped: asyncio.Task[None] | None = None  # the reply that Ctrl-C has stopped already
        self._commands = Commands(
            conn,
            out,
            {
                "/respond": ("", "ask for an answer", self._respond),
                "/interrupt": ("", "stop the answer under way", self._interrupt),
            },
        )

    async def run(self) -> None:
        """Until /quit or the end of input. Ctrl-C stops a reply under way; the next one ends the session."""
        try:
            while True:
                try:
                    line = await self._next()
                    if line is None or line == "/quit":
                        break
                    await self._obey(line)
                except asyncio.CancelledError:
                    task = asyncio.current_task()
                    if task is None or not self._busy or self._stopped is self._replying:
                        raise
                    self._stopped = self._replying
                    task.uncancel()
                    await self._attempt(self._interrupt, "")
            if not self._lines.is_terminal:
                await self._settle()
        finally:
            if self._replying is not None:
                self._replying.cancel()
                await asyncio.wait({self._replying})

    @property
    def _busy(self) -> bool:
        return self._replying is not None and not self._replying.done()

    async def _next(self) -> str | None:
        if self._lines.is_terminal and not self._out.as_json:
            self._out.prompt("> ")
        line = await self._lines.next()
        return None if line is None else line.strip()

    async def _obey(self, line: str) -> None:
        if not self._lines.is_terminal and line.partition(" ")[0] != "/interrupt":
            await self._settle()
        try:
            found = self._commands.find(line)
        except Stop as stop:
            self._out.say(stop.message)
            return
        if found is not None:
            await self._attempt(*found)
        elif line:
            await self._attempt(self._commands.add, line)

    async def _attempt(self, verb: Callable[[T], Awaitable[None]], what: T) -> None:
        try:
            await verb(what)
        except Exception as exc:
            verdict = judge(exc)
            if verdict is None or isinstance(exc, rt.SessionLost):
                raise
            self._out.error(verdict.message, verdict.code, verdict.facts)

    async def _settle(self) -> None:
        """Wait for the reply under way. Not `await task`: Ctrl-C here must not cancel the reply's task."""
        if self._replying is not None:
            await asyncio.wait({self._replying})
            self._replying.result()

    async def _respond(self, rest: str) -> None:
        if self._busy:
            raise Stop(ExitCode.USAGE, "an answer is under way; /interrupt stops it")
        reply = await self._conn.respond()
        self._replying = asyncio.create_task(self._attempt(self._follow, reply))
        self._replying.add_done_callback(self._ended)

    def _ended(self, reply: asyncio.Task[None]) -> None:
        """What a reply could not get over ends the prompt, even while nobody types."""
        failure = None if reply.cancelled() else reply.exception()
        if isinstance(failure, Exception):
            self._lines.fail(failure)

    async def _follow(self, reply: rt.Reply) -> None:
        answer, response = await tell(reply, self._out)
        if self._out.as_json:
            self._out.spoken("model", answer, response_id=response.id, status=response.status)
        check_whole(response, self._out)

    async def _interrupt(self, rest: str) -> None:
        done = await self._conn.interrupt()
        items = [{"item_id": i.item_id, "heard_ms": i.heard_ms, "action": i.action} for i in done.items]
        what = "interrupted" if done.response_id or items else "nothing to interrupt"
        cuts = "".join(f"; {i.item_id}: {i.action}, {i.heard_ms} ms heard" for i in done.items)
        self._out.data("interrupted", what + cuts, response_id=done.response_id, items=items)

"""The bare command: a manual-turn session on a line prompt."""

from __future__ import annotations

import asyncio
import json as jsonlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, TypeVar, cast

import realtime_raw as rt

from .output import Output
from .replies import check_whole, tell
from .running import ExitCode, Stop, execute, judge
from .target import KEY, Target, open_session

if TYPE_CHECKING:
    from .. import RealtimeConnection
    from ..protocol.history_item import HistoryItem
    from ..protocol.patch import SessionChanges
    from .lines import Lines

__all__ = ["Prompt", "session"]

T = TypeVar("T")

ROLES: dict[str, Literal["user", "system", "assistant"]] = {
    "user": "user",
    "system": "system",
    "assistant": "assistant",
}


def session(
    url: str | None,
    loopback: bool,
    model: str,
    voice: str | None,
    instructions: str | None,
    journal: Path | None,
    json: bool,
) -> NoReturn:
    """Open a session and read lines until /quit or the end of input. Raises `typer.Exit`."""
    out = Output(as_json=json)

    async def work() -> None:
        from .lines import Lines

        target = Target(url, loopback, model, journal)
        if not target.reachable:
            out.say(f"no {KEY} and no --url: using the built-in loopback server")
            target = Target(None, True, model, journal)
        patch = rt.SessionPatch(
            voice=rt.UNSET if voice is None else voice,
            instructions=rt.UNSET if instructions is None else instructions,
        )
        async with open_session(target, patch, out) as conn:
            out.say("type to add a message; nothing is answered until /respond; /help lists the rest")
            lines = Lines(sys.stdin.fileno())
            conn.on("connection.lost")(lambda signal: lines.fail(rt.SessionLost(signal.close)))
            await Prompt(conn, lines, out).run()

    execute(work, out)


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
        self._commands: dict[str, tuple[str, str, Callable[[str], Awaitable[None]]]] = {
            "/say": ("FILE.wav", "append the sound of a file to the turn", self._say),
            "/commit": ("", "end the turn: what was appended becomes a user message", self._commit),
            "/respond": ("", "ask for an answer", self._respond),
            "/interrupt": ("", "stop the answer under way", self._interrupt),
            "/insert": (
                "ROLE [after=ITEM] TEXT",
                "add a message, at the end or behind ITEM",
                self._insert,
            ),
            "/patch": ("KEY=VALUE", "change one setting; VALUE is JSON, or else text", self._patch),
            "/history": ("", "the conversation, in the server's order", self._history),
            "/why": ("", "why there is no answer, or no sound, or an early end", self._why),
            "/help": ("", "this list", self._help),
        }

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
        name, _, rest = line.partition(" ")
        if not self._lines.is_terminal and name != "/interrupt":
            await self._settle()
        if name in self._commands:
            await self._attempt(self._commands[name][2], rest.strip())
        elif name.startswith("/"):
            self._out.say(f"there is no {name}; /help lists what there is")
        elif line:
            await self._attempt(self._add, line)

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

    async def _add(self, text: str) -> None:
        self._show(await self._conn.insert(text))

    async def _say(self, rest: str) -> None:
        from .question import chunks, read_question

        if not rest:
            raise Stop(ExitCode.USAGE, "which file? /say FILE.wav")
        question = read_question(rest, self._out)
        for chunk in chunks(question.samples):
            await self._conn.append(chunk)
        line = f"appended {question.seconds:.2f} s; /commit makes it a message"
        self._out.data("appended", line, seconds=question.seconds)

    async def _commit(self, rest: str) -> None:
        self._show(await self._conn.commit())

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

    async def _insert(self, rest: str) -> None:
        role, _, rest = rest.partition(" ")
        after = None
        if rest.startswith("after="):
            place, _, rest = rest.partition(" ")
            after = place.removeprefix("after=")
        if role not in ROLES or not rest.strip():
            raise Stop(ExitCode.USAGE, "/insert user|system|assistant [after=ITEM] TEXT")
        self._show(await self._conn.insert(rest.strip(), role=ROLES[role], after=after))

    async def _patch(self, rest: str) -> None:
        key, equals, value = (part.strip() for part in rest.partition("="))
        if not equals:
            raise Stop(ExitCode.USAGE, "/patch KEY=VALUE, such as /patch instructions=Answer briefly.")
        changes = cast("SessionChanges", {key: _value(value)})  # the patch itself checks names and values
        await self._conn.patch(**changes)
        self._out.data("patched", f"patched {key}", setting=key)

    async def _history(self, rest: str) -> None:
        for item in self._conn.history:
            self._show(item)

    async def _why(self, rest: str) -> None:
        findings = self._conn.explain()
        for finding in findings:
            self._out.data("finding", str(finding), **finding.to_dict())
        if not findings:
            self._out.data("finding", "nothing is wrong", rule=None)

    async def _help(self, rest: str) -> None:
        lines = {"TEXT": "add a user message"}
        lines |= {f"{name} {usage}": what for name, (usage, what, _) in self._commands.items()}
        lines["/quit"] = "leave; the end of input does the same"
        for usage, what in lines.items():
            self._out.data("help", f"{usage:<32}{what}", usage=usage.strip(), what=what)

    def _show(self, item: HistoryItem) -> None:
        from ..protocol.history_item import describe

        self._out.data("item", f"{item.id}  {describe(item)}", **item.to_dict())


def _value(text: str) -> object:
    try:
        return jsonlib.loads(text)
    except ValueError:
        return text

"""The lines a session obeys: `/say`, `/commit`, `/insert` and so on, each a verb of the connection.

Shared by the line prompt, by scripts and by the text line of the screen. How
a reply is asked for and shown differs between them, and is not here.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, cast

from .output import Output
from .running import ExitCode, Stop

if TYPE_CHECKING:
    from .. import RealtimeConnection
    from ..protocol.history_item import HistoryItem
    from ..protocol.patch import SessionChanges

__all__ = ["Command", "Commands", "words_of"]

# What it takes, what it does, and the doing.
Command = tuple[str, str, Callable[[str], Awaitable[None]]]

ROLES: dict[str, Literal["user", "system", "assistant"]] = {
    "user": "user",
    "system": "system",
    "assistant": "assistant",
}


def words_of(line: str) -> str:
    """The text of a line that is no command: a backslash before `/`, `@`, `#` or itself is taken away."""
    return line[1:] if line.startswith(("\\/", "\\@", "\\#", "\\\\")) else line


class Commands:
    """The commands of one session. Each raises `Stop` for wrong usage, and what its verb raises.

    `more` are those that only the caller can carry out; they stand before
    `/history` in the list, and win over one of the same name. `text` says what
    a line does that is none.
    """

    def __init__(
        self,
        conn: RealtimeConnection,
        out: Output,
        more: dict[str, Command],
        *,
        text: str = "add a user message",
    ) -> None:
        self._conn = conn
        self._text = text
        self._out = out
        self.table: dict[str, Command] = {
            "/say": ("FILE.wav", "append the sound of a file to the turn", self._say),
            "/commit": ("", "make what was appended a user message", self._commit),
            **more,
            "/insert": ("ROLE [after=ITEM] TEXT", "add a message, at the end or behind ITEM", self._insert),
            "/patch": ("KEY=VALUE", "change one setting; VALUE is JSON, or else text", self._patch),
            "/history": ("", "the conversation, in the server's order", self._history),
            "/why": ("", "why there is no answer, no sound, an early end", self._why),
            "/help": ("", "this list", self._help),
        }

    def find(self, line: str) -> tuple[Callable[[str], Awaitable[None]], str] | None:
        """The verb a line names, and what stands behind it.

        None for a line that is no command. Raises `Stop` for a command there is not.
        """
        name, _, rest = line.partition(" ")
        if name in self.table:
            return self.table[name][2], rest.strip()
        if name.startswith("/"):
            raise Stop(ExitCode.USAGE, f"there is no {name}; /help lists what there is")
        return None

    async def add(self, text: str) -> None:
        """Add a user message in words: what a line says that is no command."""
        self._show(await self._conn.insert(words_of(text)))

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
        lines = {"TEXT": self._text}
        lines |= {f"{name} {usage}": what for name, (usage, what, _) in self.table.items()}
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

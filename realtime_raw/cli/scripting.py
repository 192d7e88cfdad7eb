"""`--script`: the turns of a session, one a line, for demonstrations and for checks in a pipeline.

A line of text is a written turn, `@FILE.wav` a spoken one, `/command` a
command of the line prompt, `#` a remark; a backslash before one of these
makes it text. Each turn is answered before the next line is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .commands import Commands
from .output import Output
from .replies import check_whole, tell
from .running import ExitCode, Stop, judge

if TYPE_CHECKING:
    from .. import RealtimeConnection
    from .sound import Sound

__all__ = ["Turns", "read_turns", "run_script"]


@dataclass(frozen=True, slots=True)
class Turns:
    """The lines of a script, and where they stand."""

    path: Path
    lines: tuple[str, ...]


def read_turns(path: Path) -> Turns:
    """The script at `path`. Raises `OSError` if it cannot be read, and `Stop` if it is no text in UTF-8."""
    try:
        return Turns(path, tuple(path.read_text("utf-8-sig").splitlines()))
    except UnicodeDecodeError as exc:
        raise Stop(ExitCode.AUDIO, f"{path} is no text in UTF-8; save it as such") from exc


async def run_script(
    conn: RealtimeConnection, turns: Turns, out: Output, sound: Sound, *, text: bool, asks_itself: bool
) -> None:
    """Take the turns of a script, to the end or to the first that fails.

    Where `sound` has a loudspeaker, each answer is heard to its end before the
    next turn. With `text` answers are asked for in writing. Raises `Stop` with the exit
    code of what failed, and the line.
    """
    script = _Script(conn, out, sound, text=text, asks_itself=asks_itself)
    for number, line in enumerate(turns.lines, 1):
        try:
            if not await script.take(line.strip()):
                return
        except Exception as exc:
            verdict = judge(exc)
            if verdict is None:
                raise
            raise Stop(verdict.code, f"{turns.path}:{number}: {verdict.message}") from exc


class _Script:
    def __init__(
        self, conn: RealtimeConnection, out: Output, sound: Sound, *, text: bool, asks_itself: bool
    ) -> None:
        self._conn = conn
        self._sound = sound
        self._out = out
        self._text = text
        self._asks_itself = asks_itself
        self._commands = Commands(conn, out, {"/respond": ("", "ask for an answer", self._respond)})

    async def take(self, line: str) -> bool:
        """One line; false for the one that ends the script."""
        if line == "/quit":
            return False
        if not line or line.startswith("#"):
            return True
        found = self._commands.find(line)
        if found is not None:
            await found[0](found[1])
        elif line.startswith("@"):
            for command in (f"/say {line[1:].strip()}", "/commit"):
                found = self._commands.find(command)
                assert found is not None
                await found[0](found[1])
            await self._answer()
        else:
            await self._commands.add(line)
            await self._answer()
        return True

    async def _answer(self) -> None:
        if self._asks_itself:
            await self._respond("")

    async def _respond(self, rest: str) -> None:
        reply = await (self._conn.respond(output="text") if self._text else self._conn.respond())
        answer, response = await tell(reply, self._out)
        if self._out.as_json:
            self._out.spoken("model", answer, response_id=response.id, status=response.status)
        await self._sound.heard_out(self._conn)
        check_whole(response, self._out)

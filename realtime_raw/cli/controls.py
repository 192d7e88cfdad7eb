"""What the keys of a session mean. Keys are heard at once; what takes time is carried out in order.

Only an interruption waits for nothing. What goes wrong with one key is said,
and the session goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import realtime_raw as rt

from .commands import Commands, words_of
from .running import ExitCode, Stop, judge
from .screen.editor import History, Typed, edit
from .screen.model import Mode

if TYPE_CHECKING:
    from .. import RealtimeConnection
    from ..aio.audio_pumps import Talk
    from .screen.keys import Key
    from .screen.notes import Notes
    from .sound import Sound

__all__ = ["Controls"]

# The server takes no shorter turn (API reference).
MINIMUM_MS = 100.0


class Controls:
    """The state of the controls, and what each key makes of it. `work` must run meanwhile."""

    def __init__(self, conn: RealtimeConnection, sound: Sound, notes: Notes, *, asks_itself: bool) -> None:
        self._conn = conn
        self._sound = sound
        self._notes = notes
        self.asks_itself = asks_itself
        self.can_talk = sound.talking is not None
        self.mode: Mode = "voice" if self.can_talk else "text"
        self.typed = Typed()
        self.help = False
        self.over = False
        self.interrupted_twice = False
        self.sending = False
        self.unanswered = False
        self._sent = History()
        self._ctrl_c = 0
        self._todo: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._commands = Commands(
            conn,
            notes,
            {
                "/respond": ("", "ask for an answer (r, Ctrl-R)", self._ignoring(self._respond)),
                "/interrupt": ("", "stop the answer under way (Esc)", self._ignoring(self._interrupt)),
                "/discard": ("", "drop the turn (x)", self._ignoring(self._discard)),
                "/keys": ("", "the keys (?)", self._ignoring(self._show_help)),
            },
            text="send it, and be answered" if asks_itself else "add a user message",
        )

    async def work(self) -> None:
        """Carry out what keys ask for, one after the other, for ever. Raises what is no user's fault."""
        while True:
            await self._attempt(await self._todo.get())

    # Keys

    def press(self, key: Key) -> None:
        """One key."""
        if key.name != "ctrl-c":
            self._ctrl_c = 0
        if key.name in _ANYWHERE:
            _ANYWHERE[key.name](self)
        elif self.mode == "text":
            self._press_in_text(key)
        else:
            self._press_in_voice(key)

    def ctrl_c(self) -> None:
        """Ctrl-C, or SIGINT: the first interrupts what is under way, the next one ends the session."""
        self._ctrl_c += 1
        if self._ctrl_c > 1:
            self.over = self.interrupted_twice = True
            return
        if self._busy:
            self._do_now(self._interrupt)
        self._notes.say("Ctrl-C again ends the session")

    def _press_in_voice(self, key: Key) -> None:
        name = key.text if key.name == "text" else key.name
        action = _VOICE.get(name.lower())
        if action is not None:
            action(self)
        elif key.name in ("text", "paste"):
            self._notes.say("Tab lets you type; ? lists the keys")

    def _press_in_text(self, key: Key) -> None:
        if not self.typed.text and key.text == "?":
            self._toggle_help()
        elif not self.typed.text and key.text == " ":
            self._space()
        elif key.name in ("up", "down"):
            self.typed = self._sent.move(self.typed, -1 if key.name == "up" else 1)
        else:
            self.typed = edit(self.typed, key.name, key.text)

    def _space(self) -> None:
        if not self.can_talk:
            self._notes.say("there is no microphone; type, and Enter sends")
        elif self._talking:
            self._later(self._send_turn)
        else:
            self.mode, self.help = "voice", False
            self._later(self._start_turn)

    def _enter(self) -> None:
        line = self.typed.text.strip()
        if self.mode == "voice":
            if self._talking:
                self._later(self._send_turn)
        elif line:
            self._sent.add(line)
            self.typed = Typed()
            self.help = False
            if line == "/quit":
                self.over = True
            elif line == "/interrupt":  # the one that must not wait
                self._do_now(self._interrupt)
            else:
                self._later(lambda: self._send_line(line))

    def _escape(self) -> None:
        if self.help:
            self.help = False
        elif self._busy:
            self._do_now(self._interrupt)
        elif self._talking:
            self._notes.say("x discards the turn, Space sends it")

    def _tab(self) -> None:
        if self.mode == "voice":
            self.mode = "text"
        elif self.can_talk:
            self.mode = "voice"
        else:
            self._notes.say("there is no microphone")

    def _ctrl_d(self) -> None:
        if self.mode == "text" and self.typed.text:
            self.typed = edit(self.typed, "delete")
        else:
            self.over = True

    def _toggle_help(self) -> None:
        self.help = not self.help

    def _quit(self) -> None:
        self.over = True

    # Verbs

    @property
    def _talking(self) -> bool:
        return self._sound.talking is not None and self._sound.talking.talking

    @property
    def _busy(self) -> bool:
        """Whether an answer is being made or heard."""
        responses = self._conn.protocol.responses
        playing = self._sound.sink is not None and self._conn.player.playing
        return playing or responses.active is not None or responses.asked is not None

    async def _start_turn(self) -> None:
        await self._sound.start_talking()

    async def _send_turn(self) -> None:
        talking = self._sound.talking
        if talking is None or not talking.talking:
            return
        self.sending = True
        try:
            talk = await talking.stop_talking()
            if not await self._is_worth_sending(talk):
                return
            await self._conn.commit()
            self.unanswered = True
        finally:
            self.sending = False
        if self.asks_itself:
            await self._respond()

    async def _is_worth_sending(self, talk: Talk) -> bool:
        if talk.ms < MINIMUM_MS and self._sound.deaf:
            reason = "the microphone is gone"
        elif talk.ms < MINIMUM_MS:
            reason = f"{talk.ms:.0f} ms are too short for a turn"
        elif talk.silent:
            peak = talk.levels.peak_dbfs
            heard = "nothing but zeros" if talk.levels.silent else f"only silence (peak {peak:.0f} dBFS)"
            reason = f"the microphone gave {heard}: is it muted, or not permitted?"
        else:
            return True
        if talk.frames:
            await self._conn.clear()
        self._notes.say(f"nothing was sent: {reason}")
        return False

    async def _send_line(self, line: str) -> None:
        found = self._commands.find(line)
        if found is not None:
            await found[0](found[1])
            return
        if self._busy:
            await self._conn.interrupt()
        await self._conn.insert(words_of(line))
        self.unanswered = True
        if self.asks_itself:
            await self._respond()

    async def _respond(self) -> None:
        if self._busy:
            raise Stop(ExitCode.USAGE, "an answer is under way; Esc interrupts it")
        self.unanswered = False
        if self.mode == "text" or self._sound.sink is None:
            await self._conn.respond(output="text")
        else:
            await self._conn.respond()

    async def _interrupt(self) -> None:
        await self._conn.interrupt()

    async def _discard(self) -> None:
        if not self._talking or self._sound.talking is None:
            self._notes.say("there is no turn to discard")
            return
        await self._sound.talking.discard()
        self._notes.say("turn discarded")

    async def _show_help(self) -> None:
        self.help = True

    async def _why(self) -> None:
        await self._send_line("/why")

    # Carrying out

    def _later(self, action: Callable[[], Awaitable[None]]) -> None:
        self._todo.put_nowait(action)

    def _do_now(self, action: Callable[[], Awaitable[None]]) -> None:
        self._now = asyncio.create_task(self._attempt(action))
        self._now.add_done_callback(self._failed)

    def _failed(self, task: asyncio.Task[None]) -> None:
        """What an interruption could not get over is `work`'s to raise."""
        exc = None if task.cancelled() else task.exception()
        if exc is not None:

            async def fail() -> None:
                raise exc

            self._later(fail)

    async def _attempt(self, action: Callable[[], Awaitable[None]]) -> None:
        try:
            await action()
        except Exception as exc:
            verdict = judge(exc)
            if verdict is None or isinstance(exc, rt.SessionLost):
                raise
            self._notes.error(verdict.message, verdict.code, verdict.facts)

    def _ignoring(self, action: Callable[[], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
        async def obey(rest: str) -> None:
            await action()

        return obey


_Press = Callable[[Controls], None]

_ANYWHERE: dict[str, _Press] = {
    "enter": Controls._enter,
    "esc": Controls._escape,
    "tab": Controls._tab,
    "ctrl-c": Controls.ctrl_c,
    "ctrl-d": Controls._ctrl_d,
    "ctrl-r": lambda self: self._later(self._respond),
}

_VOICE: dict[str, _Press] = {
    " ": Controls._space,
    "x": lambda self: self._later(self._discard),
    "r": lambda self: self._later(self._respond),
    "w": lambda self: self._later(self._why),
    "?": Controls._toggle_help,
    "q": Controls._quit,
}

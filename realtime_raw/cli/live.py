"""A session on the screen: keys in, verbs of the connection out, and the picture in between.

One task reads the transcript, one carries out what was asked for, in order;
the loop of `run` paints what has changed. How things look is `screen`'s
affair, what the keys mean `controls`'.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import deque
from typing import TYPE_CHECKING, Any

import realtime_raw as rt

from .controls import Controls
from .figures import Gauges
from .running import ExitCode
from .screen.book import Book
from .screen.keys import KeyReader
from .screen.model import Line, Screen
from .screen.painter import Painter
from .screen.signals import Signals
from .screen.terminal import Terminal
from .screen.view import draw, rows_of

if TYPE_CHECKING:
    from rich.text import Text

    from .. import RealtimeConnection
    from ..protocol import signals as sg
    from .screen.notes import Notes
    from .sound import Sound

__all__ = ["LiveSession"]

# Between two pictures: quick enough for a level, slow enough for a serial line.
_FRAME_S = 0.03
# How long a lone Esc may be the beginning of another key.
_ESC_S = 0.05
# How long a window must keep its size to be painted anew.
_SETTLE_S = 0.1
# Lines kept to draw the screen anew after a change of its size.
_KEPT = 300
_DEVICES = {"input": "the microphone", "output": "the loudspeaker"}


class LiveSession:
    """One session on one terminal, from `run` to its end.

    `transcribes`: whether the user's speech is written down, so that it is
    worth waiting for the words.
    """

    def __init__(
        self,
        conn: RealtimeConnection,
        terminal: Terminal,
        notes: Notes,
        sound: Sound,
        *,
        asks_itself: bool,
        transcribes: bool,
        colour: bool,
    ) -> None:
        self._conn = conn
        self._terminal = terminal
        self._notes = notes
        self._loop = asyncio.get_running_loop()
        self._book = Book(transcribes=transcribes)
        self._history: deque[Line] = deque(maxlen=_KEPT)
        self._painter = Painter(colour=colour)
        self._keys = KeyReader(terminal.encoding)
        self._gauges = Gauges(conn, sound)
        self._controls = Controls(conn, sound, notes, asks_itself=asks_itself)
        self._changed = asyncio.Event()
        self._escape: asyncio.TimerHandle | None = None
        self._resizing: asyncio.TimerHandle | None = None
        self._ended_by: signal.Signals | None = None
        self._failure: BaseException | None = None

    async def run(self) -> int:
        """Until the user, a signal or the line ends it; returns the exit code.

        Raises `SessionLost`, and whatever was a fault of this program. The
        terminal is given back as it was on every path.
        """
        with self._terminal, self._signals():
            self._loop.set_exception_handler(self._crashed)
            self._loop.add_reader(self._terminal.source, self._readable)
            subscription = self._conn.on("*")(self._seen)
            tasks = [asyncio.create_task(self._read_transcript()), asyncio.create_task(self._controls.work())]
            for task in tasks:
                task.add_done_callback(self._task_ended)
            try:
                await self._paint_until_over()
            finally:
                self._loop.remove_reader(self._terminal.source)
                self._loop.set_exception_handler(None)
                subscription.off()
                if self._resizing is not None:
                    self._resizing.cancel()
                for task in tasks:
                    task.cancel()
                self._leave()
            await asyncio.wait(tasks)
        if self._failure is not None:
            raise self._failure
        if self._ended_by is not None:
            return 128 + self._ended_by
        return ExitCode.INTERRUPT if self._controls.interrupted_twice else ExitCode.OK

    def _signals(self) -> Signals:
        return Signals(
            interrupt=self._interrupt,
            end=self._end,
            resized=self._resized,
            stopped=self._stopped,
            resumed=self._resumed,
        )

    # What happens

    async def _read_transcript(self) -> None:
        async for line in self._conn.transcript.live():
            self._book.take(line, self._loop.time())
            self._changed.set()

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
            self._changed.set()

    def _crashed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a callback raised ends the session: it would be lost on a screen."""
        self._failure = self._failure or context.get("exception") or RuntimeError(context["message"])
        self._changed.set()

    def _seen(self, event: object) -> None:
        self._changed.set()
        if isinstance(event, rt.signals.ResponseFinished):
            self._tell_end(event)
        elif isinstance(event, rt.signals.InvariantBroken):
            self._notes.say(f"the server broke a promise: {event.detail}")
        elif isinstance(event, rt.signals.SessionExpiring):
            self._notes.say(f"the server ends this session in {event.expires_in_s / 60:.0f} min")
        elif isinstance(event, rt.signals.DeviceLost):
            what = _DEVICES[event.direction]
            self._notes.say(f"{what} is gone ({event.device}: {event.reason}); the session goes on")
        elif isinstance(event, rt.signals.DeviceRestored):
            self._notes.say(f"{_DEVICES[event.direction]} is back ({event.device})")
        elif isinstance(event, rt.signals.ProtocolWarning) and event.rule in ("microphone_gap", "journal"):
            self._notes.say(event.detail)
        elif isinstance(event, rt.signals.HandlerFailed):
            self._notes.error(f"{event.handler}: {event.error}", 0, {})

    def _tell_end(self, event: sg.ResponseFinished) -> None:
        """Say of an answer that is not whole why; one that was cancelled shows its cut."""
        response = event.record.response
        details = response.status_details if response is not None else None
        if event.status == "failed":
            error = event.record.error
            self._notes.error(f"the answer failed: {error.message if error else 'no reason given'}", 0, {})
        elif event.status == "incomplete":
            self._notes.say(f"the answer is incomplete: {(details and details.reason) or 'no reason given'}")

    def _readable(self) -> None:
        data = self._terminal.read()
        if not data:
            self._end(signal.SIGHUP)
            return
        for key in self._keys.feed(data):
            self._controls.press(key)
        if self._escape is not None:
            self._escape.cancel()
        self._escape = self._loop.call_later(_ESC_S, self._flush_keys) if self._keys.waiting else None
        self._changed.set()

    def _flush_keys(self) -> None:
        for key in self._keys.flush():
            self._controls.press(key)
        self._changed.set()

    def _interrupt(self) -> None:
        self._controls.ctrl_c()
        self._changed.set()

    def _end(self, number: signal.Signals) -> None:
        self._ended_by = number
        self._changed.set()

    # Pictures

    async def _paint_until_over(self) -> None:
        while not (self._controls.over or self._ended_by or self._failure):
            self._changed.clear()
            if self._resizing is None:
                self._paint()
            await asyncio.sleep(_FRAME_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._gauges.pace):
                    await self._changed.wait()

    def _paint(self) -> None:
        # On a line that stalls no picture is made: the next will show what is then.
        if not self._terminal.keeps_up(self._written):
            return
        look = self._terminal.look()
        rested = [row for line in self._rested() for row in rows_of(line, look)]
        self._write(self._painter.paint(rested, draw(self._screen(), look)))

    def _written(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._changed.set)

    def _rested(self) -> list[Line]:
        """Lines that will not change any more, each once."""
        now = self._loop.time()
        lines = [
            *self._book.rest(now, self._gauges.sounding, self._conn.transcript.lines),
            *self._notes.drain(),
        ]
        self._history.extend(lines)
        return lines

    def _screen(self) -> Screen:
        controls = self._controls
        return Screen(
            phase=self._gauges.phase(sending=controls.sending, unanswered=controls.unanswered),
            mode=controls.mode,
            lines=self._book.living(),
            figures=self._gauges.figures(voice=controls.mode == "voice"),
            typed=controls.typed,
            help=controls.help,
            can_talk=controls.can_talk,
            asks_itself=controls.asks_itself,
        )

    def _resized(self) -> None:
        """A window's corner is being dragged: nothing is painted before it lies still."""
        if self._resizing is not None:
            self._resizing.cancel()
        self._resizing = self._loop.call_later(_SETTLE_S, self._redraw)

    def _redraw(self) -> None:
        """The whole screen anew: its size has changed, and the terminal moved things about."""
        if not self._terminal.keeps_up(self._written):
            self._resized()
            return
        self._resizing = None
        look = self._terminal.look()
        self._rested()
        picture = draw(self._screen(), look)
        room = look.height - 1 - len(picture.rows)
        above: list[Text] = []
        for line in reversed(self._history):
            if len(above) >= room:
                break
            above = [*rows_of(line, look), *above]
        self._write(self._painter.repaint(above[max(0, len(above) - room) :] if room > 0 else [], picture))

    def _stopped(self) -> None:
        self._write(self._painter.finish([]))
        self._terminal.suspend()

    def _resumed(self) -> None:
        self._terminal.resume()
        self._changed.set()

    def _leave(self) -> None:
        look = self._terminal.look()
        lines = [*self._rested(), *self._book.close(), Line("note", self._gauges.summary())]
        self._write(self._painter.finish([row for line in lines for row in rows_of(line, look)]))

    def _write(self, text: str) -> None:
        try:
            self._terminal.write(text)
        except OSError:  # the window was closed
            self._ended_by = self._ended_by or signal.SIGHUP

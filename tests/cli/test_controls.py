"""What each key does, against the loopback server and a sound card that is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest

import realtime_raw as rt
from realtime_raw.cli.controls import Controls
from realtime_raw.cli.screen.keys import Key
from realtime_raw.cli.screen.notes import Notes
from realtime_raw.cli.sound import Sound
from realtime_raw.devices.fake import FakeInput, FakeOutput
from realtime_raw.loopback import LoopbackServer
from tests.cli import servers
from tests.cli.helpers import tone


@dataclass
class Desk:
    """A person at the controls."""

    controls: Controls
    conn: rt.RealtimeConnection
    server: LoopbackServer
    notes: Notes
    microphone: FakeInput
    speaker: FakeOutput

    def press(self, *keys: str) -> None:
        """Keys by name; single characters are typed."""
        for key in keys:
            self.controls.press(Key("text", key) if len(key) == 1 else Key(key))

    def type(self, text: str) -> None:
        """A line and Enter."""
        self.press(*text, "enter")

    async def until(self, seen: Callable[[], object]) -> None:
        """Let things happen until something is so."""
        async with asyncio.timeout(10):
            while not seen():  # noqa: ASYNC110  # many things may make it so
                await asyncio.sleep(0.005)

    async def settled(self) -> None:
        """Until what was asked for is done."""
        await self.until(lambda: self.controls._todo.empty() and not self.controls.sending)
        await asyncio.sleep(0.02)

    def state(self) -> tuple[str, str]:
        """What is on the line, and the mode."""
        return self.controls.typed.text, self.controls.mode

    def sent(self) -> list[str]:
        """Types of what was sent, sound aside."""
        kinds = [str(message["type"]) for message in servers.received(self.server)]
        return [kind for kind in kinds if kind not in ("session.update", "input_audio_buffer.append")]

    def said(self) -> list[str]:
        """What the person was told since the last call."""
        return [line.text for line in self.notes.drain()]


@asynccontextmanager
async def desk(
    *, microphone: bool = True, speaker: bool = True, asks_itself: bool = True, speed: float = 50.0
) -> AsyncIterator[Desk]:
    """Controls at work on a session."""
    ears, mouth = FakeInput(), FakeOutput(threaded=False)
    notes = Notes()
    async with LoopbackServer(speed=speed) as server, rt.connect(server.url) as conn:
        sound = Sound(ears if microphone else None, mouth if speaker else None)
        sound.attach(conn, notes, preroll_ms=0, full_duplex=False)
        controls = Controls(conn, sound, notes, asks_itself=asks_itself)
        work = asyncio.create_task(controls.work())
        try:
            yield Desk(controls, conn, server, notes, ears, mouth)
        finally:
            work.cancel()
            await asyncio.wait({work})


async def talk(one: Desk, samples: object = None, seconds: float = 0.3) -> None:
    """Space, some sound, Space."""
    one.press(" ")
    await one.until(lambda: one.controls._talking)
    await asyncio.sleep(seconds)
    one.microphone.hear(tone(seconds) if samples is None else np.asarray(samples, np.int16))
    one.press(" ")
    await one.until(lambda: not one.controls._talking)
    await one.settled()


async def test_a_spoken_turn() -> None:
    """Committed and answered, in this order; the answer is spoken."""
    async with desk() as one:
        await talk(one)
        await one.until(lambda: "response.create" in one.sent())
        assert one.sent() == ["input_audio_buffer.commit", "response.create"]
        assert not one.controls.unanswered
        (asked,) = [m for m in servers.received(one.server) if m["type"] == "response.create"]
        assert "output_modalities" not in asked.get("response", {})
        assert one.said() == []


async def test_enter_sends_the_turn_too() -> None:
    """And without one it does nothing, by voice."""
    async with desk() as one:
        one.press("enter", " ")
        await one.until(lambda: one.controls._talking)
        await asyncio.sleep(0.2)
        one.microphone.hear(tone(0.2))
        one.press("enter")
        await one.until(lambda: "response.create" in one.sent())


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros(7200), "nothing was sent: the microphone gave nothing but zeros"),
        (np.ones(7200) * 3, "nothing was sent: the microphone gave only silence (peak -81 dBFS)"),
        (np.ones(480) * 9000, "are too short for a turn"),
        ([], "nothing was sent: 0 ms are too short"),
    ],
)
async def test_what_is_not_worth_sending(samples: object, said: str) -> None:
    """It is dropped, and why is said."""
    async with desk() as one:
        await talk(one, samples)
        (told,) = one.said()
        assert said in told
        assert "input_audio_buffer.commit" not in one.sent()


async def test_a_microphone_that_is_gone() -> None:
    """Is the reason, and not the speaker's haste."""
    async with desk() as one:
        one.microphone.lose()
        await talk(one)
        assert one.said() == ["nothing was sent: the microphone is gone"]


async def test_a_turn_is_discarded() -> None:
    """Whole; without one that is said."""
    async with desk() as one:
        one.press("x")
        await one.settled()
        assert one.said() == ["there is no turn to discard"]
        one.press(" ")
        await one.until(lambda: one.controls._talking)
        one.microphone.hear(tone(0.1))
        await asyncio.sleep(0.1)
        one.press("esc")
        assert one.said() == ["x discards the turn, Space sends it"]
        one.press("x")
        await one.until(lambda: one.sent() == ["input_audio_buffer.clear"])
        await one.until(lambda: one.said() == ["turn discarded"])


async def test_a_reply_that_is_asked_for() -> None:
    """`--no-auto-respond`: not before `r`; and never two at a time."""
    async with desk(asks_itself=False, speed=1.0) as one:
        await talk(one)
        assert one.controls.unanswered
        assert one.sent() == ["input_audio_buffer.commit"]
        one.press("r")
        await one.until(lambda: "response.create" in one.sent())
        await one.until(lambda: one.conn.protocol.responses.active is not None)
        one.press("ctrl-r")
        await one.settled()
        assert one.said() == ["an answer is under way; Esc interrupts it"]
        one.press("esc")
        await one.until(lambda: "response.cancel" in one.sent())


async def test_talking_interrupts() -> None:
    """What sounds stops when somebody talks."""
    async with desk(speed=1.0) as one:
        await talk(one)
        await one.until(lambda: one.conn.player.playing)
        one.press(" ")
        await one.until(lambda: not one.conn.player.playing)
        assert "response.cancel" in one.sent()


async def test_text_is_answered_in_writing() -> None:
    """Also where there is a loudspeaker: two modes, and one key between them."""
    async with desk() as one:
        one.press("tab")
        assert one.state() == ("", "text")
        one.type("Say only: plum")
        await one.until(lambda: "response.create" in one.sent())
        (asked,) = [m for m in servers.received(one.server) if m["type"] == "response.create"]
        assert asked["response"]["output_modalities"] == ["text"]
        await one.until(lambda: one.conn.protocol.responses.active is None)
        one.press("up")
        assert one.state() == ("Say only: plum", "text")
        one.press("down", "tab")
        assert one.state() == ("", "voice")


async def test_a_line_interrupts_the_answer_before_it() -> None:
    """As talking does."""
    async with desk(microphone=False, speaker=False, speed=1.0) as one:
        one.type("Say only: " + "word " * 50)
        await one.until(lambda: one.conn.protocol.responses.active is not None)
        one.type("Say only: plum")
        await one.until(lambda: one.sent().count("response.create") == 2)
        assert one.sent().index("response.cancel") < len(one.sent()) - 1


async def test_letters_are_text_where_one_types() -> None:
    """Only an empty line knows `?` and Space as keys."""
    async with desk() as one:
        one.press("tab", *"x q w r?", " ")
        assert one.controls.typed.text == "x q w r? "
        one.press("ctrl-u", "?")
        helped = [one.controls.help]
        one.press("esc")
        assert [*helped, one.controls.help] == [True, False]
        one.press(" ")
        await one.until(lambda: one.controls._talking)
        assert one.controls.mode == "voice"


async def test_commands_on_the_text_line() -> None:
    """Those of the line prompt, and those of the keys; mistakes are said."""
    async with desk(microphone=False, speaker=False) as one:
        for line, said in {
            "/discard": "there is no turn to discard",
            "/why": "nothing is wrong",
            "/commit": "the turn holds 0.0 ms",
            "/nope": "there is no /nope; /help lists what there is",
            "/interrupt": None,
            "/patch instructions=Be brief.": "patched instructions",
        }.items():
            one.type(line)
            await one.settled()
            told = one.said()
            assert [said in each for each in told] == [True] if said else told == [], line
        one.type("/keys")
        await one.until(lambda: one.controls.help)
        one.type("/help")
        await one.settled()
        assert any(text.startswith("TEXT ") and "be answered" in text for text in one.said())
        one.type("/quit")
        assert one.controls.over


async def test_without_a_microphone() -> None:
    """It begins in writing, and says what cannot be."""
    async with desk(microphone=False) as one:
        assert one.controls.mode == "text"
        one.press(" ", "tab")
        assert one.said() == [
            "there is no microphone; type, and Enter sends",
            "there is no microphone",
        ]


async def test_ways_out() -> None:
    """`q`; Ctrl-D on an empty line; Ctrl-C twice in a row."""
    async with desk() as one:
        one.press("z")
        assert one.said() == ["Tab lets you type; ? lists the keys"]
        one.press("q")
        assert one.controls.over
    async with desk() as one:
        one.press("tab", "a", "b", "left", "ctrl-d")
        assert (one.controls.typed.text, one.controls.over) == ("a", False)
        one.press("backspace", "ctrl-d")
        assert one.controls.over
    async with desk() as one:
        one.press("ctrl-c", "z", "ctrl-c")
        over = [one.controls.over]
        one.press("ctrl-c")
        assert [*over, one.controls.over, one.controls.interrupted_twice] == [False, True, True]


async def test_why_by_a_key() -> None:
    """The findings, in words."""
    async with desk() as one:
        one.press("w")
        await one.settled()
        assert one.said() == ["nothing is wrong"]


async def test_a_lost_line_ends_the_work() -> None:
    """It is nobody's mistake, and not merely said."""
    async with desk(microphone=False, speaker=False) as one:
        await one.server.close()
        await one.until(lambda: one.conn.closed)
        work = asyncio.create_task(one.controls.work())
        one.type("hello")
        one.type("hello")
        with pytest.raises(rt.SessionLost):
            await work

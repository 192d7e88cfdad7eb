"""`talk`, which is also the bare command: a session, on the screen, on plain lines, or from a script."""

from __future__ import annotations

import os
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

import realtime_raw as rt

from . import options
from .devices import print_devices
from .dry_run import print_plan
from .output import Output
from .running import Stop, execute
from .target import KEY, Target, open_session

if TYPE_CHECKING:
    from .. import RealtimeConnection

__all__ = ["talk"]


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What the user asked of a session, beyond where it is."""

    target: Target
    patch: rt.SessionPatch
    text: bool
    input_device: str | None
    output_device: str | None
    full_duplex: bool
    preroll_ms: float
    auto_respond: bool
    transcribes: bool
    record: Path | None
    transcript: Path | None
    script: Path | None


def talk(
    url: options.Url = None,
    loopback: options.Loopback = False,
    model: options.Model = options.DEFAULT_MODEL,
    voice: options.Voice = None,
    instructions: options.Instructions = None,
    text: options.TextOnly = False,
    input_device: options.InputDevice = None,
    output_device: options.OutputDevice = None,
    full_duplex: options.FullDuplex = False,
    preroll_ms: options.Preroll = 400.0,
    no_auto_respond: options.NoAutoRespond = False,
    transcriber: options.Transcriber = "gpt-transcribe",
    script: options.Script = None,
    record: options.Record = None,
    transcript: options.TranscriptFile = None,
    log: options.Log = None,
    log_audio: options.LogAudio = False,
    journal: options.Journal = None,
    list_devices: options.ListDevices = False,
    dry_run: options.DryRun = False,
    json: options.Json = False,
) -> None:
    """A session, turn by turn: speak or type, and hear or read the answers. `?` lists the keys.

    Without a terminal, and with --json, it is a prompt of plain lines, in which nothing is answered until
    you say /respond. Without a key and a URL it talks to the built-in loopback server.
    """
    out = Output(as_json=json)
    if list_devices:
        print_devices(out)
        return
    target = _target(url, loopback, model, journal, log, log_audio, out if not dry_run else None)
    patch = rt.SessionPatch(
        voice=rt.UNSET if voice is None else voice,
        instructions=rt.UNSET if instructions is None else instructions,
    )
    if dry_run:
        print_plan(target, patch, out)
        return
    wishes = _Wishes(
        target,
        patch,
        text,
        input_device,
        output_device,
        full_duplex,
        preroll_ms,
        not no_auto_respond,
        transcriber != "none",
        record,
        transcript,
        script,
    )
    speech = rt.SessionPatch(transcription=rt.Transcription(model=transcriber))
    code: list[int] = []

    def work() -> Coroutine[None, None, None]:
        return _open(wishes, speech, out, code)

    try:
        execute(work, out)
    except typer.Exit as done:
        raise typer.Exit(done.exit_code or sum(code)) from None


def _target(
    url: str | None,
    loopback: bool,
    model: str,
    journal: Path | None,
    log: Path | None,
    log_audio: bool,
    out: Output | None,
) -> Target:
    if log is not None and journal is not None:
        raise typer.BadParameter("--journal is --log with the sound in it; give one of them")
    if log_audio and log is None:
        raise typer.BadParameter("--log-audio needs --log FILE")
    try:
        target = Target(url, loopback, model, journal or log, journal is not None or log_audio)
    except Stop as stop:
        raise typer.BadParameter(stop.message) from None
    if not target.reachable and out is not None:
        out.say(f"no {KEY} and no --url: using the built-in loopback server")
        target = Target(None, True, model, target.journal, target.journal_audio)
    return target


async def _open(wishes: _Wishes, speech: rt.SessionPatch, out: Output, code: list[int]) -> None:
    on_screen = wishes.script is None and not out.as_json and _can_paint()
    # On plain lines nobody waits for what was said to be written down, so nothing is paid for it.
    patch = wishes.patch.merged(speech) if on_screen and wishes.transcribes and not wishes.text else wishes.patch
    async with AsyncExitStack() as stack:
        conn = await stack.enter_async_context(open_session(wishes.target, patch, out))
        if wishes.record is not None:
            stack.enter_context(closing(cast("Any", conn).record(wishes.record)))
        if wishes.transcript is not None:
            stack.callback(_write_transcript, conn, wishes.transcript)
        if wishes.script is not None:
            from .scripting import run_script

            await run_script(conn, wishes.script, out, text=wishes.text, asks_itself=wishes.auto_respond)
        elif on_screen:
            code.append(await _on_screen(conn, wishes, out, stack))
        else:
            await _on_lines(conn, wishes, out)


def _can_paint() -> bool:
    if sys.platform == "win32":  # no termios there
        return False
    from .screen.terminal import is_screen

    return is_screen()


async def _on_lines(conn: RealtimeConnection, wishes: _Wishes, out: Output) -> None:
    from .lines import Lines
    from .session import Prompt

    if wishes.input_device is not None or wishes.output_device is not None:
        out.say("plain lines use no devices: /say FILE.wav speaks")
    out.say("type to add a message; nothing is answered until /respond; /help lists the rest")
    lines = Lines(sys.stdin.fileno())
    conn.on("connection.lost")(lambda signal: lines.fail(rt.SessionLost(signal.close)))
    await Prompt(conn, lines, out).run()


async def _on_screen(
    conn: RealtimeConnection, wishes: _Wishes, out: Output, stack: AsyncExitStack
) -> int:
    from .live import LiveSession
    from .screen.notes import Notes
    from .screen.terminal import Terminal, encoding_of
    from .sound import Sound, open_sound

    sound = Sound(None, None)
    if not wishes.text:
        sound = open_sound(wishes.input_device, wishes.output_device, out)
        stack.callback(sound.close)
        sound.attach(conn, preroll_ms=wishes.preroll_ms, full_duplex=wishes.full_duplex)
    notes = Notes()
    terminal = Terminal(sys.stdin.fileno(), sys.stdout.fileno(), encoding=encoding_of())
    live = LiveSession(
        conn,
        terminal,
        notes,
        sound,
        asks_itself=wishes.auto_respond,
        transcribes=wishes.transcribes,
        colour=not os.environ.get("NO_COLOR"),
    )
    return await live.run()


def _write_transcript(conn: RealtimeConnection, path: Path) -> None:
    path.write_text(conn.transcript.to_markdown(), encoding="utf-8")



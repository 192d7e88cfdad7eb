"""`talk`, which is also the bare command: a session, on the screen, on plain lines, or from a script."""

from __future__ import annotations

import os
import sys
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

import realtime_raw as rt

from . import options
from .devices import print_devices
from .dry_run import print_plan
from .output import Output
from .patience import aside
from .running import ExitCode, Stop, execute
from .scripting import read_turns, run_script
from .sound import Sound, open_listener, open_sound
from .target import KEY, Target, open_session

if TYPE_CHECKING:
    from .. import RealtimeConnection

__all__ = ["talk"]

# Of what others wrote to stderr during a session that ended badly.
_NOISE_LINES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wishes:
    """What the user asked of a session."""

    target: Target
    patch: rt.SessionPatch
    on_screen: bool
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
    target = _target(url, loopback, model, journal, log, log_audio)
    on_screen = script is None and not json and _can_paint()
    # Where nobody sees what was said written down, nothing is paid for it.
    transcribes = transcriber != "none" and on_screen and not text
    patch = rt.SessionPatch(
        voice=rt.UNSET if voice is None else voice,
        instructions=rt.UNSET if instructions is None else instructions,
        transcription=rt.Transcription(model=transcriber) if transcribes else rt.UNSET,
    )
    if dry_run:
        _plan(target, patch, out)
    wishes = _Wishes(
        target=_reachable(target, out),
        patch=patch,
        on_screen=on_screen,
        text=text,
        input_device=input_device,
        output_device=output_device,
        full_duplex=full_duplex,
        preroll_ms=preroll_ms,
        auto_respond=not no_auto_respond,
        transcribes=transcribes,
        record=record,
        transcript=transcript,
        script=script,
    )
    _run(wishes, out)


def _run(wishes: _Wishes, out: Output) -> NoReturn:
    """Hold the session; always raises `typer.Exit`, with the code of whatever ended it."""
    ended: list[int] = []

    async def work() -> None:
        ended.append(await _hold(wishes, out))

    try:
        execute(work, out)
    except typer.Exit as done:
        raise typer.Exit(done.exit_code or sum(ended)) from None


def _plan(target: Target, patch: rt.SessionPatch, out: Output) -> NoReturn:
    async def work() -> None:
        print_plan(target, patch, out)

    execute(work, out)


def _target(
    url: str | None, loopback: bool, model: str, journal: Path | None, log: Path | None, log_audio: bool
) -> Target:
    if log is not None and journal is not None:
        raise typer.BadParameter("--journal is --log with the sound in it; give one of them")
    if log_audio and log is None:
        raise typer.BadParameter("--log-audio needs --log FILE")
    try:
        return Target(url, loopback, model, journal or log, journal is not None or log_audio)
    except Stop as stop:
        raise typer.BadParameter(stop.message) from None


def _reachable(target: Target, out: Output) -> Target:
    """The target, or the loopback server where there is nothing else."""
    if target.reachable:
        return target
    out.say(f"no {KEY} and no --url: using the built-in loopback server")
    return replace(target, loopback=True)


async def _hold(wishes: _Wishes, out: Output) -> int:
    async with AsyncExitStack() as stack:
        # Before a session is opened, and paid for, in vain.
        sound = await aside(lambda: _open_sound(wishes, out))
        stack.callback(sound.close)
        turns = read_turns(wishes.script) if wishes.script is not None else None
        if wishes.transcript is not None:
            wishes.transcript.open("a").close()
        conn = await stack.enter_async_context(open_session(wishes.target, wishes.patch, out))
        sound.attach(conn, out, preroll_ms=wishes.preroll_ms, full_duplex=wishes.full_duplex)
        if wishes.record is not None:
            stack.enter_context(closing(conn.record(wishes.record)))
        if wishes.transcript is not None:
            stack.callback(_write_transcript, conn, wishes.transcript)
        if wishes.on_screen:
            return await _on_screen(conn, wishes, sound, out)
        if turns is not None:
            await run_script(conn, turns, out, sound, text=wishes.text, asks_itself=wishes.auto_respond)
        else:
            await _on_lines(conn, wishes, sound, out)
    return ExitCode.OK


def _open_sound(wishes: _Wishes, out: Output) -> Sound:
    """The devices of a session; may take some 100 ms, and some seconds where they hang."""
    if wishes.text:
        return Sound()
    if wishes.on_screen:
        return open_sound(wishes.input_device, wishes.output_device, out)
    if wishes.script is not None and wishes.output_device:
        return open_listener(wishes.output_device)
    return open_listener(None) if wishes.record else Sound()


def _can_paint() -> bool:
    if sys.platform == "win32":  # no termios there
        return False
    from .screen.terminal import is_screen

    return is_screen()


async def _on_lines(conn: RealtimeConnection, wishes: _Wishes, sound: Sound, out: Output) -> None:
    from .lines import Lines
    from .session import Prompt

    if wishes.input_device is not None or wishes.output_device is not None:
        out.say("plain lines use no devices: /say FILE.wav speaks")
    out.say("type to add a message; nothing is answered until /respond; /help lists the rest")
    lines = Lines(sys.stdin.fileno())
    conn.on("connection.lost")(lambda signal: lines.fail(rt.SessionLost(signal.close)))
    await Prompt(conn, lines, out).run()
    if not lines.is_terminal:
        await sound.heard_out(conn)


async def _on_screen(conn: RealtimeConnection, wishes: _Wishes, sound: Sound, out: Output) -> int:
    from .live import LiveSession
    from .screen.notes import Notes
    from .screen.terminal import Terminal, encoding_of

    if wishes.full_duplex and sound.talking is not None and sound.sink is not None:
        out.say("full duplex: use headphones, or the model hears itself")
    if sound.talking is None:
        out.say("type, and Enter sends; /help lists what else a line may be")
    terminal = Terminal(sys.stdin.fileno(), sys.stdout.fileno(), encoding=encoding_of())
    live = LiveSession(
        conn,
        terminal,
        Notes(),
        sound,
        asks_itself=wishes.auto_respond,
        transcribes=wishes.transcribes,
        colour=not os.environ.get("NO_COLOR"),
    )
    try:
        return await live.run()
    except Exception:
        for line in terminal.noise.splitlines()[-_NOISE_LINES:]:
            out.say(line)
        raise


def _write_transcript(conn: RealtimeConnection, path: Path) -> None:
    try:
        path.write_text(conn.transcript.to_markdown(), encoding="utf-8")
    except OSError as exc:  # a full disk does not say which file
        raise Stop(ExitCode.AUDIO, f"{path}: {exc.strerror or exc}") from exc

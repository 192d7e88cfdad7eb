"""The options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DEFAULT_MODEL",
    "DryRun",
    "FullDuplex",
    "InputDevice",
    "Instructions",
    "Journal",
    "Json",
    "ListDevices",
    "Log",
    "LogAudio",
    "Loopback",
    "Model",
    "NoAutoRespond",
    "OutputDevice",
    "Preroll",
    "Record",
    "Script",
    "TextOnly",
    "Timeout",
    "Transcriber",
    "TranscriptFile",
    "Url",
    "Voice",
]

DEFAULT_MODEL = "gpt-realtime-2.1"

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="Any server that speaks the Realtime API, as ws:// or wss://.  [env var: REALTIME_RAW_URL]",
    ),
]
Loopback = Annotated[
    bool,
    typer.Option("--loopback", help="Talk to the built-in loopback server: no key, no cost."),
]
Model = Annotated[
    str, typer.Option("--model", metavar="NAME", envvar="REALTIME_RAW_MODEL", help="The model to connect to.")
]
Voice = Annotated[
    str | None,
    typer.Option("--voice", metavar="NAME", envvar="REALTIME_RAW_VOICE", help="The voice that answers."),
]
Instructions = Annotated[
    str | None, typer.Option("--instructions", metavar="TEXT", help="What the model is told to be and do.")
]
Journal = Annotated[
    Path | None,
    typer.Option("--journal", metavar="FILE", help="Write every message both ways to FILE, as JSON lines."),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Give up after this long."),
]
Json = Annotated[bool, typer.Option("--json", help="Results as JSON, one object a line.")]

# A session's own.

TextOnly = Annotated[bool, typer.Option("--text", help="Type, and get written answers; open no device.")]
Log = Annotated[
    Path | None,
    typer.Option("--log", metavar="FILE", help="As --journal, but without the sound."),
]
LogAudio = Annotated[bool, typer.Option("--log-audio", help="Keep the sound in --log.")]
ListDevices = Annotated[bool, typer.Option("--list-devices", help="The same as the command `devices`.")]
InputDevice = Annotated[
    str | None,
    typer.Option(
        "--input-device",
        metavar="DEVICE",
        envvar="REALTIME_RAW_INPUT_DEVICE",
        help="The microphone: its number, a part of its name, `file:FILE.wav`, or `none`.",
    ),
]
OutputDevice = Annotated[
    str | None,
    typer.Option(
        "--output-device",
        metavar="DEVICE",
        envvar="REALTIME_RAW_OUTPUT_DEVICE",
        help="The loudspeaker: its number, a part of its name, `file:FILE.wav`, or `none`.",
    ),
]
FullDuplex = Annotated[
    bool,
    typer.Option("--full-duplex", help="Listen while a reply plays. For headphones: else it hears itself."),
]
Preroll = Annotated[
    float,
    typer.Option("--preroll-ms", metavar="MS", min=0, help="How much from before the key press a turn has."),
]
NoAutoRespond = Annotated[
    bool, typer.Option("--no-auto-respond", help="End a turn without asking for its answer; `r` asks.")
]
Transcriber = Annotated[
    str,
    typer.Option("--transcriber", metavar="NAME", help="The model that writes down what you say, or `none`."),
]
Record = Annotated[
    Path | None,
    typer.Option("--record", metavar="DIR", help="Keep the session's sound, as heard, in DIR."),
]
TranscriptFile = Annotated[
    Path | None,
    typer.Option("--transcript", metavar="FILE.md", help="Write the transcript to FILE.md at the end."),
]
Script = Annotated[
    Path | None,
    typer.Option("--script", metavar="FILE", help="Take the turns from FILE, one a line; see docs/cli.md."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the URL and the session that would be opened, and leave.")
]

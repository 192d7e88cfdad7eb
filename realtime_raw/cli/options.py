"""The options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DEFAULT_MODEL",
    "Instructions",
    "Journal",
    "Json",
    "Loopback",
    "Model",
    "Timeout",
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

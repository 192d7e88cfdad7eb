"""The application: its commands, its usage errors, and the bare call that opens a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Protocol, cast

import typer

from .. import __version__
from ..text import safe
from . import options
from .conform import conform
from .output import Output, prepare_streams
from .running import ExitCode
from .schema import schema
from .serve import serve
from .session import session
from .target import KEY
from .text import text
from .turn import turn

__all__ = ["app", "main"]

app = typer.Typer(
    name="realtime_raw",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help, the same in a pipe as on a terminal
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 2 usage, 3 key or quota, 4 connection, 5 refused or failed, 6 audio or file, "
    "124 timeout, 130 interrupted. "
    f"The key is read from {KEY} and from nowhere else.",
)
for command in (turn, text, serve, schema, conform):
    app.command()(command)

# typer carries its own copy of click in newer versions and depends on it in
# older ones; this is the one name for its usage errors that both have.
_UsageError = typer.BadParameter.__bases__[0]


class _Usage(Protocol):
    """What is needed of a usage error."""

    ctx: typer.Context | None

    def format_message(self) -> str: ...


def _version(wanted: bool) -> None:
    if wanted:
        Output().data("version", __version__)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def bare(
    ctx: typer.Context,
    url: options.Url = None,
    loopback: options.Loopback = False,
    model: options.Model = options.DEFAULT_MODEL,
    voice: options.Voice = None,
    instructions: options.Instructions = None,
    journal: options.Journal = None,
    json: options.Json = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Talk to the OpenAI Realtime API, turn by turn.

    Without a command: a session on a line prompt, in which nothing is answered until you say /respond.
    """
    if ctx.invoked_subcommand is None:
        session(url, loopback, model, voice, instructions, journal, json)
    misplaced = [name for name in ctx.params if _was_typed(ctx, name)]
    if misplaced:
        option = f"--{misplaced[0]}"
        raise typer.BadParameter(
            f"{option} belongs behind the command: {ctx.invoked_subcommand} {option} ..."
        )


def _was_typed(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns its exit code. Prints no traceback for anything a user can do."""
    prepare_streams()
    try:
        code: Any = app(args=list(argv), standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPT
    except Exception as exc:
        if not isinstance(exc, _UsageError):
            raise
        return _usage(cast("_Usage", exc), argv)
    return int(code or 0)


def _usage(error: _Usage, argv: Sequence[str]) -> int:
    message = safe(error.format_message())
    if any(word.startswith("--") and "key" in word.partition("=")[0] for word in argv):
        message += f" A key is never given as an option, where others could see it: set {KEY}."
    out = Output()
    out.error(message, ExitCode.USAGE, {})
    if error.ctx is not None:
        out.say(error.ctx.get_usage())
    return ExitCode.USAGE

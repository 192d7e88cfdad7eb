"""The application: its commands, its usage errors, and the bare call that opens a session."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol, cast

import typer

from .. import __version__
from ..text import safe
from .conform import conform
from .devices import devices
from .doctor import doctor
from .output import Output, prepare_streams
from .running import ExitCode
from .schema import schema
from .serve import serve
from .talk import talk
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
    f"The key is read from {KEY}. The key of a server that is not OpenAI's is read from the variable that "
    "`conform --key-env` names, the key `serve` asks for from that of `serve --key-env`; "
    "none from anywhere else.",
)
for command in (talk, turn, text, serve, conform, schema, devices, doctor):
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


def _with_options_of(command: Callable[..., None]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a function that takes `**given` the options of `command`: typer reads them from its signature."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function, eval_str=True)
        theirs = inspect.signature(command, eval_str=True)
        kept = [one for one in own.parameters.values() if one.kind is not one.VAR_KEYWORD]
        parameters = [*kept[:1], *theirs.parameters.values(), *kept[1:]]
        function.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # read by inspect
        function.__annotations__ = {one.name: one.annotation for one in parameters}
        return function

    return decorate


@app.callback(invoke_without_command=True)
@_with_options_of(talk)
def bare(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
    **given: Any,
) -> None:
    """Talk to the OpenAI Realtime API, turn by turn.

    Without a command it is `talk`: a session on this terminal, by voice or in writing.
    """
    if ctx.invoked_subcommand is None:
        talk(**given)
        return
    misplaced = [name for name in ctx.params if _was_typed(ctx, name)]
    if misplaced:
        option = f"--{misplaced[0].replace('_', '-')}"
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

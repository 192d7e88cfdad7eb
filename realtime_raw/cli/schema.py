"""`schema`: the JSON Schema of one event, or the list of all events."""

from __future__ import annotations

import difflib
import enum
from typing import TYPE_CHECKING, Annotated

import typer

from . import options
from .output import Output
from .running import ExitCode, Stop, execute

if TYPE_CHECKING:
    from ..events import ClientEvent, Dialect, ServerEvent

__all__ = ["schema"]


class DialectName(enum.Enum):
    """Which of the two vocabularies."""

    REALTIME = "realtime"
    TRANSLATION = "translation"


def schema(
    event: Annotated[
        str | None,
        typer.Argument(metavar="EVENT", help="A wire type, as `session.update`; none lists all."),
    ] = None,
    dialect: Annotated[
        DialectName, typer.Option("--dialect", help="Which vocabulary the event belongs to.")
    ] = DialectName.REALTIME,
    json: options.Json = False,
) -> None:
    """Print the JSON Schema of EVENT, as this library reads or writes it."""
    out = Output(as_json=json)

    async def work() -> None:
        from ..events import catalog

        chosen = catalog.REALTIME if dialect is DialectName.REALTIME else catalog.TRANSLATION
        if event is None:
            _list(chosen, out)
            return
        model = _find(event, chosen)
        out.document(model.json_schema())

    execute(work, out)


def _list(dialect: Dialect, out: Output) -> None:
    for direction, names in (("client", dialect.client), ("server", dialect.server)):
        for name in names:
            out.data("event", f"{direction}  {name}", direction=direction, type=name)


def _find(event: str, dialect: Dialect) -> type[ClientEvent | ServerEvent]:
    known: dict[str, type[ClientEvent | ServerEvent]] = {**dialect.client, **dialect.server}
    if event not in known:
        near = difflib.get_close_matches(event, known, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else "`schema` alone lists them all"
        raise Stop(ExitCode.USAGE, f"no event is called {event!r}; {hint}")
    return known[event]

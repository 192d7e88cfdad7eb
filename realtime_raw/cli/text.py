"""`text`: one question in words, one answer in words."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from typing import Annotated

import typer

import realtime_raw as rt

from . import options
from .output import Output
from .replies import check_whole, tell
from .running import ExitCode, Stop, execute
from .target import Target, open_session

__all__ = ["text"]


def text(
    words: Annotated[
        str, typer.Argument(metavar="WORDS", help="What to say; `-` reads it from standard input.")
    ],
    url: options.Url = None,
    loopback: options.Loopback = False,
    model: options.Model = options.DEFAULT_MODEL,
    instructions: options.Instructions = None,
    journal: options.Journal = None,
    timeout: options.Timeout = 60.0,
    json: options.Json = False,
) -> None:
    """One turn in text: say WORDS, print the answer as it is written."""
    out = Output(as_json=json)

    def work() -> Coroutine[None, None, None]:
        question = sys.stdin.read() if words == "-" else words
        if not question.strip():
            raise Stop(ExitCode.USAGE, "there is nothing to say: the text is empty")
        patch = rt.SessionPatch(instructions=rt.UNSET if instructions is None else instructions)
        return _text(Target(url, loopback, model, journal), patch, question, out)

    execute(work, out, timeout=timeout)


async def _text(target: Target, patch: rt.SessionPatch, question: str, out: Output) -> None:
    async with open_session(target, patch, out) as conn:
        await conn.insert(question)
        reply = await conn.respond(output="text")
        answer, response = await tell(reply, out)
        if out.as_json:
            out.spoken("model", answer, response_id=response.id, status=response.status)
        check_whole(response, out)

"""What a careful programmer writes by hand on `websockets`: no state, no commands, no errors handled."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import orjson
import pybase64
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection, connect

from tools.bench.clients import Session, Target

__all__ = ["TemplateSession", "reading", "stdlib", "with_orjson", "with_pydantic"]

_DONE = ("response.done", "input_audio_buffer.cleared")
_BEFORE, _AFTER = b'{"type":"input_audio_buffer.append","audio":"', b'"}'


class TemplateSession:
    """Sends bytes around a chunk's base64."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line

    async def start(self) -> None:
        """Ask for the next answers."""
        await self._line.send(b'{"type":"response.create"}', text=True)

    async def append(self, chunk: bytes) -> None:
        """Send sound."""
        await self._line.send(_BEFORE + pybase64.b64encode(chunk) + _AFTER, text=True)

    async def clear(self) -> None:
        """Send `input_audio_buffer.clear`."""
        await self._line.send(b'{"type":"input_audio_buffer.clear"}', text=True)


class _TutorialSession(TemplateSession):
    async def append(self, chunk: bytes) -> None:
        """Send sound, as tutorials do."""
        audio = base64.b64encode(chunk).decode()
        await self._line.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))


@asynccontextmanager
async def reading(
    url: str,
    target: Target,
    read: Callable[[ClientConnection, Target], Awaitable[None]],
    make: type[TemplateSession] = TemplateSession,
) -> AsyncIterator[Session]:
    """A connection that `read` reads in a task."""
    async with connect(url, compression=None, max_size=None) as line:
        task = asyncio.ensure_future(read(line, target))
        yield make(line)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def stdlib(url: str, target: Target) -> AsyncIterator[Session]:
    """As tutorials do it."""
    async with reading(url, target, _read_stdlib, _TutorialSession) as opened:
        yield opened


@asynccontextmanager
async def with_orjson(url: str, target: Target) -> AsyncIterator[Session]:
    """The fast libraries, and dicts."""
    async with reading(url, target, _read_orjson) as opened:
        yield opened


@asynccontextmanager
async def with_pydantic(url: str, target: Target) -> AsyncIterator[Session]:
    """Every event validated against this package's models, in one discriminated union."""
    from tools.bench.clients.models import UNION

    async def read(line: ClientConnection, target: Target) -> None:
        await _read_pydantic(line, target, UNION)

    async with reading(url, target, read) as opened:
        yield opened


async def _read_stdlib(line: ClientConnection, target: Target) -> None:
    write = target.write
    async for message in line:
        event = json.loads(message)
        kind = event["type"]
        if kind == "response.output_audio.delta":
            write(base64.b64decode(event["delta"]))
        elif kind in _DONE:
            target.done()


async def _read_orjson(line: ClientConnection, target: Target) -> None:
    write, decode = target.write, pybase64.b64decode
    while True:
        event = orjson.loads(await line.recv(decode=False))
        kind = event["type"]
        if kind == "response.output_audio.delta":
            write(decode(event["delta"], validate=True))
        elif kind in _DONE:
            target.done()


async def _read_pydantic(line: ClientConnection, target: Target, union: TypeAdapter[object]) -> None:
    from realtime_raw.events import ResponseOutputAudioDelta

    write, decode, validate = target.write, pybase64.b64decode, union.validate_json
    while True:
        event = validate(await line.recv(decode=False))
        if type(event) is ResponseOutputAudioDelta:
            assert event.delta is not None
            write(decode(event.delta, validate=True))
        elif event.type in _DONE:  # type: ignore[attr-defined]  # all members have one
            target.done()

"""The floor in Python: frames parsed in the receive buffer, sound sliced out of it.

It knows whole text frames and nothing else: no fragments, no pings, no errors.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import numpy as np
import orjson
import pybase64

from tools.bench.clients import Session, Target
from tools.bench.clients.hook import AUDIO

__all__ = ["session"]

_SIZE = 1 << 18
_DELTA = b'"delta":"'
_BEFORE, _AFTER = b'{"type":"input_audio_buffer.append","audio":"', b'"}'


class _Frames(asyncio.BufferedProtocol):
    def __init__(self, target: Target) -> None:
        self._buffer = bytearray(_SIZE)
        self._view = memoryview(self._buffer)
        self._end = 0
        self._target = target
        self._write = target.write
        self.opened = asyncio.get_running_loop().create_future()
        self.closed = asyncio.get_running_loop().create_future()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        self._end += nbytes
        at = 0
        if not self.opened.done():
            at = self._buffer.find(b"\r\n\r\n", 0, self._end) + 4
            if at < 4:
                return
            self.opened.set_result(None)
        at = self._frames(at)
        left = self._end - at
        self._view[:left] = bytes(self._view[at : self._end])
        self._end = left

    def _frames(self, at: int) -> int:
        buffer, end = self._buffer, self._end
        while at + 2 <= end:
            size, start = buffer[at + 1], at + 2
            if size > 125:
                wide = 2 if size == 126 else 8
                size = int.from_bytes(buffer[start : start + wide], "big")
                start += wide
            if start + size > end:
                break
            at = start + size
            self._message(start, at)
        return at

    def _message(self, start: int, end: int) -> None:
        if self._buffer.startswith(AUDIO, start):
            at = self._buffer.find(_DELTA, start, end) + len(_DELTA)
            self._write(pybase64.b64decode(self._view[at : end - 2], validate=True))
        elif end > start:
            kind = orjson.loads(self._view[start:end])["type"]
            if kind in ("response.done", "input_audio_buffer.cleared"):
                self._target.done()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set_result(None)


class _Bare:
    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    async def start(self) -> None:
        self._send(b'{"type":"response.create"}')

    async def append(self, chunk: bytes) -> None:
        self._send(_BEFORE + pybase64.b64encode(chunk) + _AFTER)
        if self._transport.get_write_buffer_size() > 1 << 16:
            await asyncio.sleep(0)

    async def clear(self) -> None:
        self._send(b'{"type":"input_audio_buffer.clear"}')

    def _send(self, data: bytes) -> None:
        size, key = len(data), os.urandom(4)
        padded = np.frombuffer(data + bytes(-size % 4), np.uint32) ^ np.frombuffer(key, np.uint32)
        head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
        self._transport.write(head + key + padded.tobytes()[:size])


@asynccontextmanager
async def session(url: str, target: Target) -> AsyncIterator[Session]:
    """A socket, a handshake by hand, and frames."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    host, port = parts.hostname or "", parts.port or 0
    transport, frames = await loop.create_connection(lambda: _Frames(target), host, port)
    key = base64.b64encode(os.urandom(16)).decode()
    transport.write(
        f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await frames.opened
    yield _Bare(transport)
    transport.close()
    await frames.closed

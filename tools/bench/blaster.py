"""The server of the benchmark: a WebSocket that does nothing but send what it has ready.

    python -m tools.bench.blaster CORE

It prints its port and serves until its input ends. What a connection gets is
said in the query of its URL; it begins with each `response.create`:

    mode=blast   `warm` answers at the first, `answers` at each further one, as fast as they are taken
    mode=paced   one answer whose deltas (`size`) come every `every` ms for `seconds`, stamped
    mode=rate    the same with 100 and 200 ms of sound in turn, each when it is due
    mode=idle    nothing; what the client sends is counted, and `input_audio_buffer.clear` answered

A stamp is the first eight bytes of a delta's sound: the nanoseconds of
CLOCK_MONOTONIC at the moment before it was given to the socket.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
import time
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

from tools.bench import stream
from tools.bench.machine import pin

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_STAMP = 16  # base64 characters of the twelve bytes that hold it


class Line:
    """One connection after its handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, query: str) -> None:
        self._reader = reader
        self._writer = writer
        self._options = {name: values[-1] for name, values in parse_qs(query).items()}
        self._triggers = 0
        self._answers = stream.Answers(int(self._option("size", 12_000)), self._option("length", 30))
        self._sent = 0
        self._talking: asyncio.Task[None] | None = None

    def _option(self, name: str, default: float) -> float:
        return float(self._options.get(name, default))

    async def run(self) -> None:
        """Until the client closes."""
        self._writer.write(stream.frame(stream.created()))
        try:
            while True:
                first, second = await self._reader.readexactly(2)
                size = second & 0x7F
                if size > 125:
                    size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
                key = await self._reader.readexactly(4)
                data = await self._reader.readexactly(size)
                opcode = first & 0x0F
                if opcode == 8:
                    self._writer.write(b"\x88\x00")
                    return
                if opcode == 9:
                    self._writer.write(bytes((0x8A, size)) + _unmasked(data, key))
                elif opcode == 1:
                    self._message(data, key)
        finally:
            if self._talking is not None:
                self._talking.cancel()

    def _message(self, data: bytes, key: bytes) -> None:
        head = _unmasked(data[:64], key)
        if b"input_audio_buffer.append" in head:
            return
        whole = _unmasked(data, key)
        if b"session.update" in whole:
            self._writer.write(stream.frame(stream.updated()))
        elif b"input_audio_buffer.clear" in whole:
            self._writer.write(stream.frame(stream.event("input_audio_buffer.cleared", 1)))
        elif b"response.create" in whole:
            self._triggers += 1
            mode = self._options.get("mode", "idle")
            work = {"blast": self._blast, "paced": self._paced, "rate": self._rate}.get(mode)
            if work is not None:
                self._talking = asyncio.create_task(work())

    async def _blast(self) -> None:
        count = int(self._option("warm", 0) if self._triggers == 1 else self._option("answers", 1))
        self._writer.transport.set_write_buffer_limits(0)  # nothing of an answer waits while the next is made
        for _ in range(count):
            data = memoryview(self._answers.ready(self._sent))
            self._sent += 1
            for at in range(0, len(data), 1 << 18):
                self._writer.write(data[at : at + (1 << 18)])
                await self._writer.drain()

    async def _paced(self) -> None:
        every = self._option("every", 10) / 1000
        size = int(self._option("size", 12_000))
        await self._stamped([size], [every])

    async def _rate(self) -> None:
        await self._stamped([4800, 9600], [0.1, 0.2])

    async def _stamped(self, sizes: list[int], pauses: list[float]) -> None:
        halves = [self._halves(size) for size in sizes]
        write = self._writer.write
        opening, closing = self._answers.opening(None), self._answers.closing(None)
        await asyncio.sleep(self._option("after", 0))
        write(b"".join(map(stream.frame, opening)))
        due = time.monotonic()
        end, number = due + self._option("seconds", 5), 0
        while due < end:
            head, tail = halves[number % len(halves)]
            due += pauses[number % len(pauses)]
            number += 1
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            stamp = base64.b64encode(time.monotonic_ns().to_bytes(8, "little") + bytes(4))
            write(b"".join((head, stamp, tail)))
        write(b"".join(map(stream.frame, closing)))

    def _halves(self, size: int) -> tuple[bytes, bytes]:
        """A delta's frame before and after its stamp."""
        sound = base64.b64encode(stream.pcm(1)[:size]).decode()
        whole = stream.frame(stream.Answers.delta("output_audio", 0, sound))
        at = whole.index(sound.encode())
        return whole[:at], whole[at + _STAMP :]


def _unmasked(data: bytes, key: bytes) -> bytes:
    size = len(data)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


async def _accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        request = await reader.readuntil(b"\r\n\r\n")
        target = request.split(b" ", 2)[1].decode()
        headers = dict(line.partition(b":")[::2] for line in request.split(b"\r\n")[1:])
        key = next(value.strip() for name, value in headers.items() if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        await Line(reader, writer, urlsplit(target).query).run()
    writer.close()


async def serve() -> None:
    """Until standard input ends."""
    server = await asyncio.start_server(_accept, "127.0.0.1", 0, limit=1 << 22, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    pin(int(sys.argv[1]))
    asyncio.run(serve())

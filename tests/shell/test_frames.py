"""The line byte by byte: frames however they are cut, peers that break rules, receivers that hold."""

from __future__ import annotations

import asyncio
import base64
import contextvars
import hashlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from realtime_raw.aio.reading import ReadingTransport
from realtime_raw.aio.transport import BURST
from realtime_raw.aio.websocket import WebSocketTransport
from realtime_raw.endpoint import Endpoint
from realtime_raw.errors import SessionLost
from realtime_raw.types import CloseInfo
from tests.shell.lines import SOON, dial, raw, soon

pytestmark = pytest.mark.usefixtures("framing")

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A


def frame(first: int, payload: bytes = b"") -> bytes:
    """A frame as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


async def heard(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One frame of the client's, which must be masked: its first byte and its payload."""
    first, size = await reader.readexactly(2)
    assert size & 0x80
    size &= 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return first, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


@asynccontextmanager
async def line(talk: Talk, *, behind: bytes = b"", **options: float) -> AsyncIterator[WebSocketTransport]:
    """An open line to a peer that does as `talk` says once it has answered the handshake.

    `behind` comes in one piece with the answer.
    """
    over = asyncio.Event()
    talks: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.current_task())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(one for one in head.split("\r\n") if one.lower().startswith("sec-websocket-key"))
        key = key.partition(":")[2].strip() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            + behind
        )
        try:
            await talk(reader, writer)
            await over.wait()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client is gone
        finally:
            writer.close()

    async with raw(serve) as url:
        transport = await dial(Endpoint.of(url), None, **options)
        try:
            yield transport
        finally:
            transport.abort()
            over.set()
            await asyncio.wait([task for task in talks if task is not None], timeout=SOON)


def read(transport: ReadingTransport, data: bytes) -> None:
    """As the system does, in as many reads as the buffer makes of it."""
    while data:
        room = transport.get_buffer(-1)
        size = min(len(room), len(data))
        room[:size] = data[:size]
        transport.buffer_updated(size)
        data = data[size:]


async def all_told(transport: WebSocketTransport, there: asyncio.Event) -> Taker:
    """Who took all that the peer says once somebody is `there`; and never much of it in one turn."""
    taker = Taker()
    transport.attach(taker)
    there.set()
    while taker.end is None:
        taker.turn += 1
        await asyncio.sleep(0)
    assert max(map(taker.turns.count, set(taker.turns))) <= 2 * BURST
    return taker


class Taker:
    """A receiver that keeps what it gets; `holds` says after which message it takes no more."""

    def __init__(self, holds: int = -1) -> None:
        self.messages: list[bytes] = []
        self.end: CloseInfo | None = None
        self.holds = holds
        self.turns: list[int] = []
        self.turn = 0

    def received(self, message: bytes) -> bool:
        self.messages.append(message)
        self.turns.append(self.turn)
        return len(self.messages) != self.holds

    def skim(self, view: memoryview, buffer: bytes | bytearray, begin: int, end: int) -> bool:
        if not buffer.startswith(b"skim", begin, end):
            return False
        self.messages.append(b"skimmed " + bytes(buffer[begin:end]))
        self.turns.append(self.turn)
        return True

    def ended(self, close: CloseInfo) -> None:
        assert self.end is None
        self.end = close


async def closed(transport: WebSocketTransport) -> CloseInfo:
    """How the line ended."""
    try:
        async with asyncio.timeout(SOON):
            while True:
                await transport.recv()
    except SessionLost as lost:
        return lost.close


STREAM = [b"x", b"y" * 125, b"z" * 126, b"a" * 300, b"", b"b" * 70_000]
BYTES = b"".join(frame(TEXT, one) for one in STREAM[:5]) + frame(PING, b"?") + frame(TEXT, STREAM[5])


async def test_frames_cut_anywhere() -> None:
    """Byte by byte, through headers of every length; a ping in between is answered."""
    answered: list[tuple[int, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for i in range(700):
            writer.write(BYTES[i : i + 1])
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(BYTES[700:])
        answered.append(await heard(reader))

    async with line(talk) as transport, asyncio.timeout(SOON):
        assert [await transport.recv() for _ in STREAM] == STREAM
        await soon(lambda: answered)
    assert answered == [(PONG, b"?")]


@pytest.mark.parametrize("cut", [0, 1, 3, 130, len(BYTES)])
async def test_frames_in_one_piece_with_the_handshake(cut: int) -> None:
    """What comes along with the response belongs to the line, whole frames and halves."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BYTES[cut:])

    async with line(talk, behind=BYTES[:cut]) as transport, asyncio.timeout(SOON):
        assert [await transport.recv() for _ in STREAM] == STREAM


async def test_fragments_with_control_frames_between() -> None:
    """A message in pieces is whole again, whatever comes in between."""
    pieces = [frame(0x01, b"one "), frame(PING, b"1"), frame(0x00, b"two "), frame(PONG, b"stray")]
    pieces += [frame(0x80, b"three"), frame(0x02, b"\xff"), frame(0x80, b""), frame(TEXT, b"next")]
    pongs: list[tuple[int, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(pieces))
        pongs.append(await heard(reader))

    async with line(talk) as transport, asyncio.timeout(SOON):
        assert [await transport.recv() for _ in range(3)] == [b"one two three", b"\xff", b"next"]
        await soon(lambda: pongs)
    assert pongs == [(PONG, b"1")]


async def test_large_messages_between_small_ones() -> None:
    """The buffer grows for what needs it, and is no larger than usual afterwards."""
    large = bytes(range(256)) * 20_000
    messages = [b"a", large, b"b", large, *[b"c" * 5000] * 40]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(frame(BINARY, one) for one in messages))

    async with line(talk) as transport, asyncio.timeout(SOON):
        assert [await transport.recv() for _ in messages] == messages
        assert len(getattr(transport, "_buffer", b"")) <= 256 * 1024


BREACHES: dict[str, tuple[bytes, int]] = {
    "a frame over the limit": (frame(TEXT, b"x" * 1001), 1009),
    "a message over the limit, in pieces": (frame(0x01, b"x" * 600) + frame(0x80, b"x" * 600), 1009),
    "a length over every limit": (struct.pack("!BBQ", TEXT, 127, 1 << 40), 1009),
    "masked": (bytes((TEXT, 0x81, 1, 2, 3, 4, 5)), 1002),
    "masked, and long": (bytes((TEXT, 0xFE, 0, 200)) + bytes(210), 1002),
    "a reserved bit": (frame(0xC1, b"x"), 1002),
    "an opcode nobody knows": (frame(0x83, b"x"), 1002),
    "a control opcode nobody knows": (frame(0x8B, b"x"), 1002),
    "a long ping": (frame(PING, b"x" * 126), 1002),
    "a ping in pieces": (frame(0x09, b"x"), 1002),
    "a piece of nothing": (frame(0x80, b"x"), 1002),
    "a message within another": (frame(0x01, b"x") + frame(TEXT, b"y"), 1002),
    "a close within a message": (frame(0x01, b"x") + frame(CLOSE, b"\x03\xe8"), 1002),
    "half a close code": (frame(CLOSE, b"\x03"), 1002),
    "a close code that may not be sent": (frame(CLOSE, struct.pack("!H", 1005)), 1002),
    "a close reason that is no UTF-8": (frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
}


@pytest.mark.parametrize("name", BREACHES)
async def test_what_ends_the_line(name: str) -> None:
    """We say why, and wait for a peer that does not close no longer than for any other."""
    data, code = BREACHES[name]
    told: list[tuple[int, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, b"before") + data + frame(TEXT, b"after"))
        told.append(await heard(reader))

    async with line(talk, max_size=1000, close_timeout=0.1) as transport:
        assert await transport.recv() == b"before"
        close = await closed(transport)
    [(first, payload)] = told
    assert first == CLOSE
    assert struct.unpack("!H", payload[:2]) == (code,)
    if name.endswith(("UTF-8", "may not be sent", "close code", "within a message")):
        return  # the peer's own close frame may count, broken as it is
    assert (close.code, close.by_us) == (code, False)


async def test_a_server_that_never_closes() -> None:
    """It sends a close frame, gets one, and leaves the line open: we end it."""
    told: list[tuple[int, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(CLOSE, struct.pack("!H", 1001) + b"bye") + frame(TEXT, b"after"))
        told.append(await heard(reader))

    async with line(talk, close_timeout=0.1) as transport:
        assert await closed(transport) == CloseInfo(1001, "bye")
        with pytest.raises(SessionLost):
            await transport.send(b"x")
        assert not transport.send_now(b"x")
    assert told == [(CLOSE, struct.pack("!H", 1001) + b"bye")]


# Handing messages on


async def count(writer: asyncio.StreamWriter, messages: int) -> None:
    """Numbered messages, in as few pieces as the system makes of them."""
    writer.write(b"".join(frame(TEXT, b"%d" % i) for i in range(messages)))
    await writer.drain()


async def test_pushed_in_order_and_not_too_many_at_once() -> None:
    """Between bursts the loop turns; what came before somebody was there is not lost."""
    there = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await there.wait()
        await count(writer, 500)
        writer.write(frame(CLOSE, struct.pack("!H", 1000)))

    async with line(talk, behind=frame(TEXT, b"early")) as transport, asyncio.timeout(SOON):
        taker = await all_told(transport, there)
        assert taker.messages == [b"early", *(b"%d" % i for i in range(500))]
        assert taker.end == CloseInfo(1000)


async def test_long_messages_may_be_taken_in_where_they_lie() -> None:
    """In their place among the others; they count as those do."""
    long = [b"skim" + bytes(i % 250 for i in range(2000 + n)) for n in range(150)]
    there = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await there.wait()
        for one in long:
            writer.write(frame(TEXT, one) + frame(TEXT, b"short") + frame(TEXT, b"x" * 2000))
        writer.write(frame(CLOSE, struct.pack("!H", 1000)))

    async with line(talk) as transport, asyncio.timeout(SOON):
        taker = await all_told(transport, there)
        assert taker.messages == [
            one for skimmed in long for one in (b"skimmed " + skimmed, b"short", b"x" * 2000)
        ]


async def test_who_holds_at_a_message_in_pieces_gets_no_more() -> None:
    """Whatever else came with it waits, as behind any other message."""
    there = asyncio.Event()
    pieces = frame(0x01, b"in ") + frame(0x80, b"pieces")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await there.wait()
        writer.write(frame(TEXT, b"one") + pieces + frame(TEXT, b"two") + frame(TEXT, b"three"))
        await heard(reader)

    async with line(talk) as transport, asyncio.timeout(SOON):
        taker = Taker(holds=2)
        transport.attach(taker)
        there.set()
        await soon(lambda: len(taker.messages) == 2)
        await asyncio.sleep(0)
        assert taker.messages == [b"one", b"in pieces"]
        transport.resume()
        await soon(lambda: len(taker.messages) == 4)
        assert taker.messages[2:] == [b"two", b"three"]


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_close_that_came_behind_a_hold_is_the_reason(leaves: bool) -> None:
    """The receiver held before it; then the line went. It is told of all that came, and why."""
    there = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await there.wait()
        messages = b"".join(frame(TEXT, b"%d" % i) for i in range(5))
        writer.write(messages + frame(CLOSE, struct.pack("!H", 4000) + b"because"))
        if leaves:
            writer.close()

    async with line(talk) as transport, asyncio.timeout(SOON):
        taker = Taker(holds=1)
        transport.attach(taker)
        there.set()
        await soon(lambda: taker.messages)
        if leaves:
            transport.eof_received()  # type: ignore[attr-defined]  # as if it were still reading
        transport._socket.abort()  # type: ignore[union-attr]  # as if the line were cut
        await soon(lambda: transport.close_info)
        transport.resume()
        await soon(lambda: taker.end)
        assert taker.messages == [b"%d" % i for i in range(5)]
        assert taker.end == CloseInfo(4000, "because")


async def test_a_receiver_that_holds() -> None:
    """Nothing more comes, the peer has to wait, and the end is told last."""
    sent: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for i in range(400):
            writer.write(frame(BINARY, bytes(100_000)))
            await writer.drain()
            sent.append(i)
        writer.close()

    async with line(talk) as transport, asyncio.timeout(2 * SOON):
        taker = Taker(holds=3)
        transport.attach(taker)
        await soon(lambda: len(taker.messages) == 3)
        before = -1
        while len(sent) > before:  # until the peer is stuck
            before = len(sent)
            await asyncio.sleep(0.05)
        assert len(taker.messages) == 3
        assert len(sent) < 400
        transport.resume()
        await soon(lambda: taker.end)
        assert len(taker.messages) == 400
        assert taker.end == CloseInfo(1006)


async def test_the_end_waits_for_a_receiver_that_holds() -> None:
    """What came before the close is handed on before it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await count(writer, 5)
        writer.close()

    async with line(talk) as transport, asyncio.timeout(SOON):
        taker = Taker(holds=1)
        transport.attach(taker)
        await soon(lambda: taker.messages)
        transport._socket.abort()  # type: ignore[union-attr]  # as if the line were cut
        await soon(lambda: transport.close_info)
        assert taker.end is None
        transport.resume()
        await soon(lambda: taker.end)
        assert taker.messages[:1] == [b"0"]


async def test_a_reader_that_waits_pauses_the_peer_too() -> None:
    """`recv` takes them one by one; what it does not take stays in the socket."""
    sent: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for i in range(300):
            writer.write(frame(BINARY, bytes(100_000)))
            await writer.drain()
            sent.append(i)

    async with line(talk) as transport, asyncio.timeout(2 * SOON):
        before = -1
        while len(sent) > before:
            before = len(sent)
            await asyncio.sleep(0.05)
        assert len(sent) < 300
        for _ in range(300):
            assert len(await transport.recv()) == 100_000


async def test_handlers_run_in_the_context_they_were_attached_in() -> None:
    """A context variable has the value it had there, after every pause too."""
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")
    seen: set[str] = set()

    class Asking(Taker):
        def received(self, message: bytes) -> bool:
            seen.add(name.get())
            return super().received(message)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await count(writer, 200)

    name.set("me")
    async with line(talk) as transport, asyncio.timeout(SOON):
        taker = Asking(holds=20)
        transport.attach(taker)
        await soon(lambda: len(taker.messages) == 20)
        name.set("another")
        transport.resume()
        await soon(lambda: len(taker.messages) == 200)
    assert seen == {"me"}


# Sending


async def test_sending_at_once_while_there_is_room() -> None:
    """Long or short, masked, in order; a peer that does not read makes it decline."""
    got: list[bytes] = []
    read = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read.wait()
        while True:
            got.append((await heard(reader))[1])

    async with line(talk) as transport, asyncio.timeout(2 * SOON):
        sizes = [1, 125, 126, 1400, 70_000]
        for size in sizes:
            assert transport.send_now(b"m" * size)
        count = 0
        while transport.send_now(b"n" * 100_000):
            count += 1
        waiting = asyncio.create_task(transport.send(b"last"))
        await asyncio.sleep(0)
        assert not waiting.done()
        read.set()
        await waiting
        await soon(lambda: got and got[-1] == b"last")
        assert [len(one) for one in got[:5]] == sizes
        assert len(got) == 5 + count + 1


# Keep-alive


async def test_a_peer_that_answers_pings_stays() -> None:
    """Each ping has a payload of its own; one that is not ours is no answer."""
    pings: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, payload = await heard(reader)
            assert first == PING
            pings.append(payload)
            writer.write(frame(PONG, b"no") + frame(PONG, payload))

    async with line(talk) as transport, asyncio.timeout(SOON):
        hurry(transport, interval=0.01, timeout=1.0)
        await soon(lambda: len(pings) >= 5)
        assert transport.close_info is None
        assert len(set(pings)) == len(pings)


async def test_a_peer_that_answers_none_is_given_up() -> None:
    """With 1011, whether or not it reads our close."""
    told: list[tuple[int, bytes]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            told.append(await heard(reader))
            writer.write(frame(PONG, b"wrong") + frame(TEXT, b"alive"))

    async with line(talk, close_timeout=0.1) as transport:
        hurry(transport, interval=0.01, timeout=0.05)
        assert await closed(transport) == CloseInfo(1011, "keepalive ping timeout")
    assert [first for first, _ in told] == [PING, CLOSE]
    assert told[1][1] == struct.pack("!H", 1011) + b"keepalive ping timeout"


def hurry(transport: WebSocketTransport, *, interval: float, timeout: float) -> None:
    """Keep-alive in a test's time."""
    transport._ping_interval, transport._ping_timeout = interval, timeout
    assert transport._ping_timer is not None
    transport._ping_timer.cancel()
    transport._ping()


async def test_a_line_that_dies_in_the_handshake() -> None:
    """It answers, and is gone before anybody took over: that is told, and nothing hangs."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with line(talk, behind=frame(TEXT, b"last")) as transport:
        assert (await closed(transport)).code == 1006

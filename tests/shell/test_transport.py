"""The line itself: whole messages, and the truth about how it ended."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from realtime_raw.aio.transport import memory_pair
from realtime_raw.aio.websocket import WebSocketTransport
from realtime_raw.endpoint import Endpoint
from realtime_raw.errors import SessionLost
from realtime_raw.types import CloseInfo
from tests.shell.lines import SOON, dial, wild

pytestmark = pytest.mark.usefixtures("framing")


@asynccontextmanager
async def line(
    talk: Callable[[ServerConnection], Awaitable[None]], *, max_size: int = 2**20, close_timeout: float = 1.0
) -> AsyncIterator[WebSocketTransport]:
    """An open WebSocket to a server that does as `talk` says."""
    async with wild(talk) as url:
        transport = await dial(Endpoint.of(url), None, max_size=max_size, close_timeout=close_timeout)
        try:
            yield transport
        finally:
            await transport.close()


async def silent(server: ServerConnection) -> None:
    """Accept, and do nothing more until the client is gone."""
    await server.wait_closed()


async def ended(transport: WebSocketTransport) -> CloseInfo:
    """How the line ended, by the word of both verbs."""
    async with asyncio.timeout(SOON):
        with pytest.raises(SessionLost) as received:
            await transport.recv()
        with pytest.raises(SessionLost) as sent:
            await transport.send(b"{}")
    assert received.value.close == sent.value.close == transport.close_info
    assert received.value.expected == received.value.close.by_us
    return received.value.close


async def test_messages_both_ways() -> None:
    """Text goes out as text; text and binary come in as bytes, undecoded."""
    heard: list[str | bytes] = []

    async def talk(server: ServerConnection) -> None:
        heard.append(await server.recv())
        await server.send("ä")
        await server.send(b"\xff")
        await silent(server)

    async with line(talk) as transport:
        assert transport.close_info is None
        await transport.send('{"a":"ö"}'.encode())
        assert [await transport.recv(), await transport.recv()] == ["ä".encode(), b"\xff"]
    assert heard == ['{"a":"ö"}']


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4000, 4004])
async def test_closed_by_the_server(code: int) -> None:
    """Whatever the code, also those the library takes for a clean end, it is not ours."""

    async def talk(server: ServerConnection) -> None:
        await server.close(code, "its reason")

    async with line(talk) as transport:
        assert await ended(transport) == CloseInfo(code, "its reason")


async def test_closed_without_a_code() -> None:
    """A close frame that says nothing is 1005."""

    async def talk(server: ServerConnection) -> None:
        server.transport.write(Frame(Opcode.CLOSE, b"").serialize(mask=False))
        await silent(server)

    async with line(talk) as transport:
        assert await ended(transport) == CloseInfo(1005)


async def test_end_of_file_without_a_close_frame() -> None:
    """A cut line is 1006."""

    async def talk(server: ServerConnection) -> None:
        server.transport.abort()

    async with line(talk) as transport:
        assert await ended(transport) == CloseInfo(1006)


async def test_a_message_over_the_limit() -> None:
    """We give up with 1009, and it is not what we wanted."""

    async def talk(server: ServerConnection) -> None:
        await server.send("x" * 101)
        await silent(server)

    async with line(talk, max_size=100) as transport:
        close = await ended(transport)
        assert (close.code, close.by_us) == (1009, False)


async def test_what_was_sent_before_the_close_is_read() -> None:
    """An `error` and then a close: both arrive."""

    async def talk(server: ServerConnection) -> None:
        await server.send("last words")
        await server.close(3000, "no")

    async with line(talk) as transport:
        assert await transport.recv() == b"last words"
        assert (await ended(transport)).code == 3000


async def test_closing() -> None:
    """Ours, in good order; idempotent; both verbs say so afterwards."""
    async with line(silent) as transport:
        waiting = asyncio.create_task(transport.recv())
        await asyncio.sleep(0)
        await transport.close(1000, "done")
        await transport.close()
        with pytest.raises(SessionLost):
            await waiting
        assert await ended(transport) == CloseInfo(1000, "done", by_us=True)


async def test_the_server_was_first() -> None:
    """A close of ours that crosses the server's is still the server's."""

    async def talk(server: ServerConnection) -> None:
        await server.close(1001, "bye")

    async with line(talk) as transport:
        await asyncio.shield(transport._gone)
        await transport.close()
        assert await ended(transport) == CloseInfo(1001, "bye")


async def deaf(server: ServerConnection) -> None:
    """Never read again, not even the close frame."""
    server.transport.pause_reading()
    raw: socket.socket = server.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    await server.wait_closed()


async def test_closing_on_a_peer_that_never_answers() -> None:
    """The limit is the limit, whether the close frame gets out or not."""
    for stuffed in (False, True):
        async with wild(deaf) as url:
            transport = await dial(Endpoint.of(url), None, close_timeout=0.2)
            sending = asyncio.create_task(transport.send(b"x" * (16 << 20 if stuffed else 1)))
            await asyncio.sleep(0)
            began = time.monotonic()
            await transport.close()
            assert time.monotonic() - began < 0.6
            close = await ended(transport)
            assert (close.code, close.by_us) == (1006, True)
            await asyncio.wait_for(asyncio.wait({sending}), SOON)


async def test_cancelling_a_close_cuts_the_line() -> None:
    """Nothing is left half closed."""
    async with wild(deaf) as url:
        transport = await dial(Endpoint.of(url), None, close_timeout=10)
        closing = asyncio.create_task(transport.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert (await ended(transport)).code == 1006


async def test_memory_pair() -> None:
    """Both ways, in order, bytes or text; the end is seen by both, after what was sent before it."""
    ours, theirs = memory_pair()
    await ours.send(b"1")
    await ours.send("2")
    await theirs.send(b"3")
    assert [await theirs.recv(), await theirs.recv(), await ours.recv()] == [b"1", "2", b"3"]
    await ours.send(b"4")
    waiting = asyncio.create_task(ours.recv())
    await asyncio.sleep(0)
    await ours.close(1000, "done")
    await theirs.close(4000, "too late")
    theirs.abort()
    with pytest.raises(SessionLost):
        await waiting
    assert await theirs.recv() == b"4"
    for end, by_us in ((ours, True), (theirs, False)):
        assert end.close_info == CloseInfo(1000, "done", by_us)
        with pytest.raises(SessionLost) as caught:
            await end.recv()
        assert caught.value.expected == by_us
        with pytest.raises(SessionLost):
            await end.send(b"x")


async def test_memory_back_pressure() -> None:
    """A sender waits for room, and is woken by reading, or by the end."""
    ours, theirs = memory_pair(limit=1)
    await ours.send(b"1")
    for end in ("read", "cut"):
        sending = asyncio.create_task(ours.send(b"2"))
        await asyncio.sleep(0)
        assert not sending.done()
        if end == "read":
            assert await theirs.recv() == b"1"
            await sending
        else:
            theirs.abort()
            with pytest.raises(SessionLost) as caught:
                await sending
            assert caught.value.close.code == 1006

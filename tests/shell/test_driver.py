"""The engine room: leaving in time with nothing left, back-pressure, and lines that misbehave."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

import realtime_raw as rt
from realtime_raw import events as ev
from realtime_raw.aio.connect import Connecting
from realtime_raw.aio.connection import RealtimeConnection
from realtime_raw.aio.driver import HIGH_WATER, Driver
from realtime_raw.aio.transport import MemoryTransport, MessageTransport, memory_pair
from realtime_raw.devices.fake import FakeOutput
from realtime_raw.errors import DecodeError, SessionLost
from realtime_raw.events import items
from realtime_raw.protocol import signals
from realtime_raw.protocol.core import Options, RealtimeProtocol
from tests.protocol.harness import session as session_object
from tests.shell.lines import ENDPOINT, SOON, Peer, begin, held, soon, wild

# Leaving


async def deaf(server: ServerConnection) -> None:
    """Begin a session, then never read again, not even a close frame."""
    await begin(server)
    server.transport.pause_reading()
    raw: socket.socket = server.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await server.wait_closed()


@asynccontextmanager
async def timed(limit: float) -> AsyncIterator[None]:
    """What is inside takes no longer than this."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < limit


async def busy(conn: RealtimeConnection) -> None:
    """Everything at once: handlers, streams, waiters, more audio than the line takes."""

    @conn.on("*")
    async def handler(event: object) -> None:
        await asyncio.Event().wait()

    stream = conn.events()
    waiter = conn.wait_for(ev.ResponseDone)
    await conn.send(ev.ConversationItemCreate(item=items.user("x")))
    appending = asyncio.create_task(conn.append(bytes(200 * 48_000)))
    await soon(lambda: conn.health().outbox_bytes >= HIGH_WATER)
    appending.cancel()
    await asyncio.wait({appending})
    del stream, waiter


async def test_leaving_a_peer_that_never_answers() -> None:
    """Idle or in the middle of everything: 1.5 s at most."""
    async with wild(deaf) as url:
        for work in (False, True):
            async with rt.connect(url) as conn:
                if work:
                    await busy(conn)
                began = time.monotonic()
            assert time.monotonic() - began < 1.5
            assert conn.closed is not None
            assert conn.closed.by_us


class MineError(Exception):
    """The body's own."""


async def test_leaving_with_an_exception() -> None:
    """It comes through as it is, in time."""

    async def body() -> None:
        async with rt.connect(url) as conn:
            await busy(conn)
            raise MineError

    async with wild(deaf) as url, timed(2.0):
        with pytest.raises(MineError):
            await body()


async def test_leaving_by_cancellation() -> None:
    """Once: in time. Twice: at once. Either way the cancellation comes through, and no task is left."""
    async with wild(deaf) as url:
        for cancels in (1, 2):
            entered = asyncio.Event()

            async def body(entered: asyncio.Event) -> None:
                async with rt.connect(url):
                    entered.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(body(entered))
            await entered.wait()
            async with timed(1.5 if cancels == 1 else 0.5):
                for _ in range(cancels):
                    task.cancel()
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert task.cancelled()


async def test_a_timeout_around_the_session() -> None:
    """Becomes the `TimeoutError` it is."""
    async with wild(deaf) as url:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), rt.connect(url) as conn:
                await conn.wait_for(ev.ResponseDone)


async def test_leaving_a_peer_that_answers_is_quick() -> None:
    """No grace is waited for where nothing is under way."""
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url):
        began = time.monotonic()
    assert time.monotonic() - began < 0.2


async def test_what_was_sent_last_is_delivered() -> None:
    """Leaving right after a send does not swallow it."""
    async with held(limit=1) as (conn, peer):
        for i in range(5):
            await conn.send_raw({"type": "vendor.bye", "n": i})
        reading = asyncio.create_task(read_all(peer))
    assert [one["n"] for one in await reading] == [0, 1, 2, 3, 4]


async def test_a_peer_that_takes_nothing_is_left_in_time() -> None:
    """What it was to get is lost with the line."""
    async with timed(1.0), held(limit=1) as (conn, _):
        for i in range(5):
            await conn.send_raw({"type": "vendor.bye", "n": i})


async def read_all(peer: Peer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    try:
        while True:
            found.append(await peer.hear())
    except SessionLost:
        return found


async def test_a_handler_that_will_not_go_is_waited_for() -> None:
    """No task outlives the session, not even one that cleans up slowly, and not when cancelled again."""
    ended: list[str] = []

    async def body() -> None:
        async with held() as (conn, peer):

            @conn.on("vendor.a")
            async def tidy(event: object) -> None:
                try:
                    await asyncio.Event().wait()
                finally:
                    for _ in range(5):
                        try:
                            await asyncio.sleep(0.01)
                        except asyncio.CancelledError:
                            ended.append("cancelled again")
                    ended.append("tidy")

            begun = conn.wait_for("vendor.a", SOON)
            await peer.say("vendor.a")
            await begun
            raise MineError

    with pytest.raises(MineError):
        await body()
    assert ended == ["tidy"]
    ended.clear()
    task = asyncio.create_task(body())
    await asyncio.sleep(0.03)
    task.cancel()
    with pytest.raises((asyncio.CancelledError, MineError)):
        await task
    assert ended[-1] == "tidy"


async def test_closing_what_was_never_started() -> None:
    """Has nothing to wait for."""
    ours, _ = memory_pair()
    driver = Driver(ours, RealtimeProtocol())
    async with asyncio.timeout(SOON):
        await driver.close()
        await driver.finish(gently=True)


# Lines that misbehave


async def test_end_of_file_in_the_middle() -> None:
    """1006 for everyone who waits; leaving is quick and quiet."""

    async def talk(server: ServerConnection) -> None:
        await begin(server)
        await server.recv()
        server.transport.abort()

    async with wild(talk) as url, rt.connect(url) as conn:
        stream = conn.events(ev.ResponseDone)
        with pytest.raises(SessionLost) as caught:
            await conn.insert("x")
        assert caught.value.close.code == 1006
        with pytest.raises(SessionLost):
            await anext(stream)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4000])
async def test_a_close_nobody_asked_for(code: int) -> None:
    """Is a loss, whatever the code: 1001 is how a session dies of old age."""

    async def talk(server: ServerConnection) -> None:
        await begin(server)
        await server.recv()
        error = {"type": "invalid_request_error", "code": "session_expired", "message": "60 minutes"}
        await server.send(json.dumps({"type": "error", "error": error}))
        await server.close(code, "maximum duration")

    async with wild(talk) as url, rt.connect(url) as conn:
        lost = conn.wait_for(signals.ConnectionLost, SOON)
        error = conn.wait_for(ev.ErrorEvent, SOON)
        await conn.send_raw({"type": "vendor.go"})
        signal = await lost
        assert (signal.close.code, signal.expected) == (code, False)
        await error
        with pytest.raises(SessionLost, match=f"{code} maximum duration"):
            await conn.commit()


async def test_garbage_in_the_middle() -> None:
    """Text, binary, 10 MB, NaN, repeated keys, lone surrogates, deep nesting: counted, and on it goes."""
    garbage: list[str | bytes] = [
        "{",
        b"\x00\xff\xfe",
        b"x" * 10_000_000,
        json.dumps({"type": "vendor.large", "pad": "x" * 10_000_000}),
        '{"type":"response.done","n":NaN}',
        '{"type":"response.done","type":"error"}',
        '{"type":"x","s":"\\ud800"}',
        '{"type":"x","deep":' + "[" * 5000 + "]" * 5000 + "}",
        '{"type":"response.done","response":7}',
        '{"type":"response.output_audio.delta","delta":"%%%"}',
        '{"type":"response.created"}',
        '{"type":"error"}',
        "null",
    ]

    async def talk(server: ServerConnection) -> None:
        await begin(server)
        for data in garbage:
            await server.send(data)
        await server.send('{"type":"vendor.end"}')
        await server.wait_closed()

    async with wild(talk) as url, rt.connect(url) as conn:
        await conn.wait_for("vendor.end", SOON)
        core = conn.health().core
        assert core["received"] == len(garbage) + 3
        assert core["invalid_events"] == 9
        assert core["unknown_events"] == 2


async def test_a_message_over_max_size() -> None:
    """Ends the session with 1009, and says so."""

    async def talk(server: ServerConnection) -> None:
        await begin(server)
        await server.send("x" * 20_000)
        await server.wait_closed()

    async with wild(talk) as url, rt.connect(url, max_size=10_000) as conn:
        lost = await conn.wait_for(signals.ConnectionLost, SOON)
        assert lost.close.code == 1009
        assert not lost.expected


async def test_strict_mode_ends_with_the_breach() -> None:
    """Who waits learns the cause; who does not, at the end."""
    async with held(strict=True) as (conn, peer):
        waiting = asyncio.create_task(conn.insert("x"))
        await peer.hear()
        await peer.line.send(b"garbage")
        with pytest.raises(SessionLost) as caught:
            await waiting
        assert isinstance(caught.value.__cause__, DecodeError)
        assert caught.value.close.code == 1002
        assert conn.closed is not None
        await soon(lambda: peer.line.close_info)
        fatal, conn._driver.fatal = conn._driver.fatal, None
    assert isinstance(fatal, DecodeError)

    async def body() -> None:
        async with held(strict=True) as (conn, peer):
            lost = conn.wait_for(signals.ConnectionLost, SOON)
            await peer.line.send(b"garbage")
            await lost

    with pytest.raises(DecodeError):
        await body()


async def test_a_writer_that_breaks() -> None:
    """Whatever a line raises, the session ends and says why."""

    async def body() -> None:
        async with held() as (conn, _):

            async def broken(data: bytes | str) -> None:
                raise RuntimeError("the line is odd")

            transport = conn._driver._transport
            assert isinstance(transport, MemoryTransport)
            transport.send = broken  # type: ignore[method-assign]
            with pytest.raises(SessionLost) as caught:
                await conn.insert("x")
            assert str(caught.value.__cause__) == "the line is odd"

    with pytest.raises(RuntimeError, match="the line is odd"):
        await body()


async def test_a_keepalive_that_failed_says_who_stalled() -> None:
    """1011 after a minute's silence is most often our own loop's fault."""
    async with held() as (conn, peer):
        lag = conn._driver.lag
        lag._began -= 100
        lag.late(61.0, conn._driver.now)
        lag.handled("sleepy", 60.5)
        lost = conn.wait_for(signals.ConnectionLost, SOON)
        await peer.line.close(1011, "keepalive ping timeout")
        reason = (await lost).close.reason
        assert reason.startswith("keepalive ping timeout; the event loop stood still for 61.0 s")
        assert reason.endswith("in the handler sleepy")


# Sending


async def test_back_pressure() -> None:
    """A line that takes nothing holds `append` up at 256 KiB, and lets it go on when it takes again."""
    async with held(limit=1) as (conn, peer):
        appending = asyncio.create_task(conn.append(bytes(48_000 * 20)))
        await soon(lambda: conn.health().outbox_bytes >= HIGH_WATER)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not appending.done()
        assert conn.health().outbox_bytes < HIGH_WATER + 70_000
        sending = asyncio.create_task(conn.send(ev.InputAudioBufferClear()))
        raw = asyncio.create_task(conn.send_raw({"type": "vendor.x"}))
        await asyncio.sleep(0)
        assert not sending.done()
        size = 0
        while size < 48_000 * 20:
            size += len((await peer.hear()).get("audio", "")) * 3 // 4
        await asyncio.gather(appending, sending, raw)
        assert conn.health().outbox_high_water >= HIGH_WATER


async def test_the_cores_own_words_never_wait() -> None:
    """An interruption is not held up by audio that is."""
    async with held(limit=1) as (conn, peer):
        await asyncio.gather(conn.respond(), peer.create())
        appending = asyncio.create_task(conn.append(bytes(48_000 * 20)))
        await soon(lambda: conn.health().outbox_bytes >= HIGH_WATER)
        async with asyncio.timeout(SOON):
            await conn.interrupt()
        appending.cancel()
        kinds = [(await peer.hear())["type"]]
        while kinds[-1] == "input_audio_buffer.append":
            kinds.append((await peer.hear())["type"])
        assert kinds[-1] == "response.cancel"


async def test_waiting_for_room_ends_with_the_line() -> None:
    """And cancelling it sends nothing more."""
    async with held(limit=1) as (conn, peer):
        appending = asyncio.create_task(conn.append(bytes(48_000 * 20)))
        await soon(lambda: conn.health().outbox_bytes >= HIGH_WATER)
        doomed = asyncio.create_task(conn.send(ev.InputAudioBufferClear()))
        await asyncio.sleep(0)
        doomed.cancel()
        await asyncio.wait({doomed})
        await peer.line.close(1011)
        with pytest.raises(SessionLost):
            await appending


async def test_two_appends_do_not_mix() -> None:
    """Each is whole, though both had to wait."""
    async with held(limit=1) as (conn, peer):
        one = asyncio.create_task(conn.append(b"\x01\x01" * 240_000))
        two = asyncio.create_task(conn.append(b"\x02\x02" * 240_000))
        marks: list[str] = []
        while len(marks) < 20:
            marks.append((await peer.hear("input_audio_buffer.append"))["audio"][0])
        await asyncio.gather(one, two)
        assert marks == sorted(marks)


# Time


async def test_the_session_says_when_it_nears_its_end() -> None:
    """From `expires_at`, by the one timer."""
    ours, theirs = memory_pair()
    peer = Peer(theirs)

    async def open_line(key: str | None) -> MessageTransport:
        return ours

    async def server() -> None:
        soon_over = session_object(expires_at=time.time() + 300.5)
        await peer.say("session.created", session=soon_over)
        heard = await peer.hear("session.update")
        assert heard
        soon_over["audio"]["input"]["turn_detection"] = None
        await peer.say("session.updated", session=soon_over)

    core = RealtimeProtocol(options=Options())
    opening = asyncio.create_task(server())
    async with Connecting(ENDPOINT, core, open_line) as conn:
        await opening
        expiring = await conn.wait_for(signals.SessionExpiring, SOON)
        assert 295 < expiring.expires_in_s <= 300


async def test_playback_is_watched_by_the_same_timer() -> None:
    """`playback.finished` comes when the last sample was pulled, not when it was generated."""
    async with rt.loopback.LoopbackServer(speed=1000) as server, rt.connect(server.url) as conn:
        sink = FakeOutput()
        conn.attach(sink=sink)
        finished = conn.wait_for(signals.PlaybackFinished, SOON)
        await conn.insert("Hello")
        reply = await conn.respond()
        await reply.done()
        sink.advance(60)
        assert (await finished).item_id in reply.record.item_ids


# The journal


class Failing(io.BytesIO):
    """A disk that fills up."""

    room = 4

    def write(self, data: Any) -> int:
        self.room -= 1
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return super().write(data)


async def test_a_journal_that_fails_does_not_end_the_call() -> None:
    """One warning, and the call goes on unrecorded."""
    stream = Failing()
    warnings: list[signals.ProtocolWarning] = []
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url, journal=stream) as conn:
        conn.on(signals.ProtocolWarning)(warnings.append)
        await conn.insert("one")
        await conn.insert("two")
        await soon(lambda: warnings)
    assert [one.rule for one in warnings] == ["journal"]
    assert "No space left on device" in warnings[0].detail
    assert stream.getvalue().count(b"\n") == 4


async def test_a_journal_closed_by_its_owner() -> None:
    """Is no reason to die either."""
    stream = io.StringIO()
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url, journal=stream) as conn:
        warning = conn.wait_for(signals.ProtocolWarning, SOON)
        stream.close()
        await conn.insert("x")
        assert (await warning).rule == "journal"


# What must not be swallowed


async def interrupted(kind: type[BaseException], how: str) -> None:
    async with held() as (conn, peer):

        def handler(event: object) -> None:
            raise kind

        async def async_handler(event: object) -> None:
            raise kind

        conn.on("vendor.a")(handler if how == "sync" else async_handler)
        await peer.say("vendor.a")
        await conn.wait_for("vendor.never", SOON)


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_interrupts_end_the_program(kind: type[BaseException], how: str) -> None:
    """A handler is no place where Ctrl-C gets lost."""
    with pytest.raises(kind), asyncio.Runner() as runner:
        runner.run(interrupted(kind, how))


async def test_a_reader_that_is_cancelled_is_a_loss() -> None:
    """A sync handler that raises `CancelledError` ends the reader, and everyone learns of it."""
    async with held() as (conn, peer):

        def handler(event: object) -> None:
            raise asyncio.CancelledError

        conn.on("vendor.a")(handler)
        await peer.say("vendor.a")
        with pytest.raises(SessionLost):
            await conn.wait_for("vendor.never", SOON)


async def test_observers_come_and_go() -> None:
    """They are told before handlers, of what they asked for, until they are told no more."""
    told: list[str] = []

    async with held() as (conn, peer):
        conn.on("vendor.a")(lambda event: told.append("handler"))
        ignore = conn._driver.observe(
            lambda kind: (
                (lambda event, now: told.append("observer"),) if kind is ev.UnknownServerEvent else ()
            )
        )
        for left in (False, True):
            if left:
                ignore()
            waiter = conn.wait_for("vendor.a", SOON)
            await peer.say("vendor.a")
            await waiter
    assert told == ["observer", "handler", "handler"]


async def test_sound_is_made_into_events_for_who_asks() -> None:
    """For nobody, and for both kinds; who subscribes to the second on the first gets it of the same piece."""
    seen: list[str] = []
    events: list[ev.ResponseOutputAudioDelta] = []

    async with held() as (conn, peer):
        creating = asyncio.create_task(peer.create())
        reply = await conn.respond()
        await creating

        async def piece() -> None:
            done = conn.wait_for("vendor.done", SOON)
            ids = {"response_id": "resp_1", "item_id": "i", "output_index": 0, "content_index": 0}
            await peer.say("response.output_audio.delta", **ids, delta="AAAAAAAA")
            await peer.say("vendor.done")
            await done

        def second(signal: signals.AudioReceived) -> None:
            seen.append(f"{signal.name} {signal.cause is events[-1]}")

        await piece()

        @conn.on("response.output_audio.delta")
        def first(event: ev.ResponseOutputAudioDelta) -> None:
            seen.append(event.type)
            events.append(event)
            if len(seen) == 1:
                conn.on(signals.AudioReceived)(second)

        await piece()
        await piece()
        assert seen == ["response.output_audio.delta", "audio.received True"] * 2
        await peer.done()
        await reply.done()
        assert sum([len(block) async for block in reply.audio()]) == 9

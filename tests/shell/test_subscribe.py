"""Delivery: who sees what and when, who may be slow, and who hears of a failure."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from realtime_raw import events as ev
from realtime_raw.aio.connection import RealtimeConnection
from realtime_raw.aio.subscribe import EventStream, Waiter
from realtime_raw.errors import LocalProtocolError, SessionLost
from realtime_raw.protocol import signals
from realtime_raw.types import CloseInfo
from tests.shell.lines import SOON, Peer, held, soon

OURS = CloseInfo(1000, by_us=True)


async def tell(peer: Peer, *names: str) -> None:
    """Events nobody knows, by these names."""
    for name in names:
        await peer.say(f"vendor.{name}")


@asynccontextmanager
async def failing(
    **options: Any,
) -> AsyncIterator[tuple[RealtimeConnection, Peer, list[ExceptionGroup[Exception]]]]:
    """An open session whose handlers fail; the group raised on leaving it is put into the list."""
    groups: list[ExceptionGroup[Exception]] = []
    try:
        async with held(**options) as (conn, peer):
            yield conn, peer, groups
    except ExceptionGroup as group:
        groups.append(group)
    assert len(groups) == 1


# Handlers


async def test_a_handler_sees_the_state_after_its_event() -> None:
    """Applied first, told second; sent events and signals are seen too."""
    seen: list[str] = []
    async with held() as (conn, peer):

        @conn.on(ev.ConversationItemAdded)
        def added(event: ev.ConversationItemAdded) -> None:
            assert event.item is not None
            assert event.item.id is not None
            assert conn.history.item(event.item.id) is not None
            seen.append("added")

        conn.on("conversation.item.create")(lambda event: seen.append("sent"))
        conn.on("command.confirmed")(lambda event: seen.append("confirmed"))
        inserting = asyncio.create_task(conn.insert("x"))
        heard = await peer.hear()
        await peer.say("conversation.item.added", previous_item_id=None, item=heard["item"])
        await inserting
        assert seen == ["sent", "added", "confirmed"]
        added.off()


async def test_bytes_are_handed_over_before_any_handler_runs() -> None:
    """What the core answers does not wait for user code."""
    outboxes: list[int] = []
    async with held() as (conn, peer):
        await asyncio.gather(conn.respond(), peer.create())
        held_up = asyncio.create_task(conn.respond())
        await asyncio.sleep(0)
        conn.on(ev.ResponseDone)(lambda event: outboxes.append(conn.health().outbox_bytes))
        await peer.done()
        await peer.create("resp_2")
        await held_up
    assert outboxes[0] > 0


async def test_async_handlers_are_fifo_and_do_not_hold_up_the_rest() -> None:
    """One event after the other, each handler by itself, while the reader goes on."""
    gate = asyncio.Event()
    slow: list[str] = []
    quick: list[str] = []
    async with held() as (conn, peer):

        @conn.on(ev.UnknownServerEvent)
        async def waits(event: ev.UnknownServerEvent) -> None:
            await gate.wait()
            slow.append(event.type)

        conn.on(ev.UnknownServerEvent)(lambda event: quick.append(event.type))
        await tell(peer, "a", "b", "c")
        await soon(lambda: len(quick) == 3)
        assert slow == []
        await soon(lambda: conn.health().events["queued"] == 2)
        assert conn.health().events == {"queued": 2, "high_water": 3, "dropped": 0}
        gate.set()
        await soon(lambda: len(slow) == 3)
        assert slow == quick


async def test_a_burst_starves_nobody() -> None:
    """A thousand messages at once: a handler with room for 256 keeps up, as the reader lets it run."""
    seen: list[str] = []
    async with held(limit=2000) as (conn, peer):

        @conn.on(ev.UnknownServerEvent)
        async def handler(event: ev.UnknownServerEvent) -> None:
            seen.append(event.type)

        await tell(peer, *map(str, range(1000)))
        await soon(lambda: len(seen) == 1000)


async def test_a_failing_handler_stops_nothing() -> None:
    """The others run, the call goes on; reported at once, and again at the end."""
    seen: list[str] = []
    failures: list[signals.HandlerFailed] = []
    async with failing() as (conn, peer, groups):

        @conn.on("vendor.a")
        def breaks(event: object) -> None:
            raise ValueError("sync")

        @conn.on("vendor.a")
        async def breaks_later(event: object) -> None:
            raise ValueError("async")

        async def coroutine() -> None:
            raise ValueError("lambda")

        conn.on("vendor.a")(lambda event: coroutine())
        conn.on("vendor.a")(lambda event: seen.append("ran"))
        conn.on(signals.HandlerFailed)(failures.append)
        await tell(peer, "a")
        await soon(lambda: len(failures) == 3)
        assert seen == ["ran"]
        await tell(peer, "b")
        await conn.wait_for("vendor.b", SOON)
        assert conn.health().handler_failures == 3
    assert sorted(str(exc) for exc in groups[0].exceptions) == ["async", "lambda", "sync"]
    assert sorted(str(one.error) for one in failures) == ["async", "lambda", "sync"]
    assert failures[0].handler.endswith("breaks")


async def test_what_a_handler_brings_about_comes_behind() -> None:
    """An event reaches all its handlers before the next one reaches any."""
    seen: list[str] = []
    async with failing() as (conn, peer, _):
        conn.on(signals.HandlerFailed)(lambda event: seen.append("failed"))
        conn.on("vendor.a")(lambda event: [][0])
        conn.on("vendor.a")(lambda event: seen.append("a"))
        await tell(peer, "a")
        await soon(lambda: len(seen) == 2)
    assert seen == ["a", "failed"]


async def test_a_handler_of_failures_that_fails() -> None:
    """Is not told of its own failure, and so on for ever."""
    calls = 0
    async with failing() as (conn, peer, groups):

        @conn.on("*")
        def breaks(event: Any) -> None:
            nonlocal calls
            calls += 1
            raise ValueError("again")

        @conn.on("*")
        async def breaks_later(event: Any) -> None:
            raise ValueError("and again")

        await tell(peer, "a")
        await soon(lambda: conn.health().handler_failures >= 6)
        breaks.off()
        breaks_later.off()
        assert calls <= 4
    assert len(groups[0].exceptions) <= 8


async def test_many_failures_are_counted_and_some_kept() -> None:
    """A handler that always fails must not fill the memory."""
    async with failing() as (conn, peer, groups):

        @conn.on("vendor.a")
        def breaks(event: object) -> None:
            raise ValueError("again")

        await tell(peer, *["a"] * 40)
        await soon(lambda: conn.health().handler_failures == 40)
    assert len(groups[0].exceptions) == 32
    assert groups[0].__notes__ == ["and 8 more"]


async def test_the_bodys_own_exception_comes_first() -> None:
    """A failure of a handler does not stand before it."""

    async def body() -> None:
        async with held() as (conn, peer):
            conn.on("vendor.a")(lambda event: [][0])
            await tell(peer, "a")
            await soon(lambda: conn.health().handler_failures)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await body()


async def test_abort_ends_the_session_at_the_first_failure() -> None:
    """For tests: whoever waits is woken, and what failed is what is raised."""
    async with failing(on_handler_error="abort") as (conn, peer, groups):
        conn.on("vendor.a")(lambda event: [][0])
        reply, _ = await asyncio.gather(conn.respond(), peer.create())
        await tell(peer, "a")
        await reply.done()
    assert [type(exc) for exc in groups[0].exceptions] == [IndexError]


async def test_abort_lets_another_exception_through() -> None:
    """If the body failed by itself."""

    async def body() -> None:
        async with held(on_handler_error="abort") as (conn, peer):
            conn.on("vendor.a")(lambda event: [][0])
            lost = conn.wait_for("connection.lost", SOON)
            await tell(peer, "a")
            await lost
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await body()


async def test_cancellation_is_not_a_failure() -> None:
    """A handler that is under way when the session is left is cancelled, after a moment's grace."""
    ended: list[str] = []
    async with held() as (conn, peer):

        @conn.on("vendor.a")
        async def forever(event: object) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

        @conn.on("connection.lost")
        async def last(event: object) -> None:
            await asyncio.sleep(0)
            ended.append("lost")

        await tell(peer, "a")
        await conn.wait_for("vendor.a", SOON)
    assert ended == ["lost", "cancelled"]


async def test_an_async_handler_that_falls_behind() -> None:
    """Fails once for it, misses events, and works again when it has caught up."""
    gate = asyncio.Event()
    seen: list[str] = []
    async with failing(limit=2000) as (conn, peer, groups):

        @conn.on(ev.UnknownServerEvent)
        async def handler(event: ev.UnknownServerEvent) -> None:
            await gate.wait()
            seen.append(event.type)

        await tell(peer, *map(str, range(300)), "end")
        await conn.wait_for("vendor.end", SOON)
        gate.set()
        await soon(lambda: len(seen) == 257)
        await tell(peer, "later")
        await soon(lambda: len(seen) == 258)
        assert seen[-1] == "vendor.later"
        gate.clear()
        again = conn.wait_for("vendor.end", SOON)
        await tell(peer, *map(str, range(300)), "end")
        await again
        gate.set()
    assert len(groups[0].exceptions) == 2
    assert all("fell 256 events behind" in str(failure) for failure in groups[0].exceptions)


async def test_closing_from_a_handler() -> None:
    """Sync or async, once or twice: no deadlock, and the iteration of the body ends silently."""
    async with held() as (conn, peer):

        @conn.on("vendor.a")
        async def closes(event: object) -> None:
            await conn.close()
            await conn.close()

        conn.on("vendor.a")(lambda event: conn.close())
        await tell(peer, "a")
        async with asyncio.timeout(SOON):
            assert [event.type async for event in conn.events(ev.UnknownServerEvent)] == ["vendor.a"]


async def test_a_handler_in_the_middle_of_a_verb_when_we_leave() -> None:
    """Learns that the session was closed, and that is no failure; that it was lost, is one."""
    begun: list[str] = []

    async def body(close: bool) -> None:
        async with held() as (conn, peer):

            @conn.on("vendor.a")
            async def asks(event: object) -> None:
                begun.append("asked")
                await conn.insert("x")

            await tell(peer, "a")
            await soon(lambda: begun)
            await asyncio.sleep(0)
            if not close:
                lost = conn.wait_for("connection.lost", SOON)
                await peer.line.close(1001)
                await lost

    await body(close=True)
    with pytest.raises(ExceptionGroup):
        await body(close=False)


async def test_unsubscribing_in_a_handler() -> None:
    """Once is once."""
    calls: list[object] = []
    async with held() as (conn, peer):

        @conn.on("vendor.a")
        def once(event: object) -> None:
            calls.append(event)
            once.off()

        await tell(peer, "a", "a", "b")
        await conn.wait_for("vendor.b", SOON)
        assert len(calls) == 1


# Streams


async def test_a_stream_collects_from_when_it_is_made() -> None:
    """Whatever happens before the first read is there."""
    async with held() as (conn, peer):
        stream = conn.events("vendor.a", "vendor.b")
        everything = conn.events()
        await tell(peer, "a", "x", "b")
        await conn.wait_for("vendor.b", SOON)
        assert [(await anext(stream)).type, (await anext(stream)).type] == ["vendor.a", "vendor.b"]
        assert (await anext(everything)).type == "vendor.a"
        assert stream.statistics() == {"queued": 0, "high_water": 2, "dropped": 0}


async def test_a_stream_and_the_line() -> None:
    """Loss is raised after what was queued, again for each stream; our own close ends it silently."""
    async with held() as (conn, peer):
        stream = conn.events(ev.UnknownServerEvent)
        waiting = asyncio.ensure_future(anext(conn.events("vendor.never")))
        await tell(peer, "a")
        await peer.line.close(1001, "gone")
        assert (await anext(stream)).type == "vendor.a"
        for lost in (anext(stream), waiting, anext(conn.events())):
            with pytest.raises(SessionLost) as caught:
                await lost
            assert caught.value.close.code == 1001
    async with held() as (conn, _):
        endings = conn.events(signals.ConnectionLost)
        await conn.close()
        assert [event.expected async for event in endings] == [True]
        assert [event async for event in conn.events()] == []


async def test_a_stream_left_with_break_costs_nothing_more() -> None:
    """Nobody has to close it."""
    async with held() as (conn, peer):
        await tell(peer, "a")
        async for _ in conn.events("vendor.a"):
            break
        gc.collect()
        assert list(conn._driver.registry) == []
        async with conn.events("vendor.a") as stream:
            assert len(list(conn._driver.registry)) == 1
        assert list(conn._driver.registry) == []
        assert [event async for event in stream] == []


async def test_a_stream_dropped_by_a_handler_of_the_same_event() -> None:
    """It is gone before its turn comes."""
    async with held() as (conn, peer):
        kept: list[object] = []
        conn.on("vendor.a")(lambda event: kept.clear())
        kept.append(conn.events("vendor.a"))
        seen = conn.wait_for("vendor.a", SOON)
        await tell(peer, "a")
        await seen


async def test_cancelling_a_read_loses_nothing() -> None:
    """The event stays for the next one."""
    async with held() as (conn, peer):
        stream = conn.events("vendor.a")
        reading = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait({reading})
        await tell(peer, "a")
        async with asyncio.timeout(SOON):
            assert (await anext(stream)).type == "vendor.a"


def filled(stream: EventStream[Any], *events: Any) -> None:
    for event in events:
        stream.push(event)


WHOLE = ev.ResponseDone(type="response.done")
PIECE = ev.ResponseOutputTextDelta(type="response.output_text.delta")
SENT = ev.InputAudioBufferAppend(audio="AAAA")
SOUND = signals.AudioReceived(response_id="r", item_id="i", content_index=0, pcm=b"", encoding="audio/pcm")


def never_slow(limit: int) -> None:
    pytest.fail("nobody was slow")


async def test_overflow_raise() -> None:
    """What fitted is read, then the reader is told; it is unsubscribed meanwhile."""
    ended: list[str] = []
    stream: EventStream[Any] = EventStream(2, "raise", on_slow=never_slow)
    stream.opened(lambda: ended.append("off"))
    filled(stream, WHOLE, PIECE, WHOLE, WHOLE)
    assert ended == ["off"]
    assert [await anext(stream), await anext(stream)] == [WHOLE, PIECE]
    for _ in range(2):
        with pytest.raises(LocalProtocolError, match="fell 2 events behind"):
            await anext(stream)


async def test_overflow_drop_deltas() -> None:
    """Pieces go, the oldest first; the whole stays; only wholes that do not fit are an overflow."""
    stream: EventStream[Any] = EventStream(3, "drop_deltas", on_slow=never_slow)
    filled(stream, WHOLE, PIECE, SENT, SOUND, PIECE)
    assert stream.statistics() == {"queued": 3, "high_water": 3, "dropped": 2}
    filled(stream, WHOLE, WHOLE, PIECE)
    assert stream.statistics() == {"queued": 3, "high_water": 3, "dropped": 5}
    assert [await anext(stream) for _ in range(3)] == [WHOLE] * 3
    filled(stream, WHOLE, WHOLE, WHOLE, WHOLE)
    assert [await anext(stream) for _ in range(3)] == [WHOLE] * 3
    with pytest.raises(LocalProtocolError, match="behind"):
        await anext(stream)


async def test_overflow_block() -> None:
    """Nothing is lost, nobody waits, and somebody is warned, once per crossing."""
    warned: list[int] = []
    stream: EventStream[Any] = EventStream(2, "block", on_slow=warned.append)
    filled(stream, *[PIECE] * 10)
    assert [await anext(stream) for _ in range(10)] == [PIECE] * 10
    assert warned == [2]


async def test_a_slow_reader_is_named_in_a_warning() -> None:
    """As a signal, for whoever watches."""
    async with held() as (conn, peer):
        stream = conn.events("vendor.a", limit=1, overflow="block")
        warning = conn.wait_for(signals.ProtocolWarning, SOON)
        await tell(peer, "a", "a")
        assert (await warning).rule == "slow_subscriber"
        assert stream.statistics()["queued"] == 2


@pytest.mark.parametrize(("options", "words"), [({"limit": 0}, "holds none"), ({"overflow": "x"}, "unknown")])
async def test_streams_that_make_no_sense(options: Any, words: str) -> None:
    """Refused when asked for; so are kinds that never come."""
    async with held() as (conn, _):
        with pytest.raises(LocalProtocolError, match=words):
            conn.events(**options)
        with pytest.raises(LocalProtocolError, match="did you mean"):
            conn.events("respose.done")
        with pytest.raises(LocalProtocolError, match="did you mean"):
            conn.wait_for("respose.done")


# Waiters


async def test_wait_for() -> None:
    """The first that fits, also when it came between making and awaiting it."""
    async with held() as (conn, peer):
        waiter = conn.wait_for(ev.UnknownServerEvent, where=lambda event: event.type == "vendor.b")
        await tell(peer, "a", "b", "c")
        await conn.wait_for("vendor.c", SOON)
        async with asyncio.timeout(SOON):
            assert (await waiter).type == "vendor.b"
            assert (await waiter).type == "vendor.b"
        assert list(conn._driver.registry) == []
        waiter.push(ev.UnknownServerEvent(type="vendor.b"))


async def test_wait_for_times_out() -> None:
    """From the await on; the message says for what. Other timeouts are not taken for its own."""
    async with held() as (conn, peer):
        with pytest.raises(TimeoutError, match=r"no ResponseDone within 0\.01 s"):
            await conn.wait_for(ev.ResponseDone, timeout=0.01)
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.01):
                await conn.wait_for(ev.ResponseDone, timeout=60)
        assert "ResponseDone" not in str(caught.value)

        def late(event: object) -> bool:
            raise TimeoutError("the condition was slow")

        waiter = conn.wait_for("vendor.a", timeout=SOON, where=late)
        await tell(peer, "a")
        with pytest.raises(TimeoutError, match="the condition was slow"):
            await waiter


async def test_wait_for_and_the_line() -> None:
    """Loss wakes it; afterwards it raises at once. `connection.lost` itself is an event that comes."""
    async with held() as (conn, peer):
        waiting = asyncio.ensure_future(conn.wait_for(ev.ResponseDone)._wait())
        lost = conn.wait_for("connection.lost")
        await asyncio.sleep(0)
        await peer.line.close(1011)
        with pytest.raises(SessionLost):
            await waiting
        assert (await lost).close.code == 1011
        with pytest.raises(SessionLost):
            await conn.wait_for(ev.ResponseDone)


async def test_a_condition_that_fails() -> None:
    """Is the waiter's failure, not a handler's."""
    async with held() as (conn, peer):
        waiter = conn.wait_for(ev.UnknownServerEvent, where=lambda event: event.nothing)  # type: ignore[attr-defined]  # the point
        await tell(peer, "a", "b")
        with pytest.raises(AttributeError):
            await waiter
    waiter_alone: Waiter[Any] = Waiter("x")
    waiter_alone.finish(lambda: SessionLost(OURS, expected=True))
    with pytest.raises(SessionLost) as caught:
        await waiter_alone
    assert caught.value.expected


async def test_a_dropped_waiter_is_forgotten() -> None:
    """Made and never awaited."""
    async with held() as (conn, _):
        waiter = conn.wait_for(ev.ResponseDone)
        assert len(list(conn._driver.registry)) == 1
        del waiter
        gc.collect()
        assert list(conn._driver.registry) == []


# Slow handlers


async def test_what_observers_take_is_no_handlers_fault() -> None:
    """They are told first, and a handler's time begins with itself."""
    async with held() as (conn, peer):
        quick: list[object] = []
        conn.on("vendor.a")(quick.append)

        def slow(event: object, now: float) -> None:
            time.sleep(0.05)

        conn._driver.observe(lambda kind: (slow,) if kind is ev.UnknownServerEvent else ())
        await tell(peer, "a")
        await soon(lambda: quick)
        assert conn.health().slowest_handler_ms < 50


async def test_a_slow_handler_is_named() -> None:
    """With how long it took."""
    async with held() as (conn, peer):

        @conn.on("vendor.a")
        def sleepy(event: object) -> None:
            time.sleep(0.05)

        await tell(peer, "a")
        # On a busy machine another one may have been interrupted for a while before.
        await soon(lambda: str(conn.health().slowest_handler).endswith("sleepy"))
        assert conn.health().slowest_handler_ms >= 50

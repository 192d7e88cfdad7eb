"""A WebSocket as a line: how it opens, what it records, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
import pytest_asyncio

from realtime_raw.conformance.lines import Answer, Knock, Line, LineClosed, Tape
from realtime_raw.conformance.live import LiveCaller
from realtime_raw.endpoint import Endpoint
from realtime_raw.errors import ConnectFailed
from realtime_raw.loopback import LoopbackServer, murmur_speaker

KEY = "sk-right-0123456789abcdef"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[LoopbackServer]:
    async with LoopbackServer(keys=[KEY], speaker=murmur_speaker()) as server:
        yield server


async def call(server: LoopbackServer, knock: Knock, tape: Tape | None = None) -> Answer:
    """One knock at a server."""
    return await LiveCaller(Endpoint.of(server.url), KEY).call(knock, tape if tape is not None else Tape())


async def first(answer: Answer) -> str:
    """The type of the first message; closes the line."""
    assert answer.line is not None
    data = await answer.line.recv(5.0)
    await answer.line.close()
    return str(orjson.loads(data or b"{}")["type"])


@pytest.mark.parametrize(
    ("url", "knock", "wanted"),
    [
        ("ws://127.0.0.1/v1/realtime", Knock(), "ws://127.0.0.1/v1/realtime?model=m"),
        ("ws://127.0.0.1/v1/realtime?model=mine", Knock(), "ws://127.0.0.1/v1/realtime?model=mine"),
        (
            "ws://127.0.0.1/v1/realtime?key=k&model=x",
            Knock(model="y"),
            "ws://127.0.0.1/v1/realtime?key=k&model=y",
        ),
        ("ws://127.0.0.1/v1/realtime", Knock(model=None), "ws://127.0.0.1/v1/realtime"),
        (
            "ws://127.0.0.1/v1/realtime",
            Knock(kind="transcription"),
            "ws://127.0.0.1/v1/realtime?intent=transcription",
        ),
        (
            "ws://127.0.0.1/v1/realtime",
            Knock(kind="translation"),
            "ws://127.0.0.1/v1/realtime/translations?model=t",
        ),
        ("ws://127.0.0.1/x/", Knock(path="/none", query=(("a", "b"),)), "ws://127.0.0.1/x/none?model=m&a=b"),
    ],
)
def test_where_a_knock_goes(url: str, knock: Knock, wanted: str) -> None:
    """The path and the parameters of its kind; the user's own stay."""
    caller = LiveCaller(Endpoint.of(url), None, model="m", translation_model="t")
    assert caller.url(knock) == wanted


async def test_each_kind_of_session_opens(server: LoopbackServer) -> None:
    """A conversation, a transcription, a translation; with the key in a header or a subprotocol."""
    for kind in ("realtime", "transcription", "translation"):
        answer = await call(server, Knock(kind=kind))
        assert (answer.status, await first(answer)) == (101, "session.created")
    answer = await call(server, Knock(place="subprotocol"))
    assert (answer.subprotocol, await first(answer)) == ("realtime", "session.created")


async def test_wrong_keys_are_wrong(server: LoopbackServer) -> None:
    """Refused in-band; without one, by HTTP, whose words are kept."""
    assert await first(await call(server, Knock(key="wrong"))) == "error"
    tape = Tape()
    answer = await call(server, Knock(key="none"), tape)
    assert (answer.status, answer.line) == (401, None)
    assert "Missing bearer" in answer.body
    assert tape.lines[-1].m["answer"]["status"] == 401
    assert (await call(server, Knock(place="both"))).status == 400


async def test_a_line_records_both_ways_and_its_end(server: LoopbackServer) -> None:
    """Messages, binary ones, and the close with who began it."""
    tape = Tape()
    answer = await call(server, Knock(), tape)
    line = answer.line
    assert line is not None
    await line.recv(5.0)
    await line.send(b"\x00", binary=True)
    assert orjson.loads(await line.recv(5.0) or b"")["error"]["code"] == "invalid_event"
    assert await line.recv(0.01) is None
    await line.close()
    await line.close()
    with pytest.raises(LineClosed):
        await line.recv(1.0)
    with pytest.raises(LineClosed):
        await line.send(b"{}")
    closed = [each.m["closed"] for each in tape.lines if each.d == "note" and "closed" in each.m]
    assert [(each["code"], each["by_us"]) for each in closed] == [(1000, True)]
    assert [each.d for each in tape.lines if each.d != "note"] == ["in", "out", "in", "out"]


@pytest.mark.parametrize(("fault", "code"), [("close_1011", 1011), ("close_1006", 1006), ("binary", None)])
async def test_what_the_server_does_to_a_line(fault: str, code: int | None) -> None:
    """A close with its code, a cut without one, a binary message."""
    async with LoopbackServer(faults=[f"{fault}@event=session.updated"]) as server:
        tape = Tape()
        line = (await call(server, Knock(), tape)).line
        assert line is not None
        await line.send(b'{"type":"session.update","session":{"type":"realtime"}}')
        assert await _ended(line) == code
        await line.close()
        assert any("binary" in each.m for each in tape.lines if each.d == "note") == (fault == "binary")


async def _ended(line: Line) -> int | None:
    """The code of the close, if there is one soon."""
    try:
        while await line.recv(0.5) is not None:
            pass
    except LineClosed as exc:
        return exc.close.code
    return None


async def test_nobody_there() -> None:
    """A reason, and no key in it."""
    caller = LiveCaller(Endpoint.of("ws://127.0.0.1:9/v1/realtime"), KEY)
    with pytest.raises(ConnectFailed, match="nothing listens") as caught:
        await caller.call(Knock(), Tape())
    assert caught.value.__context__ is None
    assert KEY not in str(caught.value)


async def test_cancelling_a_wait_loses_nothing(server: LoopbackServer) -> None:
    """The message is there the next time."""
    answer = await call(server, Knock())
    line = answer.line
    assert line is not None
    waiting = asyncio.create_task(line.recv(5.0))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await line.recv(5.0) is not None
    await line.close()

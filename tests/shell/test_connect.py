"""connect(): ready when it returns, or a reason; the key where it belongs; nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

import realtime_raw as rt
from realtime_raw.aio.connect import Connecting
from realtime_raw.aio.frames import FastTransport
from realtime_raw.aio.reading import LibraryTransport
from realtime_raw.aio.transport import MessageTransport, memory_pair
from realtime_raw.errors import ConnectFailed, InvalidCommand, LocalProtocolError
from realtime_raw.journal import read_journal
from realtime_raw.protocol.core import Options, RealtimeProtocol
from tests.protocol.harness import session as session_object
from tests.shell.lines import ENDPOINT, SOON, Peer, begin, raw, soon, wild

pytestmark = pytest.mark.usefixtures("framing")

KEY = "sk-secret-abcdefghijklmnop"
MANUAL: dict[str, Any] = {"audio__input__turn_detection": None}


async def say(server: ServerConnection, type_: str, **fields: Any) -> None:
    await server.send(json.dumps({"type": type_, "event_id": "event_s", **fields}))


async def refuse(server: ServerConnection, code: str, message: str = "No.", **fields: Any) -> None:
    error = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
    await say(server, "error", error={**error, "event_id": None, **fields})


async def fails(url: str | rt.Endpoint, **options: Any) -> ConnectFailed:
    """Why connecting fails."""
    with pytest.raises(ConnectFailed) as caught:
        async with asyncio.timeout(SOON), rt.connect(url, **options):
            pytest.fail("it was entered")
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return caught.value


async def asked_at(
    talk: Callable[[ServerConnection], Awaitable[None]] = begin, **options: Any
) -> tuple[str, str | None]:
    """The path a connect asks for, and the key it shows."""
    seen: list[tuple[str, str | None]] = []

    async def note(server: ServerConnection) -> None:
        assert server.request is not None
        seen.append((server.request.path, server.request.headers.get("Authorization")))
        await talk(server)
        await server.wait_closed()

    async with wild(note) as url, rt.connect(url, **options):
        pass
    return seen[0]


# What it is when it returns


async def test_it_returns_a_session_with_manual_turns() -> None:
    """Created, patched, confirmed: turn detection is off before the body begins."""
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url) as conn:
        session = conn.session.current
        assert session is not None
        assert isinstance(session, rt.events.RealtimeSession)
        assert session.audio is not None
        assert session.audio.input is not None
        assert session.audio.input.turn_detection is None
        assert conn.protocol.ready
        assert conn.endpoint.redacted() == f"{server.url}?model=gpt-realtime-2.1"


async def test_the_first_patch_is_one() -> None:
    """Manual turns, the session asked for and the tools go out together."""
    tool = rt.FunctionTool(name="f", parameters={"type": "object"})
    patch = rt.SessionPatch(instructions="Be brief.", voice="cedar")
    async with (
        rt.loopback.LoopbackServer() as server,
        rt.connect(server.url, session=patch, tools=[tool]) as conn,
    ):
        assert [one.type for one in server.received] == ["session.update"]
        assert server.received[0].raw["session"] == {
            "type": "realtime",
            "instructions": "Be brief.",
            "audio": {"input": {"turn_detection": None}, "output": {"voice": "cedar"}},
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        }
        assert isinstance(conn.session.current, rt.events.RealtimeSession)
        assert conn.session.current.instructions == "Be brief."


async def test_nothing_is_missed_between_ready_and_the_body() -> None:
    """What the server says right behind its confirmation waits for the body's first handlers."""

    async def talk(server: ServerConnection) -> None:
        await begin(server)
        for i in range(50):
            await say(server, f"vendor.{i}")
        await server.wait_closed()

    seen: list[str] = []
    async with wild(talk) as url, rt.connect(url) as conn:
        conn.on(rt.events.UnknownServerEvent)(lambda event: seen.append(event.type))
        await conn.wait_for("vendor.49", SOON)
    assert seen == [f"vendor.{i}" for i in range(50)]


async def test_turns_by_the_server() -> None:
    """With `manual_turns=False` and nothing else asked, nothing is sent."""
    async with (
        rt.loopback.LoopbackServer() as server,
        rt.connect(server.url, manual_turns=False) as conn,
    ):
        assert conn.session.vad_on
        assert server.received == []


async def test_transcription() -> None:
    """Its model belongs into the session, so none is put into the URL."""
    async with (
        rt.loopback.LoopbackServer() as server,
        rt.connect(f"{server.url}?intent=transcription") as conn,
    ):
        assert conn.session.kind == "transcription"


async def test_it_can_be_entered_once() -> None:
    """Each session is a connect of its own."""
    async with rt.loopback.LoopbackServer() as server:
        opening = rt.connect(server.url)
        async with opening:
            pass
        with pytest.raises(LocalProtocolError, match="entered before"):
            async with opening:
                pass


# Sidebands


async def test_a_sideband_waits_for_no_creation() -> None:
    """None will come; the first patch's confirmation is the beginning."""

    async def talk(server: ServerConnection) -> None:
        heard = json.loads(await server.recv())
        assert heard["session"]["audio"]["input"] == {"turn_detection": None}
        await say(server, "session.updated", session=session_object(**MANUAL))
        await server.wait_closed()

    async with wild(talk) as url, rt.connect(f"{url}?call_id=rtc_1") as conn:
        assert conn.protocol.ready


async def test_a_sideband_without_a_patch() -> None:
    """Nothing is asked, so a short silence is consent, and an `error` is not."""

    async def mute(server: ServerConnection) -> None:
        await server.wait_closed()

    async def object_(server: ServerConnection) -> None:
        await refuse(server, "call_not_found")
        await server.close(4000)

    async with wild(mute) as url, rt.connect(f"{url}?call_id=rtc_1", manual_turns=False) as conn:
        assert conn.protocol.ready
    async with wild(object_) as url:
        failure = await fails(f"{url}?call_id=rtc_1", manual_turns=False)
    assert failure.error is not None
    assert failure.error.code == "call_not_found"
    assert failure.close is not None
    assert failure.close.code == 4000


# Keys


async def test_where_keys_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """A string, a function, an async function; the environment is for OpenAI's hosts alone."""

    async def fetch() -> str:
        await asyncio.sleep(0)
        return KEY

    for given in (KEY, lambda: KEY, fetch, f"{KEY}\n"):
        assert (await asked_at(api_key=given))[1] == f"Bearer {KEY}"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert (await asked_at())[1] is None


async def opened(endpoint: rt.Endpoint, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """The key an attempt at this endpoint would have shown; the network is not touched."""
    seen: list[str | None] = []

    async def dial(endpoint: rt.Endpoint, key: str | None, **options: Any) -> MessageTransport:
        seen.append(key)
        raise ConnectFailed("not in a test")

    monkeypatch.setattr("realtime_raw.aio.connect.dial", dial)
    with pytest.raises(ConnectFailed, match="not in a test"):
        async with rt.connect(endpoint):
            pass
    return seen[0]


async def test_the_environment_serves_openai_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a key that was given comes before it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert await opened(rt.Endpoint.openai("m"), monkeypatch) == KEY
    assert await opened(rt.Endpoint.openai("m", "sk-mine"), monkeypatch) == "sk-mine"
    assert await opened(rt.Endpoint.secret("ek_mine"), monkeypatch) == "ek_mine"
    assert await opened(rt.Endpoint.of("wss://example.org/v1/realtime"), monkeypatch) is None
    assert await opened(rt.Endpoint.azure("r", "d", api_key="az"), monkeypatch) == "az"


async def test_no_key() -> None:
    """Said before the network is touched, with where to put one."""
    failure = await fails(rt.Endpoint.openai("m"))
    assert "api.openai.com needs an API key and there is none" in str(failure)
    assert "OPENAI_API_KEY" in str(failure)


async def test_the_default_is_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model in the URL, the key from the argument."""
    seen: list[str] = []

    async def dial(endpoint: rt.Endpoint, key: str | None, **options: Any) -> MessageTransport:
        seen.append(f"{endpoint.url} {key}")
        raise ConnectFailed("not in a test")

    monkeypatch.setattr("realtime_raw.aio.connect.dial", dial)
    with pytest.raises(ConnectFailed, match="not in a test"):
        async with rt.connect(model="gpt-x", api_key=KEY):
            pass
    with pytest.raises(ConnectFailed, match="not in a test"):
        async with rt.connect(rt.Endpoint.openai("gpt-y", "sk-other"), api_key=KEY):
            pass
    assert seen == [
        f"wss://api.openai.com/v1/realtime?model=gpt-x {KEY}",
        f"wss://api.openai.com/v1/realtime?model=gpt-y {KEY}",
    ]


async def test_a_key_function_that_fails() -> None:
    """Its own exception, and its nonsense by kind."""

    def broken() -> str:
        raise RuntimeError("the vault is closed")

    for function, kind, words in (
        (broken, RuntimeError, "the vault is closed"),
        (lambda: 7, LocalProtocolError, "gave a int"),
        (lambda: "", LocalProtocolError, "empty"),
    ):
        with pytest.raises(kind, match=words):
            async with rt.connect("ws://127.0.0.1:1/x", api_key=function):  # type: ignore[arg-type]
                pass


# Refusals


@pytest.mark.parametrize(
    ("code", "close", "advice"),
    [
        ("invalid_api_key", 3000, "check the API key"),
        ("missing_model", 4000, "name a model"),
        ("model_not_found", 4004, "model's name"),
        ("beta_api_shape_disabled", 4000, "OpenAI-Beta"),
        ("insufficient_quota", 4000, "billing"),
    ],
)
async def test_refused_inside_the_socket(code: str, close: int, advice: str) -> None:
    """101, one `error`, a close: the server's words and ours, and no second attempt."""
    attempts = 0

    async def talk(server: ServerConnection) -> None:
        nonlocal attempts
        attempts += 1
        await refuse(server, code, f"Incorrect: {KEY}")
        await server.close(close, f"invalid_request_error.{code}")

    async with wild(talk) as url:
        failure = await fails(url, api_key=KEY)
    assert f"the server refused the session: {code}: Incorrect: ***" in str(failure)
    assert advice in str(failure)
    assert failure.close is not None
    assert failure.close.code == close
    assert failure.error is not None
    assert attempts == 1


async def test_a_key_of_any_form_that_is_repeated() -> None:
    """Azure's look like nothing in particular; the one in use is hidden all the same."""
    key = "0123456789abcdef0123456789abcdef"

    async def talk(server: ServerConnection) -> None:
        await refuse(server, "invalid_api_key", f"Bad key {key}.")
        await server.close(3000, f"bad.{key}")

    async with wild(talk) as url:
        failure = await fails(url, api_key=key)
    assert "Bad key ***." in str(failure)
    assert key not in "".join(traceback.format_exception(failure))
    assert key not in f"{failure!r} {failure.error!r} {failure.close!r}"


async def test_the_loopback_servers_refusals() -> None:
    """A wrong key and a wrong model, as the API refuses them."""
    async with rt.loopback.LoopbackServer(keys=["right"]) as server:
        failure = await fails(server.url, api_key="wrong")
        assert failure.close is not None
        assert failure.close.code == 3000
        failure = await fails(server.url, api_key="right", model="whisper-1")
        assert failure.close is not None
        assert failure.close.code == 4000
        assert (await fails(f"{server.base_url}/nowhere", api_key="right")).status == 404


async def test_an_error_whose_close_never_comes() -> None:
    """Some servers say no and leave the line open."""

    async def talk(server: ServerConnection) -> None:
        await refuse(server, "model_load_error")
        await server.wait_closed()

    async with wild(talk) as url:
        failure = await fails(url)
    assert "model_load_error" in str(failure)
    assert failure.close is None


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1013])
async def test_closed_without_a_word(code: int) -> None:
    """The close is what there is to tell."""

    async def talk(server: ServerConnection) -> None:
        await server.close(code, "bye")

    async with wild(talk) as url:
        failure = await fails(url)
    assert f"before there was a session ({code} bye)" in str(failure)


async def test_cut_before_there_was_a_session() -> None:
    """End of file right after the handshake."""

    async def talk(server: ServerConnection) -> None:
        server.transport.abort()

    async with wild(talk) as url:
        assert "(1006)" in str(await fails(url))


async def test_the_first_patch_refused() -> None:
    """Connecting fails with the server's words; the line is closed in good order."""
    closed: list[int | None] = []

    async def talk(server: ServerConnection) -> None:
        await say(server, "session.created", session=session_object())
        heard = json.loads(await server.recv())
        await refuse(server, "invalid_value", "No such voice.", event_id=heard["event_id"])
        await server.wait_closed()
        closed.append(server.close_code)

    async with wild(talk) as url:
        failure = await fails(url, session=rt.SessionPatch(voice="nobody"))
    assert "refused the first session.update: invalid_value: No such voice." in str(failure)
    assert closed == [1000]


async def test_the_first_patch_unanswered() -> None:
    """Within `command_timeout`, when that is shorter than `open_timeout`."""

    async def talk(server: ServerConnection) -> None:
        await say(server, "session.created", session=session_object())
        await server.wait_closed()

    async with wild(talk) as url:
        failure = await fails(url, command_timeout=0.05)
    assert "did not answer the first session.update within" in str(failure)


async def test_the_first_patch_impossible() -> None:
    """What a transcription session does not have."""

    async def talk(server: ServerConnection) -> None:
        await say(server, "session.created", session={"type": "transcription", "id": "sess_1"})
        await server.wait_closed()

    async with wild(talk) as url:
        failure = await fails(url, session=rt.SessionPatch(instructions="x"))
    assert "first session.update" in str(failure)
    assert "instructions" in str(failure)


async def test_lost_before_the_first_patch_was_answered() -> None:
    """Told as the loss it is."""

    async def talk(server: ServerConnection) -> None:
        await say(server, "session.created", session=session_object())
        await server.recv()
        await server.close(1011, "internal")

    async with wild(talk) as url:
        assert "1011 internal" in str(await fails(url))


async def test_other_troubles_before_it_is_ready() -> None:
    """A response nobody asked for is no reason to give up."""

    async def talk(server: ServerConnection) -> None:
        await say(server, "session.created", session=session_object())
        await server.recv()
        await say(server, "response.created", response={"id": "resp_1", "status": "in_progress"})
        await say(server, "session.updated", session=session_object(**MANUAL))
        await server.wait_closed()

    async with wild(talk) as url, rt.connect(url) as conn:
        assert conn.protocol.ready


async def test_turn_detection_that_stays_on() -> None:
    """A session that would answer by itself is not handed over as one with manual turns."""

    async def talk(server: ServerConnection) -> None:
        await say(server, "session.created", session=session_object())
        await server.recv()
        await say(server, "session.updated", session=session_object())
        await server.wait_closed()

    async with wild(talk) as url:
        failure = await fails(url)
    assert "does not give manual turns" in str(failure)
    assert "turn_detection" in str(failure)
    assert "manual_turns=False" in str(failure)


async def test_a_beta_server() -> None:
    """Recognized by its flat session; its refusal is explained."""

    async def talk(server: ServerConnection) -> None:
        await say(server, "session.created", session={"id": "s", "modalities": ["audio", "text"]})
        heard = json.loads(await server.recv())
        await refuse(server, "unknown_parameter", "Unknown: session.type", event_id=heard["event_id"])
        await server.wait_closed()

    async with wild(talk) as url:
        assert "retired beta shape" in str(await fails(url))


async def test_garbage_before_the_session() -> None:
    """Counted, and the session comes nevertheless."""

    async def talk(server: ServerConnection) -> None:
        for data in (
            "not json",
            b"\xff\x00",
            "[]",
            '{"type":7}',
            '{"type":"never.seen"}',
            '{"type":"error"}',
        ):
            await server.send(data)
        await begin(server)
        await server.wait_closed()

    async with wild(talk) as url, rt.connect(url) as conn:
        assert conn.health().core["invalid_events"] == 4
        assert conn.health().core["unknown_events"] == 1


async def test_strict() -> None:
    """There garbage ends the attempt."""

    async def talk(server: ServerConnection) -> None:
        await server.send("not json")
        await server.wait_closed()

    async with wild(talk) as url:
        failure = await fails(url, strict=True)
    assert failure.close is not None
    assert failure.close.code == 1002


# Time


async def mute(server: ServerConnection) -> None:
    await server.wait_closed()


async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def deaf(server: ServerConnection) -> None:
    """Never read anything, not even a close frame."""
    server.transport.pause_reading()
    await server.wait_closed()


async def half(server: ServerConnection) -> None:
    await say(server, "session.created", session=session_object())
    await server.wait_closed()


async def test_one_limit_for_all_of_it() -> None:
    """Wherever it stops, and the message says where."""
    began = time.monotonic()
    async with raw(stuck) as url:
        assert "stopped while connecting to 127.0.0.1" in str(await fails(url, open_timeout=0.1))
    async with wild(mute) as url:
        assert "stopped waiting for session.created" in str(await fails(url, open_timeout=0.1))
        sideband = await fails(f"{url}?call_id=rtc_1", open_timeout=0.1)
        assert "stopped waiting for session.updated" in str(sideband)
    async with wild(half) as url:
        assert "stopped waiting for session.updated" in str(await fails(url, open_timeout=0.1))

    async def slow() -> str:
        await asyncio.sleep(60)
        return KEY

    failure = await fails("ws://127.0.0.1:1/x", api_key=slow, open_timeout=0.1)
    assert "stopped before the connection was opened" in str(failure)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("talk", [mute, half, deaf])
async def test_cancelled_while_connecting(talk: Callable[[ServerConnection], Awaitable[None]]) -> None:
    """The line is cut at once; no task is left (see the fixture)."""
    async with wild(talk) as url:
        opening = rt.connect(url)
        task = asyncio.create_task(opening.__aenter__())
        await soon(lambda: opening._driver)
        for _ in range(3):
            await asyncio.sleep(0)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 0.5


async def test_cancelled_in_the_moment_the_line_opens() -> None:
    """A line nobody waits for any more is cut."""
    ours, theirs = memory_pair()
    opening_task: asyncio.Task[Any] | None = None

    async def open_line(key: str | None) -> MessageTransport:
        assert opening_task is not None
        opening_task.cancel()
        return ours

    opening = Connecting(ENDPOINT, RealtimeProtocol(options=Options()), open_line)
    opening_task = asyncio.create_task(opening.__aenter__())
    with pytest.raises(asyncio.CancelledError):
        await opening_task
    assert theirs.close_info is not None


async def test_the_wait_for_the_network_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models a turn needs are built meanwhile, not when the first sound is there."""
    steps: list[str] = []
    ours, theirs = memory_pair()

    async def open_line(key: str | None) -> MessageTransport:
        steps.append("dialling")
        await asyncio.sleep(0)
        steps.append("open")
        return ours

    monkeypatch.setattr("realtime_raw.codec.warm", lambda dialect: steps.append("warm"))
    task = asyncio.create_task(Peer(theirs).open())
    async with Connecting(ENDPOINT, RealtimeProtocol(options=Options()), open_line):
        await task
    assert steps == ["dialling", "warm", "open"]


async def test_a_timeout_of_the_users_own() -> None:
    """Is not taken for ours."""

    def late() -> str:
        raise TimeoutError("the vault is slow")

    with pytest.raises(TimeoutError, match="the vault is slow"):
        async with rt.connect("ws://127.0.0.1:1/x", api_key=late):
            pass


# What is refused beforehand


async def test_refused_before_anything_happens() -> None:
    """On the line of the call."""
    with pytest.raises(LocalProtocolError, match="in the clear"):
        rt.connect("ws://example.org/v1/realtime")
    with pytest.raises(LocalProtocolError, match="preview API"):
        rt.connect("wss://r.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=d")
    with pytest.raises(LocalProtocolError, match="manual turns"):
        rt.connect("ws://127.0.0.1:1/x", session=rt.SessionPatch(turn_detection=rt.ServerVad()))
    with pytest.raises(InvalidCommand):
        rt.connect("ws://127.0.0.1:1/x", tools=["f"])  # type: ignore[list-item]


# The journal


@pytest.mark.parametrize("key", [KEY, "0123456789abcdef"])
async def test_the_journal_of_a_call(tmp_path: Path, key: str) -> None:
    """Every message both ways in order, the key nowhere; it replays to the same history."""
    path = tmp_path / "call.jsonl"
    async with rt.loopback.LoopbackServer() as server:
        async with rt.connect(server.url, api_key=key, journal=path) as conn:
            await conn.insert(f"my key is {key}")
            history = conn.history.as_text()
        received, url = server.received, server.url
    with read_journal(path) as journal:
        lines = list(journal)
    assert journal.header.url == f"{url}?model=gpt-realtime-2.1"
    assert key not in path.read_text()
    assert [line.m["type"] for line in lines if line.d == "out"] == [one.type for one in received]
    assert [line.t for line in lines] == sorted(line.t for line in lines)
    assert 0 <= lines[0].t < 1
    assert lines[-1].d == "note"
    assert lines[-1].m == {"closed": 1000, "reason": "", "by_us": True}
    replay = RealtimeProtocol()
    for line in lines:
        if line.d == "in":
            replay.receive_message(line.data, line.t)
    assert replay.conversation.as_text() == history.replace(key, "***")


async def test_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    """Known before the call, not after."""
    with pytest.raises(OSError, match="No such file"):
        async with rt.connect("ws://127.0.0.1:1/x", journal=tmp_path / "no" / "call.jsonl"):
            pass

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        async with rt.connect("ws://127.0.0.1:1/x", journal=Full()):
            pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
async def test_a_full_disk_is_known_before_the_call() -> None:
    """And the file is closed: one left open would be a warning, and so an error here."""
    with pytest.raises(OSError, match="No space left") as caught:
        async with rt.connect("ws://127.0.0.1:1/x", journal="/dev/full"):
            pass
    assert caught.value.filename == "/dev/full"
    gc.collect()


async def test_a_journal_into_a_stream_stays_the_callers() -> None:
    """It is not closed, and neither is a file left open when connecting fails."""
    stream = io.StringIO()
    async with rt.loopback.LoopbackServer() as server, rt.connect(server.url, journal=stream):
        pass
    assert stream.getvalue().count("\n") >= 4
    assert not stream.closed


async def test_a_failed_attempt_closes_its_journal(tmp_path: Path) -> None:
    """The header says what was tried; a file left open would be a warning, and so an error here."""
    path = tmp_path / "call.jsonl"
    async with wild(mute) as url:
        pass
    await fails(url, journal=path)
    assert path.read_text().count("\n") == 1


# The line and the ring


LINES = {"websockets": LibraryTransport, "fast": FastTransport}


async def test_whose_frames_is_a_choice(framing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By argument, or by the environment; what neither knows is refused, and said where."""
    async with rt.loopback.LoopbackServer() as server:
        async with rt.connect(server.url) as conn:
            assert type(conn._driver._transport) is LINES[framing]
        other = "fast" if framing == "websockets" else "websockets"
        async with rt.connect(server.url, transport=other) as conn:  # type: ignore[arg-type]
            assert type(conn._driver._transport) is LINES[other]
    with pytest.raises(rt.LocalProtocolError, match="transport is 'slow'"):
        rt.connect("ws://127.0.0.1:1/x", transport="slow")  # type: ignore[arg-type]
    monkeypatch.setenv("REALTIME_RAW_TRANSPORT", "turbo")
    with pytest.raises(rt.LocalProtocolError, match="REALTIME_RAW_TRANSPORT is 'turbo'"):
        rt.connect("ws://127.0.0.1:1/x")


async def test_the_ring_is_as_long_as_asked_for() -> None:
    """A gateway with hundreds of sessions chooses what each may hold."""
    async with (
        rt.loopback.LoopbackServer() as server,
        rt.connect(server.url, ring_seconds=2.0) as conn,
    ):
        assert conn.player.statistics().capacity == 48_000

"""Proxy mode with real clients and servers: what is broken is told, by whom, and no key is kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

import realtime_raw as rt
from realtime_raw.conformance.html import html
from realtime_raw.conformance.invariants import check_journal
from realtime_raw.conformance.proxy import Finding, Proxy
from realtime_raw.conformance.report import Report
from realtime_raw.conformance.suite import run
from realtime_raw.journal import read_journal
from realtime_raw.loopback import LoopbackServer, murmur_speaker

KEY = "sk-proj-0123456789abcdef0123"
TEXT = {"output_modalities": ["text"]}


def server(*faults: str, **options: Any) -> LoopbackServer:
    return LoopbackServer(speed=math.inf, speaker=murmur_speaker(), keys=[KEY], faults=faults, **options)


class Told:
    """What the proxy told while it ran."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.sessions: list[str] = []

    @property
    def rules(self) -> set[tuple[str, str]]:
        return {(each.breach.side, each.breach.id) for each in self.findings}


@contextlib.asynccontextmanager
async def between(
    running: LoopbackServer | str, save: Path | None = None
) -> AsyncIterator[tuple[Proxy, Told]]:
    told = Told()
    url = running if isinstance(running, str) else running.url
    async with Proxy(
        url, save=save, on_finding=told.findings.append, on_session=told.sessions.append
    ) as proxy:
        yield proxy, told


def dial(proxy: Proxy) -> connect:
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{proxy.url}?model=gpt-realtime-2.1"
    return connect(url, additional_headers=headers, proxy=None, close_timeout=0.2)


async def say(line: ClientConnection, kind: str, **fields: Any) -> None:
    await line.send(json.dumps({"type": kind, **fields}))


async def until(line: ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            event: dict[str, Any] = json.loads(await line.recv())
            if event["type"] == kind:
                return event


async def ended(proxy: Proxy, sessions: int = 1) -> Report:
    """The report, once so many sessions are over."""
    async with asyncio.timeout(5):
        while len(proxy.report().results) < sessions:  # noqa: ASYNC110  # the proxy has no event for it
            await asyncio.sleep(0.005)
    return proxy.report()


async def test_our_client_and_an_honest_server_break_nothing(tmp_path: Path) -> None:
    """A spoken turn goes through; the journal is one, judges clean, and holds every message."""
    async with server() as running, between(running, tmp_path) as (proxy, told):
        endpoint = rt.Endpoint.of(proxy.url, model="gpt-realtime-2.1", api_key=KEY)
        async with rt.connect(endpoint) as conn:
            await conn.append(bytes(48_000))
            await conn.commit()
            await (await conn.respond()).done()
        report = await ended(proxy)
        passed = sum(len(each.sent) for each in running.sessions)
    assert told.findings == []
    (result,) = report.results
    assert (result.verdict, result.case_id, result.message) == ("pass", "session-001", "")
    with read_journal(tmp_path / "session-001.jsonl") as journal:
        lines = list(journal)
    assert check_journal(lines, sides=("server", "client")) == ()
    assert len([line for line in lines if line.d == "in"]) == passed
    assert told.sessions[0].startswith("session 1: open, ws://127.0.0.1")
    assert "closed by the client, 1000; nothing broken" in told.sessions[1]


async def test_no_key_anywhere(tmp_path: Path) -> None:
    """A server that repeats the key, and a client that sends one: no journal, report or sentence has it."""
    secret = "hunter2-not-of-a-key-s-form"

    async def parrot(line: ServerConnection) -> None:
        assert line.request is not None
        given = line.request.headers["Authorization"].removeprefix("Bearer ")
        assert given in line.request.path
        await line.send(json.dumps({"type": "error", "error": {"message": given, "type": given}}))
        await line.send(json.dumps({"type": given, given: [given]}))
        await line.send(json.dumps({"type": "session.updated", "session": {given: given, "id": [given]}}))
        await line.send(json.dumps({"type": "conversation.item.done", "item": {"id": given, "type": given}}))
        await line.send(given)
        await line.close(4000, given[:100])

    async with serve(parrot, "127.0.0.1", 0) as upstream:
        port = next(iter(upstream.sockets)).getsockname()[1]
        async with between(f"ws://127.0.0.1:{port}", tmp_path) as (proxy, told):
            headers = {"Authorization": f"Bearer {secret}"}
            with contextlib.suppress(ConnectionClosed):
                async with connect(
                    f"{proxy.url}?token={secret}&x={KEY}", additional_headers=headers, proxy=None
                ) as line:
                    await line.send(json.dumps({"type": secret, secret: secret}))
                    async for _ in line:
                        pass
            report = await ended(proxy)
    assert told.findings != []
    written = (tmp_path / "session-001.jsonl").read_text("utf-8")
    for shown in (
        written,
        json.dumps(report.to_dict()),
        html(report),
        *map(str, told.findings),
        *map(repr, told.findings),
        *told.sessions,
    ):
        assert secret not in shown
        assert KEY not in shown


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("duplicate", "RT-INV-020"),
        ("garbage", "RT-INV-030"),
        ("binary", "RT-INV-030"),
        ("wrong_types", "RT-INV-031"),
        ("orphan_response", "RT-INV-002"),
    ],
)
async def test_a_misbehaving_server_is_named(fault: str, rule: str) -> None:
    """As it happens, and in the report, which can be kept and drawn."""
    async with server(fault) as running, between(running) as (proxy, told):
        async with dial(proxy) as line:
            await say(line, "response.create")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    while b"response.done" not in await line.recv(decode=False):
                        pass
        report = await ended(proxy)
    assert ("server", rule) in told.rules
    assert {side for side, _ in told.rules} == {"server"}
    (result,) = report.results
    assert result.verdict == "fail"
    assert rule in {each.id for each in result.invariants}
    assert result.offending in {each["n"] for each in result.journal}
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) is not None
    assert rule in html(report)


@pytest.mark.parametrize(
    ("sent", "rule", "words"),
    [
        ({"type": "transcription_session.update", "session": {}}, "RT-INV-033", "session.update"),
        ({"type": "session.update", "session": {"type": "realtime", "voice": ""}}, "RT-INV-033", "put.voice"),
        ({"type": "response.create", "response": {"modalities": []}}, "RT-INV-033", "output_modalities"),
        ({"type": "conversation.item.create"}, "RT-INV-033", "missing"),
        ({"type": "no.such.event"}, "RT-INV-033", "type"),
        ("no JSON", "RT-INV-034", "no JSON object"),
        ([1, 2], "RT-INV-034", "no JSON object"),
        (b'{"type": "response.cancel"}', "RT-INV-034", "binary"),
    ],
)  # fmt: skip
async def test_a_misbehaving_client_is_named(sent: Any, rule: str, words: str) -> None:
    """Retired names with what replaces them, unknown types, missing fields, what is no event at all."""
    async with server() as running, between(running) as (proxy, told):
        async with dial(proxy) as line:
            await line.recv()
            await line.send(sent if isinstance(sent, (str, bytes)) else json.dumps(sent))
            await line.recv()
        report = await ended(proxy)
    assert told.rules == {("client", rule)}
    assert words in str(told.findings[0])
    assert "session 1, line 5: client:" in str(told.findings[0])
    assert report.results[0].message == f"broken rules: {len(told.findings)} by the client"


async def test_a_rule_broken_without_end_is_told_some_times_and_counted() -> None:
    """A terminal is not flooded, and the report says how often it was."""
    async with server() as running, between(running) as (proxy, told):
        async with dial(proxy) as line:
            await line.recv()
            for _ in range(50):
                await line.send("x")
                await line.recv()
        report = await ended(proxy)
    assert len(told.findings) == 20
    assert report.results[0].message == "broken rules: 50 by the client"


async def test_a_long_session_keeps_what_was_broken() -> None:
    """The evidence has a bound; its beginning, its end and the lines at fault are in it."""
    async with server() as running, between(running) as (proxy, _):
        async with dial(proxy) as line:
            await line.recv()
            for number in range(400):
                if number == 100:
                    await line.send("x" * 9000)
                await say(line, "input_audio_buffer.clear")
                await line.recv()
        report = await ended(proxy)
    (result,) = report.results
    assert len(result.journal) < 300
    assert result.offending in {each["n"] for each in result.journal}
    assert [each["n"] for each in result.journal] == sorted({each["n"] for each in result.journal})


async def test_an_upstream_that_refuses() -> None:
    """The client sees the server's answer; the report notes it, without the key."""
    async with server() as running, between(running) as (proxy, told):
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"{proxy.url}?api_key=wrong-key", proxy=None)
        assert caught.value.response.status_code == 401
        (result,) = proxy.report().results
    assert (result.verdict, result.broken) == ("skipped", False)
    assert "refused with HTTP 401" in result.message
    assert told.sessions == [f"session 1: {result.message}"]
    assert "wrong-key" not in repr(result)


async def test_the_server_s_end_and_several_clients() -> None:
    """Each session has its own number and result; who ended it is said."""
    async with server("close_1011") as running, between(running) as (proxy, told):
        async with dial(proxy) as one, dial(proxy) as two:
            for line in (one, two):
                await say(line, "response.create")
                with pytest.raises(ConnectionClosed):
                    await until(line, "response.done")
                assert line.close_code == 1011
        report = await ended(proxy, 2)
    assert [each.case_id for each in report.results] == ["session-001", "session-002"]
    assert any("closed by the server, 1011" in each for each in told.sessions)


async def test_a_translation_is_held_to_its_own_dialect() -> None:
    """By its path."""
    async with server() as running, between(running) as (proxy, told):
        headers = {"Authorization": f"Bearer {KEY}"}
        url = f"{proxy.url}/translations?model=gpt-realtime-translate"
        async with connect(url, additional_headers=headers, proxy=None) as line:
            await line.recv()
            await say(line, "response.create")
            await line.recv()
        await ended(proxy)
    assert told.rules == {("client", "RT-INV-033")}


async def test_the_suite_sees_no_difference() -> None:
    """Asked through the proxy, the door, the session and every error are as they are without it."""
    families = ("handshake", "session", "errors")
    async with LoopbackServer(keys=[KEY]) as running, between(running) as (proxy, _):
        report = await run(proxy.url, api_key=KEY, profile="openai-ga", families=families)
    assert {each.case_id for each in report.results if each.verdict != "pass" or each.broken} == set()
    assert len(report.results) > 60

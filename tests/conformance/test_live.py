"""The whole suite over real sockets, once; and what is kept of it judged anew."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import orjson
import pytest
import pytest_asyncio
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from realtime_raw.conformance import InvariantBreach, Report, load_report, replay, run
from realtime_raw.conformance.cases import case_of
from realtime_raw.conformance.comparing import compare
from realtime_raw.conformance.judging import judge
from realtime_raw.conformance.live import LiveCaller
from realtime_raw.endpoint import Endpoint
from realtime_raw.errors import LocalProtocolError
from realtime_raw.journal import read_journal
from realtime_raw.loopback import LoopbackServer, murmur_speaker

KEY = "sk-live-test-0123456789abcdef"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[LoopbackServer]:
    """The honest server, which asks for a key."""
    async with LoopbackServer(keys=[KEY], speaker=murmur_speaker()) as server:
        yield server


@pytest.mark.timeout(180)
async def test_the_loopback_server_passes_and_its_journals_say_so_again(
    server: LoopbackServer, tmp_path: Path
) -> None:
    """Every must and should, in less than a minute; replayed, the verdicts are the same."""
    started = time.monotonic()
    told: list[str] = []
    report = await run(
        server.url,
        api_key=KEY,
        profile="openai-ga",
        jobs=8,
        save_to=tmp_path,
        on_result=lambda result: told.append(result.case_id),
    )
    assert time.monotonic() - started < 60
    bad = [(each.case_id, each.verdict, each.message, each.invariants) for each in report.failures]
    assert bad == []
    counts = Counter(each.verdict for each in report.results if each.level != "may")
    assert counts.keys() <= {"pass", "not_complied"}
    # Rules that only come up if the model does something, or is slow enough: such a model is asked, alone.
    shy = [each.case_id for each in report.results if each.verdict == "not_complied"]
    assert len(shy) < 10
    assert [await _alone(case_id) for case_id in shy] == ["pass"] * len(shy)
    assert len(report.results) >= 180
    assert report.exit_code == 0
    assert sorted(told) == [each.case_id for each in report.results]

    again = await replay(tmp_path)
    assert [(e.case_id, e.verdict) for e in again.results] == [(e.case_id, e.verdict) for e in report.results]
    assert again.failures == []

    _check_files(tmp_path)
    assert load_report(tmp_path / "report.json") == report
    assert Report.from_dict(orjson.loads(orjson.dumps(report.to_dict()))) == report


async def _alone(case_id: str) -> str:
    scenario = case_of(case_id).scenario
    brain = scenario() if scenario is not None else None
    async with LoopbackServer(scenario=brain, speaker=murmur_speaker(), speed=3.0) as server:
        judged = await judge(case_of(case_id), LiveCaller(Endpoint.of(server.url), None))
    return judged.result.verdict


def _check_files(directory: Path) -> None:
    """Whole journals, and no key in any of them."""
    for path in directory.iterdir():
        assert KEY.encode() not in path.read_bytes()
        if path.suffix == ".jsonl":
            with read_journal(path) as journal:
                assert sum(1 for _ in journal) > 1
                assert not journal.truncated


FEW = ("RT-ERR-001", "RT-ERR-006", "RT-SESS-001")


async def test_a_regression_and_progress_show(tmp_path: Path) -> None:
    """Break one thing and it is worse than before; mend it, and it is better."""
    async with LoopbackServer() as honest:
        good = await run(honest.url, cases=FEW)
    async with LoopbackServer(faults=["close_1011@event=error"]) as broken:
        bad = await run(broken.url, cases=FEW)
    worse = compare(good, bad)
    assert [each.case_id for each in worse.regressions] == ["RT-ERR-006"]
    assert worse.progress == ()
    better = compare(bad, good)
    assert [each.case_id for each in better.progress] == ["RT-ERR-006"]
    assert better.regressions == ()
    assert bad.exit_code == 1
    worse_inside = replace(
        good.results[0], invariants=(InvariantBreach(id="RT-INV-001", message="x", line=2),)
    )
    now = replace(good, results=(worse_inside, *good.results[1:]))
    assert [each.case_id for each in compare(good, now).regressions] == ["RT-INV-001"]


async def test_an_endpoint_may_bring_its_key(server: LoopbackServer) -> None:
    """The key itself, that is: a function that makes one is refused before anything is sent."""
    report = await run(Endpoint.of(server.url, api_key=KEY), cases=["RT-ERR-001"])
    assert report.exit_code == 0
    with pytest.raises(LocalProtocolError, match="the key itself"):
        await run(Endpoint.of(server.url, api_key=lambda: KEY), cases=["RT-ERR-001"])


async def test_a_journal_of_a_case_that_is_gone_is_stale(server: LoopbackServer, tmp_path: Path) -> None:
    """And so is one that does not have what its case asks now."""
    await run(server.url, api_key=KEY, cases=FEW, save_to=tmp_path)
    report = orjson.loads((tmp_path / "report.json").read_bytes())
    report["results"][0]["case_id"] = "RT-ERR-000"
    (tmp_path / "report.json").write_bytes(orjson.dumps(report))
    (tmp_path / "RT-ERR-001.jsonl").rename(tmp_path / "RT-ERR-000.jsonl")
    (tmp_path / "RT-ERR-006.jsonl").rename(tmp_path / "RT-SESS-001.jsonl")
    again = await replay(tmp_path)
    verdicts = {each.case_id: each.verdict for each in again.results}
    assert verdicts == {"RT-ERR-000": "stale", "RT-ERR-006": "pass", "RT-SESS-001": "stale"}


async def test_a_key_that_looks_like_none_is_in_no_report(tmp_path: Path) -> None:
    """A server repeats it in events, in a refusal and in its close: it is nowhere."""
    key = "open-sesame-of-no-known-form"

    def doorman(line: ServerConnection, request: Request) -> Response | None:
        return line.respond(HTTPStatus.FORBIDDEN, key) if "model" not in request.path else None

    async def parrot(line: ServerConnection) -> None:
        await line.send(orjson.dumps({"type": "session.created", "session": {"id": key, key: key}}).decode())
        async for _ in line:
            await line.send(orjson.dumps({"type": "error", "error": {"message": key, "type": key}}).decode())
            await line.close(4000, key)

    async with serve(parrot, "127.0.0.1", 0, process_request=doorman) as upstream:
        port = next(iter(upstream.sockets)).getsockname()[1]
        report = await run(
            f"ws://127.0.0.1:{port}/v1/realtime",
            api_key=key,
            cases=["RT-HAND-001", "RT-HAND-016", "RT-SESS-001", "RT-ERR-001"],
            save_to=tmp_path,
        )
    assert report.failures != []
    assert [name for name, text in _texts(tmp_path).items() if key in text] == []


def _texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


async def test_cancelling_a_run_closes_every_connection() -> None:
    """In good order: nobody is left waiting, on either side."""
    heard: set[ServerConnection] = set()
    busy, over = asyncio.Event(), asyncio.Event()
    codes: list[int | None] = []

    async def silent(line: ServerConnection) -> None:
        await line.send('{"type":"session.created","session":{"type":"realtime","id":"s"}}')
        async for _ in line:
            heard.add(line)
            if len(heard) == 3:  # a session, a text and some sound are being asked about
                busy.set()
        if line in heard:
            codes.append(line.close_code)
        if len(codes) == 3:
            over.set()

    async with serve(silent, "127.0.0.1", 0) as upstream:
        port = next(iter(upstream.sockets)).getsockname()[1]
        running = asyncio.create_task(run(f"ws://127.0.0.1:{port}/v1/realtime", cases=FEW))
        await busy.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await over.wait()
    assert codes == [1000, 1000, 1000]

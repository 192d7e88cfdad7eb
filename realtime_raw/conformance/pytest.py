"""The suite as tests of your own server: one test per case, by pytest.

    from realtime_raw.conformance.pytest import conformance_cases

    @pytest.fixture(scope="session")
    def realtime_url() -> Iterator[str]: ...      # start your server, yield its URL

    test_realtime = conformance_cases(profile="compatible-core")

What the server does not have is skipped, with its reason; what it does wrong
fails with the rule and the exchange. The server must run in another thread or
process: the test blocks while it talks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from ..endpoint import Endpoint
from .case import Case
from .judging import judge
from .live import LiveCaller
from .planning import Planned, plan, session_need
from .probing import probe_capabilities
from .profiles import DEFAULT_PROFILE, profile_of, read_skips
from .report import CaseResult
from .terminal import excerpt

__all__ = ["conformance_cases"]


def conformance_cases(
    url_fixture: str = "realtime_url",
    *,
    profile: str = DEFAULT_PROFILE,
    families: Collection[str] = (),
    cases: Collection[str] = (),
    levels: Collection[str] = (),
    skip: str | Path | None = None,
    api_key: str | None = None,
    model: str = "gpt-realtime-2.1",
) -> Callable[..., None]:
    """A test function, parametrised by the cases of a profile; give it a name that pytest collects.

    `url_fixture` names the fixture that holds the URL of the running server.
    `skip` is the path of a skip list. Raises `LocalProtocolError` for names
    that there are not.
    """
    skips = read_skips(Path(skip).read_text("utf-8")) if skip is not None else None
    planned = plan(profile_of(profile), families=families, cases=cases, levels=levels, skip=skips)
    found: dict[str, dict[str, bool]] = {}

    @pytest.mark.parametrize("planned_case", planned.planned, ids=lambda each: each.case.id)
    def test_conformance(planned_case: Planned, request: pytest.FixtureRequest) -> None:
        if planned_case.skip:
            pytest.skip(planned_case.skip)
        url = str(request.getfixturevalue(url_fixture))
        caller = LiveCaller(Endpoint.of(url), api_key, model=model)
        if url not in found:
            found[url] = asyncio.run(probe_capabilities(caller)).capabilities
        _tell(asyncio.run(_ask(planned_case.case, caller, found[url])))

    return test_conformance


async def _ask(case: Case, caller: LiveCaller, capabilities: dict[str, bool]) -> CaseResult:
    absent = sorted(each for each in session_need(case) if not capabilities.get(each, False))
    if absent:
        pytest.skip(f"the server has no {', '.join(absent)}")
    judged = await judge(case, caller, greeted=capabilities.get("greeting", True))
    return judged.result


def _tell(result: CaseResult) -> None:
    """End the test as the result says."""
    if result.verdict in ("unsupported", "not_complied"):
        pytest.skip(f"{result.verdict}: {result.message}")
    if result.verdict == "error":
        raise RuntimeError(f"the suite itself failed: {result.message}")
    if result.broken:
        said = [result.message] if result.verdict == "fail" else []
        said += [f"{each.id}, line {each.line}: {each.message}" for each in result.invariants]
        rule = [f"rule: {result.rule}", f"source: {result.source} ({result.certainty})"]
        pytest.fail("\n".join([*said, *rule, *excerpt(result, width=160)]), pytrace=False)

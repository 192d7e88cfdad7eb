"""`run`, `replay`, and keeping what they find: the suite as a library."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

import orjson

from ..endpoint import Credential, Endpoint
from ..errors import LocalProtocolError
from ..journal import read_journal
from .cases import case_of
from .judging import judge
from .live import LiveCaller
from .planning import Budget, Plan, plan
from .profiles import DEFAULT_PROFILE, Profile, profile_of
from .replaying import ReplayCaller
from .report import CaseResult, Report
from .runner import Outcome, run_plan, unasked
from .schemas import Bundle

__all__ = ["load_report", "replay", "run", "save"]

_REPORT = "report.json"


async def run(
    url: str | Endpoint,
    *,
    api_key: str | None = None,
    model: str = "gpt-realtime-2.1",
    translation_model: str = "gpt-realtime-translate",
    profile: str | Profile = DEFAULT_PROFILE,
    families: Collection[str] = (),
    cases: Collection[str] = (),
    levels: Collection[str] = (),
    skip: Mapping[str, str] | None = None,
    jobs: int = 4,
    budget: Budget | None = None,
    schema: str | Path | None = None,
    save_to: str | Path | None = None,
    on_plan: Callable[[Plan], None] = lambda plan: None,
    on_result: Callable[[CaseResult], None] = lambda result: None,
) -> Report:
    """Ask a server every case of a profile, or those that are named; returns what was found.

    The key is the one given, and none is looked for. `save_to` is a directory
    for a journal per case and the report. `schema` is the official bundle.

    Raises `ConnectFailed` where no conversation can be opened,
    `LocalProtocolError` for names there are not, `OSError` for paths.
    Cancelling it closes every connection, and saves nothing.
    """
    endpoint = url if isinstance(url, Endpoint) else Endpoint.of(url)
    profile = profile if isinstance(profile, Profile) else profile_of(profile)
    planned = plan(profile, families=families, cases=cases, levels=levels, skip=skip)
    bundle = Bundle(schema) if schema is not None else None
    on_plan(planned)
    key = api_key if api_key is not None else _plain_key(endpoint.credential)
    outcome = await run_plan(
        LiveCaller(endpoint, key, model=model, translation_model=translation_model),
        planned,
        profile=profile,
        endpoint=endpoint.redacted(),
        model=model,
        jobs=jobs,
        budget=budget,
        bundle=bundle,
        on_result=on_result,
    )
    if save_to is not None:
        save(outcome, save_to, secrets=(key,) if key else ())
    return outcome.report


def _plain_key(credential: Credential | None) -> str | None:
    if credential is None or isinstance(credential, str):
        return credential
    raise LocalProtocolError(
        "the suite needs the key itself, not a function that makes one", hint="give api_key="
    )


def save(outcome: Outcome, directory: str | Path, *, secrets: Collection[str] = ()) -> None:
    """Write each case's journal as `ID.jsonl`, and the report. No secret is written. Raises `OSError`."""
    root, report = Path(directory), outcome.report
    root.mkdir(parents=True, exist_ok=True)
    for name, tape in outcome.tapes.items():
        with open(root / f"{name}.jsonl", "wb") as stream:
            tape.save(stream, url=report.endpoint, started=report.started, secrets=tuple(secrets))
    (root / _REPORT).write_bytes(orjson.dumps(report.to_dict(), option=orjson.OPT_INDENT_2))


def load_report(path: str | Path) -> Report:
    """A report that was saved as JSON. Raises `OSError`, and `LocalProtocolError` for what is none."""
    try:
        return Report.from_dict(orjson.loads(Path(path).read_bytes()))
    except (orjson.JSONDecodeError, ValueError, TypeError, KeyError, AttributeError):
        raise LocalProtocolError(
            f"{path} is no conformance report of this version", hint="conform --json FILE writes one"
        ) from None


async def replay(
    directory: str | Path,
    *,
    schema: str | Path | None = None,
    on_result: Callable[[CaseResult], None] = lambda result: None,
) -> Report:
    """Judge the journals of a directory that `run(save_to=)` filled, by today's rules, without an endpoint.

    A case that now asks what its journal does not answer is "stale". Raises
    `OSError`, and `LocalProtocolError` for a directory without a report.
    """
    root = Path(directory)
    old = load_report(root / _REPORT)
    bundle = Bundle(schema) if schema is not None else None
    results = []
    for before in old.results:
        path = root / f"{before.case_id}.jsonl"
        result = await _again(before, path, old, bundle) if path.exists() else before
        results.append(result)
        on_result(result)
    return replace(old, results=tuple(results))


async def _again(before: CaseResult, path: Path, old: Report, bundle: Bundle | None) -> CaseResult:
    with read_journal(path) as journal:
        lines = list(journal)
    try:
        case = case_of(before.case_id)
    except KeyError:
        return _gone(before, f"there is no case {before.case_id} any more")
    caller = ReplayCaller(lines)
    judged = await judge(
        case, caller, attempts=1, greeted=old.capabilities.get("greeting", True), bundle=bundle
    )
    if judged.result.verdict == "stale":
        return unasked(case, "stale", judged.result.message)
    return judged.result


def _gone(before: CaseResult, message: str) -> CaseResult:
    return replace(before, verdict="stale", message=message, invariants=())

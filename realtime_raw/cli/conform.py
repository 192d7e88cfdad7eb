"""`conform`: how well a server keeps to the protocol, with evidence."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..endpoint import Endpoint
from . import options
from .output import Output
from .proxy import proxy
from .running import ExitCode, Stop, execute
from .target import KEY

if TYPE_CHECKING:
    from ..conformance import Budget, CaseResult, Comparison, Report
    from ..conformance.planning import Plan

__all__ = ["conform"]


def conform(
    url: Annotated[
        str | None, typer.Argument(metavar="URL", help="The server, as ws:// or wss://, up to /realtime.")
    ] = None,
    loopback: options.Loopback = False,
    key_env: Annotated[
        str | None,
        typer.Option("--key-env", metavar="NAME", help="The variable that holds that server's key."),
    ] = None,
    model: options.Model = options.DEFAULT_MODEL,
    translation_model: Annotated[
        str, typer.Option("--translation-model", metavar="NAME", help="The model for translations.")
    ] = "gpt-realtime-translate",
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="What kind of server it claims to be.")
    ] = "compatible-core",
    family: Annotated[
        list[str] | None, typer.Option("--family", metavar="NAME", help="Only these families of cases.")
    ] = None,
    case: Annotated[
        list[str] | None, typer.Option("--case", metavar="ID", help="Only these cases, in any profile.")
    ] = None,
    level: Annotated[
        list[str] | None, typer.Option("--level", metavar="LEVEL", help="Only must, should or may.")
    ] = None,
    skip: Annotated[
        Path | None,
        typer.Option("--skip", metavar="FILE", help="Cases to leave out: an id and a reason a line."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="Connections side by side.")] = 4,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="LIMIT", help="tokens=20000, seconds=120 or dollars=0.5."),
    ] = None,
    price: Annotated[
        float | None, typer.Option("--price", min=0, help="Dollars per million tokens, for such a budget.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and its cost; connect nowhere.")
    ] = False,
    schema: Annotated[
        Path | None, typer.Option("--schema", metavar="FILE", help="Hold events to the official bundle, too.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="DIR", help="Keep each case's journal, and the report.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="DIR", help="Judge saved journals anew; no endpoint.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="An earlier --json: show what changed.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="The report as JSON.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="As JUnit XML.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", metavar="FILE", help="As Markdown.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="As one web page.")] = None,
    listen: Annotated[
        int | None, typer.Option("--listen", metavar="PORT", min=0, max=65535, help="Be a proxy that checks.")
    ] = None,
    upstream: Annotated[
        str | None, typer.Option("--upstream", metavar="URL", help="Where the proxy connects to.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the last line of the report.")] = False,
) -> None:
    """Ask a server every rule of the protocol, and report which it keeps.

    Exit codes: 0 every must holds, 1 one is broken or something required is lacking, 2 usage, 3 key,
    4 no connection, 7 worse than the baseline, 8 the suite itself failed, or nothing
    could be judged.
    """
    out = Output()
    writers: list[tuple[Path | None, str]] = [
        (json_file, "json"),
        (junit, "junit"),
        (markdown, "markdown"),
        (html, "html"),
    ]

    async def work() -> None:
        from ..conformance import compare, load_report
        from ..conformance import replay as judge_again

        before = load_report(baseline) if baseline is not None else None
        if listen is not None or upstream is not None:
            report = await proxy(listen, upstream, out, save=save, schema=schema)
        elif replay is not None:
            report = await judge_again(replay, schema=schema)
        else:
            asked = _Asked(
                url, loopback, key_env, model, translation_model, profile, family, case, level, skip
            )
            found = await asked.run(jobs, _budget(budget, price), schema, save, out, dry_run=dry_run)
            if found is None:
                return
            report = found
        comparison = compare(before, report) if before is not None else None
        for path, kind in writers:
            if path is not None:
                path.write_bytes(_written(kind, before)(report))
        _show(report, comparison, out, quiet=quiet)
        _say_what_next(report, writers, out)
        raise typer.Exit(_exit_code(report, comparison))

    execute(work, out)


class _Asked:
    """What is asked of whom."""

    def __init__(
        self,
        url: str | None,
        loopback: bool,
        key_env: str | None,
        model: str,
        translation_model: str,
        profile: str,
        families: list[str] | None,
        cases: list[str] | None,
        levels: list[str] | None,
        skip: Path | None,
    ) -> None:
        if levels and set(levels) - {"must", "should", "may"}:
            raise Stop(ExitCode.USAGE, "--level is must, should or may")
        self._url, self._loopback, self._key_env = url, loopback, key_env
        self._model, self._translation_model, self._profile = model, translation_model, profile
        self._families, self._cases, self._levels = families or (), cases or (), levels or ()
        self._skip = skip

    async def run(
        self,
        jobs: int,
        budget: Budget,
        schema: Path | None,
        save: Path | None,
        out: Output,
        *,
        dry_run: bool,
    ) -> Report | None:
        """The report; None for a dry run, which only prints the plan."""
        from ..conformance.planning import plan
        from ..conformance.profiles import profile_of, read_skips
        from ..conformance.suite import run

        skip = read_skips(self._skip.read_text("utf-8")) if self._skip is not None else {}
        if dry_run:
            _print_plan(
                plan(
                    profile_of(self._profile),
                    families=self._families,
                    cases=self._cases,
                    levels=self._levels,
                    skip=skip,
                ),
                budget,
                out,
            )
            return None
        async with AsyncExitStack() as stack:
            url, key = await self._server(stack)
            return await run(
                url,
                api_key=key,
                model=self._model,
                translation_model=self._translation_model,
                profile=self._profile,
                families=self._families,
                cases=self._cases,
                levels=self._levels,
                skip=skip,
                jobs=jobs,
                budget=budget,
                schema=schema,
                save_to=save,
                on_plan=lambda planned: out.say(_plan_line(planned, budget)),
                on_result=_progress(out),
            )

    async def _server(self, stack: AsyncExitStack) -> tuple[str, str | None]:
        """The URL and the key; starts the loopback server if that is asked."""
        if (self._url is None) == (not self._loopback):
            raise Stop(ExitCode.USAGE, "name one server: a URL, or --loopback")
        if self._url is not None:
            return self._url, self._key(self._url)
        from ..loopback import LoopbackServer

        key = "sk-loopback-0123456789"
        return (await stack.enter_async_context(LoopbackServer(keys=[key]))).url, key

    def _key(self, url: str) -> str | None:
        """The key for that server: OpenAI's goes to OpenAI's own hosts and to no other."""
        name = self._key_env or (KEY if Endpoint.of(url).is_openai else None)
        if name is None:
            return None
        key = os.environ.get(name)
        if not key and self._key_env:
            raise Stop(ExitCode.USAGE, f"--key-env names {name}, which is not set")
        return key or None


def _budget(text: str | None, price: float | None) -> Budget:
    from ..conformance.planning import Budget, parse_budget

    return parse_budget(text, price) if text is not None else Budget(price=price)


def _plan_line(planned: Plan, budget: Budget) -> str:
    cost = f"about {planned.tokens:,} tokens"
    if budget.price is not None:
        cost += f" (${budget.dollars_of(planned.tokens):.2f})"
    cases = "1 case" if len(planned.asked) == 1 else f"{len(planned.asked)} cases"
    return f"{cases}, {cost}, {planned.seconds:.0f} s one after another"


def _print_plan(planned: Plan, budget: Budget, out: Output) -> None:
    for each in planned.planned:
        case = each.case
        cost = f"left out: {each.skip}" if each.skip else f"{case.tokens} tokens, {case.seconds:g} s"
        out.data("case", f"{case.id} {case.level:<6} {case.title} ({cost})")
    out.data("plan", _plan_line(planned, budget))


def _progress(out: Output) -> Callable[[CaseResult], None]:
    """A line for each case that fails, as it does, and for each rule of every session, once."""
    told: set[str] = set()

    def tell(result: CaseResult) -> None:
        if result.verdict in ("fail", "error"):
            out.say(f"{result.case_id} {result.verdict}: {result.message}")
        for breach in result.invariants:
            if breach.id not in told:
                told.add(breach.id)
                out.say(f"{breach.id} fail, first in {result.case_id}: {breach.message}")

    return tell


def _written(kind: str, before: Report | None) -> Callable[[Report], bytes]:
    """What makes a file of a report."""
    if kind == "json":
        import orjson

        return lambda report: orjson.dumps(report.to_dict(), option=orjson.OPT_INDENT_2)
    if kind == "html":
        from ..conformance.html import html

        return lambda report: html(report, before).encode()
    from ..conformance import written

    make: Callable[[Report], str] = getattr(written, kind)
    return lambda report: make(report).encode("utf-8", "replace")


def _show(report: Report, comparison: Comparison | None, out: Output, *, quiet: bool) -> None:
    from ..conformance.terminal import summary_line, terminal

    if quiet:
        out.data("summary", summary_line(report))
        return
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    width = shutil.get_terminal_size((100, 24)).columns
    out.text(terminal(report, colour=not plain, width=width, comparison=comparison))


def _say_what_next(report: Report, writers: list[tuple[Path | None, str]], out: Output) -> None:
    """Where the files are; and with a failure how to go on, for whoever sees one for the first time."""
    for path, kind in writers:
        if path is not None:
            out.say(f"the report as {kind}: {path}")
    asked = [each for each in report.failures if each.case_id.startswith("RT-")]
    if asked and (None, "html") in writers:
        out.say(
            f"one again: --case {asked[0].case_id}; every exchange, to be read: --html report.html; "
            "next time, what has changed: --json now, and --baseline then"
        )


def _exit_code(report: Report, comparison: Comparison | None) -> int:
    from ..conformance.report import REGRESSED

    return REGRESSED if comparison is not None and comparison.regressions else report.exit_code

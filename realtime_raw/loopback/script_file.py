"""Scenario files: TOML or JSON, checked whole before anything runs.

The shapes are data, in the same small language as the client events'; a file
that is wrong says so with its name, the table and the field. What the tables
come to mean is in `script`.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ..errors import RealtimeError
from . import refusals
from .scenario import Call, Failure, McpCall, McpServer, Reply, Say, Segment, Silence, Spoken, Step, Wait
from .script import Condition, Script, ScriptStep
from .validate import (
    ByType,
    Choice,
    Decimal,
    Flag,
    Free,
    Kind,
    ListOf,
    Nullable,
    Shape,
    StringMap,
    Text,
    Whole,
)

__all__ = ["ScenarioError", "load_script", "parse_script"]


class ScenarioError(RealtimeError, ValueError):
    """A scenario file that cannot be used. `table` and `field` are empty where none applies."""

    def __init__(self, file: str, path: str, reason: str) -> None:
        self.file = file
        self.table, _, self.field = path.rpartition(".")
        self.reason = reason
        table = f" in {self.table}" if self.table else ""
        super().__init__(f"{file}: {f'{self.field!r}{table}: ' if path else ''}{reason}")


# --- what a file may hold -----------------------------------------------------------------

_TEXT = Text()
_SECONDS = Decimal(0.0, 3600.0)
_ARGUMENTS = ByType({dict: Free(), str: _TEXT}, "a table or JSON text")
_VERBS: dict[str, Shape] = {
    "say": Shape({"say": _TEXT, "phase": Choice(("commentary", "final_answer"))}),
    "call": Shape({"call": Text(filled=True), "arguments": _ARGUMENTS}),
    "mcp": Shape(
        {
            "mcp": Text(filled=True),
            "tool": Text(filled=True),
            "arguments": _ARGUMENTS,
            "output": _TEXT,
            "error": Shape(
                {
                    "type": Choice(("tool_execution_error", "http_error", "protocol_error")),
                    "code": Whole(),
                    "message": _TEXT,
                },
                ("type", "message"),
            ),
        },
        ("tool",),
    ),
    "silence": Shape({"silence": _SECONDS}),
    "wait": Shape({"wait": _SECONDS}),
}


class _Do:
    """One thing the model does: a table with exactly one verb."""

    def check(self, value: Any, path: str) -> None:
        verbs = [verb for verb in _VERBS if isinstance(value, dict) and verb in value]
        if len(verbs) != 1:
            found = f"found {refusals.listed(verbs)}" if verbs else "found none"
            text = f"expected a table with exactly one of {refusals.listed(list(_VERBS), 'or')}; {found}."
            raise refusals.invalid(path, text)
        _VERBS[verbs[0]].check(value, path)


class _Pattern:
    """A regular expression."""

    def check(self, value: Any, path: str) -> None:
        _TEXT.check(value, path)
        try:
            re.compile(value)
        except re.error as exc:
            raise refusals.invalid(path, f"not a regular expression: {exc}.") from None


_FAILURE = Shape({"code": _TEXT, "message": _TEXT, "type": _TEXT}, ("code", "message"))
_WHEN = Shape(
    {
        "said": _TEXT,
        "matches": _Pattern(),
        "heard": Choice(("text", "audio", "silence", "output", "nothing")),
        "output_of": _TEXT,
        "instructions": _TEXT,
        "metadata": StringMap(),
        "modality": Choice(("audio", "text")),
        "out_of_band": Flag(),
        "response": Whole(1),
    }
)
_ENDS = ("completed", "max_output_tokens", "content_filter")


def _one_ending(step: Mapping[str, Any], path: str) -> None:
    if "fail" in step and step.get("end", "completed") != "completed":
        raise refusals.invalid(f"{path}.end", "a response that fails has no other end; drop 'end' or 'fail'.")


_STEP = Shape(
    {
        "when": _WHEN,
        "times": Whole(1),
        "say": _TEXT,
        "do": ListOf(_Do()),
        "pace": Decimal(0.001, 1000.0),
        "end": Choice(_ENDS),
        "fail": _FAILURE,
    },
    more=_one_ending,
)
_SPOKEN = ByType(
    {
        str: _TEXT,
        dict: Shape(
            {
                "text": _TEXT,
                "languages": ListOf(_TEXT),
                "segments": ListOf(
                    Shape(
                        {"text": _TEXT, "speaker": _TEXT, "start": _SECONDS, "end": _SECONDS},
                        ("text", "speaker", "start", "end"),
                    )
                ),
                "fail": _FAILURE,
            }
        ),
    },
    "a string or a table",
)
_MCP_TOOL = Shape(
    {
        "name": Text(filled=True),
        "description": _TEXT,
        "input_schema": Free(),
        "annotations": Nullable(Free()),
    },
    ("name",),
)
_FILE = Shape(
    {
        "about": _TEXT,
        "spoken": ListOf(_SPOKEN),
        "otherwise": Choice(("default", "silence", "fail")),
        "step": ListOf(_STEP),
        "mcp": ListOf(
            Shape({"label": Text(filled=True), "tools": ListOf(_MCP_TOOL), "fail": _TEXT}, ("label",))
        ),
        "translations": Free(),
    }
)
_TRANSLATIONS: Kind = StringMap()


# --- reading ------------------------------------------------------------------------------


def load_script(path: str | Path) -> Script:
    """The scenario in the file `path`, which ends in `.toml` or `.json`.

    Raises `ScenarioError` for a file that cannot be read, is not TOML or JSON, or holds
    what a scenario has not; the message names the table and the field.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ScenarioError(str(path), "", f"cannot be read: {exc.strerror or exc}") from None
    return parse_script(data, kind=path.suffix.lower().removeprefix("."), name=str(path))


def parse_script(data: bytes, *, kind: str, name: str = "scenario") -> Script:
    """The scenario in `data`; `kind` is `toml` or `json`. Raises `ScenarioError` as `load_script` does."""
    try:
        if kind == "toml":
            tables: Any = tomllib.loads(data.decode())
        elif kind == "json":
            tables = orjson.loads(data)
        else:
            raise ScenarioError(name, "", f"a scenario is a .toml or a .json file, not .{kind or '?'}")
    except (tomllib.TOMLDecodeError, orjson.JSONDecodeError, UnicodeDecodeError) as exc:
        raise ScenarioError(name, "", f"not {kind.upper()}: {exc}") from None
    try:
        _plain_values(tables, "")
        _FILE.check(tables, "")
        for language, words in tables.get("translations", {}).items():
            _TRANSLATIONS.check(words, f"translations.{language}")
    except refusals.Refused as refused:
        raise ScenarioError(name, refused.fault.param or "", refused.fault.message) from None
    return _script(tables)


def _plain_values(value: Any, path: str) -> None:
    """Only what JSON has too: TOML's dates, and its infinities, mean nothing here."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _plain_values(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _plain_values(inner, f"{path}[{index}]")
    elif not isinstance(value, (str, int, float, type(None))) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        raise refusals.invalid(path, f"{value} is neither text nor a finite number, true or false.")


# --- meaning ------------------------------------------------------------------------------


def _script(tables: Mapping[str, Any]) -> Script:
    return Script(
        steps=tuple(_step(step) for step in tables.get("step", ())),
        spoken=tuple(_spoken(each) for each in tables.get("spoken", ())),
        otherwise=tables.get("otherwise", "default"),
        mcp={server["label"]: _mcp_server(server) for server in tables.get("mcp", ())},
        translations=tables.get("translations", {}),
    )


def _step(table: Mapping[str, Any]) -> ScriptStep:
    said = (Say(table["say"]),) if "say" in table else ()
    when = dict(table["when"]) if "when" in table else None
    if when and "matches" in when:
        when["matches"] = re.compile(when["matches"], re.IGNORECASE)
    return ScriptStep(
        reply=Reply(
            (*said, *(_do(each) for each in table.get("do", ()))),
            failure=Failure(**table["fail"]) if "fail" in table else None,
            filtered=table.get("end") == "content_filter",
            limited=table.get("end") == "max_output_tokens",
            pace=table.get("pace", 1.0),
        ),
        when=Condition(**when) if when is not None else None,
        times=table.get("times"),
    )


def _do(table: Mapping[str, Any]) -> Step:
    if "say" in table:
        return Say(table["say"], table.get("phase"))
    if "call" in table:
        return Call(table["call"], table.get("arguments", "{}"))
    if "silence" in table:
        return Silence(table["silence"])
    if "wait" in table:
        return Wait(table["wait"])
    arguments, output = table.get("arguments", "{}"), table.get("output", "")
    return McpCall(table["mcp"], table["tool"], arguments, output, table.get("error"))


def _spoken(given: str | Mapping[str, Any]) -> str | Spoken:
    if isinstance(given, str):
        return given
    segments = tuple(Segment(**segment) for segment in given.get("segments", ()))
    return Spoken(
        text=given.get("text", " ".join(segment.text for segment in segments)),
        segments=segments,
        languages=tuple(given.get("languages", ())),
        failure=Failure(**given["fail"]) if "fail" in given else None,
    )


def _mcp_server(given: Mapping[str, Any]) -> McpServer:
    tools = tuple(
        {
            "name": tool["name"],
            "description": tool.get("description"),
            "input_schema": tool.get("input_schema", {"type": "object", "properties": {}}),
            "annotations": tool.get("annotations"),
        }
        for tool in given.get("tools", ())
    )
    return McpServer(tools, given.get("fail"))

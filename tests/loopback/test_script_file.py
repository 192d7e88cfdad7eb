"""Reading scenario files: the same from TOML and JSON, and errors that say where."""

from __future__ import annotations

import json
import pathlib
import tomllib
from typing import Any

import pytest

from realtime_raw.errors import RealtimeError
from realtime_raw.loopback.scenario import (
    Call,
    Failure,
    McpCall,
    McpServer,
    Reply,
    Say,
    Segment,
    Silence,
    Spoken,
    Translating,
    Wait,
)
from realtime_raw.loopback.script import Condition, Script, ScriptStep
from realtime_raw.loopback.script_file import ScenarioError, load_script, parse_script

EVERYTHING = """
about = "Each thing a file may hold."
otherwise = "fail"
spoken = [
  "Good morning.",
  { segments = [{ text = "Hi.", speaker = "A", start = 0, end = 0.5 }], languages = ["en"] },
  { text = "x", fail = { code = "audio_unintelligible", message = "Mumbling." } },
]

[[step]]
pace = 2
do = [
  { say = "Hm.", phase = "commentary" },
  { wait = 1.5 },
  { silence = 1 },
  { call = "look", arguments = { at = "x" } },
  { mcp = "maps", tool = "route", arguments = "{}", output = "left" },
  { mcp = "maps", tool = "route", error = { type = "http_error", code = 500, message = "no" } },
]

[[step]]
when = { said = "hi", heard = "text", metadata = { k = "v" }, response = 2, out_of_band = false }
times = 3
say = "Hello."
end = "content_filter"

[[step]]
fail = { code = "server_error", message = "Sorry." }

[[mcp]]
label = "maps"
tools = [{ name = "route", description = "The way." }]

[[mcp]]
label = "broken"
fail = "unreachable"

[translations.es]
"Good morning" = "Buenos días"
"""
MEANT = Script(
    steps=(
        ScriptStep(
            reply=Reply(
                (
                    Say("Hm.", "commentary"),
                    Wait(1.5),
                    Silence(1),
                    Call("look", {"at": "x"}),
                    McpCall("maps", "route", "{}", "left"),
                    McpCall("maps", "route", error={"type": "http_error", "code": 500, "message": "no"}),
                ),
                pace=2,
            )
        ),
        ScriptStep(
            reply=Reply((Say("Hello."),), filtered=True),
            when=Condition(said="hi", heard="text", metadata={"k": "v"}, response=2, out_of_band=False),
            times=3,
        ),
        ScriptStep(reply=Reply(failure=Failure("server_error", "Sorry."))),
    ),
    spoken=(
        "Good morning.",
        Spoken("Hi.", (Segment("Hi.", "A", 0, 0.5),), ("en",)),
        Spoken("x", failure=Failure("audio_unintelligible", "Mumbling.")),
    ),
    otherwise="fail",
    mcp={
        "maps": McpServer(
            (
                {
                    "name": "route",
                    "description": "The way.",
                    "input_schema": {"type": "object", "properties": {}},
                    "annotations": None,
                },
            )
        ),
        "broken": McpServer(failure="unreachable"),
    },
    translations={"es": {"Good morning": "Buenos días"}},
)


def test_both_formats_mean_the_same(tmp_path: pathlib.Path) -> None:
    """Each thing a file may hold, field for field."""
    toml, as_json = tmp_path / "a.toml", tmp_path / "a.JSON"
    toml.write_text(EVERYTHING)
    as_json.write_text(json.dumps(tomllib.loads(EVERYTHING)))
    assert load_script(toml) == load_script(str(as_json)) == MEANT
    run = MEANT.start()
    assert isinstance(run, Translating)
    assert [run.translate(text, "es") for text in ("good morning!", "Hello")] == ["Buenos días", "[es] Hello"]


@pytest.mark.parametrize(
    ("text", "table", "field", "words"),
    [
        ("[[step]]\nsya = 'x'", "step[0]", "sya", "Unknown parameter: 'step[0].sya'."),
        ("steps = []", "", "steps", "Unknown parameter"),
        ("[[step]]\nsay = 1", "step[0]", "say", "expected a string, but got an integer"),
        ("[[step]]\n[[step]]\ntimes = 0", "step[1]", "times", "below minimum"),
        ("[[step]]\ndo = [{ sing = 'x' }]", "step[0]", "do[0]", "found none"),
        ("[[step]]\ndo = ['x']", "step[0]", "do[0]", "exactly one of 'say'"),
        ("[[step]]\ndo = [{ say = 'x', wait = 1 }]", "step[0]", "do[0]", "found 'say' and 'wait'"),
        ("[[step]]\ndo = [{ mcp = 'x' }]", "step[0].do[0]", "tool", "Missing"),
        ("[[step]]\ndo = [{ wait = -1 }]", "step[0].do[0]", "wait", "below minimum"),
        ("[[step]]\nwhen = { matches = '(' }", "step[0].when", "matches", "not a regular expression"),
        ("[[step]]\nwhen = { heard = 'noise' }", "step[0].when", "heard", "Supported values are: 'text'"),
        ("[[step]]\nend = 'badly'", "step[0]", "end", "Supported values"),
        (
            "[[step]]\nend = 'content_filter'\nfail = { code = 'x', message = 'y' }",
            "step[0]",
            "end",
            "no other end",
        ),
        ("spoken = [1]", "", "spoken[0]", "a string or a table"),
        ("[[mcp]]\ntools = []", "mcp[0]", "label", "Missing"),
        ("[translations]\nes = 'x'", "translations", "es", "expected an object"),
        ("about = 2026-01-01", "", "about", "2026-01-01 is neither text"),
        ("[[step]]\npace = inf", "step[0]", "pace", "inf is neither text"),
        ("about = ", "", "", "not TOML"),
    ],
)
def test_errors_say_where(text: str, table: str, field: str, words: str) -> None:
    """File, table and field, as attributes and in the sentence."""
    with pytest.raises(ScenarioError, match=r"^s\.toml: ") as caught:
        parse_script(text.encode(), kind="toml", name="s.toml")
    error = caught.value
    assert (error.file, error.table, error.field) == ("s.toml", table, field)
    assert words in error.reason
    assert field in str(error)
    assert isinstance(error, RealtimeError)


def broken(path: pathlib.Path, data: bytes | None) -> str:
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ScenarioError) as caught:
        load_script(path)
    return caught.value.reason


def test_files_that_are_none(tmp_path: pathlib.Path) -> None:
    """Missing, of another kind, not text, not JSON, not a table."""
    cases: list[tuple[str, bytes | None, str]] = [
        ("none.toml", None, "cannot be read: No such file"),
        ("a.yaml", b"", "a scenario is a .toml or a .json file, not .yaml"),
        ("a", b"", "not .?"),
        ("a.toml", b"\xff", "not TOML"),
        ("a.json", b"{", "not JSON"),
        ("b.json", b"[]", "expected an object"),
    ]
    for name, data, words in cases:
        assert words in broken(tmp_path / name, data)


def test_whatever_a_json_file_holds() -> None:
    """Wrong shapes everywhere are errors of ours."""
    values: list[Any] = [None, 1, "x", [], {}, [None], {"a": 1}]
    refused = 0
    for key in ("about", "spoken", "otherwise", "step", "mcp", "translations"):
        for value in values:
            try:
                parse_script(json.dumps({key: value}).encode(), kind="json")
            except ScenarioError:
                refused += 1
    assert refused == 6 * 7 - 5

"""The words of a refusal: where, what, of which kind, and what was probably meant."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

import realtime_raw.events as ev
from realtime_raw import codec
from realtime_raw.errors import InvalidCommand, LocalProtocolError, Problem
from realtime_raw.events.refusal import kind_of, one_of
from tests.events import mutate

Sample = tuple[str, dict[str, Any]]

# Objects whose keys are the caller's own.
FREE = {"parameters", "metadata", "headers", "input_schema", "annotations", "variables"}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"),
        (True, "a boolean"),
        (5, "the number 5"),
        pytest.param(10**5000, "a number beyond 64 bits", id="huge"),
        (0.5, "the number 0.5"),
        ("sk-secret", "a string of 9 characters"),
        ("x", "a string of 1 character"),
        (b"ab", "2 bytes"),
        (memoryview(b"ab"), "2 bytes"),
        ({"a": 1}, "an object"),
        ([1, 2], "a list of 2"),
        ((), "a list of 0"),
        (object(), "a object"),
    ],
)
def test_the_kind_of_a_value(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_a_choice_in_words() -> None:
    assert one_of(("a",)) == "'a'"
    assert one_of(("a", "b", "c")) == "'a', 'b' or 'c'"


def test_a_refusal_names_a_wrong_deciding_field() -> None:
    """Missing, unknown, and of a wrong kind are three different mistakes."""
    expected = "value must be 'server_vad' or 'semantic_vad'"
    for value, path, message, found in (
        ({}, "turn_detection.type", "missing required parameter", ""),
        ({"type": "vad"}, "turn_detection.type", expected, "a string of 3 characters"),
        ({"type": []}, "turn_detection.type", expected, "a list of 0"),
        (ev.PcmFormat(), "turn_detection.type", expected, "a string of 9 characters"),
        (ev.CustomVoice(id="v"), "turn_detection.type", "missing required parameter", ""),
        ("server_vad", "turn_detection", "input should be an object", "a string of 10 characters"),
    ):
        given: Any = value
        with pytest.raises(InvalidCommand) as caught:
            ev.AudioInputConfig(turn_detection=given)
        (problem,) = caught.value.problems
        assert (problem.path, problem.message, problem.found) == (path, message, found)


@pytest.mark.parametrize(
    ("session", "path", "hint"),
    [
        ({"instuctions": "x"}, "session.instuctions", "did you mean 'instructions'?"),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "treshold": 1}}}},
            "session.audio.input.turn_detection.treshold",
            "did you mean 'threshold'?",
        ),
        (
            {"tools": [{"type": "function", "name": "f", "paramaters": {}}]},
            "session.tools[0].paramaters",
            "did you mean 'parameters'?",
        ),
        ({"colour": 1}, "session.colour", None),
    ],
)
def test_a_misspelt_field_is_told_its_name(session: dict[str, Any], path: str, hint: str | None) -> None:
    given: Any = {"type": "realtime", **session}
    with pytest.raises(InvalidCommand) as caught:
        ev.SessionUpdate(session=given)
    assert caught.value.problems == (Problem(path, "unknown parameter", hint=hint),)


def test_every_fault_is_reported_at_once() -> None:
    session: Any = {
        "type": "realtime",
        "audio": {"output": {"speed": 9}},
        "tools": [{"type": "fn"}, {"type": "function"}, 7],
        "colour": 1,
    }
    with pytest.raises(InvalidCommand) as caught:
        ev.SessionUpdate(session=session)
    assert str(caught.value) == (
        "SessionUpdate: "
        "session.audio.output.speed: input should be less than or equal to 1.5 (got the number 9) | "
        "session.tools[0].type: value must be 'function' or 'mcp' (got a string of 2 characters) | "
        "session.tools[1].name: missing required parameter | "
        "session.tools[2]: input should be an object (got the number 7) | "
        "session.colour: unknown parameter"
    )
    assert isinstance(caught.value, LocalProtocolError)
    assert isinstance(caught.value, ValueError)


def test_no_tag_of_a_union_is_in_a_path(client_sample: Sample) -> None:
    """Wherever the fault is, the path is that of the message, as the server would write it."""
    dialect, message = client_sample
    for path, _ in mutate.nodes(message):
        if not path or path == ("type",) or FREE & set(path):
            continue
        with pytest.raises(InvalidCommand) as caught:
            codec.decode_client(orjson.dumps(mutate.put(message, path, {"<x>": [1.5]})), ev.DIALECTS[dialect])
        spelt = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")
        for problem in caught.value.problems:
            assert problem.path.startswith(spelt), (path, problem)
            assert "<" not in problem.path.removeprefix(spelt).replace("<x>", "")

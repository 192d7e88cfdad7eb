"""Events held to our models and to an official bundle: which, and where in it."""

from __future__ import annotations

import builtins
import json
import os
from pathlib import Path
from typing import Any

import pytest

from realtime_raw.conformance.cases import all_cases
from realtime_raw.conformance.invariants import check_journal
from realtime_raw.conformance.lines import Tape
from realtime_raw.conformance.schemas import Bundle, model_faults, sent_faults
from realtime_raw.errors import LocalProtocolError, MissingExtra
from tests.conformance.harness import honest

SPEC = os.environ.get("REALTIME_SPEC", "")


def small_bundle() -> dict[str, Any]:
    """A bundle of the official form, with one event a dialect."""
    text = {"type": "string"}
    part = {"type": "object", "properties": {"text": text}, "required": ["text"]}
    cleared = {
        "type": "object",
        "properties": {
            "type": {"enum": ["input_audio_buffer.cleared"]},
            "event_id": text,
            "note": text,
            "parts": {"type": "array", "items": part},
        },
        "required": ["event_id", "type", "note"],
    }
    closed = {"type": "object", "properties": {"type": {"const": "session.closed"}}, "required": ["event_id"]}
    return {
        "$defs": {
            "RealtimeServerEvent": {"anyOf": [{"$ref": "#/$defs/Cleared"}]},
            "RealtimeTranslationServerEvent": {"oneOf": [{"$ref": "#/$defs/Closed"}]},
            "RealtimeServerEventError": {"type": "object", "required": ["error"]},
            "Cleared": cleared,
            "Closed": closed,
        }
    }


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """The small one, from a file."""
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(small_bundle()))
    return Bundle(path)


def test_an_event_that_breaks_the_bundle_is_named_with_its_path(bundle: Bundle) -> None:
    """Path and words; null is not there, and unknown types are nobody's."""
    event: dict[str, Any] = {"type": "input_audio_buffer.cleared", "event_id": "e", "note": "x"}
    assert bundle.faults(event) == []
    assert bundle.faults({**event, "note": None}) == []
    assert bundle.faults({**event, "note": 1}) == [("note", "1 is not of type 'string'")]
    ((path, message),) = bundle.faults({**event, "parts": [{"text": "a"}, {}]})
    assert (path, "'text' is a required property" in message) == ("parts[1]", True)
    assert bundle.faults({"type": "unheard.of"}) == []
    closed = bundle.faults({"type": "session.closed"}, translation=True)
    assert closed == [("", "'event_id' is a required property")]
    assert bundle.faults({"type": "error"}) == [("", "'error' is a required property")]


def test_a_journal_is_held_to_the_bundle(bundle: Bundle) -> None:
    """By its invariant, at its line."""
    tape = Tape()
    tape.write("in", b'{"type":"input_audio_buffer.cleared","event_id":"e","note":1}', 0.0)
    (breach,) = check_journal(tape.lines, bundle=bundle)
    assert (breach.id, breach.line, breach.path) == ("RT-INV-032", 2, "note")
    assert check_journal(tape.lines) == ()


@pytest.mark.parametrize("text", ["nonsense", "{}", '{"$defs": {"RealtimeServerEvent": {}}}', "[]"])
def test_what_is_no_bundle(tmp_path: Path, text: str) -> None:
    """Is refused, and it says what one is."""
    path = tmp_path / "bundle.json"
    path.write_text(text)
    with pytest.raises(LocalProtocolError, match="no schema bundle"):
        Bundle(path)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """jsonschema is not for everybody."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "jsonschema":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"realtime_raw\[conformance\]"):
        Bundle(tmp_path / "any.json")


def test_our_models_name_the_path() -> None:
    """Of a server's message, and of a client's."""
    assert model_faults(b'{"type":"session.created"}') == []
    ((path, _),) = model_faults(b'{"type":"response.output_text.delta","delta":1}')
    assert path == "delta"
    ((path, message),) = sent_faults(b'{"type":"response.cancel","why":1}')
    assert path == "why"
    assert message
    assert sent_faults(b'{"type":"session.close"}', translation=True) == []


@pytest.mark.skipif(not SPEC, reason="REALTIME_SPEC does not name the official schema bundle")
def test_every_honest_journal_keeps_the_official_bundle() -> None:
    """What the loopback server says in any case validates, null aside."""
    bundle = Bundle(SPEC)
    broken = {
        (case.id, breach.message, breach.path)
        for case in all_cases()
        for breach in check_journal(honest(case).tape.lines, bundle=bundle)
    }
    assert broken == set()

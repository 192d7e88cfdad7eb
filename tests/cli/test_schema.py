"""`schema` prints what can be fed to a validator, and helps with a name half remembered."""

from __future__ import annotations

import json

import jsonschema
import pytest

from realtime_raw.cli.main import main
from realtime_raw.events import catalog


def test_a_schema_is_valid_and_validates(capsys: pytest.CaptureFixture[str]) -> None:
    """It takes a right event and refuses a wrong one."""
    assert main(["schema", "conversation.item.delete"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"type": "conversation.item.delete", "item_id": "item_1"}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"type": "conversation.item.delete"}, schema)


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The same schema, for programs."""
    assert main(["schema", "error"]) == 0
    pretty = capsys.readouterr().out
    assert main(["schema", "error", "--json"]) == 0
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert json.loads(line) == json.loads(pretty)


def test_the_dialects_differ(capsys: pytest.CaptureFixture[str]) -> None:
    """`session.update` exists in both."""
    assert main(["schema", "session.update"]) == 0
    realtime = capsys.readouterr().out
    assert main(["schema", "session.update", "--dialect", "translation"]) == 0
    assert capsys.readouterr().out != realtime


def test_without_an_event_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Direction and wire type."""
    assert main(["schema", "--json"]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [e["type"] for e in listed if e["direction"] == "client"] == list(catalog.REALTIME.client)
    assert [e["type"] for e in listed if e["direction"] == "server"] == list(catalog.REALTIME.server)


@pytest.mark.parametrize(
    ("typo", "said"),
    [
        ("sesion.update", "did you mean session.update"),
        ("response.audio.delta", "response.output_audio.delta"),
        ("zzz", "`schema` alone lists them all"),
    ],
)
def test_a_typo_is_answered_with_near_names(typo: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2; nothing on stdout."""
    assert main(["schema", typo]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""

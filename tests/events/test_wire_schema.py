"""The exported schemas describe what is on the wire: every sample fits its own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import realtime_raw.events as ev

SCHEMAS = Path(__file__).parents[2] / "schemas"
Sample = tuple[str, dict[str, Any]]


@cache
def validator(file: str) -> Any:
    schema = json.loads((SCHEMAS / file).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def file_of(dialect: str, side: str, wire_type: str) -> str:
    entries = json.loads((SCHEMAS / "index.json").read_text())["events"]
    (entry,) = (
        e for e in entries if (e["type"], e["direction"]) == (wire_type, side) and dialect in e["dialects"]
    )
    return str(entry["file"])


def test_what_servers_send_fits(server_sample: Sample) -> None:
    dialect, message = server_sample
    validator(file_of(dialect, "server", message["type"])).validate(message)


def test_what_we_send_fits(client_sample: Sample) -> None:
    dialect, message = client_sample
    validator(file_of(dialect, "client", message["type"])).validate(message)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("client/response.cancel.json", {"type": "response.cancel", "voice": "x"}),
        ("client/response.cancel.json", {}),
        ("client/conversation.item.delete.json", {"type": "conversation.item.delete"}),
        ("client/session.update.json", {"type": "session.update", "session": {"type": "beta"}}),
        ("server/response.done.json", {"type": "response.created"}),
        ("server/response.done.json", {"response": {}}),
        ("server/response.done.json", {"type": "response.done", "response": 5}),
    ],
)
def test_what_is_wrong_does_not(file: str, message: dict[str, Any]) -> None:
    assert not validator(file).is_valid(message)


def test_a_schema_names_no_default_and_requires_its_constant() -> None:
    schema = ev.SessionUpdate.json_schema()
    assert "UNSET" not in json.dumps(schema)
    assert '"default"' not in json.dumps(schema)
    assert schema["required"] == ["type", "session"]
    assert ev.ResponseDone.json_schema()["required"] == ["type"]


def test_a_bare_string_is_in_the_schema_where_it_is_accepted() -> None:
    kinds = ev.ErrorEvent.json_schema()["$defs"]["ErrorDetail"]["anyOf"]
    assert {"type": "string"} in kinds

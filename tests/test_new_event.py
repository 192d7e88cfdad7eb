"""The scaffold for an event that the official API has grown."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from tools import new_event
from tools.check_drift import ROOT

SCHEMA: dict[str, Any] = {
    "required": ["type", "item_id"],
    "properties": {
        "type": {"type": "string", "enum": ["response.hologram.delta"]},
        "event_id": {"type": "string"},
        "item_id": {"type": "string"},
        "index": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "depth": {"type": "number"},
        "last": {"type": "boolean"},
        "points": {"type": "array", "items": {"type": "number"}},
        "light": {"type": "object"},
        "anything": {},
    },
}


def test_the_class_of_a_server_event() -> None:
    text = new_event.class_text("response.hologram.delta", SCHEMA, client=False)
    ast.parse(text)
    assert text.splitlines() == [
        "class ResponseHologramDelta(ServerEvent):",
        '    """`response.hologram.delta`: say what it means and when it comes."""',
        "",
        '    type: Literal["response.hologram.delta"] = "response.hologram.delta"',
        "    item_id: str | None = None",
        "    index: int | None = None",
        "    depth: Number | None = None",
        "    last: bool | None = None",
        "    points: list[dict[str, Any]] | None = None",
        "    light: dict[str, Any] | None = None",
        "    anything: dict[str, Any] | None = None",
    ]


def test_the_class_of_a_client_event() -> None:
    text = new_event.class_text("response.hologram.delta", SCHEMA, client=True)
    ast.parse(text)
    assert "(ClientEvent):" in text
    assert "    item_id: str\n" in text
    assert "    index: Opt[int] = UNSET\n" in text


def test_a_sample_has_every_field() -> None:
    message = new_event.sample("response.hologram.delta", SCHEMA)
    assert message["type"] == "response.hologram.delta"
    assert message.keys() == SCHEMA["properties"].keys()


def scratch(tmp_path: Path) -> Path:
    """A repository with only the files that are written."""
    for name in (
        "realtime_raw/events/catalog.py",
        "realtime_raw/events/server.py",
        "tests/events/samples/realtime_server.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    return tmp_path


def test_writing_adds_class_name_and_sample(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = scratch(tmp_path)
    samples = root / "tests/events/samples/realtime_server.json"
    before = json.loads(samples.read_text())
    assert new_event.samples_text(before) == samples.read_text()
    assert new_event.main(["response.hologram.delta", "--write", "--root", str(root)]) == 0
    assert "class ResponseHologramDelta(ServerEvent):" in capsys.readouterr().out
    text = (root / "realtime_raw/events/server.py").read_text()
    names = next(
        [element.value for element in node.value.elts if isinstance(element, ast.Constant)]
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
    )
    assert "ResponseHologramDelta" in names
    assert names == sorted(map(str, names))
    assert text.count("\n\n\nif TYPE_CHECKING:\n") == 1
    assert '= "response.hologram.delta"\n\n\nif TYPE_CHECKING:\n' in text
    catalog = (root / "realtime_raw/events/catalog.py").read_text()
    assert '    "mcp_list_tools.failed",\n    "response.hologram.delta",\n)\n' in catalog
    assert catalog.count("hologram") == 1
    after = json.loads(samples.read_text())
    assert after.keys() - before.keys() == {"response.hologram.delta"}


@pytest.mark.parametrize("wire_type", ["response.done", "mcp_list_tools.failed"])
def test_an_event_there_already_is_left_alone(wire_type: str, tmp_path: Path) -> None:
    root = scratch(tmp_path)
    before = (root / "realtime_raw/events/server.py").read_text()
    with pytest.raises(ValueError, match=r"server\.py has \w+ already"):
        new_event.write(wire_type, {}, client=False, root=root)
    (root / "realtime_raw/events/server.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"server\.py has no __all__"):
        new_event.write("response.hologram", {}, client=False, root=root)
    assert "ResponseDone" in before


def test_fields_come_from_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unions = (
        "RealtimeClientEvent",
        "RealtimeServerEvent",
        "RealtimeTranslationClientEvent",
        "RealtimeTranslationServerEvent",
    )
    defs: dict[str, Any] = {name: {"anyOf": [{"$ref": "#/$defs/Hologram"}]} for name in unions}
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({"$defs": {**defs, "Hologram": SCHEMA}}))
    assert new_event.main(["response.hologram.delta", "--spec", str(path)]) == 0
    assert "depth: Number | None = None" in capsys.readouterr().out
    assert new_event.main(["response.other", "--client", "--spec", str(path)]) == 2
    assert capsys.readouterr().err == "the bundle has no response.other\n"

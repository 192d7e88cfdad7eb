"""Our vocabulary against the official one: no difference without a listed reason, and no stale file."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import check_drift, export_schemas
from tools.schema_shape import Rules, compare, leaves

SPEC = os.environ.get("REALTIME_SPEC")
needs_spec = pytest.mark.skipif(SPEC is None, reason="REALTIME_SPEC names no bundle of the API reference")


def lines(text: list[str]) -> str:
    return "\n".join(text)


# ---- the promises ---------------------------------------------------------


def test_the_openai_package_and_we_agree() -> None:
    """Field by field, both ways; what differs is in schemas/deviations.toml."""
    found = check_drift.complaints_against_openai()
    assert not found, lines(found)


@needs_spec
def test_the_reference_and_we_agree() -> None:
    found = check_drift.complaints_against_spec(Path(str(SPEC)))
    assert not found, lines(found)


def test_the_lock_and_we_agree() -> None:
    lock = json.loads(check_drift.LOCK.read_text())
    found = check_drift.judge_lock(lock, check_drift.our_tables())
    assert not found, lines(found)
    assert len(lock["commit"]) == 40
    assert len(lock["components"]) > 100


def test_the_schemas_are_fresh() -> None:
    found = export_schemas.stale()
    assert not found, f"run tools/export_schemas.py: {found}"


def test_every_deviation_has_a_reason() -> None:
    entries = check_drift.read_deviations()
    assert len({(e.where, e.what) for e in entries}) == len(entries)
    assert all(len(e.why) > 20 and e.why.endswith((".", ")")) for e in entries)
    assert all(set(e.source) <= {"openai", "spec"} and e.source for e in entries)


# ---- the checks bite ------------------------------------------------------


@pytest.fixture(scope="module")
def ours() -> Any:
    return check_drift.our_tables()


@pytest.fixture(scope="module")
def theirs() -> Any:
    return check_drift.openai_tables()


def complaints(theirs: Any, ours: Any) -> list[str]:
    found = check_drift.differences(theirs, ours, "openai")
    return check_drift.judge(found, check_drift.read_deviations(), "openai")


def changed(tables: Any, table: str, name: str, change: Callable[[dict[str, Any]], Any]) -> Any:
    """The tables with one event's schema changed."""
    schema = copy.deepcopy(tables[table][name])
    change(schema)
    return {**tables, table: {**tables[table], name: schema}}


@pytest.mark.parametrize(
    ("table", "event", "change", "complaint"),
    [
        ("server", "response.output_text.done", lambda s: s["properties"].pop("text"), "text: lacks field"),
        (
            "server",
            "response.done",
            lambda s: s["$defs"]["Usage"]["properties"].pop("input_tokens"),
            "response.usage.input_tokens: lacks field",
        ),
        (
            "server",
            "conversation.item.done",
            lambda s: s["$defs"]["McpCall"]["properties"].pop("approval_request_id"),
            "item<mcp_call>.approval_request_id: lacks field",
        ),
        (
            "server",
            "input_audio_buffer.cleared",
            lambda s: s["properties"].update(noise={"type": "number"}),
            "noise: extra field",
        ),
        (
            "server",
            "response.output_text.delta",
            lambda s: s["properties"].update(delta={"type": "integer"}),
            "delta: lacks kind string",
        ),
        (
            "server",
            "response.done",
            lambda s: s["$defs"]["Response"]["properties"]["status"]["anyOf"][0]["enum"].remove("failed"),
            "response.status: lacks value failed",
        ),
        (
            "server",
            "response.done",
            lambda s: s["$defs"]["Response"]["properties"]["status"]["anyOf"][0]["enum"].append("paused"),
            "response.status: extra value paused",
        ),
        (
            "client",
            "session.update",
            lambda s: s["$defs"]["SemanticVad"]["properties"]["eagerness"]["enum"].remove("low"),
            "audio.input.turn_detection<semantic_vad>.eagerness: lacks value low",
        ),
        (
            "client",
            "conversation.item.truncate",
            lambda s: s["required"].remove("audio_end_ms"),
            "audio_end_ms: optional",
        ),
        (
            "client",
            "response.cancel",
            lambda s: s["required"].append("response_id"),
            "response_id: required",
        ),
        (
            "client",
            "conversation.item.create",
            lambda s: s["$defs"].update(
                NewMcpCall={"type": "object", "properties": {"type": {"const": "x"}}}
            ),
            "item<mcp_call>: lacks variant",
        ),
        (
            "client",
            "conversation.item.create",
            lambda s: s["$defs"].update(
                NewMcpCall={"type": "object", "properties": {"type": {"const": "x"}}}
            ),
            "item<x>: extra variant",
        ),
    ],
)
def test_a_difference_is_found(
    ours: Any, theirs: Any, table: str, event: str, change: Callable[[dict[str, Any]], Any], complaint: str
) -> None:
    found = complaints(theirs, changed(ours, table, event, change))
    assert any(line.endswith(complaint) and f"{table}/{event}:" in line for line in found), lines(found)


def test_an_event_of_one_side_only_is_found(ours: Any, theirs: Any) -> None:
    server = {**ours["server"], "response.hologram": ours["server"]["response.done"]}
    del server["response.done"]
    found = complaints(theirs, {**ours, "server": server})
    assert "openai: server/response.hologram: extra event" in found
    assert "openai: server/response.done: lacks event" in found


def test_a_deviation_that_nothing_needs_is_found() -> None:
    entry = check_drift.Deviation("server/*:colour", "extra field", "because", ("openai",))
    assert check_drift.judge([], [entry], "openai") == [
        "openai: nothing needs the deviation 'server/*:colour' 'extra field'"
    ]
    assert check_drift.judge([], [entry], "spec") == []
    assert check_drift.judge([("server/x:colour", "extra field")], [entry], "openai") == []
    assert check_drift.judge([("server/x:colours", "extra field")], [entry], "openai")[0] == (
        "openai: server/x:colours: extra field"
    )


# ---- the reference, as far as we may carry it: a miniature ---------------


def bundle(**fields: Any) -> dict[str, Any]:
    """A bundle in the form of the reference, with one event in each union."""

    def event(name: str, **extra: Any) -> dict[str, Any]:
        kind = {"type": "string", "enum": [name]}
        return {"type": "object", "required": ["type"], "properties": {"type": kind, **extra}}

    refs = {
        "RealtimeClientEvent": event("response.cancel", **fields),
        "RealtimeServerEvent": event("input_audio_buffer.cleared", event_id={"type": "string"}),
        "RealtimeTranslationClientEvent": event("session.close"),
        "RealtimeTranslationServerEvent": event("session.closed"),
    }
    defs: dict[str, Any] = {name + "One": schema for name, schema in refs.items()}
    defs.update({name: {"anyOf": [{"$ref": f"#/$defs/{name}One"}]} for name in refs})
    return {"$comment": f"commit {'a1' * 20}, info.version 2.3.0. Rest.", "$defs": defs}


def test_a_lock_states_where_what_and_how() -> None:
    lock = check_drift.make_lock(bundle())
    assert (lock["commit"], lock["version"]) == ("a1" * 20, "2.3.0")
    assert lock["events"]["client"] == {"response.cancel": ["type"]}
    assert lock["components"].keys() == bundle()["$defs"].keys()
    nameless = {**bundle(), "$comment": ""}
    assert check_drift.make_lock(nameless)["commit"] is None


def test_a_change_upstream_is_found(ours: Any) -> None:
    tables = {
        table: {name: ours[table][name] for name in events}
        for table, events in (check_drift.make_lock(bundle())["events"].items())
    }
    lock = check_drift.make_lock(bundle())
    assert check_drift.judge_lock(lock, tables, bundle()) == []
    moved = bundle(colour={"type": "string"})
    moved["$defs"]["RealtimeClientEventOne"]["required"].append("colour")
    assert check_drift.judge_lock(lock, tables, moved) == [
        "lock: component RealtimeClientEventOne changed upstream"
    ]
    assert check_drift.judge_lock(check_drift.make_lock(moved), tables) == [
        "lock: client/response.cancel: no field colour"
    ]
    assert "lock: client/session.update: only one of the lock and the catalog has it" in (
        check_drift.judge_lock(lock, ours)
    )


def test_the_reference_states_nulls_and_limits() -> None:
    """Both are compared outward only, and only against a source that states them."""
    theirs = {
        "type": "object",
        "properties": {"a": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]}},
    }
    mine = {"type": "object", "properties": {"a": {"type": "integer", "maximum": 9}}}

    def found(**rules: bool) -> list[tuple[str, str]]:
        return list(compare(list(leaves(theirs, theirs)), list(leaves(mine, mine)), Rules(**rules)))

    assert found(outward=True) == [
        ("a", "lacks kind null"),
        ("a", "lacks limit minimum=0"),
        ("a", "extra limit maximum=9"),
    ]
    assert found(outward=True, nulls=False, limits=False) == []
    assert found(outward=False) == []


def test_values_of_maps_and_lists_are_compared() -> None:
    def schema(kind: str) -> dict[str, Any]:
        inner = {"type": "array", "items": {"type": kind}}
        return {"type": "object", "properties": {"a": {"type": "object", "additionalProperties": inner}}}

    one, other = schema("string"), schema("boolean")
    found = list(compare(list(leaves(one, one)), list(leaves(other, other)), Rules(outward=True)))
    assert found == [("a{}[]", "lacks kind string"), ("a{}[]", "extra kind boolean")]


# ---- the commands ---------------------------------------------------------


def test_check_drift_as_a_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_drift.main([]) == 0
    assert capsys.readouterr().err == "0 unlisted differences\n"
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle()))
    assert check_drift.main(["--spec", str(path)]) == 1
    assert "changed upstream" in capsys.readouterr().out


def test_export_as_a_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    root = tmp_path / "schemas"
    assert export_schemas.main(["--check", "--root", str(root)]) == 1
    assert export_schemas.main(["--root", str(root)]) == 0
    assert export_schemas.main(["--check", "--root", str(root)]) == 0
    capsys.readouterr()
    (root / "server" / "response.done.json").write_text("{}")
    (root / "server" / "response.hologram.json").write_text("{}")
    (root / "client" / "response.cancel.json").unlink()
    assert export_schemas.main(["--check", "--root", str(root)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "stale: client/response.cancel.json",
        "stale: server/response.done.json",
        "stale: server/response.hologram.json",
    ]
    spec = tmp_path / "bundle.json"
    spec.write_text(json.dumps(bundle()))
    assert export_schemas.main(["--root", str(root), "--spec", str(spec)]) == 0
    assert export_schemas.stale(root) == []
    assert not (root / "server" / "response.hologram.json").exists()
    assert json.loads((root / "upstream.lock").read_text())["version"] == "2.3.0"


def test_the_index_names_every_event() -> None:
    index = json.loads((export_schemas.SCHEMAS / "index.json").read_text())
    rows = {(row["type"], row["file"]): row for row in index["events"]}
    assert len(rows) == 66
    assert rows["session.update", "translation/session.update.json"] == {
        "type": "session.update",
        "direction": "client",
        "dialects": ["translation"],
        "transports": ["websocket"],
        "class": "realtime_raw.events.translation.SessionUpdate",
        "file": "translation/session.update.json",
    }
    assert rows["error", "server/error.json"]["dialects"] == ["realtime", "translation"]


def test_the_scripts_run_from_anywhere(tmp_path: Path) -> None:
    for script in ("check_drift.py", "export_schemas.py", "new_event.py"):
        done = subprocess.run(
            [sys.executable, str(check_drift.ROOT / "tools" / script), "--help"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

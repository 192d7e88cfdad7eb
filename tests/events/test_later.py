"""What is loaded when it is asked for: names, classes by wire type, tables by kind, models in fields."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import realtime_raw.events as ev
from realtime_raw import codec
from realtime_raw.events import later, session
from realtime_raw.events.base import ClientEvent, ServerEvent
from realtime_raw.events.later import ByKind, Classes
from tests.house.source import ROOT

EVENTS = Path(ev.__file__).parent
MODULES = sorted(path.stem for path in EVENTS.glob("*.py") if path.stem != "__init__")


def fresh(code: str) -> str:
    """What an interpreter that has loaded nothing yet prints."""
    # Measuring coverage loads modules of its own, so these interpreters go without.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=True, text=True)
    return done.stdout


@pytest.mark.parametrize("module", MODULES)
def test_each_module_can_be_the_first(module: str) -> None:
    """Whichever is imported first, all its names are there, and the package's after it."""
    code = f"""
import importlib
module = importlib.import_module("realtime_raw.events.{module}")
for name in module.__all__:
    getattr(module, name)
import realtime_raw.events as ev
assert ev.{module} is module
for name in ev.__all__:
    getattr(ev, name)
assert len(set(ev.__all__)) == len(ev.__all__)
"""
    fresh(code)


def test_a_class_is_the_same_wherever_it_is_had_from() -> None:
    """There is one of each, and its name is a name of its module."""
    for module, home in (
        (ev.items, "new_items"),
        (ev.items, "mcp_items"),
        (ev.response, "response_config"),
        (ev.server, "seldom"),
        (ev.server, "transcription"),
        (ev.session, "session_config"),
        (ev.session, "session_seldom"),
    ):
        there = sys.modules[f"realtime_raw.events.{home}"]
        shared = set(there.__all__) & set(module.__all__)
        assert len(shared) > 2
        assert all(getattr(module, name) is getattr(there, name) for name in shared)
        assert all(getattr(ev, name) is getattr(there, name) for name in shared)


def test_the_package_exports_what_its_modules_do() -> None:
    parts = (ev.audio_config, ev.client, ev.items, ev.response, ev.server, ev.session)
    assert {name for part in parts for name in part.__all__} <= set(ev.__all__) <= set(dir(ev))


def test_the_import_loads_no_more_than_what_every_session_meets() -> None:
    """And asking for one name loads its module alone."""
    code = """
import sys
import realtime_raw.events as ev
before = set(sys.modules)
{statement}
print(*(name.removeprefix("realtime_raw.events.") for name in sys.modules.keys() - before))
"""
    late = {
        "client",
        "mcp_items",
        "new_items",
        "response_config",
        "seldom",
        "session_config",
        "transcription",
        "translation",
    }
    shown = fresh(code.format(statement="before = set()")).split()
    assert not set(shown) & late
    assert fresh(code.format(statement="ev.McpCall")).split() == ["mcp_items"]
    assert fresh(code.format(statement="ev.DIALECTS['translation'].server['error']")).split() == []
    assert fresh(code.format(statement="ev.TRANSLATION.server['session.closed']")).split() == ["translation"]
    assert fresh(code.format(statement="list(ev.REALTIME.server)")).split() == []


def test_a_name_nobody_has() -> None:
    """With the sentence Python gives for any module."""
    for module in (ev, ev.items, session, ev.catalog):
        with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'Hologram'"):
            _ = module.Hologram


def test_no_event_is_missing_from_the_catalog() -> None:
    """Every class of an event of ours, in whichever module, is in a table of a dialect."""
    listed = {entry.cls for entry in ev.CATALOG}
    todo: list[type[ClientEvent | ServerEvent]] = [ClientEvent, ServerEvent]
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        if cls.wire_type and cls.__module__.startswith("realtime_raw."):
            assert cls in listed


def test_classes_are_a_mapping_like_any_other() -> None:
    table: Classes[ServerEvent] = Classes({"server": ("error", "response.done")})
    assert list(table) == ["error", "response.done"]
    assert len(table) == 2
    assert "error" in table
    assert "session.created" not in table
    assert table == {"error": ev.ErrorEvent, "response.done": ev.ResponseDone}
    assert table.get("session.created") is None
    with pytest.raises(KeyError):
        _ = table["session.created"]
    assert repr(table) == "<2 classes of events>"


def test_a_table_by_kind_finds_a_class_by_itself_or_by_its_wire_type() -> None:
    class Derived(ev.McpListToolsFailed):
        pass

    table: ByKind[int] = ByKind({ev.ResponseDone: 1, "mcp_list_tools.failed": 2, int: 3})
    for _ in range(2):  # found, and remembered
        assert table[ev.ResponseDone] == 1
        assert table[ev.McpListToolsFailed] == table[Derived] == 2
        assert table[int] == 3
        assert table[ev.ErrorEvent] is None
        assert table[ev.UnknownServerEvent] is None
        assert ev.McpListToolsFailed in table
        assert ev.ErrorEvent not in table
        assert str not in table


def test_a_field_of_a_model_that_is_loaded_later() -> None:
    """It comes out of either way of reading, and its mistakes are told where they are."""
    wire = b'{"type":"conversation.item.added","item":{"type":"mcp_call","name":"f","error":{"code":1}}}'
    code = f"""
import sys
from realtime_raw import codec
codec.warm()
assert "realtime_raw.events.mcp_items" not in sys.modules
event = codec.decode({wire!r})
print(type(event.item).__name__, event.item.error.code)
"""
    assert fresh(code).split() == ["McpCall", "1"]
    long_way = codec.decode(wire.decode())
    assert isinstance(long_way, ev.ConversationItemAdded)
    assert isinstance(long_way.item, ev.McpCall)
    assert long_way == codec.decode(wire)
    wrong = codec.decode(wire.replace(b":1}", b':"x"}'))
    assert isinstance(wrong, ev.InvalidServerEvent)
    assert [problem.path for problem in wrong.problems] == ["item.error.code"]


def test_names_of_modules() -> None:
    find = later.names_in("realtime_raw.events.later", {"server": ("ErrorEvent",)}, modules=("server",))
    assert find("ErrorEvent") is ev.ErrorEvent
    assert find("server") is ev.server
    for name in ("ErrorEvent", "server"):
        delattr(later, name)

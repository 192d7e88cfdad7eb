"""Imports go down only; below floor 5 nothing waits, reads a clock or rolls dice."""

from __future__ import annotations

from collections.abc import Iterable

from tests.house.source import PACKAGE, Module, imports, modules, sample

FLOORS = {
    **dict.fromkeys(("errors", "types", "text", "slim", "endpoint", "__version__"), 0),
    "events": 1,
    **dict.fromkeys(("codec", "deltas", "shapes"), 2),
    **dict.fromkeys(("protocol", "audio"), 3),
    **dict.fromkeys(("audit", "dispatch", "edit", "explain", "functions", "handover", "journal"), 4),
    **dict.fromkeys(
        ("audit_facts", "concerns", "line_order", "script", "times", "tokens", "transcript", "turn"), 4
    ),
    **dict.fromkeys(("order_witness", "turnlog", "usage"), 4),
    **dict.fromkeys(("aio", "devices", "loopback"), 5),
    **dict.fromkeys(("cli", "conformance", "export", "pytest_plugin", "__main__"), 6),
}
LINE = 5

# Siblings that must not know one another. A simulator that shared the client's
# state code would share its mistakes, and every test would agree with itself.
STRANGERS = {
    "protocol": {"audio"},
    "audio": {"protocol", "codec", "events"},
    "conformance": {"protocol"},
    "loopback": {
        "protocol",
        "aio",
        "devices",
        *(unit for unit, floor in FLOORS.items() if floor == 4),
    },
}

WAITS = {"asyncio", "concurrent", "multiprocessing", "select", "selectors", "signal", "threading"}
REACHES_OUT = {"os", "socket", "sounddevice", "soundfile", "ssl", "subprocess", "typer", "rich", "websockets"}
DIFFERS_EACH_TIME = {"random", "secrets", "time", "uuid"}
FORBIDDEN_BELOW = WAITS | REACHES_OUT | DIFFERS_EACH_TIME
EXEMPT = {
    # Uncontended, and only where the interpreter runs without the GIL: it
    # orders the publication of two counters and never covers a copy.
    ("audio.ring", "threading"): "threading.Lock",
}
NUMPY_IN = frozenset({"audio", "devices", "loopback", "aio", "cli", "conformance", "export"})


def climbing(found: Iterable[Module]) -> list[str]:
    """Imports that go up, or sideways to a stranger."""
    found = list(found)
    known = frozenset(module.name for module in found)
    complaints = []
    for module in found:
        if module.unit == "__init__":
            continue
        for name, line in imports(module, known):
            if name.partition(".")[0] != PACKAGE:
                continue
            unit = name.partition(".")[2].partition(".")[0] or "__init__"
            mine, theirs = FLOORS.get(module.unit, 0), FLOORS.get(unit, 6)
            if theirs > mine or unit in STRANGERS.get(module.unit, ()):
                complaints.append(f"{module.name}:{line} imports {name}")
    return complaints


def forbidden(found: Iterable[Module]) -> list[str]:
    """Imports below the line of anything that waits, reads a clock or rolls dice."""
    complaints = []
    for module in found:
        short = module.name.partition(".")[2]
        for name, line in imports(module, frozenset()):
            top = name.partition(".")[0]
            banned = top in FORBIDDEN_BELOW and FLOORS.get(module.unit, LINE) < LINE
            banned = banned or (top == "numpy" and module.unit not in NUMPY_IN)
            if banned and (short, top) not in EXEMPT:
                complaints.append(f"{module.name}:{line} imports {name}")
    return complaints


def cycles(found: Iterable[Module]) -> list[str]:
    """Modules that import one another, in a ring of any length."""
    found = list(found)
    known = frozenset(module.name for module in found)
    edges = {m.name: {n for n, _ in imports(m, known) if n in known and n != m.name} for m in found}
    # What is left after taking away, again and again, whoever imports nothing left.
    while leaves := [name for name, targets in edges.items() if not targets & edges.keys()]:
        for name in leaves:
            del edges[name]
    return sorted(edges)


def test_every_module_has_a_floor() -> None:
    """A new module must be given its floor here, on purpose."""
    assert {module.unit for module in modules()} - FLOORS.keys() == {"__init__"}


def test_imports_go_down_only() -> None:
    """No floor knows the one above it, and siblings stay strangers."""
    assert climbing(modules()) == []


def test_below_the_line_nothing_waits() -> None:
    """The core is given `now` and bytes; it fetches neither."""
    assert forbidden(modules()) == []


def test_no_cycles() -> None:
    """Each module can be read with only what lies below it in mind."""
    assert cycles(modules()) == []


def test_the_one_exemption_is_used_as_explained() -> None:
    """`ring.py` may have a lock, and nothing else of `threading`."""
    for (short, top), allowed in EXEMPT.items():
        text = next((m.text for m in modules() if m.name == f"{PACKAGE}.{short}"), "")
        used = {allowed if "Lock" in word else word for word in _uses(text, top)}
        assert used <= {allowed}


def _uses(text: str, top: str) -> set[str]:
    import re

    return set(re.findall(rf"\b{top}\.\w+", text)) | set(re.findall(rf"from {top} import (\w+)", text))


def test_the_checks_bite() -> None:
    """Each check, shown a house that breaks its rule, says where."""
    up = sample("codec", "from .protocol import core\n")
    core = sample("protocol.core", "def f():\n    from ..audio import player\n")
    twin = sample("loopback.brain", "from ..protocol.core import RealtimeProtocol\n")
    assert climbing([up]) == ["realtime_raw.codec:1 imports realtime_raw.protocol"]
    assert climbing([core]) == ["realtime_raw.protocol.core:2 imports realtime_raw.audio"]
    assert climbing([twin]) == ["realtime_raw.loopback.brain:1 imports realtime_raw.protocol.core"]
    assert climbing([sample("events.base", "from .. import codec\n")])

    clock = sample("protocol.core", "import time\nfrom asyncio import sleep\nimport numpy as np\n")
    assert forbidden([clock]) == [
        "realtime_raw.protocol.core:1 imports time",
        "realtime_raw.protocol.core:2 imports asyncio",
        "realtime_raw.protocol.core:3 imports numpy",
    ]
    assert forbidden([sample("audio.ring", "import threading\n")]) == []
    hidden = sample("codec", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import time\n")
    assert forbidden([hidden]) == []

    ring = [sample("types", "from .text import a\n"), sample("text", "from .types import b\n")]
    assert cycles(ring) == ["realtime_raw.text", "realtime_raw.types"]
    assert cycles([*ring[:1], sample("text", "")]) == []

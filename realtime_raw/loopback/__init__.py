"""A server that behaves like the Realtime API, for development, tests and demonstrations.

`SimulatedSession` is one session without a socket (sans-I/O); `LoopbackServer`
puts sessions behind a WebSocket on 127.0.0.1. What the simulated model says is
a `Scenario`. Nothing here imports the client's protocol core: a simulator that
shared its code would share its mistakes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .behaviour import Behaviour
    from .brain import SimulatedSession
    from .ids import Ids
    from .scenario import Call, DefaultScenario, Failure, Reply, Say, Scenario, Turn
    from .server import LoopbackServer
    from .sound import Heard
    from .speech import best_speaker, murmur_speaker

__all__ = [
    "Behaviour",
    "Call",
    "DefaultScenario",
    "Failure",
    "Heard",
    "Ids",
    "LoopbackServer",
    "Reply",
    "Say",
    "Scenario",
    "SimulatedSession",
    "Turn",
    "best_speaker",
    "murmur_speaker",
]

_HOMES = {
    "Behaviour": "behaviour",
    "Call": "scenario",
    "DefaultScenario": "scenario",
    "Failure": "scenario",
    "Heard": "sound",
    "Ids": "ids",
    "LoopbackServer": "server",
    "Reply": "scenario",
    "Say": "scenario",
    "Scenario": "scenario",
    "SimulatedSession": "brain",
    "Turn": "scenario",
    "best_speaker": "speech",
    "murmur_speaker": "speech",
}


def __getattr__(name: str) -> Any:
    # Lazily: a simulated session needs no websockets, and a schema check needs no numpy.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

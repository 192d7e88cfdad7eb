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
    from .default_scenario import DefaultScenario
    from .expect import ExpectationFailed, Expected
    from .faults import FAULTS, Fault, FaultError, describe_faults, parse_fault
    from .ids import Ids
    from .scenario import (
        Call,
        Failure,
        McpCall,
        McpServer,
        Reply,
        Say,
        Scenario,
        Segment,
        Silence,
        Spoken,
        Turn,
        Wait,
    )
    from .script import Script
    from .script_file import ScenarioError, load_script
    from .secrets import ClientSecret
    from .server import LoopbackServer
    from .sound import Heard
    from .speech import best_speaker, murmur_speaker
    from .talk import SimulatedTalk
    from .traffic import Unreadable

__all__ = [
    "FAULTS",
    "Behaviour",
    "Call",
    "ClientSecret",
    "DefaultScenario",
    "ExpectationFailed",
    "Expected",
    "Failure",
    "Fault",
    "FaultError",
    "Heard",
    "Ids",
    "LoopbackServer",
    "McpCall",
    "McpServer",
    "Reply",
    "Say",
    "Scenario",
    "ScenarioError",
    "Script",
    "Segment",
    "Silence",
    "SimulatedSession",
    "SimulatedTalk",
    "Spoken",
    "Turn",
    "Unreadable",
    "Wait",
    "best_speaker",
    "describe_faults",
    "load_script",
    "murmur_speaker",
    "parse_fault",
]

_HOMES = {
    "FAULTS": "faults",
    "Behaviour": "behaviour",
    "Call": "scenario",
    "ClientSecret": "secrets",
    "DefaultScenario": "default_scenario",
    "ExpectationFailed": "expect",
    "Expected": "expect",
    "Failure": "scenario",
    "Fault": "faults",
    "FaultError": "faults",
    "Heard": "sound",
    "Ids": "ids",
    "LoopbackServer": "server",
    "McpCall": "scenario",
    "McpServer": "scenario",
    "Reply": "scenario",
    "Say": "scenario",
    "Scenario": "scenario",
    "ScenarioError": "script_file",
    "Script": "script",
    "Segment": "scenario",
    "Silence": "scenario",
    "SimulatedSession": "brain",
    "SimulatedTalk": "talk",
    "Spoken": "scenario",
    "Turn": "scenario",
    "Unreadable": "traffic",
    "Wait": "scenario",
    "best_speaker": "speech",
    "describe_faults": "faults",
    "load_script": "script_file",
    "murmur_speaker": "speech",
    "parse_fault": "faults",
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

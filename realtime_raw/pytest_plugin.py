"""The pytest plugin: a Realtime server, and a session in simulated time, as fixtures.

pytest finds it by itself wherever this package is installed, so nothing is
loaded here until a test asks for it. Besides this module only `conformance.pytest` imports pytest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .loopback import LoopbackServer
    from .loopback.talk import SimulatedTalk

__all__ = ["pytest_configure", "realtime_server", "realtime_session"]

_MARKERS = (
    "realtime_server(**options): how the fixture `realtime_server` starts its `LoopbackServer`",
    "realtime_session(**options): how the fixture `realtime_session` makes its `SimulatedSession`",
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known, for projects that allow no others."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture
def realtime_server(request: pytest.FixtureRequest) -> Iterator[LoopbackServer]:
    """A running `LoopbackServer`, in a thread of its own: for tests of every kind, asynchronous or not.

    It answers at once and murmurs the same on every machine, unless
    `@pytest.mark.realtime_server(speed=..., scenario=..., ...)` says otherwise.
    The test fails if a script given to `expect` was not followed.
    """
    from .loopback import LoopbackServer, murmur_speaker

    defaults = {"speed": math.inf, "speaker": murmur_speaker()}
    with LoopbackServer(**_options(request, "realtime_server", defaults)) as server:
        yield server


@pytest.fixture
def realtime_session(request: pytest.FixtureRequest) -> SimulatedTalk:
    """A `SimulatedTalk`: a session at its natural pace, in simulated time, without a socket.

    `@pytest.mark.realtime_session(...)` takes what `SimulatedSession` takes.
    """
    from .loopback import SimulatedSession
    from .loopback.talk import SimulatedTalk

    return SimulatedTalk(SimulatedSession(**_options(request, "realtime_session", {"speed": 1.0})))


def _options(request: pytest.FixtureRequest, marker: str, defaults: dict[str, Any]) -> dict[str, Any]:
    """Defaults, overridden by markers, the one closest to the test last."""
    options = dict(defaults)
    for mark in reversed(list(request.node.iter_markers(marker))):
        options.update(mark.kwargs)
    return options

"""The package's public names."""

from __future__ import annotations

import subprocess
import sys

import pytest

from realtime_raw import loopback


def test_every_public_name_is_there() -> None:
    """Loaded on first use, the same object afterwards, and listed."""
    for name in loopback.__all__:
        assert getattr(loopback, name) is getattr(loopback, name)
    assert set(loopback.__all__) <= set(dir(loopback))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = loopback.nothing


def test_a_simulated_session_needs_no_socket() -> None:
    """Neither websockets nor asyncio is loaded for it, nor the client's core."""
    program = (
        "import sys; from realtime_raw.loopback import SimulatedSession;"
        "s = SimulatedSession(); s.connected(0.0); assert s.data_to_send();"
        "print([m for m in ('websockets', 'asyncio', 'realtime_raw.protocol', 'realtime_raw.aio', 'pydantic')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

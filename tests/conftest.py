"""What every test may rely on: no key, no server and no colour of the machine it runs on."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("realtime_raw", deadline=None)
settings.load_profile("realtime_raw")

SETTINGS = (
    "OPENAI_API_KEY",
    "REALTIME_RAW_URL",
    "REALTIME_RAW_MODEL",
    "REALTIME_RAW_VOICE",
    "REALTIME_RAW_TRANSPORT",
    "NO_COLOR",
)


@pytest.fixture(autouse=True)
def _bare_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that wants a setting sets it; one marked `live` keeps what there is."""
    if request.node.get_closest_marker("live") is None:
        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)

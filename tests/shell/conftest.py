"""What every test of the shell must leave behind: nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest


@pytest.fixture(params=["websockets", "fast"])
def framing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test is run with each framing of the line, which must not differ in anything."""
    name: str = request.param
    monkeypatch.setenv("REALTIME_RAW_TRANSPORT", name)
    return name


@pytest.fixture(autouse=True)
async def _no_task_left() -> AsyncIterator[None]:
    """Whatever a test did, no task of it is still there."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()

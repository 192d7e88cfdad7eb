"""Waking everyone who waits, once per ring."""

from __future__ import annotations

import asyncio

import pytest

from realtime_raw.aio.bell import Bell


async def test_a_ring_wakes_all_who_wait_and_nobody_later() -> None:
    """A ring is not remembered."""
    bell = Bell()
    bell.ring()
    waiting = [asyncio.create_task(bell.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    bell.ring()
    bell.ring()
    await asyncio.gather(*waiting)
    late = asyncio.create_task(bell.wait())
    await asyncio.sleep(0)
    assert not late.done()
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late


async def test_a_cancelled_waiter_disturbs_nobody() -> None:
    """Cancelled before or in the very moment of the ring."""
    bell = Bell()
    one, two = asyncio.create_task(bell.wait()), asyncio.create_task(bell.wait())
    await asyncio.sleep(0)
    one.cancel()
    bell.ring()
    await asyncio.wait({one, two})
    assert one.cancelled()
    assert not two.cancelled()
    assert not bell._waiting

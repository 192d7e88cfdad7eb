"""The record of what was said, the timeline, the ids: the small bounded things."""

from __future__ import annotations

import math
from collections.abc import Iterator

from realtime_raw.loopback.ids import Ids
from realtime_raw.loopback.outbox import Outbox, TrafficLog
from realtime_raw.loopback.timeline import Timeline


def test_the_log_is_bounded_by_number_and_by_size() -> None:
    """The oldest go, the newest stays however large."""
    log = TrafficLog(limit=3, max_bytes=100)
    for n in range(5):
        log.add({"n": n}, 10)
    assert [message["n"] for message in log.messages()] == [2, 3, 4]
    assert log.dropped == 2
    log.add({"n": 5}, 95)
    assert [message["n"] for message in log.messages()] == [5]
    log.add({"n": 6}, 500)
    assert [message["n"] for message in log.messages()] == [6]


def test_events_are_drained_once() -> None:
    """In order, as bytes."""
    out = Outbox(Ids())
    out.emit("a", x=1)
    out.emit_text("b", delta="x" * 16)
    first, second = out.drain()
    assert first.startswith(b'{"type":"a","event_id":"event_')
    assert second.endswith(b'"delta":"xxxxxxxxxxxxxxxx","obfuscation":""}')
    assert out.drain() == []


def test_jobs_run_in_the_order_of_time() -> None:
    """Earliest first, ties in the order they were added; a stopped one says no more."""
    said: list[str] = []

    def job(name: str, *waits: float) -> Iterator[float]:
        for wait in waits:
            said.append(name)
            yield wait
        said.append(name.upper())

    line = Timeline(speed=2.0)
    assert not len(line)
    line.add(job("a", 2.0, 2.0), 0.0)
    line.add(job("b", 3.0), 0.0)
    stopped = line.add(job("c", 1.0), 0.0)
    line.run(0.0)
    assert (said, len(line)) == (["a", "b", "c"], 3)
    line.stop(stopped)
    line.stop(stopped)
    assert line.next_due == 1.0
    line.run(10.0)
    assert said == ["a", "b", "c", "a", "B", "A"]
    line.add(job("d", 5.0), 10.0)
    line.clear()
    assert not len(line)


def test_at_infinite_speed_a_job_runs_to_its_end() -> None:
    """Whatever it says it takes."""
    line = Timeline(math.inf)
    line.add(iter([1000.0, 1000.0]), 5.0)
    line.run(5.0)
    assert len(line) == 0

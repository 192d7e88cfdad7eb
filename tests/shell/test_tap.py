"""The journal's place in the stream: silent without one, and after it failed."""

from __future__ import annotations

import io
from typing import Any

from realtime_raw.aio.tap import Tap
from realtime_raw.journal import JournalWriter, read_journal


def test_times_count_from_the_beginning() -> None:
    """Whatever the clock shows."""
    stream = io.BytesIO()
    tap = Tap(JournalWriter(stream))
    tap.begin(100.0)
    assert tap.write("in", b"{}", 100.25) is None
    assert tap.note({"a": 1}, 101.5) is None
    stream.seek(0)
    assert [(line.t, line.d, line.m) for line in read_journal(stream)] == [
        (0.25, "in", {}),
        (1.5, "note", {"a": 1}),
    ]
    tap.close()
    assert not stream.closed


def test_without_a_journal() -> None:
    """Nothing happens."""
    tap = Tap()
    assert tap.write("in", b"{}", 1.0) is None
    assert tap.note({}, 1.0) is None
    tap.close()


class Bad(io.BytesIO):
    """A stream that takes a header and no more, and cannot even be closed."""

    broken = False

    def write(self, data: Any) -> int:
        if self.broken:
            raise OSError(5, "Input/output error")
        return super().write(data)

    def close(self) -> None:
        super().close()
        if self.broken:
            self.broken = False
            raise OSError(5, "Input/output error")


def test_it_fails_once() -> None:
    """In words, and then it is silent; closing hides what cannot be helped."""
    stream = Bad()
    tap = Tap(JournalWriter(stream), stream)
    stream.broken = True
    trouble = tap.write("in", b"{}", 0)
    assert trouble is not None
    assert "Input/output error" in trouble
    assert tap.write("in", b"{}", 0) is None
    tap.close()
    tap.close()
    assert stream.closed

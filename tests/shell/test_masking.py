"""Frames as the websockets library writes them, to the byte; keys that nobody can foresee."""

from __future__ import annotations

import itertools

import pytest
from websockets.frames import Frame, Opcode

from realtime_raw.aio.masking import frame, masks

FRAMES = [
    *((Opcode.TEXT, size) for size in (0, 1, 125, 126, 127, 1326, 65535, 65536, 70001)),
    *((opcode, size) for opcode in (Opcode.CLOSE, Opcode.PING, Opcode.PONG) for size in (0, 2, 125)),
]
KEY = b"\x01\xf2\x03\x84"


@pytest.mark.parametrize(("opcode", "size"), FRAMES)
def test_a_frame_is_the_librarys(opcode: Opcode, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same key it is the same frame."""
    data = bytes(n * 7 % 251 for n in range(size))
    monkeypatch.setattr("secrets.token_bytes", lambda count: KEY)
    assert frame(opcode, data, KEY) == Frame(opcode, data).serialize(mask=True)


def test_keys_are_four_bytes_and_differ() -> None:
    """Beyond what is fetched at a time, and from one line to the next."""
    found = [*itertools.islice(masks(), 1000), *itertools.islice(masks(), 1000)]
    assert {len(one) for one in found} == {4}
    assert len(set(found)) > 1990

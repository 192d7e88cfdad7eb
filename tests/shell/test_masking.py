"""Frames as the websockets library writes them, to the byte; keys that nobody can foresee."""

from __future__ import annotations

import itertools

import pytest
from websockets.frames import Frame, Opcode

from realtime_raw.aio.masking import frame, masks

SIZES = (0, 1, 125, 126, 127, 1326, 65535, 65536, 70001)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.CLOSE, Opcode.PING, Opcode.PONG])
def test_a_frame_is_the_librarys(size: int, opcode: Opcode, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same key it is the same frame."""
    if opcode is not Opcode.TEXT and size > 125:
        pytest.skip("control frames are short")
    data = bytes(n * 7 % 251 for n in range(size))
    monkeypatch.setattr("secrets.token_bytes", lambda count: b"\x01\xf2\x03\x84")
    assert frame(opcode, data, b"\x01\xf2\x03\x84") == Frame(opcode, data).serialize(mask=True)


def test_keys_are_four_bytes_and_differ() -> None:
    """Beyond what is fetched at a time, and from one line to the next."""
    found = [*itertools.islice(masks(), 1000), *itertools.islice(masks(), 1000)]
    assert {len(one) for one in found} == {4}
    assert len(set(found)) > 1990

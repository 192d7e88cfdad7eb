"""Bytes become keys, however they are cut into pieces; nothing unknown types anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.cli.screen.keys import Key, KeyReader


def keys(*data: bytes, encoding: str = "utf-8") -> list[Key]:
    """All keys of these pieces, the last of them flushed."""
    reader = KeyReader(encoding)
    found = [key for piece in data for key in reader.feed(piece)]
    return [*found, *reader.flush()]


CASES = [
    (b"a", [Key("text", "a")]),
    ("é€🙂".encode(), [Key("text", "é"), Key("text", "€"), Key("text", "🙂")]),
    (b"\r\n", [Key("enter"), Key("enter")]),
    (b"\t\x7f\x08", [Key("tab"), Key("backspace"), Key("backspace")]),
    (b"\x03\x04\x12", [Key("ctrl-c"), Key("ctrl-d"), Key("ctrl-r")]),
    (b"\0", [Key("ctrl-space")]),
    (b"\x1b", [Key("esc")]),
    (b"\x1b\x1b", [Key("esc"), Key("esc")]),
    (b"\x1bq", [Key("esc"), Key("text", "q")]),
    (b"\x1b[A\x1b[B\x1b[C\x1b[D", [Key("up"), Key("down"), Key("right"), Key("left")]),
    (b"\x1bOA\x1bOH\x1bOF", [Key("up"), Key("home"), Key("end")]),
    (b"\x1b[1~\x1b[4~\x1b[7~\x1b[8~\x1b[3~", [Key(n) for n in ("home", "end", "home", "end", "delete")]),
    (b"\x1b[1;5C", [Key("right")]),  # with Ctrl held
    (b"\x1b[15~\x1b[Z\x1b[[Ax", [Key("text", "x")]),  # F5, Shift-Tab, F1 of a Linux console
    (b"\x1b[<0;10;20Mx", [Key("text", "x")]),  # a mouse nobody asked for
    (b"\x1bOM", [Key("enter")]),  # of the number block
    (b"\x1b[200~two\rlines\x1b[201~!", [Key("paste", "two\nlines"), Key("text", "!")]),
    (b"\x1b[200~\x1b[2Jevil\x1b[201~", [Key("paste", "[2Jevil")]),
    (b"\xff", [Key("text", "\ufffd")]),
]


@pytest.mark.parametrize(("data", "found"), CASES)
def test_keys(data: bytes, found: list[Key]) -> None:
    """Whole, and byte by byte."""
    assert keys(data) == found
    assert keys(*(bytes([byte]) for byte in data)) == found


def test_an_esc_waits_to_be_told_apart() -> None:
    """It may be the beginning of an arrow key; a paste that has begun is none."""
    reader = KeyReader()
    assert reader.feed(b"\x1b") == []
    seen = [reader.waiting]
    assert reader.feed(b"[A") == [Key("up")]
    seen.append(reader.waiting)
    assert seen == [True, False]
    assert reader.flush() == []
    reader.feed(b"\x1b[")
    assert reader.flush() == [Key("esc"), Key("text", "[")]
    reader.feed(b"\x1b[200~half")
    assert not reader.waiting
    assert reader.feed(b" and half\x1b[201~") == [Key("paste", "half and half")]


def test_other_encodings() -> None:
    """What the terminal's encoding says; where it can show ASCII only, letters beyond it can be typed."""
    assert keys(b"\xe9", encoding="latin-1") == [Key("text", "é")]
    assert keys("é€".encode(), encoding="ANSI_X3.4-1968") == [Key("text", "é"), Key("text", "€")]
    assert keys(b"\xe9x", encoding="ascii") == [Key("text", "\ufffd"), Key("text", "x")]


@given(st.binary(max_size=60), st.integers(1, 7))
def test_no_bytes_break_it(data: bytes, size: int) -> None:
    """And however they come, the same keys come out, all of them printable."""
    reader = KeyReader()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    found = [key for piece in pieces for key in reader.feed(piece)]
    whole = KeyReader()
    assert found == whole.feed(data)
    assert reader.flush() == whole.flush()
    assert all(
        char.isprintable() or char in "\n\ufffd" for key in found for char in key.text if ord(char) < 256
    )

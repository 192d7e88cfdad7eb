"""Untrusted text: nothing that moves a cursor, nothing that opens a door."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.text import printable, redact, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("Grüße, 世界 👩‍🚀", "Grüße, 世界 👩‍🚀"),
        ("a\x1b[2Jb", "a[2Jb"),
        ("a\x9b31mb", "a31mb"),
        ("bell\x07 nul\x00 del\x7f", "bell nul del"),
        ("one\ntwo\r\nthree\tfour", "one two three four"),
        ("safe\u202eevil", "safeevil"),
        ("\u2066isolated\u2069 \u200emarks\u200f", "isolated marks"),
        ("line\u2028paragraph\u2029", "lineparagraph"),
        ("half \ud83d pair", "half  pair"),
    ],
)
def test_only_printable_characters_are_left(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_newlines_stay_if_asked_for() -> None:
    assert printable("one\n\ttwo\x1b", newlines=True) == "one\n two"


@given(st.text(st.characters()))
def test_nothing_printable_is_lost_and_nothing_else_kept(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert all(unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") for char in shown)
    assert [c for c in text if c.isalnum()] == [c for c in shown if c.isalnum()]
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Incorrect API key provided: sk-proj-abc123.", "Incorrect API key provided: ***"),
        ("key sk-abcd****************wxyz is wrong", "key *** is wrong"),
        ("ek_68a1b2c3d4 expired", "*** expired"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("authorization: bearer abc", "authorization: bearer ***"),
        ("realtime, openai-insecure-api-key.ek_123, x", "realtime, openai-insecure-api-key.***, x"),
        ("api-key: 0123456789abcdef", "api-key: ***"),
        ('{"api_key": "0123", "model": "m"}', '{"api_key": "***", "model": "m"}'),
        ("wss://host/path?api-key=0123&model=m", "wss://host/path?api-key=***&model=m"),
        ("[2Jsk-abcdef123456", "[2J***"),
        ("a task-force is no key, nor is risk-averse or whisk-something-long", None),
        ("{'Authorization': 'Bearer 0123'}", "{'Authorization': 'Bearer ***'}"),
        ("the bearer of bad news", None),
        ("the API key is wrong", None),
    ],
)
def test_keys_are_replaced(text: str, shown: str | None) -> None:
    assert redact(text) == (text if shown is None else shown)


def test_safe_is_both() -> None:
    assert safe("\x1b]0;sk-abcdef12\x07") == "]0;***"

"""Small facts: sentinels that mean nothing else, and sums that never say too much."""

from __future__ import annotations

import copy
import pickle

import pytest

from realtime_raw.types import UNSET, AudioKey, CloseInfo, ErrorInfo, Heard


def test_unset_is_one_and_false() -> None:
    assert not UNSET
    assert repr(UNSET) == "UNSET"
    assert copy.deepcopy(UNSET) is UNSET
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET


def test_a_key_names_a_part() -> None:
    assert AudioKey("item_1") == ("item_1", 0)


@pytest.mark.parametrize(
    ("frames", "received", "ms", "complete"),
    [
        (0, 24000, 0, False),
        (23, 24000, 0, False),
        (24, 24000, 1, False),
        (35999, 48000, 1499, False),
        (24000, 24000, 1000, True),
        (30000, 24000, 1000, True),
        (0, 0, 0, True),
    ],
)
def test_heard_is_rounded_down_and_never_more_than_received(
    frames: int, received: int, ms: int, complete: bool
) -> None:
    heard = Heard(AudioKey("item_1"), frames, received, 24000)
    assert (heard.ms, heard.complete) == (ms, complete)
    assert heard.ms <= heard.received_ms


def test_a_close_as_words() -> None:
    assert str(CloseInfo(1001, "Your session hit the maximum duration")) == (
        "1001 Your session hit the maximum duration"
    )
    assert str(CloseInfo(1006)) == "1006"
    assert str(CloseInfo(4000, "bad \x1b[2J sk-abcdef12")) == "4000 bad [2J ***"
    assert "abcdef" not in repr(CloseInfo(3000, "sk-abcdef12"))
    assert repr(CloseInfo(1000, "bye", by_us=True)) == "CloseInfo(code=1000, reason='bye', by_us=True)"


def test_an_error_as_words_shows_no_key() -> None:
    error = ErrorInfo("Incorrect API key provided: sk-abcdef12", code="invalid_api_key")
    assert error.message.endswith("sk-abcdef12")
    assert repr(error) == "ErrorInfo(message='Incorrect API key provided: ***', code='invalid_api_key')"

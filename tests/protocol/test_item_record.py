"""The pieces records are made of: texts in pieces and whole, drafts with a bound, lengths."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.protocol.item_record import (
    MAX_DRAFTS,
    Drafts,
    ItemRecord,
    PartRecord,
    Stage,
    Words,
    base64_size,
)

Pieces = st.lists(st.text(min_size=1, max_size=8), max_size=12)


def words(*pieces: str) -> Words:
    made = Words()
    for piece in pieces:
        assert made.add(piece)
    return made


def test_pieces_add_up() -> None:
    """Until the whole replaces them."""
    made = Words()
    assert (made.value, made.streamed) == (None, False)
    made.add("Hel")
    made.add("lo")
    assert (made.value, made.value, made.streamed) == ("Hello", "Hello", True)
    assert made.settle("Hello", all_came=True)
    assert made.value == "Hello"


@pytest.mark.parametrize(
    ("pieces", "whole", "agrees"),
    [
        ([], "Hello", True),
        ([], "", True),
        (["Hel", "lo"], "Hello", True),
        (["Hel"], "Hello", False),
        (["Hello", "!"], "Hello", False),
        (["Hi"], "", False),
    ],
)
def test_the_whole_wins_and_must_agree(pieces: list[str], whole: str, agrees: bool) -> None:
    """When all pieces are said to have come; a disagreement is reported once."""
    made = words(*pieces)
    assert made.settle(whole, all_came=True) is agrees
    assert made.value == whole
    assert made.settle(whole, all_came=True)
    assert made.settle(whole, all_came=False)


def test_pieces_may_be_late() -> None:
    """They repeat the whole; what does not is reported once."""
    made = words("Hel")
    assert made.settle("Hello", all_came=False)
    assert made.add("lo")
    assert made.settle("Hello", all_came=True)
    assert (made.add("!"), made.add("!"), made.value) == (False, True, "Hello")
    made = words("Hel")
    assert made.settle("Hello", all_came=False)
    assert not made.settle("Hello", all_came=True)
    assert not words("Ha").settle("Hello", all_came=False)


def test_two_wholes() -> None:
    """The later one stands, and the contradiction is told each time."""
    made = words("One")
    assert made.settle("One", all_came=True)
    assert not made.settle("Two", all_came=False)
    assert not made.settle("Three", all_came=True)
    assert made.value == "Three"
    assert made.settle("Three", all_came=True)


def test_provisional_pieces() -> None:
    """A transcription revises itself: the last word replaces, and nothing is a contradiction."""
    made = words(" Helo")
    made.replace("Hello.")
    assert made.add(" late")
    made.replace("Hello there.")
    assert made.value == "Hello there."


@given(Pieces, st.integers(min_value=0, max_value=12))
def test_whole_and_pieces_in_any_order(pieces: list[str], at: int) -> None:
    """The final text may come before the last piece: same text, no contradiction."""
    whole = "".join(pieces)
    made = words(*pieces[:at])
    assert made.settle(whole, all_came=False)
    assert all(made.add(piece) for piece in pieces[at:])
    assert made.settle(whole, all_came=True)
    assert made.value == whole


@given(st.binary(max_size=60))
def test_length_of_base64(data: bytes) -> None:
    """Without decoding."""
    assert base64_size(base64.b64encode(data).decode()) == len(data)


def test_statuses_do_not_go_back() -> None:
    """What has ended does not begin again; an end without a word completes what was in progress."""
    record = ItemRecord("a")
    for said, final, shown in [
        (None, True, None),
        ("in_progress", False, "in_progress"),
        (None, False, "in_progress"),
        (None, True, "completed"),
        ("in_progress", False, "completed"),
        ("failed", False, "failed"),
        (None, True, "failed"),
    ]:
        record.set_status(said, final=final)
        assert record.status == shown


def test_a_truncated_part_keeps_what_was_said() -> None:
    """The server forgets the transcript; a text that is not the beginning of ours is news."""
    part = PartRecord("output_audio", words("Hello there"))
    part.truncate(900, 5)
    part.truncate(700, 3)
    part.truncate(800, 4)
    assert (part.truncated_ms, part.kept) == (700, 3)
    assert part.take("", Stage.COMPLETE)
    assert part.take("Hello", Stage.FINAL)
    assert part.text == "Hello there"
    assert not part.take("Good day", Stage.FINAL)
    assert part.text == "Good day"


def test_drafts_are_bounded() -> None:
    """The oldest makes room, and its response knows it no more."""
    drafts = Drafts()
    first, _ = drafts.open("i0", "resp_1")
    assert drafts.open("i0", "resp_2") == (first, None)
    for number in range(1, MAX_DRAFTS):
        drafts.open(f"i{number}", "resp_1" if number == 1 else None)
    assert (len(drafts), drafts.dropped) == (MAX_DRAFTS, 0)
    assert drafts.open("more", None)[1] == "i0"
    assert (len(drafts), drafts.dropped) == (MAX_DRAFTS, 1)
    assert drafts.drop_response("resp_1") == ["i1"]
    assert drafts.drop_response("resp_1") == []
    assert drafts.take("i0") is None
    drafts.clear()
    assert len(drafts) == 0


def test_drafts_leave_their_response() -> None:
    """Who enters the conversation is not dropped with the response."""
    drafts = Drafts()
    record, _ = drafts.open("a", None)
    drafts.open("a", "resp_1")
    drafts.open("b", "resp_1")
    assert drafts.take("a") is record
    assert drafts.drop_response("resp_1") == ["b"]
    drafts.open("c", "resp_1")
    drafts.take("c")
    assert drafts.drop_response("resp_1") == []


def test_a_whole_that_its_pieces_do_not_fill_is_contradicted_once() -> None:
    """Told as final before all pieces came, then as complete: some never did."""
    part = PartRecord("output_text")
    assert part.take("Hello", Stage.FINAL)
    assert part.words.is_whole("Hello")
    assert part.words.add("Hel")
    assert not part.words.is_whole("Hello")
    assert not part.take("Hello", Stage.COMPLETE)
    assert part.take("Hello", Stage.COMPLETE)

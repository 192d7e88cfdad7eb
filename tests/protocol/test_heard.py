"""Heard text: exact for scripted deltas, honest about the rest, and not kept for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.protocol.heard import HeardText, bytes_per_ms, spread
from realtime_raw.types import AudioKey

KEY = AudioKey("item_1", 0)


def script(*steps: str | int, ended: bool = True) -> HeardText:
    """Strings are transcript deltas, numbers milliseconds of sound."""
    heard = HeardText()
    for step in steps:
        if isinstance(step, str):
            heard.text(KEY, step)
        else:
            heard.audio(KEY, step * 48)
    if ended:
        heard.end(KEY)
    return heard


def cut(heard: HeardText, ms: float) -> tuple[str, str]:
    found = heard.cut(KEY, ms)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (0, ""),
        (99, ""),
        (100, "One"),
        (299, "One"),
        (300, "One two"),
        (301, "One two"),
        (599, "One two"),
        (600, "One two three."),
        (9999, "One two three."),
    ],
)
def test_a_delta_is_heard_when_the_ear_reached_the_next_ones_place(ms: int, expected: str) -> None:
    """Each text right before its sound: exact."""
    heard = script("One", 100, " two", 200, " three.", 300)
    assert cut(heard, ms) == (expected, "One two three."[len(expected) :])


def test_every_20_ms_of_a_scripted_reply() -> None:
    """What was heard grows word by word, at the words' own ends, and never shrinks."""
    words = [("The", 120), (" quick", 240), (" brown", 260), (" fox", 180), (" jumps.", 400)]
    heard = script(*(step for word in words for step in word))
    for ms in range(0, 1220, 20):
        expected, position = "", 0
        for word, length in words:
            position += length
            expected += word if position <= ms else ""
        assert cut(heard, ms)[0] == expected


def test_deltas_that_came_together_share_the_sound_until_the_next_by_length() -> None:
    """As OpenAI sends them: a few deltas, then their sound."""
    heard = script("Hey", " there", "!", 500, 500, " Great", " day", 1000)
    assert [cut(heard, ms)[0] for ms in (299, 300, 899, 900, 999, 1000)] == [
        "",
        "Hey",
        "Hey",
        "Hey there",
        "Hey there",
        "Hey there!",
    ]
    assert cut(heard, 1600)[0] == "Hey there! Great"
    assert cut(heard, 2000) == ("Hey there! Great day", "")


def test_the_last_delta_waits_for_the_end_of_the_sound() -> None:
    """More of its sound may come, so that its share is not known: it counts once all there is was heard."""
    heard = script("One", 100, " two", 100, ended=False)
    assert [cut(heard, ms)[0] for ms in (100, 150, 199, 200)] == ["One", "One", "One", "One two"]
    heard.audio(KEY, 48 * 100)
    assert cut(heard, 200)[0] == "One"
    heard.end(KEY)
    assert cut(heard, 299)[0] == "One"
    assert cut(heard, 300)[0] == "One two"


def test_text_ahead_of_its_sound_was_not_heard() -> None:
    """All sound so far was heard, and the next words had none yet."""
    heard = script("One", 100, " two", ended=False)
    assert cut(heard, 100) == ("One", " two")
    assert cut(script("Nothing yet.", ended=False), 0) == ("", "Nothing yet.")
    assert cut(script("Nothing ever."), 100) == ("Nothing ever.", "")


def test_text_behind_the_last_sound_goes_with_it_unless_the_reply_was_cut_short() -> None:
    """Of a transcript that trails its sound; and of a cancelled reply whose last words nobody spoke."""
    heard = script("One", 100, " two")
    assert cut(heard, 99) == ("", "One two")
    assert cut(heard, 100) == ("One two", "")
    heard.end(KEY, cut_short=True)
    heard.end(KEY)
    assert cut(heard, 100) == ("One", " two")


def test_sound_before_any_text_belongs_to_nobody() -> None:
    """A breath first."""
    heard = script(200, "Well", 100)
    assert [cut(heard, ms)[0] for ms in (200, 299, 300)] == ["", "", "Well"]


def test_a_long_delta_is_shared_out_by_word() -> None:
    """Servers that send a whole reply at once: an estimate, cut between words."""
    sentence = "This is one long delta, all of it at once, as some servers send it."
    heard = script(sentence, 1000)
    assert cut(heard, 500)[0] == "This is one long delta, all of it"
    assert sentence.startswith(cut(heard, 130)[0])
    assert cut(heard, 1000) == (sentence, "")
    assert cut(script("word " * 8, 1000), 999)[0] == ""


def test_a_transcript_that_came_only_whole_is_spread_over_all_the_sound() -> None:
    """And one that repeats its deltas changes nothing."""
    heard = script(1000, ended=False)
    heard.whole(KEY, "ab cd ef gh")
    heard.end(KEY)
    assert cut(heard, 500) == ("ab cd", " ef gh")
    heard = script("One", 100, " two", 100, ended=False)
    heard.whole(KEY, "One two")
    heard.text(KEY, "late")
    heard.end(KEY)
    assert cut(heard, 100) == ("One", " two")


def test_formats() -> None:
    """8 bytes a millisecond for G.711; the format of the first sound stays."""
    heard = HeardText()
    heard.text(KEY, "One")
    heard.audio(KEY, 800, "audio/pcmu")
    heard.text(KEY, " two")
    heard.audio(KEY, 800, "audio/pcmu")
    heard.audio(KEY, 80, "audio/pcm")
    heard.end(KEY)
    assert heard.received_ms(KEY) == 210
    assert cut(heard, 100) == ("One", " two")
    assert bytes_per_ms("audio/pcma") == 8
    assert bytes_per_ms("opus") == 48


def test_parts_are_apart() -> None:
    """Two parts of one item, and another item, have nothing to do with each other."""
    heard = HeardText()
    keys = [AudioKey("a", 0), AudioKey("a", 1), AudioKey("b", 0)]
    for number, key in enumerate(keys):
        heard.text(key, f"text {number}")
        heard.audio(key, 48 * 100)
        heard.end(key)
    assert len(heard) == 3
    assert [heard.cut(key, 100) for key in keys] == [("text 0", ""), ("text 1", ""), ("text 2", "")]
    heard.drop("a", 0)
    assert heard.cut(keys[0], 100) is None
    assert heard.cut(keys[1], 100) == ("text 1", "")
    heard.drop("a")
    heard.drop("a")
    assert len(heard) == 1
    assert heard.find(keys[0]) is None
    left = heard.find(keys[2])
    assert left is not None
    assert left.ended
    assert heard.received_ms(keys[0]) == 0
    heard.end(keys[0])
    assert len(heard) == 1
    heard.drop("b", 0)
    heard.text(keys[0], "")
    heard.clear()
    assert len(heard) == 0


Steps = st.lists(
    st.one_of(st.text(min_size=1, max_size=60), st.integers(min_value=1, max_value=400)), max_size=30
)


@given(Steps, st.booleans(), st.lists(st.integers(min_value=-10, max_value=13000), max_size=8))
def test_a_cut_loses_nothing_and_grows(steps: list[str | int], ended: bool, positions: list[int]) -> None:
    """Heard and unheard add up to the transcript; a later ear has heard more."""
    heard = script(*steps, ended=ended)
    whole = "".join(step for step in steps if isinstance(step, str))
    heard.text(KEY, "")
    before = ""
    for ms in sorted(positions):
        left, right = cut(heard, ms)
        assert left + right == whole
        assert left.startswith(before)
        before = left
    total = sum(step for step in steps if isinstance(step, int))
    if total and ended:
        assert cut(heard, total) == (whole, "")


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=40), st.integers(min_value=1, max_value=500)), max_size=20
    )
)
def test_scripted_deltas_are_exact(pairs: list[tuple[str, int]]) -> None:
    """For text right before its sound, the cut at any delta's end holds exactly the deltas before it."""
    heard = script(*(step for pair in pairs for step in pair))
    position, expected = 0, ""
    for words, ms in pairs:
        assert cut(heard, position)[0] == expected
        position += ms
        expected += words
        assert cut(heard, position)[0] == expected
        assert cut(heard, position - 1)[0] == expected[: -len(words)]


@given(
    st.text(max_size=200), st.integers(min_value=0, max_value=5000), st.integers(min_value=0, max_value=6000)
)
def test_spread_loses_nothing(transcript: str, total: int, ms: int) -> None:
    """An estimate, but of this very text."""
    left, right = spread(transcript, total, ms)
    assert left + right == transcript
    if ms >= total > 0:
        assert right == ""
    if ms == 0:
        assert left == ""


def test_spread() -> None:
    """By word."""
    assert spread("ab cd ef gh", 1000, 499) == ("ab cd", " ef gh")
    assert spread("ab cd ef gh", 1000, 454) == ("ab cd", " ef gh")
    assert spread("ab cd ef gh", 1000, 453) == ("ab", " cd ef gh")

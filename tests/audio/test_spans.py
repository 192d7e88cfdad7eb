"""The map against a list that has one entry a frame."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_raw.audio.spans import SpanMap
from realtime_raw.types import AudioKey

A, B, C = AudioKey("a"), AudioKey("a", 1), AudioKey("b")
KEYS = [A, B, C]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 9), st.sampled_from(KEYS)),
        st.tuples(st.just("hear"), st.integers(0, 12), st.sampled_from(KEYS)),
        st.tuples(st.just("cut"), st.just(0), st.sampled_from(KEYS)),
    ),
    max_size=40,
)


@settings(max_examples=400)
@given(STEPS, st.booleans())
def test_against_one_entry_a_frame(steps: list[tuple[str, int, AudioKey]], settling: bool) -> None:
    spans = SpanMap()
    owner: list[AudioKey | None] = []  # None: cut
    broken = {0}  # a pause before these is nobody's
    position = 0
    for verb, count, key in steps:
        if verb == "write":
            if count and spans.key is not key:
                spans.begin(len(owner), key)
            owner += [key] * count
        elif verb == "hear":
            position = min(len(owner), position + count)
        else:
            spans.cut(position)
            owner[position:] = [None] * (len(owner) - position)
            broken.add(len(owner))
        if settling:
            spans.settle(position)
        for each in KEYS:
            assert spans.heard(each, position) == owner[:position].count(each)
        for number in range(position, len(owner)):
            same = number not in broken and owner[number - 1] == owner[number]
            assert spans.continues(number) == (same and owner[number] is not None)


def test_settled_spans_are_gone_and_counted() -> None:
    spans = SpanMap()
    for turn in range(1000):
        spans.begin(10 * turn, AudioKey(f"item_{turn}"))
        spans.settle(10 * turn)
    assert len(spans) == 1
    assert spans.heard(AudioKey("item_17"), 10_000) == 10
    spans.forget(AudioKey("item_17"))
    spans.forget(AudioKey("never there"))
    assert spans.heard(AudioKey("item_17"), 10_000) == 0


def test_whose_the_next_frame_is() -> None:
    """Known until they are cut, or nobody asks for it any more; then it is to be said anew."""
    spans = SpanMap()
    whose: list[AudioKey | None] = [spans.key]
    spans.begin(0, A)
    spans.settle(50)
    assert (spans.heard(A, 70), len(spans)) == (70, 1)
    whose.append(spans.key)
    spans.cut(70)
    whose.append(spans.key)
    spans.begin(80, B)
    spans.forget(A)
    whose.append(spans.key)
    spans.forget(B)
    whose.append(spans.key)
    assert whose == [None, A, None, B, None]


def test_a_hole_in_the_numbers_belongs_to_nobody() -> None:
    spans = SpanMap()
    spans.begin(0, A)
    spans.cut(5)
    spans.begin(10, A)
    assert [spans.heard(A, position) for position in (3, 5, 10, 12)] == [3, 5, 5, 7]
    assert not spans.continues(10)

"""Which lines rest, when, and in which order."""

from __future__ import annotations

from dataclasses import replace

from realtime_raw.cli.screen.book import PATIENCE_S, Book
from realtime_raw.cli.screen.model import Line
from realtime_raw.transcript import TranscriptLine


def line(item_id: str, text: str = "", role: str = "user", **facts: object) -> TranscriptLine:
    """One line of a transcript; final unless it says otherwise."""
    known: dict[str, object] = {"final": True, "spoken": True, **facts}
    return TranscriptLine(item_id=item_id, role=role, text=text, **known)  # type: ignore[arg-type]  # by name


def silent(item_id: str) -> bool:
    """Nothing sounds."""
    return False


def loud(item_id: str) -> bool:
    """Everything sounds."""
    return True


def test_a_line_rests_when_it_was_heard() -> None:
    """Not before its words are whole, nor before its sound is over."""
    book = Book()
    book.take(line("a", "Yes", "assistant", final=False), 0)
    assert book.rest(0, silent) == []
    assert book.living() == (Line("model", "Yes", settled=False),)
    book.take(line("a", "Yes.", "assistant"), 1)
    assert book.rest(1, loud) == []
    assert book.rest(2, silent) == [Line("model", "Yes.")]
    assert book.living() == ()
    assert book.rest(3, silent) == []


def test_lines_rest_in_the_conversations_order() -> None:
    """An answer waits for the question's words, if they are on their way."""
    book = Book()
    book.take(line("q", final=False), 0)
    book.take(line("a", "Yes.", "assistant", after="q"), 0)
    assert book.rest(1, silent) == []
    assert [one.text for one in book.living()] == ["(spoken)", "Yes."]
    book.take(line("q", "Really?"), 2)
    assert book.rest(2, silent) == [Line("you", "Really?"), Line("model", "Yes.")]


def test_words_that_are_too_late_are_shown_late() -> None:
    """Nobody waits for ever, and nothing is lost."""
    book = Book()
    book.take(line("q", final=False), 0)
    book.take(line("a", "Yes.", "assistant", after="q"), 0)
    assert book.rest(PATIENCE_S - 0.1, silent) == []
    assert book.rest(PATIENCE_S + 0.1, loud) == []  # while the answer sounds there is no hurry
    assert book.rest(PATIENCE_S + 0.2, silent) == [Line("you", "(spoken)"), Line("model", "Yes.")]
    book.take(line("q", "Really?"), 20)
    book.take(line("q", "Really?"), 21)
    assert book.rest(21, silent) == [Line("you", "(late) Really?")]


def test_without_a_transcriber_nothing_is_waited_for() -> None:
    """What was said is shown as said."""
    book = Book(transcribes=False)
    book.take(line("q", final=False), 0)
    assert book.rest(0, silent) == [Line("you", "(spoken)")]


def test_a_cut_line_rests_cut() -> None:
    """Even if the cut came in the same moment as the silence."""
    book = Book()
    whole = line("a", "One two.", "assistant")
    book.take(whole, 0)
    assert book.rest(0, loud) == []
    cut = replace(whole, interrupted=True, heard="One", unheard=" two.")
    assert book.rest(1, silent, lambda: [cut]) == [Line("model", "One", cut=True, unheard=" two.")]
    book.take(line("b", "Nobody reports playback.", "assistant", interrupted=True), 2)
    assert book.rest(2, loud) == [Line("model", "Nobody reports playback.", cut=True)]


def test_a_line_may_come_between_others() -> None:
    """Behind the one it stands behind; first, if that one rests already."""
    book = Book()
    book.take(line("a", "a", final=False, spoken=False), 0)
    book.take(line("c", "c", final=False, spoken=False), 0)
    book.take(line("b", "b", final=False, spoken=False, after="a"), 0)
    assert [one.text for one in book.living()] == ["a", "b", "c"]
    book.take(line("a", "a", spoken=False), 1)
    book.rest(1, silent)
    book.take(line("A", "A", final=False, spoken=False, after="a"), 1)
    assert [one.text for one in book.living()] == ["A", "b", "c"]


def test_what_is_left_at_the_end() -> None:
    """Is shown as it is; what has no words, and typed text that was deleted, is not."""
    book = Book()
    book.take(line("q", final=False), 0)
    book.take(line("a", "", "assistant", final=False), 0)
    book.take(line("t", "typed", spoken=False, deleted=True), 0)
    assert book.living()[1].text == "..."
    assert book.close() == [Line("you", "(spoken)")]
    assert book.close() == []

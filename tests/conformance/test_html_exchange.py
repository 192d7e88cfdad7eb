"""The exchange: events in a few words, audio by its size, long ones cut, the offending one in full."""

from __future__ import annotations

import re
from typing import Any

import pytest

from realtime_raw.conformance.html_exchange import Row, brief, exchange, plain, rows_of, told
from tests.conformance.reports import line


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "error", "error": {"code": "invalid_value", "message": "No."}}, "invalid_value No."),
        ({"type": "error", "error": {"type": "server_error"}}, "server_error"),
        ({"type": "session.update", "session": {"type": "realtime", "audio": {}}}, "audio"),
        ({"type": "response.output_text.delta", "delta": "Hello\n there"}, "Hello there"),
        ({"type": "response.output_audio.delta", "delta": "A" * 400}, "300 bytes of base64"),
        ({"type": "x", "delta": "A" * 100 + "… (4800 characters)"}, "3,600 bytes of base64"),
        (
            {"type": "x", "item": {"type": "message", "role": "user", "content": [{"transcript": "Hi"}]}},
            "user “Hi”",
        ),
        ({"type": "x", "item": {"type": "function_call", "name": "f", "status": "completed"}},
         "function_call completed f"),
        ({"type": "response.done", "response": {"status": "completed"}}, "completed"),
        ({"type": "x", "delta": "word " * 100}, "word " * 17 + "word…"),
        ({"type": "x"}, ""),
        ([1], ""),
    ],
)  # fmt: skip
def test_an_event_in_a_few_words(message: Any, words: str) -> None:
    """What it says, never its ids or its audio."""
    assert brief(message) == words


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ({"knock": {}}, "connects"),
        ({"knock": {"key": "wrong", "place": "subprotocol"}}, "connects, with key wrong, place subprotocol"),
        ({"answer": {"status": 401, "body": "no key"}}, "HTTP 401 no key"),
        ({"answer": {"status": 101, "subprotocol": "realtime"}}, "HTTP 101, subprotocol realtime"),
        ({"closed": {"code": 1001, "reason": "bye"}}, "closed by the server: 1001 bye"),
        ({"other": 1}, '{"other": 1}'),
        ("text", '"text"'),
    ],
)
def test_a_note_in_words(note: Any, words: str) -> None:
    """How it connected, what was answered, how it ended."""
    assert told(note) == words


def test_deltas_are_told_together_but_never_the_offending_one() -> None:
    """Ten pieces of a text are one row; if the sixth is at fault, it stands alone and open."""
    lines = [line(n, "in", "response.output_text.delta", n / 10, delta=f"p{n} ") for n in range(2, 12)]
    whole = exchange(rows_of(lines))
    assert whole.count("<li") == 1
    assert "× 10 until 1.100 p2 p3" in whole
    split = exchange(rows_of(lines), 7, "delta")
    assert "× 5 until 0.600" in split
    assert "× 4 until 1.100" in split
    assert split.count('class="in bad"') == 1
    assert "<mark>&quot;p7 &quot;</mark>" in split


def test_audio_that_streams_is_counted_only() -> None:
    """Its base64 is no text."""
    lines = [line(n, "out", "input_audio_buffer.append", audio="AAAA") for n in range(2, 8)]
    assert "× 6 until 0.000 </span>" in exchange(rows_of(lines))


def test_a_long_exchange_keeps_its_beginning_and_what_matters() -> None:
    """Of a thousand events some hundred are drawn, the offending one and its neighbours among them."""
    lines = [line(n, "in", f"kind.{n}") for n in range(2, 1002)]
    drawn = exchange(rows_of(lines), 700)
    for number in (2, 41, 690, 700, 720):
        assert f"<b>kind.{number}</b>" in drawn
    assert drawn.count("<li") < 170
    assert "further messages" in drawn
    assert "<b>kind.300</b>" not in drawn
    assert "<b>kind.1001</b>" in exchange(rows_of(lines), None, "", "nothing came")


def test_the_place_is_marked_or_where_it_is_missing() -> None:
    """A path that leads nowhere is marked where it breaks off."""
    lines = [line(2, "in", "x", item={"content": [{"type": "text"}, {"type": "audio"}]}, none={})]

    def marked(path: str) -> str:
        found: str = re.findall("<mark>(.*?)</mark>", exchange(rows_of(lines), 2, path), re.DOTALL)[0]
        return re.sub("<[^>]*>", "", found)

    assert marked("item.content[1].type") == "&quot;audio&quot;"
    assert marked("item.content[1].transcript.text") == "&quot;transcript&quot;: not there"
    assert marked("session") == "&quot;session&quot;: not there"
    assert marked("type.name") == "&quot;x&quot;"
    assert marked("none.of.it") == "{}"
    assert marked("item.content[5].type").startswith("[\n")
    assert "<mark>" not in exchange(rows_of(lines), 2)


def test_what_is_no_event() -> None:
    """Garbage, numbers, a nest without end: each has a row."""
    nest: Any = []
    for _ in range(60):
        nest = [nest]
    rows = [Row(2, 0.0, "in", None), Row(3, 0.0, "in", 5), Row(4, 0.0, "in", {"type": 7, "deep": nest})]
    drawn = exchange(rows)
    assert drawn.count("<i>no event</i>") == 3
    assert "not JSON" in drawn
    assert "1 deeper" in drawn
    assert exchange([]) == ""


def test_long_text_is_cut_and_says_so() -> None:
    """A page must not grow with what a server writes."""
    drawn = exchange([Row(2, 0.0, "in", {"type": "x", "text": "ä " * 2000, "empty": {}, "none": []})])
    assert "2,500 more characters" in drawn
    assert "{}" in drawn
    image = "data:image/png;base64," + "A" * 400
    assert "image/png, 300 bytes of base64" in exchange([Row(2, 0.0, "in", {"image_url": image})])


def test_nothing_invisible_stays_invisible() -> None:
    """Controls and overrides are spelled out; joiners of emoji and every script stay."""
    assert plain("a\x1bb\u202ec\nd") == "a\\u001bb\\u202ec\nd"
    assert plain("שלום 👩\u200d👩 é") == "שלום 👩\u200d👩 é"
    assert plain('<b a="1">') == "&lt;b a=&quot;1&quot;&gt;"

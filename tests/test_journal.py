"""The flight recorder: faithful to every message, silent about every secret, readable after a crash."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from realtime_raw.errors import LocalProtocolError
from realtime_raw.journal import JournalReader, JournalWriter, read_journal
from realtime_raw.text import redact

KEY = "sk-proj-abcdefghijklmnop"
SECRET = "ek_68af296e8e408191a1120ab6383263c2"
AZURE = "0123456789abcdef0123456789abcdef"


def recorded(*messages: bytes | str, secrets: tuple[str, ...] = ()) -> str:
    """A journal of these messages as text, header first."""
    stream = io.BytesIO()
    writer = JournalWriter(stream, url="ws://h/x", started="2026-01-02T03:04:05Z", secrets=secrets)
    for i, message in enumerate(messages):
        writer.write("in", message, i + 0.5)
    return stream.getvalue().decode()


def replayed(journal: str) -> JournalReader:
    return read_journal(io.StringIO(journal))


def test_the_format() -> None:
    """A header, then a line a message, the message as it was."""
    stream = io.BytesIO()
    writer = JournalWriter(stream, dialect="realtime", url="wss://h/x", started="2026-01-02T03:04:05Z")
    writer.write("out", b'{"type":"response.create"}', 0.0)
    writer.write("in", b'{"type":"error", "n":1.50}', 1.2345678)
    writer.note({"note": "lost", "close": 1006}, 2)
    assert stream.getvalue().splitlines() == [
        b'{"journal":1,"dialect":"realtime","url":"wss://h/x","started":"2026-01-02T03:04:05Z"}',
        b'{"t":0.0,"d":"out","m":{"type":"response.create"}}',
        b'{"t":1.234568,"d":"in","m":{"type":"error", "n":1.50}}',
        b'{"t":2,"d":"note","m":{"note":"lost","close":1006}}',
    ]
    assert writer.lines == 4


def test_text_and_binary_streams() -> None:
    """Both kinds of stream get the same lines."""
    text, binary = io.StringIO(), io.BytesIO()
    for stream in (text, binary):
        JournalWriter(stream).write("in", '{"type":"ä"}', 0)
    assert text.getvalue() == binary.getvalue().decode()


def test_every_line_is_flushed(tmp_path: Path) -> None:
    """What a crash leaves behind is everything up to it."""
    path = tmp_path / "call.jsonl"
    with path.open("wb") as stream:
        writer = JournalWriter(stream)
        writer.write("in", b"{}", 0)
        assert len(path.read_bytes().splitlines()) == 2


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"x","a":1,"a":2}',
        b'{"type":"x","n":1.0e+2}',
        b'{"type": "x",   "deep":[[[[{}]]]]}',
        '{"type":"ünï","emoji":"👩‍👩‍👧"}'.encode(),
        b'{"type":"x","esc":"\\u0041\\n"}',
    ],
)
def test_messages_are_spliced_untouched(message: bytes) -> None:
    """Byte for byte: what we would write otherwise, the journal does not rewrite."""
    (line,) = replayed(recorded(message))
    assert line.data == message
    assert line.m == json.loads(message)


def test_line_breaks_inside_a_message() -> None:
    """JSON may hold them between tokens; a line of the journal may not."""
    journal = recorded(b'{\r\n  "type": "x"\n}')
    assert len(journal.splitlines()) == 2
    assert [line.m for line in replayed(journal)] == [{"type": "x"}]


@pytest.mark.parametrize(
    "message", [b"not json", b"\xff\xfe\x00", b'{"a":"\\ud800"}', b'{"a":NaN}', b"", "\ud800", b"[" * 5000]
)
def test_what_is_no_json_stands_as_text(message: bytes | str) -> None:
    """It is part of what happened."""
    journal = recorded(message)
    assert '"x":' in journal
    (line,) = replayed(journal)
    assert line.m is None
    if message == b"not json":
        assert line.data == message


MCP: dict[str, Any] = {
    "type": "session.update",
    "session": {
        "type": "realtime",
        "tools": [
            {
                "type": "mcp",
                "server_label": "shop",
                "server_url": "https://shop.example.org",
                "authorization": "hunter2",
                "headers": {"X-Api-Key": "hunter3", "X-Other": "hunter4"},
            },
            {"type": "mcp", "connector_id": "c", "authorization": "hunter5", "headers": None},
            {"type": "function", "name": "f", "parameters": {"properties": {"headers": {"type": "object"}}}},
        ],
    },
}


def test_mcp_credentials() -> None:
    """Other people's tokens stay out; what a function calls `headers` stays in."""
    journal = recorded(json.dumps(MCP))
    assert "hunter" not in journal
    (line,) = replayed(journal)
    shop, connector, function = line.m["session"]["tools"]
    assert shop["authorization"] == "***"
    assert shop["headers"] == {"X-Api-Key": "***", "X-Other": "***"}
    assert shop["server_url"] == "https://shop.example.org"
    assert connector == {"type": "mcp", "connector_id": "c", "authorization": "***", "headers": None}
    assert function == MCP["session"]["tools"][2]


@pytest.mark.parametrize(
    "message",
    [
        json.dumps({"type": "error", "error": {"message": f"Incorrect API key provided: {KEY}."}}),
        json.dumps({"type": "session.created", "session": {"client_secret": {"value": SECRET}}}),
        json.dumps({"a": f"Bearer {AZURE}", "b": [f"openai-insecure-api-key.{AZURE}"]}),
        json.dumps({f"{KEY}": 1}),
        f"garbage with {KEY} in it",
        json.dumps({"text": f"{AZURE} is the key in use"}),
        f"garbage with {AZURE} in it",
    ],
)
def test_keys_are_never_written(message: str) -> None:
    """Whatever looks like one, and the one in use whatever it looks like."""
    journal = recorded(message, secrets=(AZURE, ""))
    for secret in (KEY, SECRET, AZURE):
        assert secret not in journal
    assert "***" in journal
    assert len(list(replayed(journal))) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_any_message_comes_back(message: Any) -> None:
    """Property: what is JSON, and holds no secret, is read back as it was."""
    text = json.dumps({"type": "x", "v": message}, ensure_ascii=False)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    assume(redact(text) == text)  # texts are tried that stand in our sources, keys among them
    assert [line.data for line in replayed(recorded(data))] == [data]


def test_deep_nesting_with_a_secret_inside() -> None:
    """Too deep to be taken apart, so the text is searched instead."""
    journal = recorded(b"[" * 900 + json.dumps(KEY).encode() + b"]" * 900)
    assert KEY not in journal
    assert "***" in journal


def test_reading_from_a_path(tmp_path: Path) -> None:
    """Header, times, directions, line numbers; the file is closed at the end."""
    path = tmp_path / "call.jsonl"
    path.write_text(recorded(b'{"n":1}', b'{"n":2}'))
    journal = read_journal(path)
    assert journal.header.url == "ws://h/x"
    assert journal.header.started == "2026-01-02T03:04:05Z"
    assert journal.header.dialect == "realtime"
    assert [(line.t, line.d, line.m["n"], line.number) for line in journal] == [
        (0.5, "in", 1, 2),
        (1.5, "in", 2, 3),
    ]
    assert list(journal) == []
    assert not journal.truncated
    with read_journal(str(path)) as early:
        next(early)
    assert list(early) == []


def test_a_cut_off_last_line_is_left_out(tmp_path: Path) -> None:
    """A crash may end in the middle of a line; everything before it counts."""
    whole = recorded(b'{"n":1}', b'{"n":2}')
    for cut in (whole[:-10], whole[:-2]):
        path = tmp_path / "call.jsonl"
        path.write_text(cut)
        journal = read_journal(path)
        assert [line.m["n"] for line in journal] == [1]
        assert journal.truncated
    # Complete but for its newline, a line counts.
    assert len(list(replayed(whole[:-1]))) == 2


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        '{"t":1,"d":"in"}',
        '{"t":"1","d":"in","m":{}}',
        '{"t":true,"d":"in","m":{}}',
        '{"t":1,"d":"up","m":{}}',
        '{"t":1,"d":["in"],"m":{}}',
    ],
)
def test_damage_names_its_line(tmp_path: Path, bad: str) -> None:
    """In the middle of a journal it is no crash, and must not pass unnoticed."""
    path = tmp_path / "call.jsonl"
    path.write_text(recorded(b"{}") + bad + "\n" + '{"t":1,"d":"in","m":{}}\n')
    journal = read_journal(path)
    next(journal)
    with pytest.raises(LocalProtocolError, match="line 3"):
        next(journal)
    assert list(journal) == []


@pytest.mark.parametrize("text", ["", "\n", "RIFF....WAVE", "{}\n", "[1]\n", '{"t":1,"d":"in","m":{}}\n'])
def test_what_is_no_journal(tmp_path: Path, text: str) -> None:
    """Said at once."""
    path = tmp_path / "x"
    path.write_text(text)
    with pytest.raises(LocalProtocolError, match="line 1 is no journal header"):
        read_journal(path)


def test_a_newer_version_is_refused() -> None:
    """Rather than misread."""
    with pytest.raises(LocalProtocolError, match="version 2"):
        replayed('{"journal":2}\n')


def test_lines_of_another_program() -> None:
    """Blanks, another order, more fields, empty lines: the message is what counts."""
    head = '{"journal": 1}\n'
    journal = replayed(head + '\n{"d": "in", "m": {"a": 1}, "t": 3}\n{"t":1,"d":"in","m":{"b":2},"y":0}\n')
    assert [(line.t, line.data) for line in journal] == [(3.0, b'{"a":1}'), (1.0, b'{"b":2}')]
    assert journal.header.url == ""


def test_a_stream_that_fails_says_so() -> None:
    """The writer hides nothing; what to do about it is the connection's affair."""

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        JournalWriter(Full())


def test_without_its_sound() -> None:
    """Each piece of audio is gone, its length said; words, settings and everything else stay."""
    stream = io.BytesIO()
    writer = JournalWriter(stream, audio=False)
    messages: list[dict[str, Any]] = [
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "response.output_audio.delta", "delta": "AAAAAAAA", "item_id": "i"},
        {"type": "response.output_audio_transcript.delta", "delta": "words"},
        {"type": "session.update", "session": {"audio": {"input": {"turn_detection": None}}}},
        {"type": "conversation.item.retrieved", "item": {"content": [{"type": "audio", "audio": "AA=="}]}},
        {"type": "response.output_audio.delta", "delta": ""},
    ]
    for message in messages:
        writer.write("in", json.dumps(message), 0)
    header, *lines = map(json.loads, stream.getvalue().splitlines())
    assert header["audio"] is False
    assert [line["m"] for line in lines] == [
        {"type": "input_audio_buffer.append", "audio": "", "audio_elided": 4},
        {"type": "response.output_audio.delta", "delta": "", "delta_elided": 8, "item_id": "i"},
        *messages[2:4],
        {
            "type": "conversation.item.retrieved",
            "item": {"content": [{"type": "audio", "audio": "", "audio_elided": 4}]},
        },
        messages[5],
    ]
    assert next(replayed(stream.getvalue().decode())).m["type"] == messages[0]["type"]
